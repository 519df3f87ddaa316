/* SPDX-License-Identifier: MIT
 *
 * codec.h - between the bytes of a topic or a store and the values a topology works on.
 *
 * A codec is a port: the primitives, Avro in Confluent's wire format, and JSON text each implement
 * it (schemas/). Codecs are immutable after they are made, live as long as their registry, and are
 * used by any number of threads.
 */
#pragma once

#include "riacho/type.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct riacho_codec riacho_codec;

typedef struct riacho_codec_ops {
    const char *name;

    /* Reads all of `bytes` (never absent) as one value at ret_value (type->size bytes). What the
     * value points to is in the arena or in `bytes` itself, so both must outlive it. RIACHO_REJECT
     * with field path and byte offset in err for anything that is not exactly one valid value; time
     * and memory are bounded by a small multiple of bytes.size. RIACHO_RETRY: what the bytes need
     * to be read cannot be had now (a schema registry does not answer), which says nothing about
     * the bytes: the caller waits and asks again, however long that takes. */
    riacho_status (*decode)(const riacho_codec *codec, riacho_bytes bytes, riacho_arena *arena,
                            void *ret_value, riacho_error *err);

    /* Appends the value's bytes to out. RIACHO_REJECT with the field path for a value its schema
     * cannot hold (an enum out of range, text that is not UTF-8); out is then as it was. */
    riacho_status (*encode)(const riacho_codec *codec, const void *value, riacho_buffer *out,
                            riacho_error *err);
} riacho_codec_ops;

struct riacho_codec {
    const riacho_codec_ops *ops;
    const riacho_type *type;
    const char *name; /* the word in the topology: "string", "avro:Pet" */
};

static inline riacho_status riacho_decode(const riacho_codec *codec, riacho_bytes bytes,
                                          riacho_arena *arena, void *ret_value, riacho_error *err)
{
    return codec->ops->decode(codec, bytes, arena, ret_value, err);
}

static inline riacho_status riacho_encode(const riacho_codec *codec, const void *value,
                                          riacho_buffer *out, riacho_error *err)
{
    return codec->ops->encode(codec, value, out, err);
}

/* Where codecs come from: a folder of .avsc files, with ids that are the same on every start (see
 * schemas/README.md). */
typedef struct riacho_schemas riacho_schemas;

typedef struct riacho_registry riacho_registry; /* riacho/registry.h */

/* Loads every *.avsc below the `folder`s; files may refer to each other's named types in any order.
 * RIACHO_REJECT names file, line and what is wrong. `ids_file` (may be NULL) keeps schema text ->
 * id, is created when missing, and is only ever appended to, so a record written years ago still
 * finds its schema. */
typedef struct riacho_schemas_options {
    const char *const *folders;
    size_t folder_count;
    const char *ids_file;
    /* Whose ids the file has. A registry's: it is only a memory of what the registry said, new ids
     * are asked for while records are decoded, and a schema has no id before
     * riacho_schemas_register; a decode may then take RIACHO_REGISTRY_ANSWER_MS. */
    enum { RIACHO_IDS_OURS = 0, RIACHO_IDS_OF_REGISTRY } ids;
    /* OF_REGISTRY: borrowed until close, and used by one thread at a time. NULL: the file must do.
     */
    riacho_registry *registry;
} riacho_schemas_options;

RIACHO_CHECKED riacho_status riacho_schemas_open(const riacho_schemas_options *options,
                                                 riacho_schemas **ret_schemas, riacho_error *err);
void riacho_schemas_close(riacho_schemas *schemas);

/* A subject of a registry, by Kafka's TopicNameStrategy "TOPIC-key" or "TOPIC-value". */
typedef struct riacho_schemas_subject {
    const char *name;
    const riacho_codec *codec; /* of these schemas; others than avro: have no subject, and are left
                                  out */
    /* What is written must be a version of the subject, and becomes one; what is only read is
     * looked for, because its owner is elsewhere. */
    enum { RIACHO_SUBJECT_WRITTEN = 0, RIACHO_SUBJECT_READ } use;
} riacho_schemas_subject;

/* Gives the codecs their ids, before anything is encoded: first every schema is looked for and
 * checked against its subject, then those that are new are registered. RIACHO_REJECT: one does not
 * fit, and nothing was registered; RIACHO_RETRY: the registry does not answer, and the file does
 * not know an id that is needed. Only with RIACHO_IDS_OF_REGISTRY. */
RIACHO_CHECKED riacho_status riacho_schemas_register(riacho_schemas *schemas,
                                                     const riacho_schemas_subject *subjects,
                                                     size_t count, riacho_error *err);
/* The canonical text of an avro: codec's schema, borrowed; NULL data for any other. */
riacho_bytes riacho_schemas_text(const riacho_schemas *schemas, const riacho_codec *codec);

/* The codec of a type word: string long int double float boolean bytes uuid void avro:Name
 * json:Name. Borrowed from schemas. RIACHO_REJECT names the word, and what was probably meant. Safe
 * from any thread. */
RIACHO_CHECKED riacho_status riacho_schemas_codec(riacho_schemas *schemas, const char *word,
                                                  const riacho_codec **ret_codec,
                                                  riacho_error *err);

/* One thing wrong with a JSON text: where (RFC 6901 pointer, "" is the whole) and what. */
typedef struct riacho_json_issue {
    const char *pointer;
    const char *detail;
} riacho_json_issue;

typedef struct riacho_json_issues {
    const riacho_json_issue *items;
    size_t count;
} riacho_json_issues;

/* Reads JSON text as a value of `type`, reporting every issue (at most 100) and not only the first;
 * RIACHO_REJECT when there is any. Missing fields take their default; unknown members are issues;
 * an enum is its symbol, bytes are base64, a decimal is a string of digits, a union that is not an
 * optional is {"branch": value}. The value and the issues live in the arena. */
RIACHO_CHECKED riacho_status riacho_json_read(const riacho_type *type, riacho_bytes text,
                                              riacho_arena *arena, void *ret_value,
                                              riacho_json_issues *ret_issues);
/* Appends the value as JSON, fields in schema order, no spaces. Numbers that are not finite are
 * null. */
void riacho_json_write(const riacho_type *type, const void *value, riacho_buffer *out);
/* Appends text as a JSON string, quotes included; bytes that are not UTF-8 become U+FFFD. */
void riacho_json_quote(riacho_bytes text, riacho_buffer *out);

#ifdef __cplusplus
}
#endif
