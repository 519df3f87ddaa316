/* SPDX-License-Identifier: MIT
 *
 * build_stores.c - stores: declared ones, those a step owns, and who uses them (see build.h).
 */
#include <string.h>

#include "base/text.h"
#include "build.h"

static const char *const kind_words[] = {
    [RIACHO_STORE_KEYVALUE] = "keyValue",
    [RIACHO_STORE_RANKING] = "ranking",
    [RIACHO_STORE_LIST] = "list",
    [RIACHO_STORE_TTL] = "ttl",
};

static riacho_store_kind kind_of(const riacho_store_words *words)
{
    switch (words->type) {
    case RIACHO_STORE_WORD_RANKING:
        return RIACHO_STORE_RANKING;
    case RIACHO_STORE_WORD_LIST:
        return RIACHO_STORE_LIST;
    case RIACHO_STORE_WORD_TTL:
        return RIACHO_STORE_TTL;
    default:
        return RIACHO_STORE_KEYVALUE;
    }
}

static bool caching(const riacho_builder *builder, const riacho_store_words *words)
{
    const riacho_choice all = builder->topology->caching;
    const riacho_choice one = words ? words->caching : RIACHO_UNSAID;
    return (one ? one : all) != RIACHO_NO;
}

static int32_t add_store(riacho_builder *builder, const riacho_graph_store *store,
                         const riacho_store_use *use)
{
    size_t capacity = builder->store_capacity;
    builder->stores = riacho_build_grow(builder, builder->stores, builder->store_count, &capacity,
                                        sizeof *builder->stores);
    builder->store_uses = riacho_build_grow(builder, builder->store_uses, builder->store_count,
                                            &builder->store_capacity, sizeof *builder->store_uses);
    builder->stores[builder->store_count] = *store;
    builder->stores[builder->store_count].subtopology = RIACHO_NONE;
    builder->store_uses[builder->store_count] = *use;
    return (int32_t)builder->store_count++;
}

static int32_t find_store(const riacho_builder *builder, const char *name)
{
    for (size_t i = 0; i < builder->store_count; i++)
        if (strcmp(builder->stores[i].name, name) == 0)
            return (int32_t)i;
    return RIACHO_NONE;
}

static riacho_data needed_type(riacho_builder *builder, const riacho_store_words *words,
                               const char *key, const char *const *word)
{
    if (*word)
        return riacho_build_word(builder, (riacho_where){word, &words->mark}, *word);
    riacho_build_issue(builder, (riacho_where){words, &words->mark}, NULL, "a %s store needs '%s'",
                       kind_words[kind_of(words)], key);
    return riacho_build_unknown();
}

static void refuse(riacho_builder *builder, const riacho_store_words *words, const void *member,
                   const char *key)
{
    riacho_build_issue(builder, (riacho_where){member, &words->mark}, NULL,
                       "a %s store has no '%s'", kind_words[kind_of(words)], key);
}

static void check_words(riacho_builder *builder, const riacho_store_words *words)
{
    const riacho_store_kind kind = kind_of(words);
    if (words->member_type && kind != RIACHO_STORE_RANKING)
        refuse(builder, words, &words->member_type, "memberType");
    if (words->value_type && kind == RIACHO_STORE_RANKING)
        refuse(builder, words, &words->value_type, "valueType");
    if (words->keep && kind != RIACHO_STORE_RANKING && kind != RIACHO_STORE_LIST)
        refuse(builder, words, &words->keep, "keep");
    if (words->ttl_ms && kind != RIACHO_STORE_TTL)
        refuse(builder, words, &words->ttl_ms, "ttl");
    if (!words->ttl_ms && kind == RIACHO_STORE_TTL)
        riacho_build_issue(builder, (riacho_where){words, &words->mark}, NULL,
                           "a ttl store needs 'ttl'");
}

static void declare(riacho_builder *builder, const riacho_store_words *words)
{
    const riacho_where where = {&words->name, &words->mark};
    if (!riacho_build_name_valid(builder, where, "a store", words->name))
        return;
    if (find_store(builder, words->name) != RIACHO_NONE) {
        riacho_build_issue(builder, where, NULL, "there are two stores '%s'", words->name);
        return;
    }
    check_words(builder, words);
    riacho_graph_store store = {
        .name = riacho_format(builder->arena, "%s", words->name),
        .kind = kind_of(words),
        .key = needed_type(builder, words, "keyType", &words->key_type),
        .queryable = true,
        .caching = caching(builder, words),
        .keep = words->keep,
        .ttl_ms = words->ttl_ms,
    };
    store.value = store.kind == RIACHO_STORE_RANKING
                      ? needed_type(builder, words, "memberType", &words->member_type)
                      : needed_type(builder, words, "valueType", &words->value_type);
    add_store(builder, &store,
              &(riacho_store_use){.words = words, .where = where, .owner = RIACHO_NONE});
}

void riacho_build_declared_stores(riacho_builder *builder)
{
    for (size_t i = 0; i < builder->topology->stores_count; i++)
        declare(builder, &builder->topology->stores[i]);
}

static bool says_more_than_a_name(const riacho_store_words *words)
{
    return words->type || words->key_type || words->value_type || words->member_type ||
           words->keep || words->ttl_ms || words->caching;
}

static void check_data(riacho_builder *builder, riacho_where where, const char *store,
                       const char *what, const riacho_data *has, const riacho_data *gets)
{
    if (!riacho_build_fits(has, gets))
        riacho_build_issue(builder, where, NULL, "the store '%s' has %s of type %s, and gets %s",
                           store, what, has->word, gets->word);
}

/* A declared store is the node's from now on. */
static int32_t take_declared(riacho_builder *builder, riacho_where where, int32_t index,
                             const riacho_tip *tip, int32_t owner)
{
    const riacho_graph_store *store = &builder->stores[index];
    riacho_store_use *use = &builder->store_uses[index];
    use->used = true;
    if (use->owner != RIACHO_NONE) {
        riacho_build_issue(builder, where, "give each its own store",
                           "the store '%s' is kept by '%s' already", store->name,
                           riacho_build_node_at(builder, use->owner)->id);
        return index;
    }
    use->owner = owner;
    if (store->kind != RIACHO_STORE_KEYVALUE) {
        riacho_build_issue(builder, where, NULL,
                           "a keyValue store is needed here, and '%s' is a %s", store->name,
                           kind_words[store->kind]);
        return index;
    }
    check_data(builder, where, store->name, "keys", &store->key, &tip->key);
    check_data(builder, where, store->name, "values", &store->value, &tip->value);
    return index;
}

static void check_inline(riacho_builder *builder, riacho_where where,
                         const riacho_store_words *words, const char *name, const riacho_tip *tip)
{
    if (kind_of(words) != RIACHO_STORE_KEYVALUE)
        riacho_build_issue(builder, where, NULL,
                           "a keyValue store is needed here, and this is a %s",
                           kind_words[kind_of(words)]);
    check_words(builder, words);
    const riacho_where at_key = {&words->key_type, where.mark};
    const riacho_where at_value = {&words->value_type, where.mark};
    const riacho_data key = riacho_build_word(builder, at_key, words->key_type);
    const riacho_data value = riacho_build_word(builder, at_value, words->value_type);
    check_data(builder, at_key, name, "keys", &key, &tip->key);
    check_data(builder, at_value, name, "values", &value, &tip->value);
}

int32_t riacho_build_owned_store(riacho_builder *builder, riacho_where where,
                                 const riacho_store_words *words, const char *derived,
                                 const riacho_tip *tip, int32_t owner)
{
    const bool more = says_more_than_a_name(words);
    const char *name = words->name ? words->name : derived;
    const int32_t known = find_store(builder, name);
    if (words->name && !riacho_build_name_valid(builder, where, "a store", words->name))
        return RIACHO_NONE;
    if (known != RIACHO_NONE && more)
        riacho_build_issue(builder, where, NULL,
                           "there is a store '%s' already: name it, or define another", name);
    if (known != RIACHO_NONE)
        return take_declared(builder, where, known, tip, owner);
    if (more)
        check_inline(builder, where, words, name, tip);
    const riacho_graph_store store = {
        .name = riacho_format(builder->arena, "%s", name),
        .kind = RIACHO_STORE_KEYVALUE,
        .key = tip->key,
        .value = tip->value,
        .queryable = words->name != NULL,
        .caching = caching(builder, words),
    };
    return add_store(builder, &store,
                     &(riacho_store_use){.where = where, .owner = owner, .used = true});
}

int32_t riacho_build_store_named(riacho_builder *builder, riacho_where where, const char *name)
{
    const int32_t known = find_store(builder, name);
    if (known != RIACHO_NONE)
        return known;
    const char **names = riacho_alloc_zero(builder->arena, builder->store_count, sizeof *names);
    for (size_t i = 0; i < builder->store_count; i++)
        names[i] = builder->stores[i].name;
    riacho_build_issue(builder, where,
                       riacho_build_meant(builder, name, names, builder->store_count),
                       "there is no store '%.80s'", name);
    return RIACHO_NONE;
}

/* Stores of a function may be owned by a step of any pipeline, so this waits until all are built.
 */
void riacho_build_process_stores(riacho_builder *builder)
{
    for (size_t i = 0; i < builder->node_count; i++) {
        const riacho_function_spec *spec = builder->nodes[i].process;
        if (!spec)
            continue;
        int32_t *stores = riacho_alloc_zero(builder->arena, spec->stores_count, sizeof *stores);
        size_t count = 0;
        for (size_t j = 0; j < spec->stores_count; j++) {
            const riacho_where where = {&spec->stores[j], &spec->mark};
            const int32_t store = riacho_build_store_named(builder, where, spec->stores[j]);
            if (store == RIACHO_NONE)
                continue;
            builder->store_uses[store].used = true;
            stores[count++] = store;
        }
        builder->nodes[i].node.stores = stores;
        builder->nodes[i].node.store_count = count;
    }
}

/* A store that a step keeps without a declaration and that is called nearly so: a slip, perhaps. */
static const char *unused_hint(const riacho_builder *builder, const char *name)
{
    const char **derived =
        riacho_alloc_zero(builder->arena, builder->store_count + 1, sizeof *derived);
    size_t count = 0;
    for (size_t i = 0; i < builder->store_count; i++)
        if (!builder->store_uses[i].words)
            derived[count++] = builder->stores[i].name;
    const char *meant = riacho_suggest(riacho_text(name), derived, count);
    return meant ? riacho_format(builder->arena,
                                 "a step keeps a store '%s': did you mean '%s' there?", meant, name)
                 : "use it in a step, or remove it";
}

void riacho_build_unused_stores(riacho_builder *builder)
{
    for (size_t i = 0; i < builder->store_count; i++)
        if (!builder->store_uses[i].used)
            riacho_build_issue(builder, builder->store_uses[i].where,
                               unused_hint(builder, builder->stores[i].name),
                               "the store '%s' is not used", builder->stores[i].name);
}
