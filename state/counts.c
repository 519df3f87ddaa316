/* SPDX-License-Identifier: MIT
 *
 * counts.c - see counts.h.
 *
 * Invariants, for the set of places below any path of nibbles that a walk from the head reaches:
 *   1. more than SPLIT_ABOVE places: there is a node;
 *   2. fewer than MERGE_BELOW places: there is none;
 *   3. a node's skip is what all its places share, or did when it was made: removals may leave it
 *      shorter than it could be, never longer;
 *   4. a node's counts add up to the number of its places.
 *
 * A node is stored as: skip size in nibbles (varint), skip packed, a bit set of slots (3 bytes),
 * the count of each slot in the set (varint). Slot 0 is the place that ends here, slot 1 + n those
 * that go on with nibble n. Threads: as the view.
 */
#include "counts.h"

#include <assert.h>

#include "base/macros.h"
#include "order.h"
#include "overlay.h"

enum { SPLIT_ABOVE = 24, MERGE_BELOW = 8, SLOTS = 17, DEPTH_BYTES = 4, VARINT_BYTES_MAX = 10 };

struct node {
    const uint8_t *skip; /* packed, two nibbles a byte, the high one first */
    size_t skip_count;
    uint64_t slots[SLOTS];
};

/* A set of places: those that begin with the first `depth` nibbles of a place in hand. */
struct path {
    riacho_bytes place;
    size_t depth;
    uint64_t count; /* of places */
};

static size_t nibble_count(riacho_bytes place)
{
    return place.size * 2;
}

static unsigned nibble(const uint8_t *packed, size_t at)
{
    return at % 2 ? packed[at / 2] & 15u : packed[at / 2] >> 4;
}

/* The slot of a place at a depth: 0 when it ends there. */
static unsigned slot_at(riacho_bytes place, size_t depth)
{
    return depth == nibble_count(place) ? 0 : 1 + nibble(place.data, depth);
}

/* `count` nibbles from `start` on, packed from a byte's start. */
static uint8_t *pack(riacho_arena *arena, const uint8_t *packed, size_t start, size_t count)
{
    uint8_t *out = riacho_alloc_zero(arena, count / 2 + 1, 1);
    for (size_t i = 0; i < count; i++)
        out[i / 2] |= (uint8_t)(nibble(packed, start + i) << (i % 2 ? 0 : 4));
    return out;
}

/* How many nibbles of the skip the place has from `depth` on. */
static size_t match_skip(const struct node *node, riacho_bytes place, size_t depth)
{
    const size_t left = nibble_count(place) - depth;
    const size_t most = left < node->skip_count ? left : node->skip_count;
    size_t i = 0;
    while (i < most && nibble(node->skip, i) == nibble(place.data, depth + i))
        i++;
    return i;
}

static uint64_t sum(const struct node *node, unsigned slot_end)
{
    uint64_t total = 0;
    for (unsigned slot = 0; slot < slot_end; slot++)
        total += node->slots[slot];
    return total;
}

/* ---- nodes as bytes ---- */

static size_t put_varint(uint8_t *at, uint64_t number)
{
    size_t size = 0;
    for (; number >= 0x80; number >>= 7)
        at[size++] = (uint8_t)(number | 0x80);
    at[size++] = (uint8_t)number;
    return size;
}

/* 0 when the bytes end too early. */
static size_t get_varint(const uint8_t *at, const uint8_t *end, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < VARINT_BYTES_MAX && at + i < end; i++) {
        number |= (uint64_t)(at[i] & 0x7f) << (7 * i);
        if (!(at[i] & 0x80)) {
            *ret_number = number;
            return i + 1;
        }
    }
    return 0;
}

static bool read_slots(const uint8_t *at, const uint8_t *end, struct node *node)
{
    if (end - at < 3)
        return false;
    const uint32_t set = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
    at += 3;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        node->slots[slot] = 0;
        if (!(set & 1u << slot))
            continue;
        const size_t size = get_varint(at, end, &node->slots[slot]);
        if (!size)
            return false;
        at += size;
    }
    return at == end;
}

static riacho_status read_node(riacho_bytes bytes, struct node *node, riacho_error *err)
{
    const uint8_t *at = bytes.data, *end = at + bytes.size;
    uint64_t skip_count;
    const size_t size = get_varint(at, end, &skip_count);
    if (size && skip_count <= 2 * bytes.size && (skip_count + 1) / 2 <= bytes.size - size) {
        node->skip = at + size;
        node->skip_count = skip_count;
        if (read_slots(at + size + (skip_count + 1) / 2, end, node))
            return RIACHO_OK;
    }
    return riacho_fail(err, RIACHO_FATAL, "a node of a ranking's counts is damaged (%zu bytes)",
                       bytes.size);
}

static riacho_bytes node_bytes(const struct node *node, riacho_arena *arena)
{
    const size_t skip_bytes = (node->skip_count + 1) / 2;
    uint8_t *bytes = riacho_alloc(arena, skip_bytes + 3 + (1 + SLOTS) * VARINT_BYTES_MAX);
    uint8_t *at = bytes + put_varint(bytes, node->skip_count);
    if (skip_bytes)
        memcpy(at, node->skip, skip_bytes);
    uint8_t *set = at + skip_bytes;
    memset(set, 0, 3);
    at = set + 3;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (!node->slots[slot])
            continue;
        set[slot / 8] = (uint8_t)(set[slot / 8] | 1u << slot % 8);
        at += put_varint(at, node->slots[slot]);
    }
    return (riacho_bytes){bytes, (size_t)(at - bytes)};
}

/* ---- nodes in the store ---- */

static riacho_bytes node_key(const riacho_counts *counts, const uint8_t *packed, size_t depth)
{
    const size_t head = counts->head.size, path = (depth + 1) / 2;
    uint8_t *key = riacho_alloc(counts->state->arena, head + DEPTH_BYTES + path);
    memcpy(key, counts->head.data, head);
    for (size_t i = 0; i < DEPTH_BYTES; i++)
        key[head + i] = (uint8_t)(depth >> 8 * (DEPTH_BYTES - 1 - i));
    if (path)
        memcpy(key + head + DEPTH_BYTES, packed, path);
    if (depth % 2)
        key[head + DEPTH_BYTES + path - 1] &= 0xf0;
    return (riacho_bytes){key, head + DEPTH_BYTES + path};
}

/* *ret_found false: the places of the path have no node. */
static riacho_status get_node(const riacho_counts *counts, const struct path *path, bool *ret_found,
                              struct node *ret_node, riacho_error *err)
{
    riacho_bytes bytes;
    *ret_found = false;
    if (path->count < MERGE_BELOW)
        return RIACHO_OK;
    RIACHO_TRY(riacho_state_get(counts->state, node_key(counts, path->place.data, path->depth),
                                &bytes, err));
    if (!bytes.data)
        return RIACHO_OK;
    *ret_found = true;
    return read_node(bytes, ret_node, err);
}

static void put_node(const riacho_counts *counts, riacho_bytes key, const struct node *node)
{
    riacho_overlay_put(counts->state->overlay, counts->state->space, key,
                       node_bytes(node, counts->state->arena));
}

static void put_node_at(const riacho_counts *counts, const struct path *path,
                        const struct node *node)
{
    put_node(counts, node_key(counts, path->place.data, path->depth), node);
}

static void put_total(const riacho_counts *counts, uint64_t total)
{
    const riacho_state *state = counts->state;
    if (!total) {
        riacho_overlay_delete(state->overlay, state->space, counts->head);
        return;
    }
    riacho_order_put_u64(riacho_overlay_reserve(state->overlay, state->space, counts->head, 8),
                         total);
}

riacho_status riacho_counts_total(const riacho_counts *counts, uint64_t *ret_total,
                                  riacho_error *err)
{
    riacho_bytes bytes;
    RIACHO_TRY(riacho_state_get(counts->state, counts->head, &bytes, err));
    if (bytes.data && bytes.size != 8)
        return riacho_fail(err, RIACHO_FATAL, "the size of a ranking has %zu bytes", bytes.size);
    *ret_total = bytes.data ? riacho_order_get_u64(bytes.data) : 0;
    return RIACHO_OK;
}

/* ---- the index ---- */

static riacho_bytes index_key(const riacho_counts *counts, const void *bytes, size_t size)
{
    uint8_t *key = riacho_alloc(counts->state->arena, counts->index.size + size);
    memcpy(key, counts->index.data, counts->index.size);
    if (size)
        memcpy(key + counts->index.size, bytes, size);
    return (riacho_bytes){key, counts->index.size + size};
}

/* The index keys of the places that begin with the path. */
static riacho_range index_range(const riacho_counts *counts, const struct path *path)
{
    const size_t whole = path->depth / 2;
    riacho_arena *arena = counts->state->arena;
    const riacho_bytes prefix = index_key(counts, path->place.data, whole);
    riacho_range range = riacho_order_prefix(prefix, arena, RIACHO_FORWARD);
    if (path->depth % 2 == 0)
        return range;
    const unsigned last = nibble(path->place.data, path->depth - 1);
    const uint8_t from = (uint8_t)(last << 4), to = (uint8_t)((last + 1) << 4);
    const riacho_bytes ends[] = {{&from, 1}, {&to, 1}};
    for (size_t i = 0; i < (last == 15 ? 1 : 2); i++) {
        uint8_t *key = riacho_alloc(arena, prefix.size + 1);
        memcpy(key, prefix.data, prefix.size);
        key[prefix.size] = *(const uint8_t *)ends[i].data;
        *(i ? &range.to : &range.from) = (riacho_bytes){key, prefix.size + 1};
    }
    return range;
}

/* Copies up to `most` places out of a range of the index, in order. */
static riacho_status read_places(const riacho_counts *counts, const riacho_range *range,
                                 size_t most, riacho_bytes *ret_places, size_t *ret_count,
                                 riacho_error *err)
{
    RIACHO_AUTO(scan) riacho_view_scan *scan = NULL;
    RIACHO_TRY(riacho_state_scan(counts->state, range, &scan, err));
    for (*ret_count = 0; *ret_count < most; ++*ret_count) {
        riacho_bytes key, value;
        RIACHO_TRY(riacho_scan_next(scan, &key, &value, err));
        if (!key.data)
            break;
        const riacho_bytes place = {(const uint8_t *)key.data + counts->index.size,
                                    key.size - counts->index.size};
        ret_places[*ret_count] = riacho_copy(counts->state->arena, place);
    }
    return RIACHO_OK;
}

static size_t common_nibbles(riacho_bytes a, riacho_bytes b)
{
    const size_t most = nibble_count(a) < nibble_count(b) ? nibble_count(a) : nibble_count(b);
    size_t i = 0;
    while (i < most && nibble(a.data, i) == nibble(b.data, i))
        i++;
    return i;
}

/* Makes the node of a path that has just come to hold more than SPLIT_ABOVE places. */
static riacho_status split(const riacho_counts *counts, const struct path *path, riacho_error *err)
{
    riacho_bytes places[SPLIT_ABOVE + 1];
    size_t count;
    const riacho_range range = index_range(counts, path);
    RIACHO_TRY(read_places(counts, &range, SPLIT_ABOVE + 1, places, &count, err));
    if (count != path->count)
        return riacho_fail(err, RIACHO_FATAL,
                           "a ranking counts %zu members where its index has %zu",
                           (size_t)path->count, count);
    /* They are in order, so what the first and the last share, all do. */
    const size_t shared = common_nibbles(places[0], places[count - 1]);
    struct node node = {.skip_count = shared - path->depth};
    node.skip = pack(counts->state->arena, places[0].data, path->depth, node.skip_count);
    for (size_t i = 0; i < count; i++)
        node.slots[slot_at(places[i], shared)]++;
    put_node_at(counts, path, &node);
    return RIACHO_OK;
}

/* ---- walks ---- */

/* Goes on below a node whose skip the path's place has; false when the place ends there. */
static bool descend(struct path *path, const struct node *node)
{
    const size_t depth = path->depth + node->skip_count;
    const unsigned slot = slot_at(path->place, depth);
    path->count = node->slots[slot];
    path->depth = depth + 1;
    return slot != 0;
}

/* A place that differs within the skip: the node moves down below a new one that holds what is
 * still shared. */
static void fork_node(const riacho_counts *counts, const struct path *path, const struct node *node,
                      size_t matched)
{
    riacho_arena *arena = counts->state->arena;
    const size_t fork_depth = path->depth + matched;
    uint8_t *moved_path = pack(arena, path->place.data, 0, fork_depth + 1);
    const unsigned moved_nibble = nibble(node->skip, matched);
    const unsigned shift = fork_depth % 2 ? 0 : 4;
    moved_path[fork_depth / 2] =
        (uint8_t)((moved_path[fork_depth / 2] & ~(15u << shift)) | moved_nibble << shift);

    struct node moved = *node;
    moved.skip_count = node->skip_count - matched - 1;
    moved.skip = pack(arena, node->skip, matched + 1, moved.skip_count);
    put_node(counts, node_key(counts, moved_path, fork_depth + 1), &moved);

    struct node fork = {.skip = pack(arena, node->skip, 0, matched), .skip_count = matched};
    fork.slots[1 + moved_nibble] = sum(node, SLOTS);
    fork.slots[slot_at(path->place, fork_depth)] = 1;
    put_node_at(counts, path, &fork);
}

/* Adds the place from the path on down; the path's count already has it. */
static riacho_status insert_below(const riacho_counts *counts, struct path path, riacho_error *err)
{
    for (;;) {
        struct node node;
        bool found;
        RIACHO_TRY(get_node(counts, &path, &found, &node, err));
        if (!found)
            return path.count > SPLIT_ABOVE ? split(counts, &path, err) : RIACHO_OK;
        const size_t matched = match_skip(&node, path.place, path.depth);
        if (matched < node.skip_count) {
            fork_node(counts, &path, &node, matched);
            return RIACHO_OK;
        }
        node.slots[slot_at(path.place, path.depth + matched)]++;
        put_node_at(counts, &path, &node);
        if (!descend(&path, &node))
            return RIACHO_OK;
    }
}

/* Takes the place away from the path on down; the path's count still has it. */
static riacho_status remove_below(const riacho_counts *counts, struct path path, riacho_error *err)
{
    for (;;) {
        struct node node;
        bool found;
        RIACHO_TRY(get_node(counts, &path, &found, &node, err));
        if (!found)
            return RIACHO_OK;
        const size_t matched = match_skip(&node, path.place, path.depth);
        uint64_t *slot = &node.slots[slot_at(path.place, path.depth + matched)];
        if (matched < node.skip_count || !*slot)
            return riacho_fail(err, RIACHO_FATAL, "a ranking's counts lack one of its members");
        struct path below = path;
        const bool goes_on = descend(&below, &node);
        --*slot;
        if (path.count - 1 < MERGE_BELOW)
            riacho_overlay_delete(counts->state->overlay, counts->state->space,
                                  node_key(counts, path.place.data, path.depth));
        else
            put_node_at(counts, &path, &node);
        if (!goes_on)
            return RIACHO_OK;
        path = below;
    }
}

riacho_status riacho_counts_insert(const riacho_counts *counts, riacho_bytes place,
                                   riacho_error *err)
{
    uint64_t total;
    RIACHO_TRY(riacho_counts_total(counts, &total, err));
    put_total(counts, total + 1);
    return insert_below(counts, (struct path){place, 0, total + 1}, err);
}

riacho_status riacho_counts_remove(const riacho_counts *counts, riacho_bytes place,
                                   riacho_error *err)
{
    uint64_t total;
    RIACHO_TRY(riacho_counts_total(counts, &total, err));
    if (!total)
        return riacho_fail(err, RIACHO_FATAL, "a ranking of no members has one");
    put_total(counts, total - 1);
    return remove_below(counts, (struct path){place, 0, total}, err);
}

/* Above the node where the two places part nothing changes: the walk only reads there. */
riacho_status riacho_counts_move(const riacho_counts *counts, riacho_bytes from, riacho_bytes to,
                                 riacho_error *err)
{
    struct path path = {from, 0, 0};
    RIACHO_TRY(riacho_counts_total(counts, &path.count, err));
    for (;;) {
        struct node node;
        bool found;
        RIACHO_TRY(get_node(counts, &path, &found, &node, err));
        if (!found || match_skip(&node, to, path.depth) < node.skip_count ||
            match_skip(&node, from, path.depth) < node.skip_count)
            break;
        struct path below = path;
        if (slot_at(from, path.depth + node.skip_count) !=
                slot_at(to, path.depth + node.skip_count) ||
            !descend(&below, &node))
            break;
        path = below;
    }
    RIACHO_TRY(remove_below(counts, path, err));
    path.place = to;
    return insert_below(counts, path, err);
}

riacho_status riacho_counts_below(const riacho_counts *counts, riacho_bytes place,
                                  uint64_t *ret_count, riacho_error *err)
{
    struct path path = {place, 0, 0};
    uint64_t below = 0;
    RIACHO_TRY(riacho_counts_total(counts, &path.count, err));
    while (path.count) {
        struct node node;
        bool found;
        RIACHO_TRY(get_node(counts, &path, &found, &node, err));
        if (!found)
            break;
        const size_t matched = match_skip(&node, place, path.depth);
        const unsigned slot = slot_at(place, path.depth + matched);
        if (matched < node.skip_count) {
            const bool is_above = slot > 1 + nibble(node.skip, matched);
            *ret_count = below + (is_above ? path.count : 0);
            return RIACHO_OK;
        }
        below += sum(&node, slot);
        if (!descend(&path, &node)) {
            *ret_count = below;
            return RIACHO_OK;
        }
    }
    /* What is left has no node: a handful of places to look at. */
    size_t left = 0;
    if (path.count) {
        riacho_bytes places[SPLIT_ABOVE];
        riacho_range range = index_range(counts, &path);
        range.to = index_key(counts, place.data, place.size);
        RIACHO_TRY(read_places(counts, &range, SPLIT_ABOVE, places, &left, err));
    }
    *ret_count = below + left;
    return RIACHO_OK;
}
