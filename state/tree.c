/* SPDX-License-Identifier: MIT
 *
 * tree.c - the reading half of tree.h; tree_change.c is the other.
 */
#include "tree.h"

#include <assert.h>
#include <string.h>

#include "base/macros.h"
#include "tree_page.h"

static riacho_status damaged(const char *what, riacho_error *err)
{
    return riacho_fail(err, RIACHO_FATAL, "a page of a tree %s", what);
}

/* ---- pages ---- */

riacho_bytes riacho_tree_root_key(const riacho_tree *tree)
{
    return tree->prefix;
}

riacho_bytes riacho_tree_page_key(const riacho_tree *tree, unsigned level, riacho_bytes separator)
{
    const size_t prefix_size = tree->prefix.size;
    uint8_t *key = riacho_alloc(tree->state->arena, prefix_size + 1 + separator.size);
    memcpy(key, tree->prefix.data, prefix_size);
    key[prefix_size] = (uint8_t)level;
    if (separator.size)
        memcpy(key + prefix_size + 1, separator.data, separator.size);
    return (riacho_bytes){key, prefix_size + 1 + separator.size};
}

riacho_status riacho_tree_load(const riacho_tree *tree, riacho_bytes page_key,
                               riacho_tree_page *ret_page, riacho_error *err)
{
    static const uint8_t empty[] = {0};
    riacho_bytes stored;
    RIACHO_TRY(riacho_state_peek(tree->state, page_key, &stored, err));
    if (!stored.data) {
        if (page_key.size != tree->prefix.size)
            return damaged("is not there", err);
        stored = (riacho_bytes){empty, 1};
    }
    if (!stored.size)
        return damaged("is empty", err);
    const uint8_t *bytes = stored.data;
    *ret_page = (riacho_tree_page){
        .at = bytes + 1,
        .end = bytes + stored.size,
        .value_bytes = bytes[0] ? RIACHO_TREE_COUNT_BYTES : tree->leaf_value_bytes,
        .level = bytes[0],
    };
    return RIACHO_OK;
}

riacho_status riacho_tree_root(const riacho_tree *tree, riacho_tree_page *ret_page,
                               riacho_error *err)
{
    return riacho_tree_load(tree, riacho_tree_root_key(tree), ret_page, err);
}

static bool read_size(riacho_tree_page *page, size_t *ret_size)
{
    *ret_size = 0;
    for (unsigned shift = 0; page->at < page->end && shift < 32; shift += 7) {
        const uint8_t byte = *page->at++;
        *ret_size |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

bool riacho_tree_next(riacho_tree_page *page, riacho_tree_entry *ret_entry)
{
    size_t size;
    if (page->at >= page->end)
        return false;
    if (!read_size(page, &size) || (size_t)(page->end - page->at) < size + page->value_bytes) {
        page->at = page->end = NULL;
        return false;
    }
    ret_entry->key = (riacho_bytes){page->at, size};
    ret_entry->value = 0;
    memcpy(&ret_entry->value, page->at + size, page->value_bytes);
    page->at += size + page->value_bytes;
    return true;
}

riacho_status riacho_tree_end(const riacho_tree_page *page, riacho_error *err)
{
    return page->end ? RIACHO_OK : damaged("has an entry that is cut short", err);
}

riacho_status riacho_tree_choose(riacho_tree_page page, riacho_bytes key, riacho_tree_side side,
                                 riacho_tree_child *ret_child, riacho_error *err)
{
    riacho_tree_child child = {{{NULL, 0}, 0}, 0};
    riacho_tree_entry entry;
    while (riacho_tree_next(&page, &entry)) {
        if (child.entry.key.data) { /* the first one holds whatever is below the second */
            const int order = riacho_bytes_compare(entry.key, key);
            if (side == RIACHO_TREE_AT_MOST ? order > 0 : order >= 0)
                break;
            child.before += child.entry.value;
        }
        child.entry = entry;
    }
    RIACHO_TRY(riacho_tree_end(&page, err));
    if (!child.entry.key.data)
        return damaged("has no pages below it", err);
    *ret_child = child;
    return RIACHO_OK;
}

/* ---- looking up ---- */

/* Goes down to the page of level 0 where the key belongs; ret_before: entries before that page. */
static riacho_status descend(const riacho_tree *tree, riacho_bytes key, riacho_tree_page *ret_page,
                             uint64_t *ret_before, riacho_error *err)
{
    riacho_tree_page page;
    *ret_before = 0;
    RIACHO_TRY(riacho_tree_root(tree, &page, err));
    while (page.level) {
        riacho_tree_child child;
        const unsigned level = page.level - 1u;
        RIACHO_TRY(riacho_tree_choose(page, key, RIACHO_TREE_AT_MOST, &child, err));
        *ret_before += child.before;
        RIACHO_TRY(
            riacho_tree_load(tree, riacho_tree_page_key(tree, level, child.entry.key), &page, err));
        if (page.level != level)
            return damaged("is not on its level", err);
    }
    *ret_page = page;
    return RIACHO_OK;
}

riacho_status riacho_tree_get(const riacho_tree *tree, riacho_bytes key, bool *ret_found,
                              uint64_t *ret_value, riacho_error *err)
{
    riacho_tree_page page;
    riacho_tree_entry entry;
    uint64_t before;
    *ret_found = false;
    RIACHO_TRY(descend(tree, key, &page, &before, err));
    while (!*ret_found && riacho_tree_next(&page, &entry))
        *ret_found = riacho_bytes_equal(entry.key, key);
    if (*ret_found)
        *ret_value = entry.value;
    return riacho_tree_end(&page, err);
}

riacho_status riacho_tree_below(const riacho_tree *tree, riacho_bytes key, uint64_t *ret_count,
                                riacho_error *err)
{
    riacho_tree_page page;
    riacho_tree_entry entry;
    RIACHO_TRY(descend(tree, key, &page, ret_count, err));
    while (riacho_tree_next(&page, &entry) && riacho_bytes_compare(entry.key, key) < 0)
        ++*ret_count;
    return riacho_tree_end(&page, err);
}

riacho_status riacho_tree_size(const riacho_tree *tree, uint64_t *ret_size, riacho_error *err)
{
    riacho_tree_page page;
    riacho_tree_entry entry;
    RIACHO_TRY(riacho_tree_root(tree, &page, err));
    *ret_size = 0;
    while (riacho_tree_next(&page, &entry))
        *ret_size += page.level ? entry.value : 1;
    return riacho_tree_end(&page, err);
}

/* ---- reading by place ---- */

/* The page of level 0 with the entry that `first` others are before; its place in that page. */
static riacho_status descend_to(const riacho_tree *tree, uint64_t first, riacho_tree_page *ret_page,
                                uint64_t *ret_skip, riacho_error *err)
{
    riacho_tree_page page;
    RIACHO_TRY(riacho_tree_root(tree, &page, err));
    while (page.level) {
        riacho_tree_entry child = {{NULL, 0}, 0};
        const unsigned level = page.level - 1u;
        while (riacho_tree_next(&page, &child) && first >= child.value)
            first -= child.value;
        RIACHO_TRY(riacho_tree_end(&page, err));
        if (!child.key.data)
            return damaged("has no pages below it", err);
        RIACHO_TRY(
            riacho_tree_load(tree, riacho_tree_page_key(tree, level, child.key), &page, err));
        if (page.level != level)
            return damaged("is not on its level", err);
    }
    *ret_page = page;
    *ret_skip = first;
    return RIACHO_OK;
}

/* Copies the entries of one page, from the `skip`-th on. */
static riacho_status read_page(const riacho_tree *tree, riacho_tree_page page, uint64_t skip,
                               size_t limit, riacho_tree_entry *ret_items, size_t *ret_count,
                               riacho_error *err)
{
    riacho_tree_entry entry;
    *ret_count = 0;
    while (*ret_count < limit && riacho_tree_next(&page, &entry)) {
        if (skip) {
            skip--;
            continue;
        }
        entry.key = riacho_copy(tree->state->arena, entry.key);
        ret_items[(*ret_count)++] = entry;
    }
    return riacho_tree_end(&page, err);
}

riacho_status riacho_tree_read(const riacho_tree *tree, uint64_t first, size_t limit,
                               riacho_tree_entries *ret_entries, riacho_error *err)
{
    uint64_t size;
    RIACHO_TRY(riacho_tree_size(tree, &size, err));
    const uint64_t left = first < size ? size - first : 0;
    if (limit > left)
        limit = (size_t)left;
    riacho_tree_entry *items = riacho_alloc_zero(tree->state->arena, limit, sizeof *items);
    size_t done = 0;
    while (done < limit) {
        riacho_tree_page page;
        uint64_t skip;
        size_t count;
        RIACHO_TRY(descend_to(tree, first + done, &page, &skip, err));
        RIACHO_TRY(read_page(tree, page, skip, limit - done, items + done, &count, err));
        if (!count)
            return damaged("has fewer entries than the page above it says", err);
        done += count;
    }
    *ret_entries = (riacho_tree_entries){items, done};
    return RIACHO_OK;
}
