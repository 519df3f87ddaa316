/* SPDX-License-Identifier: MIT
 *
 * type.h - what a value looks like in memory: the one description that the codecs, JSON,
 * expressions, key order and generated C structs share. A type is immutable once made and may be
 * read by any thread.
 *
 * A value is always passed as a pointer to memory of `size` bytes, laid out so:
 *
 *   boolean             bool
 *   int, date, enum     int32_t (an enum holds the index of its symbol)
 *   long, timestamps    int64_t
 *   float, double       float, double
 *   string, bytes       riacho_bytes (UTF-8 for a string); uuid and decimal over bytes as well
 *   fixed               uint8_t[fixed_size]
 *   array               riacho_array of items, each item->size apart
 *   map                 riacho_array of entries: a riacho_bytes key at 0, the value at
 * `value_offset`, `entry_size` apart record              its fields in order at `offset`, with C's
 * alignment: the struct riacho-gen writes optional            [null, T] or [T, null]: for string
 * and bytes a riacho_bytes whose data is NULL for null; for every other T a `const T *` that is
 * NULL for null union               any other union: int32_t branch at 0, the branch's value at
 * `value_offset` null                nothing (size 0); `void` as a key or value type
 */
#pragma once

#include "riacho/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum riacho_kind {
    RIACHO_NULL,
    RIACHO_BOOLEAN,
    RIACHO_INT,
    RIACHO_LONG,
    RIACHO_FLOAT,
    RIACHO_DOUBLE,
    RIACHO_BYTES,
    RIACHO_STRING,
    RIACHO_ENUM,
    RIACHO_FIXED,
    RIACHO_ARRAY,
    RIACHO_MAP,
    RIACHO_RECORD,
    RIACHO_OPTIONAL,
    RIACHO_UNION,
} riacho_kind;

typedef enum riacho_logical {
    RIACHO_PLAIN = 0,
    RIACHO_DECIMAL,          /* bytes or fixed: two's complement, big-endian, times 10^-scale */
    RIACHO_UUID,             /* string: 8-4-4-4-12 hexadecimal */
    RIACHO_DATE,             /* int: days since 1970-01-01 */
    RIACHO_TIMESTAMP_MILLIS, /* long: UTC */
    RIACHO_TIMESTAMP_MICROS, /* long: UTC */
} riacho_logical;

typedef struct riacho_array {
    const void *items;
    size_t count;
} riacho_array;

typedef struct riacho_type riacho_type;

typedef struct riacho_field {
    const char *name;
    const char *doc; /* may be NULL */
    const riacho_type *type;
    uint32_t offset;
    const void *default_value; /* a value of `type`, or NULL when the field has no default */
    const char *const *aliases;
    uint32_t alias_count;
} riacho_field;

struct riacho_type {
    riacho_kind kind;
    riacho_logical logical;
    const char *name; /* full name of a record, enum or fixed ("riacho.Pet"); else the Avro word
                         ("long", "array") */
    uint32_t size;
    uint32_t align;

    const riacho_field *fields; /* record */
    uint32_t field_count;

    const char *const *symbols; /* enum */
    uint32_t symbol_count;
    int32_t default_symbol; /* -1: none */

    uint32_t fixed_size; /* fixed */
    uint32_t precision;  /* decimal */
    uint32_t scale;

    const riacho_type *item; /* array item, map value, the T of an optional */
    uint32_t entry_size;     /* map */
    uint32_t value_offset;   /* map entry, union */
    uint32_t null_branch;    /* optional: which branch of the union null was, 0 or 1 */

    const riacho_type *const *branches; /* union */
    uint32_t branch_count;

    uint64_t hash; /* of names, kinds and layout: equal hashes have equal C structs */
};

/* The types of the words in TOPOLOGY's `keyType` and `valueType` that need no schema. */
extern const riacho_type riacho_type_null;
extern const riacho_type riacho_type_boolean;
extern const riacho_type riacho_type_int;
extern const riacho_type riacho_type_long;
extern const riacho_type riacho_type_float;
extern const riacho_type riacho_type_double;
extern const riacho_type riacho_type_bytes;
extern const riacho_type riacho_type_string;
extern const riacho_type riacho_type_uuid;

/* NULL when the record has no such field. */
const riacho_field *riacho_type_field(const riacho_type *record, riacho_bytes name);
/* The symbol's index, -1 when the enum has no such symbol. */
int32_t riacho_type_symbol(const riacho_type *enumeration, riacho_bytes symbol);

/* Equal by meaning: kinds, names, fields in order; not by address. */
bool riacho_type_equal(const riacho_type *a, const riacho_type *b);
/* Writes a type as people say it: "string", "avro record riacho.Pet", "[null, long]". */
void riacho_type_describe(const riacho_type *type, riacho_buffer *out);

/* A total order of two values of one type, as Avro orders them; -1, 0, 1. Maps are compared as
 * equal. */
int riacho_value_compare(const riacho_type *type, const void *a, const void *b);
/* A deep copy of `value` at `ret_copy` (type->size bytes); what it points to is in the arena. */
void riacho_value_copy(const riacho_type *type, const void *value, riacho_arena *arena,
                       void *ret_copy);
/* Sets every field to its default, or to zero, "" or null where it has none. */
void riacho_value_init(const riacho_type *type, void *ret_value);

#ifdef __cplusplus
}
#endif
