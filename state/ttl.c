/* SPDX-License-Identifier: MIT
 *
 * ttl.c - see ttl.h.
 *
 * Invariant: the key of each 'v' stands in a page of the span of its expiry; no page has a span
 * below 'w'.
 */
#include "ttl.h"

#include <assert.h>

#include "base/macros.h"
#include "order.h"
#include "overlay.h"

enum {
    VALUE_TAG = 'v',
    PAGE_TAG = 'x',
    MARK_TAG = 'w',
    EXPIRY_BYTES = 8,
    NUMBER_BYTES = 4,
    PAGE_KEY_BYTES = 1 + EXPIRY_BYTES + NUMBER_BYTES,
    PAGE_BYTES = 1024, /* a page that reaches this is not appended to */
    SPAN_SHIFT = 14,
};

_Static_assert(RIACHO_TTL_SPAN_MS == 1 << SPAN_SHIFT, "a span is that many milliseconds");

static uint64_t span_of(uint64_t expiry)
{
    return expiry >> SPAN_SHIFT;
}

/* The first span that is not over. */
static uint64_t open_span(int64_t stream_time_ms)
{
    const uint64_t now = riacho_order_of_i64(stream_time_ms);
    return now == UINT64_MAX ? span_of(now) + 1 : span_of(now + 1);
}

static void put_number(uint8_t *at, uint32_t number)
{
    const uint32_t big = __builtin_bswap32(number);
    memcpy(at, &big, sizeof big);
}

static uint32_t get_number(const uint8_t *at)
{
    uint32_t big;
    memcpy(&big, at, sizeof big);
    return __builtin_bswap32(big);
}

static riacho_bytes value_key(const riacho_state *state, riacho_bytes key)
{
    uint8_t *at = riacho_alloc(state->arena, 1 + key.size);
    at[0] = VALUE_TAG;
    if (key.size)
        memcpy(at + 1, key.data, key.size);
    return (riacho_bytes){at, 1 + key.size};
}

static riacho_bytes page_key(const riacho_state *state, uint64_t span, uint32_t number)
{
    uint8_t *at = riacho_alloc(state->arena, PAGE_KEY_BYTES);
    at[0] = PAGE_TAG;
    riacho_order_put_u64(at + 1, span);
    put_number(at + 1 + EXPIRY_BYTES, number);
    return (riacho_bytes){at, PAGE_KEY_BYTES};
}

static const riacho_bytes mark_key = {(const uint8_t[]){MARK_TAG}, 1};

static riacho_status damaged(size_t size, riacho_error *err)
{
    return riacho_fail(err, RIACHO_FATAL, "a ttl store holds %zu bytes that it did not write",
                       size);
}

/* The entry as stored, expired or not; value.data NULL when there is none. */
static riacho_status read_entry(const riacho_state *state, riacho_bytes key, uint64_t *ret_expiry,
                                riacho_bytes *ret_value, riacho_error *err)
{
    riacho_bytes stored;
    RIACHO_TRY(riacho_state_get(state, value_key(state, key), &stored, err));
    *ret_value = (riacho_bytes){0};
    if (!stored.data)
        return RIACHO_OK;
    if (stored.size < EXPIRY_BYTES)
        return damaged(stored.size, err);
    *ret_expiry = riacho_order_get_u64(stored.data);
    *ret_value =
        (riacho_bytes){(const uint8_t *)stored.data + EXPIRY_BYTES, stored.size - EXPIRY_BYTES};
    return RIACHO_OK;
}

static riacho_status read_mark(const riacho_state *state, uint64_t *ret_mark, riacho_error *err)
{
    riacho_bytes stored;
    RIACHO_TRY(riacho_state_get(state, mark_key, &stored, err));
    if (stored.data && stored.size != EXPIRY_BYTES)
        return damaged(stored.size, err);
    *ret_mark = stored.data ? riacho_order_get_u64(stored.data) : 0;
    return RIACHO_OK;
}

static void write_mark(const riacho_state *state, uint64_t mark)
{
    riacho_order_put_u64(
        riacho_overlay_reserve(state->overlay, state->space, mark_key, EXPIRY_BYTES), mark);
}

/* Most ids are put once and never met again. */
static void stay_out_of_cache(const riacho_state *state)
{
    if (state->overlay)
        riacho_overlay_pass_cache(state->overlay, state->space);
}

riacho_status riacho_state_ttl_get(const riacho_state *state, riacho_bytes key,
                                   int64_t stream_time_ms, riacho_bytes *ret_value,
                                   riacho_error *err)
{
    uint64_t expiry = 0;
    stay_out_of_cache(state);
    RIACHO_TRY(read_entry(state, key, &expiry, ret_value, err));
    if (expiry <= riacho_order_of_i64(stream_time_ms))
        *ret_value = (riacho_bytes){0};
    return RIACHO_OK;
}

/* Before the first page of a span: the mark goes back to it when it was beyond. */
static riacho_status lower_mark(const riacho_state *state, uint64_t span, riacho_error *err)
{
    uint64_t mark;
    RIACHO_TRY(read_mark(state, &mark, err));
    if (span < mark)
        write_mark(state, span);
    return RIACHO_OK;
}

/* Appends the key to the open page of a span; a page that is full makes way for an empty one. */
static riacho_status note(const riacho_state *state, uint64_t span, riacho_bytes key,
                          riacho_error *err)
{
    static const uint8_t none[NUMBER_BYTES] = {0};
    const riacho_bytes open_key = page_key(state, span, 0);
    riacho_bytes open;
    uint32_t others;
    RIACHO_TRY(riacho_state_peek(state, open_key, &open, err));
    if (!open.data) {
        RIACHO_TRY(lower_mark(state, span, err));
        open = (riacho_bytes){none, sizeof none};
    }
    if (open.size < NUMBER_BYTES)
        return damaged(open.size, err);
    others = get_number(open.data);
    if (open.size >= PAGE_BYTES) {
        const riacho_bytes full = riacho_copy(state->arena, open);
        riacho_overlay_put(state->overlay, state->space, page_key(state, span, ++others), full);
        open = (riacho_bytes){none, sizeof none};
    }
    const size_t size = open.size + NUMBER_BYTES + key.size;
    uint8_t *at = riacho_overlay_reserve(state->overlay, state->space, open_key, size);
    memmove(at, open.data, open.size); /* it may be the very same buffer */
    put_number(at, others);
    put_number(at + open.size, (uint32_t)key.size);
    if (key.size)
        memcpy(at + open.size + NUMBER_BYTES, key.data, key.size);
    return RIACHO_OK;
}

/* Over what is there: `old`, absent when nothing is. */
static riacho_status put_over(const riacho_state *state, const riacho_state_ttl_entry *entry,
                              riacho_bytes old, uint64_t old_expiry, riacho_error *err)
{
    const uint64_t expiry = riacho_order_of_i64(entry->expires_ms);
    const uint64_t span = span_of(expiry);
    assert(state->overlay && entry->value.data);
    if (!old.data || span_of(old_expiry) != span)
        RIACHO_TRY(note(state, span, entry->key, err));
    uint8_t *at = riacho_overlay_reserve(state->overlay, state->space, value_key(state, entry->key),
                                         EXPIRY_BYTES + entry->value.size);
    riacho_order_put_u64(at, expiry);
    memcpy(at + EXPIRY_BYTES, entry->value.data, entry->value.size);
    return RIACHO_OK;
}

riacho_status riacho_state_ttl_put(const riacho_state *state, const riacho_state_ttl_entry *entry,
                                   riacho_error *err)
{
    uint64_t old_expiry = 0;
    riacho_bytes old;
    stay_out_of_cache(state);
    RIACHO_TRY(read_entry(state, entry->key, &old_expiry, &old, err));
    return put_over(state, entry, old, old_expiry, err);
}

riacho_status riacho_state_ttl_put_if_absent(const riacho_state *state,
                                             const riacho_state_ttl_entry *entry,
                                             int64_t stream_time_ms, riacho_bytes *ret_existing,
                                             riacho_error *err)
{
    uint64_t old_expiry = 0;
    riacho_bytes old;
    stay_out_of_cache(state);
    RIACHO_TRY(read_entry(state, entry->key, &old_expiry, &old, err));
    *ret_existing = (riacho_bytes){0};
    if (old.data && old_expiry > riacho_order_of_i64(stream_time_ms)) {
        *ret_existing = old;
        return RIACHO_OK;
    }
    return put_over(state, entry, old, old_expiry, err);
}

riacho_status riacho_state_ttl_delete(const riacho_state *state, riacho_bytes key,
                                      riacho_error *err)
{
    uint64_t expiry;
    riacho_bytes value;
    assert(state->overlay);
    RIACHO_TRY(read_entry(state, key, &expiry, &value, err));
    if (value.data)
        riacho_overlay_delete(state->overlay, state->space, value_key(state, key));
    return RIACHO_OK;
}

/* ---- dropping ---- */

/* Deletes the entries of a page whose span is over, unless they were put again for longer. */
static riacho_status drop_page(const riacho_state *state, riacho_bytes page, uint64_t end,
                               size_t *count, riacho_error *err)
{
    const uint8_t *bytes = page.data;
    size_t at = NUMBER_BYTES;
    while (at < page.size) {
        uint64_t expiry;
        riacho_bytes value;
        if (page.size - at < NUMBER_BYTES || page.size - at - NUMBER_BYTES < get_number(bytes + at))
            return damaged(page.size, err);
        const riacho_bytes key = {bytes + at + NUMBER_BYTES, get_number(bytes + at)};
        RIACHO_TRY(read_entry(state, key, &expiry, &value, err));
        if (value.data && span_of(expiry) < end)
            riacho_overlay_delete(state->overlay, state->space, value_key(state, key));
        at += NUMBER_BYTES + key.size;
        ++*count;
    }
    return RIACHO_OK;
}

static riacho_status drop_pages(const riacho_state *state, uint64_t *mark, uint64_t end,
                                size_t limit, size_t *ret_count, riacho_error *err)
{
    const riacho_range range = {page_key(state, *mark, 0), page_key(state, end, 0), 0};
    RIACHO_AUTO(scan) riacho_view_scan *scan = NULL;
    RIACHO_TRY(riacho_state_scan(state, &range, &scan, err));
    for (*ret_count = 0; *ret_count < limit;) {
        riacho_bytes key, page;
        RIACHO_TRY(riacho_scan_next(scan, &key, &page, err));
        if (!key.data) {
            *mark = end;
            return RIACHO_OK;
        }
        if (key.size != PAGE_KEY_BYTES)
            return damaged(key.size, err);
        *mark = riacho_order_get_u64((const uint8_t *)key.data + 1);
        key = riacho_copy(state->arena, key);
        RIACHO_TRY(drop_page(state, riacho_copy(state->arena, page), end, ret_count, err));
        riacho_overlay_delete(state->overlay, state->space, key);
    }
    return RIACHO_OK;
}

riacho_status riacho_state_ttl_expire(const riacho_state *state, int64_t stream_time_ms,
                                      size_t limit, size_t *ret_count, riacho_error *err)
{
    assert(state->overlay);
    const uint64_t end = open_span(stream_time_ms);
    uint64_t mark;
    size_t count = 0;
    RIACHO_TRY(read_mark(state, &mark, err));
    if (mark < end) {
        const uint64_t before = mark;
        RIACHO_TRY(drop_pages(state, &mark, end, limit, &count, err));
        if (count && mark != before)
            write_mark(state, mark);
    }
    if (ret_count)
        *ret_count = count;
    return RIACHO_OK;
}
