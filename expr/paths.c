/* SPDX-License-Identifier: MIT
 *
 * paths.c - where a value is read from: names of the scope, fields of records, entries of lookups,
 * maps and arrays. A word that is not known is answered with the one that was probably meant.
 */
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "check.h"

static int shown(riacho_bytes text)
{
    return (int)(text.size > 60 ? 60 : text.size);
}

static riacho_status refuse_word(const riacho_expr_checker *checker, const riacho_expr_node *node,
                                 const char *what, const char *const *candidates, size_t count)
{
    const char *meant = riacho_suggest(node->text, candidates, count);
    return riacho_expr_refuse(
        checker->issue, node->mark, "'%.*s': %s '%.*s'%s%s%s", riacho_expr_shown(node),
        (const char *)checker->text.data + node->span.offset, what, shown(node->text),
        (const char *)node->text.data, meant ? "; did you mean '" : "", meant ? meant : "",
        meant ? "'?" : "");
}

static bool is_lookup(const riacho_expr_name *name)
{
    return name->how == RIACHO_NAME_LOOKUP || name->how == RIACHO_NAME_LOOKUP_PRESENT;
}

static bool find_name(const riacho_expr_scope *scope, riacho_bytes name, uint32_t *ret_index)
{
    for (size_t i = 0; i < scope->count; i++) {
        if (riacho_bytes_equal(name, riacho_text(scope->names[i].name))) {
            *ret_index = (uint32_t)i;
            return true;
        }
    }
    return false;
}

/* The value was found as `stored`, below something that may be null itself. */
static void set_stored(riacho_expr_node *node, const riacho_type *stored, bool nullable)
{
    node->stored = stored;
    node->type = riacho_expr_plain(stored);
    node->nullable = nullable || stored->kind == RIACHO_OPTIONAL || stored->kind == RIACHO_NULL;
}

riacho_status riacho_expr_check_name(riacho_expr_checker *checker, riacho_expr_node *node)
{
    const riacho_expr_scope *scope = checker->scope;
    if (!find_name(scope, node->text, &node->argument)) {
        const char **names = riacho_alloc(checker->arena, (scope->count + 1) * sizeof *names);
        for (size_t i = 0; i < scope->count; i++)
            names[i] = scope->names[i].name;
        if (riacho_expr_is_function(node->text))
            return riacho_expr_refuse(checker->issue, node->mark,
                                      "'%.*s' is a function: it needs its arguments in brackets",
                                      shown(node->text), (const char *)node->text.data);
        return riacho_suggest(node->text, names, scope->count)
                   ? refuse_word(checker, node, "there is no", names, scope->count)
                   : riacho_expr_refuse(checker->issue, node->mark,
                                        "there is no '%.*s' here; a text is written \"%.*s\"",
                                        shown(node->text), (const char *)node->text.data,
                                        shown(node->text), (const char *)node->text.data);
    }
    const riacho_expr_name *name = &scope->names[node->argument];
    if (is_lookup(name))
        return riacho_expr_refuse(checker->issue, node->mark,
                                  "'%s' has no value of its own: write %s.name", name->name,
                                  name->name);
    checker->uses[node->argument] = true;
    set_stored(node, name->type, name->how == RIACHO_NAME_NULLABLE);
    return RIACHO_OK;
}

bool riacho_expr_check_lookup(riacho_expr_checker *checker, riacho_expr_node *node)
{
    riacho_expr_node *base = node->child;
    uint32_t index;
    if (base->form != RIACHO_FORM_NAME || !find_name(checker->scope, base->text, &index) ||
        !is_lookup(&checker->scope->names[index]))
        return false;
    checker->uses[index] = true;
    node->nullable =
        node->form == RIACHO_FORM_INDEX || checker->scope->names[index].how == RIACHO_NAME_LOOKUP;
    if (node->form == RIACHO_FORM_FIELD) { /* headers.trace is headers["trace"] */
        base->form = RIACHO_FORM_LITERAL;
        base->type = &riacho_type_string;
        base->constant = true;
        base->value = (riacho_expr_slot){.bytes = node->text};
        base->span = base->mark = node->mark;
    } else {
        node->child = base->next;
    }
    node->form = RIACHO_FORM_CALL;
    node->child_count = 1;
    node->code = RIACHO_CODE_LOOKUP;
    node->argument = index;
    node->type = &riacho_type_string;
    return true;
}

static riacho_status refuse_field(const riacho_expr_checker *checker, const riacho_expr_node *node)
{
    const riacho_expr_node *base = node->child;
    const char *text = (const char *)checker->text.data + base->span.offset;
    const int length = riacho_expr_shown(base);
    char word[RIACHO_EXPR_TYPE_TEXT_MAX];
    riacho_expr_describe(base->type, word);
    if (riacho_expr_is_null(base->type))
        return riacho_expr_refuse(checker->issue, base->span, "'%.*s' is always null here", length,
                                  text);
    if (base->type->kind == RIACHO_MAP)
        return riacho_expr_refuse(checker->issue, node->mark,
                                  "'%.*s' is a map: write %.*s[\"%.*s\"]", length, text, length,
                                  text, shown(node->text), (const char *)node->text.data);
    return riacho_expr_refuse(checker->issue, node->mark, "'%.*s' is of type %s and has no fields",
                              length, text, word);
}

riacho_status riacho_expr_check_field(riacho_expr_checker *checker, riacho_expr_node *node)
{
    const riacho_type *record = node->child->type;
    if (record->kind != RIACHO_RECORD)
        return refuse_field(checker, node);
    const riacho_field *field = riacho_type_field(record, node->text);
    if (!field) {
        const char **names =
            riacho_alloc(checker->arena, (record->field_count + 1) * sizeof *names);
        for (uint32_t i = 0; i < record->field_count; i++)
            names[i] = record->fields[i].name;
        const char *dot = strrchr(record->name, '.');
        char *what =
            riacho_format(checker->arena, "%.80s has no field", dot ? dot + 1 : record->name);
        return refuse_word(checker, node, what, names, record->field_count);
    }
    node->argument = field->offset;
    set_stored(node, field->type, node->child->nullable);
    return RIACHO_OK;
}

riacho_status riacho_expr_check_index(riacho_expr_checker *checker, riacho_expr_node *node)
{
    const riacho_expr_node *base = node->child;
    const riacho_expr_node *index = base->next;
    const riacho_type *type = base->type;
    const char *text = (const char *)checker->text.data;
    char word[RIACHO_EXPR_TYPE_TEXT_MAX];
    if (type->kind != RIACHO_MAP && type->kind != RIACHO_ARRAY) {
        riacho_expr_describe(type, word);
        return riacho_expr_refuse(checker->issue, base->span,
                                  "'%.*s' is of type %s: only arrays and maps have [...]",
                                  riacho_expr_shown(base), text + base->span.offset, word);
    }
    const bool fits = type->kind == RIACHO_MAP ? index->type->kind == RIACHO_STRING
                                               : riacho_expr_is_whole(index->type);
    if (!fits) {
        riacho_expr_describe(index->type, word);
        return riacho_expr_refuse(checker->issue, index->span,
                                  "'%.*s' is of type %s where %s is needed",
                                  riacho_expr_shown(index), text + index->span.offset, word,
                                  type->kind == RIACHO_MAP ? "a string, the entry's key,"
                                                           : "a whole number, the item's place,");
    }
    node->code = type->kind == RIACHO_MAP ? RIACHO_CODE_MAP_GET : RIACHO_CODE_ARRAY_GET;
    node->argument_type = type;
    set_stored(node, type->item, true); /* there may be no such entry */
    return RIACHO_OK;
}
