/* SPDX-License-Identifier: MIT
 *
 * meta.h - the bytes of a commit's meta, the outbox apart (it may be large and is usually empty).
 *
 *   version 1 | number 8 | stream time 8 | position count 4
 *   each position: topic size 2, topic, partition 4, next 8 | progress size 4, progress
 *
 * All numbers big-endian. An absent progress is stored as an empty one.
 */
#pragma once

#include "riacho/port/store.h"

void riacho_meta_encode(const riacho_commit_meta *meta, riacho_buffer *out);
/* Copies into the arena; ret_meta's outbox is absent. RIACHO_REJECT when the bytes are not a meta.
 */
RIACHO_CHECKED riacho_status riacho_meta_decode(riacho_bytes bytes, riacho_arena *arena,
                                                riacho_commit_meta *ret_meta, riacho_error *err);
