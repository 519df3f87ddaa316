/* SPDX-License-Identifier: MIT
 *
 * settings.h - the configuration of a worker: flag over environment over file over default, and
 * which of them won.
 *
 * One table (settings.c) of keys makes the flags of `run`, the environment names, `config list` and
 * `config explain`.
 */
#pragma once

#include "command.h"
#include "topology/schema_table.h"

typedef enum riacho_setting_key {
    RIACHO_SETTING_NAME,
    RIACHO_SETTING_DATA_DIR,
    RIACHO_SETTING_LOG,
    RIACHO_SETTING_BOOTSTRAP,
    RIACHO_SETTING_KAFKA_PROPERTIES,
    RIACHO_SETTING_REPLICATION,
    RIACHO_SETTING_GROUP,
    RIACHO_SETTING_GROUP_SECRET,
    RIACHO_SETTING_STANDBYS,
    RIACHO_SETTING_RESTORE_THREADS,
    RIACHO_SETTING_THREADS,
    RIACHO_SETTING_MEMORY,
    RIACHO_SETTING_HTTP_LISTEN,
    RIACHO_SETTING_HTTP_PEERS,
    RIACHO_SETTING_HTTP_ADVERTISE,
    RIACHO_SETTING_HTTP_THREADS,
    RIACHO_SETTING_HTTP_CORS,
    RIACHO_SETTING_HTTP_READS,
    RIACHO_SETTING_HTTP_WRITES,
    RIACHO_SETTING_HTTP_PER_ADDRESS,
    RIACHO_SETTING_HTTP_OPERATORS,
    RIACHO_SETTING_HTTP_PROXIES,
    RIACHO_SETTING_COMMIT_INTERVAL,
    RIACHO_SETTING_SCHEMAS,
    RIACHO_SETTING_REGISTRY,
    RIACHO_SETTING_REGISTRY_AUTH,
    RIACHO_SETTING_REGISTRY_CA,
    RIACHO_SETTING_LIBRARIES,
    RIACHO_SETTING_TRACE,
    RIACHO_SETTING_COUNT
} riacho_setting_key;

typedef struct riacho_setting {
    const char *key;  /* "http.listen" */
    const char *flag; /* "listen" */
    const char *env;  /* "RIACHO_HTTP_LISTEN" */
    const char *fallback;
    enum {
        RIACHO_SETTING_TEXT,
        RIACHO_SETTING_COUNT_WORD,
        RIACHO_SETTING_SIZE,
        RIACHO_SETTING_DURATION,
        RIACHO_SETTING_ONE_OF
    } type;
    const char *const *words; /* ONE_OF, ended by NULL */
    int64_t min, max;         /* COUNT_WORD */
    const char *doc;
} riacho_setting;

extern const riacho_setting riacho_settings[RIACHO_SETTING_COUNT];

typedef enum riacho_origin {
    RIACHO_FROM_DEFAULT = 0,
    RIACHO_FROM_FILE,
    RIACHO_FROM_ENVIRONMENT,
    RIACHO_FROM_FLAG
} riacho_origin;

typedef struct riacho_settings_found {
    struct {
        const char *text;
        riacho_origin origin;
    } found[RIACHO_SETTING_COUNT];
    const riacho_pair *kafka; /* librdkafka's properties, of the file */
    size_t kafka_count;
    riacho_arena *arena; /* owns what came from a file */
} riacho_settings_found;

/* Reads everything and checks every value; on RIACHO_REJECT err names key, origin and the fix.
 * `file` may be NULL. Flags are those of `line`'s verb, when it has them. */
RIACHO_CHECKED riacho_status riacho_settings_read(const riacho_line *line, const char *file,
                                                  riacho_arena *arena,
                                                  riacho_settings_found *ret_found,
                                                  riacho_error *err);

const char *riacho_setting_text(const riacho_settings_found *found, riacho_setting_key key);
int64_t riacho_setting_number(const riacho_settings_found *found, riacho_setting_key key);
