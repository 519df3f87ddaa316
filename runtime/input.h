/* SPDX-License-Identifier: MIT
 *
 * input.h - the records of one partition that a task has fetched and not yet processed.
 *
 * A queue of batches as the log gave them. Only the record at the head is ever decoded, when it
 * becomes the head: its timestamp then takes part in the choice between the task's inputs, and a
 * record that cannot be decoded is refused in its turn. The decoded head lives in the input's own
 * arena until it is dropped.
 *
 * Threads: belongs to the task.
 */
#pragma once

#include "riacho/port/log.h"
#include "topology/graph.h"

/* What an input decodes by. Immutable. */
typedef struct riacho_input_source {
    int32_t node; /* of the graph: where its records enter the chain */
    const char *topic;
    int32_t partition;
    const riacho_codec *key;
    const riacho_codec *value;
    const riacho_expr *timestamp; /* NULL: the log's */
    bool compacted;
} riacho_input_source;

typedef struct riacho_input_batch riacho_input_batch;

typedef struct riacho_input {
    riacho_input_source source;
    const riacho_log_ops *log;
    uint32_t tag; /* the reader's word for it */
    bool paused;  /* the reader was told so */
    /* Nothing is buffered because the log had nothing more when it was last asked; a task with
     * several inputs must not overtake one of which it does not know that. */
    bool caught_up;
    int64_t empty_since_ns; /* thread.c: polls have brought nothing since then; 0: they have */

    int64_t position;          /* next offset to process: everything below is done */
    int64_t fetched;           /* next offset to fetch */
    int64_t told_end;          /* a batch without records said that the log ended here; or -1 */
    int64_t until;             /* replay: process only below; INT64_MAX: no end */
    int64_t shown_from;        /* rebuild: nothing is shown below; what the log had at opening */
    int64_t partition_time_ms; /* greatest timestamp seen at the head; INT64_MIN before the first */

    riacho_input_batch *first; /* what its cursor points to is the head */
    riacho_input_batch *last;
    size_t buffered; /* records */

    enum { RIACHO_HEAD_NONE = 0, RIACHO_HEAD_READY, RIACHO_HEAD_REFUSED } head;
    riacho_record record;      /* READY; timestamp_ms is set when REFUSED too, as the log has it */
    riacho_status head_status; /* REFUSED: why */
    riacho_error head_error;
    riacho_arena *arena;
} riacho_input;

void riacho_input_init(riacho_input *input, const riacho_input_source *source,
                       const riacho_log_ops *log);
void riacho_input_done(riacho_input *input);

/* Starts reading at `next`; nothing may be buffered. */
void riacho_input_seek(riacho_input *input, int64_t next);
/* Takes the batch. */
void riacho_input_push(riacho_input *input, riacho_log_batch *batch);

/* Makes the next record the head and decodes it, unless it is the head already. Afterwards
 * input->head says NONE (nothing buffered, or `until` is reached), READY or REFUSED. */
void riacho_input_peek(riacho_input *input);
/* The head as the log has it. There must be one. */
const riacho_log_record *riacho_input_raw(const riacho_input *input);
/* The head is done: moves the position behind it. */
void riacho_input_drop(riacho_input *input);
/* Decodes the same head again, for another attempt. */
void riacho_input_again(riacho_input *input);

/* The head cannot be decoded now, which says nothing about it (codec.h, RIACHO_RETRY). */
static inline bool riacho_input_waits(const riacho_input *input)
{
    return input->head == RIACHO_HEAD_REFUSED && input->head_status == RIACHO_RETRY;
}

/* Whether a replay has read all it was to read. */
static inline bool riacho_input_reached(const riacho_input *input)
{
    return input->position >= input->until;
}
