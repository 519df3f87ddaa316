/* SPDX-License-Identifier: MIT
 *
 * backend/memory_log.h - the log in memory, for tests of topologies: no files, and it outlives the
 * worker that used it, so a test can crash the worker and start another on the same log.
 */
#pragma once

#include "riacho/port/clock.h"
#include "riacho/port/log.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Same contract as the embedded log: state is written first. Never fails. `poll` with nothing to
 * read returns at once whatever wait_ms is (virtual time does not pass by itself). */
riacho_log *riacho_memory_log_new(riacho_clock *clock);

#ifdef __cplusplus
}
#endif
