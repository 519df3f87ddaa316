/* SPDX-License-Identifier: MIT
 *
 * json_read.c - JSON text -> value, in one pass and without a document in between.
 *
 * Two kinds of trouble: an *issue* is a value that does not fit its type; reading goes on behind it
 * to find more. A *problem* is text that is not JSON; reading ends there. Every reader below
 * returns false only when reading has ended.
 *
 * Recursion is as deep as the type; what the type does not know is passed over without recursion.
 * One thread at a time; all state is on the stack and in the arena.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base64.h"
#include "decimal.h"
#include "json_scan.h"
#include "layout.h"
#include "number.h"
#include "riacho/codec.h"
#include "uuid.h"

enum { ISSUES_MAX = 100, SLACK_BYTES = 64 * 1024, FIRST_ITEMS = 4 };

/* Where we are: a chain on the stack. */
struct step {
    const struct step *up;
    riacho_bytes name; /* absent: an index */
    size_t index;
};

struct reader {
    riacho_json_scanner scan;
    riacho_arena *arena;
    size_t memory_left;
    riacho_json_issue *issues; /* ISSUES_MAX, made with the first one */
    size_t issue_count;
};

static bool read_value(struct reader *r, const riacho_type *type, const struct step *step,
                       void *to);

static void print_pointer(const struct step *step, riacho_buffer *out)
{
    if (!step)
        return;
    print_pointer(step->up, out);
    if (!step->name.data) {
        riacho_buffer_printf(out, "/%zu", step->index);
        return;
    }
    riacho_buffer_append(out, "/", 1);
    for (size_t i = 0; i < step->name.size; i++) {
        const char c = ((const char *)step->name.data)[i];
        if (c == '~' || c == '/')
            riacho_buffer_append(out, c == '~' ? "~0" : "~1", 2);
        else
            riacho_buffer_append(out, &c, 1);
    }
}

/* Notes an issue; false when there are so many that reading ends. */
static bool issue(struct reader *r, const struct step *step, const char *detail)
{
    riacho_buffer pointer = {0};
    if (!r->issues)
        r->issues = riacho_alloc_zero(r->arena, ISSUES_MAX, sizeof *r->issues);
    if (r->issue_count == ISSUES_MAX)
        return false;
    print_pointer(step, &pointer);
    r->issues[r->issue_count++] =
        (riacho_json_issue){riacho_copy(r->arena, riacho_buffer_bytes(&pointer)).data, detail};
    riacho_buffer_done(&pointer);
    return r->issue_count < ISSUES_MAX;
}

/* An issue with a value that is still to be passed over. */
static bool wrong(struct reader *r, const struct step *step, const char *detail)
{
    return riacho_json_skip(&r->scan) && issue(r, step, detail);
}

static void *take_memory(struct reader *r, const struct step *step, size_t size)
{
    if (size > r->memory_left) {
        issue(r, step, "needs too much memory for its text");
        return NULL;
    }
    r->memory_left -= size;
    return riacho_alloc_zero(r->arena, 1, size);
}

static bool is_digit_or_minus(char c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

static bool read_null(struct reader *r, const struct step *step)
{
    riacho_bytes word;
    if (riacho_json_peek(&r->scan) != 'n')
        return wrong(r, step, "must be null");
    return riacho_json_literal(&r->scan, &word);
}

static bool read_boolean(struct reader *r, const struct step *step, bool *to)
{
    riacho_bytes word;
    const char first = riacho_json_peek(&r->scan);
    if (first != 't' && first != 'f')
        return wrong(r, step, "must be true or false");
    if (!riacho_json_literal(&r->scan, &word))
        return false;
    *to = first == 't';
    return true;
}

static bool read_int(struct reader *r, const riacho_type *type, const struct step *step, void *to)
{
    const bool small = type->kind == RIACHO_INT;
    const char *detail = small ? "must be a whole number from -2147483648 to 2147483647"
                               : "must be a whole number of 64 bits";
    riacho_bytes number;
    int64_t value;
    if (!is_digit_or_minus(riacho_json_peek(&r->scan)))
        return wrong(r, step, detail);
    if (!riacho_json_number(&r->scan, &number))
        return false;
    if (!riacho_number_parse_long(number, &value) || (small && value != (int32_t)value))
        return issue(r, step, detail);
    if (small)
        *(int32_t *)to = (int32_t)value;
    else
        *(int64_t *)to = value;
    return true;
}

static bool read_double(struct reader *r, const riacho_type *type, const struct step *step,
                        void *to)
{
    riacho_bytes number;
    if (!is_digit_or_minus(riacho_json_peek(&r->scan)))
        return wrong(r, step, "must be a number");
    if (!riacho_json_number(&r->scan, &number))
        return false;
    bool fits;
    if (type->kind == RIACHO_FLOAT) {
        *(float *)to = riacho_number_parse_float(number);
        fits = isfinite(*(float *)to);
    } else {
        *(double *)to = riacho_number_parse_double(number);
        fits = isfinite(*(double *)to);
    }
    return fits || issue(r, step, "is too large a number");
}

static bool read_string(struct reader *r, const riacho_type *type, const struct step *step,
                        riacho_bytes *to)
{
    if (riacho_json_peek(&r->scan) != '"')
        return wrong(r, step, "must be a string");
    if (!riacho_json_string(&r->scan, to))
        return false;
    if (type->logical == RIACHO_UUID && !riacho_uuid_valid(*to))
        return issue(r, step, "must be a uuid (8-4-4-4-12 hexadecimal digits)");
    return true;
}

/* A decimal of exactly fixed_size bytes, or as few as it needs when that is 0. */
static bool read_decimal(struct reader *r, const riacho_type *type, const struct step *step,
                         riacho_bytes text, riacho_bytes *ret_bytes)
{
    riacho_int128 number;
    uint8_t shortest[sizeof number];
    if (!riacho_decimal_parse(type, text, &number))
        return issue(r, step,
                     riacho_format(r->arena,
                                   "must be a string of at most %u digits, %u of them behind the "
                                   "point",
                                   type->precision, type->scale));
    const size_t least = riacho_decimal_write(number, 0, shortest);
    if (type->fixed_size && least > type->fixed_size)
        return issue(r, step, "is too large a number");
    const size_t size = type->fixed_size ? type->fixed_size : least;
    uint8_t *bytes = riacho_alloc(r->arena, size);
    riacho_decimal_write(number, size, bytes);
    *ret_bytes = (riacho_bytes){bytes, size};
    return true;
}

static bool read_base64(struct reader *r, const struct step *step, riacho_bytes text,
                        riacho_bytes *ret_bytes)
{
    size_t size;
    uint8_t *bytes = riacho_alloc(r->arena, text.size / 4 * 3);
    if (!riacho_base64_decode(text, bytes, &size))
        return issue(r, step, "must be base64 with its padding");
    *ret_bytes = (riacho_bytes){bytes, size};
    return true;
}

/* bytes and fixed. ret_bytes is absent when there was an issue. */
static bool read_bytes(struct reader *r, const riacho_type *type, const struct step *step,
                       riacho_bytes *ret_bytes)
{
    riacho_bytes text;
    *ret_bytes = (riacho_bytes){0};
    if (riacho_json_peek(&r->scan) != '"')
        return wrong(r, step, "must be a string");
    if (!riacho_json_string(&r->scan, &text))
        return false;
    if (type->logical == RIACHO_DECIMAL)
        return read_decimal(r, type, step, text, ret_bytes);
    return read_base64(r, step, text, ret_bytes);
}

static bool read_fixed(struct reader *r, const riacho_type *type, const struct step *step,
                       uint8_t *to)
{
    riacho_bytes bytes;
    if (!read_bytes(r, type, step, &bytes))
        return false;
    if (!bytes.data)
        return true;
    if (bytes.size != type->fixed_size)
        return issue(r, step,
                     riacho_format(r->arena, "must be %u bytes in base64", type->fixed_size));
    memcpy(to, bytes.data, bytes.size);
    return true;
}

static bool read_enum(struct reader *r, const riacho_type *type, const struct step *step,
                      int32_t *to)
{
    riacho_bytes text;
    if (riacho_json_peek(&r->scan) != '"')
        return wrong(r, step, "must be a string");
    if (!riacho_json_string(&r->scan, &text))
        return false;
    *to = riacho_type_symbol(type, text);
    if (*to >= 0)
        return true;
    riacho_buffer detail = {0};
    riacho_buffer_printf(&detail, "must be one of");
    for (uint32_t i = 0; i < type->symbol_count && detail.size < 400; i++)
        riacho_buffer_printf(&detail, "%s %s", i ? "," : "", type->symbols[i]);
    const char *copy = riacho_copy(r->arena, riacho_buffer_bytes(&detail)).data;
    riacho_buffer_done(&detail);
    return issue(r, step, copy);
}

/* A list that grows by doubling. */
struct list {
    uint8_t *items;
    size_t count, capacity, item_size;
};

/* Room for one more item, cleared; NULL ends reading. */
static void *add_item(struct reader *r, const struct step *step, struct list *list)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? list->capacity * 2 : FIRST_ITEMS;
        uint8_t *items = take_memory(r, step, capacity * list->item_size);
        if (!items)
            return NULL;
        if (list->count)
            memcpy(items, list->items, list->count * list->item_size);
        list->items = items;
        list->capacity = capacity;
    }
    return list->items + list->count++ * list->item_size;
}

static bool read_array(struct reader *r, const riacho_type *type, const struct step *step,
                       riacho_array *to)
{
    struct list list = {.item_size = type->item->size};
    if (riacho_json_peek(&r->scan) != '[')
        return wrong(r, step, "must be an array");
    riacho_json_accept(&r->scan, '[');
    while (!riacho_json_accept(&r->scan, ']')) {
        if (list.count && !riacho_json_expect(&r->scan, ','))
            return false;
        const struct step here = {.up = step, .index = list.count};
        void *item = add_item(r, step, &list);
        if (!item || !read_value(r, type->item, &here, item))
            return false;
    }
    *to = (riacho_array){list.items, list.count};
    return true;
}

/* A member's name and the colon. */
static bool read_name(struct reader *r, bool first, riacho_bytes *ret_name)
{
    if (!first && !riacho_json_expect(&r->scan, ','))
        return false;
    return riacho_json_string(&r->scan, ret_name) && riacho_json_expect(&r->scan, ':');
}

static bool read_entries(struct reader *r, const riacho_type *type, const struct step *step,
                         riacho_map *keys, struct list *list)
{
    while (!riacho_json_accept(&r->scan, '}')) {
        riacho_bytes key;
        if (!read_name(r, list->count == 0, &key))
            return false;
        const struct step here = {.up = step, .name = key};
        uint8_t *entry = add_item(r, step, list);
        if (!entry)
            return false;
        *(riacho_bytes *)entry = key;
        riacho_map_entry *known = riacho_map_put(keys, key);
        if (known->value && !issue(r, &here, "is there twice"))
            return false;
        known->value = r;
        if (!read_value(r, type->item, &here, entry + type->value_offset))
            return false;
    }
    return true;
}

static bool read_map(struct reader *r, const riacho_type *type, const struct step *step,
                     riacho_array *to)
{
    struct list list = {.item_size = type->entry_size};
    riacho_map keys = {0};
    if (riacho_json_peek(&r->scan) != '{')
        return wrong(r, step, "must be an object");
    riacho_json_accept(&r->scan, '{');
    const bool going_on = read_entries(r, type, step, &keys, &list);
    riacho_map_done(&keys);
    *to = (riacho_array){list.items, list.count};
    return going_on;
}

/* The index of a field; members mostly come in the order of the fields. */
static uint32_t find_field(const riacho_type *type, riacho_bytes name, uint32_t guess)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const uint32_t at = (guess + i) % type->field_count;
        if (riacho_bytes_equal(name, riacho_text(type->fields[at].name)))
            return at;
    }
    return UINT32_MAX;
}

static bool read_missing(struct reader *r, const riacho_type *type, const struct step *step,
                         const bool *seen, uint8_t *to)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const riacho_field *field = &type->fields[i];
        const struct step here = {.up = step, .name = riacho_text(field->name)};
        if (seen[i])
            continue;
        if (field->default_value && field->type->size)
            memcpy(to + field->offset, field->default_value, field->type->size);
        else if (field->type->kind == RIACHO_OPTIONAL)
            memset(to + field->offset, 0, field->type->size);
        else if (!field->default_value && !issue(r, &here, "is missing"))
            return false;
    }
    return true;
}

static bool read_members(struct reader *r, const riacho_type *type, const struct step *step,
                         bool *seen, uint8_t *to)
{
    uint32_t next = 0;
    for (bool first = true; !riacho_json_accept(&r->scan, '}'); first = false) {
        riacho_bytes name;
        if (!read_name(r, first, &name))
            return false;
        const struct step here = {.up = step, .name = name};
        const uint32_t at = find_field(type, name, next);
        if (at == UINT32_MAX) {
            if (!wrong(r, &here, "is not a field here"))
                return false;
            continue;
        }
        if (seen[at] && !issue(r, &here, "is there twice"))
            return false;
        seen[at] = true;
        next = at + 1;
        if (!read_value(r, type->fields[at].type, &here, to + type->fields[at].offset))
            return false;
    }
    return true;
}

static bool read_record(struct reader *r, const riacho_type *type, const struct step *step,
                        uint8_t *to)
{
    bool small[64] = {false}, *seen = small;
    if (riacho_json_peek(&r->scan) != '{')
        return wrong(r, step, "must be an object");
    riacho_json_accept(&r->scan, '{');
    if (type->field_count > sizeof small && !(seen = take_memory(r, step, type->field_count)))
        return false;
    return read_members(r, type, step, seen, to) && read_missing(r, type, step, seen, to);
}

static bool read_optional(struct reader *r, const riacho_type *type, const struct step *step,
                          void *to)
{
    if (riacho_json_peek(&r->scan) == 'n') {
        memset(to, 0, type->size);
        return read_null(r, step);
    }
    if (riacho_layout_inline_optional(type->item))
        return read_value(r, type->item, step, to);
    void *value = take_memory(r, step, type->item->size);
    if (!value)
        return false;
    *(const void **)to = value;
    return read_value(r, type->item, step, value);
}

static int32_t find_branch(const riacho_type *type, riacho_bytes name)
{
    for (uint32_t i = 0; i < type->branch_count; i++)
        if (riacho_bytes_equal(name, riacho_text(type->branches[i]->name)))
            return (int32_t)i;
    return -1;
}

static bool read_union(struct reader *r, const riacho_type *type, const struct step *step,
                       uint8_t *to)
{
    static const char detail[] = "must be an object with one member, the name of a branch";
    const char first = riacho_json_peek(&r->scan);
    riacho_bytes name = riacho_text("null");
    if (first == 'n' && (*(int32_t *)to = find_branch(type, name)) >= 0)
        return read_null(r, step);
    if (first != '{')
        return wrong(r, step, detail);
    riacho_json_accept(&r->scan, '{');
    if (riacho_json_accept(&r->scan, '}'))
        return issue(r, step, detail);
    if (!read_name(r, true, &name))
        return false;
    const struct step here = {.up = step, .name = name};
    const int32_t branch = find_branch(type, name);
    *(int32_t *)to = branch;
    if (branch < 0 ? !wrong(r, &here, "is not a branch here")
                   : !read_value(r, type->branches[branch], &here, to + type->value_offset))
        return false;
    if (riacho_json_accept(&r->scan, '}'))
        return true;
    while (riacho_json_accept(&r->scan, ',')) {
        if (!read_name(r, true, &name) || !riacho_json_skip(&r->scan))
            return false;
    }
    return riacho_json_expect(&r->scan, '}') && issue(r, step, detail);
}

static bool read_value(struct reader *r, const riacho_type *type, const struct step *step, void *to)
{
    riacho_bytes bytes;
    switch (type->kind) {
    case RIACHO_NULL:
        return read_null(r, step);
    case RIACHO_BOOLEAN:
        return read_boolean(r, step, to);
    case RIACHO_INT:
    case RIACHO_LONG:
        return read_int(r, type, step, to);
    case RIACHO_FLOAT:
    case RIACHO_DOUBLE:
        return read_double(r, type, step, to);
    case RIACHO_STRING:
        return read_string(r, type, step, to);
    case RIACHO_BYTES:
        if (!read_bytes(r, type, step, &bytes))
            return false;
        *(riacho_bytes *)to = bytes;
        return true;
    case RIACHO_FIXED:
        return read_fixed(r, type, step, to);
    case RIACHO_ENUM:
        return read_enum(r, type, step, to);
    case RIACHO_ARRAY:
        return read_array(r, type, step, to);
    case RIACHO_MAP:
        return read_map(r, type, step, to);
    case RIACHO_RECORD:
        return read_record(r, type, step, to);
    case RIACHO_OPTIONAL:
        return read_optional(r, type, step, to);
    case RIACHO_UNION:
        return read_union(r, type, step, to);
    }
    return true;
}

riacho_status riacho_json_read(const riacho_type *type, riacho_bytes text, riacho_arena *arena,
                               void *ret_value, riacho_json_issues *ret_issues)
{
    struct reader r = {.scan = riacho_json_scan(text, arena), .arena = arena};
    r.memory_left = text.size * RIACHO_DECODE_MEMORY_FACTOR + SLACK_BYTES;
    if (type->size)
        memset(ret_value, 0, type->size);
    if (!r.scan.problem && read_value(&r, type, NULL, ret_value))
        riacho_json_end(&r.scan);
    if (r.scan.problem)
        issue(&r, NULL, r.scan.problem);
    *ret_issues = (riacho_json_issues){r.issues, r.issue_count};
    return r.issue_count ? RIACHO_REJECT : RIACHO_OK;
}
