/* SPDX-License-Identifier: MIT
 *
 * fixture.c - see fixture.h.
 */
#include "fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { START_MS = 1700000000, SHARED_QUIET_MS = 1000, BATCH_WAIT_MS = 10000 };

void make_root(char *ret_root, size_t size)
{
    const char *base = getenv("TMPDIR");
    snprintf(ret_root, size, "%s/riacho-log-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(ret_root));
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

riacho_embedded_log_options fixture_options(struct fixture *fixture)
{
    return (riacho_embedded_log_options){.folder = fixture->folder,
                                         .clock = &fixture->clock.clock,
                                         .memory_bytes = 8 * 1024 * 1024,
                                         .space_reserve_bytes = 1024 * 1024,
                                         .chunk_bytes = 4096,
                                         .cleanup_interval_ms = -1};
}

static void open_embedded(struct fixture *fixture)
{
    riacho_error err;
    const riacho_embedded_log_options options = fixture_options(fixture);
    assert_ok(riacho_embedded_log_open(&options, &fixture->log, &err));
}

void fixture_open(struct fixture *fixture, enum backend backend)
{
    *fixture = (struct fixture){.backend = backend, .arena = riacho_arena_new()};
    riacho_clock_virtual_init(&fixture->clock, START_MS);
    if (backend == MEMORY) {
        fixture->log = riacho_memory_log_new(&fixture->clock.clock);
        return;
    }
    make_root(fixture->root, sizeof fixture->root);
    snprintf(fixture->folder, sizeof fixture->folder, "%s/some/log", fixture->root);
    open_embedded(fixture);
}

void fixture_open_shared(struct fixture *fixture, riacho_log *(*open)(void *arg), void *arg)
{
    *fixture = (struct fixture){.backend = SHARED,
                                .open_shared = open,
                                .arg = arg,
                                .quiet_ms = SHARED_QUIET_MS,
                                .arena = riacho_arena_new()};
    fixture->log = open(arg);
}

void fixture_reopen(struct fixture *fixture)
{
    if (fixture->backend == MEMORY)
        return;
    if (fixture->log)
        fixture->log->ops->close(fixture->log);
    if (fixture->backend == SHARED)
        fixture->log = fixture->open_shared(fixture->arg);
    else
        open_embedded(fixture);
}

void fixture_close(struct fixture *fixture)
{
    if (fixture->log)
        fixture->log->ops->close(fixture->log);
    if (fixture->backend == EMBEDDED)
        remove_tree(fixture->root);
    riacho_arena_free(fixture->arena);
}

void make_topic(riacho_log *log, const char *name, int32_t partitions)
{
    riacho_error err;
    const riacho_topic_spec spec = {.name = name, .partitions = partitions};
    assert_ok(log->ops->topic_ensure(log, &spec, &err));
}

riacho_position append_one(riacho_log *log, const char *topic, int32_t partition, const char *key,
                           const char *value, int64_t timestamp_ms)
{
    riacho_error err;
    riacho_position position;
    const riacho_log_append append = {
        topic,
        partition,
        {.timestamp_ms = timestamp_ms, .key = riacho_text(key), .value = riacho_text(value)}};
    assert_ok(log->ops->append(log, &append, 1, &position, &err));
    return position;
}

void append_many(riacho_log *log, const char *topic, int32_t partition, int start, int count)
{
    riacho_error err;
    riacho_arena *arena = riacho_arena_new();
    riacho_log_append *appends = riacho_alloc_zero(arena, (size_t)count, sizeof *appends);
    for (int i = 0; i < count; i++)
        appends[i] =
            (riacho_log_append){topic,
                                partition,
                                {.timestamp_ms = start + i,
                                 .key = riacho_text(riacho_format(arena, "k%d", start + i)),
                                 .value = riacho_text(riacho_format(arena, "v%d", start + i))}};
    assert_ok(log->ops->append(log, appends, (size_t)count, NULL, &err));
    riacho_arena_free(arena);
}

static riacho_log_record keep(riacho_arena *arena, const riacho_log_record *record)
{
    riacho_log_record kept = *record;
    riacho_header *headers = riacho_alloc_zero(arena, record->headers.count, sizeof *headers);
    for (size_t i = 0; i < record->headers.count; i++) {
        headers[i].name = riacho_copy(arena, record->headers.items[i].name);
        headers[i].value = riacho_copy(arena, record->headers.items[i].value);
    }
    kept.headers.items = headers;
    kept.key = riacho_copy(arena, record->key);
    kept.value = riacho_copy(arena, record->value);
    return kept;
}

static void collect(struct records *all, riacho_arena *arena, const riacho_log_batch *batch)
{
    riacho_log_record *items = riacho_alloc(arena, (all->count + batch->count) * sizeof *items);
    if (all->count)
        memcpy(items, all->items, all->count * sizeof *items);
    for (size_t i = 0; i < batch->count; i++) {
        items[all->count + i] = keep(arena, &batch->records[i]);
        if (all->count + i > 0)
            assert_true(items[all->count + i].offset > items[all->count + i - 1].offset);
    }
    all->items = items;
    all->count += batch->count;
    all->next = batch->next;
}

struct records read_all(riacho_log *log, riacho_arena *arena, const char *topic, int32_t partition,
                        int64_t next)
{
    riacho_error err;
    riacho_log_reader *reader;
    struct records all = {.next = next};
    int64_t first, end;
    const riacho_log_assignment assignment = {topic, partition, next, 7};
    assert_ok(log->ops->reader_open(log, &reader, &err));
    assert_ok(log->ops->assign(reader, &assignment, 1, &err));
    assert_ok(log->ops->bounds(log, topic, partition, &first, &end, &err));
    riacho_log_batch *batch;
    while (all.next < end) {
        assert_ok(log->ops->poll(reader, log->ops->broker ? BATCH_WAIT_MS : 0, &batch, &err));
        if (!batch)
            fail_msg("%s/%d: nothing more at %lld of %lld", topic, (int)partition,
                     (long long)all.next, (long long)end);
        assert_int_equal(batch->tag, 7);
        collect(&all, arena, batch);
        log->ops->batch_free(batch);
    }
    assert_ok(log->ops->poll(reader, 0, &batch, &err));
    assert_true(!batch || !batch->count);
    log->ops->batch_free(batch);
    log->ops->reader_close(reader);
    return all;
}

void assert_bytes(riacho_bytes got, const char *wanted)
{
    if (!riacho_bytes_equal(got, riacho_text(wanted)))
        fail_msg("got '%.*s', wanted '%s'", got.data ? (int)got.size : 6,
                 got.data ? (const char *)got.data : "absent", wanted ? wanted : "absent");
}
