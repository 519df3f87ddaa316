/* SPDX-License-Identifier: MIT
 *
 * serve_ranking.c - tops and ranks (serve_read.h) of a ranking whose members are spread over
 * tasks. The order is the ranking's own, by score, highest first, then by member bytes, so the
 * shards' orders merge into one: a rank is one more than the sum of those who are better in each
 * shard. A member that several shards have counts once a shard; a topology that wants one score a
 * member keys the ranking's input by member.
 */
#include <string.h>

#include "serve_read.h"
#include "state/order.h"
#include "state/ranking.h"

typedef riacho_state_ranking_entry entry;
typedef riacho_state_ranking_page page;

static riacho_state_ranking ranking_of(const riacho_question *question, size_t shard)
{
    return (riacho_state_ranking){.state = question->shards[shard].state,
                                  .key = question->key_bytes};
}

/* Better first. */
static int compare(const entry *a, const entry *b)
{
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return riacho_bytes_compare(a->member, b->member);
}

/* A cursor is the last entry of the page before: its score, then its member. */
static riacho_bytes write_cursor(const riacho_question *question, const entry *last)
{
    uint8_t *rest = riacho_alloc(question->arena, 8 + last->member.size);
    riacho_order_put_u64(rest, riacho_order_of_i64(last->score));
    memcpy(rest + 8, last->member.data, last->member.size);
    return riacho_cursor_write(question, 'T', (riacho_bytes){rest, 8 + last->member.size});
}

static riacho_status read_cursor(const riacho_question *question, entry *ret_after,
                                 riacho_error *err)
{
    riacho_bytes rest;
    RIACHO_TRY(riacho_cursor_read(question, 'T', &rest, err));
    if (rest.size < 8)
        return riacho_fail(err, RIACHO_REJECT, "the cursor is not one that this query gave");
    *ret_after = (entry){{(const uint8_t *)rest.data + 8, rest.size - 8},
                         riacho_order_to_i64(riacho_order_get_u64(rest.data))};
    return RIACHO_OK;
}

/* Pages of the shards, merged in order: each is read from its `at`. */
struct merge {
    page *pages;
    size_t *at;
    size_t count;
};

static struct merge make_merge(const riacho_question *question)
{
    return (struct merge){
        .pages = riacho_alloc_zero(question->arena, question->shard_count + 1, sizeof(page)),
        .at = riacho_alloc_zero(question->arena, question->shard_count + 1, sizeof(size_t)),
        .count = question->shard_count,
    };
}

/* The best entry that was not taken yet; NULL at the end. */
static const entry *take_best(struct merge *merge)
{
    size_t best = merge->count;
    for (size_t i = 0; i < merge->count; i++) {
        if (merge->at[i] == merge->pages[i].count)
            continue;
        if (best == merge->count || compare(&merge->pages[i].items[merge->at[i]],
                                            &merge->pages[best].items[merge->at[best]]) < 0)
            best = i;
    }
    return best < merge->count ? &merge->pages[best].items[merge->at[best]++] : NULL;
}

/* The worst entry that was not taken yet, from the ends of the pages; NULL at the end. */
static const entry *take_worst(struct merge *merge)
{
    size_t worst = merge->count;
    for (size_t i = 0; i < merge->count; i++) {
        const size_t left = merge->pages[i].count - merge->at[i];
        if (left == 0)
            continue;
        if (worst == merge->count ||
            compare(&merge->pages[i].items[left - 1],
                    &merge->pages[worst].items[merge->pages[worst].count - merge->at[worst] - 1]) >
                0)
            worst = i;
    }
    if (worst == merge->count)
        return NULL;
    merge->at[worst]++;
    return &merge->pages[worst].items[merge->pages[worst].count - merge->at[worst]];
}

static riacho_status write_entry(const riacho_question *question, const entry *one, uint64_t rank,
                                 riacho_buffer *out, riacho_error *err)
{
    riacho_buffer_printf(out,
                         "%s{\"rank\":%llu,\"member\":", out->data[out->size - 1] == '[' ? "" : ",",
                         (unsigned long long)rank);
    RIACHO_TRY(riacho_answer_part(&question->store->value, one->member, question->arena, out, err));
    riacho_buffer_printf(out, ",\"score\":%lld}", (long long)one->score);
    return RIACHO_OK;
}

riacho_status riacho_answer_top(riacho_question *question, riacho_answer *answer, riacho_error *err)
{
    struct merge merge = make_merge(question);
    entry after;
    uint64_t rank = 1;
    const entry *last = NULL;
    if (question->cursor.data)
        RIACHO_TRY(read_cursor(question, &after, err));
    for (size_t i = 0; i < merge.count; i++) {
        const riacho_state_ranking ranking = ranking_of(question, i);
        RIACHO_TRY(riacho_state_ranking_top(&ranking, question->cursor.data ? &after : NULL,
                                            question->limit + 1u, &merge.pages[i], err));
        rank += merge.pages[i].first_rank - 1;
    }
    riacho_buffer_printf(&answer->json, "{\"items\":[");
    for (uint32_t count = 0; count < question->limit; count++) {
        const entry *one = take_best(&merge);
        if (!one)
            break;
        RIACHO_TRY(write_entry(question, one, rank++, &answer->json, err));
        last = one;
    }
    if (last && take_best(&merge))
        answer->next = write_cursor(question, last);
    riacho_answer_end_page(answer);
    return RIACHO_OK;
}

/* The member's entry, from the first shard that has it. */
static riacho_status find_member(const riacho_question *question, entry *ret_entry, bool *ret_found,
                                 riacho_error *err)
{
    *ret_found = false;
    ret_entry->member = question->member;
    for (size_t i = 0; i < question->shard_count && !*ret_found; i++) {
        const riacho_state_ranking ranking = ranking_of(question, i);
        RIACHO_TRY(riacho_state_ranking_score(&ranking, question->member, ret_found,
                                              &ret_entry->score, err));
    }
    return RIACHO_OK;
}

/* Up to `around` entries just better than the member, best first. ret_rank is the member's. */
static riacho_status write_better(const riacho_question *question, const entry *member,
                                  uint64_t *ret_rank, riacho_buffer *out, riacho_error *err)
{
    struct merge merge = make_merge(question);
    const entry **taken =
        riacho_alloc_zero(question->arena, question->around + 1u, sizeof(const entry *));
    uint32_t count = 0;
    *ret_rank = 1;
    for (size_t i = 0; i < merge.count; i++) {
        const riacho_state_ranking ranking = ranking_of(question, i);
        RIACHO_TRY(
            riacho_state_ranking_better(&ranking, member, question->around, &merge.pages[i], err));
        *ret_rank += merge.pages[i].first_rank - 1 + merge.pages[i].count;
    }
    while (count < question->around && (taken[count] = take_worst(&merge)))
        count++;
    for (uint32_t i = count; i > 0; i--)
        RIACHO_TRY(write_entry(question, taken[i - 1], *ret_rank - i, out, err));
    return RIACHO_OK;
}

static riacho_status write_worse(const riacho_question *question, const entry *member,
                                 uint64_t rank, riacho_buffer *out, riacho_error *err)
{
    struct merge merge = make_merge(question);
    for (size_t i = 0; i < merge.count; i++) {
        const riacho_state_ranking ranking = ranking_of(question, i);
        RIACHO_TRY(
            riacho_state_ranking_top(&ranking, member, question->around, &merge.pages[i], err));
    }
    for (uint32_t i = 0; i < question->around; i++) {
        const entry *one = take_best(&merge);
        if (!one)
            break;
        RIACHO_TRY(write_entry(question, one, ++rank, out, err));
    }
    return RIACHO_OK;
}

riacho_status riacho_answer_rank(riacho_question *question, riacho_answer *answer,
                                 riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer around = {0};
    entry member;
    uint64_t rank;
    uint64_t total = 0;
    RIACHO_TRY(find_member(question, &member, &answer->found, err));
    if (!answer->found)
        return RIACHO_OK;
    for (size_t i = 0; i < question->shard_count; i++) {
        uint64_t size;
        const riacho_state_ranking ranking = ranking_of(question, i);
        RIACHO_TRY(riacho_state_ranking_size(&ranking, &size, err));
        total += size;
    }
    riacho_buffer_printf(&around, "[");
    RIACHO_TRY(write_better(question, &member, &rank, &around, err));
    RIACHO_TRY(write_entry(question, &member, rank, &around, err));
    RIACHO_TRY(write_worse(question, &member, rank, &around, err));
    riacho_buffer_printf(&answer->json,
                         "{\"rank\":%llu,\"score\":%lld,\"of\":%llu,\"around\":%.*s]}",
                         (unsigned long long)rank, (long long)member.score,
                         (unsigned long long)total, (int)around.size, (const char *)around.data);
    return RIACHO_OK;
}
