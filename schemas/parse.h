/* SPDX-License-Identifier: MIT
 *
 * parse.h - the reader of schema JSON, as schema.c (one text), files.c (a set of files) and
 * default.c (default values) share it. Private to this folder.
 */
#pragma once

#include <jansson.h>
#include <string.h>

#include "base/map.h"
#include "schema.h"

typedef struct riacho_parser riacho_parser;

struct riacho_parser {
    riacho_arena *arena;
    riacho_error *err;
    const char *origin; /* the file, for errors */
    riacho_map *names;  /* full name -> riacho_schema */
    uint32_t depth;     /* of JSON within JSON */
    size_t path_size;
    char path[160]; /* the field being read, "owner.name"; "" at the top */

    /* Called for a name that is not in `names`; makes it known or leaves it. May be NULL. */
    riacho_status (*find)(riacho_parser *parser, riacho_bytes name);
    void *find_context;
};

RIACHO_CHECKED riacho_status riacho_parser_type(riacho_parser *parser, const json_t *json,
                                                const char *space, const riacho_type **ret_type);

/* Fails with origin and field path in front. */
riacho_status riacho_parser_fail(riacho_parser *parser, const char *format, ...)
    RIACHO_PRINTF(2, 3);

/* Adds a field to the path; returns the size to set parser->path_size back to. */
size_t riacho_parser_enter(riacho_parser *parser, const char *field);
void riacho_parser_leave(riacho_parser *parser, size_t before);

/* Reads JSON text; errors name line and column. The caller owns ret_json. */
RIACHO_CHECKED riacho_status riacho_parser_json(riacho_bytes text, const char *origin,
                                                json_t **ret_json, riacho_error *err);

/* The text of a JSON string that is to be a name: NULL for anything else, and for text with a NUL
 * in it (which only the default of bytes may have). */
static inline const char *riacho_parser_text(const json_t *json)
{
    const char *text = json_string_value(json);
    return text && !memchr(text, 0, json_string_length(json)) ? text : NULL;
}

/* "space.name", or the name alone when it has a dot or there is no space. */
const char *riacho_parser_full_name(riacho_arena *arena, const char *name, const char *space);
/* The namespace of a full name, or NULL. */
const char *riacho_parser_space_of(riacho_arena *arena, const char *full_name);

/* Reads a default as Avro writes it: bytes as text of U+0000 to U+00FF, a union as the first branch
 * that takes it. */
RIACHO_CHECKED riacho_status riacho_parser_default(riacho_parser *parser, const riacho_type *type,
                                                   const json_t *json, void *ret_value);

static inline void riacho_auto_json(json_t **json)
{
    json_decref(*json);
}
