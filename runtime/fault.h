/* SPDX-License-Identifier: MIT
 *
 * fault.h - the named places where a test stops a worker as a crash would.
 *
 * Two ways: the fault hook of the options stops the worker inside a living process; and, where
 * RIACHO_FAULTS is compiled in, the environment's RIACHO_FAULT="site:n" ends the process at once
 * (status 137, as a kill would) when the site is reached for the n-th time. The sites' words are
 * record beforeCommit stateWritten outputsWritten afterCommit recovery, and on a log that workers
 * share: begun sentSome beforePositions afterPositions committing committed stateSome restoring
 * checkpoint promotion revoking init.
 *
 * Threads: any stream thread.
 */
#pragma once

#include "worker_private.h"

/* RIACHO_FATAL, and worker->crashed is set, when the worker stops here. */
RIACHO_CHECKED riacho_status riacho_fault_at(riacho_worker *worker, riacho_site site,
                                             riacho_error *err);
