/* SPDX-License-Identifier: MIT
 *
 * support.c - see support.h.
 */
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"

riacho_schemas *open_schemas(void)
{
    const char *folders[] = {RIACHO_SOURCE_DIR "/tests/topology/schemas"};
    const riacho_schemas_options options = {.folders = folders, .folder_count = 1};
    riacho_schemas *schemas = NULL;
    riacho_error err;
    if (riacho_schemas_open(&options, &schemas, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    return schemas;
}

/* ---- functions ---- */

static riacho_struct event, pet, old_pet;
static const riacho_struct a_string = {"string", sizeof(riacho_bytes), 0};
static const riacho_struct a_long = {"long", sizeof(int64_t), 0};

static const riacho_function functions[] = {
    {.name = "keep", .kind = RIACHO_FUNCTION_FILTER, .value = &event},
    {.name = "to_pet", .kind = RIACHO_FUNCTION_MAP_VALUES, .value = &event, .result = &pet},
    {.name = "to_old_pet", .kind = RIACHO_FUNCTION_MAP_VALUES, .value = &event, .result = &old_pet},
    {.name = "move",
     .kind = RIACHO_FUNCTION_MAP,
     .value = &event,
     .result_key = &a_long,
     .result = &pet},
    {.name = "fold_pet",
     .kind = RIACHO_FUNCTION_AGGREGATE,
     .key = &a_string,
     .value = &event,
     .state = &pet},
    {.name = "fold_any", .kind = RIACHO_FUNCTION_AGGREGATE},
    {.name = "add", .kind = RIACHO_FUNCTION_REDUCE, .value = &a_long},
    {.name = "work", .kind = RIACHO_FUNCTION_PROCESS, .value = &event},
    {.name = "split", .kind = RIACHO_FUNCTION_FLAT_MAP, .value = &event},
    {.name = "look", .kind = RIACHO_FUNCTION_PEEK},
    {.name = "pet_now", .kind = RIACHO_FUNCTION_VIEW, .key = &a_string, .state = &pet},
};
static const char *names[sizeof functions / sizeof *functions];

static const riacho_function *find(const riacho_functions *self, const char *library,
                                   const char *name)
{
    (void)self;
    for (size_t i = 0; strcmp(library, "lib") == 0 && i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}

static size_t list(const riacho_functions *self, const char *library, const char *const **ret_names)
{
    (void)self, (void)library;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        names[i] = functions[i].name;
    *ret_names = names;
    return sizeof functions / sizeof *functions;
}

static riacho_struct struct_of(riacho_schemas *schemas, const char *word)
{
    const riacho_codec *codec;
    riacho_error err;
    if (riacho_schemas_codec(schemas, word, &codec, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    /* The name outlives the schemas of one test. */
    const char *name = strcmp(word, "avro:Pet") == 0 ? "test.Pet" : "test.Event";
    assert_string_equal(name, codec->type->name);
    return (riacho_struct){name, codec->type->size, codec->type->hash};
}

riacho_functions *test_functions(riacho_schemas *schemas)
{
    static riacho_functions made = {find, list};
    event = struct_of(schemas, "avro:Event");
    pet = old_pet = struct_of(schemas, "avro:Pet");
    old_pet.hash ^= 1;
    return &made;
}

/* ---- cases ---- */

static char *read_all(const char *path)
{
    FILE *stream = fopen(path, "rb");
    riacho_buffer text = {0};
    size_t got = 1;
    if (!stream)
        fail_msg("%s cannot be read", path);
    while (got) {
        got = fread(riacho_buffer_reserve(&text, 65536), 1, 65536, stream);
        text.size += got;
    }
    fclose(stream);
    riacho_buffer_append(&text, "", 1);
    return (char *)text.data;
}

/* Cuts the text at the line `mark` and gives what is behind it; NULL when there is none. */
static char *cut(char *text, const char *mark)
{
    char *at = text;
    const size_t size = strlen(mark);
    while (at && strncmp(at, mark, size) != 0) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return NULL;
    *at = '\0';
    return at + size;
}

static size_t run_case(char *one, case_transform transform, riacho_buffer *updated)
{
    RIACHO_AUTO(buffer) riacho_buffer output = {0};
    char *input = strchr(one, '\n');
    assert_non_null(input);
    *input++ = '\0';
    char *expected = cut(input, ">>>\n");
    transform(input, &output);
    riacho_buffer_append(&output, "", 1);
    const char *actual = (const char *)output.data;
    riacho_buffer_printf(updated, "=== %s\n%s>>>\n%s", one, input, actual);
    if (expected && strcmp(actual, expected) == 0)
        return 0;
    print_error("case: %s\nexpected:\n%s\nactual:\n%s\n", one, expected ? expected : "", actual);
    return 1;
}

static void write_back(const char *path, const riacho_buffer *text)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(text->size, fwrite(text->data, 1, text->size, stream));
    fclose(stream);
}

void run_cases(const char *file, case_transform transform)
{
    RIACHO_AUTO(buffer) riacho_buffer path = {0};
    RIACHO_AUTO(buffer) riacho_buffer updated = {0};
    size_t differ = 0, count = 0;
    riacho_buffer_printf(&path, "%s/tests/topology/cases/%s", RIACHO_SOURCE_DIR, file);
    riacho_buffer_append(&path, "", 1);
    RIACHO_AUTO(heap) char *text = read_all((const char *)path.data);
    char *one = cut(text, "=== ");
    while (one) {
        char *next = cut(one, "=== ");
        differ += run_case(one, transform, &updated);
        count++;
        one = next;
    }
    if (getenv("RIACHO_UPDATE_CASES"))
        write_back((const char *)path.data, &updated);
    assert_true(count > 0);
    assert_int_equal(0, differ);
}

const riacho_topology *load_topology(const char *text, riacho_arena *arena,
                                     riacho_issue_list *issues)
{
    const riacho_yaml_file *file;
    riacho_yaml_documents documents = {0};
    riacho_status status = riacho_yaml_read(riacho_text(text), "t.yaml", arena, issues, &file);
    status = riacho_yaml_load(file, NULL, arena, issues, &documents);
    assert_int_equal(status, issues->errors ? RIACHO_REJECT : RIACHO_OK);
    return documents.topology_count ? documents.topologies[0] : NULL;
}
