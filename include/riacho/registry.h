/* SPDX-License-Identifier: MIT
 *
 * registry.h - a schema registry: which schema an id is, and which id a schema has. One that speaks
 * Confluent's REST interface, or one that is a topic of a log that workers share.
 *
 * What a registry says is one of three things, and every call keeps them apart:
 *
 *   RIACHO_OK      it answered. "There is none" is an answer (id 0, no reason).
 *   RIACHO_REJECT  it answered that this id, or this schema, is no good, and will not be.
 *   RIACHO_RETRY   no registry answered: nobody there, too late, 401, 403, 429, 5xx, a redirect, or
 *                  something that is not the answer of a registry. Nothing is known.
 *
 * A call takes no longer than RIACHO_REGISTRY_ANSWER_MS in all; one over REST tries the addresses
 * in turn, from the one that answered last.
 *
 * Threads: a client belongs to one thread at a time.
 */
#pragma once

#include "riacho/port/log.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RIACHO_REGISTRY_CONNECT_MS = 1000,
    RIACHO_REGISTRY_ANSWER_MS = 2000,
    RIACHO_REGISTRY_ANSWER_BYTES_MAX = 8 * 1024 * 1024,
    RIACHO_REGISTRY_URLS_MAX = 8,
};

typedef struct riacho_registry riacho_registry;

/* A version of a subject. */
typedef struct riacho_registry_version {
    int32_t id; /* 0: there is none */
    int32_t version;
    riacho_bytes text; /* JSON of the schema, in the arena */
} riacho_registry_version;

typedef struct riacho_registry_ops {
    /* The text of the schema with this id, in the arena. RIACHO_REJECT: there is no such id, or it
     * is of another type than Avro, or needs other schemas ("references"). */
    riacho_status (*fetch)(riacho_registry *registry, int32_t id, riacho_arena *arena,
                           riacho_bytes *ret_text, riacho_error *err);
    /* Whether the schema is a version of the subject; ret_version without text. */
    riacho_status (*lookup)(riacho_registry *registry, const char *subject, riacho_bytes text,
                            riacho_registry_version *ret_version, riacho_error *err);
    /* The newest version of the subject. */
    riacho_status (*latest)(riacho_registry *registry, const char *subject, riacho_arena *arena,
                            riacho_registry_version *ret_version, riacho_error *err);
    /* Whether the schema may follow the newest version. ret_reason is in the arena, NULL: it may. A
     * subject that is not there takes everything. */
    riacho_status (*check)(riacho_registry *registry, const char *subject, riacho_bytes text,
                           riacho_arena *arena, const char **ret_reason, riacho_error *err);
    /* Makes the schema a version of the subject, unless it is one, and gives its id. RIACHO_REJECT:
     * the registry refuses it, and why. */
    riacho_status (*add)(riacho_registry *registry, const char *subject, riacho_bytes text,
                         int32_t *ret_id, riacho_error *err);
    /* The names of all subjects, in the arena. */
    riacho_status (*subjects)(riacho_registry *registry, riacho_arena *arena,
                              const char *const **ret_names, size_t *ret_count, riacho_error *err);
    void (*close)(riacho_registry *registry);
} riacho_registry_ops;

struct riacho_registry {
    const riacho_registry_ops *ops;
};

/* NULL is fine. */
static inline void riacho_registry_close(riacho_registry *registry)
{
    if (registry)
        registry->ops->close(registry);
}

/* ---- over REST, as Confluent's --------------------------------------------------------------- */

/* All text is copied. */
typedef struct riacho_registry_options {
    const char *urls; /* http or https, with commas between; a path is fine, a password is not */
    const char *auth_file; /* its first line is USER:PASSWORD; read again after a 401. NULL: none */
    const char *ca_file;   /* PEM, of who vouches for an https registry; NULL: the system's */
} riacho_registry_options;

/* Asks nothing yet. RIACHO_REJECT: an address or a file cannot be used. */
RIACHO_CHECKED riacho_status riacho_registry_open(const riacho_registry_options *options,
                                                  riacho_registry **ret_registry,
                                                  riacho_error *err);

/* ---- in a topic of a log --------------------------------------------------------------------- */

#define RIACHO_REGISTRY_TOPIC "riacho-schemas"

/* One partition, kept for ever; a record is a version: subject and schema. The id of a schema is
 * its place among the different schemas in the order of the topic, so that all who read it agree on
 * all ids, whoever added what at the same time. It takes every schema that is valid Avro. The log
 * is borrowed until close; the topic is created when something is added. */
riacho_registry *riacho_registry_in_topic(riacho_log *log);

#ifdef __cplusplus
}
#endif
