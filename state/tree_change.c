/* SPDX-License-Identifier: MIT
 *
 * tree_change.c - the changing half of tree.h.
 *
 *   join      the boundary that is to be deleted goes: what its pages hold goes to those before
 *   split     the boundary that is to be put comes: pages are cut where it will lie
 *   change    the entries of the leaves are replaced, the counts above them follow
 *   settle    the root gives up a level that has one page only; one page becomes many and back
 *
 * Join and split move entries and leave the map as it is, change leaves the pages where they are.
 */
#include "tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/macros.h"
#include "overlay.h"
#include "tree_page.h"

enum { FANOUT_BITS = 5, HEIGHT_MAX = 6, CHANGES_AT_ONCE = 1000, SIZE_BYTES_MAX = 5 };

/* A key that begins a page of each level below its height. */
typedef struct boundary {
    riacho_bytes key;
    unsigned height;
} boundary;

/* A page being written, in the arena. */
typedef struct draft {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    uint32_t value_bytes;
} draft;

/* Stored by way of the pages' bounds, so it may never change. */
static unsigned height_of(riacho_bytes key)
{
    uint32_t hash = key.size ? riacho_crc32c(key) : 1;
    unsigned height = 0;
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    hash ^= hash >> 16;
    for (; height < HEIGHT_MAX && hash % (1 << FANOUT_BITS) == 0; hash >>= FANOUT_BITS)
        height++;
    return key.size ? height : 0;
}

/* ---- writing pages ---- */

static draft draft_new(const riacho_tree *tree, unsigned level, size_t bytes_max)
{
    draft new = {.bytes = riacho_alloc(tree->state->arena, 1 + bytes_max),
                 .size = 1,
                 .capacity = 1 + bytes_max,
                 .value_bytes = level ? RIACHO_TREE_COUNT_BYTES : tree->leaf_value_bytes};
    new.bytes[0] = (uint8_t)level;
    return new;
}

static size_t entry_bytes_max(riacho_bytes key)
{
    return SIZE_BYTES_MAX + key.size + RIACHO_TREE_COUNT_BYTES;
}

static void add_bytes(draft *to, const void *bytes, size_t size)
{
    assert(to->size + size <= to->capacity);
    if (size)
        memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void add_entry(draft *to, riacho_bytes key, uint64_t value)
{
    uint8_t size_bytes[SIZE_BYTES_MAX];
    size_t used = 0;
    size_t rest = key.size;
    for (; rest >= 0x80; rest >>= 7)
        size_bytes[used++] = (uint8_t)(rest | 0x80);
    size_bytes[used++] = (uint8_t)rest;
    add_bytes(to, size_bytes, used);
    add_bytes(to, key.data, key.size);
    add_bytes(to, &value, to->value_bytes);
}

static void save(const riacho_tree *tree, riacho_bytes page_key, const draft *page)
{
    const riacho_state *state = tree->state;
    const bool is_empty_tree = page_key.size == tree->prefix.size && page->size == 1;
    if (is_empty_tree)
        riacho_overlay_delete(state->overlay, state->space, page_key);
    else
        riacho_overlay_put(state->overlay, state->space, page_key,
                           (riacho_bytes){page->bytes, page->size});
}

static void drop(const riacho_tree *tree, riacho_bytes page_key)
{
    riacho_overlay_delete(tree->state->overlay, tree->state->space, page_key);
}

/* As load, of a copy that stays. */
static riacho_status load_copy(const riacho_tree *tree, riacho_bytes page_key,
                               riacho_tree_page *ret_page, riacho_error *err)
{
    riacho_tree_page page;
    RIACHO_TRY(riacho_tree_load(tree, page_key, &page, err));
    const size_t size = (size_t)(page.end - page.at);
    uint8_t *copy = riacho_alloc(tree->state->arena, size + 1);
    memcpy(copy, page.at, size);
    page.at = copy;
    page.end = copy + size;
    *ret_page = page;
    return RIACHO_OK;
}

static size_t bytes_of(const riacho_tree_page *page)
{
    return (size_t)(page->end - page->at);
}

/* Of the entries of the map that the page holds. */
static uint64_t count_in(riacho_tree_page page)
{
    uint64_t count = 0;
    riacho_tree_entry entry;
    while (riacho_tree_next(&page, &entry))
        count += page.level ? entry.value : 1;
    return count;
}

/* ---- split ---- */

static riacho_status split_leaf(const riacho_tree *tree, riacho_bytes page_key, riacho_bytes at,
                                uint64_t *ret_moved, riacho_error *err)
{
    riacho_tree_page page;
    riacho_tree_entry entry;
    RIACHO_TRY(load_copy(tree, page_key, &page, err));
    const uint8_t *start = page.at;
    riacho_tree_page right = page;
    while (riacho_tree_next(&page, &entry) && riacho_bytes_compare(entry.key, at) < 0)
        right.at = page.at;
    RIACHO_TRY(riacho_tree_end(&page, err));
    draft after = draft_new(tree, 0, bytes_of(&right));
    draft before = draft_new(tree, 0, (size_t)(right.at - start));
    add_bytes(&after, right.at, bytes_of(&right));
    add_bytes(&before, start, (size_t)(right.at - start));
    save(tree, riacho_tree_page_key(tree, 0, at), &after);
    save(tree, page_key, &before);
    *ret_moved = count_in(right);
    return RIACHO_OK;
}

/* Cuts the pages below `page_key`, a page of `level`, at a boundary that is not there yet;
 * ret_moved tells how many entries of the map came to lie behind it. */
static riacho_status split(const riacho_tree *tree, unsigned level, riacho_bytes page_key,
                           const boundary *at, uint64_t *ret_moved, riacho_error *err)
{
    riacho_tree_page page, rest;
    riacho_tree_child child;
    riacho_tree_entry entry;
    uint64_t moved;
    if (level == 0)
        return split_leaf(tree, page_key, at->key, ret_moved, err);
    RIACHO_TRY(load_copy(tree, page_key, &page, err));
    RIACHO_TRY(riacho_tree_choose(page, at->key, RIACHO_TREE_AT_MOST, &child, err));
    const riacho_bytes below = riacho_tree_page_key(tree, level - 1, child.entry.key);
    RIACHO_TRY(split(tree, level - 1, below, at, &moved, err));
    *ret_moved = moved;
    if (level > at->height)
        return RIACHO_OK;

    draft left = draft_new(tree, level, bytes_of(&page) + entry_bytes_max(at->key));
    draft right = draft_new(tree, level, bytes_of(&page) + entry_bytes_max(at->key));
    draft *to = &left;
    for (rest = page; riacho_tree_next(&rest, &entry);) {
        const bool is_cut = entry.key.data == child.entry.key.data;
        add_entry(to, entry.key, entry.value - (is_cut ? moved : 0));
        if (!is_cut)
            continue;
        if (level < at->height)
            to = &right;
        add_entry(to, at->key, moved);
    }
    RIACHO_TRY(riacho_tree_end(&rest, err));
    save(tree, page_key, &left);
    if (to == &left)
        return RIACHO_OK;
    save(tree, riacho_tree_page_key(tree, level, at->key), &right);
    *ret_moved += count_in(page) - child.before - child.entry.value;
    return RIACHO_OK;
}

/* Puts levels of one page on top until the root is on that level. */
static riacho_status raise_root(const riacho_tree *tree, unsigned level, riacho_error *err)
{
    riacho_tree_page root;
    const riacho_bytes root_key = riacho_tree_root_key(tree), first = {"", 0};
    RIACHO_TRY(load_copy(tree, root_key, &root, err));
    while (root.level < level) {
        draft below = draft_new(tree, root.level, bytes_of(&root));
        add_bytes(&below, root.at, bytes_of(&root));
        save(tree, riacho_tree_page_key(tree, root.level, first), &below);
        draft top = draft_new(tree, root.level + 1u, entry_bytes_max(first));
        add_entry(&top, first, count_in(root));
        save(tree, root_key, &top);
        RIACHO_TRY(load_copy(tree, root_key, &root, err));
    }
    return RIACHO_OK;
}

static riacho_status split_tree(const riacho_tree *tree, const boundary *at, riacho_error *err)
{
    riacho_tree_page root;
    uint64_t moved;
    RIACHO_TRY(raise_root(tree, at->height, err));
    RIACHO_TRY(riacho_tree_root(tree, &root, err));
    return split(tree, root.level, riacho_tree_root_key(tree), at, &moved, err);
}

/* ---- join ---- */

/* Appends the page that the boundary begins to the one before it; the last child of that one has
 * taken `moved` entries of the map from the boundary's own. */
static riacho_status append_page(const riacho_tree *tree, unsigned level, riacho_bytes page_key,
                                 const boundary *at, uint64_t moved, uint64_t *ret_moved,
                                 riacho_error *err)
{
    riacho_tree_page left, right;
    riacho_tree_entry entry, own;
    const riacho_bytes right_key = riacho_tree_page_key(tree, level, at->key);
    RIACHO_TRY(load_copy(tree, page_key, &left, err));
    RIACHO_TRY(load_copy(tree, right_key, &right, err));
    draft whole = draft_new(tree, level, bytes_of(&left) + bytes_of(&right));
    *ret_moved = count_in(right);
    if (level && !riacho_tree_next(&right, &own))
        return riacho_fail(err, RIACHO_FATAL, "a page of a tree lacks its own first entry");
    while (riacho_tree_next(&left, &entry))
        add_entry(&whole, entry.key, entry.value + (level && left.at == left.end ? moved : 0));
    RIACHO_TRY(riacho_tree_end(&left, err));
    add_bytes(&whole, right.at, bytes_of(&right));
    save(tree, page_key, &whole);
    drop(tree, right_key);
    return RIACHO_OK;
}

/* Takes the boundary's entry out of a page; the one before it counts what it counted. */
static riacho_status remove_child(const riacho_tree *tree, riacho_bytes page_key,
                                  const boundary *at, riacho_error *err)
{
    riacho_tree_page page;
    riacho_tree_entry entry, last = {{NULL, 0}, 0};
    RIACHO_TRY(load_copy(tree, page_key, &page, err));
    draft left = draft_new(tree, page.level, bytes_of(&page));
    while (riacho_tree_next(&page, &entry)) {
        if (riacho_bytes_equal(entry.key, at->key)) {
            last.value += entry.value;
            continue;
        }
        if (last.key.data)
            add_entry(&left, last.key, last.value);
        last = entry;
    }
    RIACHO_TRY(riacho_tree_end(&page, err));
    add_entry(&left, last.key, last.value);
    save(tree, page_key, &left);
    return RIACHO_OK;
}

static riacho_status join(const riacho_tree *tree, unsigned level, riacho_bytes page_key,
                          const boundary *at, uint64_t *ret_moved, riacho_error *err)
{
    riacho_tree_page page;
    riacho_tree_child child;
    uint64_t moved = 0;
    if (level) {
        RIACHO_TRY(riacho_tree_load(tree, page_key, &page, err));
        RIACHO_TRY(riacho_tree_choose(page, at->key, RIACHO_TREE_BELOW, &child, err));
        const riacho_bytes below = riacho_tree_page_key(tree, level - 1, child.entry.key);
        RIACHO_TRY(join(tree, level - 1, below, at, &moved, err));
    }
    if (level > at->height)
        return RIACHO_OK;
    if (level == at->height)
        return remove_child(tree, page_key, at, err);
    return append_page(tree, level, page_key, at, moved, ret_moved, err);
}

static riacho_status join_tree(const riacho_tree *tree, const boundary *at, riacho_error *err)
{
    riacho_tree_page root;
    uint64_t moved;
    RIACHO_TRY(riacho_tree_root(tree, &root, err));
    return join(tree, root.level, riacho_tree_root_key(tree), at, &moved, err);
}

/* ---- change ---- */

/* Goes on to the first entry that is not below the key, and past it when it is the key's.
 * ret_start: where that entry begins. */
static bool seek(riacho_tree_page *page, riacho_bytes key, const uint8_t **ret_start)
{
    riacho_tree_entry entry;
    while (*ret_start = page->at, riacho_tree_next(page, &entry)) {
        const int order = riacho_bytes_compare(entry.key, key);
        if (order < 0)
            continue;
        if (order > 0)
            page->at = *ret_start;
        return order == 0;
    }
    return false;
}

static riacho_status change_leaf(const riacho_tree *tree, riacho_bytes page_key,
                                 riacho_tree_page page, const riacho_tree_change *changes,
                                 size_t count, int64_t *ret_more, riacho_error *err)
{
    size_t bytes_max = bytes_of(&page);
    for (size_t i = 0; i < count; i++)
        bytes_max += entry_bytes_max(changes[i].key);
    draft new = draft_new(tree, 0, bytes_max);
    const uint8_t *kept = page.at; /* from here on nothing was copied yet */
    *ret_more = 0;
    for (size_t i = 0; i < count; i++) {
        const bool is_put = changes[i].verb == RIACHO_TREE_PUT;
        const uint8_t *start;
        const bool is_there = seek(&page, changes[i].key, &start);
        RIACHO_TRY(riacho_tree_end(&page, err));
        if (!is_put && !is_there)
            return riacho_fail(err, RIACHO_FATAL, "a tree lacks an entry that it should have");
        add_bytes(&new, kept, (size_t)(start - kept));
        if (is_put)
            add_entry(&new, changes[i].key, changes[i].value);
        kept = page.at;
        *ret_more += is_put - is_there;
    }
    add_bytes(&new, kept, (size_t)(page.end - kept));
    save(tree, page_key, &new);
    return RIACHO_OK;
}

static size_t count_below(const riacho_tree_change *changes, size_t count, riacho_bytes end)
{
    size_t below = 0;
    while (below < count && riacho_bytes_compare(changes[below].key, end) < 0)
        below++;
    return below;
}

static riacho_status change(const riacho_tree *tree, riacho_bytes page_key,
                            const riacho_tree_change *changes, size_t count, int64_t *ret_more,
                            riacho_error *err)
{
    riacho_tree_page page;
    riacho_tree_entry child, next;
    RIACHO_TRY(riacho_tree_load(tree, page_key, &page, err));
    if (!page.level)
        return change_leaf(tree, page_key, page, changes, count, ret_more, err);

    const unsigned below = page.level - 1u;
    draft new = draft_new(tree, page.level, bytes_of(&page));
    add_bytes(&new, page.at, bytes_of(&page));
    page.at = new.bytes + 1;
    page.end = new.bytes + new.size;
    bool is_changed = false;
    bool more = riacho_tree_next(&page, &child);
    for (*ret_more = 0; count && more; child = next) {
        uint8_t *value = new.bytes + (page.at - new.bytes) - RIACHO_TREE_COUNT_BYTES;
        int64_t come = 0;
        more = riacho_tree_next(&page, &next);
        const size_t here = more ? count_below(changes, count, next.key) : count;
        if (here)
            RIACHO_TRY(change(tree, riacho_tree_page_key(tree, below, child.key), changes, here,
                              &come, err));
        child.value += (uint64_t)come;
        memcpy(value, &child.value, sizeof child.value);
        is_changed |= come != 0;
        *ret_more += come;
        changes += here;
        count -= here;
    }
    RIACHO_TRY(riacho_tree_end(&page, err));
    if (count)
        return riacho_fail(err, RIACHO_FATAL, "a page of a tree has no pages below it");
    if (is_changed)
        save(tree, page_key, &new);
    return RIACHO_OK;
}

/* ---- settle ---- */

static riacho_status drop_pages(const riacho_tree *tree, unsigned level, riacho_bytes page_key,
                                riacho_error *err)
{
    riacho_tree_page page;
    riacho_tree_entry child;
    if (level) {
        RIACHO_TRY(load_copy(tree, page_key, &page, err));
        while (riacho_tree_next(&page, &child))
            RIACHO_TRY(
                drop_pages(tree, level - 1, riacho_tree_page_key(tree, level - 1, child.key), err));
        RIACHO_TRY(riacho_tree_end(&page, err));
    }
    drop(tree, page_key);
    return RIACHO_OK;
}

riacho_status riacho_tree_clear(const riacho_tree *tree, riacho_error *err)
{
    riacho_tree_page root;
    RIACHO_TRY(riacho_tree_root(tree, &root, err));
    return drop_pages(tree, root.level, riacho_tree_root_key(tree), err);
}

/* Many pages become one. */
static riacho_status gather(const riacho_tree *tree, riacho_error *err)
{
    riacho_tree_entries all;
    size_t bytes_max = 0;
    RIACHO_TRY(riacho_tree_read(tree, 0, RIACHO_TREE_SINGLE_MAX, &all, err));
    RIACHO_TRY(riacho_tree_clear(tree, err));
    for (size_t i = 0; i < all.count; i++)
        bytes_max += entry_bytes_max(all.items[i].key);
    draft page = draft_new(tree, 0, bytes_max);
    for (size_t i = 0; i < all.count; i++)
        add_entry(&page, all.items[i].key, all.items[i].value);
    save(tree, riacho_tree_root_key(tree), &page);
    return RIACHO_OK;
}

/* One page becomes many: the last boundary first, so that what is cut off is not copied again. */
static riacho_status scatter(const riacho_tree *tree, riacho_error *err)
{
    riacho_tree_page page;
    riacho_tree_entry entry;
    size_t count = 0;
    RIACHO_TRY(load_copy(tree, riacho_tree_root_key(tree), &page, err));
    boundary *found = riacho_alloc(tree->state->arena, (size_t)count_in(page) * sizeof *found);
    while (riacho_tree_next(&page, &entry)) {
        found[count] = (boundary){entry.key, height_of(entry.key)};
        count += found[count].height > 0;
    }
    RIACHO_TRY(riacho_tree_end(&page, err));
    while (count)
        RIACHO_TRY(split_tree(tree, &found[--count], err));
    return RIACHO_OK;
}

static riacho_status lower_root(const riacho_tree *tree, riacho_error *err)
{
    const riacho_bytes root_key = riacho_tree_root_key(tree);
    for (;;) {
        riacho_tree_page root;
        riacho_tree_entry only;
        RIACHO_TRY(riacho_tree_root(tree, &root, err));
        if (!root.level || !riacho_tree_next(&root, &only) || root.at != root.end)
            return riacho_tree_end(&root, err);
        const riacho_bytes below = riacho_tree_page_key(tree, root.level - 1u, only.key);
        RIACHO_TRY(load_copy(tree, below, &root, err));
        draft new = draft_new(tree, root.level, bytes_of(&root));
        add_bytes(&new, root.at, bytes_of(&root));
        drop(tree, below);
        save(tree, root_key, &new);
    }
}

/* ---- all of it ---- */

/* Makes the pages fit the boundaries that the changes take away and bring. */
static riacho_status move_boundaries(const riacho_tree *tree, const riacho_tree_change *changes,
                                     size_t count, riacho_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const boundary at = {changes[i].key, height_of(changes[i].key)};
        riacho_bytes page = {0};
        if (!at.height)
            continue;
        const riacho_bytes page_key = riacho_tree_page_key(tree, 0, at.key);
        RIACHO_TRY(riacho_state_peek(tree->state, page_key, &page, err));
        const bool is_there = page.data != NULL;
        if (changes[i].verb == RIACHO_TREE_DELETE && is_there)
            RIACHO_TRY(join_tree(tree, &at, err));
        if (changes[i].verb == RIACHO_TREE_PUT && !is_there)
            RIACHO_TRY(split_tree(tree, &at, err));
    }
    return RIACHO_OK;
}

/* From one page or many to many pages or one. */
static riacho_status settle(const riacho_tree *tree, bool was_single, bool is_single,
                            riacho_error *err)
{
    if (is_single)
        return was_single ? RIACHO_OK : gather(tree, err);
    if (was_single)
        RIACHO_TRY(scatter(tree, err));
    return lower_root(tree, err);
}

static riacho_status apply(const riacho_tree *tree, const riacho_tree_change *changes, size_t count,
                           riacho_tree_levels *ret_levels, riacho_error *err)
{
    const riacho_bytes root_key = riacho_tree_root_key(tree);
    riacho_tree_page root;
    int64_t more;
    RIACHO_TRY(riacho_tree_load(tree, root_key, &root, err));
    const uint64_t size = count_in(root);
    const bool was_single = size <= RIACHO_TREE_SINGLE_MAX;
    *ret_levels = (riacho_tree_levels){root.level, 0};
    if (was_single) {
        if (root.level)
            return riacho_fail(err, RIACHO_FATAL, "a tree has more pages than it needs");
        RIACHO_TRY(change_leaf(tree, root_key, root, changes, count, &more, err));
    } else {
        RIACHO_TRY(move_boundaries(tree, changes, count, err));
        RIACHO_TRY(change(tree, root_key, changes, count, &more, err));
    }
    const bool is_single = size + (uint64_t)more <= RIACHO_TREE_SINGLE_MAX;
    RIACHO_TRY(settle(tree, was_single, is_single, err));
    if (is_single)
        return RIACHO_OK;
    RIACHO_TRY(riacho_tree_load(tree, root_key, &root, err));
    ret_levels->after = root.level;
    return RIACHO_OK;
}

riacho_status riacho_tree_apply(const riacho_tree *tree, const riacho_tree_change *changes,
                                size_t count, riacho_tree_levels *ret_levels, riacho_error *err)
{
    riacho_tree_levels levels, all = {0};
    assert(tree->state->overlay);
    for (size_t done = 0; done < count;) {
        const size_t now = count - done < CHANGES_AT_ONCE ? count - done : CHANGES_AT_ONCE;
        RIACHO_TRY(apply(tree, changes + done, now, &levels, err));
        if (!done)
            all.before = levels.before;
        all.after = levels.after;
        done += now;
    }
    if (ret_levels && count)
        *ret_levels = all;
    return RIACHO_OK;
}
