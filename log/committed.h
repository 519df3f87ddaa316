/* SPDX-License-Identifier: MIT
 *
 * committed.h - what a log remembers of a task's last commit, as bytes: its number and positions.
 *
 * Threads: pure functions.
 */
#pragma once

#include "riacho/port/log.h"

/* Adds number and positions of the commit to `out`. */
void riacho_committed_encode(const riacho_log_commit *commit, riacho_buffer *out);
/* RIACHO_REJECT when the bytes are not from riacho_committed_encode. Names are copied into the
 * arena; task and outputs of ret_commit are not touched. */
RIACHO_CHECKED riacho_status riacho_committed_decode(riacho_bytes bytes, riacho_arena *arena,
                                                     riacho_log_commit *ret_commit,
                                                     riacho_error *err);
