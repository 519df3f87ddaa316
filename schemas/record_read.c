/* SPDX-License-Identifier: MIT
 *
 * record_read.c - JSON -> record (riacho/record.h). The envelope is read here, word by word; key
 * and value are left as text until the topic, which may stand behind them, is known.
 *
 * Pure; any thread.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"
#include "base64.h"
#include "json_scan.h"
#include "number.h"
#include "riacho/record.h"

enum { ISSUES_MAX = 100, ITEMS_FIRST = 64 };

/* One record on its way. */
struct reading {
    riacho_json_scanner scan;
    riacho_arena *arena;
    riacho_record_json *json;
    riacho_json_issue *issues;
    size_t issue_count;
    riacho_header headers[RIACHO_HEADERS_MAX];
    size_t header_count;
};

static void note(struct reading *r, const char *pointer, const char *detail)
{
    if (!r->issues)
        r->issues = riacho_alloc_zero(r->arena, ISSUES_MAX, sizeof *r->issues);
    if (r->issue_count < ISSUES_MAX)
        r->issues[r->issue_count++] = (riacho_json_issue){pointer, detail};
}

static riacho_status finish(struct reading *r, riacho_json_issues *ret_issues)
{
    if (r->scan.problem)
        note(r, "", r->scan.problem);
    *ret_issues = (riacho_json_issues){r->issues, r->issue_count};
    return r->issue_count ? RIACHO_REJECT : RIACHO_OK;
}

/* The text of the next value. */
static bool take_value(riacho_json_scanner *scan, riacho_bytes *ret_text)
{
    riacho_json_peek(scan);
    const char *from = scan->at;
    if (!riacho_json_skip(scan))
        return false;
    *ret_text = (riacho_bytes){from, (size_t)(scan->at - from)};
    return true;
}

/* Passes over null: a member that is null is one that is not there. */
static bool is_null(riacho_json_scanner *scan)
{
    riacho_bytes word;
    return riacho_json_peek(scan) == 'n' && riacho_json_literal(scan, &word);
}

static bool wrong(struct reading *r, const char *pointer, const char *detail)
{
    note(r, pointer, detail);
    return riacho_json_skip(&r->scan);
}

static bool read_topic(struct reading *r)
{
    riacho_bytes text;
    if (riacho_json_peek(&r->scan) != '"')
        return wrong(r, "/topic", "must be a string");
    if (!riacho_json_string(&r->scan, &text))
        return false;
    if (text.size == 0 || memchr(text.data, 0, text.size))
        note(r, "/topic", "is not the name of a topic");
    r->json->topic = riacho_copy(r->arena, text).data;
    return true;
}

static bool read_whole(struct reading *r, const char *pointer, int64_t min, int64_t max,
                       int64_t *ret_number)
{
    riacho_bytes text;
    int64_t number;
    const char first = riacho_json_peek(&r->scan);
    const char *detail = max == INT64_MAX
                             ? "must be a whole number of milliseconds since 1970"
                             : riacho_format(r->arena, "must be a whole number from %lld to %lld",
                                             (long long)min, (long long)max);
    if (first != '-' && (first < '0' || first > '9'))
        return wrong(r, pointer, detail);
    if (!riacho_json_number(&r->scan, &text))
        return false;
    if (!riacho_number_parse_long(text, &number) || number < min || number > max)
        note(r, pointer, detail);
    else
        *ret_number = number;
    return true;
}

static bool read_partition(struct reading *r)
{
    int64_t number = -1;
    if (!read_whole(r, "/partition", 0, RIACHO_PARTITIONS_MAX - 1, &number))
        return false;
    r->json->partition = (int32_t)number;
    return true;
}

static bool read_base64(struct reading *r, const char *pointer, riacho_bytes *ret_bytes)
{
    riacho_bytes text;
    size_t size;
    if (riacho_json_peek(&r->scan) != '"')
        return wrong(r, pointer, "must be base64 with its padding");
    if (!riacho_json_string(&r->scan, &text))
        return false;
    uint8_t *bytes = riacho_alloc(r->arena, text.size);
    if (riacho_base64_decode(text, bytes, &size))
        *ret_bytes = (riacho_bytes){bytes, size};
    else
        note(r, pointer, "must be base64 with its padding");
    return true;
}

/* A header's value: a text, or {"bytes": base64}. */
static bool read_header_value(struct reading *r, const char *pointer, riacho_bytes name)
{
    riacho_bytes value = {0};
    const char first = riacho_json_peek(&r->scan);
    if (first == '"') {
        if (!riacho_json_string(&r->scan, &value))
            return false;
    } else if (first == '{') {
        riacho_bytes member;
        riacho_json_accept(&r->scan, '{');
        if (!riacho_json_string(&r->scan, &member) || !riacho_json_expect(&r->scan, ':'))
            return false;
        if (!riacho_bytes_equal(member, riacho_text("bytes")))
            note(r, pointer, "must be a text, or {\"bytes\": base64}");
        if (!read_base64(r, pointer, &value) || !riacho_json_expect(&r->scan, '}'))
            return false;
    } else {
        return wrong(r, pointer, "must be a text, or {\"bytes\": base64}");
    }
    if (r->header_count == RIACHO_HEADERS_MAX)
        note(r, "/headers", "are too many");
    else
        r->headers[r->header_count++] =
            (riacho_header){riacho_copy(r->arena, name), riacho_copy(r->arena, value)};
    return true;
}

static bool read_header(struct reading *r)
{
    riacho_bytes name;
    if (!riacho_json_string(&r->scan, &name) || !riacho_json_expect(&r->scan, ':'))
        return false;
    const char *pointer =
        riacho_format(r->arena, "/headers/%.*s", (int)name.size, (const char *)name.data);
    if (!riacho_json_accept(&r->scan, '['))
        return read_header_value(r, pointer, name);
    do {
        if (!read_header_value(r, pointer, name))
            return false;
    } while (riacho_json_accept(&r->scan, ','));
    return riacho_json_expect(&r->scan, ']');
}

static bool read_headers(struct reading *r)
{
    if (riacho_json_peek(&r->scan) != '{')
        return wrong(r, "/headers", "must be an object");
    riacho_json_accept(&r->scan, '{');
    if (riacho_json_accept(&r->scan, '}'))
        return true;
    do {
        if (!read_header(r))
            return false;
    } while (riacho_json_accept(&r->scan, ','));
    return riacho_json_expect(&r->scan, '}');
}

static const char *const members[] = {"topic",      "partition", "offset",    "timestamp",
                                      "key",        "value",     "headers",   "keyBytes",
                                      "valueBytes", "keyError",  "valueError"};
enum { MEMBERS = sizeof members / sizeof *members };

static bool read_member(struct reading *r, size_t member)
{
    riacho_bytes unused;
    if (is_null(&r->scan))
        return true;
    switch (member) {
    case 0:
        return read_topic(r);
    case 1:
        return read_partition(r);
    case 3:
        return read_whole(r, "/timestamp", INT64_MIN + 1, INT64_MAX, &r->json->timestamp_ms);
    case 4:
        return take_value(&r->scan, &r->json->key);
    case 5:
        return take_value(&r->scan, &r->json->value);
    case 6:
        return read_headers(r);
    case 7:
        return read_base64(r, "/keyBytes", &r->json->key_bytes);
    case 8:
        return read_base64(r, "/valueBytes", &r->json->value_bytes);
    default:
        return take_value(&r->scan, &unused);
    }
}

static size_t find_member(riacho_bytes name)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (riacho_bytes_equal(name, riacho_text(members[i])))
            return i;
    return MEMBERS;
}

static bool read_named(struct reading *r, unsigned *seen)
{
    riacho_bytes name;
    if (!riacho_json_string(&r->scan, &name) || !riacho_json_expect(&r->scan, ':'))
        return false;
    const size_t member = find_member(name);
    const char *pointer = riacho_format(r->arena, "/%.*s", (int)name.size, (const char *)name.data);
    if (member == MEMBERS) {
        const char *meant = riacho_suggest(name, members, MEMBERS);
        return wrong(r, pointer,
                     riacho_format(r->arena, "is not a member of a record%s%s%s",
                                   meant ? "; did you mean \"" : "", meant ? meant : "",
                                   meant ? "\"?" : ""));
    }
    if (*seen & 1u << member)
        note(r, pointer, "is there twice");
    *seen |= 1u << member;
    return read_member(r, member);
}

static void read_object(struct reading *r)
{
    unsigned seen = 0;
    if (!riacho_json_expect(&r->scan, '{'))
        return;
    if (!riacho_json_accept(&r->scan, '}')) {
        do {
            if (!read_named(r, &seen))
                return;
        } while (riacho_json_accept(&r->scan, ','));
        if (!riacho_json_expect(&r->scan, '}'))
            return;
    }
    riacho_json_end(&r->scan);
    if (r->json->key.data && r->json->key_bytes.data)
        note(r, "/keyBytes", "cannot stand beside \"key\"");
    if (r->json->value.data && r->json->value_bytes.data)
        note(r, "/valueBytes", "cannot stand beside \"value\"");
}

riacho_status riacho_record_parse(riacho_bytes text, riacho_arena *arena,
                                  riacho_record_json *ret_json, riacho_json_issues *ret_issues)
{
    struct reading *r = riacho_alloc_zero(arena, 1, sizeof *r);
    *ret_json = (riacho_record_json){.partition = -1, .timestamp_ms = INT64_MIN};
    r->scan = riacho_json_scan(text, arena);
    r->arena = arena;
    r->json = ret_json;
    if (!r->scan.problem)
        read_object(r);
    ret_json->headers = (riacho_headers){r->headers, r->header_count};
    return finish(r, ret_issues);
}

/* Encodes one of the two; `member` is "key" or "value". */
static riacho_status encode_part(struct reading *r, const char *member, riacho_bytes text,
                                 const riacho_codec *codec, riacho_bytes *ret_bytes)
{
    riacho_json_issues issues;
    riacho_error why;
    RIACHO_AUTO(buffer) riacho_buffer encoded = {0};
    void *value = riacho_alloc_zero(r->arena, 1, codec->type->size);
    if (riacho_json_read(codec->type, text, r->arena, value, &issues) != RIACHO_OK) {
        for (size_t i = 0; i < issues.count; i++)
            note(r, riacho_format(r->arena, "/%s%s", member, issues.items[i].pointer),
                 issues.items[i].detail);
        return RIACHO_REJECT;
    }
    if (riacho_encode(codec, value, &encoded, &why) != RIACHO_OK) {
        note(r, riacho_format(r->arena, "/%s", member), riacho_format(r->arena, "%s", why.text));
        return RIACHO_REJECT;
    }
    *ret_bytes = riacho_copy(r->arena, riacho_buffer_bytes(&encoded));
    return RIACHO_OK;
}

riacho_status riacho_record_encode(const riacho_record_json *json,
                                   const riacho_topic_codecs *codecs, riacho_arena *arena,
                                   riacho_log_append *ret_append, riacho_json_issues *ret_issues)
{
    struct reading *r = riacho_alloc_zero(arena, 1, sizeof *r);
    r->arena = arena;
    *ret_append = (riacho_log_append){
        .topic = json->topic,
        .partition = json->partition,
        .record = {.timestamp_ms = json->timestamp_ms,
                   .key = json->key_bytes,
                   .value = json->value_bytes,
                   .headers = json->headers},
    };
    if (json->key.data)
        (void)!encode_part(r, "key", json->key, codecs->key, &ret_append->record.key);
    if (json->value.data)
        (void)!encode_part(r, "value", json->value, codecs->value, &ret_append->record.value);
    return finish(r, ret_issues);
}

/* The texts of the records, in memory that doubles. */
struct items {
    riacho_bytes *texts;
    size_t count, capacity;
};

static void add_item(struct items *items, riacho_arena *arena, riacho_bytes text)
{
    if (items->count == items->capacity) {
        items->capacity = items->capacity ? 2 * items->capacity : ITEMS_FIRST;
        riacho_bytes *texts = riacho_alloc_zero(arena, items->capacity, sizeof *texts);
        if (items->count)
            memcpy(texts, items->texts, items->count * sizeof *texts);
        items->texts = texts;
    }
    items->texts[items->count++] = text;
}

static void split_array(struct reading *r, struct items *items)
{
    riacho_bytes text;
    riacho_json_accept(&r->scan, '[');
    if (!riacho_json_accept(&r->scan, ']')) {
        do {
            if (!take_value(&r->scan, &text))
                return;
            add_item(items, r->arena, text);
        } while (riacho_json_accept(&r->scan, ','));
        riacho_json_expect(&r->scan, ']');
    }
    riacho_json_end(&r->scan);
}

static bool is_blank(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r'))
        at++;
    return at == size;
}

static void split_lines(riacho_bytes text, struct items *items, riacho_arena *arena)
{
    const char *at = text.data, *end = at + text.size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const size_t size = (size_t)((stop ? stop : end) - at);
        if (!is_blank(at, size))
            add_item(items, arena, (riacho_bytes){at, size});
        at += size + 1;
    }
}

riacho_status riacho_records_split(riacho_bytes text, riacho_arena *arena, riacho_bytes **ret_items,
                                   size_t *ret_count, riacho_json_issues *ret_issues)
{
    struct reading *r = riacho_alloc_zero(arena, 1, sizeof *r);
    struct items items = {0};
    r->arena = arena;
    r->scan = riacho_json_scan(text, arena);
    if (!r->scan.problem && riacho_json_peek(&r->scan) == '[')
        split_array(r, &items);
    else if (text.size && !r->scan.problem)
        split_lines(text, &items, arena);
    *ret_items = items.texts;
    *ret_count = items.count;
    return finish(r, ret_issues);
}
