/* SPDX-License-Identifier: MIT
 *
 * json_scan.c - see json_scan.h.
 */
#include "json_scan.h"

#include <string.h>

#include "base/text.h"

static bool fail_at(riacho_json_scanner *s, const char *where, const char *what)
{
    size_t line = 1;
    const char *first = s->start;
    if (s->problem)
        return false;
    for (const char *at = s->start; at < where; at++)
        if (*at == '\n') {
            line++;
            first = at + 1;
        }
    s->problem = riacho_format(s->arena, "line %zu, column %zu: %s", line,
                               (size_t)(where - first) + 1, what);
    s->at = s->end;
    return false;
}

static bool fail(riacho_json_scanner *s, const char *what)
{
    return fail_at(s, s->at, what);
}

riacho_json_scanner riacho_json_scan(riacho_bytes text, riacho_arena *arena)
{
    riacho_json_scanner s = {.start = text.data ? text.data : "", .arena = arena};
    s.at = s.start;
    s.end = s.start + text.size;
    if (!riacho_utf8_valid(text))
        fail(&s, "the text is not UTF-8");
    return s;
}

char riacho_json_peek(riacho_json_scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
    return s->at < s->end ? *s->at : 0;
}

bool riacho_json_accept(riacho_json_scanner *s, char mark)
{
    if (riacho_json_peek(s) != mark || s->at == s->end)
        return false;
    s->at++;
    return true;
}

bool riacho_json_expect(riacho_json_scanner *s, char mark)
{
    if (riacho_json_accept(s, mark))
        return true;
    const char text[] = {'e', 'x', 'p', 'e', 'c', 't', 'e', 'd', ' ', '\'', mark, '\'', 0};
    return fail(s, s->at == s->end ? "the text ends too early" : text);
}

bool riacho_json_end(riacho_json_scanner *s)
{
    if (s->problem)
        return false;
    riacho_json_peek(s);
    return s->at == s->end || fail(s, "there is something behind the value");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The four digits of a \u escape; -1 when they are none. */
static int32_t hex_quad(const char *at, const char *end)
{
    int32_t value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static size_t put_utf8(uint32_t point, uint8_t *to)
{
    if (point < 0x80) {
        to[0] = (uint8_t)point;
        return 1;
    }
    const size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        to[i] = (uint8_t)(0x80 | (point & 0x3f));
    to[0] = (uint8_t)(0xf00u >> size | point);
    return size;
}

/* The character of a \u escape, surrogate pairs joined. `at` is behind the "\u"; returns how many
 * bytes the escape goes on for, 0 when it is wrong. */
static size_t unicode_escape(const char *at, const char *end, uint32_t *ret_point)
{
    const int32_t first = hex_quad(at, end);
    if (first < 0 || (first >= 0xdc00 && first <= 0xdfff))
        return 0;
    *ret_point = (uint32_t)first;
    if (first < 0xd800 || first > 0xdbff)
        return 4;
    if (end - at < 10 || at[4] != '\\' || at[5] != 'u')
        return 0;
    const int32_t second = hex_quad(at + 6, end);
    if (second < 0xdc00 || second > 0xdfff)
        return 0;
    *ret_point = 0x10000u + (((uint32_t)first - 0xd800u) << 10) + ((uint32_t)second - 0xdc00u);
    return 10;
}

/* `end` is the closing quote. */
static bool unescape(riacho_json_scanner *s, const char *at, const char *end, riacho_bytes *ret)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint8_t *copy = riacho_alloc(s->arena, (size_t)(end - at));
    size_t size = 0;
    while (at < end) {
        if (*at != '\\') {
            copy[size++] = (uint8_t)*at++;
            continue;
        }
        const char *found = at[1] ? strchr(from, at[1]) : NULL;
        uint32_t point;
        size_t more;
        if (found) {
            copy[size++] = (uint8_t)to[found - from];
            at += 2;
        } else if (at[1] == 'u' && (more = unicode_escape(at + 2, end, &point))) {
            size += put_utf8(point, copy + size);
            at += 2 + more;
        } else {
            return fail_at(s, at, "not a JSON escape");
        }
    }
    *ret = (riacho_bytes){copy, size};
    return true;
}

bool riacho_json_string(riacho_json_scanner *s, riacho_bytes *ret_text)
{
    bool escapes = false;
    if (!riacho_json_expect(s, '"'))
        return false;
    const char *first = s->at, *at = first;
    for (; at < s->end && *at != '"'; at++) {
        if ((uint8_t)*at < 0x20)
            return fail_at(s, at, "a string holds a control character");
        if (*at == '\\') {
            escapes = true;
            if (++at == s->end)
                break;
        }
    }
    if (at >= s->end)
        return fail_at(s, s->end, "the text ends within a string");
    s->at = at + 1;
    *ret_text = (riacho_bytes){first, (size_t)(at - first)};
    return escapes ? unescape(s, first, at, ret_text) : true;
}

static const char *digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

bool riacho_json_number(riacho_json_scanner *s, riacho_bytes *ret_number)
{
    riacho_json_peek(s);
    const char *first = s->at, *end = s->end;
    const char *at = first + (first < end && *first == '-'), *from = at;
    at = digits(at, end);
    if (at == from || (*from == '0' && at > from + 1))
        return fail(s, "not a JSON value");
    if (at < end && *at == '.') {
        from = at + 1;
        at = digits(from, end);
        if (at == from)
            return fail(s, "a number needs digits behind its point");
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        from = at + 1;
        from += from < end && (*from == '-' || *from == '+');
        at = digits(from, end);
        if (at == from)
            return fail(s, "a number needs digits in its exponent");
    }
    s->at = at;
    *ret_number = (riacho_bytes){first, (size_t)(at - first)};
    return true;
}

bool riacho_json_literal(riacho_json_scanner *s, riacho_bytes *ret_word)
{
    static const char *const words[] = {"true", "false", "null"};
    riacho_json_peek(s);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t size = strlen(words[i]);
        if ((size_t)(s->end - s->at) < size || memcmp(s->at, words[i], size) != 0)
            continue;
        *ret_word = (riacho_bytes){s->at, size};
        s->at += size;
        return true;
    }
    return fail(s, s->at == s->end ? "the text ends too early" : "not a JSON value");
}

static bool skip_plain(riacho_json_scanner *s, char first)
{
    riacho_bytes ignored;
    if (first == '"')
        return riacho_json_string(s, &ignored);
    if (first == '-' || (first >= '0' && first <= '9'))
        return riacho_json_number(s, &ignored);
    return riacho_json_literal(s, &ignored);
}

static bool skip_name(riacho_json_scanner *s)
{
    riacho_bytes ignored;
    return riacho_json_string(s, &ignored) && riacho_json_expect(s, ':');
}

bool riacho_json_skip(riacho_json_scanner *s)
{
    char closing[RIACHO_JSON_DEPTH_MAX]; /* what closes each open value */
    size_t depth = 0;
    for (;;) {
        const char first = riacho_json_peek(s);
        bool done = true;
        if (first == '{' || first == '[') {
            if (depth == RIACHO_JSON_DEPTH_MAX)
                return fail(s, "values are nested too deep");
            s->at++;
            closing[depth++] = first == '{' ? '}' : ']';
            done = riacho_json_accept(s, closing[depth - 1]);
            depth -= done;
        } else if (!skip_plain(s, first)) {
            return false;
        }
        while (done && depth && !riacho_json_accept(s, ',')) {
            if (!riacho_json_expect(s, closing[--depth]))
                return false;
        }
        if (!depth)
            return true;
        if (closing[depth - 1] == '}' && !skip_name(s))
            return false;
    }
}
