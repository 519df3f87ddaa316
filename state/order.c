/* SPDX-License-Identifier: MIT
 *
 * order.c - see order.h.
 */
#include "order.h"

enum { ESCAPE = 0x00, ESCAPED_ZERO = 0xff, CLOSE = 0x01 };

size_t riacho_order_put_closed(uint8_t *at, riacho_bytes part)
{
    const uint8_t *in = part.data;
    uint8_t *out = at;
    for (size_t i = 0; i < part.size; i++) {
        *out++ = in[i];
        if (in[i] == ESCAPE)
            *out++ = ESCAPED_ZERO;
    }
    *out++ = ESCAPE;
    *out++ = CLOSE;
    return (size_t)(out - at);
}

riacho_status riacho_order_get_closed(riacho_bytes key, riacho_arena *arena, riacho_bytes *ret_part,
                                      size_t *ret_used, riacho_error *err)
{
    const uint8_t *in = key.data;
    uint8_t *out = riacho_alloc(arena, key.size);
    size_t size = 0;
    for (size_t i = 0; i < key.size; i++) {
        if (in[i] != ESCAPE) {
            out[size++] = in[i];
            continue;
        }
        const int second = i + 1 < key.size ? in[++i] : -1;
        if (second == CLOSE) {
            *ret_part = (riacho_bytes){out, size};
            *ret_used = i + 1;
            return RIACHO_OK;
        }
        if (second != ESCAPED_ZERO)
            break;
        out[size++] = ESCAPE;
    }
    return riacho_fail(err, RIACHO_REJECT, "a store key of %zu bytes has no closed part", key.size);
}

riacho_range riacho_order_prefix(riacho_bytes prefix, riacho_arena *arena,
                                 riacho_direction direction)
{
    riacho_range range = {.direction = direction};
    if (!prefix.size)
        return range;
    range.from = prefix;
    size_t size = prefix.size;
    const uint8_t *bytes = prefix.data;
    while (size && bytes[size - 1] == 0xff)
        size--;
    if (!size)
        return range;
    uint8_t *to = memcpy(riacho_alloc(arena, size), bytes, size);
    to[size - 1]++;
    range.to = (riacho_bytes){to, size};
    return range;
}

riacho_bytes riacho_order_after(riacho_bytes key, riacho_arena *arena)
{
    uint8_t *after = riacho_alloc(arena, key.size + 1);
    if (key.size)
        memcpy(after, key.data, key.size);
    after[key.size] = 0;
    return (riacho_bytes){after, key.size + 1};
}
