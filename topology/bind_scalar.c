/* SPDX-License-Identifier: MIT
 *
 * bind_scalar.c - see bind_scalar.h.
 */
#include "bind_scalar.h"

#include <inttypes.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "environment.h"

static const char *kind_word(const riacho_yaml_node *node)
{
    return node->kind == RIACHO_YAML_MAPPING ? "a mapping" : "a list";
}

/* The scalar's text, with the environment filled in where the key wants it. RIACHO_REJECT after an
 * issue. */
static riacho_status scalar_text(riacho_binder *binder, const riacho_key *key,
                                 const riacho_yaml_node *node, riacho_bytes *ret_text)
{
    riacho_error err;
    if (node->kind != RIACHO_YAML_SCALAR) {
        riacho_yaml_issue(node, binder->issues, NULL, "'%s' must be a single value, not %s",
                          key->name, kind_word(node));
        return RIACHO_REJECT;
    }
    if (riacho_yaml_type_of(node) == RIACHO_YAML_NULL && node->text.size == 0) {
        riacho_yaml_issue(node, binder->issues, NULL, "'%s' has no value", key->name);
        return RIACHO_REJECT;
    }
    *ret_text = node->text;
    if (key->source != RIACHO_KEY_ENVIRONMENT || !memmem(node->text.data, node->text.size, "${", 2))
        return RIACHO_OK;
    if (riacho_environment_fill(node->text, binder->environment, binder->arena, ret_text, &err) ==
        RIACHO_OK)
        return RIACHO_OK;
    riacho_yaml_issue(node, binder->issues, NULL, "%s", err.text);
    return RIACHO_REJECT;
}

void riacho_bind_expression(riacho_binder *binder, const riacho_key *key,
                            const riacho_yaml_node *node, const char **target)
{
    riacho_bytes text;
    if (scalar_text(binder, key, node, &text) == RIACHO_OK)
        *target = text.data;
}

void riacho_bind_text(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                      const char **target)
{
    riacho_bytes text;
    if (scalar_text(binder, key, node, &text) != RIACHO_OK)
        return;
    if (riacho_yaml_type_of(node) == RIACHO_YAML_STRING)
        *target = text.data;
    else
        riacho_yaml_issue(node, binder->issues, "put it in quotes",
                          "'%s' must be text, and %.*s is not", key->name,
                          (int)(text.size > 40 ? 40 : text.size), (const char *)text.data);
}

/* 0 when it is none of the words. */
static int word_of(const riacho_words *words, riacho_bytes text)
{
    for (size_t i = 0; i < words->count; i++)
        if (riacho_bytes_equal(text, riacho_text(words->items[i])))
            return (int)i + 1;
    return 0;
}

static bool is_later(const riacho_words *words, riacho_bytes text)
{
    for (size_t i = 0; i < words->later_count; i++)
        if (riacho_bytes_equal(text, riacho_text(words->later[i])))
            return true;
    return false;
}

static void unknown_word(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                         riacho_bytes text)
{
    RIACHO_AUTO(buffer) riacho_buffer hint = {0};
    const int size = (int)(text.size > 80 ? 80 : text.size);
    if (is_later(key->words, text)) {
        riacho_yaml_issue(node, binder->issues, NULL,
                          "'%s: %.*s' is not supported by this version yet", key->name, size,
                          (const char *)text.data);
        return;
    }
    const char *meant = riacho_suggest(text, key->words->items, key->words->count);
    if (meant)
        riacho_buffer_printf(&hint, "did you mean '%s'?", meant);
    for (size_t i = 0; i < key->words->count && !meant; i++)
        riacho_buffer_printf(&hint, "%s%s", i ? ", " : "write one of ", key->words->items[i]);
    riacho_buffer_append(&hint, "", 1);
    riacho_yaml_issue(node, binder->issues, (const char *)hint.data, "'%s' cannot be '%.*s'",
                      key->name, size, (const char *)text.data);
}

void riacho_bind_word(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                      int *target)
{
    riacho_bytes text;
    if (scalar_text(binder, key, node, &text) != RIACHO_OK)
        return;
    const int word = word_of(key->words, text);
    if (word)
        *target = word;
    else
        unknown_word(binder, key, node, text);
}

static riacho_status parse_size(riacho_bytes text, int64_t *ret_value, riacho_error *err)
{
    uint64_t bytes;
    RIACHO_TRY(riacho_size_parse(text, &bytes, err));
    *ret_value = (int64_t)bytes; /* the parser's limit is INT64_MAX */
    return RIACHO_OK;
}

static int64_t max_of(const riacho_key *key)
{
    if (key->max)
        return key->max;
    return key->type == RIACHO_KEY_COUNT ? INT32_MAX : INT64_MAX;
}

/* Numbers, sizes and durations are one 64-bit number within the key's limits. */
static riacho_status parse_number(const riacho_key *key, riacho_bytes text, int64_t *ret_value,
                                  riacho_error *err)
{
    if (key->type == RIACHO_KEY_COUNT || key->type == RIACHO_KEY_NUMBER)
        return riacho_int_parse(text, key->min, max_of(key), ret_value, err);
    if (key->type == RIACHO_KEY_SIZE)
        RIACHO_TRY(parse_size(text, ret_value, err));
    else
        RIACHO_TRY(riacho_duration_parse(text, ret_value, err));
    const char *unit = key->type == RIACHO_KEY_SIZE ? " bytes" : "ms";
    if (*ret_value < key->min)
        return riacho_fail(err, RIACHO_REJECT, "'%s' must be at least %" PRId64 "%s", key->name,
                           key->min, unit);
    if (*ret_value > max_of(key))
        return riacho_fail(err, RIACHO_REJECT, "'%s' must be at most %" PRId64 "%s", key->name,
                           key->max, unit);
    return RIACHO_OK;
}

static void store_number(const riacho_key *key, int64_t value, void *target)
{
    const uint32_t narrow = (uint32_t)value;
    if (key->type == RIACHO_KEY_COUNT)
        memcpy(target, &narrow, sizeof narrow);
    else
        memcpy(target, &value, sizeof value);
}

static void bind_number(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                        void *target)
{
    riacho_bytes text;
    riacho_error err;
    int64_t value;
    if (scalar_text(binder, key, node, &text) != RIACHO_OK)
        return;
    if (parse_number(key, text, &value, &err) == RIACHO_OK)
        store_number(key, value, target);
    else
        riacho_yaml_issue(node, binder->issues, NULL, "%s", err.text);
}

static void bind_flag(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                      void *target)
{
    riacho_bytes text;
    if (scalar_text(binder, key, node, &text) != RIACHO_OK)
        return;
    const riacho_choice choice =
        *(const char *)text.data == 't' || *(const char *)text.data == 'T' ? RIACHO_YES : RIACHO_NO;
    if (riacho_yaml_type_of(node) == RIACHO_YAML_BOOLEAN)
        memcpy(target, &choice, sizeof choice);
    else
        riacho_yaml_issue(node, binder->issues, NULL, "'%s' must be true or false", key->name);
}

void riacho_bind_scalar(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                        void *target)
{
    switch (key->type) {
    case RIACHO_KEY_TEXT:
        riacho_bind_text(binder, key, node, target);
        break;
    case RIACHO_KEY_EXPRESSION:
        riacho_bind_expression(binder, key, node, target);
        break;
    case RIACHO_KEY_WORD:
        riacho_bind_word(binder, key, node, target);
        break;
    case RIACHO_KEY_FLAG:
        bind_flag(binder, key, node, target);
        break;
    default:
        bind_number(binder, key, node, target);
        break;
    }
}

void riacho_bind_default(riacho_binder *binder, const riacho_key *key, void *target)
{
    const riacho_yaml_node written = {
        .kind = RIACHO_YAML_SCALAR, .style = RIACHO_YAML_PLAIN, .text = riacho_text(key->fallback)};
    riacho_bind_scalar(binder, key, &written, target);
}
