/* SPDX-License-Identifier: MIT
 *
 * uuid.h - what a uuid looks like as text: 8-4-4-4-12 hexadecimal digits of either case. Pure.
 */
#pragma once

#include "riacho/types.h"

enum { RIACHO_UUID_BYTES = 36 };

static inline bool riacho_uuid_valid(riacho_bytes text)
{
    const uint8_t *at = text.data;
    if (text.size != RIACHO_UUID_BYTES)
        return false;
    for (size_t i = 0; i < RIACHO_UUID_BYTES; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const uint8_t lower = at[i] | 0x20;
        const bool hex = (at[i] >= '0' && at[i] <= '9') || (lower >= 'a' && lower <= 'f');
        if (dash ? at[i] != '-' : !hex)
            return false;
    }
    return true;
}
