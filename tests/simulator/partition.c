/* SPDX-License-Identifier: MIT
 *
 * partition.c - see partition.h.
 */
#include "partition.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"

void model_partition_done(model_partition *partition)
{
    free(partition->entries);
    free(partition->writers);
}

static model_writer *writer_of(model_partition *partition, int64_t producer)
{
    for (size_t i = 0; i < partition->writer_count; i++) {
        if (partition->writers[i].producer == producer)
            return &partition->writers[i];
    }
    partition->writers = riacho_memory_resize(partition->writers, (partition->writer_count + 1) *
                                                                      sizeof *partition->writers);
    model_writer *writer = &partition->writers[partition->writer_count++];
    *writer = (model_writer){.producer = producer, .epoch = -1, .open_since = -1};
    return writer;
}

static void add(model_partition *partition, model_entry entry)
{
    if (partition->count == partition->capacity) {
        partition->capacity = partition->capacity ? 2 * partition->capacity : 32;
        partition->entries =
            riacho_memory_resize(partition->entries, partition->capacity * sizeof(model_entry));
    }
    entry.record.offset = partition->next++;
    partition->entries[partition->count++] = entry;
}

static riacho_log_record copy_record(riacho_arena *arena, const riacho_log_record *record)
{
    riacho_log_record copy = *record;
    riacho_header *headers = riacho_alloc(arena, record->headers.count * sizeof *headers);
    for (size_t i = 0; i < record->headers.count; i++) {
        headers[i].name = riacho_copy(arena, record->headers.items[i].name);
        headers[i].value = riacho_copy(arena, record->headers.items[i].value);
    }
    copy.key = riacho_copy(arena, record->key);
    copy.value = riacho_copy(arena, record->value);
    copy.headers.items = headers;
    return copy;
}

/* Where the producer's records, which were taken before, begin. They are its last ones, or a reader
 * of the answer would not care; compaction may have taken them. */
static int64_t base_of(const model_partition *partition, const model_produce *produce,
                       int32_t behind)
{
    int64_t offset = partition->next;
    for (size_t i = partition->count; i > 0 && behind > 0; i--) {
        const model_entry *entry = &partition->entries[i - 1];
        if (entry->kind == MODEL_RECORD && entry->producer == produce->producer) {
            offset = entry->record.offset;
            behind--;
        }
    }
    return offset;
}

/* What the sequence says: MODEL_OK to append; anything else is the answer. */
static model_error check_sequence(model_partition *partition, model_writer *writer,
                                  const model_produce *produce, bool *ret_known, int64_t *ret_base)
{
    *ret_known = false;
    if (produce->epoch < writer->epoch)
        return MODEL_FENCED;
    if (produce->epoch > writer->epoch) {
        if (produce->sequence != 0)
            return MODEL_OUT_OF_ORDER;
        writer->epoch = produce->epoch;
        writer->sequence = 0;
    }
    if (produce->sequence > writer->sequence)
        return MODEL_OUT_OF_ORDER;
    if (produce->sequence < writer->sequence) {
        *ret_known = true;
        *ret_base = base_of(partition, produce, writer->sequence - produce->sequence);
    }
    return MODEL_OK;
}

model_error model_partition_append(model_partition *partition, const model_produce *produce,
                                   int64_t *ret_base)
{
    model_writer *writer = NULL;
    if (produce->producer != MODEL_NOBODY) {
        bool known;
        writer = writer_of(partition, produce->producer);
        const model_error error = check_sequence(partition, writer, produce, &known, ret_base);
        if (error || known)
            return error;
        writer->sequence += (int32_t)produce->count;
        if (produce->transactional && writer->open_since < 0)
            writer->open_since = partition->next;
    }
    *ret_base = partition->next;
    for (size_t i = 0; i < produce->count; i++)
        add(partition, (model_entry){.record = copy_record(partition->arena, &produce->records[i]),
                                     .producer = produce->producer,
                                     .epoch = produce->epoch,
                                     .transactional = produce->transactional,
                                     .visible = !produce->transactional});
    return MODEL_OK;
}

void model_partition_mark(model_partition *partition, int64_t producer, int16_t epoch,
                          model_kind kind)
{
    assert(kind != MODEL_RECORD);
    model_writer *writer = writer_of(partition, producer);
    if (epoch > writer->epoch) {
        writer->epoch = epoch;
        writer->sequence = 0;
    }
    const int64_t since = writer->open_since;
    writer->open_since = -1;
    add(partition, (model_entry){.producer = producer, .epoch = epoch, .kind = kind});
    if (since < 0)
        return;
    for (size_t i = model_partition_find(partition, since); i < partition->count; i++) {
        model_entry *entry = &partition->entries[i];
        if (entry->kind != MODEL_RECORD || entry->producer != producer || !entry->transactional)
            continue;
        entry->visible = kind == MODEL_COMMIT_MARKER;
        entry->aborted = !entry->visible;
    }
}

int64_t model_partition_open_producer(const model_partition *partition, size_t *at)
{
    while (*at < partition->writer_count) {
        const model_writer *writer = &partition->writers[(*at)++];
        if (writer->open_since >= 0)
            return writer->producer;
    }
    return MODEL_NOBODY;
}

int64_t model_partition_stable_end(const model_partition *partition)
{
    int64_t end = partition->next;
    for (size_t i = 0; i < partition->writer_count; i++) {
        const int64_t since = partition->writers[i].open_since;
        if (since >= 0 && since < end)
            end = since;
    }
    return end;
}

size_t model_partition_find(const model_partition *partition, int64_t offset)
{
    size_t low = 0, high = partition->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (partition->entries[middle].record.offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Undecided, a marker, or the last: compaction does not touch it. */
static bool must_stay(const model_partition *partition, size_t at, int64_t before)
{
    const model_entry *entry = &partition->entries[at];
    return at + 1 == partition->count || entry->record.offset >= before ||
           entry->kind != MODEL_RECORD || !(entry->visible || entry->aborted);
}

void model_partition_compact(model_partition *partition, int64_t before)
{
    riacho_map seen = {0};
    bool *keep = riacho_memory_get_zero(partition->count + 1, sizeof *keep);
    for (size_t i = partition->count; i > 0; i--) {
        const model_entry *entry = &partition->entries[i - 1];
        keep[i - 1] = must_stay(partition, i - 1, before);
        if (!entry->visible || entry->kind != MODEL_RECORD || !entry->record.key.data)
            continue;
        riacho_map_entry *last = riacho_map_put(&seen, entry->record.key);
        if (!last->value)
            keep[i - 1] = true;
        last->value = partition;
    }
    size_t kept = 0;
    for (size_t i = 0; i < partition->count; i++) {
        if (keep[i])
            partition->entries[kept++] = partition->entries[i];
    }
    partition->count = kept;
    free(keep);
    riacho_map_done(&seen);
}

void model_partition_trim(model_partition *partition, int64_t before)
{
    if (before <= partition->first)
        return;
    partition->first = before < partition->next ? before : partition->next;
    const size_t from = model_partition_find(partition, partition->first);
    partition->count -= from;
    for (size_t i = 0; i < partition->count; i++)
        partition->entries[i] = partition->entries[from + i];
}
