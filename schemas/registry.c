/* SPDX-License-Identifier: MIT
 *
 * registry.c - riacho_schemas: a set of schema files, their ids, and the codecs made from them.
 *
 * Types and ids are complete when open returns and never change. Codecs are made when they are
 * first asked for, under the lock, and stay until close.
 */
#include <string.h>

#include "avro.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "crosscheck.h"
#include "json.h"
#include "primitive.h"
#include "schema.h"

struct riacho_schemas {
    riacho_arena *arena; /* guarded by context.lock once open has returned */
    riacho_schema_files files;
    riacho_id_subject *subjects; /* sorted by name; subject i is of file order[i] */
    const riacho_schema_file **order;
    riacho_ids ids;
    riacho_avro_context context;
    riacho_map codecs; /* word -> riacho_codec */
};

static void riacho_auto_schemas(riacho_schemas **schemas)
{
    riacho_schemas_close(*schemas);
}

static bool is_named(const riacho_type *type)
{
    return type->kind == RIACHO_RECORD || type->kind == RIACHO_ENUM || type->kind == RIACHO_FIXED;
}

/* What a schema file is called: its type's full name; the file's stem when the type has none. */
static const char *subject_name(const riacho_schema_file *file)
{
    return is_named(file->type) ? file->type->name : file->stem;
}

static int by_subject(const void *a, const void *b)
{
    const riacho_schema_file *const *left = a, *const *right = b;
    return strcmp(subject_name(*left), subject_name(*right));
}

static riacho_status list_subjects(riacho_schemas *self, riacho_error *err)
{
    const size_t count = self->files.count;
    self->order = riacho_alloc_zero(self->arena, count, sizeof *self->order);
    self->subjects = riacho_alloc_zero(self->arena, count, sizeof *self->subjects);
    for (size_t i = 0; i < count; i++)
        self->order[i] = &self->files.items[i];
    qsort(self->order, count, sizeof *self->order, by_subject);
    for (size_t i = 0; i < count; i++) {
        RIACHO_AUTO(buffer) riacho_buffer text = {0};
        const char *name = subject_name(self->order[i]);
        if (i && strcmp(name, self->subjects[i - 1].name) == 0)
            return riacho_fail(err, RIACHO_REJECT, "%s and %s are both called %s",
                               self->order[i - 1]->path, self->order[i]->path, name);
        riacho_schema_print(self->order[i]->type, &text);
        RIACHO_TRY(riacho_schema_crosscheck(riacho_buffer_bytes(&text), self->order[i]->path, err));
        self->subjects[i].name = name;
        self->subjects[i].text = riacho_copy(self->arena, riacho_buffer_bytes(&text));
    }
    return RIACHO_OK;
}

riacho_status riacho_schemas_open(const riacho_schemas_options *options,
                                  riacho_schemas **ret_schemas, riacho_error *err)
{
    RIACHO_AUTO(schemas) riacho_schemas *self = riacho_memory_get_zero(1, sizeof *self);
    self->arena = riacho_arena_new();
    self->context = (riacho_avro_context){.ids = &self->ids, .arena = self->arena};
    pthread_mutex_init(&self->context.lock, NULL);
    RIACHO_TRY(riacho_schema_folders_load(options->folders, options->folder_count, self->arena,
                                          &self->files, err));
    RIACHO_TRY(list_subjects(self, err));
    RIACHO_TRY(riacho_ids_open(options->ids_file, self->subjects, self->files.count, self->arena,
                               &self->ids, err));
    *ret_schemas = RIACHO_TAKE(self);
    return RIACHO_OK;
}

void riacho_schemas_close(riacho_schemas *schemas)
{
    if (!schemas)
        return;
    riacho_map_done(&schemas->codecs);
    pthread_mutex_destroy(&schemas->context.lock);
    riacho_arena_free(schemas->arena);
    free(schemas);
}

static bool answers_to(const riacho_schema_file *file, const char *name)
{
    const char *subject = subject_name(file);
    const char *dot = strrchr(subject, '.');
    return strcmp(file->stem, name) == 0 || strcmp(dot ? dot + 1 : subject, name) == 0;
}

static riacho_status no_such_word(riacho_schemas *self, const char *word, riacho_error *err)
{
    size_t count, primitives;
    const char *const *plain = riacho_primitive_words(&primitives);
    RIACHO_AUTO(arena) riacho_arena *scratch = riacho_arena_new();
    const char **words =
        riacho_alloc_zero(scratch, primitives + 4 * self->files.count, sizeof *words);
    memcpy(words, plain, primitives * sizeof *words);
    count = primitives;
    for (size_t i = 0; i < self->files.count; i++) {
        const riacho_schema_file *file = &self->files.items[i];
        words[count++] = riacho_format(scratch, "avro:%s", file->stem);
        words[count++] = riacho_format(scratch, "json:%s", file->stem);
        words[count++] = riacho_format(scratch, "avro:%s", subject_name(file));
        words[count++] = riacho_format(scratch, "json:%s", subject_name(file));
    }
    const char *meant = riacho_suggest(riacho_text(word), words, count);
    for (size_t i = 0; i < self->files.count; i++)
        if (answers_to(&self->files.items[i], word)) /* only the "avro:" is missing */
            meant = riacho_format(scratch, "avro:%s", word);
    if (meant)
        return riacho_fail(err, RIACHO_REJECT, "there is no type '%s'; did you mean '%s'?", word,
                           meant);
    return riacho_fail(err, RIACHO_REJECT,
                       "there is no type '%s': write string, long, int, double, float, boolean, "
                       "bytes, uuid, void, or avro: or json: and the name of a schema",
                       word);
}

/* By full name, or by file or short name when that means one schema only. */
static riacho_status find_subject(riacho_schemas *self, const char *word, const char *name,
                                  size_t *ret_index, riacho_error *err)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < self->files.count; i++)
        if (strcmp(self->subjects[i].name, name) == 0) {
            *ret_index = i;
            return RIACHO_OK;
        }
    for (size_t i = 0; i < self->files.count; i++) {
        if (!answers_to(self->order[i], name))
            continue;
        if (found != SIZE_MAX)
            return riacho_fail(err, RIACHO_REJECT, "'%s' could be %s or %s: write the full name",
                               word, self->subjects[found].name, self->subjects[i].name);
        found = i;
    }
    *ret_index = found;
    return found == SIZE_MAX ? no_such_word(self, word, err) : RIACHO_OK;
}

static riacho_status make_codec(riacho_schemas *self, const char *word,
                                const riacho_codec **ret_codec, riacho_error *err)
{
    const bool json = strncmp(word, "json:", 5) == 0;
    size_t index;
    if (!json && strncmp(word, "avro:", 5) != 0)
        return no_such_word(self, word, err);
    RIACHO_TRY(find_subject(self, word, word + 5, &index, err));
    const riacho_type *type = self->order[index]->type;
    const char *name = riacho_format(self->arena, "%s", word);
    if (json)
        RIACHO_TRY(riacho_json_codec_new(name, type, self->arena, ret_codec, err));
    else
        RIACHO_TRY(riacho_avro_codec_new(&self->context, name, type, self->subjects[index].id,
                                         ret_codec, err));
    riacho_map_put(&self->codecs, riacho_text(name))->value = (void *)(uintptr_t)*ret_codec;
    return RIACHO_OK;
}

riacho_status riacho_schemas_codec(riacho_schemas *schemas, const char *word,
                                   const riacho_codec **ret_codec, riacho_error *err)
{
    const riacho_codec *plain = riacho_primitive_codec(riacho_text(word));
    if (plain) {
        *ret_codec = plain;
        return RIACHO_OK;
    }
    pthread_mutex_lock(&schemas->context.lock);
    const riacho_codec *known = riacho_map_get(&schemas->codecs, riacho_text(word));
    riacho_status status = RIACHO_OK;
    if (!known)
        status = make_codec(schemas, word, &known, err);
    pthread_mutex_unlock(&schemas->context.lock);
    if (status == RIACHO_OK)
        *ret_codec = known;
    return status;
}
