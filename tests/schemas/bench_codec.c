/* SPDX-License-Identifier: MIT
 *
 * bench_codec.c - how long one small record takes: a manual program, not a test.
 *
 *   bench_schemas [ROUNDS]
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/text.h"
#include "riacho/codec.h"
#include "schemas/program.h"
#include "schemas/schema.h"

static const char later_schema[] =
    "{\"type\":\"record\",\"name\":\"x.Touch\",\"fields\":["
    "{\"name\":\"pet\",\"type\":\"string\"},{\"name\":\"user\",\"type\":\"string\"},"
    "{\"name\":\"action\",\"type\":{\"type\":\"enum\",\"name\":\"x.Action\",\"symbols\":[\"FEED\","
    "\"PET\",\"PLAY\"]}},{\"name\":\"amount\",\"type\":\"double\"},"
    "{\"name\":\"atMs\",\"type\":\"long\"},"
    "{\"name\":\"note\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"added\",\"type\":\"int\",\"default\":7}]}";
static const char schema[] =
    "{\"type\":\"record\",\"name\":\"x.Touch\",\"fields\":["
    "{\"name\":\"pet\",\"type\":\"string\"},{\"name\":\"user\",\"type\":\"string\"},"
    "{\"name\":\"action\",\"type\":{\"type\":\"enum\",\"name\":\"x.Action\",\"symbols\":[\"FEED\","
    "\"PET\",\"PLAY\"]}},{\"name\":\"amount\",\"type\":\"int\"},"
    "{\"name\":\"atMs\",\"type\":\"long\"},"
    "{\"name\":\"note\",\"type\":[\"null\",\"string\"],\"default\":null}]}";
static const char json[] = "{\"pet\":\"mochi\",\"user\":\"user-000123\",\"action\":\"PET\","
                           "\"amount\":20,\"atMs\":1760000000123,\"note\":\"good boy\"}";

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void report(const char *what, int64_t start_ns, int64_t rounds)
{
    printf("%-28s %7.1f ns\n", what, (double)(now_ns() - start_ns) / (double)rounds);
}

static riacho_status run(int64_t rounds, riacho_arena *arena, riacho_arena *batch,
                         riacho_error *err)
{
    const riacho_type *type, *later;
    const riacho_program *plain, *resolving;
    riacho_json_issues issues;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    RIACHO_TRY(riacho_schema_parse(riacho_text(schema), "schema", arena, &type, err));
    RIACHO_TRY(riacho_schema_parse(riacho_text(later_schema), "later", arena, &later, err));
    RIACHO_TRY(riacho_program_compile(type, type, arena, &plain, err));
    RIACHO_TRY(riacho_program_compile(type, later, arena, &resolving, err));
    void *value = riacho_alloc_zero(arena, 1, later->size), *read;
    RIACHO_TRY(riacho_json_read(type, riacho_text(json), arena, value, &issues));
    RIACHO_TRY(riacho_program_encode(plain, value, &out, err));
    const riacho_bytes bytes = riacho_copy(arena, riacho_buffer_bytes(&out));
    read = riacho_alloc_zero(arena, 1, later->size);
    printf("%zu bytes of Avro, %zu of JSON\n", bytes.size, sizeof json - 1);

    int64_t start = now_ns();
    for (int64_t i = 0; i < rounds; i++)
        RIACHO_TRY(riacho_program_decode(plain, bytes, 0, batch, read, err));
    report("decode", start, rounds);
    start = now_ns();
    for (int64_t i = 0; i < rounds; i++)
        RIACHO_TRY(riacho_program_decode(resolving, bytes, 0, batch, read, err));
    report("decode, another schema", start, rounds);
    start = now_ns();
    for (int64_t i = 0; i < rounds; i++) {
        out.size = 0;
        RIACHO_TRY(riacho_program_encode(plain, value, &out, err));
    }
    report("encode", start, rounds);
    start = now_ns();
    for (int64_t i = 0; i < rounds; i++) {
        out.size = 0;
        riacho_json_write(type, value, &out);
    }
    report("write JSON", start, rounds);
    start = now_ns();
    for (int64_t i = 0; i < rounds; i++) {
        riacho_arena_reset(batch);
        RIACHO_TRY(riacho_json_read(type, riacho_text(json), batch, read, &issues));
    }
    report("read JSON", start, rounds);
    return RIACHO_OK;
}

int main(int argc, char **argv)
{
    int64_t rounds = 2000000;
    riacho_error err = {""};
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(arena) riacho_arena *batch = riacho_arena_new();
    if ((argc > 1 &&
         riacho_int_parse(riacho_text(argv[1]), 1, INT64_MAX, &rounds, &err) != RIACHO_OK) ||
        run(rounds, arena, batch, &err) != RIACHO_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}
