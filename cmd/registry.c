/* SPDX-License-Identifier: MIT
 *
 * registry.c - see registry.h.
 */
#include "registry.h"

#include <sys/stat.h>

#include "base/macros.h"
#include "runtime/shared/changelog.h"

#define OWN_FILE "schemas.jsonl"
#define REGISTRY_FILE "registry.jsonl"
#define TOPIC_FILE "topic.jsonl"

riacho_status riacho_registry_configured(const riacho_settings_found *settings,
                                         riacho_registry **ret_registry, riacho_error *err)
{
    const riacho_registry_options options = {
        .urls = riacho_setting_text(settings, RIACHO_SETTING_REGISTRY),
        .auth_file = riacho_setting_text(settings, RIACHO_SETTING_REGISTRY_AUTH),
        .ca_file = riacho_setting_text(settings, RIACHO_SETTING_REGISTRY_CA),
    };
    *ret_registry = NULL;
    return *options.urls ? riacho_registry_open(&options, ret_registry, err) : RIACHO_OK;
}

static bool has_ids(const char *data, const char *name, riacho_arena *arena)
{
    struct stat found;
    return stat(riacho_format(arena, "%s/%s", data, name), &found) == 0 && found.st_size > 0;
}

bool riacho_ids_of_registry(const char *data)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    return has_ids(data, REGISTRY_FILE, arena);
}

const char *riacho_own_ids_file(const char *data, riacho_arena *arena)
{
    return riacho_format(arena, "%s/%s", data, OWN_FILE);
}

static riacho_status other_ids(const char *data, const char *file, const char *whose,
                               riacho_error *err)
{
    return riacho_fail(err, RIACHO_REJECT,
                       "what is in '%s' has schema ids %s (%s), which mean something else at a "
                       "registry: begin with another --data, or go on without --registry",
                       data, whose, file);
}

/* Whether what the folder holds already goes together with the registry that is configured. */
static riacho_status check_folder(const riacho_ids_place *place, const char *data,
                                  const riacho_log *log, riacho_arena *arena, riacho_error *err)
{
    if (!data || !place->registry || has_ids(data, REGISTRY_FILE, arena))
        return RIACHO_OK;
    if (log && has_ids(data, TOPIC_FILE, arena))
        return other_ids(data, TOPIC_FILE, "of topic '" RIACHO_REGISTRY_TOPIC "'", err);
    if (!log && has_ids(data, OWN_FILE, arena))
        return other_ids(data, OWN_FILE, "of its own", err);
    return RIACHO_OK;
}

riacho_status riacho_ids_place_find(const riacho_settings_found *settings, const char *data,
                                    riacho_log *log, riacho_arena *arena,
                                    riacho_ids_place *ret_place, riacho_error *err)
{
    riacho_ids_place place = {0};
    RIACHO_TRY(riacho_registry_configured(settings, &place.registry, err));
    const riacho_status status = check_folder(&place, data, log, arena, err);
    if (status != RIACHO_OK) {
        riacho_ids_place_close(&place);
        return status;
    }
    place.of_registry = place.registry || (data && has_ids(data, REGISTRY_FILE, arena));
    const char *file = place.of_registry ? REGISTRY_FILE : OWN_FILE;
    if (log && !place.of_registry) {
        place.registry = riacho_registry_in_topic(log);
        place.of_registry = place.in_topic = true;
        file = TOPIC_FILE;
    }
    if (data)
        place.ids_file = riacho_format(arena, "%s/%s", data, file);
    *ret_place = place;
    return RIACHO_OK;
}

void riacho_ids_place_close(riacho_ids_place *place)
{
    riacho_registry_close(place->registry);
    *place = (riacho_ids_place){0};
}

/* ---- subjects -------------------------------------------------------------------------------- */

struct subjects {
    riacho_arena *arena;
    riacho_schemas_subject *items;
    size_t count;
};

/* A type that a topic or store has not got has no codec. */
static void add(struct subjects *subjects, const char *topic, const char *part,
                const riacho_data *data, unsigned use)
{
    if (!data->codec)
        return;
    subjects->items[subjects->count++] = (riacho_schemas_subject){
        .name = riacho_format(subjects->arena, "%s-%s", topic, part),
        .codec = data->codec,
        .use = use,
    };
}

static void add_graph(struct subjects *subjects, const riacho_graph *graph)
{
    enum { WRITTEN = RIACHO_TOPIC_SINK | RIACHO_TOPIC_REPARTITION | RIACHO_TOPIC_COMMAND };
    for (size_t i = 0; i < graph->topic_count; i++) {
        const riacho_graph_topic *topic = &graph->topics[i];
        const unsigned use = topic->roles & WRITTEN ? RIACHO_SUBJECT_WRITTEN : RIACHO_SUBJECT_READ;
        if (topic->roles == RIACHO_TOPIC_DEAD_LETTERS)
            continue; /* it has other records' bytes, ids and all */
        add(subjects, topic->name, "key", &topic->key, use);
        add(subjects, topic->name, "value", &topic->value, use);
    }
    for (size_t i = 0; i < graph->store_count; i++) {
        const char *changelog = riacho_changelog_name(graph, (int32_t)i, subjects->arena);
        add(subjects, changelog, "key", &graph->stores[i].key, RIACHO_SUBJECT_WRITTEN);
        add(subjects, changelog, "value", &graph->stores[i].value, RIACHO_SUBJECT_WRITTEN);
    }
}

static void list_subjects(const riacho_project *project, struct subjects *ret_subjects)
{
    size_t most = 0;
    for (size_t i = 0; i < project->graph_count; i++)
        most += 2 * (project->graphs[i]->topic_count + project->graphs[i]->store_count);
    ret_subjects->items = riacho_alloc_zero(ret_subjects->arena, most, sizeof *ret_subjects->items);
    for (size_t i = 0; i < project->graph_count; i++)
        add_graph(ret_subjects, project->graphs[i]);
}

static riacho_status enroll(const riacho_project *project, const riacho_ids_place *place,
                            unsigned use, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    struct subjects subjects = {.arena = arena};
    if (!place->of_registry)
        return RIACHO_OK;
    list_subjects(project, &subjects);
    for (size_t i = 0; use && i < subjects.count; i++)
        subjects.items[i].use = use;
    return riacho_schemas_register(project->schemas, subjects.items, subjects.count, err);
}

/* A topic has no rules that a schema could break: what is only read is added too, so that those who
 * write it find its id. */
riacho_status riacho_project_enroll(const riacho_project *project, const riacho_ids_place *place,
                                    riacho_error *err)
{
    return enroll(project, place, place->in_topic ? RIACHO_SUBJECT_WRITTEN : 0, err);
}

riacho_status riacho_project_look_up(const riacho_project *project, const riacho_ids_place *place,
                                     riacho_error *err)
{
    const unsigned use = place->in_topic ? RIACHO_SUBJECT_WRITTEN : RIACHO_SUBJECT_READ;
    return enroll(project, place, use, err);
}
