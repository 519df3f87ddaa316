/* SPDX-License-Identifier: MIT
 *
 * records.c - see records.h.
 */
#include "records.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

static inline void riacho_auto_json(json_t **json)
{
    json_decref(*json);
}

riacho_status riacho_topic_codecs_find(riacho_graph *const *graphs, size_t graph_count,
                                       riacho_schemas *schemas, const char *topic,
                                       riacho_topic_codecs *ret_codecs, riacho_error *err)
{
    for (size_t i = 0; i < graph_count; i++) {
        for (size_t k = 0; k < graphs[i]->topic_count; k++) {
            const riacho_graph_topic *found = &graphs[i]->topics[k];
            if (strcmp(found->name, topic) == 0) {
                *ret_codecs = (riacho_topic_codecs){found->key.codec, found->value.codec};
                return RIACHO_OK;
            }
        }
    }
    RIACHO_TRY(riacho_schemas_codec(schemas, "bytes", &ret_codecs->key, err));
    ret_codecs->value = ret_codecs->key;
    return RIACHO_OK;
}

/* Reads one member by the codec's type and encodes it; null and missing are absent. */
static riacho_status encode_member(const json_t *line, const char *member,
                                   const riacho_codec *codec, riacho_arena *arena,
                                   riacho_bytes *ret_bytes, riacho_error *err)
{
    const json_t *json = json_object_get(line, member);
    *ret_bytes = (riacho_bytes){0};
    if (!json || json_is_null(json) || codec->type->kind == RIACHO_NULL)
        return RIACHO_OK;
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        return riacho_fail(err, RIACHO_REJECT, "%s is not JSON", member);
    const riacho_bytes copy = riacho_copy(arena, riacho_text(text));
    free(text);

    riacho_json_issues issues = {0};
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    if (riacho_json_read(codec->type, copy, arena, value, &issues) != RIACHO_OK)
        return riacho_fail(err, RIACHO_REJECT, "%s%s: %s", member,
                           issues.count ? issues.items[0].pointer : "",
                           issues.count ? issues.items[0].detail : "not what the schema says");
    RIACHO_AUTO(buffer) riacho_buffer encoded = {0};
    RIACHO_TRY(riacho_encode(codec, value, &encoded, err));
    *ret_bytes = riacho_copy(arena, riacho_buffer_bytes(&encoded));
    return RIACHO_OK;
}

static riacho_status read_headers(const json_t *line, riacho_arena *arena,
                                  riacho_headers *ret_headers, riacho_error *err)
{
    json_t *headers = json_object_get(line, "headers");
    const char *name;
    json_t *value;
    size_t count = 0;
    riacho_header *items = riacho_alloc_zero(arena, json_object_size(headers) + 1, sizeof *items);
    json_object_foreach(headers, name, value)
    {
        if (!json_is_string(value))
            return riacho_fail(err, RIACHO_REJECT, "headers/%s is not a string", name);
        items[count].name = riacho_copy(arena, riacho_text(name));
        items[count++].value =
            riacho_copy(arena, (riacho_bytes){json_string_value(value), json_string_length(value)});
    }
    *ret_headers = (riacho_headers){items, count};
    return RIACHO_OK;
}

riacho_status riacho_record_read(riacho_bytes text, const char *topic, riacho_graph *const *graphs,
                                 size_t graph_count, riacho_schemas *schemas, int64_t now_ms,
                                 riacho_arena *arena, riacho_log_append *ret_append,
                                 riacho_error *err)
{
    json_error_t why;
    riacho_topic_codecs codecs;
    __attribute__((cleanup(riacho_auto_json))) json_t *line =
        json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(line))
        return riacho_fail(err, RIACHO_REJECT, "not a JSON object: %s",
                           line ? "something else" : why.text);
    const char *named = json_string_value(json_object_get(line, "topic"));
    if (!named && !topic)
        return riacho_fail(err, RIACHO_REJECT, "\"topic\" is missing");
    const json_t *at = json_object_get(line, "timestamp");
    const json_t *partition = json_object_get(line, "partition");
    if ((at && !json_is_integer(at)) || (partition && !json_is_integer(partition)))
        return riacho_fail(err, RIACHO_REJECT,
                           "\"timestamp\" (ms) and \"partition\" are whole numbers");

    *ret_append = (riacho_log_append){
        .topic = riacho_copy(arena, riacho_text(named ? named : topic)).data,
        .partition = partition ? (int32_t)json_integer_value(partition) : -1,
        .record.timestamp_ms = at ? json_integer_value(at) : now_ms,
    };
    RIACHO_TRY(
        riacho_topic_codecs_find(graphs, graph_count, schemas, ret_append->topic, &codecs, err));
    RIACHO_TRY(encode_member(line, "key", codecs.key, arena, &ret_append->record.key, err));
    RIACHO_TRY(encode_member(line, "value", codecs.value, arena, &ret_append->record.value, err));
    return read_headers(line, arena, &ret_append->record.headers, err);
}

static void write_member(const char *name, riacho_bytes bytes, const riacho_codec *codec,
                         riacho_arena *arena, riacho_buffer *out)
{
    riacho_error why;
    riacho_buffer_printf(out, ",\"%s", name);
    if (!bytes.data) {
        riacho_buffer_printf(out, "\":null");
        return;
    }
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    if (riacho_decode(codec, bytes, arena, value, &why) == RIACHO_OK) {
        riacho_buffer_printf(out, "\":");
        riacho_json_write(codec->type, value, out);
        return;
    }
    riacho_buffer_printf(out, "Bytes\":\"");
    riacho_base64url_encode(bytes, out);
    riacho_buffer_printf(out, "\",\"%sError\":", name);
    riacho_json_quote(riacho_text(why.text), out);
}

void riacho_record_write(const char *topic, int32_t partition, const riacho_log_record *record,
                         const riacho_topic_codecs *codecs, riacho_arena *arena, riacho_buffer *out)
{
    riacho_buffer_printf(
        out, "{\"topic\":\"%s\",\"partition\":%d,\"offset\":%" PRId64 ",\"timestamp\":%" PRId64,
        topic, partition, record->offset, record->timestamp_ms);
    write_member("key", record->key, codecs->key, arena, out);
    write_member("value", record->value, codecs->value, arena, out);
    if (record->headers.count) {
        riacho_buffer_printf(out, ",\"headers\":{");
        for (size_t i = 0; i < record->headers.count; i++) {
            riacho_buffer_printf(out, i ? "," : "");
            riacho_json_quote(record->headers.items[i].name, out);
            riacho_buffer_printf(out, ":");
            riacho_json_quote(record->headers.items[i].value, out);
        }
        riacho_buffer_printf(out, "}");
    }
    riacho_buffer_printf(out, "}\n");
}
