/* SPDX-License-Identifier: MIT
 *
 * seed.c - see seed.h. All records go in with one append, so a crash leaves all of them or none.
 */
#include "seed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "records.h"

enum { SEED_RECORDS_MAX = 1000 };

static inline void riacho_auto_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

/* Whether no partition of the topic ever held a record. */
static riacho_status never_used(riacho_log *log, const char *topic, riacho_arena *arena,
                                bool *ret_never, riacho_error *err)
{
    riacho_topic_spec spec;
    *ret_never = true;
    RIACHO_TRY(log->ops->topic_describe(log, topic, arena, &spec, err));
    for (int32_t i = 0; i < spec.partitions; i++) {
        int64_t first, next;
        RIACHO_TRY(log->ops->bounds(log, topic, i, &first, &next, err));
        *ret_never = *ret_never && next == 0;
    }
    return RIACHO_OK;
}

/* `${now}` stands for the present, in ms: what is there on the first run was made at the first run.
 */
static riacho_bytes fill_in_now(riacho_arena *arena, riacho_bytes line, int64_t now_ms)
{
    static const char word[] = "${now}";
    const char *at = memmem(line.data, line.size, word, strlen(word));
    if (!at)
        return line;
    const size_t before = (size_t)(at - (const char *)line.data);
    const size_t behind = line.size - before - strlen(word);
    const char *filled =
        riacho_format(arena, "%.*s%" PRId64 "%.*s", (int)before, (const char *)line.data, now_ms,
                      (int)behind, at + strlen(word));
    return fill_in_now(arena, riacho_text(filled), now_ms);
}

riacho_status riacho_seed(const char *path, riacho_log *log, const riacho_project *project,
                          riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(file) FILE *file = fopen(path, "r");
    RIACHO_AUTO(heap) char *line = NULL;
    riacho_log_append records[SEED_RECORDS_MAX];
    riacho_position positions[SEED_RECORDS_MAX];
    size_t capacity = 0, count = 0;
    if (!file)
        return riacho_fail(err, RIACHO_REJECT, "the seed file %s cannot be read: %s", path,
                           strerror(errno));
    const int64_t now_ms = riacho_clock_system()->now_ms(riacho_clock_system());
    ssize_t size;
    for (unsigned number = 1; (size = getline(&line, &capacity, file)) > 0; number++) {
        riacho_error why;
        bool never;
        if (line[0] == '\n')
            continue;
        const riacho_bytes text = fill_in_now(arena, (riacho_bytes){line, (size_t)size}, now_ms);
        if (count == SEED_RECORDS_MAX)
            return riacho_fail(err, RIACHO_REJECT, "%s holds more than %d records", path,
                               SEED_RECORDS_MAX);
        if (riacho_record_read(text, NULL, project->graphs, project->graph_count, project->schemas,
                               now_ms, arena, &records[count], &why) != RIACHO_OK)
            return riacho_fail(err, RIACHO_REJECT, "%s:%u: %s", path, number, why.text);
        RIACHO_TRY(never_used(log, records[count].topic, arena, &never, err));
        count += never;
    }
    return count ? log->ops->append(log, records, count, positions, err) : RIACHO_OK;
}
