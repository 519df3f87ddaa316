/* SPDX-License-Identifier: MIT
 *
 * driver.c - codecs on standard input, for tests written in other languages.
 *
 *   driver FOLDER [IDS_FILE]
 *
 * Each line is a command; each gets one line back, "ok ..." or "reject REASON":
 *   decode WORD HEX    the value as JSON
 *   encode WORD JSON   the bytes in hexadecimal
 */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "riacho/codec.h"

static void riacho_auto_schemas(riacho_schemas **schemas)
{
    riacho_schemas_close(*schemas);
}

static riacho_bytes from_hex(riacho_arena *arena, const char *text)
{
    const size_t size = strlen(text) / 2;
    uint8_t *bytes = riacho_alloc(arena, size);
    for (size_t i = 0; i < size; i++) {
        unsigned byte = 0;
        sscanf(text + 2 * i, "%2x", &byte);
        bytes[i] = (uint8_t)byte;
    }
    return (riacho_bytes){bytes, size};
}

static riacho_status run_decode(const riacho_codec *codec, const char *hex, riacho_arena *arena,
                                riacho_error *err)
{
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    RIACHO_TRY(riacho_decode(codec, from_hex(arena, hex), arena, value, err));
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_json_write(codec->type, value, &out);
    printf("ok %.*s\n", (int)out.size, (const char *)out.data);
    return RIACHO_OK;
}

static riacho_status run_encode(const riacho_codec *codec, const char *json, riacho_arena *arena,
                                riacho_error *err)
{
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    riacho_json_issues issues;
    if (riacho_json_read(codec->type, riacho_text(json), arena, value, &issues) != RIACHO_OK)
        return riacho_fail(err, RIACHO_REJECT, "%s: %s", issues.items[0].pointer,
                           issues.items[0].detail);
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    RIACHO_TRY(riacho_encode(codec, value, &out, err));
    printf("ok ");
    for (size_t i = 0; i < out.size; i++)
        printf("%02x", out.data[i]);
    printf("\n");
    return RIACHO_OK;
}

static riacho_status run(riacho_schemas *schemas, char *line, riacho_arena *arena,
                         riacho_error *err)
{
    char *rest = line;
    const char *verb = strsep(&rest, " "), *word = strsep(&rest, " ");
    const riacho_codec *codec;
    if (!word || !rest)
        return riacho_fail(err, RIACHO_REJECT, "a command is a verb, a type and a value");
    RIACHO_TRY(riacho_schemas_codec(schemas, word, &codec, err));
    if (strcmp(verb, "decode") == 0)
        return run_decode(codec, rest, arena, err);
    return run_encode(codec, rest, arena, err);
}

int main(int argc, char **argv)
{
    riacho_error err;
    RIACHO_AUTO(schemas) riacho_schemas *schemas = NULL;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(heap) char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    if (argc < 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0); /* who asks waits for the answer */
    const riacho_schemas_options options = {.folders = (const char *const *)&argv[1],
                                            .folder_count = 1,
                                            .ids_file = argc > 2 ? argv[2] : NULL};
    if (riacho_schemas_open(&options, &schemas, &err) != RIACHO_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    while ((size = getline(&line, &capacity, stdin)) > 0) {
        line[strcspn(line, "\n")] = 0;
        if (run(schemas, line, arena, &err) != RIACHO_OK)
            printf("reject %s\n", err.text);
        riacho_arena_reset(arena);
    }
    return 0;
}
