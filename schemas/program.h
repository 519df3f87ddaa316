/* SPDX-License-Identifier: MIT
 *
 * program.h - a schema as a flat table of operations: what decode and encode run.
 *
 * A program reads values of one type (the writer's) into the memory of another (the reader's). When
 * both are the same type it is called plain, and the same table also encodes. Operations stand in
 * the order of the writer's bytes; an operation moves on to the next one unless it says otherwise.
 * Programs are immutable; any thread.
 *
 * Words: the *base* is the struct, item or entry that offsets count from. Optionals, arrays and
 * maps push a frame with a new base; at most RIACHO_PROGRAM_FRAMES_MAX are open at once, because
 * types are not nested deeper.
 */
#pragma once

#include "base/limits.h"
#include "riacho/type.h"

typedef enum riacho_opcode {
    RIACHO_OP_END,
    RIACHO_OP_BOOLEAN,
    RIACHO_OP_INT,
    RIACHO_OP_LONG,
    RIACHO_OP_FLOAT,
    RIACHO_OP_DOUBLE,
    RIACHO_OP_BYTES,
    RIACHO_OP_STRING,
    RIACHO_OP_UUID,
    RIACHO_OP_DECIMAL,       /* over bytes; type */
    RIACHO_OP_DECIMAL_FIXED, /* size, type */
    RIACHO_OP_ENUM,          /* count: symbols */
    RIACHO_OP_FIXED,         /* size */

    RIACHO_OP_OPTIONAL_BYTES, /* count: the null branch; null goes on at target */
    RIACHO_OP_OPTIONAL,       /* the same, and pushes the frame of the value (size) */
    RIACHO_OP_POP,            /* closes the frame of an optional */
    RIACHO_OP_LIST,  /* array or map: pushes the frame of an item (size, least); empty goes on at
                        target */
    RIACHO_OP_NEXT,  /* the end of an item: target is the first operation of the next one */
    RIACHO_OP_UNION, /* count: branches, targets; the branch is kept at offset; size: of the whole
                        union in memory */
    RIACHO_OP_JUMP,  /* goes on at target */

    /* Only between different types. */
    RIACHO_OP_INT_TO_LONG,
    RIACHO_OP_INT_TO_FLOAT,
    RIACHO_OP_INT_TO_DOUBLE,
    RIACHO_OP_LONG_TO_FLOAT,
    RIACHO_OP_LONG_TO_DOUBLE,
    RIACHO_OP_FLOAT_TO_DOUBLE,
    RIACHO_OP_ENUM_MAP,     /* count: the writer's symbols, numbers: ours, or -1 */
    RIACHO_OP_BRANCH,       /* as UNION, but nothing is kept */
    RIACHO_OP_STORE_BRANCH, /* count: the branch to keep at offset; size as UNION */
    RIACHO_OP_ABSENT,       /* size bytes of the optional are cleared */
    RIACHO_OP_PRESENT,      /* pushes the frame of an optional's value without reading a branch */
    RIACHO_OP_DEFAULT,      /* size bytes from data */
    RIACHO_OP_REFUSE,       /* fails with the text in data */
    RIACHO_OP_SKIP_BOOLEAN,
    RIACHO_OP_SKIP_VARINT,
    RIACHO_OP_SKIP_FIXED, /* size */
    RIACHO_OP_SKIP_BYTES,
    RIACHO_OP_SKIP_LIST, /* as LIST, but items have no memory */
} riacho_opcode;

typedef struct riacho_op {
    riacho_opcode code;
    uint32_t offset; /* from the base */
    uint32_t size;
    uint32_t target;
    uint32_t count;
    uint32_t least; /* bytes of the shortest item */
    union {
        const void *data;
        const uint32_t *targets;
        const int32_t *numbers;
        const riacho_type *type;
    };
    const char *path; /* for errors: "owner.tags[].name"; "" is the whole value */
} riacho_op;

enum {
    RIACHO_PROGRAM_WORK_MAX = 8 * RIACHO_SCHEMA_NODES_MAX, /* steps of compiling */
    /* Lists and optionals of the reader, and below them lists of the writer that are skipped. */
    RIACHO_PROGRAM_FRAMES_MAX = 2 * RIACHO_SCHEMA_DEPTH_MAX,
};

typedef struct riacho_program {
    const riacho_type *reader;
    const riacho_op *ops;
    uint32_t op_count;
} riacho_program;

/* Both types came from a schema. RIACHO_REJECT says why values of the writer cannot be read as the
 * reader: Avro's rules of schema resolution. The program borrows both types and lives in the arena.
 */
RIACHO_CHECKED riacho_status riacho_program_compile(const riacho_type *writer,
                                                    const riacho_type *reader, riacho_arena *arena,
                                                    const riacho_program **ret_program,
                                                    riacho_error *err);

/* Reads the bytes from `start` on as one value; offsets in errors count from bytes.data. */
RIACHO_CHECKED riacho_status riacho_program_decode(const riacho_program *program,
                                                   riacho_bytes bytes, size_t start,
                                                   riacho_arena *arena, void *ret_value,
                                                   riacho_error *err);
/* Appends the value; on failure out is as it was. The program is plain. */
RIACHO_CHECKED riacho_status riacho_program_encode(const riacho_program *program, const void *value,
                                                   riacho_buffer *out, riacho_error *err);
