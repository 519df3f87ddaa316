/* SPDX-License-Identifier: MIT
 *
 * records.h - records as JSON lines, the form in which people hand them in and get them out:
 * {"topic": "births", "key": ..., "value": ..., "timestamp": ms, "headers": {"name": "text"}}.
 */
#pragma once

#include "riacho/port/log.h"
#include "topology/graph.h"

/* The key and value codecs of a topic, from the graphs that name it; bytes for one that none names.
 */
typedef struct riacho_topic_codecs {
    const riacho_codec *key;
    const riacho_codec *value;
} riacho_topic_codecs;

RIACHO_CHECKED riacho_status riacho_topic_codecs_find(riacho_graph *const *graphs,
                                                      size_t graph_count, riacho_schemas *schemas,
                                                      const char *topic,
                                                      riacho_topic_codecs *ret_codecs,
                                                      riacho_error *err);

/* Reads one line. `topic` is what stands in the line, or the one given. What ret_append points to
 * is in the arena. RIACHO_REJECT names the member that is wrong. */
RIACHO_CHECKED riacho_status riacho_record_read(riacho_bytes line, const char *topic,
                                                riacho_graph *const *graphs, size_t graph_count,
                                                riacho_schemas *schemas, int64_t now_ms,
                                                riacho_arena *arena, riacho_log_append *ret_append,
                                                riacho_error *err);

/* Appends the record as one JSON line with topic, partition and offset; bytes that its codec
 * refuses are shown as base64url under "keyBytes" or "valueBytes", with "keyError" or "valueError".
 */
void riacho_record_write(const char *topic, int32_t partition, const riacho_log_record *record,
                         const riacho_topic_codecs *codecs, riacho_arena *arena,
                         riacho_buffer *out);
