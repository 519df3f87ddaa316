/* SPDX-License-Identifier: MIT
 *
 * serve_list.c - a list, newest first (serve_read.h). Where several tasks append to one list, each
 * has a part with sequences of its own; the parts are merged by sequence, then by task, which is an
 * order that stays as the list grows.
 */
#include "serve_read.h"
#include "state/order.h"

enum { CURSOR_BYTES = 16 };

static riacho_bytes write_cursor(const riacho_question *question, const riacho_list_place *last)
{
    uint8_t rest[CURSOR_BYTES];
    riacho_order_put_u64(rest, last->sequence);
    riacho_order_put_u64(rest + 8, last->partition);
    return riacho_cursor_write(question, 'L', (riacho_bytes){rest, sizeof rest});
}

static riacho_status read_cursor(const riacho_question *question, riacho_cursor *ret_cursor,
                                 riacho_list_place *ret_place, riacho_error *err)
{
    RIACHO_TRY(riacho_cursor_read(question, 'L', ret_cursor, err));
    const riacho_bytes rest = ret_cursor->rest;
    if (rest.size != CURSOR_BYTES)
        return riacho_fail(err, RIACHO_REJECT, "the cursor is not one that this query gave");
    ret_place->sequence = riacho_order_get_u64(rest.data);
    ret_place->partition = riacho_order_get_u64((const uint8_t *)rest.data + 8);
    if (ret_place->sequence == 0 || ret_place->sequence == UINT64_MAX)
        return riacho_fail(err, RIACHO_REJECT, "the cursor is not one that this query gave");
    return RIACHO_OK;
}

static riacho_status read_pages(riacho_question *question, const riacho_list_place *after,
                                riacho_state_list_page *pages, riacho_error *err)
{
    const riacho_wanted wanted = {.kind = RIACHO_READ_LIST,
                                  .keys = &question->key_bytes,
                                  .key_count = 1,
                                  .limit = question->limit + 1u,
                                  .after = after};
    RIACHO_TRY(riacho_question_gather(question, &wanted, err));
    for (size_t i = 0; i < question->shard_count; i++) {
        riacho_share share;
        RIACHO_TRY(riacho_question_share(question, i, &wanted, &share, err));
        pages[i] = share.list;
    }
    return RIACHO_OK;
}

/* The shard whose next entry is the newest; shard_count when all are at their ends. */
static size_t newest(const riacho_question *question, const riacho_state_list_page *pages,
                     const size_t *at)
{
    size_t best = question->shard_count;
    for (size_t i = 0; i < question->shard_count; i++)
        if (at[i] < pages[i].count &&
            (best == question->shard_count ||
             pages[i].items[at[i]].sequence > pages[best].items[at[best]].sequence))
            best = i;
    return best;
}

static riacho_status write_entry(const riacho_question *question,
                                 const riacho_state_list_entry *entry, riacho_buffer *out,
                                 riacho_error *err)
{
    riacho_buffer_printf(
        out, "%s{\"sequence\":%llu,\"value\":", out->data[out->size - 1] == '[' ? "" : ",",
        (unsigned long long)entry->sequence);
    RIACHO_TRY(riacho_answer_value(question, question->key_bytes, entry->value, out, err));
    riacho_buffer_printf(out, "}");
    return RIACHO_OK;
}

riacho_status riacho_answer_list(riacho_question *question, riacho_answer *answer,
                                 riacho_error *err)
{
    riacho_list_place last = {0};
    riacho_cursor cursor;
    riacho_state_list_page *pages =
        riacho_alloc_zero(question->arena, question->shard_count + 1, sizeof *pages);
    size_t *at = riacho_alloc_zero(question->arena, question->shard_count + 1, sizeof *at);
    if (question->cursor.data)
        RIACHO_TRY(read_cursor(question, &cursor, &last, err));
    RIACHO_TRY(read_pages(question, question->cursor.data ? &last : NULL, pages, err));
    if (question->cursor.data)
        RIACHO_TRY(riacho_cursor_check(question, &cursor, err));
    riacho_buffer_printf(&answer->json, "{\"items\":[");
    for (uint32_t count = 0;; count++) {
        const size_t shard = newest(question, pages, at);
        if (shard == question->shard_count)
            break;
        if (count == question->limit) {
            answer->next = write_cursor(question, &last);
            break;
        }
        const riacho_state_list_entry *entry = &pages[shard].items[at[shard]++];
        RIACHO_TRY(write_entry(question, entry, &answer->json, err));
        last =
            (riacho_list_place){entry->sequence, (uint64_t)question->shards[shard].task->partition};
    }
    riacho_answer_end_page(question, answer);
    return RIACHO_OK;
}
