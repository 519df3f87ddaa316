/* SPDX-License-Identifier: MIT
 *
 * restoring_private.h - what the two halves of a restore share: its moves (restoring.c), and what
 * is read and written (restoring_replay.c).
 *
 * Threads: the restorer's.
 */
#pragma once

#include "restoring.h"

/* The meta of the next write; what it points to is in the arena. */
void riacho_restoring_meta(const riacho_restoring *restoring, riacho_arena *arena,
                           riacho_commit_meta *ret_meta);
/* Forgets what waits to be written. */
void riacho_restoring_forget(riacho_restoring *restoring);
/* Brings the task's gauges up to date. */
void riacho_restoring_count(const riacho_restoring *restoring);
