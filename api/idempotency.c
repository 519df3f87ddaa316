/* SPDX-License-Identifier: MIT
 *
 * idempotency.c - sets of WAYS entries; when a set is full the oldest entry that is not running
 * goes, and when all run the newcomer is simply not remembered.
 */
#include "idempotency.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

enum { WAYS = 8 };

struct entry {
    riacho_idempotent_hash key;
    riacho_idempotent_hash body;
    uint64_t used; /* order of use */
    enum { FREE = 0, RUNNING, DONE } state;
    int32_t partition;
    int64_t next;
    uint16_t event_id_size;
    uint16_t topic_size;
    char event_id[RIACHO_IDEMPOTENCY_KEY_BYTES_MAX];
    char topic[RIACHO_TOPIC_NAME_BYTES_MAX];
};

struct riacho_idempotency {
    pthread_mutex_t lock;
    size_t set_count;
    uint64_t uses;
    struct entry *entries;
};

riacho_idempotency *riacho_idempotency_new(size_t entries)
{
    riacho_idempotency *table = riacho_memory_get_zero(1, sizeof *table);
    table->set_count = entries < WAYS ? 1 : entries / WAYS;
    table->entries = riacho_memory_get_zero(table->set_count * WAYS, sizeof *table->entries);
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

void riacho_idempotency_free(riacho_idempotency *table)
{
    if (!table)
        return;
    pthread_mutex_destroy(&table->lock);
    free(table->entries);
    free(table);
}

static bool same(riacho_idempotent_hash a, riacho_idempotent_hash b)
{
    return a.high == b.high && a.low == b.low;
}

static struct entry *find(riacho_idempotency *table, riacho_idempotent_hash key)
{
    struct entry *set = &table->entries[key.high % table->set_count * WAYS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].state != FREE && same(set[i].key, key))
            return &set[i];
    return NULL;
}

static struct entry *place(riacho_idempotency *table, riacho_idempotent_hash key)
{
    struct entry *set = &table->entries[key.high % table->set_count * WAYS];
    struct entry *oldest = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].state == FREE)
            return &set[i];
        if (set[i].state == DONE && (!oldest || set[i].used < oldest->used))
            oldest = &set[i];
    }
    return oldest;
}

static void copy_reply(const struct entry *entry, riacho_arena *arena,
                       riacho_idempotent_reply *ret_reply)
{
    const riacho_bytes event_id = {entry->event_id, entry->event_id_size};
    const riacho_bytes topic = {entry->topic, entry->topic_size};
    *ret_reply = (riacho_idempotent_reply){riacho_copy(arena, event_id), riacho_copy(arena, topic),
                                           entry->partition, entry->next};
}

static riacho_idempotent begin(riacho_idempotency *table, riacho_idempotent_hash key,
                               riacho_idempotent_hash body, riacho_arena *arena,
                               riacho_idempotent_reply *ret_reply)
{
    struct entry *entry = find(table, key);
    if (entry && !same(entry->body, body))
        return RIACHO_IDEMPOTENT_OTHER_BODY;
    if (entry && entry->state == RUNNING)
        return RIACHO_IDEMPOTENT_RUNNING;
    if (entry) {
        entry->used = ++table->uses;
        copy_reply(entry, arena, ret_reply);
        return RIACHO_IDEMPOTENT_REPEAT;
    }
    entry = place(table, key);
    if (entry) {
        *entry = (struct entry){.key = key, .body = body, .used = ++table->uses, .state = RUNNING};
    }
    return RIACHO_IDEMPOTENT_FIRST;
}

riacho_idempotent riacho_idempotency_begin(riacho_idempotency *table, riacho_idempotent_hash key,
                                           riacho_idempotent_hash body, riacho_arena *arena,
                                           riacho_idempotent_reply *ret_reply)
{
    pthread_mutex_lock(&table->lock);
    const riacho_idempotent answer = begin(table, key, body, arena, ret_reply);
    pthread_mutex_unlock(&table->lock);
    return answer;
}

void riacho_idempotency_end(riacho_idempotency *table, riacho_idempotent_hash key,
                            const riacho_idempotent_reply *reply)
{
    pthread_mutex_lock(&table->lock);
    struct entry *entry = find(table, key);
    if (entry && (!reply || reply->event_id.size > sizeof entry->event_id ||
                  reply->topic.size > sizeof entry->topic)) {
        entry->state = FREE;
    } else if (entry) {
        entry->state = DONE;
        entry->partition = reply->partition;
        entry->next = reply->next;
        entry->event_id_size = (uint16_t)reply->event_id.size;
        entry->topic_size = (uint16_t)reply->topic.size;
        memcpy(entry->event_id, reply->event_id.data, reply->event_id.size);
        memcpy(entry->topic, reply->topic.data, reply->topic.size);
    }
    pthread_mutex_unlock(&table->lock);
}
