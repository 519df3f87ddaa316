/* SPDX-License-Identifier: MIT
 *
 * decode.c - runs a program over bytes that nobody can be trusted to have written.
 *
 * Invariants, whatever the bytes are:
 *   1. `at` never passes `end`: every read is held against what is left first.
 *   2. The arena gives at most `memory_left` bytes, a fixed multiple of the input.
 *   3. Every item of a list takes at least `least` >= 1 bytes, so a count that cannot be true is
 *      refused before memory is taken or time is spent.
 *   4. Nothing recurses; frames are as many as types are nested.
 * Values are native: Avro's floats are little-endian as is every machine we run on (asserted).
 * Threads: any; all state is on the stack.
 */
#include "program.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "decimal.h"
#include "uuid.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "floats are copied as they are");

enum { SLACK_BYTES = 64 * 1024, ARENA_STEP = 16 };

struct frame {
    const riacho_op *op; /* that pushed it */
    uint8_t *base;       /* to go back to */
    riacho_array *list;  /* to fill at the end; NULL for an optional and for a skipped list */
    uint8_t *items;
    size_t count, capacity;   /* items whose block has begun; room for */
    size_t left;              /* of this block, the current one included */
    const uint8_t *block_end; /* when the block told its size, else NULL */
};

struct decoder {
    const uint8_t *end;
    uint8_t *base;
    riacho_arena *arena;
    size_t memory_left;
    size_t items_left;
    const char *problem; /* set by what returns NULL */
    const riacho_op *ops;
    const riacho_op *next;
    uint32_t depth;
    struct frame frames[RIACHO_PROGRAM_FRAMES_MAX];
};

/* All functions below return the place behind what they read, or NULL with the problem set. */
static const uint8_t *fail(struct decoder *d, const char *problem)
{
    d->problem = problem;
    return NULL;
}

static const uint8_t *read_long_slow(struct decoder *d, const uint8_t *at, int64_t *ret_value)
{
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (at == d->end)
            return fail(d, "the bytes end within a number");
        const uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            break;
        bits |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return at;
        }
    }
    return fail(d, "a number is longer than 64 bits");
}

static inline const uint8_t *read_long(struct decoder *d, const uint8_t *at, int64_t *ret_value)
{
    if (at < d->end && *at < 0x80) {
        *ret_value = (int64_t)(*at >> 1) ^ -(int64_t)(*at & 1);
        return at + 1;
    }
    return read_long_slow(d, at, ret_value);
}

static inline const uint8_t *read_int(struct decoder *d, const uint8_t *at, int32_t *ret_value)
{
    int64_t value;
    at = read_long(d, at, &value);
    if (!at)
        return NULL;
    if (value != (int32_t)value)
        return fail(d, "an int is longer than 32 bits");
    *ret_value = (int32_t)value;
    return at;
}

/* An index below `count`. */
static inline const uint8_t *read_index(struct decoder *d, const uint8_t *at, uint32_t count,
                                        uint32_t *ret_index, const char *problem)
{
    int64_t value;
    at = read_long(d, at, &value);
    if (!at)
        return NULL;
    if (value < 0 || value >= count)
        return fail(d, problem);
    *ret_index = (uint32_t)value;
    return at;
}

static inline const uint8_t *read_fixed(struct decoder *d, const uint8_t *at, void *ret_value,
                                        size_t size)
{
    if ((size_t)(d->end - at) < size)
        return fail(d, "the bytes end within a value");
    memcpy(ret_value, at, size);
    return at + size;
}

static inline const uint8_t *read_bytes(struct decoder *d, const uint8_t *at, riacho_bytes *ret)
{
    int64_t size;
    at = read_long(d, at, &size);
    if (!at)
        return NULL;
    if (size < 0)
        return fail(d, "a length is negative");
    if (size > d->end - at)
        return fail(d, "a length is larger than what is left");
    *ret = (riacho_bytes){at, (size_t)size};
    return at + size;
}

/* Most texts are short and ASCII: eight bytes at a time, reading over the text's end when the input
 * goes on. */
static inline bool is_text(const struct decoder *d, riacho_bytes text)
{
    const uint8_t *at = text.data;
    size_t left = text.size;
    uint64_t word, high = 0;
    for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        high |= word;
    }
    if (left && (size_t)(d->end - at) >= sizeof word) {
        memcpy(&word, at, sizeof word);
        high |= word << 8 * (sizeof word - left);
    } else {
        for (size_t i = 0; i < left; i++)
            high |= (uint64_t)at[i];
    }
    return !(high & 0x8080808080808080u) || riacho_utf8_valid(text);
}

static inline const uint8_t *read_text(struct decoder *d, const uint8_t *at, riacho_bytes *ret)
{
    at = read_bytes(d, at, ret);
    if (at && !is_text(d, *ret))
        return fail(d, "a string is not UTF-8");
    return at;
}

static inline const uint8_t *read_boolean(struct decoder *d, const uint8_t *at, bool *ret)
{
    if (at == d->end)
        return fail(d, "the bytes end within a value");
    if (*at > 1)
        return fail(d, "a boolean is neither 0 nor 1");
    *ret = *at;
    return at + 1;
}

static const uint8_t *read_uuid(struct decoder *d, const uint8_t *at, riacho_bytes *ret)
{
    at = read_bytes(d, at, ret);
    if (at && !riacho_uuid_valid(*ret))
        return fail(d, "a uuid is not 8-4-4-4-12 hexadecimal digits");
    return at;
}

static const uint8_t *read_decimal(struct decoder *d, const riacho_op *op, const uint8_t *at,
                                   uint8_t *to)
{
    riacho_bytes bytes = {to, op->size};
    riacho_int128 number;
    if (op->code == RIACHO_OP_DECIMAL)
        at = read_bytes(d, at, &bytes);
    else
        at = read_fixed(d, at, to, op->size);
    if (at && !riacho_decimal_read(op->type, bytes, &number))
        return fail(d, "a decimal has no bytes or too many digits");
    if (at && op->code == RIACHO_OP_DECIMAL)
        *(riacho_bytes *)to = bytes;
    return at;
}

static void *take_memory(struct decoder *d, size_t size)
{
    const size_t rounded = (size + ARENA_STEP - 1) & ~(size_t)(ARENA_STEP - 1);
    if (rounded > d->memory_left)
        return NULL;
    d->memory_left -= rounded;
    return riacho_alloc(d->arena, size);
}

static struct frame *push(struct decoder *d, const riacho_op *op)
{
    assert(d->depth < RIACHO_PROGRAM_FRAMES_MAX);
    struct frame *frame = &d->frames[d->depth++];
    frame->op = op;
    frame->base = d->base;
    frame->list = NULL;
    return frame;
}

static void pop(struct decoder *d)
{
    assert(d->depth > 0);
    d->base = d->frames[--d->depth].base;
}

/* Memory for an optional's value, which becomes the base. */
static const uint8_t *begin_present(struct decoder *d, const riacho_op *op, const uint8_t *at)
{
    uint8_t *value = take_memory(d, op->size);
    if (!value)
        return fail(d, "the value needs too much memory for its bytes");
    *(const void **)(d->base + op->offset) = value;
    push(d, op);
    d->base = value;
    return at;
}

static const uint8_t *read_optional(struct decoder *d, const riacho_op *op, const uint8_t *at)
{
    uint32_t branch;
    at = read_index(d, at, 2, &branch, "a union has no such branch");
    if (!at)
        return NULL;
    if (branch != op->count)
        return op->code == RIACHO_OP_OPTIONAL ? begin_present(d, op, at) : at;
    if (op->code == RIACHO_OP_OPTIONAL)
        *(const void **)(d->base + op->offset) = NULL;
    else
        *(riacho_bytes *)(d->base + op->offset) = (riacho_bytes){NULL, 0};
    d->next = d->ops + op->target;
    return at;
}

/* Room for `more` items behind those there are; a list of one block gets exactly its size. */
static bool grow(struct decoder *d, struct frame *frame, size_t more)
{
    const size_t need = frame->count + more, step = frame->op->size;
    if (need <= frame->capacity)
        return true;
    size_t capacity = frame->capacity * 2 > need ? frame->capacity * 2 : need, bytes;
    if (__builtin_mul_overflow(capacity, step, &bytes))
        return false;
    uint8_t *items = take_memory(d, bytes);
    if (!items)
        return false;
    if (frame->count)
        memcpy(items, frame->items, frame->count * step);
    frame->items = items;
    frame->capacity = capacity;
    return true;
}

/* The head of a block: how many items, and how many bytes when the count is negative. A count of 0
 * ends the list. */
static const uint8_t *begin_block(struct decoder *d, struct frame *frame, const uint8_t *at)
{
    int64_t count, bytes;
    at = read_long(d, at, &count);
    frame->block_end = NULL;
    if (at && count < 0) {
        if (count == INT64_MIN)
            return fail(d, "the count of a block is out of range");
        count = -count;
        at = read_long(d, at, &bytes);
        if (at && (bytes < 0 || bytes > d->end - at))
            return fail(d, "the size of a block is larger than what is left");
        if (at)
            frame->block_end = at + bytes;
    }
    if (!at)
        return NULL;
    if ((uint64_t)count > (size_t)(d->end - at) / frame->op->least)
        return fail(d, "a block has more items than bytes are left");
    if ((uint64_t)count > d->items_left)
        return fail(d, "the value has too many items");
    d->items_left -= (size_t)count;
    frame->left = (size_t)count;
    if (!frame->left)
        return at;
    if (frame->list && !grow(d, frame, frame->left))
        return fail(d, "the value needs too much memory for its bytes");
    if (frame->list)
        d->base = frame->items + frame->count * frame->op->size;
    frame->count += frame->left;
    return at;
}

/* Opens the next block and goes on at its first item, or behind the list when there is none. */
static const uint8_t *next_block(struct decoder *d, const uint8_t *at)
{
    struct frame *frame = &d->frames[d->depth - 1];
    at = begin_block(d, frame, at);
    if (!at)
        return NULL;
    if (frame->left) {
        d->next = frame->op + 1;
        return at;
    }
    if (frame->list)
        *frame->list = (riacho_array){frame->items, frame->count};
    d->next = d->ops + frame->op->target;
    pop(d);
    return at;
}

static const uint8_t *begin_list(struct decoder *d, const riacho_op *op, const uint8_t *at)
{
    struct frame *frame = push(d, op);
    if (op->code == RIACHO_OP_LIST)
        frame->list = (riacho_array *)(d->base + op->offset);
    frame->items = NULL;
    frame->count = frame->capacity = 0;
    return next_block(d, at);
}

static const uint8_t *next_item(struct decoder *d, const riacho_op *op, const uint8_t *at)
{
    struct frame *frame = &d->frames[d->depth - 1];
    if (--frame->left) {
        if (frame->list)
            d->base += frame->op->size;
        d->next = d->ops + op->target;
        return at;
    }
    if (frame->block_end && frame->block_end != at)
        return fail(d, "a block is not as long as it says");
    return next_block(d, at);
}

static const uint8_t *read_branch(struct decoder *d, const riacho_op *op, const uint8_t *at)
{
    uint32_t branch;
    at = read_index(d, at, op->count, &branch, "a union has no such branch");
    if (!at)
        return NULL;
    if (op->code == RIACHO_OP_UNION) {
        memset(d->base + op->offset, 0, op->size);
        *(int32_t *)(d->base + op->offset) = (int32_t)branch;
    }
    d->next = d->ops + op->targets[branch];
    return at;
}

static const uint8_t *read_enum(struct decoder *d, const riacho_op *op, const uint8_t *at,
                                int32_t *ret_symbol)
{
    uint32_t index;
    at = read_index(d, at, op->count, &index, "an enum has no such symbol");
    if (!at)
        return NULL;
    *ret_symbol = op->code == RIACHO_OP_ENUM ? (int32_t)index : op->numbers[index];
    if (*ret_symbol < 0)
        return fail(d, "the writer's symbol is not one of ours, and our enum has no default");
    return at;
}

static const uint8_t *promote_int(struct decoder *d, const riacho_op *op, const uint8_t *at,
                                  void *to)
{
    int32_t value;
    at = read_int(d, at, &value);
    if (at && op->code == RIACHO_OP_INT_TO_LONG)
        *(int64_t *)to = value;
    else if (at && op->code == RIACHO_OP_INT_TO_FLOAT)
        *(float *)to = (float)value;
    else if (at)
        *(double *)to = value;
    return at;
}

static const uint8_t *promote_long(struct decoder *d, const riacho_op *op, const uint8_t *at,
                                   void *to)
{
    int64_t value;
    at = read_long(d, at, &value);
    if (at && op->code == RIACHO_OP_LONG_TO_FLOAT)
        *(float *)to = (float)value;
    else if (at)
        *(double *)to = (double)value;
    return at;
}

static const uint8_t *promote_float(struct decoder *d, const uint8_t *at, double *to)
{
    float value;
    at = read_fixed(d, at, &value, sizeof value);
    if (at)
        *to = (double)value;
    return at;
}

static const uint8_t *skip(struct decoder *d, const riacho_op *op, const uint8_t *at)
{
    int64_t number;
    bool truth;
    riacho_bytes bytes;
    switch (op->code) {
    case RIACHO_OP_SKIP_BOOLEAN:
        return read_boolean(d, at, &truth);
    case RIACHO_OP_SKIP_VARINT:
        return read_long(d, at, &number);
    case RIACHO_OP_SKIP_BYTES:
        return read_bytes(d, at, &bytes);
    case RIACHO_OP_SKIP_LIST:
        return begin_list(d, op, at);
    default:
        if ((size_t)(d->end - at) < op->size)
            return fail(d, "the bytes end within a value");
        return at + op->size;
    }
}

/* Operations that only stand between different types. */
static const uint8_t *resolve(struct decoder *d, const riacho_op *op, const uint8_t *at)
{
    uint8_t *to = d->base + op->offset;
    switch (op->code) {
    case RIACHO_OP_INT_TO_LONG:
    case RIACHO_OP_INT_TO_FLOAT:
    case RIACHO_OP_INT_TO_DOUBLE:
        return promote_int(d, op, at, to);
    case RIACHO_OP_LONG_TO_FLOAT:
    case RIACHO_OP_LONG_TO_DOUBLE:
        return promote_long(d, op, at, to);
    case RIACHO_OP_FLOAT_TO_DOUBLE:
        return promote_float(d, at, (double *)to);
    case RIACHO_OP_ENUM_MAP:
        return read_enum(d, op, at, (int32_t *)to);
    case RIACHO_OP_STORE_BRANCH:
        memset(to, 0, op->size);
        *(int32_t *)to = (int32_t)op->count;
        return at;
    case RIACHO_OP_ABSENT:
        memset(to, 0, op->size);
        return at;
    case RIACHO_OP_PRESENT:
        return begin_present(d, op, at);
    case RIACHO_OP_DEFAULT:
        memcpy(to, op->data, op->size);
        return at;
    case RIACHO_OP_REFUSE:
        return fail(d, op->data);
    default:
        return skip(d, op, at);
    }
}

/* One operation. The common ones come first and are inlined into the loop. */
static inline const uint8_t *step(struct decoder *d, const riacho_op *op, const uint8_t *at)
{
    uint8_t *to = d->base + op->offset;
    switch (op->code) {
    case RIACHO_OP_BOOLEAN:
        return read_boolean(d, at, (bool *)to);
    case RIACHO_OP_INT:
        return read_int(d, at, (int32_t *)to);
    case RIACHO_OP_LONG:
        return read_long(d, at, (int64_t *)to);
    case RIACHO_OP_FLOAT:
        return read_fixed(d, at, to, sizeof(float));
    case RIACHO_OP_DOUBLE:
        return read_fixed(d, at, to, sizeof(double));
    case RIACHO_OP_BYTES:
        return read_bytes(d, at, (riacho_bytes *)to);
    case RIACHO_OP_STRING:
        return read_text(d, at, (riacho_bytes *)to);
    case RIACHO_OP_ENUM:
        return read_enum(d, op, at, (int32_t *)to);
    case RIACHO_OP_FIXED:
        return read_fixed(d, at, to, op->size);
    case RIACHO_OP_UUID:
        return read_uuid(d, at, (riacho_bytes *)to);
    case RIACHO_OP_DECIMAL:
    case RIACHO_OP_DECIMAL_FIXED:
        return read_decimal(d, op, at, to);
    case RIACHO_OP_OPTIONAL_BYTES:
    case RIACHO_OP_OPTIONAL:
        return read_optional(d, op, at);
    case RIACHO_OP_POP:
        pop(d);
        return at;
    case RIACHO_OP_LIST:
        return begin_list(d, op, at);
    case RIACHO_OP_NEXT:
        return next_item(d, op, at);
    case RIACHO_OP_UNION:
    case RIACHO_OP_BRANCH:
        return read_branch(d, op, at);
    case RIACHO_OP_JUMP:
        d->next = d->ops + op->target;
        return at;
    default:
        return resolve(d, op, at);
    }
}

/* "tags[].name" -> "tags[3].name": the open lists say where they are. */
static void print_path(const struct decoder *d, const char *path, riacho_error *ret_text)
{
    size_t size = 0;
    uint32_t frame = 0;
    for (; *path && size + 24 < sizeof ret_text->text; path++) {
        ret_text->text[size++] = *path;
        if (*path != '[')
            continue;
        while (frame < d->depth && d->frames[frame].op->code != RIACHO_OP_LIST)
            frame++;
        if (frame == d->depth)
            continue;
        const size_t index = d->frames[frame].count - d->frames[frame].left;
        size += (size_t)snprintf(ret_text->text + size, 24, "%zu", index);
        frame++;
    }
    ret_text->text[size] = 0;
}

static riacho_status report(const struct decoder *d, const riacho_op *op, size_t offset,
                            riacho_error *err)
{
    riacho_error path;
    print_path(d, op->path, &path);
    if (!path.text[0])
        return riacho_fail(err, RIACHO_REJECT, "byte %zu: %s", offset, d->problem);
    return riacho_fail(err, RIACHO_REJECT, "field %.200s, byte %zu: %s", path.text, offset,
                       d->problem);
}

riacho_status riacho_program_decode(const riacho_program *program, riacho_bytes bytes, size_t start,
                                    riacho_arena *arena, void *ret_value, riacho_error *err)
{
    const uint8_t *first = bytes.data, *at = first + start;
    struct decoder d;
    d.end = first + bytes.size;
    d.base = ret_value;
    d.arena = arena;
    d.memory_left = bytes.size * RIACHO_DECODE_MEMORY_FACTOR + SLACK_BYTES;
    d.items_left = RIACHO_DECODE_ITEMS_MAX;
    d.ops = program->ops;
    d.depth = 0;
    const riacho_op *op = program->ops;
    while (op->code != RIACHO_OP_END) {
        d.next = op + 1;
        const uint8_t *behind = step(&d, op, at);
        if (!behind)
            return report(&d, op, (size_t)(at - first), err);
        at = behind;
        op = d.next;
    }
    if (at == d.end)
        return RIACHO_OK;
    d.problem = "there are bytes behind the value";
    return report(&d, op, (size_t)(at - first), err);
}
