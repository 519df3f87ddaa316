/* SPDX-License-Identifier: MIT
 *
 * headers.c - see headers.h.
 */
#include "headers.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"

enum { WAIT_SECONDS_MAX = 1000000, BOUND_MS_MAX = 3600000 };

static riacho_bytes trim(riacho_bytes text)
{
    const char *from = text.data;
    const char *end = from + text.size;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (riacho_bytes){from, (size_t)(end - from)};
}

/* The next element of a list, trimmed; false at the end. */
static bool next_element(riacho_bytes *rest, char separator, riacho_bytes *ret_element)
{
    const char *text = rest->data;
    if (rest->size == 0)
        return false;
    const char *at = memchr(text, separator, rest->size);
    const size_t size = at ? (size_t)(at - text) : rest->size;
    *ret_element = trim((riacho_bytes){text, size});
    *rest = at ? (riacho_bytes){at + 1, rest->size - size - 1} : (riacho_bytes){text, 0};
    return true;
}

riacho_status riacho_prefer_wait_ms(const riacho_http_request *request, int64_t *ret_wait_ms,
                                    riacho_error *err)
{
    riacho_bytes rest = riacho_http_header(request, "prefer");
    riacho_bytes element;
    *ret_wait_ms = -1;
    while (next_element(&rest, ',', &element)) {
        int64_t seconds;
        if (element.size < 5 || strncasecmp(element.data, "wait=", 5) != 0)
            continue;
        const riacho_bytes number = {(const char *)element.data + 5, element.size - 5};
        if (riacho_int_parse(number, 0, WAIT_SECONDS_MAX, &seconds, NULL) != RIACHO_OK)
            return riacho_fail(err, RIACHO_REJECT,
                               "Prefer: wait needs a whole number of seconds, as in wait=2");
        *ret_wait_ms = seconds * 1000;
        return RIACHO_OK;
    }
    return RIACHO_OK;
}

riacho_status riacho_read_consistency(const riacho_http_request *request, int64_t *ret_bound_ms,
                                      riacho_error *err)
{
    static const char bounded[] = "bounded=";
    const size_t size = sizeof bounded - 1;
    const riacho_bytes header = riacho_http_header(request, "read-consistency");
    const riacho_bytes value = header.data ? trim(header) : header;
    *ret_bound_ms = -1;
    if (!value.data)
        return RIACHO_OK;
    if (value.size == 6 && strncasecmp(value.data, "strong", 6) == 0) {
        *ret_bound_ms = 0;
        return RIACHO_OK;
    }
    const char *text = value.data;
    if (value.size > size + 2 && strncasecmp(text, bounded, size) == 0 &&
        memcmp(text + value.size - 2, "ms", 2) == 0) {
        const riacho_bytes number = {text + size, value.size - size - 2};
        if (riacho_int_parse(number, 0, BOUND_MS_MAX, ret_bound_ms, NULL) == RIACHO_OK)
            return RIACHO_OK;
    }
    return riacho_fail(err, RIACHO_REJECT,
                       "Read-Consistency is 'strong', or as in 'bounded=500ms'");
}

riacho_status riacho_if_position(const riacho_http_request *request, riacho_position *ret_positions,
                                 size_t *ret_count, riacho_error *err)
{
    riacho_bytes rest = riacho_http_header(request, "if-position");
    riacho_bytes element;
    *ret_count = 0;
    while (next_element(&rest, ',', &element)) {
        if (*ret_count == RIACHO_POSITIONS_MAX)
            return riacho_fail(err, RIACHO_REJECT, "If-Position has more than %d positions",
                               RIACHO_POSITIONS_MAX);
        RIACHO_TRY(riacho_position_parse(element, request->arena, &ret_positions[*ret_count], err));
        (*ret_count)++;
    }
    return RIACHO_OK;
}

static void print_hex(uint64_t number, char ret_digits[16])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 15; i >= 0; i--, number >>= 4)
        ret_digits[i] = digits[number & 15];
}

static bool parse_hex(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (int i = 0; i < 16; i++) {
        const char c = text[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret_number = number;
    return true;
}

void riacho_tag_print(uint64_t moment, uint64_t version, char ret_text[RIACHO_TAG_TEXT_BYTES])
{
    char *at = ret_text;
    *at++ = '"';
    if (moment) {
        print_hex(moment, at);
        at[16] = '-';
        at += 17;
    }
    print_hex(version, at);
    at[16] = '"';
    at[17] = 0;
}

/* The tag's numbers, moment 0 when it has none; false when it is none of ours. */
static bool parse_tag(riacho_bytes tag, uint64_t *ret_moment, uint64_t *ret_version)
{
    const char *text = tag.data;
    *ret_moment = 0;
    if (tag.size != 18 && tag.size != 35)
        return false;
    if (text[0] != '"' || text[tag.size - 1] != '"' ||
        (tag.size == 35 && (text[17] != '-' || !parse_hex(text + 1, ret_moment))))
        return false;
    return parse_hex(text + tag.size - 17, ret_version);
}

/* The next tag of the list, without the mark of a weak one. */
static bool next_tag(riacho_bytes *rest, riacho_bytes *ret_tag)
{
    if (!next_element(rest, ',', ret_tag))
        return false;
    if (ret_tag->size > 2 && memcmp(ret_tag->data, "W/", 2) == 0)
        *ret_tag = (riacho_bytes){(const char *)ret_tag->data + 2, ret_tag->size - 2};
    return true;
}

riacho_bytes riacho_none_match_moment(const riacho_http_request *request, uint64_t *ret_moment)
{
    riacho_bytes rest = riacho_http_header(request, "if-none-match");
    riacho_bytes tag;
    uint64_t version;
    while (next_tag(&rest, &tag))
        if (parse_tag(tag, ret_moment, &version) && *ret_moment)
            return tag;
    *ret_moment = 0;
    return (riacho_bytes){0};
}

bool riacho_none_match(const riacho_http_request *request, uint64_t version)
{
    riacho_bytes rest = riacho_http_header(request, "if-none-match");
    riacho_bytes tag;
    uint64_t moment, of;
    while (next_tag(&rest, &tag))
        if (riacho_bytes_equal(tag, riacho_text("*")) ||
            (parse_tag(tag, &moment, &of) && of == version))
            return true;
    return false;
}

riacho_status riacho_idempotency_key(const riacho_http_request *request, riacho_bytes *ret_key,
                                     riacho_error *err)
{
    const riacho_bytes key = riacho_http_header(request, "idempotency-key");
    const char *text = key.data;
    *ret_key = (riacho_bytes){0};
    if (!key.data)
        return RIACHO_OK;
    for (size_t i = 0; i < key.size; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return riacho_fail(err, RIACHO_REJECT,
                               "Idempotency-Key may hold visible ASCII characters only");
    if (key.size == 0 || key.size > RIACHO_IDEMPOTENCY_KEY_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "Idempotency-Key must have 1 to %d characters",
                           RIACHO_IDEMPOTENCY_KEY_BYTES_MAX);
    *ret_key = key;
    return RIACHO_OK;
}

riacho_bytes riacho_traceparent(const riacho_http_request *request)
{
    static const char shape[] = "00-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
    static const char no_trace[] = "00000000000000000000000000000000";
    const riacho_bytes value = riacho_http_header(request, "traceparent");
    const char *text = value.data;
    if (value.size != sizeof shape - 1)
        return (riacho_bytes){0};
    for (size_t i = 0; i < value.size; i++) {
        const bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (shape[i] == 'h' ? !digit : text[i] != shape[i])
            return (riacho_bytes){0};
    }
    if (memcmp(text + 3, no_trace, 32) == 0 || memcmp(text + 36, no_trace, 16) == 0)
        return (riacho_bytes){0};
    return value;
}

/* "charset=utf-8", the value quoted or not. */
static bool is_utf8(riacho_bytes element)
{
    const char *value = (const char *)element.data + 8;
    const size_t size = element.size - 8;
    return (size == 5 && strncasecmp(value, "utf-8", size) == 0) ||
           (size == 7 && strncasecmp(value, "\"utf-8\"", size) == 0);
}

bool riacho_is_json(const riacho_http_request *request)
{
    riacho_bytes rest = riacho_http_header(request, "content-type");
    riacho_bytes element;
    if (!next_element(&rest, ';', &element) || element.size != 16 ||
        strncasecmp(element.data, "application/json", 16) != 0)
        return false;
    while (next_element(&rest, ';', &element))
        if (element.size > 8 && strncasecmp(element.data, "charset=", 8) == 0 && !is_utf8(element))
            return false;
    return true;
}
