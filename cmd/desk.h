/* SPDX-License-Identifier: MIT
 *
 * desk.h - where to ask about topics: at a running worker, asked over REST; in a data folder that
 * no worker is using, opened here; or in Kafka. The verbs see one or the other through these
 * operations.
 *
 * Threads: one.
 */
#pragma once

#include "command.h"
#include "runtime/records.h"

typedef struct riacho_desk riacho_desk;

typedef struct riacho_desk_ops {
    const char *name;
    riacho_status (*topics)(riacho_desk *desk, riacho_arena *arena,
                            riacho_topic_status **ret_topics, size_t *ret_count, riacho_error *err);
    riacho_status (*create)(riacho_desk *desk, const riacho_topic_spec *spec, riacho_arena *arena,
                            riacho_error *err);
    riacho_status (*records)(riacho_desk *desk, const riacho_records_wanted *wanted,
                             riacho_arena *arena, riacho_records_page *ret_page, riacho_error *err);
    /* Adds to *appended what is durable, also when it fails. A worker takes the batch in requests
     * of limited size, each of which is all or nothing; a folder takes it as one. */
    riacho_status (*append)(riacho_desk *desk, const riacho_records_batch *batch,
                            riacho_arena *arena, size_t *appended, riacho_json_issues *ret_issues,
                            riacho_error *err);
    riacho_status (*letters)(riacho_desk *desk, riacho_arena *arena,
                             riacho_dead_letters *ret_letters, riacho_error *err);
    void (*close)(riacho_desk *desk);
} riacho_desk_ops;

struct riacho_desk {
    const riacho_desk_ops *ops;
    int exit_code; /* what the program ends with, after an operation that failed */
};

/* The flags that say where; rows of the verb table. */
#define RIACHO_DESK_FLAGS                                                                          \
    {"url", 'u', "URL", "a running worker; default $RIACHO_URL or http://127.0.0.1:3000"},         \
        {"data", 'd', "FOLDER", "the data folder of a worker that is not running"},                \
        {"log", 0, "KIND", "kafka: ask Kafka itself"},                                             \
        {"bootstrap", 'b', "BROKERS", "with --log kafka: HOST:PORT, with commas between"},         \
        {"kafka-properties", 0, "LIST", "with --log kafka: NAME=VALUE, with commas between"},      \
        {"worker", 'w', "FILE", "with --log kafka: a worker file that says where it is"},          \
        {"topology", 0, "FILES", "with --data, --log: topologies that say the types of topics"},   \
        {"schemas", 0, "FOLDERS", "with --data, --log: folders of .avsc files"},                   \
        {"key-type", 0, "TYPE", "with --data, --log: such as string"},                             \
    {                                                                                              \
        "value-type", 0, "TYPE", "with --data, --log: such as avro:Pet; default: bytes, as base64" \
    }

/* The address that the verb's --url, or the environment, names. */
const char *riacho_desk_url(const riacho_line *line);

/* By the flags of the line. When it fails it has complained, and *ret_exit is what to end with. */
riacho_desk *riacho_desk_open(const riacho_line *line, int *ret_exit);
static inline void riacho_auto_desk(riacho_desk **desk)
{
    if (*desk)
        (*desk)->ops->close(*desk);
}

riacho_status riacho_desk_open_worker(const riacho_line *line, riacho_desk **ret_place,
                                      riacho_error *err);
/* What --data or --log and their companions say; the exit code tells what kind of thing was wrong.
 */
int riacho_desk_open_log(const riacho_line *line, riacho_desk **ret_place, riacho_error *err);
