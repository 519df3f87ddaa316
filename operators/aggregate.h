/* SPDX-License-Identifier: MIT
 *
 * aggregate.h - what the frame of an aggregation (aggregate.c) shares with the folds (folds.c).
 *
 * A fold gets the state of the record's key and says what it is from now on. It may change
 * `kept.state` in place and hand that out, or hand out other memory that lives until the record is
 * done. Its status decides: other than OK, and nothing of it is kept.
 *
 * Threads: the task's.
 */
#pragma once

#include "kept.h"

typedef struct riacho_aggregation riacho_aggregation;

typedef struct riacho_fold {
    const riacho_record *record; /* neither key nor value is null */
    bool found;                  /* the key has a state, in kept.state */
    bool skip;                   /* set by the fold: the record counts for nothing */
    const void *state;           /* set by the fold; NULL: the key has none from now on */
} riacho_fold;

typedef struct riacho_fold_ops {
    /* Compares the node's expression or function with the store; REJECT says what is wrong. */
    riacho_status (*init)(riacho_aggregation *self, riacho_error *err);
    riacho_status (*fold)(riacho_aggregation *self, riacho_fold *fold);
} riacho_fold_ops;

struct riacho_aggregation {
    riacho_operator base;
    const riacho_fold_ops *folds;
    riacho_kept kept;
    riacho_result operand; /* of the node's expression */
    riacho_result initial; /* of its init expression */
};

/* NULL: there is no such aggregate. */
const riacho_fold_ops *riacho_fold_ops_of(const riacho_node *node);
