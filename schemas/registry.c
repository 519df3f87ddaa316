/* SPDX-License-Identifier: MIT
 *
 * registry.c - riacho_schemas: a set of schema files, their ids, and the codecs made from them.
 *
 * Types are complete when open returns and never change, and so are ids, unless they are a
 * registry's (ids.h). Codecs are made when they are first asked for, under the lock, and stay until
 * close.
 */
#include <string.h>

#include "avro.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/trace.h"
#include "crosscheck.h"
#include "json.h"
#include "primitive.h"
#include "schema.h"

struct riacho_schemas {
    riacho_arena *arena; /* guarded by context.lock once open has returned */
    riacho_schema_files files;
    riacho_id_wish *subjects; /* sorted by name; subject i is of file order[i] */
    const riacho_schema_file **order;
    riacho_ids ids;
    riacho_registry *registry; /* borrowed; NULL: none */
    bool of_registry;          /* whose ids they are */
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

static riacho_status open_ids(riacho_schemas *self, const riacho_schemas_options *options,
                              riacho_error *err)
{
    self->of_registry = options->ids == RIACHO_IDS_OF_REGISTRY;
    self->registry = options->registry;
    if (!self->of_registry)
        return riacho_ids_assign(options->ids_file, self->subjects, self->files.count, self->arena,
                                 &self->ids, err);
    RIACHO_TRY(riacho_ids_recall(options->ids_file, RIACHO_FINDER_LEARNED_MAX, self->arena,
                                 &self->ids, err));
    if (self->registry)
        self->context.finder = riacho_finder_new(self->registry, &self->ids, &self->context.lock);
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
    RIACHO_TRY(open_ids(self, options, err));
    *ret_schemas = RIACHO_TAKE(self);
    return RIACHO_OK;
}

void riacho_schemas_close(riacho_schemas *schemas)
{
    if (!schemas)
        return;
    riacho_map_done(&schemas->codecs);
    riacho_finder_free(schemas->context.finder);
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

/* ---- subjects of a registry ------------------------------------------------------------------ */

/* One subject on its way to an id. */
struct registration {
    const riacho_schemas_subject *subject;
    riacho_id_wish *wish;
    bool is_new; /* to be registered */
};

static riacho_id_wish *wish_of(const riacho_schemas *self, const riacho_codec *codec)
{
    for (size_t i = 0; i < self->files.count; i++)
        if (self->order[i]->type == codec->type && strncmp(codec->name, "avro:", 5) == 0)
            return &self->subjects[i];
    return NULL;
}

riacho_bytes riacho_schemas_text(const riacho_schemas *schemas, const riacho_codec *codec)
{
    const riacho_id_wish *wish = wish_of(schemas, codec);
    return wish ? wish->text : (riacho_bytes){NULL, 0};
}

/* Every codec of the schema has its id, whatever it is called by. The first id counts: a registry
 * that gives one schema another id under another subject still knows both. */
static void identify(riacho_schemas *self, riacho_id_wish *wish, int32_t id)
{
    const riacho_map_entry *entry;
    if (wish->id)
        return;
    wish->id = id;
    for (size_t at = 0; (entry = riacho_map_next(&self->codecs, &at));) {
        const riacho_codec *codec = entry->value;
        if (wish_of(self, codec) == wish)
            riacho_avro_codec_identify(codec, id);
    }
}

static riacho_status take_id(riacho_schemas *self, const struct registration *at, int32_t id,
                             riacho_error *err)
{
    RIACHO_TRY(riacho_ids_learn(&self->ids, id, at->subject->name, at->wish->text, err));
    identify(self, at->wish, id);
    return RIACHO_OK;
}

/* What the registry said at another start still holds: ids are for ever. */
static riacho_status recall(riacho_schemas *self, const struct registration *at,
                            const riacho_error *why, riacho_error *err)
{
    const riacho_id_entry *known =
        riacho_ids_of_subject(&self->ids, at->subject->name, at->wish->text);
    if (known)
        identify(self, at->wish, known->id);
    if (known || at->subject->use == RIACHO_SUBJECT_READ)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_RETRY,
                       "'%s' cannot be written: %s is not known to be registered under it, and no "
                       "registry can be asked: %.300s",
                       at->subject->name, at->subject->codec->name, why->text);
}

static riacho_status refuse(riacho_schemas *self, const struct registration *at, const char *reason,
                            riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_registry_version newest = {0};
    riacho_error ignored;
    (void)!self->registry->ops->latest(self->registry, at->subject->name, arena, &newest, &ignored);
    return riacho_fail(err, RIACHO_REJECT,
                       "schema %s cannot become version %d of subject '%s': the registry finds it "
                       "incompatible with version %d (id %d): %.250s",
                       at->subject->codec->name, newest.version + 1, at->subject->name,
                       newest.version, newest.id, reason);
}

/* RIACHO_RETRY: the registry does not answer. */
static riacho_status examine(riacho_schemas *self, struct registration *at, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_registry_version found;
    const char *reason = NULL;
    const char *name = at->subject->name;
    RIACHO_TRY(self->registry->ops->lookup(self->registry, name, at->wish->text, &found, err));
    if (found.id)
        return take_id(self, at, found.id, err);
    if (at->subject->use == RIACHO_SUBJECT_READ)
        return RIACHO_OK;
    at->is_new = true;
    RIACHO_TRY(
        self->registry->ops->check(self->registry, name, at->wish->text, arena, &reason, err));
    return reason ? refuse(self, at, reason, err) : RIACHO_OK;
}

static riacho_status examine_all(riacho_schemas *self, struct registration *all, size_t count,
                                 riacho_error *err)
{
    riacho_error why = {.text = "none is configured"};
    bool silent = !self->registry;
    for (size_t i = 0; i < count; i++) {
        const riacho_status status = silent ? RIACHO_RETRY : examine(self, &all[i], &why);
        if (status == RIACHO_REJECT)
            return riacho_fail(err, status, "%s", why.text);
        if (status != RIACHO_RETRY)
            continue;
        all[i].is_new = false;
        RIACHO_TRY(recall(self, &all[i], &why, err));
        if (!silent)
            riacho_trace(RIACHO_WARN,
                         "the schema registry is not asked: its ids are known from "
                         "another start",
                         "reason", why.text, NULL);
        silent = true; /* the others need not wait for the same */
    }
    return RIACHO_OK;
}

riacho_status riacho_schemas_register(riacho_schemas *schemas,
                                      const riacho_schemas_subject *subjects, size_t count,
                                      riacho_error *err)
{
    RIACHO_AUTO(heap)
    struct registration *all = riacho_memory_get_zero(count + 1, sizeof *all);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        riacho_id_wish *wish = wish_of(schemas, subjects[i].codec);
        if (wish)
            all[used++] = (struct registration){.subject = &subjects[i], .wish = wish};
    }
    RIACHO_TRY(examine_all(schemas, all, used, err));
    for (size_t i = 0; i < used; i++) {
        int32_t id;
        if (!all[i].is_new)
            continue;
        RIACHO_TRY(schemas->registry->ops->add(schemas->registry, all[i].subject->name,
                                               all[i].wish->text, &id, err));
        RIACHO_TRY(take_id(schemas, &all[i], id, err));
    }
    return RIACHO_OK;
}
