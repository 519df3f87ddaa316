/* SPDX-License-Identifier: MIT
 *
 * topic_registry.c - see riacho/registry.h: a registry that is a topic.
 *
 * Everything is the fold of the topic, in order: a record's key is a subject, its value a schema's
 * canonical text. A text that is new gets the next id; a subject that has not got that text yet
 * gets it as its next version. Nothing else is decided anywhere, so two workers that add at the
 * same time agree afterwards. A call first reads what the topic has by now.
 *
 * Threads: one at a time, as the port says.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "riacho/port/clock.h"
#include "riacho/registry.h"

enum { POLL_MS = 50 };

typedef struct version {
    const char *subject;
    int32_t id; /* of texts: its place, from 1 on */
    int32_t version;
} version;

typedef struct topic_registry {
    riacho_registry base;
    riacho_log *log;
    riacho_log_reader *reader; /* NULL until there is a topic */
    int64_t next;              /* offset to read */
    riacho_arena *arena;       /* of names and texts */
    riacho_bytes *texts;
    size_t text_count;
    version *versions;
    size_t version_count;
} topic_registry;

static const riacho_registry_ops topic_ops;

riacho_registry *riacho_registry_in_topic(riacho_log *log)
{
    topic_registry *made = riacho_memory_get_zero(1, sizeof *made);
    made->base.ops = &topic_ops;
    made->log = log;
    made->arena = riacho_arena_new();
    return &made->base;
}

static topic_registry *self_of(riacho_registry *registry)
{
    return (topic_registry *)registry;
}

static void close_registry(riacho_registry *registry)
{
    topic_registry *self = self_of(registry);
    if (self->reader)
        self->log->ops->reader_close(self->reader);
    riacho_arena_free(self->arena);
    free(self->texts);
    free(self->versions);
    free(self);
}

/* ---- the fold -------------------------------------------------------------------------------- */

static int32_t id_of(const topic_registry *self, riacho_bytes text)
{
    for (size_t i = 0; i < self->text_count; i++) {
        if (riacho_bytes_equal(self->texts[i], text))
            return (int32_t)i + 1;
    }
    return 0;
}

static int32_t add_text(topic_registry *self, riacho_bytes text)
{
    self->texts = riacho_memory_resize(self->texts, (self->text_count + 1) * sizeof *self->texts);
    self->texts[self->text_count++] = riacho_copy(self->arena, text);
    return (int32_t)self->text_count;
}

static const version *find(const topic_registry *self, const char *subject, int32_t id)
{
    for (size_t i = 0; i < self->version_count; i++) {
        const version *at = &self->versions[i];
        if (at->id == id && strcmp(at->subject, subject) == 0)
            return at;
    }
    return NULL;
}

static const version *newest(const topic_registry *self, const char *subject)
{
    for (size_t i = self->version_count; i-- > 0;) {
        if (strcmp(self->versions[i].subject, subject) == 0)
            return &self->versions[i];
    }
    return NULL;
}

static void take(topic_registry *self, const riacho_log_record *record)
{
    if (!record->key.data || !record->value.data)
        return; /* none of ours */
    const char *subject = riacho_copy(self->arena, record->key).data;
    int32_t id = id_of(self, record->value);
    if (!id)
        id = add_text(self, record->value);
    if (find(self, subject, id))
        return;
    const version *last = newest(self, subject);
    const int32_t number = last ? last->version + 1 : 1;
    self->versions =
        riacho_memory_resize(self->versions, (self->version_count + 1) * sizeof *self->versions);
    self->versions[self->version_count++] = (version){subject, id, number};
}

/* ---- reading --------------------------------------------------------------------------------- */

static riacho_status open_reader(topic_registry *self, riacho_error *err)
{
    const riacho_log_ops *ops = self->log->ops;
    const riacho_log_assignment all = {RIACHO_REGISTRY_TOPIC, 0, self->next, 0};
    if (self->reader)
        return RIACHO_OK;
    riacho_log_reader *reader;
    RIACHO_TRY(ops->reader_open(self->log, &reader, err));
    const riacho_status status = ops->assign(reader, &all, 1, err);
    if (status == RIACHO_OK)
        self->reader = reader;
    else
        ops->reader_close(reader);
    return status;
}

static riacho_status read_batch(topic_registry *self, riacho_error *err)
{
    const riacho_log_ops *ops = self->log->ops;
    riacho_log_batch *batch = NULL;
    RIACHO_TRY(ops->poll(self->reader, POLL_MS, &batch, err));
    if (!batch)
        return RIACHO_OK;
    for (size_t i = 0; i < batch->count; i++)
        take(self, &batch->records[i]);
    self->next = batch->next;
    ops->batch_free(batch);
    return RIACHO_OK;
}

static riacho_status not_read(riacho_error *err, const riacho_error *why)
{
    return riacho_fail(
        err, RIACHO_RETRY,
        "the schemas in topic '" RIACHO_REGISTRY_TOPIC "' cannot be read now: %.350s", why->text);
}

static riacho_status read_to(topic_registry *self, int64_t end, riacho_error *err)
{
    riacho_clock *clock = riacho_clock_system();
    const int64_t patience_ns = (int64_t)RIACHO_REGISTRY_ANSWER_MS * 1000000;
    const int64_t deadline_ns = clock->monotonic_ns(clock) + patience_ns;
    RIACHO_TRY(open_reader(self, err));
    while (self->next < end) {
        if (clock->monotonic_ns(clock) > deadline_ns)
            return riacho_fail(err, RIACHO_RETRY, "offset %lld of %lld after %d ms",
                               (long long)self->next, (long long)end, RIACHO_REGISTRY_ANSWER_MS);
        RIACHO_TRY(read_batch(self, err));
    }
    return RIACHO_OK;
}

/* Everything that was added before the call. No topic: nothing was. */
static riacho_status refresh(topic_registry *self, riacho_error *err)
{
    const riacho_log_ops *ops = self->log->ops;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_topic_spec spec;
    riacho_error why = {.text = ""};
    int64_t first, end;
    if (!self->reader) {
        const riacho_status found =
            ops->topic_describe(self->log, RIACHO_REGISTRY_TOPIC, arena, &spec, &why);
        if (found == RIACHO_REJECT)
            return RIACHO_OK;
        if (found != RIACHO_OK)
            return not_read(err, &why);
    }
    if (ops->bounds(self->log, RIACHO_REGISTRY_TOPIC, 0, &first, &end, &why) != RIACHO_OK ||
        read_to(self, end, &why) != RIACHO_OK)
        return not_read(err, &why);
    return RIACHO_OK;
}

/* ---- the port -------------------------------------------------------------------------------- */

static riacho_status fetch(riacho_registry *registry, int32_t id, riacho_arena *arena,
                           riacho_bytes *ret_text, riacho_error *err)
{
    topic_registry *self = self_of(registry);
    RIACHO_TRY(refresh(self, err));
    if (id < 1 || (size_t)id > self->text_count)
        return riacho_fail(err, RIACHO_REJECT,
                           "topic '" RIACHO_REGISTRY_TOPIC "' has no schema with id %d", id);
    *ret_text = riacho_copy(arena, self->texts[id - 1]);
    return RIACHO_OK;
}

static riacho_status lookup(riacho_registry *registry, const char *subject, riacho_bytes text,
                            riacho_registry_version *ret_version, riacho_error *err)
{
    topic_registry *self = self_of(registry);
    RIACHO_TRY(refresh(self, err));
    const version *found = find(self, subject, id_of(self, text));
    *ret_version = (riacho_registry_version){0};
    if (found)
        *ret_version = (riacho_registry_version){.id = found->id, .version = found->version};
    return RIACHO_OK;
}

static riacho_status latest(riacho_registry *registry, const char *subject, riacho_arena *arena,
                            riacho_registry_version *ret_version, riacho_error *err)
{
    topic_registry *self = self_of(registry);
    RIACHO_TRY(refresh(self, err));
    const version *found = newest(self, subject);
    *ret_version = (riacho_registry_version){0};
    if (found)
        *ret_version = (riacho_registry_version){
            .id = found->id,
            .version = found->version,
            .text = riacho_copy(arena, self->texts[found->id - 1]),
        };
    return RIACHO_OK;
}

/* Whoever reads resolves what it can; there are no rules between versions here. */
static riacho_status check(riacho_registry *registry, const char *subject, riacho_bytes text,
                           riacho_arena *arena, const char **ret_reason, riacho_error *err)
{
    (void)registry, (void)subject, (void)text, (void)arena, (void)err;
    *ret_reason = NULL;
    return RIACHO_OK;
}

static riacho_status add(riacho_registry *registry, const char *subject, riacho_bytes text,
                         int32_t *ret_id, riacho_error *err)
{
    topic_registry *self = self_of(registry);
    const riacho_log_ops *ops = self->log->ops;
    const riacho_topic_spec spec = {.name = RIACHO_REGISTRY_TOPIC, .partitions = 1};
    riacho_clock *clock = riacho_clock_system();
    const riacho_log_append record = {
        .topic = RIACHO_REGISTRY_TOPIC,
        .record = {.timestamp_ms = clock->now_ms(clock),
                   .key = riacho_text(subject),
                   .value = text},
    };
    riacho_position position;
    RIACHO_TRY(refresh(self, err));
    if (!find(self, subject, id_of(self, text))) {
        RIACHO_TRY(ops->topic_ensure(self->log, &spec, err));
        RIACHO_TRY(ops->append(self->log, &record, 1, &position, err));
        RIACHO_TRY(refresh(self, err));
    }
    *ret_id = id_of(self, text);
    return *ret_id ? RIACHO_OK
                   : riacho_fail(err, RIACHO_RETRY,
                                 "what was added to topic '" RIACHO_REGISTRY_TOPIC
                                 "' is not to be read yet");
}

static riacho_status list_subjects(riacho_registry *registry, riacho_arena *arena,
                                   const char *const **ret_names, size_t *ret_count,
                                   riacho_error *err)
{
    topic_registry *self = self_of(registry);
    RIACHO_TRY(refresh(self, err));
    const char **names = riacho_alloc_zero(arena, self->version_count + 1, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < self->version_count; i++) {
        if (self->versions[i].version == 1)
            names[count++] = riacho_format(arena, "%s", self->versions[i].subject);
    }
    *ret_names = names;
    *ret_count = count;
    return RIACHO_OK;
}

static const riacho_registry_ops topic_ops = {
    .fetch = fetch,
    .lookup = lookup,
    .latest = latest,
    .check = check,
    .add = add,
    .subjects = list_subjects,
    .close = close_registry,
};
