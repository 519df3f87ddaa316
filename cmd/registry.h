/* SPDX-License-Identifier: MIT
 *
 * registry.h - whose schema ids a worker, or a look into its data folder, goes by: the folder's
 * own, a schema registry's, or those that a log that workers share keeps in a topic.
 *
 * A folder stays with the one that it began with, because every record and every state in it has
 * such an id in front: schemas.jsonl has the folder's own, registry.jsonl a registry's, topic.jsonl
 * the topic's.
 *
 * Threads: the main thread.
 */
#pragma once

#include "project.h"
#include "riacho/registry.h"

typedef struct riacho_ids_place {
    const char *ids_file;      /* NULL: in memory */
    bool of_registry;          /* whose ids these are */
    riacho_registry *registry; /* owned; NULL: none is configured */
    bool in_topic;             /* the registry is a topic: all that use it add what they know */
} riacho_ids_place;

/* What the settings say; without an address *ret_registry is NULL. RIACHO_REJECT: an address or a
 * file cannot be used. */
RIACHO_CHECKED riacho_status riacho_registry_configured(const riacho_settings_found *settings,
                                                        riacho_registry **ret_registry,
                                                        riacho_error *err);
/* For a folder (NULL: none) with these settings, and a log that workers share (NULL: the log is the
 * folder's); to be closed before that log. RIACHO_REJECT: the folder has another kind of ids, or
 * the settings cannot be used. */
RIACHO_CHECKED riacho_status riacho_ids_place_find(const riacho_settings_found *settings,
                                                   const char *data, riacho_log *log,
                                                   riacho_arena *arena, riacho_ids_place *ret_place,
                                                   riacho_error *err);
void riacho_ids_place_close(riacho_ids_place *place);
/* Whether the ids in this folder are a registry's. */
bool riacho_ids_of_registry(const char *data);
/* Where a folder keeps its own. */
const char *riacho_own_ids_file(const char *data, riacho_arena *arena);

/* Registers, under its topic's subject, everything that the project's topologies write: topics, and
 * stores as their changelogs. What they only read is looked for. With own ids there is nothing to
 * do. RIACHO_REJECT: a schema does not fit; RIACHO_RETRY: no registry answers. */
RIACHO_CHECKED riacho_status riacho_project_enroll(const riacho_project *project,
                                                   const riacho_ids_place *place,
                                                   riacho_error *err);
/* The same without registering anything: for what may be read without being run. */
RIACHO_CHECKED riacho_status riacho_project_look_up(const riacho_project *project,
                                                    const riacho_ids_place *place,
                                                    riacho_error *err);
