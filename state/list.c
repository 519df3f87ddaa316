/* SPDX-License-Identifier: MIT
 *
 * list.c - see list.h.
 */
#include "list.h"

#include <assert.h>

#include "base/macros.h"
#include "order.h"
#include "overlay.h"

enum { HEAD_TAG = 'h', ENTRY_TAG = 'e', HEAD_BYTES = 24, SEQUENCE_BYTES = 8, CUT_MAX = 16 };

struct head {
    uint64_t first; /* no entry lies below */
    uint64_t next;  /* sequence of the next append */
    uint64_t count;
};

static riacho_bytes head_key(const riacho_state_list *list)
{
    uint8_t *key =
        riacho_alloc(list->state.arena, 1 + riacho_order_closed_bytes_max(list->key.size));
    key[0] = HEAD_TAG;
    return (riacho_bytes){key, 1 + riacho_order_put_closed(key + 1, list->key)};
}

static riacho_bytes entry_key(const riacho_state_list *list, uint64_t sequence)
{
    uint8_t *key = riacho_alloc(list->state.arena,
                                1 + riacho_order_closed_bytes_max(list->key.size) + SEQUENCE_BYTES);
    key[0] = ENTRY_TAG;
    const size_t size = 1 + riacho_order_put_closed(key + 1, list->key);
    riacho_order_put_u64(key + size, sequence);
    return (riacho_bytes){key, size + SEQUENCE_BYTES};
}

static riacho_status read_head(const riacho_state_list *list, struct head *ret_head,
                               riacho_error *err)
{
    riacho_bytes stored;
    RIACHO_TRY(riacho_state_get(&list->state, head_key(list), &stored, err));
    *ret_head = (struct head){1, 1, 0};
    if (!stored.data)
        return RIACHO_OK;
    if (stored.size != HEAD_BYTES)
        return riacho_fail(err, RIACHO_FATAL, "the head of a list has %zu bytes", stored.size);
    const uint8_t *at = stored.data;
    *ret_head = (struct head){riacho_order_get_u64(at), riacho_order_get_u64(at + 8),
                              riacho_order_get_u64(at + 16)};
    return RIACHO_OK;
}

static void write_head(const riacho_state_list *list, const struct head *head)
{
    uint8_t *at =
        riacho_overlay_reserve(list->state.overlay, list->state.space, head_key(list), HEAD_BYTES);
    riacho_order_put_u64(at, head->first);
    riacho_order_put_u64(at + 8, head->next);
    riacho_order_put_u64(at + 16, head->count);
}

/* The lowest sequence there is, not below head->first. Without holes that is head->first itself. */
static riacho_status find_oldest(const riacho_state_list *list, const struct head *head,
                                 uint64_t *ret_sequence, riacho_error *err)
{
    *ret_sequence = head->first;
    if (head->count == head->next - head->first)
        return RIACHO_OK;
    const riacho_range range = {entry_key(list, head->first), entry_key(list, head->next), 0};
    RIACHO_AUTO(scan) riacho_view_scan *scan = NULL;
    riacho_bytes key, value;
    RIACHO_TRY(riacho_state_scan(&list->state, &range, &scan, err));
    RIACHO_TRY(riacho_scan_next(scan, &key, &value, err));
    if (!key.data)
        return riacho_fail(err, RIACHO_FATAL, "a list counts entries that it does not have");
    *ret_sequence = riacho_order_get_u64((const uint8_t *)key.data + key.size - SEQUENCE_BYTES);
    return RIACHO_OK;
}

/* Deletes the oldest entries beyond `keep`; a `keep` that was lowered is reached over the next
 * appends, so that none of them takes long. */
static riacho_status cut(const riacho_state_list *list, struct head *head, riacho_error *err)
{
    for (unsigned i = 0; list->keep && head->count > list->keep && i < CUT_MAX; i++) {
        uint64_t oldest;
        RIACHO_TRY(find_oldest(list, head, &oldest, err));
        riacho_overlay_delete(list->state.overlay, list->state.space, entry_key(list, oldest));
        head->first = oldest + 1;
        head->count--;
    }
    return RIACHO_OK;
}

riacho_status riacho_state_list_append(const riacho_state_list *list, riacho_bytes value,
                                       uint64_t *ret_sequence, riacho_error *err)
{
    struct head head;
    assert(list->state.overlay && value.data);
    RIACHO_TRY(read_head(list, &head, err));
    const uint64_t sequence = head.next++;
    riacho_overlay_put(list->state.overlay, list->state.space, entry_key(list, sequence), value);
    head.count++;
    RIACHO_TRY(cut(list, &head, err));
    write_head(list, &head);
    if (ret_sequence)
        *ret_sequence = sequence;
    return RIACHO_OK;
}

riacho_status riacho_state_list_delete(const riacho_state_list *list, uint64_t sequence,
                                       riacho_error *err)
{
    riacho_bytes value;
    struct head head;
    assert(list->state.overlay);
    RIACHO_TRY(riacho_state_list_get(list, sequence, &value, err));
    if (!value.data)
        return RIACHO_OK;
    RIACHO_TRY(read_head(list, &head, err));
    riacho_overlay_delete(list->state.overlay, list->state.space, entry_key(list, sequence));
    head.count--;
    if (sequence == head.first)
        head.first++;
    write_head(list, &head);
    return RIACHO_OK;
}

riacho_status riacho_state_list_get(const riacho_state_list *list, uint64_t sequence,
                                    riacho_bytes *ret_value, riacho_error *err)
{
    return riacho_state_get(&list->state, entry_key(list, sequence), ret_value, err);
}

riacho_status riacho_state_list_count(const riacho_state_list *list, uint64_t *ret_count,
                                      riacho_error *err)
{
    struct head head;
    RIACHO_TRY(read_head(list, &head, err));
    *ret_count = head.count;
    return RIACHO_OK;
}

static riacho_range range_of(const riacho_state_list *list, const struct head *head,
                             const riacho_state_list_query *query)
{
    uint64_t from = head->first, to = head->next;
    if (query->after && query->direction == RIACHO_BACKWARD && query->after < to)
        to = query->after;
    if (query->after && query->direction == RIACHO_FORWARD && query->after >= from)
        from = query->after == UINT64_MAX ? UINT64_MAX : query->after + 1;
    return (riacho_range){entry_key(list, from), entry_key(list, to), query->direction};
}

riacho_status riacho_state_list_entries(const riacho_state_list *list,
                                        const riacho_state_list_query *query,
                                        riacho_state_list_page *ret_page, riacho_error *err)
{
    struct head head;
    RIACHO_TRY(read_head(list, &head, err));
    const size_t limit = query->limit < head.count ? query->limit : (size_t)head.count;
    const riacho_range range = range_of(list, &head, query);
    riacho_state_list_entry *items = riacho_alloc_zero(list->state.arena, limit, sizeof *items);
    RIACHO_AUTO(scan) riacho_view_scan *scan = NULL;
    RIACHO_TRY(riacho_state_scan(&list->state, &range, &scan, err));
    size_t count = 0;
    for (; count < limit; count++) {
        riacho_bytes key, value;
        RIACHO_TRY(riacho_scan_next(scan, &key, &value, err));
        if (!key.data)
            break;
        const uint8_t *end = (const uint8_t *)key.data + key.size;
        items[count] = (riacho_state_list_entry){riacho_order_get_u64(end - SEQUENCE_BYTES),
                                                 riacho_copy(list->state.arena, value)};
    }
    *ret_page = (riacho_state_list_page){items, count};
    return RIACHO_OK;
}
