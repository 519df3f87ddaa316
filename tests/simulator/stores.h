/* SPDX-License-Identifier: MIT
 *
 * stores.h - the disk of one machine: stores in memory that end as real ones do. A process that
 * ends leaves every write; a loss of power takes the last ones away, in order.
 *
 * What it does beside: for a while a disk is full; a process ends right before or behind a write; a
 * scan breaks off. A real backend tells of a scan that broke off; the mutation ignoreScanError is
 * the one that does not.
 *
 * Threads: one.
 */
#pragma once

#include "riacho/port/store.h"
#include "simulation.h"

typedef struct model_disk_faults {
    uint32_t full;        /* of 10 000 writes: the disk is full for some time */
    uint32_t end;         /* of 10 000 writes: the process ends around it */
    uint32_t broken_scan; /* of 10 000 steps of a scan */
} model_disk_faults;

/* A factory that stays what it is over any number of opens; closed by ops->close. */
riacho_store_factory *model_disk_new(simulation *sim);
/* Called when the process is to end at a write or a scan, which then gives RIACHO_FATAL. */
void model_disk_on_end(riacho_store_factory *disk, void (*ended)(void *argument), void *argument);
void model_disk_faults_are(riacho_store_factory *disk, const model_disk_faults *faults);
/* The process that had the disk is gone and has closed its stores. */
void model_disk_lose_power(riacho_store_factory *disk);
/* How many writes there were: for figures. */
uint64_t model_disk_writes(const riacho_store_factory *disk);
