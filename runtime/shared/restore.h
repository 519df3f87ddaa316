/* SPDX-License-Identifier: MIT
 *
 * restore.h - brings the stores of tasks up to their changelogs: of tasks that this worker is about
 * to process (until they are there), and of those it keeps as standbys (for ever).
 *
 * The order is part of being right (docs/commit.md): open the store; what the group has committed
 * for the inputs, waiting until no transaction is pending on it; then the ends of the changelogs,
 * open transactions included; then replay, committed records only, up to those ends. State then has
 * every transaction that the positions have.
 *
 * What a store may not do is be ahead of its changelog: RIACHO_FATAL, naming both. A store whose
 * position the changelog no longer holds, or that is damaged, is moved aside, named and counted,
 * and filled anew.
 *
 * Memory: one reader whose queues are bounded, and the changes of each task, up to what its overlay
 * and its cache may take when it runs.
 *
 * Threads: each restorer is one thread's (or the stepping one's); boxes and counters are any's.
 */
#pragma once

#include "handover.h"

typedef struct riacho_restorer riacho_restorer;

RIACHO_CHECKED riacho_status riacho_restorer_open(riacho_worker *worker, riacho_box *control,
                                                  riacho_restorer **ret_restorer,
                                                  riacho_error *err);
void riacho_restorer_close(riacho_restorer *restorer);
/* Takes RESTORE, STANDBY, RELEASE and DROP. */
riacho_box *riacho_restorer_box(riacho_restorer *restorer);
/* One step: empties the box, then makes one task's next move or takes one batch of changes, waiting
 * at most wait_ms for it. */
RIACHO_CHECKED riacho_status riacho_restorer_step(riacho_restorer *restorer, int64_t wait_ms,
                                                  bool *ret_did, riacho_error *err);
void riacho_restorer_wake(riacho_restorer *restorer);
