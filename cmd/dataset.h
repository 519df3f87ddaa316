/* SPDX-License-Identifier: MIT
 *
 * dataset.h - made-up records that are always the same for the same seed: for `generate`,
 * benchmarks and load tests.
 *
 * Tamaghost: visitors care for pets, some of both far more than others; time moves on between
 * records; now and then somebody buys, changes the look, or comments.
 */
#pragma once

#include "riacho/codec.h"
#include "riacho/port/log.h"

typedef struct riacho_dataset_options {
    uint64_t seed;
    uint32_t pets;     /* 0: 1 000 */
    uint32_t visitors; /* 0: as many as pets */
    int64_t start_ms;  /* of the first record; 0: 2026-01-01 */
    int64_t step_ms;   /* between records; 0: 10 */
    double skew;       /* exponent of the popularity of pets and visitors; 0: all alike; 1: Zipf */
    uint32_t comments_per_mille; /* of the records; the rest are interactions */
    enum { RIACHO_DATASET_CARE_AND_SHOP = 0, RIACHO_DATASET_CARE_ONLY } mix;
} riacho_dataset_options;

typedef struct riacho_dataset riacho_dataset;

/* RIACHO_REJECT: the schemas of Tamaghost are not among these. */
RIACHO_CHECKED riacho_status riacho_dataset_open(const riacho_dataset_options *options,
                                                 riacho_schemas *schemas,
                                                 riacho_dataset **ret_dataset, riacho_error *err);
void riacho_dataset_close(riacho_dataset *dataset);

/* The birth of pet `number` (from 0), for topic `births`. What it points to lives in the arena. */
RIACHO_CHECKED riacho_status riacho_dataset_birth(riacho_dataset *dataset, uint32_t number,
                                                  riacho_arena *arena,
                                                  riacho_log_append *ret_append, riacho_error *err);
/* The next record, for topic `interactions` or `comments`. */
RIACHO_CHECKED riacho_status riacho_dataset_next(riacho_dataset *dataset, riacho_arena *arena,
                                                 riacho_log_append *ret_append, riacho_error *err);
