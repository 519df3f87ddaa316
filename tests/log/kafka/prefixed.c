/* SPDX-License-Identifier: MIT
 *
 * prefixed.c - see prefixed.h. Names that cannot be are passed on as they are, to be refused.
 */
#include "prefixed.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"

struct prefixed {
    riacho_log log;
    riacho_log *below;
    char *prefix;
    struct riacho_log_ops ops;
};

struct riacho_log_reader {
    struct prefixed *log;
    riacho_log_reader *below;
};

static struct prefixed *of(riacho_log *log)
{
    return (struct prefixed *)log;
}

static const char *with(const struct prefixed *log, riacho_arena *arena, const char *name)
{
    return name && *name ? riacho_format(arena, "%s%s", log->prefix, name) : name;
}

static riacho_status topic_ensure(riacho_log *log, const riacho_topic_spec *spec, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_topic_spec renamed = *spec;
    renamed.name = with(of(log), arena, spec->name);
    return of(log)->below->ops->topic_ensure(of(log)->below, &renamed, err);
}

static riacho_status topic_describe(riacho_log *log, const char *topic, riacho_arena *arena,
                                    riacho_topic_spec *ret_spec, riacho_error *err)
{
    RIACHO_TRY(of(log)->below->ops->topic_describe(of(log)->below, with(of(log), arena, topic),
                                                   arena, ret_spec, err));
    ret_spec->name += strlen(of(log)->prefix);
    return RIACHO_OK;
}

static riacho_status topic_list(riacho_log *log, riacho_arena *arena, riacho_topic_spec **ret_specs,
                                size_t *ret_count, riacho_error *err)
{
    const size_t size = strlen(of(log)->prefix);
    riacho_topic_spec *specs;
    size_t count, kept = 0;
    RIACHO_TRY(of(log)->below->ops->topic_list(of(log)->below, arena, &specs, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (strncmp(specs[i].name, of(log)->prefix, size) != 0)
            continue;
        specs[kept] = specs[i];
        specs[kept++].name += size;
    }
    *ret_specs = specs;
    *ret_count = kept;
    return RIACHO_OK;
}

static riacho_status bounds(riacho_log *log, const char *topic, int32_t partition,
                            int64_t *ret_first, int64_t *ret_next, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    return of(log)->below->ops->bounds(of(log)->below, with(of(log), arena, topic), partition,
                                       ret_first, ret_next, err);
}

static riacho_status offset_at(riacho_log *log, const char *topic, int32_t partition,
                               int64_t timestamp_ms, int64_t *ret_offset, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    return of(log)->below->ops->offset_at(of(log)->below, with(of(log), arena, topic), partition,
                                          timestamp_ms, ret_offset, err);
}

static riacho_status append(riacho_log *log, const riacho_log_append *records, size_t count,
                            riacho_position *ret_positions, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_log_append *renamed = riacho_alloc(arena, count * sizeof *renamed);
    for (size_t i = 0; i < count; i++) {
        renamed[i] = records[i];
        renamed[i].topic = with(of(log), arena, records[i].topic);
    }
    RIACHO_TRY(of(log)->below->ops->append(of(log)->below, renamed, count, ret_positions, err));
    for (size_t i = 0; ret_positions && i < count; i++)
        ret_positions[i].topic = records[i].topic;
    return RIACHO_OK;
}

static riacho_status reader_open(riacho_log *log, riacho_log_reader **ret_reader, riacho_error *err)
{
    riacho_log_reader *below;
    RIACHO_TRY(of(log)->below->ops->reader_open(of(log)->below, &below, err));
    riacho_log_reader *reader = riacho_memory_get_zero(1, sizeof *reader);
    *reader = (riacho_log_reader){of(log), below};
    *ret_reader = reader;
    return RIACHO_OK;
}

static riacho_status assign(riacho_log_reader *reader, const riacho_log_assignment *assignments,
                            size_t count, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_log_assignment *renamed = riacho_alloc(arena, count * sizeof *renamed);
    for (size_t i = 0; i < count; i++) {
        renamed[i] = assignments[i];
        renamed[i].topic = with(reader->log, arena, assignments[i].topic);
    }
    return reader->log->below->ops->assign(reader->below, renamed, count, err);
}

static void pause_tags(riacho_log_reader *reader, const uint32_t *tags, size_t count)
{
    reader->log->below->ops->pause(reader->below, tags, count);
}

static void resume_tags(riacho_log_reader *reader, const uint32_t *tags, size_t count)
{
    reader->log->below->ops->resume(reader->below, tags, count);
}

static riacho_status poll_batch(riacho_log_reader *reader, int64_t wait_ms,
                                riacho_log_batch **ret_batch, riacho_error *err)
{
    return reader->log->below->ops->poll(reader->below, wait_ms, ret_batch, err);
}

static void reader_wake(riacho_log_reader *reader)
{
    reader->log->below->ops->reader_wake(reader->below);
}

static void reader_close(riacho_log_reader *reader)
{
    if (reader)
        reader->log->below->ops->reader_close(reader->below);
    free(reader);
}

static void space(riacho_log *log, uint64_t *ret_free, uint64_t *ret_total)
{
    of(log)->below->ops->space(of(log)->below, ret_free, ret_total);
}

static void close_log(riacho_log *log)
{
    of(log)->below->ops->close(of(log)->below);
    free(of(log)->prefix);
    free(of(log));
}

riacho_log *prefixed_log_new(riacho_log *below, const char *prefix)
{
    struct prefixed *log = riacho_memory_get_zero(1, sizeof *log);
    log->below = below;
    log->prefix = riacho_memory_text(prefix);
    log->ops = (struct riacho_log_ops){.name = below->ops->name,
                                       .broker = below->ops->broker,
                                       .topic_ensure = topic_ensure,
                                       .topic_describe = topic_describe,
                                       .topic_list = topic_list,
                                       .bounds = bounds,
                                       .offset_at = offset_at,
                                       .append = append,
                                       .reader_open = reader_open,
                                       .assign = assign,
                                       .pause = pause_tags,
                                       .resume = resume_tags,
                                       .poll = poll_batch,
                                       .reader_wake = reader_wake,
                                       .batch_free = below->ops->batch_free,
                                       .reader_close = reader_close,
                                       .space = space,
                                       .close = close_log};
    log->log.ops = &log->ops;
    return &log->log;
}
