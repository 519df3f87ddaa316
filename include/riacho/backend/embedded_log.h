/* SPDX-License-Identifier: MIT
 *
 * backend/embedded_log.h - the log without a broker: durable topics in one folder of one process.
 */
#pragma once

#include "riacho/port/clock.h"
#include "riacho/port/log.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct riacho_embedded_log_options {
    const char *folder;           /* created when missing */
    riacho_clock *clock;          /* NULL: the system's */
    uint64_t memory_bytes;        /* buffers and cache; 0: 32 MiB */
    uint64_t space_reserve_bytes; /* appends give RIACHO_RETRY below this much free disk; 0: 256 MiB
                                     or 1 %, the smaller */
    uint32_t chunk_bytes;         /* target size of a stored chunk; 0: 64 KiB */
    int64_t cleanup_interval_ms;  /* retention and compaction run this often; 0: 30 s; -1: only by
                                     riacho_embedded_log_clean */
} riacho_embedded_log_options;

/* RIACHO_REJECT: the folder is in use by another process (named by pid), is not a log, or is
 * damaged; the message says what to do. The caller owns ret_log and closes it with ops->close,
 * after every reader. */
RIACHO_CHECKED riacho_status riacho_embedded_log_open(const riacho_embedded_log_options *options,
                                                      riacho_log **ret_log, riacho_error *err);

/* Runs retention and compaction once, now. */
RIACHO_CHECKED riacho_status riacho_embedded_log_clean(riacho_log *log, riacho_error *err);

#ifdef __cplusplus
}
#endif
