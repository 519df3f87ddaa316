/* SPDX-License-Identifier: MIT
 *
 * letters_memo.c - the summary of dead letters of a running worker (records.h). To count them is to
 * read up to LOOK_MAX records of each partition, which a caller of the API could ask for a thousand
 * times a second; here it is done when there are others than before, and once in a while at most.
 *
 * Threads: any; they take turns.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/macros.h"
#include "base/memory.h"
#include "records.h"

struct riacho_letters_memo {
    pthread_mutex_t lock;
    riacho_arena *arena; /* of `letters`; NULL: nothing was counted yet */
    riacho_dead_letters letters;
    uint64_t mark; /* of the offsets that the topics held then */
    int64_t at_ns;
};

riacho_letters_memo *riacho_letters_memo_new(void)
{
    riacho_letters_memo *memo = riacho_memory_get_zero(1, sizeof *memo);
    pthread_mutex_init(&memo->lock, NULL);
    return memo;
}

void riacho_letters_memo_free(riacho_letters_memo *memo)
{
    if (!memo)
        return;
    pthread_mutex_destroy(&memo->lock);
    riacho_arena_free(memo->arena);
    free(memo);
}

static void mix(uint64_t *mark, const void *data, size_t size)
{
    *mark = (*mark ^ riacho_hash((riacho_bytes){data, size})) * 0x9e3779b97f4a7c15u;
}

/* What the topics of dead letters hold, as one number. */
static riacho_status mark_of(riacho_log *log, const riacho_topic_types *types, riacho_arena *arena,
                             uint64_t *ret_mark, riacho_error *err)
{
    riacho_topic_status *topics;
    size_t count;
    *ret_mark = 1;
    RIACHO_TRY(riacho_topics_read(log, arena, &topics, &count, err));
    for (size_t i = 0; i < count; i++) {
        const size_t bytes = (size_t)topics[i].partitions * sizeof(int64_t);
        if (!riacho_topic_has_letters(types, topics[i].topic))
            continue;
        mix(ret_mark, topics[i].topic, strlen(topics[i].topic));
        mix(ret_mark, topics[i].first_offsets, bytes);
        mix(ret_mark, topics[i].next_offsets, bytes);
    }
    return RIACHO_OK;
}

static const char *copy_text(riacho_arena *arena, const char *text)
{
    return text ? riacho_copy(arena, riacho_text(text)).data : NULL;
}

/* The summary in another arena. */
static riacho_dead_letters copy_letters(const riacho_dead_letters *of, riacho_arena *arena)
{
    riacho_dead_letters copy = *of;
    riacho_dead_letter_group *groups =
        riacho_alloc_zero(arena, of->group_count + 1, sizeof *groups);
    const char **topics = riacho_alloc_zero(arena, of->topic_count + 1, sizeof *topics);
    for (size_t i = 0; i < of->topic_count; i++)
        topics[i] = copy_text(arena, of->topics[i]);
    for (size_t i = 0; i < of->group_count; i++) {
        groups[i] = of->groups[i];
        groups[i].topic = copy_text(arena, of->groups[i].topic);
        groups[i].topology = copy_text(arena, of->groups[i].topology);
        groups[i].from = copy_text(arena, of->groups[i].from);
        groups[i].step = copy_text(arena, of->groups[i].step);
        groups[i].kind = copy_text(arena, of->groups[i].kind);
        groups[i].reason = copy_text(arena, of->groups[i].reason);
        groups[i].last.topic = groups[i].topic;
    }
    copy.groups = groups;
    copy.topics = topics;
    return copy;
}

/* Counts again when it is worth it. Under the lock. */
static riacho_status bring_up(riacho_letters_memo *memo, riacho_log *log,
                              const riacho_topic_types *types, int64_t now_ns, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    uint64_t mark;
    if (memo->arena && now_ns - memo->at_ns < RIACHO_LETTERS_MEMO_NS)
        return RIACHO_OK;
    RIACHO_TRY(mark_of(log, types, arena, &mark, err));
    if (memo->arena && mark == memo->mark)
        return RIACHO_OK;
    riacho_arena_reset(arena);
    riacho_dead_letters letters;
    RIACHO_TRY(riacho_dead_letters_read(log, types, arena, &letters, err));
    riacho_arena_free(memo->arena);
    memo->arena = RIACHO_TAKE(arena);
    memo->letters = letters;
    memo->mark = mark;
    memo->at_ns = now_ns;
    return RIACHO_OK;
}

riacho_status riacho_letters_memo_read(riacho_letters_memo *memo, riacho_log *log,
                                       const riacho_topic_types *types, int64_t now_ns,
                                       riacho_arena *arena, riacho_dead_letters *ret_letters,
                                       riacho_error *err)
{
    pthread_mutex_lock(&memo->lock);
    const riacho_status status = bring_up(memo, log, types, now_ns, err);
    if (status == RIACHO_OK)
        *ret_letters = copy_letters(&memo->letters, arena);
    pthread_mutex_unlock(&memo->lock);
    return status;
}
