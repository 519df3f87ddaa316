/* SPDX-License-Identifier: MIT
 *
 * tally.h - a map from names to numbers in bytes, made so that one can be added to another without
 * a look at what is there: the value of keys that change much oftener than they are read.
 *
 *   a tally   = 'T', then of each entry, ascending by name as bytes:
 *               how many bytes the name shares with the one before (varint)
 *               how many others it has, times 2, plus the verb      (varint)
 *               those others
 *               the number, zigzag                                  (varint)
 *
 * An entry says what becomes of its name's number: RIACHO_TALLY_ADD adds to it (to 0 when there is
 * none), RIACHO_TALLY_SET replaces it. Read as a value and not as a change, both say the same. So
 * folding is associative: changes may be folded with each other first, in any grouping that keeps
 * their order. Sums wrap; whoever adds sees to it that they need not.
 *
 * Pure; any thread.
 */
#pragma once

#include "riacho/types.h"

enum { RIACHO_TALLY_TAG = 'T' };

typedef enum riacho_tally_verb { RIACHO_TALLY_ADD = 0, RIACHO_TALLY_SET } riacho_tally_verb;

typedef struct riacho_tally_entry {
    riacho_bytes name;
    int64_t number;
    riacho_tally_verb verb;
} riacho_tally_entry;

/* Borrows the bytes of the tally. */
typedef struct riacho_tally_reader {
    const uint8_t *at; /* NULL: the bytes are not a tally's */
    const uint8_t *end;
    uint8_t *name; /* of the entry in hand: `few`, or memory of its own */
    size_t name_size;
    size_t capacity;
    uint8_t few[112];
} riacho_tally_reader;

typedef struct riacho_tally_writer {
    riacho_buffer *out; /* borrowed */
    riacho_buffer last; /* the name before */
    size_t count;       /* of entries */
} riacho_tally_writer;

/* Absent bytes are an empty tally. */
void riacho_tally_read(riacho_tally_reader *reader, riacho_bytes tally);
/* false at the end; the name is borrowed until the next call. */
bool riacho_tally_next(riacho_tally_reader *reader, riacho_tally_entry *ret_entry);
/* Ends the reading; false when the bytes were not a tally's. */
bool riacho_tally_read_done(riacho_tally_reader *reader);

/* Empties `out` and writes there. */
void riacho_tally_write(riacho_tally_writer *writer, riacho_buffer *out);
/* Names ascend. */
void riacho_tally_put(riacho_tally_writer *writer, const riacho_tally_entry *entry);
void riacho_tally_write_done(riacho_tally_writer *writer);

/* Folds tallies, oldest first, into one; false, and `out` means nothing, when one is none. */
bool riacho_tally_fold(const riacho_bytes *tallies, size_t count, riacho_buffer *out);
