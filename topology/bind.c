/* SPDX-License-Identifier: MIT
 *
 * bind.c - see bind.h. Collections and shapes here, scalars in bind_scalar.c. Recursion follows the
 * shapes, which are a few deep.
 */
#include "bind.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "bind_scalar.h"

enum { NAMES_MAX = 64 }; /* of one shape's keys */

static void remember(riacho_binder *binder, const void *member, const riacho_yaml_node *node)
{
    const riacho_place place = {member, node};
    riacho_buffer_append(&binder->places, &place, sizeof place);
}

static void issue_wants(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                        const char *what)
{
    riacho_yaml_issue(node, binder->issues, NULL, "'%s' must be %s", key->name, what);
}

static void store_array(const riacho_key *key, void *target, const void *items, size_t count)
{
    memcpy((char *)target + key->offset, &items, sizeof items);
    memcpy((char *)target + key->count_offset, &count, sizeof count);
}

static void bind_texts(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                       void *target)
{
    if (node->kind != RIACHO_YAML_SEQUENCE) {
        issue_wants(binder, key, node, "a list, such as [a, b]");
        return;
    }
    const char **items = riacho_alloc_zero(binder->arena, node->count + 1, sizeof *items);
    for (size_t i = 0; i < node->count; i++) {
        const riacho_yaml_node *item = node->entries[i].value;
        remember(binder, &items[i], item);
        items[i] = "";
        riacho_bind_text(binder, key, item, &items[i]);
    }
    store_array(key, target, items, node->count);
}

static void bind_words(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                       void *target)
{
    unsigned bits = 0;
    if (node->kind != RIACHO_YAML_SEQUENCE) {
        issue_wants(binder, key, node, "a list, such as [a, b]");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        int word = 0;
        riacho_bind_word(binder, key, node->entries[i].value, &word);
        bits |= word ? 1u << (word - 1) : 0;
    }
    memcpy(target, &bits, sizeof bits);
}

static void bind_pairs(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                       void *target)
{
    if (node->kind != RIACHO_YAML_MAPPING) {
        issue_wants(binder, key, node, "a mapping");
        return;
    }
    riacho_pair *pairs = riacho_alloc_zero(binder->arena, node->count + 1, sizeof *pairs);
    for (size_t i = 0; i < node->count; i++) {
        pairs[i].name = node->entries[i].key->text.data;
        pairs[i].value = "";
        remember(binder, &pairs[i].name, node->entries[i].key);
        riacho_bind_expression(binder, key, node->entries[i].value, &pairs[i].value);
    }
    store_array(key, target, pairs, node->count);
}

static void bind_value(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                       riacho_value_spec *value)
{
    if (node->kind == RIACHO_YAML_SCALAR) {
        riacho_bind_expression(binder, key, node, &value->expression);
        return;
    }
    if (node->kind != RIACHO_YAML_MAPPING) {
        issue_wants(binder, key, node, "an expression, or a mapping of fields to expressions");
        return;
    }
    riacho_field_spec *fields = riacho_alloc_zero(binder->arena, node->count + 1, sizeof *fields);
    for (size_t i = 0; i < node->count; i++) {
        fields[i].name = node->entries[i].key->text.data;
        fields[i].expression = "null";
        remember(binder, &fields[i].name, node->entries[i].key);
        remember(binder, &fields[i].expression, node->entries[i].value);
        riacho_bind_expression(binder, key, node->entries[i].value, &fields[i].expression);
    }
    value->fields = fields;
    value->fields_count = node->count;
}

static void bind_items(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                       void *target)
{
    const bool named = key->type == RIACHO_KEY_MAP;
    if (node->kind != (named ? RIACHO_YAML_MAPPING : RIACHO_YAML_SEQUENCE)) {
        issue_wants(binder, key, node, named ? "a mapping of names" : "a list");
        return;
    }
    char *items = riacho_alloc_zero(binder->arena, node->count + 1, key->shape->size);
    for (size_t i = 0; i < node->count; i++) {
        const riacho_yaml_entry *entry = &node->entries[i];
        char *item = items + i * key->shape->size;
        if (named) {
            const char *name = entry->key->text.data;
            memcpy(item, &name, sizeof name);
            remember(binder, item, entry->key);
        }
        if (entry->value->refused || (named && entry->key->refused))
            remember(binder, item + key->shape->mark_offset, NULL);
        else
            riacho_bind(binder, key->shape, entry->value, item);
        /* What is wrong with a named thing is shown at its name. */
        if (named && key->shape->mark_offset)
            memcpy(item + key->shape->mark_offset, &entry->key->mark, sizeof entry->key->mark);
    }
    store_array(key, target, items, node->count);
}

static void bind_later(riacho_binder *binder, const char *name, const riacho_yaml_node *node,
                       const riacho_yaml_node *value)
{
    if (value->count == 0 && value->text.size == 0)
        return; /* said to be empty */
    riacho_yaml_issue(node, binder->issues, NULL, "'%s' is not supported by this version yet",
                      name);
}

static void bind_empty(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                       void *target)
{
    const riacho_choice yes = RIACHO_YES;
    const bool nothing =
        node->kind == RIACHO_YAML_MAPPING ||
        (node->kind == RIACHO_YAML_SCALAR && riacho_yaml_type_of(node) == RIACHO_YAML_NULL);
    if (!nothing || node->count)
        issue_wants(binder, key, node, "{}: it has no settings in this version");
    memcpy(target, &yes, sizeof yes);
}

static void bind_key(riacho_binder *binder, const riacho_key *key, const riacho_yaml_entry *entry,
                     void *owner)
{
    void *target = (char *)owner + key->offset;
    const riacho_yaml_node *node = entry->value;
    if (node->refused)
        return;
    if (key->type != RIACHO_KEY_LATER && key->type != RIACHO_KEY_SHAPE)
        remember(binder, target, node);
    switch (key->type) {
    case RIACHO_KEY_LATER:
        bind_later(binder, key->name, entry->key, node);
        break;
    case RIACHO_KEY_TEXTS:
        bind_texts(binder, key, node, owner);
        break;
    case RIACHO_KEY_WORDS:
        bind_words(binder, key, node, target);
        break;
    case RIACHO_KEY_PAIRS:
        bind_pairs(binder, key, node, owner);
        break;
    case RIACHO_KEY_VALUE:
        bind_value(binder, key, node, target);
        break;
    case RIACHO_KEY_MAP:
    case RIACHO_KEY_LIST:
        bind_items(binder, key, node, owner);
        break;
    case RIACHO_KEY_EMPTY:
        bind_empty(binder, key, node, target);
        break;
    case RIACHO_KEY_TEXT_OR_SHAPE:
        if (node->kind == RIACHO_YAML_SCALAR)
            riacho_bind_expression(binder, key, node, target);
        else
            riacho_bind(binder, key->shape, node, target);
        break;
    case RIACHO_KEY_SHAPE:
        riacho_bind(binder, key->shape, node, target);
        break;
    default:
        riacho_bind_scalar(binder, key, node, target);
        break;
    }
}

static const riacho_key *key_of(const riacho_shape *shape, riacho_bytes name)
{
    for (size_t i = 0; i < shape->key_count; i++)
        if (riacho_bytes_equal(name, riacho_text(shape->keys[i].name)))
            return &shape->keys[i];
    return NULL;
}

static void unknown_key(riacho_binder *binder, const riacho_shape *shape,
                        const riacho_yaml_node *node)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    RIACHO_AUTO(buffer) riacho_buffer hint = {0};
    for (size_t i = 0; i < shape->key_count && count < NAMES_MAX; i++)
        if (shape->keys[i].type != RIACHO_KEY_LATER)
            names[count++] = shape->keys[i].name;
    const char *meant = riacho_suggest(node->text, names, count);
    if (meant)
        riacho_buffer_printf(&hint, "did you mean '%s'?", meant);
    for (size_t i = 0; i < count && !meant; i++)
        riacho_buffer_printf(&hint, "%s%s", i ? ", " : "its keys are ", names[i]);
    riacho_buffer_append(&hint, "", 1);
    riacho_yaml_issue(node, binder->issues, (const char *)hint.data, "unknown key '%.*s' in %s",
                      (int)(node->text.size > 80 ? 80 : node->text.size),
                      (const char *)node->text.data, shape->noun);
}

/* Keys that were not said: an issue where one is required, its default where that is wanted.
 * Without a node the whole shape was not said, and only the defaults are wanted. */
static void bind_missing(riacho_binder *binder, const riacho_shape *shape,
                         const riacho_yaml_node *node, void *target)
{
    for (size_t i = 0; i < shape->key_count; i++) {
        const riacho_key *key = &shape->keys[i];
        if (riacho_yaml_get(node, key->name))
            continue;
        if (node && key->presence == RIACHO_KEY_REQUIRED)
            riacho_yaml_issue(node, binder->issues, NULL, "%s needs '%s'", shape->noun, key->name);
        if (binder->defaults == RIACHO_BIND_DEFAULTS && key->fallback)
            riacho_bind_default(binder, key, (char *)target + key->offset);
        else if (binder->defaults == RIACHO_BIND_DEFAULTS && key->type == RIACHO_KEY_SHAPE)
            bind_missing(binder, key->shape, NULL, (char *)target + key->offset);
    }
}

static void bind_keys(riacho_binder *binder, const riacho_shape *shape,
                      const riacho_yaml_node *node, void *target)
{
    if (node->kind != RIACHO_YAML_MAPPING) {
        riacho_yaml_issue(node, binder->issues, NULL, "%s must be a mapping of keys to values",
                          shape->noun);
        return;
    }
    bool merged = false;
    for (size_t i = 0; i < node->count; i++) {
        const riacho_yaml_entry *entry = &node->entries[i];
        const riacho_key *key = key_of(shape, entry->key->text);
        merged = merged || (entry->key->refused && !key);
        if (key)
            bind_key(binder, key, entry, target);
        else if (!entry->key->refused)
            unknown_key(binder, shape, entry->key);
    }
    if (!merged)
        bind_missing(binder, shape, node, target);
}

static bool has_refused(const riacho_yaml_node *node)
{
    for (size_t i = 0; i < node->count; i++)
        if (node->entries[i].value->refused ||
            (node->entries[i].key && node->entries[i].key->refused))
            return true;
    return false;
}

/* What is wrong inside an item spoils that item, and not those around it. A shape without a mark is
 * a part of its owner. */
void riacho_bind(riacho_binder *binder, const riacho_shape *shape, const riacho_yaml_node *node,
                 void *target)
{
    const size_t errors = binder->issues->errors, blamed = binder->blamed;
    if (!shape->mark_offset) {
        bind_keys(binder, shape, node, target);
        return;
    }
    riacho_mark *mark = (riacho_mark *)((char *)target + shape->mark_offset);
    *mark = node->mark;
    bind_keys(binder, shape, node, target);
    const size_t own = binder->issues->errors - errors - (binder->blamed - blamed);
    if (own || has_refused(node))
        remember(binder, mark, NULL);
    binder->blamed += own;
}

const riacho_places *riacho_binder_places(riacho_binder *binder)
{
    const riacho_bytes bytes = riacho_buffer_bytes(&binder->places);
    riacho_place *items = riacho_alloc(binder->arena, bytes.size);
    memcpy(items, bytes.data, bytes.size);
    return riacho_places_make(items, bytes.size / sizeof *items, binder->arena);
}

void riacho_binder_done(riacho_binder *binder)
{
    riacho_buffer_done(&binder->places);
}
