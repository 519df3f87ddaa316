/* SPDX-License-Identifier: MIT
 *
 * table.h - workers of one group around a model of Kafka (tests/simulator), stepped by hand. The
 * topology is the fixture's; what it sends and looks at goes through a client of the model's.
 *
 * Threads: one test.
 */
#pragma once

#include "broker.h"
#include "fixture.h"

enum { TABLE_SEATS = 3 };

typedef struct seat {
    riacho_log *client; /* NULL: no process */
    riacho_store_factory *stores;
    riacho_worker *worker;
    char address[24];     /* 127.0.0.1:300<i> */
    riacho_status status; /* what its last step ended with */
    riacho_error error;
} seat;

typedef struct table {
    fixture *f;
    simulation sim;
    model_broker *broker;
    riacho_log *outside;
    uint32_t standbys;
    uint64_t memory_bytes; /* of each worker's overlays and caches; 0: some MiB */
    bool (*fault)(void *table, riacho_site site); /* asked by every worker; may be NULL */
    int countdown;                                /* the test's own, for its fault */
    seat seats[TABLE_SEATS];
} table;

/* Topics of two partitions. */
table *table_new(uint32_t standbys);
void table_free(table *t);

/* Worker "w<i>"; what start gave. */
riacho_status table_try_sit(table *t, size_t i);
void table_sit(table *t, size_t i);
/* Its process is gone at once. */
void table_kill(table *t, size_t i);
/* It hands everything back first. */
void table_leave(table *t, size_t i);
/* Its disk is empty. No process may be there. */
void table_wipe(table *t, size_t i);

/* Time passes, a millisecond a round of one step of every part of every worker. */
void table_pass(table *t, int64_t ms);
/* Until it holds; fails the test when it does not within half a minute of virtual time. */
void table_until(table *t, bool (*holds)(table *t));

/* How many tasks are in this state at seat i. */
size_t table_count(table *t, size_t i, riacho_task_state state);
/* Every task runs, each at one seat. */
bool table_all_run(table *t);
/* And everything that was sent is counted. */
bool table_counted(table *t);
/* "a0=1 b0=2" as seat i shows it. Malloc'd. */
char *table_store(table *t, size_t i, int store);
