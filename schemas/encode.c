/* SPDX-License-Identifier: MIT
 *
 * encode.c - runs a plain program over a value and appends its bytes.
 *
 * A list is one block. Nothing recurses; the buffer's size moves only when an operation has
 * succeeded and is set back when one fails. Threads: any; all state is on the stack.
 */
#include "program.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "decimal.h"
#include "uuid.h"

enum { VARINT_BYTES_MAX = 10 };

struct frame {
    const riacho_op *op;
    const uint8_t *base; /* to go back to */
    size_t left;         /* items of a list, the current one included */
    size_t count;
};

struct encoder {
    riacho_buffer *out;
    const uint8_t *base;
    const char *problem; /* set by what returns false */
    const riacho_op *ops;
    const riacho_op *next;
    uint32_t depth;
    struct frame frames[RIACHO_PROGRAM_FRAMES_MAX];
};

static bool fail(struct encoder *e, const char *problem)
{
    e->problem = problem;
    return false;
}

static inline uint8_t *room(struct encoder *e, size_t more)
{
    riacho_buffer *out = e->out;
    if (out->capacity - out->size >= more && out->data)
        return out->data + out->size;
    return riacho_buffer_reserve(out, more);
}

static inline uint8_t *put_long(uint8_t *at, int64_t value)
{
    uint64_t bits = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    while (bits >= 0x80) {
        *at++ = (uint8_t)(bits | 0x80);
        bits >>= 7;
    }
    *at++ = (uint8_t)bits;
    return at;
}

static inline bool write_long(struct encoder *e, int64_t value)
{
    uint8_t *at = room(e, VARINT_BYTES_MAX);
    e->out->size += (size_t)(put_long(at, value) - at);
    return true;
}

static inline bool write_fixed(struct encoder *e, const void *value, size_t size)
{
    memcpy(room(e, size), value, size);
    e->out->size += size;
    return true;
}

static inline bool write_bytes(struct encoder *e, riacho_bytes bytes)
{
    if (!bytes.data)
        return fail(e, "there is no value, and it is not optional");
    if (bytes.size > RIACHO_VALUE_BYTES_MAX)
        return fail(e, "the value is too large");
    uint8_t *start = room(e, VARINT_BYTES_MAX + bytes.size);
    uint8_t *at = put_long(start, (int64_t)bytes.size);
    memcpy(at, bytes.data, bytes.size);
    e->out->size += (size_t)(at - start) + bytes.size;
    return true;
}

static bool write_text(struct encoder *e, riacho_bytes text)
{
    if (text.data && !riacho_utf8_valid(text))
        return fail(e, "a string is not UTF-8");
    return write_bytes(e, text);
}

static bool write_uuid(struct encoder *e, riacho_bytes text)
{
    if (text.data && !riacho_uuid_valid(text))
        return fail(e, "a uuid is not 8-4-4-4-12 hexadecimal digits");
    return write_bytes(e, text);
}

static bool write_decimal(struct encoder *e, const riacho_op *op, const uint8_t *from)
{
    riacho_int128 number;
    const bool fixed = op->code == RIACHO_OP_DECIMAL_FIXED;
    const riacho_bytes bytes = fixed ? (riacho_bytes){from, op->size} : *(const riacho_bytes *)from;
    if (bytes.data && !riacho_decimal_read(op->type, bytes, &number))
        return fail(e, "a decimal has no bytes or too many digits");
    return fixed ? write_fixed(e, from, op->size) : write_bytes(e, bytes);
}

static bool write_enum(struct encoder *e, const riacho_op *op, int32_t symbol)
{
    if (symbol < 0 || (uint32_t)symbol >= op->count)
        return fail(e, "an enum has no such symbol");
    return write_long(e, symbol);
}

static struct frame *push(struct encoder *e, const riacho_op *op)
{
    assert(e->depth < RIACHO_PROGRAM_FRAMES_MAX);
    struct frame *frame = &e->frames[e->depth++];
    frame->op = op;
    frame->base = e->base;
    return frame;
}

static bool pop(struct encoder *e)
{
    assert(e->depth > 0);
    e->base = e->frames[--e->depth].base;
    return true;
}

static bool write_optional(struct encoder *e, const riacho_op *op, const uint8_t *from)
{
    const bool in_place = op->code == RIACHO_OP_OPTIONAL_BYTES;
    const void *value = in_place ? ((const riacho_bytes *)from)->data : *(const void *const *)from;
    const int64_t null_branch = op->count;
    if (!value) {
        e->next = e->ops + op->target;
        return write_long(e, null_branch);
    }
    if (!in_place) {
        push(e, op);
        e->base = value;
    }
    return write_long(e, 1 - null_branch);
}

static bool begin_list(struct encoder *e, const riacho_op *op, const riacho_array *list)
{
    if (list->count > RIACHO_DECODE_ITEMS_MAX)
        return fail(e, "the value has too many items");
    if (list->count && !list->items)
        return fail(e, "a list has a count but no items");
    if (!list->count) {
        e->next = e->ops + op->target;
        return write_long(e, 0);
    }
    struct frame *frame = push(e, op);
    frame->left = frame->count = list->count;
    e->base = list->items;
    return write_long(e, (int64_t)list->count);
}

static bool next_item(struct encoder *e, const riacho_op *op)
{
    struct frame *frame = &e->frames[e->depth - 1];
    if (--frame->left) {
        e->base += frame->op->size;
        e->next = e->ops + op->target;
        return true;
    }
    pop(e);
    return write_long(e, 0);
}

static bool write_union(struct encoder *e, const riacho_op *op, int32_t branch)
{
    if (branch < 0 || (uint32_t)branch >= op->count)
        return fail(e, "a union has no such branch");
    e->next = e->ops + op->targets[branch];
    return write_long(e, branch);
}

static inline bool step(struct encoder *e, const riacho_op *op)
{
    const uint8_t *from = e->base + op->offset;
    switch (op->code) {
    case RIACHO_OP_BOOLEAN:
        return write_fixed(e, &(uint8_t){*(const bool *)from}, 1);
    case RIACHO_OP_INT:
        return write_long(e, *(const int32_t *)from);
    case RIACHO_OP_LONG:
        return write_long(e, *(const int64_t *)from);
    case RIACHO_OP_FLOAT:
        return write_fixed(e, from, sizeof(float));
    case RIACHO_OP_DOUBLE:
        return write_fixed(e, from, sizeof(double));
    case RIACHO_OP_BYTES:
        return write_bytes(e, *(const riacho_bytes *)from);
    case RIACHO_OP_STRING:
        return write_text(e, *(const riacho_bytes *)from);
    case RIACHO_OP_ENUM:
        return write_enum(e, op, *(const int32_t *)from);
    case RIACHO_OP_FIXED:
        return write_fixed(e, from, op->size);
    case RIACHO_OP_UUID:
        return write_uuid(e, *(const riacho_bytes *)from);
    case RIACHO_OP_DECIMAL:
    case RIACHO_OP_DECIMAL_FIXED:
        return write_decimal(e, op, from);
    case RIACHO_OP_OPTIONAL_BYTES:
    case RIACHO_OP_OPTIONAL:
        return write_optional(e, op, from);
    case RIACHO_OP_POP:
        return pop(e);
    case RIACHO_OP_LIST:
        return begin_list(e, op, (const riacho_array *)from);
    case RIACHO_OP_NEXT:
        return next_item(e, op);
    case RIACHO_OP_UNION:
        return write_union(e, op, *(const int32_t *)from);
    case RIACHO_OP_JUMP:
        e->next = e->ops + op->target;
        return true;
    default:
        assert(op->code <= RIACHO_OP_JUMP); /* a program between two types does not encode */
        return false;
    }
}

/* "tags[].name" -> "tags[3].name". */
static void print_path(const struct encoder *e, const char *path, riacho_error *ret_text)
{
    size_t size = 0;
    uint32_t frame = 0;
    for (; *path && size + 24 < sizeof ret_text->text; path++) {
        ret_text->text[size++] = *path;
        if (*path != '[')
            continue;
        while (frame < e->depth && e->frames[frame].op->code != RIACHO_OP_LIST)
            frame++;
        if (frame == e->depth)
            continue;
        const size_t index = e->frames[frame].count - e->frames[frame].left;
        size += (size_t)snprintf(ret_text->text + size, 24, "%zu", index);
        frame++;
    }
    ret_text->text[size] = 0;
}

static riacho_status report(const struct encoder *e, const riacho_op *op, riacho_error *err)
{
    riacho_error path;
    print_path(e, op->path, &path);
    if (!path.text[0])
        return riacho_fail(err, RIACHO_REJECT, "%s", e->problem);
    return riacho_fail(err, RIACHO_REJECT, "field %.200s: %s", path.text, e->problem);
}

riacho_status riacho_program_encode(const riacho_program *program, const void *value,
                                    riacho_buffer *out, riacho_error *err)
{
    struct encoder e;
    e.out = out;
    e.base = value;
    e.ops = program->ops;
    e.depth = 0;
    const size_t before = out->size;
    for (const riacho_op *op = program->ops; op->code != RIACHO_OP_END; op = e.next) {
        e.next = op + 1;
        if (!step(&e, op)) {
            out->size = before;
            return report(&e, op, err);
        }
    }
    return RIACHO_OK;
}
