/* SPDX-License-Identifier: MIT
 *
 * yaml.c - see yaml.h: from documents to structs by their kind.
 */
#include "yaml.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "bind.h"

/* What exactly-once, partitioning and group membership depend on: the worker sets these. */
static const char *const kafka_own[] = {
    "acks",
    "auto.offset.reset",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "partition.assignment.strategy",
    "partitioner",
    "transaction.timeout.ms",
    "transactional.id",
};

const riacho_topology *riacho_yaml_topology(const riacho_yaml_node *node,
                                            const riacho_yaml_options *options, riacho_arena *arena,
                                            riacho_issue_list *issues)
{
    riacho_topology_document *document = riacho_alloc_zero(arena, 1, sizeof *document);
    riacho_binder binder = {
        .arena = arena, .issues = issues, .environment = options ? options->environment : NULL};
    riacho_bind(&binder, &riacho_topology_shape, node, document);
    document->topology.places = riacho_binder_places(&binder);
    riacho_binder_done(&binder);
    return &document->topology;
}

static void check_kafka(const riacho_worker_file *worker, riacho_issue_list *issues)
{
    for (size_t i = 0; i < worker->kafka_count; i++) {
        const riacho_yaml_node *node = riacho_places_find(worker->places, &worker->kafka[i].name);
        for (size_t j = 0; j < sizeof kafka_own / sizeof *kafka_own; j++)
            if (strcmp(worker->kafka[i].name, kafka_own[j]) == 0)
                riacho_yaml_issue(node, issues, NULL,
                                  "'%s' cannot be set: the worker sets it, because results depend "
                                  "on it",
                                  kafka_own[j]);
    }
}

static const riacho_worker_file *load_worker(const riacho_yaml_node *node,
                                             const riacho_yaml_options *options,
                                             riacho_arena *arena, riacho_issue_list *issues)
{
    riacho_worker_document *document = riacho_alloc_zero(arena, 1, sizeof *document);
    riacho_binder binder = {.arena = arena,
                            .issues = issues,
                            .environment = options ? options->environment : NULL,
                            .defaults = RIACHO_BIND_DEFAULTS};
    riacho_bind(&binder, &riacho_worker_shape, node, document);
    document->worker.places = riacho_binder_places(&binder);
    riacho_binder_done(&binder);
    check_kafka(&document->worker, issues);
    return &document->worker;
}

/* Grows by one pointer; the old array stays in the arena, and files have few documents. */
static const void *const *with(riacho_arena *arena, const void *const *items, size_t count,
                               const void *item)
{
    const void **grown = riacho_alloc_zero(arena, count + 1, sizeof *grown);
    if (count)
        memcpy(grown, items, count * sizeof *grown);
    grown[count] = item;
    return grown;
}

static void unknown_kind(const riacho_yaml_node *node, const riacho_yaml_node *kind,
                         riacho_issue_list *issues)
{
    static const char *const kinds[] = {"Topology", "Worker", "TopologyTest"};
    if (!kind) {
        riacho_yaml_issue(node, issues, "write kind: Topology, Worker or TopologyTest",
                          "the document needs 'kind'");
        return;
    }
    const char *meant = riacho_suggest(kind->text, kinds, 3);
    RIACHO_AUTO(buffer) riacho_buffer hint = {0};
    if (meant)
        riacho_buffer_printf(&hint, "did you mean '%s'?", meant);
    else
        riacho_buffer_printf(&hint, "write Topology, Worker or TopologyTest");
    riacho_buffer_append(&hint, "", 1);
    riacho_yaml_issue(kind, issues, (const char *)hint.data, "unknown kind '%.*s'",
                      (int)(kind->text.size > 80 ? 80 : kind->text.size),
                      kind->text.data ? (const char *)kind->text.data : "");
}

static void load_document(const riacho_yaml_node *node, const riacho_yaml_options *options,
                          riacho_arena *arena, riacho_issue_list *issues,
                          riacho_yaml_documents *documents)
{
    const riacho_yaml_node *kind = riacho_yaml_get(node, "kind");
    const riacho_bytes word = kind ? kind->text : riacho_text("");
    if (node->kind != RIACHO_YAML_MAPPING) {
        riacho_yaml_issue(node, issues, NULL, "a document must be a mapping of keys to values");
    } else if (riacho_bytes_equal(word, riacho_text("Topology"))) {
        documents->topologies = (const riacho_topology *const *)with(
            arena, (const void *const *)documents->topologies, documents->topology_count,
            riacho_yaml_topology(node, options, arena, issues));
        documents->topology_count++;
    } else if (riacho_bytes_equal(word, riacho_text("Worker"))) {
        documents->workers = (const riacho_worker_file *const *)with(
            arena, (const void *const *)documents->workers, documents->worker_count,
            load_worker(node, options, arena, issues));
        documents->worker_count++;
    } else if (riacho_bytes_equal(word, riacho_text("TopologyTest"))) {
        documents->tests = (const riacho_yaml_node *const *)with(
            arena, (const void *const *)documents->tests, documents->test_count, node);
        documents->test_count++;
    } else {
        unknown_kind(node, kind, issues);
    }
}

riacho_status riacho_yaml_load(const riacho_yaml_file *file, const riacho_yaml_options *options,
                               riacho_arena *arena, riacho_issue_list *issues,
                               riacho_yaml_documents *ret_documents)
{
    riacho_yaml_documents documents = {.file = file};
    for (size_t i = 0; i < file->document_count; i++)
        load_document(file->documents[i], options, arena, issues, &documents);
    if (!file->document_count && !issues->errors) {
        const riacho_issue issue = {.mark = {file->name, 1, 1}, .text = "the file is empty"};
        riacho_issues_add(issues, &issue);
    }
    riacho_issues_sort(issues);
    *ret_documents = documents;
    return issues->errors ? RIACHO_REJECT : RIACHO_OK;
}
