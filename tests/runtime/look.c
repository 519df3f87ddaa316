/* SPDX-License-Identifier: MIT
 *
 * look.c - what a fixture's topics and stores hold, and whether every effect is there once.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"

static int64_t get_long(riacho_bytes bytes)
{
    uint64_t value = 0;
    assert_int_equal(bytes.size, 8);
    for (int i = 0; i < 8; i++)
        value = value << 8 | ((const uint8_t *)bytes.data)[i];
    return (int64_t)value;
}

/* ---- looking --------------------------------------------------------------------------------- */

typedef void (*visitor)(void *to, int32_t partition, const riacho_log_record *record);

static void read_partition(fixture *f, int topic, int32_t partition, visitor visit, void *to)
{
    riacho_log_reader *reader;
    const riacho_log_assignment from = {f->topics[topic].name, partition, 0, 0};
    assert_int_equal(f->log->ops->reader_open(f->log, &reader, &f->error), RIACHO_OK);
    assert_int_equal(f->log->ops->assign(reader, &from, 1, &f->error), RIACHO_OK);
    for (;;) {
        riacho_log_batch *batch = NULL;
        assert_int_equal(f->log->ops->poll(reader, 0, &batch, &f->error), RIACHO_OK);
        if (!batch)
            break;
        for (size_t i = 0; i < batch->count; i++)
            visit(to, partition, &batch->records[i]);
        f->log->ops->batch_free(batch);
    }
    f->log->ops->reader_close(reader);
}

static void read_topic(fixture *f, int topic, visitor visit, void *to)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_topic_spec spec;
    if (f->log->ops->topic_describe(f->log, f->topics[topic].name, arena, &spec, &f->error) !=
        RIACHO_OK)
        fail_msg("%s", f->error.text);
    for (int32_t p = 0; p < spec.partitions; p++)
        read_partition(f, topic, p, visit, to);
}

struct printing {
    riacho_buffer text;
    int32_t partition;
};

static void print_record(void *to, int32_t partition, const riacho_log_record *record)
{
    struct printing *printing = to;
    if (printing->text.size)
        riacho_buffer_printf(&printing->text, partition == printing->partition ? " " : " | ");
    printing->partition = partition;
    riacho_buffer_printf(&printing->text, "%.*s=", (int)record->key.size,
                         record->key.data ? (const char *)record->key.data : "");
    if (record->value.size == 8)
        riacho_buffer_printf(&printing->text, "%lld", (long long)get_long(record->value));
    else
        riacho_buffer_printf(&printing->text, "%.*s", (int)record->value.size,
                             (const char *)record->value.data);
    riacho_buffer_printf(&printing->text, "@%lld", (long long)record->timestamp_ms);
}

static char *finish(riacho_buffer *text)
{
    riacho_buffer_append(text, "", 1);
    return (char *)text->data;
}

char *fixture_topic(fixture *f, int topic)
{
    struct printing printing = {0};
    read_topic(f, topic, print_record, &printing);
    return finish(&printing.text);
}

struct header_search {
    size_t left;
    const char *name;
    char *found;
};

static void search_header(void *to, int32_t partition, const riacho_log_record *record)
{
    struct header_search *search = to;
    if (partition != 0 || search->left-- != 0)
        return;
    for (size_t i = 0; i < record->headers.count; i++) {
        const riacho_header *header = &record->headers.items[i];
        if (riacho_bytes_equal(header->name, riacho_text(search->name)))
            search->found = strndup(header->value.data, header->value.size);
    }
}

char *fixture_header(fixture *f, int topic, size_t index, const char *name)
{
    struct header_search search = {index, name, NULL};
    read_topic(f, topic, search_header, &search);
    return search.found ? search.found : strdup("");
}

riacho_task *fixture_task(fixture *f, const char *name)
{
    riacho_deployment *deployment = riacho_worker_deployment(f->worker, "test");
    for (size_t i = 0; i < deployment->task_count; i++) {
        if (strcmp(deployment->tasks[i]->name, name) == 0)
            return deployment->tasks[i];
    }
    fail_msg("no task %s", name);
    return NULL;
}

static void print_space(fixture *f, riacho_task *task, uint32_t space, riacho_buffer *text)
{
    RIACHO_AUTO(publication) riacho_publication *at = riacho_task_publication(task);
    assert_non_null(at);
    const riacho_store_ops *ops = at->store->ops;
    const riacho_range all = {0};
    riacho_store_scan *scan;
    riacho_bytes key, value;
    assert_int_equal(ops->scan_open(at->store, at->snapshot, space, &all, &scan, &f->error),
                     RIACHO_OK);
    while (ops->scan_next(scan, &key, &value, &f->error) == RIACHO_OK && key.data) {
        /* Behind eight bytes of timestamp, or without: the count is the last eight. */
        const riacho_bytes count = {(const uint8_t *)value.data + value.size - 8, 8};
        riacho_buffer_printf(text, "%s%.*s=%lld", text->size ? " " : "", (int)key.size,
                             (const char *)key.data, (long long)get_long(count));
    }
    ops->scan_close(scan);
}

char *fixture_store(fixture *f, int store)
{
    riacho_deployment *deployment = riacho_worker_deployment(f->worker, "test");
    const int32_t subtopology = f->graph_stores[store].subtopology;
    riacho_buffer text = {0};
    for (size_t i = 0; i < deployment->task_count; i++) {
        if (deployment->tasks[i]->subtopology == subtopology)
            print_space(f, deployment->tasks[i], store == FIXTURE_LATEST_STORE, &text);
    }
    return finish(&text);
}

void fixture_expect_topic(fixture *f, int topic, const char *expected)
{
    RIACHO_AUTO(heap) char *actual = fixture_topic(f, topic);
    assert_string_equal(actual, expected);
}

void fixture_expect_store(fixture *f, int store, const char *expected)
{
    RIACHO_AUTO(heap) char *actual = fixture_store(f, store);
    assert_string_equal(actual, expected);
}

/* ---- exactly once ---------------------------------------------------------------------------- */

struct tally {
    fixture *f;
    const char *topic;
    bool dense; /* each number once; else only upwards */
    int64_t seen[128 * 128];
};

static size_t slot(riacho_bytes key)
{
    const uint8_t *text = key.data;
    assert_true(key.size == 1 || key.size == 2);
    return (size_t)(text[0] & 127) * 128 + (key.size > 1 ? text[1] & 127 : 0);
}

static void tally_record(void *to, int32_t partition, const riacho_log_record *record)
{
    (void)partition;
    struct tally *tally = to;
    int64_t *seen = &tally->seen[slot(record->key)];
    const int64_t value = get_long(record->value);
    if (tally->dense ? value != *seen + 1 : value <= *seen)
        fail_msg("topic %s: key %.*s says %lld after %lld", tally->topic, (int)record->key.size,
                 (const char *)record->key.data, (long long)value, (long long)*seen);
    *seen = value;
}

static void expect_number(const char *where, const char *key, int64_t actual, int64_t expected)
{
    if (actual != expected)
        fail_msg("%s: key %s is %lld and not %lld", where, key, (long long)actual,
                 (long long)expected);
}

static void check_topic(fixture *f, int topic, bool dense)
{
    struct tally *tally = riacho_memory_get_zero(1, sizeof *tally);
    *tally = (struct tally){.f = f, .topic = f->topics[topic].name, .dense = dense};
    read_topic(f, topic, tally_record, tally);
    int64_t groups[FIXTURE_GROUPS] = {0};
    for (size_t k = 0; k < FIXTURE_KEYS; k++) {
        groups[k / 10] += f->sent[k];
        if (topic != FIXTURE_TOTALS)
            expect_number(tally->topic, fixture_key(k),
                          tally->seen[slot(riacho_text(fixture_key(k)))], f->sent[k]);
    }
    for (size_t g = 0; topic == FIXTURE_TOTALS && g < FIXTURE_GROUPS; g++) {
        const char name[] = {(char)('a' + (int)g), 0};
        expect_number(tally->topic, name, tally->seen[slot(riacho_text(name))], groups[g]);
    }
    free(tally);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Words in order, because stores of several partitions come one after the other. */
static char *sorted(char *text)
{
    char *words[FIXTURE_KEYS + 1];
    size_t count = 0;
    riacho_buffer out = {0};
    for (char *word = strtok_r(text, " ", &text); word; word = strtok_r(NULL, " ", &text)) {
        assert_true(count < FIXTURE_KEYS);
        words[count++] = word;
    }
    qsort(words, count, sizeof *words, by_text);
    for (size_t i = 0; i < count; i++)
        riacho_buffer_printf(&out, "%s%s", i ? " " : "", words[i]);
    return finish(&out);
}

static void check_store(fixture *f, int store)
{
    RIACHO_AUTO(heap) char *shown = fixture_store(f, store);
    RIACHO_AUTO(heap) char *actual = sorted(shown);
    riacho_buffer expected = {0};
    int64_t groups[FIXTURE_GROUPS] = {0};
    for (size_t k = 0; k < FIXTURE_KEYS; k++) {
        groups[k / 10] += f->sent[k];
        if (f->sent[k] && store != FIXTURE_TOTALS_STORE)
            riacho_buffer_printf(&expected, "%s%s=%lld", expected.size ? " " : "", fixture_key(k),
                                 (long long)f->sent[k]);
    }
    for (int g = 0; store == FIXTURE_TOTALS_STORE && g < FIXTURE_GROUPS; g++) {
        if (groups[g])
            riacho_buffer_printf(&expected, "%s%c=%lld", expected.size ? " " : "", 'a' + g,
                                 (long long)groups[g]);
    }
    RIACHO_AUTO(heap) char *text = finish(&expected);
    assert_string_equal(actual, text);
}

static void count_record(void *to, int32_t partition, const riacho_log_record *record)
{
    (void)partition;
    (void)record;
    ++*(int64_t *)to;
}

static void check_dead(fixture *f)
{
    int64_t count = 0;
    read_topic(f, FIXTURE_DEAD, count_record, &count);
    expect_number("dead", "of all letters", count, f->refused);
}

void fixture_check(fixture *f)
{
    check_dead(f);
    check_store(f, FIXTURE_COUNTS);
    check_store(f, FIXTURE_LATEST_STORE);
    check_store(f, FIXTURE_TOTALS_STORE);
    check_topic(f, FIXTURE_OUT, true);
    check_topic(f, FIXTURE_TOTALS, true);
    check_topic(f, FIXTURE_LATEST, false);
}
