/* SPDX-License-Identifier: MIT
 *
 * router.c - a tree of segments. A node has its literal children in a list (few, compared by size
 * and bytes), at most one parameter child, and the endpoints that end here, one a method.
 */
#include "router.h"

#include <string.h>

#include "base/memory.h"

enum { METHODS_MAX = 8, ENDPOINTS_MAX = 1024 };

typedef struct node node;
struct node {
    riacho_bytes literal;
    node *children; /* literal ones */
    node *next;     /* sibling */
    node *parameter;
    const riacho_endpoint *endpoints[METHODS_MAX];
    size_t endpoint_count;
};

struct riacho_router {
    riacho_arena *arena;
    node root;
    const riacho_endpoint *endpoints[ENDPOINTS_MAX];
    size_t endpoint_count;
};

riacho_router *riacho_router_new(void)
{
    riacho_router *router = riacho_memory_get_zero(1, sizeof *router);
    router->arena = riacho_arena_new();
    return router;
}

void riacho_router_free(riacho_router *router)
{
    if (!router)
        return;
    riacho_arena_free(router->arena);
    free(router);
}

static node *find_literal(const node *at, riacho_bytes segment)
{
    for (node *child = at->children; child; child = child->next)
        if (riacho_bytes_equal(child->literal, segment))
            return child;
    return NULL;
}

/* The next segment of a template; false at the end. */
static bool next_segment(const char **at, riacho_bytes *ret_segment)
{
    if (**at == '/')
        (*at)++;
    if (!**at)
        return false;
    const size_t size = strcspn(*at, "/");
    *ret_segment = (riacho_bytes){*at, size};
    *at += size;
    return true;
}

static bool is_parameter(riacho_bytes segment)
{
    return *(const char *)segment.data == '{';
}

static bool is_well_formed(riacho_bytes segment)
{
    const char *text = segment.data;
    const bool braces = memchr(text, '{', segment.size) || memchr(text, '}', segment.size);
    if (segment.size == 0)
        return false;
    if (!braces)
        return true;
    return segment.size > 2 && text[0] == '{' && text[segment.size - 1] == '}' &&
           !memchr(text + 1, '{', segment.size - 1) && !memchr(text, '}', segment.size - 1);
}

static node *child_for(riacho_router *router, node *at, riacho_bytes segment)
{
    node *child = is_parameter(segment) ? at->parameter : find_literal(at, segment);
    if (child)
        return child;
    child = riacho_alloc_zero(router->arena, 1, sizeof *child);
    if (is_parameter(segment)) {
        at->parameter = child;
        return child;
    }
    child->literal = segment;
    child->next = at->children;
    at->children = child;
    return child;
}

static const riacho_endpoint *endpoint_of(const node *at, riacho_bytes method)
{
    for (size_t i = 0; i < at->endpoint_count; i++)
        if (riacho_bytes_equal(riacho_text(at->endpoints[i]->method), method))
            return at->endpoints[i];
    return NULL;
}

riacho_status riacho_router_add(riacho_router *router, const riacho_endpoint *endpoint,
                                riacho_error *err)
{
    const char *names[RIACHO_HTTP_SEGMENTS_MAX];
    size_t name_count = 0;
    size_t depth = 0;
    riacho_bytes segment;
    node *at = &router->root;
    if (endpoint->path[0] != '/')
        return riacho_fail(err, RIACHO_REJECT, "the path '%s' does not begin with '/'",
                           endpoint->path);
    for (const char *rest = endpoint->path; next_segment(&rest, &segment); depth++) {
        if (!is_well_formed(segment) || depth == RIACHO_HTTP_SEGMENTS_MAX)
            return riacho_fail(err, RIACHO_REJECT,
                               "the path '%s' is not made of literal and {parameter} segments",
                               endpoint->path);
        if (is_parameter(segment))
            names[name_count++] = riacho_format(router->arena, "%.*s", (int)segment.size - 2,
                                                (const char *)segment.data + 1);
        at = child_for(router, at, segment);
    }
    if (endpoint_of(at, riacho_text(endpoint->method)))
        return riacho_fail(err, RIACHO_REJECT, "%s %s is already served", endpoint->method,
                           endpoint->path);
    if (at->endpoint_count == METHODS_MAX || router->endpoint_count == ENDPOINTS_MAX)
        return riacho_fail(err, RIACHO_REJECT, "more than %d routes", ENDPOINTS_MAX);
    riacho_endpoint *copy = riacho_alloc_zero(router->arena, 1, sizeof *copy);
    const char **own_names = riacho_alloc_zero(router->arena, name_count + 1, sizeof *own_names);
    *copy = *endpoint;
    memcpy(own_names, names, name_count * sizeof *names);
    copy->names = own_names;
    copy->name_count = name_count;
    copy->index = (uint32_t)router->endpoint_count;
    at->endpoints[at->endpoint_count++] = copy;
    router->endpoints[router->endpoint_count++] = copy;
    return RIACHO_OK;
}

const riacho_endpoint *riacho_router_find(const riacho_router *router, const char *method,
                                          const char *path)
{
    const node *at = &router->root;
    riacho_bytes segment;
    for (const char *rest = path; at && next_segment(&rest, &segment);)
        at = is_parameter(segment) ? at->parameter : find_literal(at, segment);
    return at ? endpoint_of(at, riacho_text(method)) : NULL;
}

struct search {
    const riacho_bytes *segments;
    size_t segment_count;
    riacho_match *match;
};

/* Goes down from `at` at segment `depth`; the first node with endpoints at the end wins. Templates
 * are at most RIACHO_HTTP_SEGMENTS_MAX deep, so this recursion is, too. */
static const node *descend(const struct search *search, const node *at, size_t depth, size_t values)
{
    if (depth == search->segment_count) {
        if (at->endpoint_count == 0)
            return NULL;
        search->match->value_count = values;
        return at;
    }
    const node *literal = find_literal(at, search->segments[depth]);
    const node *found = literal ? descend(search, literal, depth + 1, values) : NULL;
    if (found || !at->parameter || search->segments[depth].size == 0)
        return found;
    search->match->values[values] = (uint32_t)depth;
    return descend(search, at->parameter, depth + 1, values + 1);
}

void riacho_router_match(const riacho_router *router, riacho_bytes method,
                         const riacho_bytes *segments, size_t segment_count,
                         riacho_match *ret_match)
{
    const struct search search = {segments, segment_count, ret_match};
    const node *at = descend(&search, &router->root, 0, 0);
    if (!at) {
        ret_match->endpoint = NULL;
        ret_match->other_count = 0;
        return;
    }
    ret_match->others = at->endpoints;
    ret_match->other_count = at->endpoint_count;
    ret_match->endpoint = endpoint_of(at, method);
    if (!ret_match->endpoint && riacho_bytes_equal(method, riacho_text("HEAD")))
        ret_match->endpoint = endpoint_of(at, riacho_text("GET"));
}

size_t riacho_router_endpoints(const riacho_router *router,
                               const riacho_endpoint *const **ret_endpoints)
{
    *ret_endpoints = router->endpoints;
    return router->endpoint_count;
}
