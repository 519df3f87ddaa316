/* SPDX-License-Identifier: MIT
 *
 * play.c - the steps of a test.
 *
 * A `crash` belongs to the commit of the step before it: that step is processed without a commit,
 * then the commit is tried and stopped at the site, and another worker goes on from what is left.
 * What that step puts out is looked at after the crash.
 */
#include "play.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "runtime/records.h"
#include "schemas/container.h"

void riacho_stage_fail(riacho_stage *stage, const riacho_yaml_node *node, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    riacho_failure *failure = riacho_alloc_zero(stage->played->arena, 1, sizeof *failure);
    failure->mark = node ? node->mark : stage->test->node->mark;
    failure->step = stage->step;
    failure->text = riacho_copy(stage->played->arena, riacho_text(text)).data;
    *stage->played->last = failure;
    stage->played->last = &failure->following;
    stage->played->failure_count++;
}

const char *riacho_stage_topic(const riacho_stage *stage, const char *name)
{
    for (size_t i = 0; i < stage->topology->streams_count; i++) {
        if (strcmp(stage->topology->streams[i].name, name) == 0)
            return stage->topology->streams[i].topic;
    }
    for (size_t i = 0; i < stage->topology->tables_count; i++) {
        if (strcmp(stage->topology->tables[i].name, name) == 0)
            return stage->topology->tables[i].topic;
    }
    return name;
}

riacho_status riacho_stage_encode(riacho_stage *stage, const riacho_yaml_node *node,
                                  const riacho_codec *codec, riacho_bytes *ret_bytes)
{
    riacho_arena *arena = stage->played->arena;
    RIACHO_AUTO(buffer) riacho_buffer text = {0}, encoded = {0};
    riacho_json_issues issues = {0};
    riacho_error why;
    *ret_bytes = (riacho_bytes){0};
    if (!node ||
        (node->kind == RIACHO_YAML_SCALAR && riacho_yaml_type_of(node) == RIACHO_YAML_NULL) ||
        codec->type->kind == RIACHO_NULL)
        return RIACHO_OK;
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    if (codec->type->kind == RIACHO_STRING && node->kind == RIACHO_YAML_SCALAR) {
        *(riacho_bytes *)value = node->text; /* `key: 7` is the text "7" where text is wanted */
    } else {
        riacho_yaml_to_json(node, &text);
        if (riacho_json_read(codec->type, riacho_copy(arena, riacho_buffer_bytes(&text)), arena,
                             value, &issues) != RIACHO_OK) {
            for (size_t i = 0; i < issues.count; i++)
                riacho_stage_fail(stage, node, "%s: %s",
                                  *issues.items[i].pointer ? issues.items[i].pointer : "value",
                                  issues.items[i].detail);
            return RIACHO_REJECT;
        }
    }
    if (riacho_encode(codec, value, &encoded, &why) != RIACHO_OK) {
        riacho_stage_fail(stage, node, "%s", why.text);
        return RIACHO_REJECT;
    }
    *ret_bytes = riacho_copy(arena, riacho_buffer_bytes(&encoded));
    return RIACHO_OK;
}

static int64_t number_of(const riacho_yaml_node *scalar, int64_t fallback)
{
    int64_t number;
    if (!scalar || riacho_int_parse(scalar->text, INT64_MIN, INT64_MAX, &number, NULL) != RIACHO_OK)
        return fallback;
    return number;
}

static bool read_headers(riacho_stage *stage, const riacho_yaml_node *node,
                         riacho_headers *ret_headers)
{
    *ret_headers = (riacho_headers){0};
    if (!node)
        return true;
    riacho_header *items = riacho_alloc_zero(stage->played->arena, node->count, sizeof *items);
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind != RIACHO_YAML_MAPPING ||
            node->entries[i].value->kind != RIACHO_YAML_SCALAR) {
            riacho_stage_fail(stage, node, "`headers` is a mapping of names to texts");
            return false;
        }
        items[i] = (riacho_header){node->entries[i].key->text, node->entries[i].value->text};
    }
    *ret_headers = (riacho_headers){items, node->count};
    return true;
}

static bool known_topic(const riacho_stage *stage, const char *topic)
{
    for (size_t i = 0; i < stage->graph->topic_count; i++) {
        if (strcmp(stage->graph->topics[i].name, topic) == 0)
            return true;
    }
    return false;
}

static bool send(riacho_stage *stage, const riacho_yaml_node *record)
{
    riacho_topic_codecs codecs;
    riacho_error why;
    const char *topic = riacho_stage_topic(stage, riacho_yaml_get(record, "to")->text.data);
    if (!known_topic(stage, topic)) {
        riacho_stage_fail(stage, riacho_yaml_get(record, "to"),
                          "the topology has no stream and no topic '%s'", topic);
        return false;
    }
    riacho_log_append append = {
        .topic = topic,
        .partition = (int32_t)number_of(riacho_yaml_get(record, "partition"), -1),
        .record.timestamp_ms =
            number_of(riacho_yaml_get(record, "at"), riacho_engine_now_ms(stage->engine)),
    };
    const riacho_graph *graph = stage->graph;
    const riacho_topic_types types = {&graph, 1, stage->project->schemas, {0}};
    if (riacho_topic_codecs_find(&types, topic, &codecs, &why) != RIACHO_OK ||
        riacho_stage_encode(stage, riacho_yaml_get(record, "key"), codecs.key,
                            &append.record.key) != RIACHO_OK ||
        riacho_stage_encode(stage, riacho_yaml_get(record, "value"), codecs.value,
                            &append.record.value) != RIACHO_OK ||
        !read_headers(stage, riacho_yaml_get(record, "headers"), &append.record.headers))
        return false;
    if (riacho_engine_append(stage->engine, &append, &why) != RIACHO_OK) {
        riacho_stage_fail(stage, record, "%s", why.text);
        return false;
    }
    return true;
}

static const riacho_test_step *crash_after(const riacho_test *test, size_t step)
{
    return step + 1 < test->step_count && test->steps[step + 1].action == RIACHO_TEST_CRASH
               ? &test->steps[step + 1]
               : NULL;
}

static riacho_status crash(riacho_stage *stage, const riacho_test_step *step, riacho_error *err)
{
    const bool in_commit = step->site != RIACHO_SITE_RECORD && step->site != RIACHO_SITE_RECOVERY;
    if (step->site == RIACHO_SITE_RECORD && !riacho_engine_armed(stage->engine))
        return riacho_engine_drive(stage->engine, RIACHO_DRIVE_COMMIT,
                                   err); /* it happened while the record was processed */
    riacho_engine_arm(stage->engine, step->site);
    if (in_commit)
        RIACHO_TRY(riacho_engine_drive(stage->engine, RIACHO_DRIVE_COMMIT, err));
    if (riacho_engine_armed(stage->engine)) {
        if (in_commit)
            riacho_engine_arm(stage->engine, (riacho_site)0); /* there was nothing to commit */
        RIACHO_TRY(riacho_engine_crash(stage->engine, err));
    }
    return riacho_engine_drive(stage->engine, RIACHO_DRIVE_COMMIT, err);
}

/* Does the step's one thing; false: a failure was noted and the test ends here. */
static bool act(riacho_stage *stage, const riacho_test_step *step,
                const riacho_test_step *crash_next)
{
    riacho_error why;
    riacho_status status = RIACHO_OK;
    const riacho_drive commit =
        stage->test->manual_commit || crash_next ? RIACHO_DRIVE_NO_COMMIT : RIACHO_DRIVE_COMMIT;
    switch (step->action) {
    case RIACHO_TEST_SEND:
        if (!send(stage, step->operand))
            return false;
        if (crash_next && crash_next->site == RIACHO_SITE_RECORD)
            riacho_engine_arm(stage->engine, RIACHO_SITE_RECORD);
        status = riacho_engine_drive(stage->engine, commit, &why);
        break;
    case RIACHO_TEST_ADVANCE:
        riacho_engine_advance(stage->engine, step->wall_clock_ms);
        status = riacho_engine_drive(stage->engine, commit, &why);
        break;
    case RIACHO_TEST_CRASH:
        status = crash(stage, step, &why);
        break;
    case RIACHO_TEST_RESTART:
        status = riacho_engine_restart(stage->engine, &why);
        break;
    case RIACHO_TEST_COMMIT:
        status = riacho_engine_drive(stage->engine, RIACHO_DRIVE_COMMIT, &why);
        break;
    case RIACHO_TEST_EXPECT:
        riacho_stage_expect(stage, step->operand);
        break;
    }
    if (status != RIACHO_OK)
        riacho_stage_fail(stage, step->node, "%s", why.text);
    return status == RIACHO_OK;
}

static riacho_status forget_outputs(riacho_stage *stage, riacho_error *err)
{
    riacho_engine_record *records;
    size_t count;
    return riacho_engine_outputs(stage->engine, &records, &count, err);
}

static bool play_steps(riacho_stage *stage)
{
    riacho_error why;
    const riacho_test_step *deferred =
        NULL; /* its `out` is looked at after the crash that follows it */
    for (size_t i = 0; i < stage->test->step_count; i++) {
        const riacho_test_step *step = &stage->test->steps[i];
        const riacho_test_step *crash_next = crash_after(stage->test, i);
        stage->step = i + 1;
        if (!act(stage, step, crash_next))
            return false;
        if (deferred) {
            riacho_stage_check_outs(stage, deferred);
            deferred = NULL;
        }
        if (crash_next && step->checks_out)
            deferred = step;
        else if (step->checks_out)
            riacho_stage_check_outs(stage, step);
        else if (!crash_next && forget_outputs(stage, &why) != RIACHO_OK)
            riacho_stage_fail(stage, step->node, "%s", why.text);
    }
    stage->step = 0;
    return true;
}

/* The fixture's records are values of the topic; the key of each is the value of one of its fields.
 */
static riacho_status append_fixture_record(riacho_stage *stage, const char *topic,
                                           const riacho_topic_codecs *codecs,
                                           const riacho_field *key, const void *value,
                                           riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer key_bytes = {0}, value_bytes = {0};
    if (key)
        RIACHO_TRY(riacho_encode(codecs->key, (const char *)value + key->offset, &key_bytes, err));
    RIACHO_TRY(riacho_encode(codecs->value, value, &value_bytes, err));
    const riacho_log_append append = {
        .topic = topic,
        .partition = -1,
        .record = {.timestamp_ms = riacho_engine_now_ms(stage->engine),
                   .key = key ? riacho_buffer_bytes(&key_bytes) : (riacho_bytes){0},
                   .value = riacho_buffer_bytes(&value_bytes)},
    };
    return riacho_engine_append(stage->engine, &append, err);
}

static riacho_status find_fixture_key(riacho_stage *stage, const riacho_topic_codecs *codecs,
                                      const riacho_field **ret_key, riacho_error *err)
{
    *ret_key = NULL;
    if (!stage->test->fixture_key)
        return RIACHO_OK;
    if (codecs->value->type->kind == RIACHO_RECORD)
        *ret_key = riacho_type_field(codecs->value->type, riacho_text(stage->test->fixture_key));
    if (!*ret_key || !riacho_type_equal((*ret_key)->type, codecs->key->type))
        return riacho_fail(err, RIACHO_REJECT, "`fixtureKey: %s` is not a field of the key's type",
                           stage->test->fixture_key);
    return RIACHO_OK;
}

static riacho_status feed_fixture(riacho_stage *stage, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const char *topic = riacho_stage_topic(stage, stage->test->fixture_topic);
    const riacho_graph *graph = stage->graph;
    riacho_container_reader *reader;
    riacho_topic_codecs codecs;
    const riacho_field *key;
    const riacho_topic_types types = {&graph, 1, stage->project->schemas, {0}};
    RIACHO_TRY(riacho_topic_codecs_find(&types, topic, &codecs, err));
    RIACHO_TRY(find_fixture_key(stage, &codecs, &key, err));
    RIACHO_TRY(riacho_container_reader_open(stage->test->fixture, codecs.value, &reader, err));
    riacho_status status;
    for (bool found = true;;) {
        riacho_arena_reset(arena);
        void *value = riacho_alloc_zero(arena, 1, codecs.value->type->size);
        status = riacho_container_reader_next(reader, arena, value, &found, err);
        if (status != RIACHO_OK || !found)
            break;
        status = append_fixture_record(stage, topic, &codecs, key, value, err);
        if (status != RIACHO_OK)
            break;
    }
    riacho_container_reader_close(reader);
    return status == RIACHO_OK ? riacho_engine_drive(stage->engine, RIACHO_DRIVE_COMMIT, err)
                               : status;
}

static bool play_fixture(riacho_stage *stage)
{
    riacho_error why;
    if (feed_fixture(stage, &why) == RIACHO_OK)
        return true;
    riacho_stage_fail(stage, NULL, "fixture %s: %s", stage->test->fixture, why.text);
    return false;
}

void riacho_stage_play(riacho_stage *stage)
{
    riacho_error why;
    riacho_engine *engine = NULL;
    if (riacho_engine_open(stage->graph, stage->project, stage->log, &engine, &why) != RIACHO_OK) {
        riacho_stage_fail(stage, NULL, "the engine did not start: %s", why.text);
        riacho_engine_close(engine);
        return;
    }
    stage->engine = engine;
    bool whole = !stage->test->fixture || play_fixture(stage);
    whole = whole && play_steps(stage);
    if (whole && riacho_engine_drive(engine, RIACHO_DRIVE_COMMIT, &why) != RIACHO_OK) {
        riacho_stage_fail(stage, NULL, "%s", why.text);
        whole = false;
    }
    if (whole && stage->test->expect)
        riacho_stage_expect(stage, stage->test->expect);
    stage->engine = NULL;
    riacho_engine_close(engine);
}

riacho_status riacho_stage_feed(riacho_stage *stage, riacho_error *err)
{
    if (stage->test->fixture)
        RIACHO_TRY(feed_fixture(stage, err));
    for (size_t i = 0; i < stage->test->step_count; i++) {
        const riacho_test_step *step = &stage->test->steps[i];
        if (step->action == RIACHO_TEST_ADVANCE)
            riacho_engine_advance(stage->engine, step->wall_clock_ms);
        else if (step->action != RIACHO_TEST_SEND)
            continue;
        else if (!send(stage, step->operand))
            return riacho_fail(err, RIACHO_REJECT, "a record could not be sent again");
        RIACHO_TRY(riacho_engine_drive(stage->engine, RIACHO_DRIVE_COMMIT, err));
    }
    return RIACHO_OK;
}
