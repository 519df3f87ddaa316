/* SPDX-License-Identifier: MIT
 *
 * match.c - see match.h.
 */
#include "match.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/macros.h"

static inline void riacho_auto_json(json_t **json)
{
    json_decref(*json);
}

static json_t *parse(riacho_bytes text)
{
    json_error_t why;
    return json_loadb(text.data, text.size, JSON_DECODE_ANY, &why);
}

static bool same(const json_t *expected, const json_t *found, riacho_arena *arena,
                 const char *where, const char **ret_where);

static bool same_members(const json_t *expected, const json_t *found, riacho_arena *arena,
                         const char *where, const char **ret_where)
{
    const char *name;
    json_t *value;
    if (!json_is_object(found)) {
        *ret_where = where;
        return false;
    }
    json_object_foreach((json_t *)expected, name, value)
    {
        const char *below = riacho_format(arena, "%s/%s", where, name);
        if (!same(value, json_object_get(found, name), arena, below, ret_where))
            return false;
    }
    return true;
}

static bool same_items(const json_t *expected, const json_t *found, riacho_arena *arena,
                       const char *where, const char **ret_where)
{
    *ret_where = where;
    if (!json_is_array(found) || json_array_size(found) != json_array_size(expected))
        return false;
    for (size_t i = 0; i < json_array_size(expected); i++) {
        const char *below = riacho_format(arena, "%s/%zu", where, i);
        if (!same(json_array_get(expected, i), json_array_get(found, i), arena, below, ret_where))
            return false;
    }
    return true;
}

static bool same_number(const json_t *expected, const json_t *found)
{
    if (json_is_integer(expected) && json_is_integer(found))
        return json_integer_value(expected) == json_integer_value(found);
    const double a = json_number_value(expected), b = json_number_value(found);
    return fabs(a - b) <= 1e-9 * fmax(1, fmax(fabs(a), fabs(b)));
}

static bool same(const json_t *expected, const json_t *found, riacho_arena *arena,
                 const char *where, const char **ret_where)
{
    if (json_is_object(expected))
        return same_members(expected, found, arena, where, ret_where);
    if (json_is_array(expected))
        return same_items(expected, found, arena, where, ret_where);
    *ret_where = where;
    if (json_is_null(expected))
        return !found || json_is_null(found);
    if (json_is_number(expected))
        return json_is_number(found) && same_number(expected, found);
    return found && json_equal(expected, found);
}

bool riacho_match(const riacho_yaml_node *expected, riacho_bytes found, riacho_arena *arena,
                  const char **ret_where)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_yaml_to_json(expected, &text);
    __attribute__((cleanup(riacho_auto_json))) json_t *wanted = parse(riacho_buffer_bytes(&text));
    __attribute__((cleanup(riacho_auto_json))) json_t *is = found.data ? parse(found) : json_null();
    *ret_where = "";
    return wanted && same(wanted, is, arena, "", ret_where);
}
