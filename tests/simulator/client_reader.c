/* SPDX-License-Identifier: MIT
 *
 * client_reader.c - a reader of committed records: up to the stable end, without markers and
 * without what was aborted.
 *
 * Its network is its answers: now and then a poll brings nothing, or less than there is. What was
 * read does not change, so it does not matter when it was fetched.
 *
 * Threads: one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "broker_private.h"
#include "log/check.h"
#include "runtime/mutation.h"

enum { BATCH_RECORDS_MAX = 8 };

struct place {
    model_partition *partition;
    int64_t next;
    uint32_t tag;
    bool paused;
};

struct riacho_log_reader {
    model_client *client;
    struct place *places;
    size_t count;
    size_t turn;
};

struct batch {
    riacho_log_batch batch;
    riacho_log_record records[BATCH_RECORDS_MAX];
};

riacho_status model_reader_open(riacho_log *log, riacho_log_reader **ret_reader, riacho_error *err)
{
    (void)err;
    riacho_log_reader *reader = riacho_memory_get_zero(1, sizeof *reader);
    reader->client = model_client_of(log);
    *ret_reader = reader;
    return RIACHO_OK;
}

void model_reader_close(riacho_log_reader *reader)
{
    if (!reader)
        return;
    free(reader->places);
    free(reader);
}

riacho_status model_reader_assign(riacho_log_reader *reader,
                                  const riacho_log_assignment *assignments, size_t count,
                                  riacho_error *err)
{
    struct place *places = riacho_memory_get_zero(count + 1, sizeof *places);
    for (size_t i = 0; i < count; i++) {
        model_partition *partition = model_broker_partition(
            reader->client->broker, assignments[i].topic, assignments[i].partition);
        riacho_status status = RIACHO_OK;
        if (!partition)
            status = riacho_log_no_topic(assignments[i].topic, err);
        else
            status = riacho_log_check_start(&assignments[i], partition->next, err);
        if (status != RIACHO_OK) {
            free(places);
            return status;
        }
        places[i] = (struct place){partition, assignments[i].next, assignments[i].tag, false};
    }
    free(reader->places);
    reader->places = places;
    reader->count = count;
    reader->turn = 0;
    return RIACHO_OK;
}

enum pausing { PAUSED, RESUMED };

static void set_paused(riacho_log_reader *reader, const uint32_t *tags, size_t count,
                       enum pausing pausing)
{
    for (size_t i = 0; i < reader->count; i++) {
        for (size_t k = 0; k < count; k++) {
            if (reader->places[i].tag == tags[k])
                reader->places[i].paused = pausing == PAUSED;
        }
    }
}

void model_reader_pause(riacho_log_reader *reader, const uint32_t *tags, size_t count)
{
    set_paused(reader, tags, count, PAUSED);
}

void model_reader_resume(riacho_log_reader *reader, const uint32_t *tags, size_t count)
{
    set_paused(reader, tags, count, RESUMED);
}

/* The known mistake standbyBeyond is made here, because no port can ask for it: whoever follows a
 * changelog is given what is not decided yet. */
static bool reads_beyond(const model_partition *partition)
{
    return riacho_mutated(RIACHO_MUTATION_STANDBY_BEYOND) && partition->compacted;
}

static int64_t end_of(const model_partition *partition)
{
    return reads_beyond(partition) ? partition->next : model_partition_stable_end(partition);
}

static bool is_shown(const model_partition *partition, const model_entry *entry)
{
    return entry->kind == MODEL_RECORD &&
           (entry->visible || (reads_beyond(partition) && !entry->aborted));
}

/* Records and where they end; without any when only markers or aborted records were there. */
static riacho_log_batch *take(riacho_log_reader *reader, struct place *place)
{
    const model_partition *partition = place->partition;
    const int64_t stable = end_of(partition);
    const size_t most = 1 + simulation_below(reader->client->broker->sim, BATCH_RECORDS_MAX);
    if (place->next < partition->first)
        place->next = partition->first;
    struct batch *batch = riacho_memory_get(sizeof *batch);
    size_t count = 0;
    int64_t next = stable;
    for (size_t i = model_partition_find(partition, place->next); i < partition->count; i++) {
        const model_entry *entry = &partition->entries[i];
        if (entry->record.offset >= stable)
            break;
        if (count == most) {
            next = entry->record.offset;
            break;
        }
        if (is_shown(partition, entry))
            batch->records[count++] = entry->record;
    }
    place->next = next;
    batch->batch = (riacho_log_batch){
        .tag = place->tag, .next = next, .count = count, .records = batch->records};
    return &batch->batch;
}

riacho_status model_reader_poll(riacho_log_reader *reader, int64_t wait_ms,
                                riacho_log_batch **ret_batch, riacho_error *err)
{
    (void)wait_ms;
    *ret_batch = NULL;
    riacho_error ignored;
    if (model_client_reach(reader->client, &ignored) != RIACHO_OK)
        return RIACHO_OK; /* a client that cannot fetch has nothing, and goes on trying */
    (void)err;
    for (size_t i = 0; i < reader->count; i++) {
        struct place *place = &reader->places[(reader->turn + i) % reader->count];
        if (place->paused || place->next >= end_of(place->partition))
            continue;
        reader->turn = (reader->turn + i + 1) % reader->count;
        *ret_batch = take(reader, place);
        return RIACHO_OK;
    }
    return RIACHO_OK;
}

/* No poll ever waits here. */
void model_reader_wake(riacho_log_reader *reader)
{
    (void)reader;
}

void model_batch_free(riacho_log_batch *batch)
{
    free(batch);
}
