/* SPDX-License-Identifier: MIT
 *
 * url.c - see url.h.
 */
#include "url.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Whether the text is what decoding would give: true for nearly every request. */
static bool is_plain(riacho_bytes text, riacho_plus plus)
{
    const uint8_t *at = text.data;
    for (size_t i = 0; i < text.size; i++)
        if (at[i] == '%' || at[i] < 0x20 || at[i] >= 0x7f ||
            (at[i] == '+' && plus == RIACHO_PLUS_IS_SPACE))
            return false;
    return true;
}

riacho_status riacho_url_decode(riacho_bytes text, riacho_plus plus, riacho_arena *arena,
                                riacho_bytes *ret_text, riacho_error *err)
{
    if (is_plain(text, plus)) {
        *ret_text = (riacho_bytes){text.data ? text.data : "", text.size};
        return RIACHO_OK;
    }
    const uint8_t *from = text.data;
    uint8_t *to = riacho_alloc(arena, text.size + 1);
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        int c = from[i];
        if (c == '+' && plus == RIACHO_PLUS_IS_SPACE) {
            c = ' ';
        } else if (c == '%') {
            const int high = i + 2 < text.size ? hex_digit(from[i + 1]) : -1;
            const int low = i + 2 < text.size ? hex_digit(from[i + 2]) : -1;
            if (high < 0 || low < 0)
                return riacho_fail(err, RIACHO_REJECT,
                                   "'%%' in the address is not followed by two hexadecimal digits");
            c = high * 16 + low;
            i += 2;
        }
        if (c < 0x20 || c == 0x7f)
            return riacho_fail(err, RIACHO_REJECT, "the address holds a control character");
        to[size++] = (uint8_t)c;
    }
    to[size] = 0;
    *ret_text = (riacho_bytes){to, size};
    if (!riacho_utf8_valid(*ret_text))
        return riacho_fail(err, RIACHO_REJECT, "the address is not UTF-8");
    return RIACHO_OK;
}

/* The next part up to one of `separator`; moves *at behind it. */
static riacho_bytes next_part(const char **at, const char *end, char separator)
{
    const char *from = *at;
    const char *stop = from < end ? memchr(from, separator, (size_t)(end - from)) : NULL;
    if (!stop)
        stop = end;
    *at = stop < end ? stop + 1 : end;
    return (riacho_bytes){from, (size_t)(stop - from)};
}

static riacho_status parse_path(riacho_http_request *request, riacho_bytes path, riacho_error *err)
{
    const char *at = path.data;
    const char *end = at + path.size;
    if (path.size == 0 || *at != '/')
        return riacho_fail(err, RIACHO_REJECT, "the path does not begin with '/'");
    at++;
    request->segment_count = 0;
    while (at < end) {
        if (request->segment_count == RIACHO_HTTP_SEGMENTS_MAX)
            return riacho_fail(err, RIACHO_REJECT, "the path has more than %d segments",
                               RIACHO_HTTP_SEGMENTS_MAX);
        RIACHO_TRY(riacho_url_decode(next_part(&at, end, '/'), RIACHO_PLUS_IS_PLUS, request->arena,
                                     &request->segments[request->segment_count], err));
        request->segment_count++;
    }
    return RIACHO_OK;
}

static riacho_status add_parameter(riacho_http_request *request, riacho_bytes pair,
                                   riacho_error *err)
{
    const char *at = pair.data;
    const char *end = at + pair.size;
    riacho_header *parameter = &request->parameters[request->parameter_count];
    RIACHO_TRY(riacho_url_decode(next_part(&at, end, '='), RIACHO_PLUS_IS_SPACE, request->arena,
                                 &parameter->name, err));
    RIACHO_TRY(riacho_url_decode((riacho_bytes){at, (size_t)(end - at)}, RIACHO_PLUS_IS_SPACE,
                                 request->arena, &parameter->value, err));
    for (size_t i = 0; i < request->parameter_count; i++)
        if (riacho_bytes_equal(request->parameters[i].name, parameter->name))
            return riacho_fail(err, RIACHO_REJECT, "the query gives '%.*s' twice",
                               (int)(parameter->name.size < 40 ? parameter->name.size : 40),
                               (const char *)parameter->name.data);
    request->parameter_count++;
    return RIACHO_OK;
}

static riacho_status parse_query(riacho_http_request *request, riacho_bytes query,
                                 riacho_error *err)
{
    const char *at = query.data;
    const char *end = at + query.size;
    while (at < end) {
        const riacho_bytes pair = next_part(&at, end, '&');
        if (pair.size == 0)
            continue;
        if (request->parameter_count == RIACHO_HTTP_PARAMETERS_MAX)
            return riacho_fail(err, RIACHO_REJECT, "the query has more than %d parameters",
                               RIACHO_HTTP_PARAMETERS_MAX);
        RIACHO_TRY(add_parameter(request, pair, err));
    }
    return RIACHO_OK;
}

riacho_status riacho_url_parse(riacho_http_request *request, riacho_error *err)
{
    const char *at = request->target.data ? request->target.data : "";
    const char *end = at + request->target.size;
    const riacho_bytes path = next_part(&at, end, '?');
    request->segment_count = 0;
    request->parameter_count = 0;
    RIACHO_TRY(parse_path(request, path, err));
    return parse_query(request, (riacho_bytes){at, (size_t)(end - at)}, err);
}

void riacho_url_encode(riacho_bytes text, riacho_buffer *out)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *at = text.data;
    uint8_t *to = riacho_buffer_reserve(out, text.size * 3);
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = at[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (c && strchr("-._~", c))) {
            to[size++] = c;
            continue;
        }
        to[size++] = '%';
        to[size++] = (uint8_t)digits[c >> 4];
        to[size++] = (uint8_t)digits[c & 15];
    }
    out->size += size;
}
