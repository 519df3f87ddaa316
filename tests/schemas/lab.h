/* SPDX-License-Identifier: MIT
 *
 * lab.h - a folder of schema files for one test program, and short ways to put values through
 * codecs. Everything fails the test by itself.
 */
#pragma once

#include "riacho/codec.h"

struct lab_file {
    const char *stem;
    const char *text;
};

struct lab {
    char folder[64];
    riacho_schemas *schemas;
    riacho_arena *arena; /* of the current value; each call below resets it */
};

/* Makes the folder (below $TMPDIR), writes the files and opens them; close removes it. */
void lab_open(struct lab *lab, const struct lab_file *files, size_t count);
void lab_close(struct lab *lab);

/* A folder of its own, and files in it. */
void lab_folder_new(char folder[64]);
void lab_folder_delete(const char *folder);
void lab_file_write(const char *folder, const char *name, const char *text);
/* A text file's content, in the arena. */
const char *lab_file_read(riacho_arena *arena, const char *folder, const char *name);

const riacho_codec *lab_codec(struct lab *lab, const char *word);
/* Hexadecimal text without spaces -> bytes in the arena. */
riacho_bytes lab_hex(riacho_arena *arena, const char *text);
/* Decodes an exact heap copy, so that a sanitizer sees one byte too many. Avro words get the header
 * of their own id in front. ret_json is in lab->arena. */
riacho_status lab_decode(struct lab *lab, const char *word, riacho_bytes body,
                         const char **ret_json, riacho_error *err);
/* bytes -> value -> json, and json -> value -> bytes. */
void lab_expect_both_ways(struct lab *lab, const char *word, const char *hex, const char *json);
