/* SPDX-License-Identifier: MIT
 *
 * functions.h - what the files of this library give to library.c.
 */
#pragma once

#include "riacho/processor.h"

riacho_status tamaghost_once_interaction(riacho_ctx *ctx, const riacho_record *record);
riacho_status tamaghost_once_birth(riacho_ctx *ctx, const riacho_record *record);
riacho_status tamaghost_once_comment(riacho_ctx *ctx, const riacho_record *record);

riacho_status tamaghost_moment_of_interaction(riacho_ctx *ctx, const riacho_record *record,
                                              void *ret_value);
riacho_status tamaghost_moment_of_birth(riacho_ctx *ctx, const riacho_record *record,
                                        void *ret_value);
riacho_status tamaghost_moment_of_purchase(riacho_ctx *ctx, const riacho_record *record,
                                           void *ret_value);

riacho_status tamaghost_pet_fold(riacho_ctx *ctx, const void *event, void *state);
riacho_status tamaghost_pet_now(riacho_arena *arena, int64_t now_ms, const void *key,
                                const void *state, void *ret_reply);

riacho_status tamaghost_score(riacho_ctx *ctx, const riacho_record *record);
riacho_status tamaghost_wallet(riacho_ctx *ctx, const riacho_record *record);

riacho_status tamaghost_write_comment(riacho_ctx *ctx, const riacho_record *record);
riacho_status tamaghost_rate(riacho_ctx *ctx, const void *event, void *state);
