/* SPDX-License-Identifier: MIT
 *
 * compile.c - from text to a program: parse, check, convert to what is expected, emit.
 */
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "check.h"
#include "emit.h"
#include "normal.h"
#include "parse.h"

/* One text as a checked tree. */
static riacho_status compile_tree(riacho_expr_checker *checker, const riacho_type *expected,
                                  riacho_expr_node **ret_node)
{
    riacho_expr_node *node;
    RIACHO_TRY(riacho_expr_parse(checker->text, checker->arena, &node, checker->issue));
    RIACHO_TRY(riacho_expr_check(checker, node));
    if (expected)
        RIACHO_TRY(riacho_expr_convert(checker, node, expected));
    *ret_node = node;
    return RIACHO_OK;
}

static bool *make_uses(riacho_arena *arena, const riacho_expr_scope *scope)
{
    return riacho_alloc_zero(arena, scope->count + 1, sizeof(bool));
}

riacho_status riacho_expr_compile(riacho_bytes text, const riacho_expr_scope *scope,
                                  const riacho_type *expected, riacho_arena *arena,
                                  const riacho_expr **ret_expr, riacho_expr_issue *ret_issue)
{
    riacho_expr_checker checker = {.text = text,
                                   .scope = scope,
                                   .arena = arena,
                                   .issue = ret_issue,
                                   .uses = make_uses(arena, scope)};
    RIACHO_AUTO(buffer) riacho_buffer normal = {0};
    riacho_expr_node *node;
    RIACHO_TRY(compile_tree(&checker, expected, &node));
    riacho_expr_emitter emitter = {.text = riacho_copy(arena, text), .arena = arena};
    riacho_expr *expr = riacho_alloc(arena, sizeof *expr);
    riacho_expr_emit(&emitter, node, 0);
    riacho_expr_finish(&emitter, expr);
    riacho_expr_normal(text, arena, &normal);
    expr->type = expected ? expected : node->type;
    expr->nullable = node->nullable;
    expr->normal = riacho_copy(arena, riacho_buffer_bytes(&normal));
    expr->uses = checker.uses;
    expr->name_count = scope->count;
    *ret_expr = expr;
    return RIACHO_OK;
}

/* A record that is being compiled. */
typedef struct record_build {
    const riacho_type *type;
    const riacho_expr_field *fields;
    size_t count;
    riacho_expr_checker checker;
    riacho_expr_emitter emitter;
    riacho_buffer *normal;
    size_t field;    /* the one that is being looked at */
    size_t *offsets; /* of each text in the program's */
} record_build;

static const char *record_name(const record_build *record)
{
    const char *dot = strrchr(record->type->name, '.');
    return dot ? dot + 1 : record->type->name;
}

/* Every field is one of the record's, and there once. */
static riacho_status check_names(record_build *record)
{
    for (size_t i = 0; i < record->count; i++) {
        const char *name = record->fields[i].name;
        record->field = i;
        for (size_t k = 0; k < i; k++) {
            if (strcmp(name, record->fields[k].name) == 0)
                return riacho_expr_refuse(record->checker.issue, (riacho_expr_span){0},
                                          "field '%.60s' is given twice", name);
        }
        if (riacho_type_field(record->type, riacho_text(name)))
            continue;
        const uint32_t count = record->type->field_count;
        const char **names = riacho_alloc(record->checker.arena, (count + 1) * sizeof *names);
        for (uint32_t k = 0; k < count; k++)
            names[k] = record->type->fields[k].name;
        const char *meant = riacho_suggest(riacho_text(name), names, count);
        return riacho_expr_refuse(record->checker.issue, (riacho_expr_span){0},
                                  "%s has no field '%.60s'%s%s%s", record_name(record), name,
                                  meant ? "; did you mean '" : "", meant ? meant : "",
                                  meant ? "'?" : "");
    }
    return RIACHO_OK;
}

static size_t find_field(const record_build *record, const char *name)
{
    size_t i = 0;
    while (i < record->count && strcmp(record->fields[i].name, name) != 0)
        i++;
    return i;
}

static riacho_status compile_default(record_build *record, uint32_t index)
{
    const riacho_field *field = &record->type->fields[index];
    record->field = record->count;
    if (!field->default_value)
        return riacho_expr_refuse(record->checker.issue, (riacho_expr_span){0},
                                  "%s needs a value for its field '%s', which has no default",
                                  record_name(record), field->name);
    riacho_expr_put(&record->emitter, RIACHO_CODE_DEFAULT, 0, 0, 0, index);
    return RIACHO_OK;
}

static riacho_status compile_field(record_build *record, size_t given, uint32_t index)
{
    const riacho_field *field = &record->type->fields[index];
    const riacho_bytes text = record->fields[given].text;
    riacho_expr_node *node;
    record->field = given;
    record->checker.text = text;
    record->emitter.text_offset = record->offsets[given];
    RIACHO_TRY(compile_tree(&record->checker, field->type, &node));
    if (node->nullable && field->type->kind != RIACHO_OPTIONAL && field->type->kind != RIACHO_NULL)
        return riacho_expr_refuse(record->checker.issue, node->span,
                                  "'%.*s' can be null and '%s' cannot: give a value for that case "
                                  "with ??",
                                  riacho_expr_shown(node),
                                  (const char *)text.data + node->span.offset, field->name);
    riacho_expr_emit(&record->emitter, node, 1);
    riacho_expr_put(&record->emitter, RIACHO_CODE_STORE, 0, 1, 1, index);
    riacho_buffer_printf(record->normal, "%s%s: ", record->normal->size > 1 ? ", " : "",
                         field->name);
    riacho_expr_normal(text, record->checker.arena, record->normal);
    return RIACHO_OK;
}

/* The fields in the record's order, so that what is written in another order is the same. */
static riacho_status compile_fields(record_build *record)
{
    RIACHO_TRY(check_names(record));
    riacho_expr_put(&record->emitter, RIACHO_CODE_RECORD, 0, 0, 0, 0);
    riacho_buffer_append(record->normal, "{", 1);
    for (uint32_t i = 0; i < record->type->field_count; i++) {
        const size_t given = find_field(record, record->type->fields[i].name);
        if (given == record->count)
            RIACHO_TRY(compile_default(record, i));
        else
            RIACHO_TRY(compile_field(record, given, i));
    }
    riacho_buffer_append(record->normal, "}", 1);
    return RIACHO_OK;
}

/* All texts behind each other, for what messages quote at run time. */
static riacho_bytes join_texts(const riacho_expr_field *fields, size_t count, size_t *offsets,
                               riacho_arena *arena)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        offsets[i] = size;
        size += fields[i].text.size;
    }
    char *text = riacho_alloc(arena, size);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].text.size)
            memcpy(text + offsets[i], fields[i].text.data, fields[i].text.size);
    }
    return (riacho_bytes){text, size};
}

riacho_status riacho_expr_compile_record(const riacho_type *type, const riacho_expr_field *fields,
                                         size_t count, const riacho_expr_scope *scope,
                                         riacho_arena *arena, const riacho_expr **ret_expr,
                                         riacho_expr_issue *ret_issue, size_t *ret_field)
{
    RIACHO_AUTO(buffer) riacho_buffer normal = {0};
    record_build record = {
        .type = type,
        .fields = fields,
        .count = count,
        .checker = {.scope = scope,
                    .arena = arena,
                    .issue = ret_issue,
                    .uses = make_uses(arena, scope)},
        .emitter = {.arena = arena},
        .normal = &normal,
        .field = count,
        .offsets = riacho_alloc(arena, count * sizeof(size_t)),
    };
    record.emitter.text = join_texts(fields, count, record.offsets, arena);
    const riacho_status status = compile_fields(&record);
    if (status != RIACHO_OK) {
        if (ret_field)
            *ret_field = record.field;
        return status;
    }
    riacho_expr *expr = riacho_alloc(arena, sizeof *expr);
    riacho_expr_finish(&record.emitter, expr);
    expr->type = type;
    expr->record = type;
    expr->normal = riacho_copy(arena, riacho_buffer_bytes(&normal));
    expr->uses = record.checker.uses;
    expr->name_count = scope->count;
    *ret_expr = expr;
    return RIACHO_OK;
}
