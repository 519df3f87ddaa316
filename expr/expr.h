/* SPDX-License-Identifier: MIT
 *
 * expr.h - small typed expressions: compiled against a scope of named values at validation,
 * evaluated for each record.
 *
 * Literals, fields, == != < <= > >=, && || !, + - * / % (and + on strings), in [..], a ? b : c, a
 * ?? b, and the functions size contains startsWith endsWith lower upper trim abs min max int long
 * float double string hash. No loops, clock, chance or I/O. The grammar, the rules for null and
 * every failure at run time are in docs/reference/expressions.md.
 *
 * Null: the type of a subexpression says whether it can be null (an optional field, or anything
 * read through a value that may be absent). A field of null is null; comparing with null by == and
 * != is allowed, every other operator gives null for null, and a condition (filter, ?:, && ||) that
 * is null counts as false.
 *
 * Threads: a compiled expression is immutable and may be evaluated by any thread.
 */
#pragma once

#include "riacho/type.h"

typedef struct riacho_expr riacho_expr;

/* One name that expressions may use. Its value is given to eval at the same index. */
typedef struct riacho_expr_name {
    const char *name;
    const riacho_type *type; /* never NULL; riacho_type_null for a name that is always null */
    enum {
        RIACHO_NAME_PRESENT = 0,
        RIACHO_NAME_NULLABLE,
        RIACHO_NAME_LOOKUP,
        RIACHO_NAME_LOOKUP_PRESENT,
    } how;
    /* LOOKUP: `name.anything` is a string looked up by riacho_expr_lookup (query, header);
     * nullable. LOOKUP_PRESENT: as LOOKUP, but `name.anything` is never null, because whoever
     * compiles has checked that the entry will be there (path), and RIACHO_REJECT when it is not
     * after all; `name["anything"]` stays nullable. */
} riacho_expr_name;

typedef struct riacho_expr_scope {
    const riacho_expr_name *names;
    size_t count;
} riacho_expr_scope;

/* Where and what: a byte range in the text. */
typedef struct riacho_expr_issue {
    size_t offset;
    size_t length;
    char text[256];
} riacho_expr_issue;

/* Compiles text into the arena, which must outlive the expression. `expected` (may be NULL) is the
 * type the result is converted to where that loses nothing: int to long to double, a string literal
 * to an enum symbol, T to optional T; anything else is an issue that names both types. A constant
 * that can only fail (division by literal zero) is an issue as well. */
RIACHO_CHECKED riacho_status riacho_expr_compile(riacho_bytes text, const riacho_expr_scope *scope,
                                                 const riacho_type *expected, riacho_arena *arena,
                                                 const riacho_expr **ret_expr,
                                                 riacho_expr_issue *ret_issue);

/* One field of a record that is built from expressions. */
typedef struct riacho_expr_field {
    const char *name;
    riacho_bytes text;
} riacho_expr_field;

/* A record made of one expression a field; fields left out take their default, and one without a
 * default is an issue. ret_field (may be NULL) is the index of the field the issue is in, or
 * `count` when it is about the whole. */
RIACHO_CHECKED riacho_status riacho_expr_compile_record(
    const riacho_type *record, const riacho_expr_field *fields, size_t count,
    const riacho_expr_scope *scope, riacho_arena *arena, const riacho_expr **ret_expr,
    riacho_expr_issue *ret_issue, size_t *ret_field);

const riacho_type *riacho_expr_type(const riacho_expr *expr);
/* Whether the result can be null. */
bool riacho_expr_nullable(const riacho_expr *expr);
/* Whether the value of scope name `index` is read. */
bool riacho_expr_uses(const riacho_expr *expr, size_t index);
/* The entries that are read of LOOKUP name `index`, as `name.entry` or `name["entry"]`: calls
 * `found` for each place where one is, so perhaps more than once. */
void riacho_expr_entries(const riacho_expr *expr, size_t index,
                         void (*found)(void *to, riacho_bytes entry), void *to);
/* Appends the normal form: one text for all that differs in spaces, quotes, escapes and ways to
 * write a number only. A record is `{field: expression, ...}` in the record's order. For hashing a
 * topology, and for people. */
void riacho_expr_print(const riacho_expr *expr, riacho_buffer *out);

/* A lookup table for RIACHO_NAME_LOOKUP names: `get` gives absent when there is no such entry. */
typedef struct riacho_expr_lookup {
    riacho_bytes (*get)(const struct riacho_expr_lookup *lookup, riacho_bytes name);
} riacho_expr_lookup;

/* values[i] points to the value of scope name i (a riacho_expr_lookup for a LOOKUP name), NULL for
 * null (an assertion fails where a RIACHO_NAME_PRESENT one that is read is NULL). ret_value has
 * room for riacho_expr_type()->size bytes; *ret_null true leaves it untouched. What the value
 * points to is in the arena or in what was given. RIACHO_REJECT for division by zero, a whole
 * number that does not fit its type, text that int(), long(), float() or double() cannot read, +
 * that makes a text longer than RIACHO_VALUE_BYTES_MAX, and an entry of a LOOKUP_PRESENT name that
 * is not there; never another. */
RIACHO_CHECKED riacho_status riacho_expr_eval(const riacho_expr *expr, const void *const *values,
                                              riacho_arena *arena, void *ret_value, bool *ret_null,
                                              riacho_error *err);

/* For conditions: null counts as false. */
RIACHO_CHECKED riacho_status riacho_expr_test(const riacho_expr *expr, const void *const *values,
                                              riacho_arena *arena, bool *ret_true,
                                              riacho_error *err);
