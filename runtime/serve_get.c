/* SPDX-License-Identifier: MIT
 *
 * serve_get.c - one value of a keyValue or ttl store, and keys in order (serve_read.h).
 */
#include "serve_read.h"
#include "state/keyvalue.h"
#include "state/order.h"

static riacho_status read_value(const riacho_question *question, const riacho_shard *shard,
                                riacho_bytes *ret_value, riacho_error *err)
{
    if (shard->where != RIACHO_SHARD_HERE) {
        *ret_value =
            shard->share.values ? shard->share.values[question->key_index] : (riacho_bytes){0};
        return RIACHO_OK;
    }
    const riacho_share_source source = {.state = shard->state,
                                        .kind = question->store->kind,
                                        .stream_time_ms = shard->seen->stream_time_ms};
    return riacho_share_value(&source, question->key_bytes, ret_value, err);
}

riacho_status riacho_answer_get(riacho_question *question, riacho_answer *answer, riacho_error *err)
{
    const riacho_wanted wanted = {
        .kind = RIACHO_READ_GET, .keys = &question->key_bytes, .key_count = 1};
    if (!question->is_gathered)
        RIACHO_TRY(riacho_question_gather(question, &wanted, err));
    for (size_t i = 0; i < question->shard_count; i++) {
        riacho_bytes value;
        RIACHO_TRY(read_value(question, &question->shards[i], &value, err));
        if (!value.data)
            continue;
        answer->found = true;
        return riacho_answer_value(question, question->key_bytes, value, &answer->json, err);
    }
    return RIACHO_OK;
}

/* The head of one shard's pairs: of a scan here, or of what another worker sent. */
struct lane {
    riacho_view_scan *scan;
    const riacho_share *share;
    size_t at;
    riacho_bytes key; /* data NULL: at its end */
    riacho_bytes value;
};

struct lanes {
    struct lane *items;
    size_t count;
};

static void riacho_auto_lanes(struct lanes *lanes)
{
    for (size_t i = 0; i < lanes->count; i++)
        riacho_scan_close(lanes->items[i].scan);
}

static riacho_status next_pair(struct lane *lane, riacho_error *err)
{
    riacho_stamped value;
    if (lane->scan) {
        RIACHO_TRY(riacho_state_keyvalue_next(lane->scan, &lane->key, &value, err));
        lane->value = value.value;
        return RIACHO_OK;
    }
    const bool more = lane->at < lane->share->pair_count;
    lane->key = more ? lane->share->pairs[lane->at].key : (riacho_bytes){0};
    lane->value = more ? lane->share->pairs[lane->at++].value : (riacho_bytes){0};
    return RIACHO_OK;
}

/* Keys in [from, to) that begin with the prefix and lie behind the cursor. */
static riacho_range range_of(const riacho_question *question)
{
    riacho_arena *arena = question->arena;
    riacho_range range = {.direction = question->direction};
    if (question->prefix.data)
        range = riacho_order_prefix(question->prefix, arena, question->direction);
    if (question->from.data &&
        (!range.from.data || riacho_bytes_compare(question->from, range.from) > 0))
        range.from = question->from;
    if (question->to.data && (!range.to.data || riacho_bytes_compare(question->to, range.to) < 0))
        range.to = question->to;
    if (!question->cursor.data)
        return range;
    const riacho_bytes behind = riacho_order_after(question->cursor, arena);
    if (question->direction == RIACHO_FORWARD &&
        (!range.from.data || riacho_bytes_compare(behind, range.from) > 0))
        range.from = behind;
    if (question->direction == RIACHO_BACKWARD &&
        (!range.to.data || riacho_bytes_compare(question->cursor, range.to) < 0))
        range.to = question->cursor;
    return range;
}

static riacho_status open_lanes(const riacho_question *question, const riacho_range *range,
                                struct lanes *lanes, riacho_error *err)
{
    lanes->items =
        riacho_alloc_zero(question->arena, question->shard_count + 1, sizeof *lanes->items);
    for (size_t i = 0; i < question->shard_count; i++) {
        struct lane *lane = &lanes->items[i];
        const riacho_shard *shard = &question->shards[i];
        lane->share = &shard->share;
        if (shard->where == RIACHO_SHARD_HERE)
            RIACHO_TRY(riacho_state_scan(&shard->state, range, &lane->scan, err));
        lanes->count++;
        RIACHO_TRY(next_pair(lane, err));
    }
    return RIACHO_OK;
}

/* The lane whose head comes first; NULL when all are at their ends. */
static struct lane *first_lane(const struct lanes *lanes, riacho_direction direction)
{
    struct lane *first = NULL;
    for (size_t i = 0; i < lanes->count; i++) {
        struct lane *lane = &lanes->items[i];
        if (!lane->key.data)
            continue;
        const int order = first ? riacho_bytes_compare(lane->key, first->key) : -1;
        if (!first || (direction == RIACHO_FORWARD ? order < 0 : order > 0))
            first = lane;
    }
    return first;
}

static riacho_status write_pair(const riacho_question *question, const struct lane *lane,
                                riacho_buffer *out, riacho_error *err)
{
    riacho_buffer_printf(out, "%s{\"key\":", out->data[out->size - 1] == '[' ? "" : ",");
    RIACHO_TRY(riacho_answer_part(&question->store->key, lane->key, question->arena, out, err));
    riacho_buffer_printf(out, ",\"value\":");
    RIACHO_TRY(riacho_answer_value(question, lane->key, lane->value, out, err));
    riacho_buffer_printf(out, "}");
    return RIACHO_OK;
}

static riacho_status merge_lanes(const riacho_question *question, const struct lanes *lanes,
                                 riacho_answer *answer, riacho_error *err)
{
    riacho_bytes last = {0};
    uint32_t count = 0;
    riacho_buffer_printf(&answer->json, "{\"items\":[");
    for (struct lane *lane; (lane = first_lane(lanes, question->direction)); count++) {
        if (count == question->limit) {
            answer->next = riacho_cursor_write(question, 'R', last);
            break;
        }
        RIACHO_TRY(write_pair(question, lane, &answer->json, err));
        last = riacho_copy(question->arena, lane->key);
        RIACHO_TRY(next_pair(lane, err));
    }
    riacho_answer_end_page(question, answer);
    return RIACHO_OK;
}

riacho_status riacho_answer_range(riacho_question *question, riacho_answer *answer,
                                  riacho_error *err)
{
    RIACHO_AUTO(lanes) struct lanes lanes = {0};
    riacho_cursor cursor = {.position_count = 0};
    if (question->cursor.data) {
        RIACHO_TRY(riacho_cursor_read(question, 'R', &cursor, err));
        question->cursor = cursor.rest;
    }
    const riacho_wanted wanted = {
        .kind = RIACHO_READ_RANGE, .range = range_of(question), .limit = question->limit + 1u};
    const riacho_range *range = &wanted.range;
    if (range->from.data && range->to.data && riacho_bytes_compare(range->from, range->to) >= 0) {
        riacho_buffer_printf(&answer->json, "{\"items\":[");
        riacho_answer_end_page(question, answer);
        return RIACHO_OK;
    }
    RIACHO_TRY(riacho_question_gather(question, &wanted, err));
    if (cursor.rest.data)
        RIACHO_TRY(riacho_cursor_check(question, &cursor, err));
    RIACHO_TRY(open_lanes(question, range, &lanes, err));
    return merge_lanes(question, &lanes, answer, err);
}
