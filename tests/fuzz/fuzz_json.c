/* SPDX-License-Identifier: MIT
 *
 * fuzz_json.c - any text, read as JSON of a schema with every kind of field. What is accepted must
 * be written and read as itself; what is not must come with at least one issue, and is within the
 * promised memory either way.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"
#include "riacho/codec.h"
#include "schemas/schema.h"

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"b\",\"type\":\"boolean\",\"default\":true},"
    "{\"name\":\"i\",\"type\":\"int\",\"default\":1},"
    "{\"name\":\"l\",\"type\":\"long\",\"default\":2},"
    "{\"name\":\"f\",\"type\":\"float\",\"default\":0},"
    "{\"name\":\"d\",\"type\":\"double\",\"default\":0},"
    "{\"name\":\"s\",\"type\":\"string\",\"default\":\"\"},"
    "{\"name\":\"y\",\"type\":\"bytes\",\"default\":\"\"},"
    "{\"name\":\"o\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"p\",\"type\":[\"long\",\"null\"],\"default\":5},"
    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"int\",\"string\"]},"
    "\"default\":[]},"
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":"
    "\"bytes\"}},\"default\":{}},"
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]},"
    "\"default\":\"A\"},"
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3},\"default\":\"abc\"},"
    "{\"name\":\"c\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"
    "\"scale\":2},\"default\":\"\\u0001\"}]}";

enum { SLACK_BYTES = 256 * 1024 };

static riacho_arena *schema_arena; /* for good */
static const riacho_type *type;

static void check_again(const void *value, riacho_arena *arena)
{
    riacho_buffer out = {0};
    riacho_json_issues issues;
    void *again = riacho_alloc_zero(arena, 1, type->size);
    riacho_json_write(type, value, &out);
    if (riacho_json_read(type, riacho_buffer_bytes(&out), arena, again, &issues) != RIACHO_OK ||
        riacho_value_compare(type, value, again) != 0)
        abort();
    riacho_buffer_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!schema_arena) {
        schema_arena = riacho_arena_new();
        if (riacho_schema_parse(riacho_text(schema), "fuzz", schema_arena, &type, NULL) !=
            RIACHO_OK)
            abort();
    }
    riacho_arena *arena = riacho_arena_new();
    riacho_json_issues issues;
    riacho_buffer quoted = {0};
    void *value = riacho_alloc_zero(arena, 1, type->size);
    const riacho_bytes text = {data ? data : (const uint8_t *)"", size};
    const riacho_status status = riacho_json_read(type, text, arena, value, &issues);
    if ((status == RIACHO_OK) != (issues.count == 0) ||
        riacho_arena_used(arena) > RIACHO_DECODE_MEMORY_FACTOR * size + SLACK_BYTES)
        abort();
    if (status == RIACHO_OK)
        check_again(value, arena);
    riacho_json_quote(text, &quoted);
    if (!riacho_utf8_valid(riacho_buffer_bytes(&quoted)))
        abort();
    riacho_buffer_done(&quoted);
    riacho_arena_free(arena);
    return 0;
}
