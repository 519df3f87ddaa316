/* SPDX-License-Identifier: MIT
 *
 * outbox.h - the outputs of one commit, in the very bytes that the state store keeps of them.
 *
 * Outputs are serialised once, as they come; a commit hands the bytes to the store and reads them
 * back as appends for the log, and so does a restart that finds them in the store. The bytes name
 * their topics, because the topology may have changed between the two.
 *
 * Threads: belongs to the task.
 */
#pragma once

#include "riacho/port/log.h"

typedef struct riacho_outbox {
    riacho_buffer bytes; /* a head that names the topics, then the outputs */
    size_t head_bytes;
    size_t count;
} riacho_outbox;

typedef struct riacho_outbox_mark {
    size_t bytes;
    size_t count;
} riacho_outbox_mark;

/* Topic i of an output is names[i]. */
void riacho_outbox_init(riacho_outbox *outbox, const char *const *names, size_t name_count);
void riacho_outbox_done(riacho_outbox *outbox);
/* Copies the record; its offset is not kept. */
void riacho_outbox_add(riacho_outbox *outbox, uint32_t topic, int32_t partition,
                       const riacho_log_record *record);
riacho_outbox_mark riacho_outbox_position(const riacho_outbox *outbox);
/* Forgets what was added since the mark. */
void riacho_outbox_undo(riacho_outbox *outbox, riacho_outbox_mark mark);
/* Forgets all; memory that only many outputs need is given back. */
void riacho_outbox_reset(riacho_outbox *outbox);
/* Bytes of the outputs. */
static inline size_t riacho_outbox_held(const riacho_outbox *outbox)
{
    return outbox->bytes.size - outbox->head_bytes;
}
/* For the store: absent when there is no output. Borrowed until the next call that changes it. */
riacho_bytes riacho_outbox_bytes(const riacho_outbox *outbox);

typedef struct riacho_outbox_read {
    riacho_log_append *appends;
    uint32_t *topics; /* appends[i] was added with this topic */
    size_t count;
} riacho_outbox_read;

/* Reads such bytes (absent: none); the result points into them and into the arena. RIACHO_FATAL
 * when they are not from an outbox. */
RIACHO_CHECKED riacho_status riacho_outbox_parse(riacho_bytes bytes, riacho_arena *arena,
                                                 riacho_outbox_read *ret_read, riacho_error *err);
/* Makes the outbox hold just these bytes, which parse has accepted, with their own topics. */
void riacho_outbox_restore(riacho_outbox *outbox, riacho_bytes bytes, size_t count);
