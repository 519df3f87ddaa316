/* SPDX-License-Identifier: MIT
 *
 * embedded_append.c - appends and commits, many calls in one durable write.
 *
 * Every call becomes a request in a queue. When nobody leads, the caller is the leader; afterwards
 * the request at the head of the queue inherits. The leader takes what waits, up to a size, as its
 * group, gives out offsets, builds chunks (one run a partition, whoever the records came from),
 * writes one batch with one fsync, and wakes the others. What arrives meanwhile is the next group,
 * so the slower the disk, the larger the groups.
 *
 *   submit: queued --nobody leads, or the last leader's heir--> leading (lead_from) --> done
 *              \------------------- in a leader's group (wake_group) ----------------^
 *
 * Invariants:
 * 1. A request is in at most one group, and a task in a group at most once, so that its number is
 *    compared with one that is on the disk.
 * 2. Only the leader touches partition->open, writing.opens, writing.stored and writing.batch.
 * 3. After a write that failed, every later call fails: what the disk holds is known again only
 *    when the log is reopened.
 */
#include "embedded.h"

#include <assert.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "check.h"
#include "committed.h"

enum {
    GROUP_BYTES_MAX = 4 * 1024 * 1024, /* a larger request makes a group alone */
    RECORD_OVERHEAD_BYTES = 16,
    REQUEST_OVERHEAD_BYTES = 512,
    SMALL_CHUNKS_MERGED = 256, /* so many in one partition, and the cleaner is woken */
    OPENS_KEPT = 64,
};

struct task {
    uint64_t number; /* of the last commit on the disk */
    bool in_group;
    char name[];
};

/* Where a record goes. */
struct target {
    struct partition *partition;
    int64_t offset; /* given by the leader */
};

/* One call. Lives on the caller's stack until the leader says it is done. */
struct request {
    struct request *next;
    const riacho_log_append *records; /* borrowed */
    struct target *targets;
    size_t count;
    size_t bytes;                    /* about what it will take on the disk */
    const riacho_log_commit *commit; /* NULL for an append */
    struct task *task;
    bool known; /* the log has this commit already */
    bool leads; /* woken to lead the next group; otherwise because it is done */
    riacho_status status;
    riacho_error *err;
    sem_t wake;
};

/* The run of records that a group appends to one partition. */
struct open_chunk {
    struct partition *partition;
    int64_t next;
    struct chunk_writer writer;
};

void riacho_embedded_writing_init(struct embedded *log)
{
    struct writing *writing = &log->writing;
    pthread_mutex_init(&writing->lock, NULL);
    writing->tail = &writing->head;
    writing->batch = rocksdb_writebatch_create();
}

void riacho_embedded_writing_done(struct embedded *log)
{
    struct writing *writing = &log->writing;
    assert(!writing->head && !writing->led);
    for (size_t i = 0; i < writing->open_capacity; i++) {
        riacho_chunk_writer_done(&writing->opens[i]->writer);
        free(writing->opens[i]);
    }
    free(writing->opens);
    riacho_buffer_done(&writing->stored);
    rocksdb_writebatch_destroy(writing->batch);
    size_t at = 0;
    for (riacho_map_entry *entry; (entry = riacho_map_next(&writing->tasks, &at));)
        free(entry->value);
    riacho_map_done(&writing->tasks);
    pthread_mutex_destroy(&writing->lock);
}

/* --- the leader's work --- */

static struct open_chunk *open_new(struct writing *writing)
{
    if (writing->open_count == writing->open_capacity) {
        writing->opens = riacho_memory_resize(writing->opens, (writing->open_capacity + 1) *
                                                                  sizeof(struct open_chunk *));
        writing->opens[writing->open_capacity++] =
            riacho_memory_get_zero(1, sizeof(struct open_chunk));
    }
    return writing->opens[writing->open_count++];
}

static struct open_chunk *open_of(struct writing *writing, struct partition *partition)
{
    if (!partition->open) {
        struct open_chunk *open = open_new(writing);
        riacho_chunk_writer_reset(&open->writer);
        open->partition = partition;
        open->next = atomic_load(&partition->next);
        partition->open = open;
    }
    return partition->open;
}

static void finish_chunk(struct embedded *log, struct open_chunk *open)
{
    struct writing *writing = &log->writing;
    struct chunk_writer *writer = &open->writer;
    if (!writer->head.count)
        return;
    uint8_t entry[CHUNK_ENTRY_BYTES];
    riacho_buffer_reset(&writing->stored);
    riacho_chunk_finish(writer, &writing->stored);
    riacho_chunk_entry_put(&writer->head, entry);
    riacho_database_put_chunk(&log->database, writing->batch, place_of(open->partition),
                              writer->head.base, riacho_buffer_bytes(&writing->stored),
                              (riacho_bytes){entry, sizeof entry});
    riacho_chunk_writer_reset(writer);
}

static void add_record(struct embedded *log, const riacho_log_append *append, struct target *target)
{
    struct open_chunk *open = open_of(&log->writing, target->partition);
    struct chunk_writer *writer = &open->writer;
    if (writer->raw.size >= log->chunk_bytes || writer->head.count >= RIACHO_FETCH_RECORDS_MAX)
        finish_chunk(log, open);
    riacho_log_record record = append->record;
    record.offset = target->offset = open->next++;
    riacho_chunk_add(writer, &record);
}

static void task_key(const char *task, riacho_buffer *key)
{
    riacho_buffer_printf(key, "task/%s", task);
}

static void add_commit(struct embedded *log, const riacho_log_commit *commit)
{
    RIACHO_AUTO(buffer) riacho_buffer key = {0};
    RIACHO_AUTO(buffer) riacho_buffer value = {0};
    task_key(commit->task, &key);
    riacho_committed_encode(commit, &value);
    rocksdb_writebatch_put_cf(log->writing.batch, log->database.meta, (const char *)key.data,
                              key.size, (const char *)value.data, value.size);
}

/* Puts the group into the batch; ret_any tells whether there is anything to write. */
static void build(struct embedded *log, struct request *group, bool *ret_any)
{
    *ret_any = false;
    for (struct request *request = group; request; request = request->next) {
        if (request->known)
            continue;
        for (size_t i = 0; i < request->count; i++)
            add_record(log, &request->records[i], &request->targets[i]);
        if (request->commit)
            add_commit(log, request->commit);
        *ret_any = true;
    }
}

static size_t group_bytes(const struct request *group)
{
    size_t bytes = 0;
    for (; group; group = group->next)
        bytes += group->known ? 0 : group->bytes;
    return bytes;
}

/* Makes the group durable. */
static riacho_status write_group(struct embedded *log, struct request *group, riacho_error *err)
{
    struct writing *writing = &log->writing;
    if (atomic_load(&writing->broken))
        return riacho_fail(err, RIACHO_FATAL,
                           "an earlier write to the log in %.200s failed: it must be reopened",
                           log->folder);
    RIACHO_TRY(riacho_embedded_room(log, group_bytes(group), log->reserve_bytes, err));
    bool any;
    build(log, group, &any);
    for (size_t i = 0; i < writing->open_count; i++)
        finish_chunk(log, writing->opens[i]);
    if (!any)
        return RIACHO_OK;
    const riacho_status status =
        riacho_database_write(&log->database, writing->batch, DURABILITY_SYNCED, err);
    if (status != RIACHO_OK)
        atomic_store(&writing->broken, true);
    return status;
}

/* Shows the readers what is durable now. */
static void publish(struct embedded *log)
{
    struct writing *writing = &log->writing;
    for (size_t i = 0; i < writing->open_count; i++) {
        const struct open_chunk *open = writing->opens[i];
        atomic_store(&open->partition->next, open->next);
        /* The last chunk of a run is rarely full; the cleaner finds out. */
        if (atomic_fetch_add(&open->partition->small, 1) + 1 == SMALL_CHUNKS_MERGED)
            riacho_embedded_merge_wanted(log);
    }
    if (writing->open_count)
        riacho_embedded_readers_notify(log);
}

/* Ready for the next group; memory of a group that touched very many partitions is given back. */
static void tidy(struct writing *writing)
{
    for (size_t i = 0; i < writing->open_count; i++)
        writing->opens[i]->partition->open = NULL;
    writing->open_count = 0;
    while (writing->open_capacity > OPENS_KEPT) {
        struct open_chunk *open = writing->opens[--writing->open_capacity];
        riacho_chunk_writer_done(&open->writer);
        free(open);
    }
    rocksdb_writebatch_clear(writing->batch);
}

static void lead(struct embedded *log, struct request *group)
{
    riacho_error cause = {.text = ""};
    const riacho_status status = write_group(log, group, &cause);
    if (status == RIACHO_OK)
        publish(log);
    tidy(&log->writing);
    for (struct request *request = group; request; request = request->next) {
        request->status = request->known ? RIACHO_OK : status;
        if (request->status != RIACHO_OK)
            riacho_fail(request->err, request->status, "%s", cause.text);
    }
}

/* --- the queue --- */

static bool fits(const struct request *request, size_t group_bytes_so_far)
{
    return group_bytes_so_far + request->bytes <= GROUP_BYTES_MAX &&
           !(request->task && request->task->in_group);
}

/* Takes the head and what fits with it off the queue. Under the lock. */
static struct request *take_group(struct writing *writing)
{
    struct request *const group = writing->head;
    struct request *last = NULL;
    size_t bytes = 0;
    for (struct request *request = group; request; request = request->next) {
        if (last && !fits(request, bytes))
            break;
        bytes += request->bytes;
        if (request->task) {
            request->known = request->commit->number <= request->task->number;
            request->task->in_group = true;
        }
        last = request;
    }
    writing->head = last->next;
    if (!writing->head)
        writing->tail = &writing->head;
    last->next = NULL;
    return group;
}

/* What the group's tasks have committed is on the disk now. Under the lock. */
static void settle_tasks(struct request *group)
{
    for (struct request *request = group; request; request = request->next) {
        if (!request->task)
            continue;
        request->task->in_group = false;
        if (request->status == RIACHO_OK && !request->known)
            request->task->number = request->commit->number;
    }
}

/* Without the lock, so that who wakes need not wait for it. A request is gone from its caller's
 * stack as soon as it is woken. */
static void wake_group(struct request *group, const struct request *own)
{
    for (struct request *request = group, *next; request; request = next) {
        next = request->next;
        if (request != own)
            sem_post(&request->wake);
    }
}

/* The request is at the head of the queue, and nobody else leads. Enters with the lock, leaves
 * without. */
static void lead_from(struct embedded *log, struct request *own)
{
    struct writing *writing = &log->writing;
    writing->led = true;
    struct request *group = take_group(writing);
    pthread_mutex_unlock(&writing->lock);
    assert(group == own);
    lead(log, group);
    pthread_mutex_lock(&writing->lock);
    settle_tasks(group);
    struct request *successor = writing->head;
    writing->led = successor != NULL; /* nobody else may begin in between */
    if (successor)
        successor->leads = true;
    pthread_mutex_unlock(&writing->lock);
    wake_group(group, own);
    if (successor)
        sem_post(&successor->wake); /* last: whom the others join, and the group is larger */
}

/* Waits until the request is done, leading when it comes to that. */
static void wait_for(struct embedded *log, struct request *request)
{
    while (sem_wait(&request->wake) != 0) /* interrupted by a signal */
        continue;
    if (request->leads) {
        pthread_mutex_lock(&log->writing.lock);
        lead_from(log, request);
    }
    sem_destroy(&request->wake);
}

/* Queues the requests together and waits until all are done: they share a group as far as they
 * fit. Those behind the first are done with it, or after it in their order. */
static void submit(struct embedded *log, struct request *requests, size_t count)
{
    struct writing *writing = &log->writing;
    for (size_t i = 0; i < count; i++)
        sem_init(&requests[i].wake, 0, 0);
    pthread_mutex_lock(&writing->lock);
    for (size_t i = 0; i < count; i++) {
        *writing->tail = &requests[i];
        writing->tail = &requests[i].next;
    }
    size_t waiting = 0;
    if (writing->led) {
        pthread_mutex_unlock(&writing->lock);
    } else {
        lead_from(log, &requests[0]);
        sem_destroy(&requests[0].wake);
        waiting = 1;
    }
    for (size_t i = waiting; i < count; i++)
        wait_for(log, &requests[i]);
}

/* --- the calls --- */

static riacho_status choose_target(struct embedded *log, const riacho_log_append *append,
                                   struct topic **topic, struct target *ret, riacho_error *err)
{
    if (!append->topic)
        return riacho_log_no_topic(NULL, err);
    if (!*topic || strcmp((*topic)->spec.name, append->topic) != 0)
        *topic = riacho_map_get(&log->topics, riacho_text(append->topic));
    if (!*topic)
        return riacho_log_no_topic(append->topic, err);
    const riacho_topic_spec *spec = &(*topic)->spec;
    RIACHO_TRY(riacho_log_check_append(spec, append, err));
    const bool in_turn = append->partition < 0 && !append->record.key.data;
    const uint32_t turn = in_turn ? atomic_fetch_add(&(*topic)->turn, 1) : 0;
    ret->partition = &(*topic)->partitions[riacho_log_choose_partition(spec, append, turn)];
    return RIACHO_OK;
}

/* Checks every record and finds its partition, before anything is queued. */
static riacho_status prepare(struct embedded *log, struct request *request)
{
    riacho_status status = RIACHO_OK;
    size_t bytes = 0;
    struct topic *topic = NULL;
    pthread_rwlock_rdlock(&log->topics_lock);
    for (size_t i = 0; i < request->count && status == RIACHO_OK; i++) {
        status =
            choose_target(log, &request->records[i], &topic, &request->targets[i], request->err);
        bytes += riacho_log_record_bytes(&request->records[i].record);
    }
    pthread_rwlock_unlock(&log->topics_lock);
    RIACHO_TRY(status);
    RIACHO_TRY(riacho_log_check_total(request->count, bytes, request->err));
    request->bytes = bytes + request->count * RECORD_OVERHEAD_BYTES + REQUEST_OVERHEAD_BYTES;
    return RIACHO_OK;
}

riacho_status riacho_embedded_append(riacho_log *base, const riacho_log_append *records,
                                     size_t count, riacho_position *ret_positions,
                                     riacho_error *err)
{
    struct embedded *log = riacho_embedded_of(base);
    RIACHO_TRY(riacho_log_check_total(count, 0, err));
    if (!count)
        return RIACHO_OK;
    struct target one;
    RIACHO_AUTO(heap)
    struct target *many = count > 1 ? riacho_memory_get(count * sizeof *many) : NULL;
    struct request request = {
        .records = records, .count = count, .targets = many ? many : &one, .err = err};
    RIACHO_TRY(prepare(log, &request));
    submit(log, &request, 1);
    RIACHO_TRY(request.status);
    for (size_t i = 0; i < count && ret_positions; i++) {
        const struct target *target = &request.targets[i];
        ret_positions[i] =
            (riacho_position){records[i].topic, target->partition->index, target->offset};
    }
    return RIACHO_OK;
}

/* The task, with the number that the disk holds for it. */
static riacho_status find_task(struct embedded *log, const char *name, struct task **ret,
                               riacho_error *err)
{
    struct writing *writing = &log->writing;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    pthread_mutex_lock(&writing->lock);
    *ret = riacho_map_get(&writing->tasks, riacho_text(name));
    pthread_mutex_unlock(&writing->lock);
    if (*ret)
        return RIACHO_OK;

    riacho_log_commit held;
    RIACHO_TRY(riacho_embedded_committed(&log->log, name, arena, &held, err));
    struct task *task = riacho_memory_get_zero(1, sizeof *task + strlen(name) + 1);
    task->number = held.number;
    memcpy(task->name, name, strlen(name) + 1);
    pthread_mutex_lock(&writing->lock);
    riacho_map_entry *entry = riacho_map_put(&writing->tasks, riacho_text(task->name));
    if (!entry->value)
        entry->value = RIACHO_TAKE(task);
    *ret = entry->value;
    pthread_mutex_unlock(&writing->lock);
    free(task);
    return RIACHO_OK;
}

static riacho_status prepare_commit(struct embedded *log, const riacho_log_commit *commit,
                                    struct target *targets, struct request *request,
                                    riacho_error *err)
{
    assert(commit->task && commit->number > 0);
    *request = (struct request){.records = commit->outputs,
                                .count = commit->output_count,
                                .targets = targets,
                                .commit = commit,
                                .err = err};
    RIACHO_TRY(prepare(log, request));
    for (size_t i = 0; i < commit->position_count; i++)
        request->bytes += strlen(commit->positions[i].topic) + RECORD_OVERHEAD_BYTES;
    return find_task(log, commit->task, &request->task, err);
}

static void tell_ends(const struct request *request, int64_t *ret_ends)
{
    for (size_t i = 0; i < request->count && ret_ends; i++) {
        const struct target *target = &request->targets[i];
        ret_ends[i] = request->known ? atomic_load(&target->partition->next) : target->offset + 1;
    }
}

riacho_status riacho_embedded_commit_all(riacho_log *base, const riacho_log_commit *commits,
                                         size_t count, int64_t *const *ret_ends, riacho_error *err)
{
    struct embedded *log = riacho_embedded_of(base);
    size_t outputs = 0;
    if (!count)
        return RIACHO_OK;
    for (size_t i = 0; i < count; i++) {
        RIACHO_TRY(riacho_log_check_total(commits[i].output_count, 0, err));
        outputs += commits[i].output_count;
    }
    RIACHO_AUTO(heap) struct target *targets = riacho_memory_get(outputs * sizeof *targets);
    RIACHO_AUTO(heap) struct request *requests = riacho_memory_get(count * sizeof *requests);
    struct target *next = targets;
    for (size_t i = 0; i < count; next += commits[i++].output_count)
        RIACHO_TRY(prepare_commit(log, &commits[i], next, &requests[i], err));
    submit(log, requests, count);
    for (size_t i = 0; i < count; i++) {
        RIACHO_TRY(requests[i].status);
        tell_ends(&requests[i], ret_ends ? ret_ends[i] : NULL);
    }
    return RIACHO_OK;
}

riacho_status riacho_embedded_commit(riacho_log *base, const riacho_log_commit *commit,
                                     int64_t *ret_ends, riacho_error *err)
{
    return riacho_embedded_commit_all(base, commit, 1, &ret_ends, err);
}

riacho_status riacho_embedded_committed(riacho_log *base, const char *task, riacho_arena *arena,
                                        riacho_log_commit *ret_commit, riacho_error *err)
{
    struct embedded *log = riacho_embedded_of(base);
    RIACHO_AUTO(buffer) riacho_buffer key = {0};
    riacho_bytes value;
    task_key(task, &key);
    RIACHO_TRY(riacho_database_get(&log->database, riacho_buffer_bytes(&key), arena, &value, err));
    riacho_log_commit held = {.task = riacho_copy(arena, riacho_text(task)).data};
    if (value.data)
        RIACHO_TRY(riacho_committed_decode(value, arena, &held, err));
    *ret_commit = held;
    return RIACHO_OK;
}
