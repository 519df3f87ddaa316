/* SPDX-License-Identifier: MIT
 *
 * seal.h - from the tasks of a stream thread to a transaction, and from its outcome to their
 * stores: the commit of a log that takes state last.
 *
 *   seal        flush; changes, outputs and positions of every task that has some are set apart,
 *               as one transaction; records may be processed on top of them at once
 *   COMMITTED   each task writes what was set apart, with positions, in one batch; then it is
 *               published
 *   ABORTED,    everything that is not written is dropped, what came on top of it too: these tasks
 *   LOST        go back to the restorer (handover.h), which finds out where they are
 *
 * Threads: the stream thread.
 */
#pragma once

#include "runtime/run.h"
#include "transaction.h"

typedef struct riacho_seal riacho_seal; /* of one stream thread: the memory of what is set apart */

riacho_seal *riacho_seal_new(void);
void riacho_seal_free(riacho_seal *seal);

/* Sets apart what these runs have to commit; none has anything set apart already. ret_sealed is
 * borrowed until riacho_seal_write or riacho_seal_drop; record_count and position_count 0: there
 * was nothing. RIACHO_RETRY: a flush of some waits (they are paused, the others are in it). */
RIACHO_CHECKED riacho_status riacho_seal_runs(riacho_seal *seal, riacho_run *const *runs,
                                              size_t count, riacho_sealed *ret_sealed,
                                              riacho_error *err);
/* It is committed: writes the state of every run that is in it and is not written, then publishes
 * it. RIACHO_RETRY: there is no room on the disk for some; the same call goes on with those. */
RIACHO_CHECKED riacho_status riacho_seal_write(riacho_seal *seal, riacho_error *err);
/* It is not, or nobody knows: forgets it. The caller closes the runs that are sealed (run.h). */
void riacho_seal_drop(riacho_seal *seal);
