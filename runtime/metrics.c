/* SPDX-License-Identifier: MIT
 *
 * metrics.c - a worker's numbers (riacho/serve.h). Counters are read as the stream threads leave
 * them, relaxed: each is right by itself, two need not be of one moment.
 *
 * Series are bounded by the topology: steps, tasks, partitions, stores. Never keys, never users.
 * Threads: any.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/macros.h"
#include "operators/operators.h"
#include "serve_private.h"

enum { LABELS_MAX = 4 };

/* Where samples go, and what they have in common. */
struct emission {
    riacho_worker *worker;
    riacho_arena *arena;
    void (*emit)(void *to, const riacho_metric *metric);
    void *to;
    riacho_metric metric; /* name, help, type of those being emitted */
    riacho_header labels[LABELS_MAX];
};

static void start_metric(struct emission *emission, const char *name, const char *type,
                         const char *help)
{
    emission->metric = (riacho_metric){.name = name, .help = help, .type = type, .suffix = ""};
}

static void set_label(struct emission *emission, size_t index, const char *name, const char *value)
{
    emission->labels[index] = (riacho_header){riacho_text(name), riacho_text(value)};
    emission->metric.labels = (riacho_headers){emission->labels, index + 1};
}

static void emit(struct emission *emission, double value)
{
    emission->metric.value = value;
    emission->emit(emission->to, &emission->metric);
}

static uint64_t load(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static uint64_t pick_in(riacho_node_counts counts)
{
    return counts.records_in;
}

static uint64_t pick_out(riacho_node_counts counts)
{
    return counts.records_out;
}

static uint64_t pick_dropped(riacho_node_counts counts)
{
    return counts.dropped;
}

static uint64_t sum_of_step(const riacho_deployment *deployment, int32_t node,
                            uint64_t (*pick)(riacho_node_counts))
{
    const int32_t part = deployment->graph->nodes[node].subtopology;
    uint64_t sum = 0;
    for (uint32_t i = deployment->first_task[part]; i < deployment->first_task[part + 1]; i++) {
        riacho_node_counts counts;
        riacho_task_step_counts(deployment->tasks[i], node, &counts);
        sum += pick(counts);
    }
    return sum;
}

static void emit_steps(struct emission *emission)
{
    static const struct {
        const char *name;
        const char *help;
        uint64_t (*pick)(riacho_node_counts);
    } all[] = {
        {"riacho_step_records_in_total", "Records that reached a step.", pick_in},
        {"riacho_step_records_out_total", "Records that a step forwarded.", pick_out},
        {"riacho_step_records_dropped_total", "Records that a step dropped by rule.", pick_dropped},
    };
    riacho_worker *worker = emission->worker;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        start_metric(emission, all[i].name, "counter", all[i].help);
        for (size_t j = 0; j < worker->deployment_count; j++) {
            const riacho_deployment *deployment = &worker->deployments[j];
            set_label(emission, 0, "topology", deployment->graph->name);
            for (size_t k = 0; k < deployment->graph->node_count; k++) {
                set_label(emission, 1, "step", deployment->graph->nodes[k].id);
                emit(emission, (double)sum_of_step(deployment, (int32_t)k, all[i].pick));
            }
        }
    }
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static void emit_task_counters(struct emission *emission)
{
    static const struct {
        const char *name;
        const char *type;
        const char *help;
        size_t at; /* in riacho_task_counters */
        double scale;
    } all[] = {
        {"riacho_task_records_total", "counter", "Records that a task processed.",
         offsetof(riacho_task_counters, records), 1},
        {"riacho_task_outputs_total", "counter", "Records that a task wrote to topics.",
         offsetof(riacho_task_counters, outputs), 1},
        {"riacho_task_refused_records_total", "counter", "Records that a step or codec refused.",
         offsetof(riacho_task_counters, refused), 1},
        {"riacho_dead_letter_records_total", "counter", "Refused records kept as dead letters.",
         offsetof(riacho_task_counters, dead_letters), 1},
        {"riacho_task_retries_total", "counter", "Attempts after the first.",
         offsetof(riacho_task_counters, retries), 1},
        {"riacho_commits_total", "counter", "Commits of a task.",
         offsetof(riacho_task_counters, commits), 1},
        {"riacho_task_busy_seconds_total", "counter", "Time a task was at work.",
         offsetof(riacho_task_counters, busy_ns), 1e-9},
        {"riacho_task_overlay_bytes", "gauge", "Uncommitted changes of a task.",
         offsetof(riacho_task_counters, overlay_bytes), 1},
        {"riacho_restore_remaining_records", "gauge", "Records still to replay, about.",
         offsetof(riacho_task_counters, replay_records), 1},
        {"riacho_state_set_aside_total", "counter", "Times that unusable state was moved aside.",
         offsetof(riacho_task_counters, set_aside), 1},
    };
    riacho_worker *worker = emission->worker;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        start_metric(emission, all[i].name, all[i].type, all[i].help);
        for (size_t j = 0; j < worker->deployment_count; j++) {
            const riacho_deployment *deployment = &worker->deployments[j];
            set_label(emission, 0, "topology", deployment->graph->name);
            for (size_t k = 0; k < deployment->task_count; k++) {
                const char *counters = (const char *)&deployment->tasks[k]->counters;
                const void *counter = counters + all[i].at;
                set_label(emission, 1, "task", deployment->tasks[k]->name);
                emit(emission, (double)load(counter) * all[i].scale);
            }
        }
    }
}

/* Commits of all tasks of a topology in one histogram. */
static void emit_commit_histogram(struct emission *emission, const riacho_deployment *deployment)
{
    uint64_t below = 0;
    uint64_t total_ns = 0;
    set_label(emission, 0, "topology", deployment->graph->name);
    emission->metric.suffix = "_bucket";
    for (size_t i = 0; i < RIACHO_COMMIT_BUCKETS; i++) {
        for (size_t j = 0; j < deployment->task_count; j++)
            below += load(&deployment->tasks[j]->counters.commit_seconds[i]);
        set_label(emission, 1, "le",
                  i + 1 < RIACHO_COMMIT_BUCKETS
                      ? riacho_format(emission->arena, "%g", riacho_commit_bucket_seconds[i])
                      : "+Inf");
        emit(emission, (double)below);
    }
    for (size_t j = 0; j < deployment->task_count; j++)
        total_ns += load(&deployment->tasks[j]->counters.commit_ns);
    set_label(emission, 0, "topology", deployment->graph->name);
    emission->metric.suffix = "_sum";
    emit(emission, (double)total_ns * 1e-9);
    emission->metric.suffix = "_count";
    emit(emission, (double)below);
}

static void emit_commits(struct emission *emission)
{
    start_metric(emission, "riacho_commit_duration_seconds", "histogram", "Duration of commits.");
    for (size_t i = 0; i < emission->worker->deployment_count; i++)
        emit_commit_histogram(emission, &emission->worker->deployments[i]);
}

static void emit_states(struct emission *emission)
{
    start_metric(emission, "riacho_tasks", "gauge", "Tasks by state.");
    for (size_t i = 0; i < emission->worker->deployment_count; i++) {
        const riacho_deployment *deployment = &emission->worker->deployments[i];
        set_label(emission, 0, "topology", deployment->graph->name);
        for (riacho_task_state state = RIACHO_TASK_RUNNING; state <= RIACHO_TASK_STOPPED; state++) {
            uint64_t count = 0;
            for (size_t j = 0; j < deployment->task_count; j++)
                count += atomic_load(&deployment->tasks[j]->state) == state;
            set_label(emission, 1, "state", riacho_task_state_name(state));
            emit(emission, (double)count);
        }
    }
}

static void emit_lag(struct emission *emission)
{
    riacho_task_status *tasks;
    size_t count;
    if (riacho_worker_tasks(emission->worker, emission->arena, &tasks, &count, NULL) != RIACHO_OK)
        return;
    start_metric(emission, "riacho_lag_records", "gauge",
                 "Records between what was committed and the end of a partition.");
    for (size_t i = 0; i < count; i++) {
        set_label(emission, 0, "topology", tasks[i].topology);
        for (size_t j = 0; j < tasks[i].position_count; j++) {
            const riacho_position *position = &tasks[i].positions[j];
            set_label(emission, 1, "topic", position->topic);
            set_label(emission, 2, "partition",
                      riacho_format(emission->arena, "%d", (int)position->partition));
            emit(emission, (double)tasks[i].lag_records[j]);
        }
    }
}

/* ---- stores and process ---------------------------------------------------------------------- */

static void emit_stores(struct emission *emission)
{
    riacho_store_status *stores;
    riacho_store_factory *factory = emission->worker->options.stores;
    size_t count;
    if (riacho_worker_stores(emission->worker, emission->arena, &stores, &count, NULL) != RIACHO_OK)
        return;
    start_metric(emission, "riacho_store_keys", "gauge", "Keys of a store, about.");
    for (size_t i = 0; i < count; i++) {
        set_label(emission, 0, "topology", stores[i].topology);
        set_label(emission, 1, "store", stores[i].store);
        emit(emission, (double)stores[i].keys);
    }
    start_metric(emission, "riacho_store_bytes", "gauge", "Bytes of a store, about.");
    for (size_t i = 0; i < count; i++) {
        set_label(emission, 0, "topology", stores[i].topology);
        set_label(emission, 1, "store", stores[i].store);
        emit(emission, (double)stores[i].bytes);
    }
    start_metric(emission, "riacho_store_memory_bytes", "gauge",
                 "Caches and buffers of all stores.");
    emit(emission, (double)factory->ops->memory(factory));
}

static double resident_bytes(void)
{
    unsigned long total;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void emit_process(struct emission *emission)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    start_metric(emission, "riacho_process_cpu_seconds_total", "counter",
                 "Processor time of this process.");
    emit(emission, (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6);
    start_metric(emission, "riacho_process_resident_memory_bytes", "gauge",
                 "Memory of this process that is in RAM.");
    emit(emission, resident_bytes());
    start_metric(emission, "riacho_build_info", "gauge", "Always 1; the version is the label.");
    set_label(emission, 0, "version", RIACHO_VERSION);
    set_label(emission, 1, "worker", emission->worker->options.name);
    emit(emission, 1);
}

void riacho_worker_metrics(riacho_worker *worker,
                           void (*emit_to)(void *to, const riacho_metric *metric), void *to)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    struct emission emission = {.worker = worker, .arena = arena, .emit = emit_to, .to = to};
    emit_process(&emission);
    if (!atomic_load_explicit(&worker->started, memory_order_acquire))
        return;
    emit_steps(&emission);
    emit_task_counters(&emission);
    emit_commits(&emission);
    emit_states(&emission);
    emit_lag(&emission);
    emit_stores(&emission);
}
