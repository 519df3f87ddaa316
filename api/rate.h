/* SPDX-License-Identifier: MIT
 *
 * rate.h - token buckets in a table of fixed size. A caller is a hash; a bucket that has not been
 * used for long gives its place to another, which at worst gives somebody a full bucket early.
 *
 * Threads: any; the table is split into parts with a lock each.
 */
#pragma once

#include "riacho/types.h"

typedef struct riacho_rate riacho_rate;

typedef struct riacho_rate_options {
    double per_second;
    double burst;   /* at least 1 */
    size_t buckets; /* 0: 16384; rounded up to a power of two */
} riacho_rate_options;

riacho_rate *riacho_rate_new(const riacho_rate_options *options);
void riacho_rate_free(riacho_rate *rate);
/* Takes a token at this moment: 0 when there was one, else the whole seconds to wait. */
unsigned riacho_rate_take(riacho_rate *rate, uint64_t caller, int64_t now_ns);
