/* SPDX-License-Identifier: MIT
 *
 * build_expressions.c - compiles the expressions of a topology and shows what is wrong with them
 * where they were written (see build.h).
 */
#include <string.h>

#include "build.h"

riacho_source_text riacho_build_source(riacho_where where, const char *text)
{
    return (riacho_source_text){.where = where, .text = text, .length = strlen(text)};
}

/* From a place in the text that was compiled to one in the text that was written: each `path.` that
 * was put in is five bytes. */
static size_t written(const riacho_source_text *source, size_t offset)
{
    size_t shift = 0;
    for (size_t i = 0; source->spelled && source->spelled[i] != SIZE_MAX; i++) {
        const size_t start = source->spelled[i];
        if (start + shift > offset)
            break;
        if (offset < start + shift + 5)
            return start;
        shift += 5;
    }
    return offset - shift;
}

void riacho_build_issue_in(riacho_builder *builder, const riacho_source_text *source,
                           const riacho_expr_issue *issue)
{
    const riacho_places *places = builder->topology->places;
    const riacho_yaml_node *node = riacho_places_find(places, source->where.member);
    if (riacho_places_spoiled(places, source->where.mark) || !node ||
        node->kind != RIACHO_YAML_SCALAR) {
        riacho_build_issue(builder, source->where, NULL, "%s, in '%.*s'", issue->text,
                           (int)(source->length > 120 ? 120 : source->length),
                           source->text + source->offset);
        return;
    }
    riacho_issue placed = {
        .mark = riacho_yaml_mark_in(node, source->offset + written(source, issue->offset)),
        .length = (uint32_t)(issue->length ? issue->length : 1),
        .text = riacho_format(builder->issues->arena, "%s", issue->text),
    };
    placed.mark.file = riacho_format(builder->issues->arena, "%s", placed.mark.file);
    riacho_issues_add(builder->issues, &placed);
}

bool riacho_build_scope(const riacho_scope_types *types, riacho_expr_name names[RIACHO_SCOPE_COUNT],
                        riacho_expr_scope *ret_scope)
{
    const bool folds = !riacho_build_is_unknown(&types->agg);
    names[RIACHO_SCOPE_KEY] = (riacho_expr_name){.name = "key", .type = types->key.codec->type};
    names[RIACHO_SCOPE_VALUE] =
        (riacho_expr_name){.name = "value", .type = types->value.codec->type};
    names[RIACHO_SCOPE_TIMESTAMP] =
        (riacho_expr_name){.name = "timestamp", .type = &riacho_type_long};
    names[RIACHO_SCOPE_HEADERS] = (riacho_expr_name){
        .name = "headers", .type = &riacho_type_string, .how = RIACHO_NAME_LOOKUP};
    names[RIACHO_SCOPE_AGG] = (riacho_expr_name){.name = "agg", .type = types->agg.codec->type};
    /* Records without a key reach every step but a fold, which has dropped them. */
    if (!folds)
        names[RIACHO_SCOPE_KEY].how = RIACHO_NAME_NULLABLE;
    if (types->values == RIACHO_VALUES_MAYBE_NULL)
        names[RIACHO_SCOPE_VALUE].how = RIACHO_NAME_NULLABLE;
    *ret_scope =
        (riacho_expr_scope){names, folds ? (size_t)RIACHO_SCOPE_COUNT : (size_t)RIACHO_SCOPE_AGG};
    return !riacho_build_is_unknown(&types->key) && !riacho_build_is_unknown(&types->value);
}

const riacho_expr *riacho_build_scoped(riacho_builder *builder, const riacho_source_text *source,
                                       const riacho_expr_scope *scope, const riacho_type *expected)
{
    const riacho_expr *expr = NULL;
    riacho_expr_issue issue;
    const char *copy =
        riacho_copy(builder->arena, (riacho_bytes){source->text + source->offset, source->length})
            .data;
    if (riacho_expr_compile((riacho_bytes){copy, source->length}, scope, expected, builder->arena,
                            &expr, &issue) == RIACHO_OK)
        return expr;
    riacho_build_issue_in(builder, source, &issue);
    return NULL;
}

const riacho_expr *riacho_build_expr(riacho_builder *builder, const riacho_source_text *source,
                                     const riacho_scope_types *types, const riacho_type *expected)
{
    riacho_expr_name names[RIACHO_SCOPE_COUNT];
    riacho_expr_scope scope;
    if (!riacho_build_scope(types, names, &scope))
        return NULL;
    return riacho_build_scoped(builder, source, &scope, expected);
}

static void field_issue(riacho_builder *builder, riacho_where where, const riacho_value_spec *value,
                        size_t field, const riacho_expr_issue *issue)
{
    if (field >= value->fields_count) {
        riacho_build_issue(builder, where, NULL, "%s", issue->text);
        return;
    }
    const riacho_field_spec *spec = &value->fields[field];
    const bool at_name = issue->length == 0;
    const riacho_where at = {at_name ? (const void *)&spec->name : (const void *)&spec->expression,
                             where.mark};
    const riacho_source_text source = riacho_build_source(at, spec->expression);
    if (at_name)
        riacho_build_issue(builder, at, NULL, "%s", issue->text);
    else
        riacho_build_issue_in(builder, &source, issue);
}

/* One issue at a time comes back, so the fields that are in order by themselves are found by
 * compiling each alone first. */
static bool check_fields(riacho_builder *builder, riacho_where where,
                         const riacho_value_spec *value, const riacho_expr_scope *scope,
                         const riacho_type *record)
{
    bool good = true;
    for (size_t i = 0; i < value->fields_count; i++) {
        const riacho_field_spec *spec = &value->fields[i];
        const riacho_field *field = riacho_type_field(record, riacho_text(spec->name));
        const riacho_source_text source =
            riacho_build_source((riacho_where){&spec->expression, where.mark}, spec->expression);
        if (field && !riacho_build_scoped(builder, &source, scope, field->type))
            good = false;
        if (field)
            continue;
        good = false;
        const char *names[1000];
        size_t count = 0;
        for (; count < record->field_count && count < 1000; count++)
            names[count] = record->fields[count].name;
        riacho_build_issue(builder, (riacho_where){&spec->name, where.mark},
                           riacho_build_meant(builder, spec->name, names, count),
                           "%s has no field '%.80s'", record->name, spec->name);
    }
    return good;
}

static const riacho_expr *build_record(riacho_builder *builder, riacho_where where,
                                       const riacho_value_spec *value,
                                       const riacho_expr_scope *scope, const riacho_data *data)
{
    const riacho_type *record = data->codec->type;
    const riacho_expr *expr = NULL;
    riacho_expr_issue issue = {0};
    size_t field = value->fields_count;
    if (record->kind != RIACHO_RECORD) {
        riacho_build_issue(builder, where, "write one expression",
                           "a value of type %s has no fields", data->word);
        return NULL;
    }
    if (!check_fields(builder, where, value, scope, record))
        return NULL;
    riacho_expr_field *fields =
        riacho_alloc_zero(builder->arena, value->fields_count, sizeof *fields);
    for (size_t i = 0; i < value->fields_count; i++) {
        fields[i].name = riacho_format(builder->arena, "%s", value->fields[i].name);
        fields[i].text = riacho_copy(builder->arena, riacho_text(value->fields[i].expression));
    }
    if (riacho_expr_compile_record(record, fields, value->fields_count, scope, builder->arena,
                                   &expr, &issue, &field) == RIACHO_OK)
        return expr;
    field_issue(builder, where, value, field, &issue);
    return NULL;
}

const riacho_expr *riacho_build_value(riacho_builder *builder, riacho_where where,
                                      const riacho_value_spec *value,
                                      const riacho_expr_scope *scope, const riacho_data *data)
{
    if (!value->expression)
        return riacho_build_is_unknown(data) ? NULL
                                             : build_record(builder, where, value, scope, data);
    const riacho_source_text source = riacho_build_source(where, value->expression);
    return riacho_build_scoped(builder, &source, scope,
                               riacho_build_is_unknown(data) ? NULL : data->codec->type);
}
