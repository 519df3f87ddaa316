/* SPDX-License-Identifier: MIT
 *
 * catalog.h - what clothes cost, which looks there are, and what caring earns. Changing a price
 * changes what a replay gives, so a new price is a new library version and a rebuild.
 */
#pragma once

#include "riacho/types.h"

typedef struct tamaghost_piece {
    const char *name;
    int64_t price;
} tamaghost_piece;

static const tamaghost_piece tamaghost_clothes[] = {
    {"bow", 5},        {"scarf", 10},       {"cap", 12},   {"glasses", 15},
    {"witch-hat", 20}, {"wizard-cape", 30}, {"crown", 60}, {"astronaut", 90},
};

static const char *const tamaghost_looks[] = {"classic", "night", "candy", "aurora"};

enum {
    TAMAGHOST_CARE_COINS = 1,
    TAMAGHOST_CLOTHES = sizeof tamaghost_clothes / sizeof *tamaghost_clothes,
    TAMAGHOST_LOOKS = sizeof tamaghost_looks / sizeof *tamaghost_looks,
};

/* NULL when the shop has no such piece. */
static inline const tamaghost_piece *tamaghost_piece_named(riacho_bytes name)
{
    for (size_t i = 0; i < TAMAGHOST_CLOTHES; i++) {
        if (riacho_bytes_equal(name, riacho_text(tamaghost_clothes[i].name)))
            return &tamaghost_clothes[i];
    }
    return NULL;
}

static inline bool tamaghost_is_look(riacho_bytes name)
{
    for (size_t i = 0; i < TAMAGHOST_LOOKS; i++) {
        if (riacho_bytes_equal(name, riacho_text(tamaghost_looks[i])))
            return true;
    }
    return false;
}
