/* SPDX-License-Identifier: MIT
 *
 * serve_share.c - see serve_share.h.
 */
#include "serve_share.h"

#include "base/macros.h"
#include "state/keyvalue.h"
#include "state/ttl.h"

riacho_status riacho_share_value(const riacho_share_source *source, riacho_bytes key,
                                 riacho_bytes *ret_value, riacho_error *err)
{
    riacho_stamped stored;
    if (source->kind == RIACHO_STORE_TTL)
        return riacho_state_ttl_get(&source->state, key, source->stream_time_ms, ret_value, err);
    RIACHO_TRY(riacho_state_keyvalue_get(&source->state, key, &stored, err));
    *ret_value = stored.value;
    return RIACHO_OK;
}

static riacho_status read_values(const riacho_share_source *source, const riacho_wanted *wanted,
                                 riacho_share *share, riacho_error *err)
{
    riacho_bytes *values =
        riacho_alloc_zero(source->state.arena, wanted->key_count + 1, sizeof *values);
    for (size_t i = 0; i < wanted->key_count; i++)
        RIACHO_TRY(riacho_share_value(source, wanted->keys[i], &values[i], err));
    share->values = values;
    return RIACHO_OK;
}

static riacho_status read_pairs(const riacho_share_source *source, const riacho_wanted *wanted,
                                riacho_share *share, riacho_error *err)
{
    riacho_arena *arena = source->state.arena;
    riacho_pair *pairs = riacho_alloc_zero(arena, wanted->limit + 1, sizeof *pairs);
    RIACHO_AUTO(scan) riacho_view_scan *scan = NULL;
    RIACHO_TRY(riacho_state_scan(&source->state, &wanted->range, &scan, err));
    share->pairs = pairs;
    while (share->pair_count < wanted->limit) {
        riacho_bytes key;
        riacho_stamped value;
        RIACHO_TRY(riacho_state_keyvalue_next(scan, &key, &value, err));
        if (!key.data)
            break;
        pairs[share->pair_count++] =
            (riacho_pair){riacho_copy(arena, key), riacho_copy(arena, value.value)};
    }
    return RIACHO_OK;
}

/* Without the entry only where the member is; its neighbours come with the second question. */
static riacho_status read_rank(const riacho_share_source *source, const riacho_wanted *wanted,
                               riacho_share *share, riacho_error *err)
{
    const riacho_state_ranking ranking = {.state = source->state, .key = wanted->keys[0]};
    RIACHO_TRY(riacho_state_ranking_score(&ranking, wanted->member, &share->has_score,
                                          &share->score, err));
    if (!wanted->entry)
        return RIACHO_OK;
    RIACHO_TRY(riacho_state_ranking_size(&ranking, &share->size, err));
    RIACHO_TRY(
        riacho_state_ranking_better(&ranking, wanted->entry, wanted->around, &share->better, err));
    return riacho_state_ranking_top(&ranking, wanted->entry, wanted->around, &share->page, err);
}

/* Of the same sequence, tasks behind the place's are still to come. */
static riacho_status read_list(const riacho_share_source *source, const riacho_wanted *wanted,
                               riacho_share *share, riacho_error *err)
{
    const riacho_list_place *after = wanted->after;
    const riacho_state_list list = {.state = source->state, .key = wanted->keys[0]};
    riacho_state_list_query query = {.direction = RIACHO_BACKWARD, .limit = wanted->limit};
    if (after)
        query.after = source->partition > after->partition ? after->sequence + 1 : after->sequence;
    return riacho_state_list_entries(&list, &query, &share->list, err);
}

riacho_status riacho_share_read(const riacho_share_source *source, const riacho_wanted *wanted,
                                riacho_share *ret_share, riacho_error *err)
{
    *ret_share = (riacho_share){0};
    switch (wanted->kind) {
    case RIACHO_READ_GET:
        return read_values(source, wanted, ret_share, err);
    case RIACHO_READ_RANGE:
        return read_pairs(source, wanted, ret_share, err);
    case RIACHO_READ_TOP: {
        const riacho_state_ranking ranking = {.state = source->state, .key = wanted->keys[0]};
        return riacho_state_ranking_top(&ranking, wanted->entry, wanted->limit, &ret_share->page,
                                        err);
    }
    case RIACHO_READ_RANK:
        return read_rank(source, wanted, ret_share, err);
    case RIACHO_READ_LIST:
        return read_list(source, wanted, ret_share, err);
    }
    return riacho_fail(err, RIACHO_REJECT, "no such way to read");
}
