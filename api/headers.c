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

int64_t riacho_prefer_wait_ms(const riacho_http_request *request)
{
    riacho_bytes rest = riacho_http_header(request, "prefer");
    riacho_bytes element;
    while (next_element(&rest, ',', &element)) {
        int64_t seconds;
        if (element.size < 6 || strncasecmp(element.data, "wait=", 5) != 0)
            continue;
        const riacho_bytes number = {(const char *)element.data + 5, element.size - 5};
        if (riacho_int_parse(number, 0, 1000000, &seconds, NULL) == RIACHO_OK)
            return seconds * 1000;
    }
    return -1;
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

bool riacho_none_match(const riacho_http_request *request, const char *etag)
{
    riacho_bytes rest = riacho_http_header(request, "if-none-match");
    riacho_bytes element;
    while (next_element(&rest, ',', &element)) {
        if (element.size > 2 && memcmp(element.data, "W/", 2) == 0)
            element = (riacho_bytes){(const char *)element.data + 2, element.size - 2};
        if (riacho_bytes_equal(element, riacho_text(etag)) ||
            riacho_bytes_equal(element, riacho_text("*")))
            return true;
    }
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
