/* SPDX-License-Identifier: MIT
 *
 * record_print.c - record -> JSON (riacho/record.h). Every record can be printed, whatever its
 * bytes are. Pure; any thread.
 */
#include <inttypes.h>

#include "base/text.h"
#include "base64.h"
#include "riacho/record.h"

static void print_part(const char *name, riacho_bytes bytes, const riacho_codec *codec,
                       riacho_arena *arena, riacho_buffer *out)
{
    riacho_error why;
    if (!bytes.data) {
        riacho_buffer_printf(out, ",\"%s\":null", name);
        return;
    }
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    if (riacho_decode(codec, bytes, arena, value, &why) == RIACHO_OK) {
        riacho_buffer_printf(out, ",\"%s\":", name);
        riacho_json_write(codec->type, value, out);
        return;
    }
    riacho_buffer_printf(out, ",\"%sBytes\":\"", name);
    riacho_base64_encode(bytes, out);
    riacho_buffer_printf(out, "\",\"%sError\":", name);
    riacho_json_quote(riacho_text(why.text), out);
}

static void print_header_value(riacho_bytes value, riacho_buffer *out)
{
    if (!value.data) {
        riacho_buffer_printf(out, "\"\"");
    } else if (riacho_utf8_valid(value)) {
        riacho_json_quote(value, out);
    } else {
        riacho_buffer_printf(out, "{\"bytes\":\"");
        riacho_base64_encode(value, out);
        riacho_buffer_printf(out, "\"}");
    }
}

/* The first header of this name at or behind `at`; count when there is none. */
static size_t find_header(riacho_headers headers, riacho_bytes name, size_t at)
{
    while (at < headers.count && !riacho_bytes_equal(headers.items[at].name, name))
        at++;
    return at;
}

static void print_headers(riacho_headers headers, riacho_buffer *out)
{
    riacho_buffer_printf(out, ",\"headers\":{");
    for (size_t i = 0; i < headers.count; i++) {
        const riacho_bytes name = headers.items[i].name;
        if (find_header(headers, name, 0) < i)
            continue; /* printed with the first of its name */
        size_t next = find_header(headers, name, i + 1);
        const bool several = next < headers.count;
        riacho_buffer_printf(out, i ? "," : "");
        riacho_json_quote(name, out);
        riacho_buffer_printf(out, several ? ":[" : ":");
        print_header_value(headers.items[i].value, out);
        for (; next < headers.count; next = find_header(headers, name, next + 1)) {
            riacho_buffer_printf(out, ",");
            print_header_value(headers.items[next].value, out);
        }
        riacho_buffer_printf(out, several ? "]" : "");
    }
    riacho_buffer_printf(out, "}");
}

void riacho_record_print(const riacho_position *at, const riacho_log_record *record,
                         const riacho_topic_codecs *codecs, riacho_arena *arena, riacho_buffer *out)
{
    riacho_buffer_printf(out, "{\"topic\":");
    riacho_json_quote(riacho_text(at->topic), out);
    riacho_buffer_printf(out,
                         ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"timestamp\":%" PRId64,
                         at->partition, at->next, record->timestamp_ms);
    print_part("key", record->key, codecs->key, arena, out);
    print_part("value", record->value, codecs->value, arena, out);
    if (record->headers.count)
        print_headers(record->headers, out);
    riacho_buffer_printf(out, "}");
}
