/* SPDX-License-Identifier: MIT
 *
 * json_scan.h - the words of JSON (RFC 8259), strictly: strings, numbers, literals, punctuation,
 * and values that nobody asked for. One thread at a time.
 *
 * A scanner stops for good at the first thing that is not JSON: `problem` is set and everything
 * returns false from then on.
 */
#pragma once

#include "riacho/types.h"

typedef struct riacho_json_scanner {
    const char *start;
    const char *at;
    const char *end;
    riacho_arena *arena;
    const char *problem; /* "line 1, column 5: ..." or NULL */
} riacho_json_scanner;

/* The text must be UTF-8 throughout; that is noticed here. */
riacho_json_scanner riacho_json_scan(riacho_bytes text, riacho_arena *arena);

/* The first byte of the next word, 0 at the end. */
char riacho_json_peek(riacho_json_scanner *scanner);
/* Passes over this punctuation mark. False when the next word is another. */
bool riacho_json_accept(riacho_json_scanner *scanner, char mark);
/* As accept, but its absence is a problem. */
bool riacho_json_expect(riacho_json_scanner *scanner, char mark);
/* Points into the text, or into the arena when there are escapes. */
bool riacho_json_string(riacho_json_scanner *scanner, riacho_bytes *ret_text);
/* The number as it is written. */
bool riacho_json_number(riacho_json_scanner *scanner, riacho_bytes *ret_number);
/* true, false or null. */
bool riacho_json_literal(riacho_json_scanner *scanner, riacho_bytes *ret_word);
/* Passes over a whole value, at most RIACHO_JSON_DEPTH_MAX deep. */
bool riacho_json_skip(riacho_json_scanner *scanner);
/* Nothing but space is left. */
bool riacho_json_end(riacho_json_scanner *scanner);

enum { RIACHO_JSON_DEPTH_MAX = 64 };
