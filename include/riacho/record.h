/* SPDX-License-Identifier: MIT
 *
 * record.h - records as JSON, the one form in which people hand them in and get them out:
 *
 *   {"topic": "births", "partition": 0, "offset": 12, "timestamp": 1767225600000,
 *    "key": "mochi", "value": {...}, "headers": {"name": "text"}}
 *
 * Key and value are JSON by the topic's codecs; null or missing is absent. Bytes that a codec
 * refuses are base64 under "keyBytes" or "valueBytes", with "keyError" or "valueError" beside them
 * saying why. A header is a text, {"bytes": base64} when it is not UTF-8, or an array of these when
 * its name occurs several times. What is written can be read: "offset" and the errors are passed
 * over then, since the log gives offsets. Members of any other name are refused.
 *
 * Threads: any; nothing is kept.
 */
#pragma once

#include "riacho/codec.h"
#include "riacho/port/log.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a topic's keys and values are written. */
typedef struct riacho_topic_codecs {
    const riacho_codec *key;
    const riacho_codec *value;
} riacho_topic_codecs;

/* A record's JSON, taken apart; key and value wait until the topic's codecs are known. */
typedef struct riacho_record_json {
    const char *topic;    /* NULL: not said */
    int32_t partition;    /* -1: not said */
    int64_t timestamp_ms; /* INT64_MIN: not said */
    riacho_bytes key;     /* JSON text in the text that was read; absent: none */
    riacho_bytes value;
    riacho_bytes key_bytes; /* as they are, without a codec; absent: none */
    riacho_bytes value_bytes;
    riacho_headers headers;
} riacho_record_json;

/* Splits a JSON array of records, or one record a line (empty lines are passed over), into the text
 * of each; they point into `text`. RIACHO_REJECT with an issue: not JSON. */
RIACHO_CHECKED riacho_status riacho_records_split(riacho_bytes text, riacho_arena *arena,
                                                  riacho_bytes **ret_items, size_t *ret_count,
                                                  riacho_json_issues *ret_issues);

/* Takes one record apart. RIACHO_REJECT with issues whose pointers begin at the record. What
 * ret_json points to is in the arena or in `text`. */
RIACHO_CHECKED riacho_status riacho_record_parse(riacho_bytes text, riacho_arena *arena,
                                                 riacho_record_json *ret_json,
                                                 riacho_json_issues *ret_issues);
/* Encodes key and value. Topic, partition and timestamp become those that were said; ret_append has
 * no topic, partition -1 and timestamp INT64_MIN where they were not. It points into the arena
 * only.
 */
RIACHO_CHECKED riacho_status riacho_record_encode(const riacho_record_json *json,
                                                  const riacho_topic_codecs *codecs,
                                                  riacho_arena *arena,
                                                  riacho_log_append *ret_append,
                                                  riacho_json_issues *ret_issues);
/* Appends the record as one line without its end. `at` is the topic, the partition, and the offset
 * as `next`. Decoded values live in the arena. */
void riacho_record_print(const riacho_position *at, const riacho_log_record *record,
                         const riacho_topic_codecs *codecs, riacho_arena *arena,
                         riacho_buffer *out);

#ifdef __cplusplus
}
#endif
