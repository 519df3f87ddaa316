/* SPDX-License-Identifier: MIT
 *
 * text.c - see text.h.
 */
#include "text.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "limits.h"
#include "macros.h"

/* Reads leading digits; ret_used is how many bytes they took, 0 when there are none or they do not
 * fit. */
static uint64_t leading_number(riacho_bytes text, size_t *ret_used)
{
    const char *at = text.data;
    uint64_t number = 0;
    size_t used = 0;
    while (used < text.size && at[used] >= '0' && at[used] <= '9') {
        if (__builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(at[used] - '0'), &number)) {
            *ret_used = 0;
            return 0;
        }
        used++;
    }
    *ret_used = used;
    return number;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* A number and one of the units, times its factor, at most `max`. */
static riacho_status parse_with_unit(riacho_bytes text, const struct unit *units, size_t unit_count,
                                     uint64_t max, const char *what, uint64_t *ret,
                                     riacho_error *err)
{
    size_t used;
    const uint64_t number = leading_number(text, &used);
    const riacho_bytes suffix = {(const char *)text.data + used, text.size - used};
    for (size_t i = 0; used && i < unit_count; i++) {
        uint64_t value;
        if (!riacho_bytes_equal(suffix, riacho_text(units[i].name)))
            continue;
        if (__builtin_mul_overflow(number, units[i].factor, &value) || value > max)
            break;
        *ret = value;
        return RIACHO_OK;
    }
    return riacho_fail(err, RIACHO_REJECT, "'%.*s' is not a %s",
                       (int)(text.size > 40 ? 40 : text.size),
                       text.data ? (const char *)text.data : "", what);
}

riacho_status riacho_duration_parse(riacho_bytes text, int64_t *ret_ms, riacho_error *err)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    uint64_t ms;
    RIACHO_TRY(parse_with_unit(text, units, sizeof units / sizeof *units, INT64_MAX,
                               "duration: write a whole number and ms, s, m, h or d, such as 30s",
                               &ms, err));
    *ret_ms = (int64_t)ms;
    return RIACHO_OK;
}

riacho_status riacho_size_parse(riacho_bytes text, uint64_t *ret_bytes, riacho_error *err)
{
    static const struct unit units[] = {{"", 1},           {"B", 1},          {"KiB", 1u << 10},
                                        {"MiB", 1u << 20}, {"GiB", 1u << 30}, {"TiB", 1ull << 40}};
    return parse_with_unit(
        text, units, sizeof units / sizeof *units, INT64_MAX,
        "size: write a whole number of bytes, or with KiB, MiB or GiB, such as 64KiB", ret_bytes,
        err);
}

riacho_status riacho_int_parse(riacho_bytes text, int64_t min, int64_t max, int64_t *ret_value,
                               riacho_error *err)
{
    const bool negative = text.size && *(const char *)text.data == '-';
    const riacho_bytes digits = {(const char *)text.data + negative, text.size - negative};
    size_t used;
    const uint64_t magnitude = leading_number(digits, &used);
    const uint64_t bound = (uint64_t)INT64_MAX + negative;
    if (used && used == digits.size && magnitude <= bound) {
        const int64_t value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
        if (value >= min && value <= max) {
            *ret_value = value;
            return RIACHO_OK;
        }
    }
    return riacho_fail(
        err, RIACHO_REJECT, "'%.*s' is not a whole number from %" PRId64 " to %" PRId64,
        (int)(text.size > 40 ? 40 : text.size), text.data ? (const char *)text.data : "", min, max);
}

riacho_status riacho_position_parse(riacho_bytes text, riacho_arena *arena,
                                    riacho_position *ret_position, riacho_error *err)
{
    const char *start = text.data;
    const char *colon = text.size ? memrchr(start, ':', text.size) : NULL;
    const char *slash = colon ? memrchr(start, '/', (size_t)(colon - start)) : NULL;
    int64_t partition, next;
    if (slash && slash > start && slash - start <= RIACHO_TOPIC_NAME_BYTES_MAX &&
        riacho_int_parse((riacho_bytes){slash + 1, (size_t)(colon - slash - 1)}, 0,
                         RIACHO_PARTITIONS_MAX - 1, &partition, NULL) == RIACHO_OK &&
        riacho_int_parse((riacho_bytes){colon + 1, text.size - (size_t)(colon + 1 - start)}, 0,
                         INT64_MAX, &next, NULL) == RIACHO_OK) {
        ret_position->topic =
            riacho_copy(arena, (riacho_bytes){start, (size_t)(slash - start)}).data;
        ret_position->partition = (int32_t)partition;
        ret_position->next = next;
        return RIACHO_OK;
    }
    return riacho_fail(
        err, RIACHO_REJECT,
        "'%.*s' is not a position: write topic/partition:offset, such as interactions/3:123456",
        (int)(text.size > 80 ? 80 : text.size), start ? start : "");
}

void riacho_position_print(const riacho_position *position, riacho_buffer *out)
{
    riacho_buffer_printf(out, "%s/%d:%" PRId64, position->topic, position->partition,
                         position->next);
}

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void riacho_base64url_encode(riacho_bytes bytes, riacho_buffer *out)
{
    const uint8_t *in = bytes.data;
    uint8_t *to = riacho_buffer_reserve(out, (bytes.size + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size; i += 3) {
        const size_t left = bytes.size - i;
        const uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                               (left > 2 ? in[i + 2] : 0u);
        for (size_t digit = 0; digit < 4 && digit <= left; digit++)
            *to++ = (uint8_t)base64url[group >> (18 - 6 * digit) & 63];
    }
    out->size = (size_t)(to - out->data);
}

static int sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

riacho_status riacho_base64url_decode(riacho_bytes text, riacho_buffer *out, riacho_error *err)
{
    const uint8_t *in = text.data;
    uint32_t group = 0;
    int bits = 0;
    if (text.size % 4 == 1)
        return riacho_fail(err, RIACHO_REJECT, "base64url text is cut short");
    uint8_t *to = riacho_buffer_reserve(out, text.size / 4 * 3 + 2);
    for (size_t i = 0; i < text.size; i++) {
        const int value = sextet(in[i]);
        if (value < 0)
            return riacho_fail(err, RIACHO_REJECT, "byte %zu is not base64url", i);
        group = group << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8)
            *to++ = (uint8_t)(group >> (bits -= 8));
    }
    if (bits && (group & ((1u << bits) - 1)))
        return riacho_fail(err, RIACHO_REJECT, "base64url text ends in bits that are not zero");
    out->size = (size_t)(to - out->data);
    return RIACHO_OK;
}

/* The length of the sequence that starts with this byte, 0 when none does; ret_min is the least
 * code point it may hold. */
static size_t utf8_length(uint8_t lead, uint32_t *ret_min)
{
    if (lead < 0x80)
        return *ret_min = 0, 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return *ret_min = 0x80, 2;
    if ((lead & 0xf0) == 0xe0)
        return *ret_min = 0x800, 3;
    if (lead >= 0xf0 && lead <= 0xf4)
        return *ret_min = 0x10000, 4;
    return 0;
}

bool riacho_utf8_valid(riacho_bytes text)
{
    const uint8_t *at = text.data;
    for (size_t i = 0; i < text.size;) {
        uint64_t word;
        if (text.size - i >= 8 && (memcpy(&word, at + i, 8), !(word & 0x8080808080808080u))) {
            i += 8; /* eight ASCII bytes at once */
            continue;
        }
        uint32_t min;
        const size_t length = utf8_length(at[i], &min);
        if (!length || length > text.size - i)
            return false;
        uint32_t point = length == 1 ? at[i] : at[i] & (0x7fu >> length);
        for (size_t k = 1; k < length; k++) {
            if ((at[i + k] & 0xc0) != 0x80)
                return false;
            point = point << 6 | (at[i + k] & 0x3fu);
        }
        if (point < min || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
        i += length;
    }
    return true;
}

enum { SUGGEST_BYTES_MAX = 64 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Levenshtein, case folded; words over SUGGEST_BYTES_MAX are as far apart as can be. */
static size_t edit_distance(riacho_bytes a, riacho_bytes b)
{
    if (a.size > SUGGEST_BYTES_MAX || b.size > SUGGEST_BYTES_MAX)
        return SIZE_MAX;
    size_t row[SUGGEST_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            const size_t swap = diagonal + (lower(((const char *)a.data)[i - 1]) !=
                                            lower(((const char *)b.data)[j - 1]));
            diagonal = row[j];
            const size_t shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = swap < shift ? swap : shift;
        }
    }
    return row[b.size];
}

const char *riacho_suggest(riacho_bytes word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = word.size < 4 ? 2 : word.size / 3 + 1; /* exclusive */
    for (size_t i = 0; i < count; i++) {
        const size_t distance = edit_distance(word, riacho_text(candidates[i]));
        if (distance < best_distance) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}

void riacho_markup_escape(const char *text, riacho_buffer *out)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            riacho_buffer_printf(out, "&lt;");
            break;
        case '>':
            riacho_buffer_printf(out, "&gt;");
            break;
        case '&':
            riacho_buffer_printf(out, "&amp;");
            break;
        case '"':
            riacho_buffer_printf(out, "&quot;");
            break;
        case '\n':
            riacho_buffer_printf(out, "&#10;");
            break;
        default:
            if ((unsigned char)*text >= 0x20 || *text == '\t')
                riacho_buffer_append(out, text, 1);
        }
    }
}
