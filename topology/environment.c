/* SPDX-License-Identifier: MIT
 *
 * environment.c - see environment.h.
 */
#include "environment.h"

#include <string.h>

#include "base/macros.h"

static bool is_name(riacho_bytes text)
{
    const char *at = text.data;
    for (size_t i = 0; i < text.size; i++) {
        const bool letter =
            (at[i] >= 'A' && at[i] <= 'Z') || (at[i] >= 'a' && at[i] <= 'z') || at[i] == '_';
        if (!letter && (i == 0 || at[i] < '0' || at[i] > '9'))
            return false;
    }
    return text.size > 0 && text.size < 256;
}

/* `inside` is what stands between the braces. */
static riacho_status fill_one(riacho_bytes inside, const char *(*get)(const char *name),
                              riacho_buffer *out, riacho_error *err)
{
    const char *start = inside.data;
    const char *dash = memmem(start, inside.size, ":-", 2);
    const riacho_bytes name = {start, dash ? (size_t)(dash - start) : inside.size};
    char terminated[256];
    if (!is_name(name))
        return riacho_fail(err, RIACHO_REJECT, "'${%.*s}' does not name an environment variable",
                           (int)(inside.size > 80 ? 80 : inside.size), start);
    if (!get)
        return riacho_fail(err, RIACHO_REJECT,
                           "'${%.*s}': environment variables are not filled in here",
                           (int)name.size, start);
    memcpy(terminated, name.data, name.size);
    terminated[name.size] = 0;
    const char *value = get(terminated);
    if (value && (*value || !dash))
        riacho_buffer_append(out, value, strlen(value));
    else if (dash)
        riacho_buffer_append(out, dash + 2, inside.size - name.size - 2);
    else
        return riacho_fail(err, RIACHO_REJECT,
                           "the environment variable '%s' is not set and has no default",
                           terminated);
    return RIACHO_OK;
}

riacho_status riacho_environment_fill(riacho_bytes text, const char *(*get)(const char *name),
                                      riacho_arena *arena, riacho_bytes *ret_text,
                                      riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const char *at = text.data;
    const char *end = at + text.size;
    const char *open;
    while ((open = memmem(at, (size_t)(end - at), "${", 2))) {
        const char *close = memchr(open, '}', (size_t)(end - open));
        riacho_buffer_append(&out, at, (size_t)(open - at));
        if (!close)
            return riacho_fail(err, RIACHO_REJECT, "'${' has no closing '}'");
        const riacho_bytes inside = {open + 2, (size_t)(close - open - 2)};
        RIACHO_TRY(fill_one(inside, get, &out, err));
        at = close + 1;
    }
    riacho_buffer_append(&out, at, (size_t)(end - at));
    *ret_text = riacho_copy(arena, riacho_buffer_bytes(&out));
    return RIACHO_OK;
}
