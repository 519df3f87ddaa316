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

enum { RANK_ATTEMPTS = 3 };

typedef riacho_state_ranking_entry entry;
typedef riacho_state_ranking_page page;

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

static riacho_status read_cursor(const riacho_question *question, riacho_cursor *ret_cursor,
                                 entry *ret_after, riacho_error *err)
{
    RIACHO_TRY(riacho_cursor_read(question, 'T', ret_cursor, err));
    const riacho_bytes rest = ret_cursor->rest;
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

static riacho_status read_tops(riacho_question *question, const entry *after, struct merge *merge,
                               uint64_t *ret_rank, riacho_error *err)
{
    const riacho_wanted wanted = {.kind = RIACHO_READ_TOP,
                                  .keys = &question->key_bytes,
                                  .key_count = 1,
                                  .limit = question->limit + 1u,
                                  .entry = after};
    RIACHO_TRY(riacho_question_gather(question, &wanted, err));
    *ret_rank = 1;
    for (size_t i = 0; i < merge->count; i++) {
        riacho_share share;
        RIACHO_TRY(riacho_question_share(question, i, &wanted, &share, err));
        merge->pages[i] = share.page;
        *ret_rank += share.page.first_rank ? share.page.first_rank - 1 : 0; /* 0: it is missing */
    }
    return RIACHO_OK;
}

riacho_status riacho_answer_top(riacho_question *question, riacho_answer *answer, riacho_error *err)
{
    struct merge merge = make_merge(question);
    const bool goes_on = question->cursor.data != NULL;
    riacho_cursor cursor;
    entry after;
    uint64_t rank;
    const entry *last = NULL;
    if (goes_on)
        RIACHO_TRY(read_cursor(question, &cursor, &after, err));
    RIACHO_TRY(read_tops(question, goes_on ? &after : NULL, &merge, &rank, err));
    if (goes_on)
        RIACHO_TRY(riacho_cursor_check(question, &cursor, err));
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
    riacho_answer_end_page(question, answer);
    return RIACHO_OK;
}

/* A rank: the member, and what every shard says about its place. */
struct standing {
    entry member;
    uint64_t rank;
    uint64_t total;
    struct merge better;
    struct merge worse;
};

/* The member's score, from the first shard that has it. */
static riacho_status find_member(const riacho_question *question, const riacho_wanted *wanted,
                                 int64_t *ret_score, bool *ret_found, riacho_error *err)
{
    *ret_found = false;
    for (size_t i = 0; i < question->shard_count && !*ret_found; i++) {
        riacho_share share;
        RIACHO_TRY(riacho_question_share(question, i, wanted, &share, err));
        *ret_found = share.has_score;
        *ret_score = share.score;
    }
    return RIACHO_OK;
}

/* ret_moved: between the two questions another worker has committed another score. */
static riacho_status read_place(const riacho_question *question, const riacho_wanted *wanted,
                                struct standing *standing, bool *ret_moved, riacho_error *err)
{
    int64_t score = 0;
    bool found = false;
    standing->rank = 1;
    standing->total = 0;
    standing->better = make_merge(question);
    standing->worse = make_merge(question);
    for (size_t i = 0; i < question->shard_count; i++) {
        riacho_share share;
        RIACHO_TRY(riacho_question_share(question, i, wanted, &share, err));
        if (share.has_score && !found)
            score = share.score;
        found |= share.has_score;
        standing->total += share.size;
        standing->rank += share.better.count;
        standing->rank += share.better.first_rank ? share.better.first_rank - 1 : 0;
        standing->better.pages[i] = share.better;
        standing->worse.pages[i] = share.page;
    }
    *ret_moved = !found || score != standing->member.score;
    return RIACHO_OK;
}

/* Shards that are here are read from one commit throughout; of the others the second question is
 * the one that counts, and it must find the member where the first one did. */
static riacho_status find_place(riacho_question *question, struct standing *standing,
                                bool *ret_found, riacho_error *err)
{
    bool moved = true;
    riacho_wanted wanted = {.kind = RIACHO_READ_RANK,
                            .keys = &question->key_bytes,
                            .key_count = 1,
                            .around = question->around,
                            .member = question->member};
    standing->member.member = question->member;
    for (int attempt = 0; attempt < RANK_ATTEMPTS && moved; attempt++) {
        wanted.entry = NULL;
        RIACHO_TRY(riacho_question_gather(question, &wanted, err));
        RIACHO_TRY(find_member(question, &wanted, &standing->member.score, ret_found, err));
        if (!*ret_found)
            return RIACHO_OK;
        wanted.entry = &standing->member;
        RIACHO_TRY(riacho_question_gather(question, &wanted, err));
        RIACHO_TRY(read_place(question, &wanted, standing, &moved, err));
    }
    if (moved)
        return riacho_fail(err, RIACHO_RETRY, "the member's score changes faster than it is read");
    return RIACHO_OK;
}

/* Up to `around` entries just better than the member, best first. */
static riacho_status write_better(const riacho_question *question, struct standing *standing,
                                  riacho_buffer *out, riacho_error *err)
{
    const entry **taken =
        riacho_alloc_zero(question->arena, question->around + 1u, sizeof(const entry *));
    uint32_t count = 0;
    while (count < question->around && (taken[count] = take_worst(&standing->better)))
        count++;
    for (uint32_t i = count; i > 0; i--)
        RIACHO_TRY(write_entry(question, taken[i - 1], standing->rank - i, out, err));
    return RIACHO_OK;
}

static riacho_status write_worse(const riacho_question *question, struct standing *standing,
                                 riacho_buffer *out, riacho_error *err)
{
    for (uint32_t i = 1; i <= question->around; i++) {
        const entry *one = take_best(&standing->worse);
        if (!one)
            break;
        RIACHO_TRY(write_entry(question, one, standing->rank + i, out, err));
    }
    return RIACHO_OK;
}

riacho_status riacho_answer_rank(riacho_question *question, riacho_answer *answer,
                                 riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer around = {0};
    struct standing standing = {.total = 0};
    RIACHO_TRY(find_place(question, &standing, &answer->found, err));
    if (!answer->found)
        return RIACHO_OK;
    riacho_buffer_printf(&around, "[");
    RIACHO_TRY(write_better(question, &standing, &around, err));
    RIACHO_TRY(write_entry(question, &standing.member, standing.rank, &around, err));
    RIACHO_TRY(write_worse(question, &standing, &around, err));
    riacho_buffer_printf(
        &answer->json, "{\"rank\":%llu,\"score\":%lld,\"of\":%llu,\"around\":%.*s]}",
        (unsigned long long)standing.rank, (long long)standing.member.score,
        (unsigned long long)standing.total, (int)around.size, (const char *)around.data);
    return RIACHO_OK;
}
