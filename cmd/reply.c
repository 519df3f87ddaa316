/* SPDX-License-Identifier: MIT
 *
 * reply.c - see reply.h.
 */
#include "reply.h"

#include "base/text.h"
#include "riacho/record.h"
#include "schemas/json_scan.h"

riacho_bytes riacho_reply_member(riacho_bytes object, const char *name, riacho_arena *arena)
{
    riacho_json_scanner scan = riacho_json_scan(object, arena);
    riacho_bytes found;
    if (scan.problem || !riacho_json_accept(&scan, '{'))
        return (riacho_bytes){0};
    do {
        if (!riacho_json_string(&scan, &found) || !riacho_json_expect(&scan, ':'))
            return (riacho_bytes){0};
        riacho_json_peek(&scan);
        const char *from = scan.at;
        if (!riacho_json_skip(&scan))
            return (riacho_bytes){0};
        if (riacho_bytes_equal(found, riacho_text(name)))
            return (riacho_bytes){from, (size_t)(scan.at - from)};
    } while (riacho_json_accept(&scan, ','));
    return (riacho_bytes){0};
}

const char *riacho_reply_text(riacho_bytes object, const char *name, riacho_arena *arena)
{
    const riacho_bytes member = riacho_reply_member(object, name, arena);
    riacho_json_scanner scan = riacho_json_scan(member, arena);
    riacho_bytes text;
    if (!member.data || riacho_json_peek(&scan) != '"' || !riacho_json_string(&scan, &text))
        return NULL;
    return riacho_copy(arena, text).data;
}

int64_t riacho_reply_number(riacho_bytes object, const char *name, int64_t otherwise,
                            riacho_arena *arena)
{
    const riacho_bytes member = riacho_reply_member(object, name, arena);
    int64_t number = otherwise;
    if (member.data && riacho_int_parse(member, INT64_MIN, INT64_MAX, &number, NULL) != RIACHO_OK)
        return otherwise;
    return number;
}

size_t riacho_reply_items(riacho_bytes array, riacho_arena *arena, riacho_bytes **ret_items)
{
    riacho_json_issues issues;
    size_t count;
    if (!array.size || *(const char *)array.data != '[' ||
        riacho_records_split(array, arena, ret_items, &count, &issues) != RIACHO_OK)
        return 0;
    return count;
}
