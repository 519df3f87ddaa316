/* SPDX-License-Identifier: MIT
 *
 * slot.h - one value while an expression is evaluated. Which member is set follows from the type:
 *
 *   boolean int long date timestamp enum    whole
 *   float double                            real
 *   string uuid bytes decimal fixed         bytes
 *   record array map union                  at: where the value lies
 *
 * A null slot has `null` set and everything else zero, so that what ignores nulls reads zeros.
 */
#pragma once

#include "riacho/types.h"

typedef struct riacho_expr_slot {
    union {
        int64_t whole;
        double real;
        riacho_bytes bytes;
        const void *at;
    };
    bool null;
} riacho_expr_slot;
