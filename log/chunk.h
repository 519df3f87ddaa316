/* SPDX-License-Identifier: MIT
 *
 * chunk.h - a run of records of one partition as it lies in the database: a head with a checksum,
 * and the records behind it, delta-encoded and compressed when that helps. See chunk.c for the
 * bytes.
 *
 * Threads: a writer belongs to one thread; the rest are pure functions.
 */
#pragma once

#include "riacho/port/log.h"

enum {
    CHUNK_HEAD_BYTES = 64,
    CHUNK_ENTRY_BYTES = 60, /* of an index entry */
};

struct chunk_head {
    int64_t base; /* the first record's offset */
    int64_t last; /* the last record's offset */
    int64_t min_ms;
    int64_t max_ms;
    int64_t cleaned_ms; /* when compaction first passed the tombstones in it; 0: not yet */
    uint32_t count;
    uint32_t header_count; /* of all its records together */
    uint32_t tombstones;
    uint32_t raw_bytes;    /* of the records before compression */
    uint32_t stored_bytes; /* of the whole chunk as it is stored */
    bool compressed;
};

/* Records on their way into a chunk. Zeroed memory is ready; the owner calls
 * riacho_chunk_writer_done. */
struct chunk_writer {
    struct chunk_head head;
    riacho_buffer raw;
    int64_t last_ms;
};

void riacho_chunk_writer_done(struct chunk_writer *writer);
/* Starts anew and keeps the memory. */
void riacho_chunk_writer_reset(struct chunk_writer *writer);
/* Offsets ascend from call to call. */
void riacho_chunk_add(struct chunk_writer *writer, const riacho_log_record *record);
/* Adds the stored form of at least one record to `out`, which should be empty, and completes the
 * head. */
void riacho_chunk_finish(struct chunk_writer *writer, riacho_buffer *out);

/* Checks version, sizes and checksum. RIACHO_REJECT says what is wrong with it. */
RIACHO_CHECKED riacho_status riacho_chunk_open(riacho_bytes stored, struct chunk_head *ret_head,
                                               riacho_error *err);
/* The records of a chunk that riacho_chunk_open has accepted. `raw` has room for raw_bytes, records
 * for count, headers for header_count; records point into raw and headers. */
RIACHO_CHECKED riacho_status riacho_chunk_decode(riacho_bytes stored, const struct chunk_head *head,
                                                 uint8_t *raw, riacho_log_record *records,
                                                 riacho_header *headers, riacho_error *err);

/* What the index keeps of a chunk, so that retention, bounds and searches by time need not read
 * records. */
void riacho_chunk_entry_put(const struct chunk_head *head, uint8_t entry[CHUNK_ENTRY_BYTES]);
RIACHO_CHECKED riacho_status riacho_chunk_entry_get(riacho_bytes entry, struct chunk_head *ret_head,
                                                    riacho_error *err);
