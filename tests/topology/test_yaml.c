/* SPDX-License-Identifier: MIT
 *
 * test_yaml.c - nodes, scalars, places, the environment, worker files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "support.h"
#include "topology/environment.h"

static const riacho_yaml_file *read_text(const char *text, riacho_arena *arena)
{
    riacho_issue_list list = {.arena = arena};
    const riacho_yaml_file *file;
    const riacho_status status = riacho_yaml_read(riacho_text(text), "t.yaml", arena, &list, &file);
    if (status != RIACHO_OK)
        fail_msg("%s", list.items[0].text);
    return file;
}

/* ---- scalars ---- */

static const struct {
    const char *written;
    riacho_yaml_type type;
    const char *json;
} scalars[] = {
    {"text", RIACHO_YAML_STRING, "\"text\""},
    {"'12'", RIACHO_YAML_STRING, "\"12\""},
    {"'it''s'", RIACHO_YAML_STRING, "\"it's\""},
    {"''", RIACHO_YAML_STRING, "\"\""},
    {"''''''''''''''''", RIACHO_YAML_STRING, "\"'''''''\""},
    {"'a  \n  b\n\n\n\t c  '", RIACHO_YAML_STRING, "\"a b\\n\\nc  \""},
    {"'a\r\nb\r\n\r\nc'", RIACHO_YAML_STRING, "\"a b\\nc\""},
    {"'\n a\n '", RIACHO_YAML_STRING, "\" a \""},
    {"\"a\\nb\"", RIACHO_YAML_STRING, "\"a\\nb\""},
    {"12", RIACHO_YAML_INT, "12"},
    {"-0", RIACHO_YAML_INT, "-0"},
    {"+007", RIACHO_YAML_INT, "7"},
    {"0x1F", RIACHO_YAML_INT, "31"},
    {"0o17", RIACHO_YAML_INT, "15"},
    {"123456789012345678901234567890", RIACHO_YAML_INT, "123456789012345678901234567890"},
    {"0b1", RIACHO_YAML_STRING, "\"0b1\""},
    {"1_000", RIACHO_YAML_STRING, "\"1_000\""},
    {"1.50", RIACHO_YAML_FLOAT, "1.5"},
    {".5", RIACHO_YAML_FLOAT, "0.5"},
    {"1e3", RIACHO_YAML_FLOAT, "1000"},
    {"1e", RIACHO_YAML_STRING, "\"1e\""},
    {".inf", RIACHO_YAML_FLOAT, "null"},
    {"-.inf", RIACHO_YAML_FLOAT, "null"},
    {"-.nan", RIACHO_YAML_STRING, "\"-.nan\""},
    {"1e999", RIACHO_YAML_FLOAT, "null"},
    {"true", RIACHO_YAML_BOOLEAN, "true"},
    {"False", RIACHO_YAML_BOOLEAN, "false"},
    {"yes", RIACHO_YAML_STRING, "\"yes\""},
    {"on", RIACHO_YAML_STRING, "\"on\""},
    {"null", RIACHO_YAML_NULL, "null"},
    {"~", RIACHO_YAML_NULL, "null"},
    {"2024-01-01", RIACHO_YAML_STRING, "\"2024-01-01\""},
    {"12:30", RIACHO_YAML_STRING, "\"12:30\""},
};

static void scalars_follow_the_core_rules_of_yaml_1_2(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
        RIACHO_AUTO(buffer) riacho_buffer json = {0};
        const riacho_yaml_file *file = read_text(scalars[i].written, arena);
        const riacho_yaml_node *node = file->documents[0];
        if (riacho_yaml_type_of(node) != scalars[i].type)
            fail_msg("%s is of type %d", scalars[i].written, (int)riacho_yaml_type_of(node));
        riacho_yaml_to_json(node, &json);
        riacho_buffer_append(&json, "", 1);
        assert_string_equal((const char *)json.data, scalars[i].json);
    }
}

static void nodes_become_json(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer json = {0};
    const riacho_yaml_file *file =
        read_text("a: [1, two, {b: , c: []}]\n\"d \\\"e\": |\n  f\n  g\n", arena);
    riacho_yaml_to_json(file->documents[0], &json);
    riacho_buffer_append(&json, "", 1);
    assert_string_equal((const char *)json.data,
                        "{\"a\":[1,\"two\",{\"b\":null,\"c\":[]}],\"d \\\"e\":\"f\\ng\\n\"}");
}

static void a_file_holds_several_documents(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_yaml_file *file = read_text("a: 1\n---\nb: 2\n---\n- 3\n", arena);
    assert_int_equal(file->document_count, 3);
    assert_int_equal(riacho_yaml_get(file->documents[1], "b")->mark.line, 3);
    assert_null(riacho_yaml_get(file->documents[1], "a"));
    assert_null(riacho_yaml_get(file->documents[2], "a"));
    assert_null(riacho_yaml_get(NULL, "a"));
}

/* ---- places ---- */

/* `at` is a word of the scalar's text, and where it stands in the file. */
static const struct {
    const char *name;
    const char *text;
    const char *word;
    uint32_t line, column;
} places[] = {
    {"a plain scalar", "k: abc def", "def", 1, 8},
    {"single quotes", "k: 'it''s def'", "def", 1, 11},
    {"double quotes", "k: \"a\\\"b\\u00e9\\x41 def\"", "def", 1, 20},
    {"wide characters", "k: \"\xc3\xa9\xc3\xa9 def\"", "def", 1, 8},
    {"a plain scalar over lines", "k: abc\n   def", "def", 2, 4},
    {"single quotes over lines", "k: 'abc\n\n   def'", "def", 3, 4},
    {"double quotes over lines", "k: \"abc \\\n   def\"", "def", 2, 4},
    {"a literal block", "k: |\n  abc\n    def\n", "def", 3, 5},
    {"a folded block", "k: >-\n  abc\n  def ghi\n", "ghi", 3, 7},
    {"the beginning", "k: abc", "abc", 1, 4},
};

static void bytes_of_a_scalar_know_where_they_were_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
        const riacho_yaml_file *file = read_text(places[i].text, arena);
        const riacho_yaml_node *node = riacho_yaml_get(file->documents[0], "k");
        const char *word = strstr(node->text.data, places[i].word);
        assert_non_null(word);
        const size_t offset = (size_t)(word - (const char *)node->text.data);
        const riacho_mark mark = riacho_yaml_mark_in(node, offset);
        if (mark.line != places[i].line || mark.column != places[i].column)
            fail_msg("%s: %u:%u", places[i].name, mark.line, mark.column);
    }
}

static void an_offset_beyond_the_scalar_is_its_end(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_yaml_file *file = read_text("k: abc\n", arena);
    const riacho_mark mark = riacho_yaml_mark_in(riacho_yaml_get(file->documents[0], "k"), 99);
    assert_int_equal(mark.line, 1);
    assert_int_equal(mark.column, 7);
}

/* ---- the environment ---- */

static const char *environment(const char *name)
{
    if (strcmp(name, "HOST") == 0)
        return "kafka";
    if (strcmp(name, "TRICK") == 0)
        return "${HOST}";
    return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static const struct {
    const char *text;
    const char *filled; /* NULL: refused */
    const char *error;
} fills[] = {
    {"plain", "plain", NULL},
    {"${HOST}", "kafka", NULL},
    {"a-${HOST}-b-${HOST}", "a-kafka-b-kafka", NULL},
    {"${NONE:-x:y}", "x:y", NULL},
    {"${NONE:-}", "", NULL},
    {"${EMPTY:-x}", "x", NULL},
    {"${EMPTY}", "", NULL},
    {"${TRICK}", "${HOST}", NULL},
    {"$HOST {HOST}", "$HOST {HOST}", NULL},
    {"${NONE}", NULL, "the environment variable 'NONE' is not set and has no default"},
    {"${HOST", NULL, "'${' has no closing '}'"},
    {"${}", NULL, "'${}' does not name an environment variable"},
    {"${1A}", NULL, "'${1A}' does not name an environment variable"},
};

static void variables_are_filled_in_once(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
        riacho_bytes text;
        riacho_error err;
        const riacho_status status =
            riacho_environment_fill(riacho_text(fills[i].text), environment, arena, &text, &err);
        assert_int_equal(status, fills[i].filled ? RIACHO_OK : RIACHO_REJECT);
        if (fills[i].filled)
            assert_string_equal(text.data, fills[i].filled);
        else
            assert_string_equal(err.text, fills[i].error);
    }
}

static void nothing_is_filled_in_without_an_environment(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_issue_list list = {.arena = arena};
    load_topology("apiVersion: riacho/v1\nkind: Topology\nmetadata: {name: t}\nspec:\n"
                  "  streams: {a: {topic: '${HOME:-x}', keyType: string, valueType: string}}\n",
                  arena, &list);
    assert_int_equal(list.errors, 1);
    assert_string_equal(list.items[0].text,
                        "'${HOME}': environment variables are not filled in here");
}

/* ---- worker files ---- */

static const riacho_worker_file *load_worker(const char *text, riacho_arena *arena)
{
    riacho_issue_list list = {.arena = arena};
    const riacho_yaml_options options = {.environment = environment};
    riacho_yaml_documents documents;
    const riacho_yaml_file *file = read_text(text, arena);
    if (riacho_yaml_load(file, &options, arena, &list, &documents) != RIACHO_OK)
        fail_msg("%s", list.items[0].text);
    assert_int_equal(documents.worker_count, 1);
    return documents.workers[0];
}

static void a_worker_file_says_everything(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_worker_file *worker =
        load_worker("apiVersion: riacho/v1\n"
                    "kind: Worker\n"
                    "metadata: {name: worker-1}\n"
                    "spec:\n"
                    "  group: games\n"
                    "  log: {kind: kafka}\n"
                    "  kafka: {bootstrap.servers: '${HOST}:9092', fetch.wait.max.ms: 50}\n"
                    "  dataDir: /var/lib/riacho\n"
                    "  memory: {limit: '${NONE:-64MiB}'}\n"
                    "  threads: 2\n"
                    "  standbys: 1\n"
                    "  http: {listen: '127.0.0.1:3000', advertise: 'worker-1:3000'}\n"
                    "  live: {listen: '127.0.0.1:7001'}\n",
                    arena);
    assert_string_equal(worker->name, "worker-1");
    assert_string_equal(worker->group, "games");
    assert_int_equal(worker->log, RIACHO_LOG_KAFKA);
    assert_int_equal(worker->kafka_count, 2);
    assert_string_equal(worker->kafka[0].name, "bootstrap.servers");
    assert_string_equal(worker->kafka[0].value, "kafka:9092");
    assert_string_equal(worker->kafka[1].value, "50");
    assert_string_equal(worker->data_dir, "/var/lib/riacho");
    assert_int_equal(worker->memory_limit_bytes, 64 << 20);
    assert_int_equal(worker->threads, 2);
    assert_int_equal(worker->standbys, 1);
    assert_string_equal(worker->http_listen, "127.0.0.1:3000");
    assert_string_equal(worker->http_advertise, "worker-1:3000");
    assert_string_equal(worker->live_listen, "127.0.0.1:7001");
}

static void a_worker_file_has_defaults(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_worker_file *worker = load_worker(
        "apiVersion: riacho/v1\nkind: Worker\nmetadata: {name: w}\nspec: {http: {}}\n", arena);
    assert_null(worker->group);
    assert_int_equal(worker->log, RIACHO_LOG_EMBEDDED);
    assert_int_equal(worker->kafka_count, 0);
    assert_string_equal(worker->data_dir, "./data");
    assert_int_equal(worker->memory_limit_bytes, 128 << 20);
    assert_int_equal(worker->threads, 1);
    assert_int_equal(worker->standbys, 0);
    assert_string_equal(worker->http_listen, "127.0.0.1:3000");
    assert_null(worker->http_advertise);
    assert_string_equal(worker->live_listen, "127.0.0.1:7001");
}

static void documents_are_told_apart_by_their_kind(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_issue_list list = {.arena = arena};
    riacho_yaml_documents documents;
    const riacho_yaml_file *file =
        read_text("apiVersion: riacho/v1\nkind: Topology\nmetadata: {name: a}\nspec: {}\n---\n"
                  "apiVersion: riacho/v1\nkind: Worker\nmetadata: {name: b}\nspec: {}\n---\n"
                  "kind: TopologyTest\nspec: {anything: [1]}\n---\n"
                  "apiVersion: riacho/v1\nkind: Topology\nmetadata: {name: c}\nspec: {}\n",
                  arena);
    assert_int_equal(riacho_yaml_load(file, NULL, arena, &list, &documents), RIACHO_OK);
    assert_int_equal(documents.topology_count, 2);
    assert_string_equal(documents.topologies[0]->name, "a");
    assert_string_equal(documents.topologies[1]->name, "c");
    assert_int_equal(documents.worker_count, 1);
    assert_string_equal(documents.workers[0]->name, "b");
    assert_int_equal(documents.test_count, 1);
    assert_int_equal(documents.tests[0]->mark.line, 11);
    assert_non_null(riacho_yaml_get(riacho_yaml_get(documents.tests[0], "spec"), "anything"));
}

static void the_json_schema_describes_what_is_loaded(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_yaml_print_schema(&text);
    riacho_buffer_append(&text, "", 1);
    const riacho_yaml_node *schema = read_text((const char *)text.data, arena)->documents[0];
    const riacho_yaml_node *shapes = riacho_yaml_get(schema, "$defs");
    const riacho_yaml_node *stream = riacho_yaml_get(shapes, "Stream");
    const riacho_yaml_node *required = riacho_yaml_get(stream, "required");
    assert_int_equal(required->count, 3);
    assert_string_equal(required->entries[0].value->text.data, "topic");
    assert_non_null(riacho_yaml_get(riacho_yaml_get(stream, "properties"), "partitions"));
    assert_null(riacho_yaml_get(riacho_yaml_get(stream, "properties"), "config"));
    const riacho_yaml_node *closed = riacho_yaml_get(stream, "additionalProperties");
    assert_string_equal(closed->text.data, "false");
}

static void a_file_that_is_not_there_is_an_issue(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_issue_list list = {.arena = arena};
    const riacho_yaml_file *file;
    assert_int_equal(riacho_yaml_read_file("/nowhere/t.yaml", arena, &list, &file), RIACHO_REJECT);
    assert_string_equal(list.items[0].text,
                        "/nowhere/t.yaml cannot be read: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_follow_the_core_rules_of_yaml_1_2),
        cmocka_unit_test(nodes_become_json),
        cmocka_unit_test(a_file_holds_several_documents),
        cmocka_unit_test(bytes_of_a_scalar_know_where_they_were_written),
        cmocka_unit_test(an_offset_beyond_the_scalar_is_its_end),
        cmocka_unit_test(variables_are_filled_in_once),
        cmocka_unit_test(nothing_is_filled_in_without_an_environment),
        cmocka_unit_test(a_worker_file_says_everything),
        cmocka_unit_test(a_worker_file_has_defaults),
        cmocka_unit_test(documents_are_told_apart_by_their_kind),
        cmocka_unit_test(the_json_schema_describes_what_is_loaded),
        cmocka_unit_test(a_file_that_is_not_there_is_an_issue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
