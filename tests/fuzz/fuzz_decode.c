/* SPDX-License-Identifier: MIT
 *
 * fuzz_decode.c - any bytes, decoded with any pair of a set of schemas.
 *
 * The first byte chooses writer and reader, the rest is the value. Whatever is accepted must be
 * within the promised memory, and between equal schemas must encode and decode to itself.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "riacho/codec.h"
#include "schemas/program.h"
#include "schemas/schema.h"

static const char *const texts[] = {
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"i\",\"type\":\"int\"},"
    "{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"f\",\"type\":\"float\"},"
    "{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"s\",\"type\":\"string\"},"
    "{\"name\":\"o\",\"type\":[\"null\",\"string\"]},{\"name\":\"p\",\"type\":[\"long\",\"null\"]},"
    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"int\",\"string\"]}},"
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":"
    "\"bytes\"}}},"
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}},"
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"
    "{\"name\":\"u\",\"type\":{\"type\":\"string\",\"logicalType\":\"uuid\"}},"
    "{\"name\":\"c\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"
    "\"scale\":2}}]}",
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"new\",\"type\":\"string\",\"default\":\"x\"},"
    "{\"name\":\"i\",\"type\":\"double\"},{\"name\":\"l\",\"type\":[\"null\",\"float\"]},"
    "{\"name\":\"f\",\"type\":[\"string\",\"double\"]},{\"name\":\"s\",\"type\":\"bytes\"},"
    "{\"name\":\"p\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"items\",\"aliases\":[\"a\"],\"type\":{\"type\":\"array\",\"items\":[\"string\","
    "\"long\"]}},"
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"B\",\"C\"],"
    "\"default\":\"C\"}}]}",
    "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":"
    "\"null\"}}}",
    "{\"type\":\"array\",\"items\":[\"null\",{\"type\":\"fixed\",\"name\":\"K\",\"size\":1000}]}",
    "{\"type\":\"map\",\"values\":[\"null\",{\"type\":\"record\",\"name\":\"P\",\"fields\":[{"
    "\"name\":\"x\",\"type\":\"long\"},{\"name\":\"q\",\"type\":[\"null\",\"long\"]}]}]}",
};

enum { SCHEMAS = sizeof texts / sizeof *texts, SLACK_BYTES = 256 * 1024 };

static riacho_arena *schema_arena; /* for good */
static const riacho_type *types[SCHEMAS];
static const riacho_program *programs[SCHEMAS][SCHEMAS]; /* NULL: they do not go together */

static void prepare(void)
{
    riacho_arena *arena = schema_arena = riacho_arena_new();
    for (size_t i = 0; i < SCHEMAS; i++)
        if (riacho_schema_parse(riacho_text(texts[i]), "fuzz", arena, &types[i], NULL) != RIACHO_OK)
            abort();
    for (size_t w = 0; w < SCHEMAS; w++)
        for (size_t r = 0; r < SCHEMAS; r++)
            if (riacho_program_compile(types[w], types[r], arena, &programs[w][r], NULL) !=
                RIACHO_OK)
                programs[w][r] = NULL;
}

/* What was read is written, read again and is the same. */
static void check_again(size_t schema, const void *value, riacho_arena *arena)
{
    riacho_buffer out = {0};
    riacho_error err;
    void *again = riacho_alloc_zero(arena, 1, types[schema]->size);
    const riacho_program *program = programs[schema][schema];
    if (riacho_program_encode(program, value, &out, &err) != RIACHO_OK)
        abort();
    if (riacho_program_decode(program, riacho_buffer_bytes(&out), 0, arena, again, &err) !=
            RIACHO_OK ||
        riacho_value_compare(types[schema], value, again) != 0)
        abort();
    riacho_buffer_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!programs[0][0])
        prepare();
    if (!size || size > RIACHO_VALUE_BYTES_MAX)
        return 0;
    const size_t writer = data[0] % SCHEMAS, reader = data[0] / SCHEMAS % SCHEMAS;
    if (!programs[writer][reader])
        return 0;
    riacho_arena *arena = riacho_arena_new();
    riacho_buffer json = {0};
    riacho_error err;
    void *value = riacho_alloc_zero(arena, 1, types[reader]->size);
    const riacho_status status = riacho_program_decode(
        programs[writer][reader], (riacho_bytes){data, size}, 1, arena, value, &err);
    if (riacho_arena_used(arena) > RIACHO_DECODE_MEMORY_FACTOR * size + SLACK_BYTES)
        abort();
    if (status == RIACHO_OK) {
        riacho_json_write(types[reader], value, &json);
        check_again(reader, value, arena);
    }
    riacho_buffer_done(&json);
    riacho_arena_free(arena);
    return 0;
}
