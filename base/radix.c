/* SPDX-License-Identifier: MIT
 *
 * radix.c - see radix.h. Least significant byte first; a byte in which all items agree costs no
 * pass, so numbers written as digits take few of the eight.
 */
#include "radix.h"

#include <string.h>

enum { DIGITS = 8, VALUES = 256 };

static unsigned digit_of(const riacho_radix_item *item, unsigned digit)
{
    return (unsigned)(item->lead >> (digit * 8)) & (VALUES - 1);
}

static void count_digits(const riacho_radix_item *items, size_t count,
                         size_t counts[DIGITS][VALUES])
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned digit = 0; digit < DIGITS; digit++)
            counts[digit][digit_of(&items[i], digit)]++;
    }
}

static void spread(const riacho_radix_item *from, riacho_radix_item *to, size_t count,
                   unsigned digit, size_t places[VALUES])
{
    size_t at = 0;
    for (unsigned value = 0; value < VALUES; value++) {
        const size_t here = places[value];
        places[value] = at;
        at += here;
    }
    for (size_t i = 0; i < count; i++)
        to[places[digit_of(&from[i], digit)]++] = from[i];
}

void riacho_radix_sort(riacho_radix_item *items, riacho_radix_item *spare, size_t count)
{
    size_t counts[DIGITS][VALUES] = {{0}};
    riacho_radix_item *from = items, *to = spare;
    if (count < 2)
        return;
    count_digits(items, count, counts);
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        if (counts[digit][digit_of(&from[0], digit)] == count)
            continue;
        spread(from, to, count, digit, counts[digit]);
        riacho_radix_item *const sorted = to;
        to = from;
        from = sorted;
    }
    if (from != items)
        memcpy(items, from, count * sizeof *items);
}

uint64_t riacho_radix_lead(riacho_bytes key, size_t from)
{
    uint8_t bytes[8] = {0};
    if (key.size > from) {
        const size_t left = key.size - from;
        memcpy(bytes, (const uint8_t *)key.data + from, left < sizeof bytes ? left : sizeof bytes);
    }
    uint64_t lead = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        lead = lead << 8 | bytes[i];
    return lead;
}

size_t riacho_radix_common(riacho_bytes left, riacho_bytes right)
{
    const uint8_t *a = left.data, *b = right.data;
    const size_t size = left.size < right.size ? left.size : right.size;
    size_t same = 0;
    while (same < size && a[same] == b[same])
        same++;
    return same;
}
