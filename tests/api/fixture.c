/* SPDX-License-Identifier: MIT
 *
 * fixture.c - see fixture.h.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_notes.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "riacho/backend/memory_log.h"
#include "riacho/backend/stores.h"
#include "riacho/store.h"
#include "topology/graph.h"

enum { PARTITIONS = 3, DRAIN_MS = 20000 };

/* ---- the functions --------------------------------------------------------------------------- */

static riacho_status note_down(riacho_ctx *ctx, const riacho_record *record)
{
    const struct note *note = record->value;
    const riacho_bytes all = {"all", 3};
    if (riacho_bytes_equal(note->text, (riacho_bytes){"refuse", 6}))
        return riacho_reject(ctx, "refused");
    if (riacho_bytes_equal(note->text, (riacho_bytes){"slow", 4}))
        usleep(FIXTURE_SLOW_US);
    riacho_list *journal = riacho_list_of(ctx, "journal");
    RIACHO_TRY(
        riacho_ranking_add(riacho_ranking_of(ctx, "board"), &all, &note->pet, note->points, NULL));
    RIACHO_TRY(riacho_list_append(journal, &note->pet, note, NULL));
    RIACHO_TRY(riacho_list_append(journal, &all, note, NULL));
    return riacho_ttl_put(riacho_ttl_of(ctx, "recent"), &note->visitor, &note->at_ms,
                          record->timestamp_ms);
}

static riacho_status aged(riacho_arena *arena, int64_t now_ms, const void *key, const void *state,
                          void *ret_reply)
{
    const struct note *note = state;
    struct aged *reply = ret_reply;
    (void)arena;
    if (riacho_bytes_equal(note->text, (riacho_bytes){"unviewable", 10}))
        return RIACHO_REJECT;
    reply->pet = *(const riacho_bytes *)key;
    reply->points = now_ms > note->at_ms - 1000 ? note->points * 10 : 0;
    return RIACHO_OK;
}

static const riacho_function library[] = {
    {.name = "note_down", .kind = RIACHO_FUNCTION_PROCESS, .each = note_down},
    {.name = "aged", .kind = RIACHO_FUNCTION_VIEW, .result = &aged_struct, .view = aged},
};

static const riacho_function *find_function(const riacho_functions *functions, const char *name_of,
                                            const char *name)
{
    (void)functions;
    (void)name_of;
    for (size_t i = 0; i < sizeof library / sizeof *library; i++)
        if (strcmp(library[i].name, name) == 0)
            return &library[i];
    return NULL;
}

/* ---- the topology ---------------------------------------------------------------------------- */

static const riacho_stream streams[] = {
    {.name = "notes",
     .topic = "notes",
     .key_type = "string",
     .value_type = "avro:Note",
     .timestamp = "value.atMs",
     .partitions = PARTITIONS},
};
static const riacho_store_words stores[] = {
    {.name = "last",
     .type = RIACHO_STORE_WORD_KEYVALUE,
     .key_type = "string",
     .value_type = "avro:Note"},
    {.name = "totals",
     .type = RIACHO_STORE_WORD_KEYVALUE,
     .key_type = "string",
     .value_type = "long"},
    {.name = "board",
     .type = RIACHO_STORE_WORD_RANKING,
     .key_type = "string",
     .member_type = "string"},
    {.name = "journal",
     .type = RIACHO_STORE_WORD_LIST,
     .key_type = "string",
     .value_type = "avro:Note"},
    {.name = "recent",
     .type = RIACHO_STORE_WORD_TTL,
     .key_type = "string",
     .value_type = "long",
     .ttl_ms = 3600000},
};
static const char *const down_stores[] = {"board", "journal", "recent"};
static const riacho_function_spec functions[] = {
    {.name = "noteDown",
     .use = "test/note_down",
     .kind = RIACHO_FUNCTION_PROCESS,
     .stores = down_stores,
     .stores_count = 3},
};
static const riacho_step last_steps[] = {
    {.id = "keepLast", .to_table = RIACHO_YES, .store = {.name = "last"}},
};
static const riacho_step total_steps[] = {
    {.id = "byPet", .group_by_key = RIACHO_YES},
    {.id = "total", .aggregate = {.text = "sum(value.points)"}, .store = {.name = "totals"}},
};
static const riacho_step down_steps[] = {
    {.id = "down", .process = "noteDown"},
};
static const riacho_pipeline pipelines[] = {
    {.name = "last", .from = "notes", .via = last_steps, .via_count = 1},
    {.name = "totals", .from = "notes", .via = total_steps, .via_count = 2},
    {.name = "down", .from = "notes", .via = down_steps, .via_count = 1},
};
static const riacho_field_spec note_fields[] = {
    {"eventId", "idempotencyKey"}, {"pet", "path.id"},    {"visitor", "visitor"},
    {"name", "header.name"},       {"text", "body.text"}, {"points", "body.points"},
    {"mood", "body.mood"},         {"atMs", "now"},
};
static const riacho_field_spec poke_fields[] = {
    {"eventId", "idempotencyKey"}, {"pet", "path.id"},   {"visitor", "visitor"},
    {"name", "header.name"},       {"text", "\"poke\""}, {"points", "1"},
    {"mood", "\"GLAD\""},          {"atMs", "now"},
};
static const riacho_command_spec commands[] = {
    {.name = "note",
     .path = "/notes/{id}",
     .to = "notes",
     .key = "path.id",
     .body = "json:NoteRequest",
     .value = {.fields = note_fields, .fields_count = 8}},
    {.name = "poke",
     .path = "/notes/{id}/poke",
     .to = "notes",
     .key = "path.id",
     .value = {.fields = poke_fields, .fields_count = 8}},
};
static const riacho_query_spec queries[] = {
    {.name = "last", .path = "/notes/{id}", .get = {.store = "last", .key = "id"}},
    {.name = "all", .path = "/notes", .range = {.store = "last", .limit = 2, .max_limit = 3}},
    {.name = "latest", .path = "/notes/latest", .list = {.store = "journal", .key = "\"all\""}},
    {.name = "total", .path = "/notes/{id}/total", .get = {.store = "totals", .key = "id"}},
    {.name = "aged",
     .path = "/notes/{id}/aged",
     .get = {.store = "last", .key = "id"},
     .view = "test/aged"},
    {.name = "journal",
     .path = "/notes/{id}/journal",
     .list = {.store = "journal", .key = "id", .limit = 2}},
    {.name = "board",
     .path = "/boards/{board}",
     .top = {.store = "board", .key = "query.of ?? board", .limit = 2, .max_limit = 5}},
    {.name = "place",
     .path = "/boards/{board}/rank/{pet}",
     .rank = {.store = "board", .key = "board", .member = "pet", .around = 1}},
    {.name = "seen", .path = "/seen", .get = {.store = "recent", .key = "visitor"}},
};
static const char *const libraries[] = {"test"};
static const riacho_topology topology = {
    .name = "notes",
    .description = "Notes about pets",
    .commit_interval_ms = 20,
    .base_path = "/api",
    .libraries = libraries,
    .libraries_count = 1,
    .streams = streams,
    .streams_count = 1,
    .stores = stores,
    .stores_count = 5,
    .functions = functions,
    .functions_count = 1,
    .pipelines = pipelines,
    .pipelines_count = 3,
    .commands = commands,
    .commands_count = 2,
    .queries = queries,
    .queries_count = 9,
    .on_error = {.process = {.action = RIACHO_ACTION_SKIP}},
};

riacho_graph *fixture_build(fixture *f, const riacho_topology *of)
{
    static const riacho_functions finder = {.find = find_function};
    riacho_issues issues = {0};
    riacho_graph *graph = NULL;
    const riacho_status status =
        riacho_graph_build(of, f->schemas, &finder, f->arena, &graph, &issues);
    for (size_t i = 0; status != RIACHO_OK && i < issues.count; i++)
        print_error("%s\n", issues.items[i].text);
    assert_int_equal(status, RIACHO_OK);
    return graph;
}

/* ---- worker and server ----------------------------------------------------------------------- */

static void must(riacho_status status, const riacho_error *err)
{
    if (status != RIACHO_OK)
        print_error("%s\n", err->text);
    assert_int_equal(status, RIACHO_OK);
}

void fixture_start_worker(fixture *f)
{
    riacho_error err = {""};
    const riacho_worker_options options = {
        .name = "test", .log = f->log, .stores = f->stores, .schemas = f->schemas, .threads = 1};
    must(riacho_worker_open(&options, &f->worker, &err), &err);
    must(riacho_worker_add(f->worker, f->graph, &err), &err);
    must(riacho_worker_start(f->worker, &err), &err);
}

static void open_server(fixture *f, const riacho_api_options *options)
{
    riacho_error err = {""};
    riacho_api_options with = options ? *options : (riacho_api_options){0};
    with.worker = f->worker;
    with.listen = "127.0.0.1:0";
    if (with.reads.per_second == 0)
        with.reads.per_second = -1;
    if (with.writes.per_second == 0)
        with.writes.per_second = -1;
    must(riacho_api_open(&with, &f->api, &err), &err);
    f->port = riacho_api_port(f->api);
}

fixture *fixture_new(const riacho_api_options *options)
{
    fixture *f = riacho_memory_get_zero(1, sizeof *f);
    const char *folders[] = {RIACHO_SOURCE_DIR "/tests/api/schemas"};
    const riacho_schemas_options with = {.folders = folders, .folder_count = 1};
    riacho_error err = {""};
    riacho_trace_level(RIACHO_ERROR);
    snprintf(f->folder, sizeof f->folder, "/tmp/riacho-api-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->arena = riacho_arena_new();
    must(riacho_schemas_open(&with, &f->schemas, &err), &err);
    f->graph = fixture_build(f, &topology);
    f->log = riacho_memory_log_new(riacho_clock_system());
    f->stores = riacho_memory_stores_new();
    fixture_start_worker(f);
    open_server(f, options);
    return f;
}

static void stop_worker(fixture *f)
{
    riacho_error err = {""};
    must(riacho_worker_stop(f->worker, &err), &err);
    riacho_worker_close(f->worker);
}

void fixture_free(fixture *f)
{
    char file[128];
    riacho_api_close(f->api);
    stop_worker(f);
    f->log->ops->close(f->log);
    f->stores->ops->close(f->stores);
    riacho_graph_free(f->graph);
    riacho_schemas_close(f->schemas);
    riacho_arena_free(f->arena);
    snprintf(file, sizeof file, "%s/key", f->folder);
    unlink(file);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
}

void fixture_reopen(fixture *f, const riacho_api_options *options)
{
    riacho_api_close(f->api);
    open_server(f, options);
}

void fixture_restart_worker(fixture *f, const riacho_api_options *options)
{
    riacho_api_close(f->api);
    stop_worker(f);
    fixture_start_worker(f);
    open_server(f, options);
}

void fixture_note(fixture *f, const char *pet, const char *text, int points)
{
    char target[128];
    char body[256];
    snprintf(target, sizeof target, "/api/notes/%s", pet);
    snprintf(body, sizeof body, "{\"text\":\"%s\",\"points\":%d}", text, points);
    http_reply got = client_request(f->port, "POST", target, JSON "Prefer: wait=10\r\n", body);
    if (got.status != 200)
        print_error("%s\n", got.body);
    assert_int_equal(got.status, 200);
    reply_done(&got);
}

int64_t fixture_count(fixture *f)
{
    riacho_error err = {""};
    int64_t count = 0;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        int64_t first;
        int64_t next;
        must(f->log->ops->bounds(f->log, "notes", i, &first, &next, &err), &err);
        count += next - first;
    }
    return count;
}

void expect_holds(const char *text, const char *part)
{
    if (!strstr(text, part))
        print_error("'%s' is not in: %s\n", part, text);
    assert_non_null(strstr(text, part));
}
