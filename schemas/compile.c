/* SPDX-License-Identifier: MIT
 *
 * compile.c - a pair of types -> a program (program.h), by Avro's rules of schema resolution.
 *
 * Recursion is as deep as the types. A union tries its branches one after the other: an attempt
 * that fails is undone by setting op_count back, so nothing but the count may remember an attempt.
 */
#include "program.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "layout.h"
#include "schema.h"

struct compiler {
    riacho_arena *arena;
    riacho_error *err;
    riacho_op *ops; /* heap */
    uint32_t op_count;
    uint32_t capacity;
    uint32_t work; /* types looked at, attempts included: bounds what a bad pair can cost */
    const char *path;
};

static riacho_status compile(struct compiler *c, const riacho_type *writer,
                             const riacho_type *reader, uint32_t offset);
static riacho_status compile_skip(struct compiler *c, const riacho_type *writer);

static riacho_status refuse(struct compiler *c, const char *format, ...) RIACHO_PRINTF(2, 3);

static riacho_status refuse(struct compiler *c, const char *format, ...)
{
    char text[384];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!*c->path)
        return riacho_fail(c->err, RIACHO_REJECT, "%s", text);
    return riacho_fail(c->err, RIACHO_REJECT, "field %s: %s", c->path, text);
}

/* Returns the index of the new operation: pointers into ops do not outlive the next emit. */
static uint32_t emit(struct compiler *c, riacho_op op)
{
    if (c->op_count == c->capacity) {
        c->capacity = c->capacity ? c->capacity * 2 : 32;
        c->ops = riacho_memory_resize(c->ops, c->capacity * sizeof *c->ops);
    }
    op.path = c->path;
    c->ops[c->op_count] = op;
    return c->op_count++;
}

static const char *enter(struct compiler *c, const char *step)
{
    const char *before = c->path;
    c->path = riacho_format(c->arena, *before && *step != '[' ? "%s.%s" : "%s%s", before, step);
    return before;
}

static const char *word(struct compiler *c, const riacho_type *type)
{
    riacho_buffer text = {0};
    riacho_type_describe(type, &text);
    const char *copy = riacho_copy(c->arena, riacho_buffer_bytes(&text)).data;
    riacho_buffer_done(&text);
    return copy;
}

static riacho_status mismatch(struct compiler *c, const riacho_type *writer,
                              const riacho_type *reader)
{
    return refuse(c, "written as %s, which cannot be read as %s", word(c, writer), word(c, reader));
}

static const char *short_name(const char *full)
{
    const char *dot = strrchr(full, '.');
    return dot ? dot + 1 : full;
}

/* Names match without their namespaces, or the reader knows the writer's name as an alias. */
static bool names_match(const riacho_type *writer, const riacho_type *reader)
{
    const riacho_schema *schema = riacho_schema_of(reader);
    if (strcmp(short_name(writer->name), short_name(reader->name)) == 0)
        return true;
    for (uint32_t i = 0; i < schema->alias_count; i++)
        if (strcmp(writer->name, schema->aliases[i]) == 0)
            return true;
    return false;
}

/* Bytes of one meaning must not be taken for another. A plain type goes with every meaning, because
 * writers in other languages may not note it. */
static bool meanings_match(const riacho_type *writer, const riacho_type *reader)
{
    if (writer->logical == RIACHO_PLAIN || reader->logical == RIACHO_PLAIN)
        return true;
    if (writer->logical != reader->logical)
        return false;
    return writer->logical != RIACHO_DECIMAL ||
           (writer->scale == reader->scale && writer->precision <= reader->precision);
}

/* The operation that reads a plain writer kind into a plain reader kind; END when there is none. */
static riacho_opcode plain_op(const riacho_type *writer, const riacho_type *reader)
{
    static const uint8_t table[RIACHO_STRING + 1][RIACHO_STRING + 1] = {
        [RIACHO_BOOLEAN] = {[RIACHO_BOOLEAN] = RIACHO_OP_BOOLEAN},
        [RIACHO_INT] = {[RIACHO_INT] = RIACHO_OP_INT,
                        [RIACHO_LONG] = RIACHO_OP_INT_TO_LONG,
                        [RIACHO_FLOAT] = RIACHO_OP_INT_TO_FLOAT,
                        [RIACHO_DOUBLE] = RIACHO_OP_INT_TO_DOUBLE},
        [RIACHO_LONG] = {[RIACHO_LONG] = RIACHO_OP_LONG,
                         [RIACHO_FLOAT] = RIACHO_OP_LONG_TO_FLOAT,
                         [RIACHO_DOUBLE] = RIACHO_OP_LONG_TO_DOUBLE},
        [RIACHO_FLOAT] =
            {[RIACHO_FLOAT] = RIACHO_OP_FLOAT, [RIACHO_DOUBLE] = RIACHO_OP_FLOAT_TO_DOUBLE},
        [RIACHO_DOUBLE] = {[RIACHO_DOUBLE] = RIACHO_OP_DOUBLE},
        [RIACHO_BYTES] = {[RIACHO_BYTES] = RIACHO_OP_BYTES, [RIACHO_STRING] = RIACHO_OP_STRING},
        [RIACHO_STRING] = {[RIACHO_BYTES] = RIACHO_OP_BYTES, [RIACHO_STRING] = RIACHO_OP_STRING},
    };
    if (writer->kind > RIACHO_STRING || reader->kind > RIACHO_STRING)
        return RIACHO_OP_END;
    if (reader->logical == RIACHO_UUID && table[writer->kind][reader->kind] == RIACHO_OP_STRING)
        return RIACHO_OP_UUID;
    if (reader->logical == RIACHO_DECIMAL && table[writer->kind][reader->kind] == RIACHO_OP_BYTES)
        return RIACHO_OP_DECIMAL;
    return (riacho_opcode)table[writer->kind][reader->kind];
}

static riacho_status compile_plain(struct compiler *c, const riacho_type *writer,
                                   const riacho_type *reader, uint32_t offset)
{
    const riacho_opcode code = plain_op(writer, reader);
    if (writer->kind == RIACHO_NULL && reader->kind == RIACHO_NULL)
        return RIACHO_OK;
    if (code == RIACHO_OP_END || !meanings_match(writer, reader))
        return mismatch(c, writer, reader);
    riacho_op op = {.code = code, .offset = offset};
    if (code == RIACHO_OP_DECIMAL)
        op.type = reader;
    emit(c, op);
    return RIACHO_OK;
}

static riacho_status compile_fixed(struct compiler *c, const riacho_type *writer,
                                   const riacho_type *reader, uint32_t offset)
{
    if (reader->kind != RIACHO_FIXED || writer->fixed_size != reader->fixed_size ||
        !names_match(writer, reader) || !meanings_match(writer, reader))
        return mismatch(c, writer, reader);
    riacho_op op = {.code = RIACHO_OP_FIXED, .offset = offset, .size = reader->fixed_size};
    if (reader->logical == RIACHO_DECIMAL) {
        op.code = RIACHO_OP_DECIMAL_FIXED;
        op.type = reader;
    }
    emit(c, op);
    return RIACHO_OK;
}

/* A symbol the reader does not have becomes the reader's default symbol; without one, only a value
 * that uses it is refused, not the schema. */
static riacho_status compile_enum(struct compiler *c, const riacho_type *writer,
                                  const riacho_type *reader, uint32_t offset)
{
    if (reader->kind != RIACHO_ENUM || !names_match(writer, reader))
        return mismatch(c, writer, reader);
    int32_t *numbers = riacho_alloc(c->arena, writer->symbol_count * sizeof *numbers);
    bool same = writer->symbol_count == reader->symbol_count;
    for (uint32_t i = 0; i < writer->symbol_count; i++) {
        const int32_t symbol = riacho_type_symbol(reader, riacho_text(writer->symbols[i]));
        numbers[i] = symbol < 0 ? reader->default_symbol : symbol;
        same = same && numbers[i] == (int32_t)i;
    }
    riacho_op op = {.code = RIACHO_OP_ENUM, .offset = offset, .count = writer->symbol_count};
    if (!same) {
        op.code = RIACHO_OP_ENUM_MAP;
        op.numbers = numbers;
    }
    emit(c, op);
    return RIACHO_OK;
}

static riacho_status compile_list(struct compiler *c, const riacho_type *writer,
                                  const riacho_type *reader, uint32_t offset)
{
    const bool map = writer->kind == RIACHO_MAP;
    if (reader->kind != writer->kind)
        return mismatch(c, writer, reader);
    const uint32_t begin =
        emit(c, (riacho_op){.code = RIACHO_OP_LIST,
                            .offset = offset,
                            .size = map ? reader->entry_size : reader->item->size,
                            .least = riacho_schema_of(writer->item)->least_bytes + map});
    const char *before = enter(c, "[]");
    if (map)
        emit(c, (riacho_op){.code = RIACHO_OP_STRING});
    RIACHO_TRY(compile(c, writer->item, reader->item, map ? reader->value_offset : 0));
    c->path = before;
    emit(c, (riacho_op){.code = RIACHO_OP_NEXT, .target = begin + 1});
    c->ops[begin].target = c->op_count;
    return RIACHO_OK;
}

/* The writer's field that fills this one: by name, else by one of its aliases. */
static const riacho_field *field_for(const riacho_type *reader, const char *writer_field,
                                     const bool *taken)
{
    for (uint32_t i = 0; i < reader->field_count; i++)
        if (!taken[i] && strcmp(reader->fields[i].name, writer_field) == 0)
            return &reader->fields[i];
    for (uint32_t i = 0; i < reader->field_count; i++)
        for (uint32_t k = 0; !taken[i] && k < reader->fields[i].alias_count; k++)
            if (strcmp(reader->fields[i].aliases[k], writer_field) == 0)
                return &reader->fields[i];
    return NULL;
}

static riacho_status compile_missing(struct compiler *c, const riacho_field *field, uint32_t offset)
{
    if (!field->default_value)
        return refuse(c, "the writer has no field '%s', and it has no default", field->name);
    if (field->type->size)
        emit(c, (riacho_op){.code = RIACHO_OP_DEFAULT,
                            .offset = offset + field->offset,
                            .size = field->type->size,
                            .data = field->default_value});
    return RIACHO_OK;
}

static riacho_status compile_record(struct compiler *c, const riacho_type *writer,
                                    const riacho_type *reader, uint32_t offset)
{
    if (reader->kind != RIACHO_RECORD || !names_match(writer, reader))
        return mismatch(c, writer, reader);
    bool *taken = riacho_alloc_zero(c->arena, reader->field_count, sizeof *taken);
    for (uint32_t i = 0; i < writer->field_count; i++) {
        const riacho_field *from = &writer->fields[i];
        const riacho_field *to = field_for(reader, from->name, taken);
        const char *before = enter(c, from->name);
        if (to) {
            RIACHO_TRY(compile(c, from->type, to->type, offset + to->offset));
            taken[to - reader->fields] = true;
        } else {
            RIACHO_TRY(compile_skip(c, from->type));
        }
        c->path = before;
    }
    for (uint32_t i = 0; i < reader->field_count; i++)
        if (!taken[i])
            RIACHO_TRY(compile_missing(c, &reader->fields[i], offset));
    return RIACHO_OK;
}

/* The writer's value is not a union; the reader's optional holds it, or null. */
static riacho_status compile_into_optional(struct compiler *c, const riacho_type *writer,
                                           const riacho_type *reader, uint32_t offset)
{
    if (writer->kind == RIACHO_NULL) {
        emit(c, (riacho_op){.code = RIACHO_OP_ABSENT, .offset = offset, .size = reader->size});
        return RIACHO_OK;
    }
    if (riacho_layout_inline_optional(reader->item))
        return compile(c, writer, reader->item, offset);
    emit(c, (riacho_op){.code = RIACHO_OP_PRESENT, .offset = offset, .size = reader->item->size});
    RIACHO_TRY(compile(c, writer, reader->item, 0));
    emit(c, (riacho_op){.code = RIACHO_OP_POP});
    return RIACHO_OK;
}

static riacho_status compile_into_branch(struct compiler *c, const riacho_type *writer,
                                         const riacho_type *reader, uint32_t branch,
                                         uint32_t offset)
{
    const uint32_t before = c->op_count;
    emit(c, (riacho_op){.code = RIACHO_OP_STORE_BRANCH,
                        .offset = offset,
                        .count = branch,
                        .size = reader->size});
    const riacho_status status =
        compile(c, writer, reader->branches[branch], offset + reader->value_offset);
    if (status != RIACHO_OK)
        c->op_count = before;
    return status;
}

/* First the branch that is the same thing under the same name, then the first that can take it. */
static riacho_status compile_into_union(struct compiler *c, const riacho_type *writer,
                                        const riacho_type *reader, uint32_t offset)
{
    const char *before = c->path;
    for (int any = 0; any <= 1; any++)
        for (uint32_t i = 0; i < reader->branch_count; i++) {
            const riacho_type *branch = reader->branches[i];
            const bool same =
                branch->kind == writer->kind && strcmp(branch->name, writer->name) == 0;
            c->path = before;
            if ((any || same) && compile_into_branch(c, writer, reader, i, offset) == RIACHO_OK)
                return RIACHO_OK;
        }
    c->path = before;
    return mismatch(c, writer, reader);
}

static uint32_t branch_count(const riacho_type *type)
{
    return type->kind == RIACHO_OPTIONAL ? 2 : type->branch_count;
}

static const riacho_type *branch_of(const riacho_type *type, uint32_t branch)
{
    if (type->kind == RIACHO_UNION)
        return type->branches[branch];
    return branch == type->null_branch ? &riacho_type_null : type->item;
}

/* One branch of the writer's union, read into the reader (skipped when reader is NULL). A branch
 * that the reader cannot take is refused when a value uses it. Returns whether it can. */
static bool compile_branch(struct compiler *c, const riacho_type *branch, const riacho_type *reader,
                           uint32_t offset)
{
    const uint32_t before = c->op_count;
    const char *path = c->path;
    const riacho_status status =
        reader ? compile(c, branch, reader, offset) : compile_skip(c, branch);
    c->path = path;
    if (status == RIACHO_OK)
        return true;
    c->op_count = before;
    emit(c, (riacho_op){.code = RIACHO_OP_REFUSE,
                        .data = riacho_format(c->arena, "%s", c->err->text)});
    return false;
}

/* The writer's value is a union: one operation reads the branch and goes to its operations. */
static riacho_status compile_branches(struct compiler *c, const riacho_type *writer,
                                      const riacho_type *reader, uint32_t offset)
{
    const uint32_t count = branch_count(writer);
    uint32_t *targets = riacho_alloc_zero(c->arena, count, sizeof *targets);
    uint32_t *jumps = riacho_alloc_zero(c->arena, count, sizeof *jumps);
    bool any = false;
    emit(c, (riacho_op){.code = RIACHO_OP_BRANCH, .count = count, .targets = targets});
    for (uint32_t i = 0; i < count; i++) {
        targets[i] = c->op_count;
        any |= compile_branch(c, branch_of(writer, i), reader, offset);
        jumps[i] = emit(c, (riacho_op){.code = RIACHO_OP_JUMP});
    }
    for (uint32_t i = 0; i < count; i++)
        c->ops[jumps[i]].target = c->op_count;
    if (any)
        return RIACHO_OK;
    return reader ? mismatch(c, writer, reader) : refuse(c, "the union cannot be skipped");
}

/* Writer and reader are both optional. When only null goes from one to the other, that is a union
 * like any other. */
static riacho_status compile_optionals(struct compiler *c, const riacho_type *writer,
                                       const riacho_type *reader, uint32_t offset)
{
    const bool in_place = riacho_layout_inline_optional(reader->item);
    const uint32_t begin =
        emit(c, (riacho_op){.code = in_place ? RIACHO_OP_OPTIONAL_BYTES : RIACHO_OP_OPTIONAL,
                            .offset = offset,
                            .size = reader->item->size,
                            .count = writer->null_branch});
    const char *path = c->path;
    if (compile(c, writer->item, reader->item, in_place ? offset : 0) != RIACHO_OK) {
        c->path = path;
        c->op_count = begin;
        return compile_branches(c, writer, reader, offset);
    }
    if (!in_place)
        emit(c, (riacho_op){.code = RIACHO_OP_POP});
    c->ops[begin].target = c->op_count;
    return RIACHO_OK;
}

/* Writer and reader are the same union. */
static riacho_status compile_same_union(struct compiler *c, const riacho_type *type,
                                        uint32_t offset)
{
    uint32_t *targets = riacho_alloc_zero(c->arena, type->branch_count, sizeof *targets);
    uint32_t *jumps = riacho_alloc_zero(c->arena, type->branch_count, sizeof *jumps);
    emit(c, (riacho_op){.code = RIACHO_OP_UNION,
                        .offset = offset,
                        .size = type->size,
                        .count = type->branch_count,
                        .targets = targets});
    for (uint32_t i = 0; i < type->branch_count; i++) {
        targets[i] = c->op_count;
        RIACHO_TRY(compile(c, type->branches[i], type->branches[i], offset + type->value_offset));
        jumps[i] = emit(c, (riacho_op){.code = RIACHO_OP_JUMP});
    }
    for (uint32_t i = 0; i < type->branch_count; i++)
        c->ops[jumps[i]].target = c->op_count;
    return RIACHO_OK;
}

static riacho_status compile(struct compiler *c, const riacho_type *writer,
                             const riacho_type *reader, uint32_t offset)
{
    const bool choice = writer->kind == RIACHO_UNION || writer->kind == RIACHO_OPTIONAL;
    if (++c->work > RIACHO_PROGRAM_WORK_MAX)
        return refuse(c, "the schemas are too large to be resolved against each other");
    if (reader->kind == RIACHO_OPTIONAL && writer->kind == RIACHO_OPTIONAL)
        return compile_optionals(c, writer, reader, offset);
    if (writer->kind == RIACHO_UNION && writer == reader)
        return compile_same_union(c, writer, offset);
    if (choice)
        return compile_branches(c, writer, reader, offset);
    if (reader->kind == RIACHO_OPTIONAL)
        return compile_into_optional(c, writer, reader, offset);
    if (reader->kind == RIACHO_UNION)
        return compile_into_union(c, writer, reader, offset);
    switch (writer->kind) {
    case RIACHO_FIXED:
        return compile_fixed(c, writer, reader, offset);
    case RIACHO_ENUM:
        return compile_enum(c, writer, reader, offset);
    case RIACHO_ARRAY:
    case RIACHO_MAP:
        return compile_list(c, writer, reader, offset);
    case RIACHO_RECORD:
        return compile_record(c, writer, reader, offset);
    default:
        return compile_plain(c, writer, reader, offset);
    }
}

static riacho_status skip_list(struct compiler *c, const riacho_type *writer)
{
    const bool map = writer->kind == RIACHO_MAP;
    const uint32_t begin =
        emit(c, (riacho_op){.code = RIACHO_OP_SKIP_LIST,
                            .least = riacho_schema_of(writer->item)->least_bytes + map});
    if (map)
        emit(c, (riacho_op){.code = RIACHO_OP_SKIP_BYTES});
    RIACHO_TRY(compile_skip(c, writer->item));
    emit(c, (riacho_op){.code = RIACHO_OP_NEXT, .target = begin + 1});
    c->ops[begin].target = c->op_count;
    return RIACHO_OK;
}

static void skip_fixed(struct compiler *c, uint32_t size)
{
    emit(c, (riacho_op){.code = RIACHO_OP_SKIP_FIXED, .size = size});
}

static riacho_status compile_skip(struct compiler *c, const riacho_type *writer)
{
    if (++c->work > RIACHO_PROGRAM_WORK_MAX)
        return refuse(c, "the schemas are too large to be resolved against each other");
    switch (writer->kind) {
    case RIACHO_NULL:
        break;
    case RIACHO_BOOLEAN:
        emit(c, (riacho_op){.code = RIACHO_OP_SKIP_BOOLEAN});
        break;
    case RIACHO_INT:
    case RIACHO_LONG:
    case RIACHO_ENUM:
        emit(c, (riacho_op){.code = RIACHO_OP_SKIP_VARINT});
        break;
    case RIACHO_FLOAT:
    case RIACHO_DOUBLE:
        skip_fixed(c, writer->size);
        break;
    case RIACHO_FIXED:
        skip_fixed(c, writer->fixed_size);
        break;
    case RIACHO_BYTES:
    case RIACHO_STRING:
        emit(c, (riacho_op){.code = RIACHO_OP_SKIP_BYTES});
        break;
    case RIACHO_ARRAY:
    case RIACHO_MAP:
        return skip_list(c, writer);
    case RIACHO_RECORD:
        for (uint32_t i = 0; i < writer->field_count; i++)
            RIACHO_TRY(compile_skip(c, writer->fields[i].type));
        break;
    case RIACHO_OPTIONAL:
    case RIACHO_UNION:
        return compile_branches(c, writer, NULL, 0);
    }
    return RIACHO_OK;
}

riacho_status riacho_program_compile(const riacho_type *writer, const riacho_type *reader,
                                     riacho_arena *arena, const riacho_program **ret_program,
                                     riacho_error *err)
{
    riacho_error cause = {""};
    struct compiler c = {.arena = arena, .err = &cause, .path = ""};
    const riacho_status status = compile(&c, writer, reader, 0);
    if (status == RIACHO_OK) {
        emit(&c, (riacho_op){.code = RIACHO_OP_END});
        riacho_program *program = riacho_alloc_zero(arena, 1, sizeof *program);
        riacho_op *ops = riacho_alloc(arena, c.op_count * sizeof *ops);
        memcpy(ops, c.ops, c.op_count * sizeof *ops);
        *program = (riacho_program){.reader = reader, .ops = ops, .op_count = c.op_count};
        *ret_program = program;
    }
    free(c.ops);
    return status == RIACHO_OK ? RIACHO_OK : riacho_fail(err, status, "%s", cause.text);
}
