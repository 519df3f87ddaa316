/* SPDX-License-Identifier: MIT
 *
 * reference.c - see reference.h: making and printing trees. reference_eval.c evaluates them.
 */
#include "reference.h"

#include <inttypes.h>
#include <string.h>

uint64_t reference_random(uint64_t *seed, uint64_t below)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

reference_value reference_random_value(reference_kind kind, bool small, riacho_arena *arena,
                                       uint64_t *seed)
{
    static const int64_t edges[] = {INT64_MAX, INT64_MIN, INT32_MAX, (int64_t)INT32_MAX + 1, -1};
    static const char *const words[] = {"",     "a",      "FEED", "feed me", " x ",
                                        "água", "\"'\\n", "10",   "🐾",       "a\tb"};
    reference_value value = {0};
    switch (kind) {
    case REFERENCE_LONG:
        value.whole = (int64_t)reference_random(seed, 21) - 10;
        if (!small && reference_random(seed, 6) == 0)
            value.whole = edges[reference_random(seed, 5)];
        break;
    case REFERENCE_REAL:
        value.real = (double)((int64_t)reference_random(seed, 81) - 40) / 8;
        break;
    case REFERENCE_TEXT:
        value.text = riacho_copy(arena, riacho_text(words[reference_random(seed, 10)]));
        break;
    default:
        value.whole = (int64_t)reference_random(seed, 2);
    }
    return value;
}

static void print_text(riacho_bytes text, riacho_buffer *out)
{
    const char *at = text.data;
    riacho_buffer_append(out, "\"", 1);
    for (size_t i = 0; i < text.size; i++) {
        if (at[i] == '\t')
            riacho_buffer_append(out, "\\t", 2);
        else if (at[i] == '"' || at[i] == '\\')
            riacho_buffer_printf(out, "\\%c", at[i]);
        else
            riacho_buffer_append(out, at + i, 1);
    }
    riacho_buffer_append(out, "\"", 1);
}

void reference_print_value(reference_kind kind, const reference_value *value, riacho_buffer *out)
{
    if (kind == REFERENCE_LONG)
        riacho_buffer_printf(out, "%" PRId64, value->whole);
    else if (kind == REFERENCE_REAL)
        riacho_buffer_printf(out, "%.3f", value->real);
    else if (kind == REFERENCE_BOOLEAN)
        riacho_buffer_printf(out, "%s", value->whole ? "true" : "false");
    else
        print_text(value->text, out);
}

/* The forms of each kind: a name, then a letter for each operand (l long, r real, t text, b
 * boolean, n a number of either sort, s the kind itself, z null). */
static const char *const forms[REFERENCE_KIND_COUNT][18] = {
    [REFERENCE_LONG] = {"+ ll", "- ll", "* ll", "/ ll", "% ll", "neg l", "?? ss", "?: bss",
                        "size t", "abs l", "min ss", "max sss", "long r", "?? sss", "hash l"},
    [REFERENCE_REAL] = {"+ rn", "- nr", "* rn", "/ nr", "neg r", "?? ss", "?: bss", "abs r",
                        "min rn", "max rr", "double l", "+ rr"},
    [REFERENCE_TEXT] = {"+ tt", "?? ss", "?: bss", "lower t", "upper t", "trim t", "min tt",
                        "max tt", "string l", "string b", "string t"},
    [REFERENCE_BOOLEAN] = {"== nn", "!= nn", "< nn", "<= nn", "> nn", ">= nn", "== tt", "< tt",
                           "&& bb", "|| bb", "! b", "in lll", "in tttt", "contains tt",
                           "startsWith tt", "== lz", "!= tz", "endsWith tt"},
};

static const reference_node *make_leaf(reference_kind kind, riacho_arena *arena, uint64_t *seed)
{
    static const char *const fields[REFERENCE_KIND_COUNT][4] = {
        {"small", "big", "maybeSmall", "maybeBig"},
        {"real", "maybeReal", "real", "maybeReal"},
        {"text", "maybeText", "text", "maybeText"},
        {"flag", "maybeFlag", "flag", "maybeFlag"},
    };
    reference_node *node = riacho_alloc_zero(arena, 1, sizeof *node);
    node->kind = kind;
    if (reference_random(seed, 5) < 2) {
        strncpy(node->form, "literal", sizeof node->form - 1);
        node->value = reference_random_value(kind, false, arena, seed);
        return node;
    }
    strncpy(node->form, "field", sizeof node->form - 1);
    node->field = riacho_format(arena, "%s.%s", reference_random(seed, 3) ? "value" : "before",
                                fields[kind][reference_random(seed, 4)]);
    return node;
}

static const reference_node *make_operand(reference_kind owner, char letter, int depth,
                                          riacho_arena *arena, uint64_t *seed)
{
    switch (letter) {
    case 'l':
        return reference_make(REFERENCE_LONG, depth, arena, seed);
    case 'r':
        return reference_make(REFERENCE_REAL, depth, arena, seed);
    case 't':
        return reference_make(REFERENCE_TEXT, depth, arena, seed);
    case 'b':
        return reference_make(REFERENCE_BOOLEAN, depth, arena, seed);
    case 'n':
        return reference_make(reference_random(seed, 2) ? REFERENCE_LONG : REFERENCE_REAL, depth,
                              arena, seed);
    case 'z': {
        reference_node *null = riacho_alloc_zero(arena, 1, sizeof *null);
        strncpy(null->form, "literal", sizeof null->form - 1);
        null->value.null = true;
        return null;
    }
    default:
        return reference_make(owner, depth, arena, seed);
    }
}

const reference_node *reference_make(reference_kind kind, int depth, riacho_arena *arena,
                                     uint64_t *seed)
{
    if (depth == 0 || reference_random(seed, 8) == 0)
        return make_leaf(kind, arena, seed);
    uint64_t count = 0;
    while (count < 18 && forms[kind][count])
        count++;
    const char *form = forms[kind][reference_random(seed, count)];
    const size_t length = strcspn(form, " ");
    reference_node *node = riacho_alloc_zero(arena, 1, sizeof *node);
    node->kind = kind;
    memcpy(node->form, form, length);
    for (const char *letter = form + length + 1; *letter; letter++)
        node->children[node->count++] = make_operand(kind, *letter, depth - 1, arena, seed);
    return node;
}

/* How strongly the form binds; 99 for what needs no brackets. */
static int strength(const reference_node *node)
{
    static const struct {
        const char *form;
        int strength;
    } table[] = {{"?:", 1}, {"??", 2}, {"||", 3}, {"&&", 4}, {"==", 5},  {"!=", 5},
                 {"<", 6},  {"<=", 6}, {">", 6},  {">=", 6}, {"in", 6},  {"+", 7},
                 {"-", 7},  {"*", 8},  {"/", 8},  {"%", 8},  {"neg", 9}, {"!", 9}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].form, node->form) == 0)
            return table[i].strength;
    }
    return 99;
}

static void print_list(const reference_node *node, int from, uint64_t *seed, riacho_buffer *out)
{
    for (int i = from; i < node->count; i++) {
        riacho_buffer_printf(out, "%s", i > from ? "," : "");
        reference_print(node->children[i], 0, seed, out);
    }
}

static void print_operation(const reference_node *node, uint64_t *seed, riacho_buffer *out)
{
    const int own = strength(node);
    const bool comparison = own == 5 || own == 6;
    const bool prefix = own == 9;
    if (own == 99) {
        riacho_buffer_printf(out, "%s(", node->form);
        print_list(node, 0, seed, out);
        riacho_buffer_append(out, ")", 1);
        return;
    }
    if (prefix) {
        riacho_buffer_printf(out, "%s", node->form[0] == 'n' ? "- " : "!");
        reference_print(node->children[0], own, seed, out);
        return;
    }
    reference_print(node->children[0], own + (comparison || own == 1), seed, out);
    riacho_buffer_printf(out, reference_random(seed, 2) ? " %s " : "\n%s\t",
                         own == 1 ? "?" : node->form);
    if (strcmp(node->form, "in") == 0) {
        riacho_buffer_append(out, "[", 1);
        print_list(node, 1, seed, out);
        riacho_buffer_append(out, "]", 1);
        return;
    }
    for (int i = 1; i < node->count; i++) {
        if (i > 1)
            riacho_buffer_printf(out, own == 1 ? " : " : " %s ", node->form);
        reference_print(node->children[i], own == 1 ? 0 : own + 1, seed, out);
    }
}

void reference_print(const reference_node *node, int least, uint64_t *seed, riacho_buffer *out)
{
    if (strcmp(node->form, "literal") == 0) {
        if (node->value.null)
            riacho_buffer_printf(out, "null");
        else
            reference_print_value(node->kind, &node->value, out);
        return;
    }
    if (node->field) {
        riacho_buffer_printf(out, "%s", node->field);
        return;
    }
    const bool brackets = strength(node) < least || reference_random(seed, 10) == 0;
    riacho_buffer_printf(out, "%s", brackets ? "(" : "");
    print_operation(node, seed, out);
    riacho_buffer_printf(out, "%s", brackets ? ")" : "");
}
