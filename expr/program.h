/* SPDX-License-Identifier: MIT
 *
 * program.h - what an expression is compiled to: a flat list of instructions over numbered slots.
 *
 * `to`, `a` and `b` are slots. The value of a subexpression is left in the slot it was compiled
 * for, its operands in that slot and the next, so the number of slots is bounded by the depth of
 * the tree. Jumps only go forward, so every program ends. The result is in slot 0.
 *
 * Nulls: arithmetic, comparisons and functions never look at null flags. Where an operand can be
 * null, SKIP_NULL or JUMP_NULL stands before them and goes around.
 */
#pragma once

#include "base/limits.h"
#include "slot.h"
#include "token.h"

enum { RIACHO_EXPR_SLOTS_MAX = RIACHO_EXPRESSION_DEPTH_MAX + 8 };

typedef enum riacho_expr_code {
    RIACHO_CODE_NONE, /* never in a program: the operand is the result */
    RIACHO_CODE_END,

    RIACHO_CODE_CONSTANT, /* constants[argument] */
    RIACHO_CODE_NAME,     /* values[argument]; null when that is NULL */
    RIACHO_CODE_LOOKUP,   /* entry `a` of the lookup values[argument]; null when absent */
    RIACHO_CODE_REQUIRE,  /* fails when `a` is null: an entry that was promised */
    RIACHO_CODE_BOOLEAN,  /* FIELD at a + argument, by its kind, and so the next ones */
    RIACHO_CODE_INT,
    RIACHO_CODE_LONG,
    RIACHO_CODE_FLOAT,
    RIACHO_CODE_DOUBLE,
    RIACHO_CODE_BYTES,
    RIACHO_CODE_OPTIONAL_BYTES,
    RIACHO_CODE_PLACE,     /* the address itself */
    RIACHO_CODE_POINTER,   /* the pointer that lies there; null when it is NULL */
    RIACHO_CODE_FIXED,     /* argument bytes at a */
    RIACHO_CODE_MAP_GET,   /* where the value of key b in the map at a lies; types[argument] */
    RIACHO_CODE_ARRAY_GET, /* where item b of the array at a lies */

    RIACHO_CODE_JUMP,         /* to instruction `argument` */
    RIACHO_CODE_JUMP_FALSE,   /* when a is not true: false or null */
    RIACHO_CODE_JUMP_TRUE,    /* when a is true */
    RIACHO_CODE_JUMP_NULL,    /* when a is null */
    RIACHO_CODE_JUMP_PRESENT, /* when a is not null */
    RIACHO_CODE_SKIP_NULL,    /* when a or b is null: `to` becomes null, and jump */
    RIACHO_CODE_EQUAL_NULLS,  /* when a or b is null: `to` is whether both are, and jump */

    RIACHO_CODE_IS_NULL,
    RIACHO_CODE_TRUTH, /* null becomes false */
    RIACHO_CODE_NOT,
    RIACHO_CODE_NEGATE_LONG,
    RIACHO_CODE_NEGATE_DOUBLE,
    RIACHO_CODE_ADD_LONG,
    RIACHO_CODE_SUBTRACT_LONG,
    RIACHO_CODE_MULTIPLY_LONG,
    RIACHO_CODE_DIVIDE_LONG,
    RIACHO_CODE_REMAINDER_LONG,
    RIACHO_CODE_ADD_DOUBLE,
    RIACHO_CODE_SUBTRACT_DOUBLE,
    RIACHO_CODE_MULTIPLY_DOUBLE,
    RIACHO_CODE_DIVIDE_DOUBLE,
    RIACHO_CODE_CONCAT,

    /* In threes, for riacho_expr_class. */
    RIACHO_CODE_EQUAL_LONG,
    RIACHO_CODE_EQUAL_DOUBLE,
    RIACHO_CODE_EQUAL_BYTES,
    RIACHO_CODE_LESS_LONG,
    RIACHO_CODE_LESS_DOUBLE,
    RIACHO_CODE_LESS_BYTES,
    RIACHO_CODE_LESS_EQUAL_LONG,
    RIACHO_CODE_LESS_EQUAL_DOUBLE,
    RIACHO_CODE_LESS_EQUAL_BYTES,
    RIACHO_CODE_MIN_LONG,
    RIACHO_CODE_MIN_DOUBLE,
    RIACHO_CODE_MIN_BYTES,
    RIACHO_CODE_MAX_LONG,
    RIACHO_CODE_MAX_DOUBLE,
    RIACHO_CODE_MAX_BYTES,

    RIACHO_CODE_IN_LONGS, /* whether lists[argument] has a */
    RIACHO_CODE_IN_BYTES,

    RIACHO_CODE_SIZE_TEXT,
    RIACHO_CODE_SIZE_BYTES,
    RIACHO_CODE_SIZE_ARRAY, /* and map */
    RIACHO_CODE_CONTAINS_TEXT,
    RIACHO_CODE_CONTAINS_KEY,  /* types[argument] is the map */
    RIACHO_CODE_CONTAINS_ITEM, /* types[argument] is the array */
    RIACHO_CODE_STARTS,
    RIACHO_CODE_ENDS,
    RIACHO_CODE_LOWER,
    RIACHO_CODE_UPPER,
    RIACHO_CODE_TRIM,
    RIACHO_CODE_ABS_INT,
    RIACHO_CODE_ABS_LONG,
    RIACHO_CODE_ABS_DOUBLE,
    RIACHO_CODE_HASH_BYTES,
    RIACHO_CODE_HASH_LONG,

    RIACHO_CODE_LONG_TO_INT,
    RIACHO_CODE_LONG_TO_DOUBLE,
    RIACHO_CODE_DOUBLE_TO_FLOAT,
    RIACHO_CODE_DOUBLE_TO_LONG,
    RIACHO_CODE_TEXT_TO_LONG,
    RIACHO_CODE_TEXT_TO_DOUBLE,
    RIACHO_CODE_BOOLEAN_TO_TEXT,
    RIACHO_CODE_LONG_TO_TEXT,
    RIACHO_CODE_FLOAT_TO_TEXT,
    RIACHO_CODE_DOUBLE_TO_TEXT,
    RIACHO_CODE_ENUM_TO_TEXT, /* types[argument] */

    RIACHO_CODE_RECORD,  /* memory for a types[argument] */
    RIACHO_CODE_STORE,   /* a into field `argument` of the record at `to` */
    RIACHO_CODE_DEFAULT, /* field `argument` of the record at `to` gets its default */
    RIACHO_CODE_COUNT
} riacho_expr_code;

/* How two values are compared; an offset from the first code of a group of three. */
typedef enum riacho_expr_class {
    RIACHO_CLASS_LONG,
    RIACHO_CLASS_DOUBLE,
    RIACHO_CLASS_BYTES,
} riacho_expr_class;

typedef struct riacho_expr_machine riacho_expr_machine;
typedef struct riacho_expr_instruction riacho_expr_instruction;

/* Does what a code does; returns the next instruction, NULL to stop. */
typedef const riacho_expr_instruction *(*riacho_expr_handler)(riacho_expr_machine *machine,
                                                              const riacho_expr_instruction *at);

struct riacho_expr_instruction {
    riacho_expr_handler run;
    uint32_t argument;
    uint8_t to;
    uint8_t a;
    uint8_t b;
};

/* The constants of an `in [...]`. */
typedef struct riacho_expr_list {
    const riacho_expr_slot *items;
    size_t count;
} riacho_expr_list;

struct riacho_expr {
    const riacho_type *type;
    bool nullable;
    const riacho_expr_instruction *code;
    const riacho_expr_span *spans; /* of each instruction, in `text`: for messages */
    const riacho_expr_slot *constants;
    const riacho_type *const *types;
    const riacho_expr_list *lists;
    const riacho_type *record; /* of RECORD, STORE and DEFAULT */
    riacho_bytes text;
    riacho_bytes normal;
    const bool *uses;
    size_t name_count;
};

riacho_expr_handler riacho_expr_handler_of(riacho_expr_code code);

/* Runs the program; ret_slot is the result. Statuses as riacho_expr_eval. */
RIACHO_CHECKED riacho_status riacho_expr_run(const riacho_expr *expr, const void *const *values,
                                             riacho_arena *arena, riacho_expr_slot *ret_slot,
                                             riacho_error *err);

/* Reads a value of any type at `place`, and writes one that is not null there; an optional that
 * needs memory takes it from the arena. */
void riacho_expr_load(const riacho_type *type, const void *place, riacho_expr_slot *ret_slot);
void riacho_expr_store(const riacho_type *type, const riacho_expr_slot *slot, riacho_arena *arena,
                       void *place);
