/* SPDX-License-Identifier: MIT
 *
 * types.h - the words every other header is written in: bytes, status, error, arena, buffer.
 *
 * Threads: none of these values is shared between threads unless its owner says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RIACHO_CHECKED __attribute__((warn_unused_result))
#define RIACHO_PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))
#else
#define RIACHO_CHECKED
#define RIACHO_PRINTF(format_at, first)
#endif

/* A borrowed run of bytes. Text is UTF-8 and not terminated. `data` is NULL when the thing is
 * absent (no value, no key), which is data and not an error; an empty run has a `data` that is not
 * NULL and a `size` of 0. */
typedef struct riacho_bytes {
    const void *data;
    size_t size;
} riacho_bytes;

/* What the caller must do next. */
typedef enum riacho_status {
    RIACHO_OK = 0,
    RIACHO_RETRY,  /* the same call may succeed later; nothing has changed */
    RIACHO_REJECT, /* this record or this request is bad and will stay bad */
    RIACHO_ABORT,  /* this transaction must be undone and done again */
    RIACHO_FATAL,  /* this worker cannot go on */
} riacho_status;

/* The cause of a status, as one sentence for people. The caller provides the memory; a callee that
 * returns another status than RIACHO_OK has set `text`. */
typedef struct riacho_error {
    char text[512];
} riacho_error;

/* Sets err->text (cut to fit, always terminated; err may be NULL) and returns status, so that
 * `return riacho_fail(...)` reads as what it is. */
riacho_status riacho_fail(riacho_error *err, riacho_status status, const char *format, ...)
    RIACHO_PRINTF(3, 4);

/* Memory that is released all at once: of a batch, of a request, of a loaded schema. Allocations
 * are aligned to 16 bytes and never fail (an exhausted machine ends the process with a message);
 * one arena belongs to one thread at a time. */
typedef struct riacho_arena riacho_arena;

riacho_arena *riacho_arena_new(void);
void riacho_arena_free(riacho_arena *arena);
/* Forgets every allocation and keeps the first block, so a loop that resets does not reach malloc.
 */
void riacho_arena_reset(riacho_arena *arena);
/* Bytes handed out since the last reset. */
size_t riacho_arena_used(const riacho_arena *arena);
/* `size` bytes, not cleared; size 0 gives a pointer that is not NULL. */
void *riacho_alloc(riacho_arena *arena, size_t size);
/* `count * size` bytes, cleared; a product that overflows ends the process. */
void *riacho_alloc_zero(riacho_arena *arena, size_t count, size_t size);
/* A copy with a terminating NUL behind it; absent stays absent. */
riacho_bytes riacho_copy(riacho_arena *arena, riacho_bytes bytes);
/* A terminated string in the arena. */
char *riacho_format(riacho_arena *arena, const char *format, ...) RIACHO_PRINTF(2, 3);

/* Bytes that grow. Zeroed memory is an empty buffer; the owner calls riacho_buffer_done. `data` may
 * move at every call. */
typedef struct riacho_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
} riacho_buffer;

void riacho_buffer_done(riacho_buffer *buffer);
/* Makes room for `more` bytes behind `size` and returns where they go; the caller then adds to
 * `size` what it wrote. */
uint8_t *riacho_buffer_reserve(riacho_buffer *buffer, size_t more);
void riacho_buffer_append(riacho_buffer *buffer, const void *data, size_t size);
void riacho_buffer_printf(riacho_buffer *buffer, const char *format, ...) RIACHO_PRINTF(2, 3);

static inline void riacho_buffer_reset(riacho_buffer *buffer)
{
    buffer->size = 0;
}

static inline riacho_bytes riacho_buffer_bytes(const riacho_buffer *buffer)
{
    riacho_bytes bytes = {buffer->data ? (const void *)buffer->data : (const void *)"",
                          buffer->size};
    return bytes;
}

/* The bytes of a terminated string, without the NUL; NULL gives absent. */
riacho_bytes riacho_text(const char *text);
bool riacho_bytes_equal(riacho_bytes a, riacho_bytes b);
/* memcmp order, a prefix before what it begins: the order of keys in every store. <0, 0, >0. */
int riacho_bytes_compare(riacho_bytes a, riacho_bytes b);

/* One header of a record: what travels beside the value (trace context, correlation, the reason of
 * a dead letter). */
typedef struct riacho_header {
    riacho_bytes name;
    riacho_bytes value;
} riacho_header;

typedef struct riacho_headers {
    const riacho_header *items;
    size_t count;
} riacho_headers;

/* `next` is the offset to read next: everything below it is done. */
typedef struct riacho_position {
    const char *topic;
    int32_t partition;
    int64_t next;
} riacho_position;

#ifdef __cplusplus
}
#endif
