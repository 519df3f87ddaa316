/* SPDX-License-Identifier: MIT
 *
 * progress.c - see progress.h. Layout: version (1 byte), the graph's hash (8), wall clock of the
 * write (8), flags (1), count of times (4), the times (8 each), the chain's bytes until the end.
 * Version 2 had no wall clock, version 1 no hash either.
 */
#include "progress.h"

#include "wire.h"

enum { VERSION = 3, VERSION_WITHOUT_CLOCK = 2, VERSION_WITHOUT_HASH = 1 };
enum { REPLAYING = 1, REBUILDING = 2 };

void riacho_progress_write(const riacho_progress *progress, riacho_buffer *out)
{
    riacho_wire_put(out, VERSION, 1);
    riacho_wire_put(out, progress->graph_hash, 8);
    riacho_wire_put(out, (uint64_t)progress->written_ms, 8);
    riacho_wire_put(out,
                    (progress->replaying ? (unsigned)REPLAYING : 0) |
                        (progress->rebuilding ? (unsigned)REBUILDING : 0),
                    1);
    riacho_wire_put(out, progress->partition_count, 4);
    for (size_t i = 0; i < progress->partition_count; i++)
        riacho_wire_put(out, (uint64_t)progress->partition_time_ms[i], 8);
    riacho_buffer_append(out, progress->chain.data, progress->chain.size);
}

void riacho_progress_read(riacho_bytes bytes, riacho_arena *arena, riacho_progress *ret_progress)
{
    riacho_wire wire = {bytes.data, bytes.size};
    *ret_progress = (riacho_progress){0};
    const uint64_t version = riacho_wire_get(&wire, 1);
    if (version < VERSION_WITHOUT_HASH || version > VERSION)
        return;
    const uint64_t graph_hash = version > VERSION_WITHOUT_HASH ? riacho_wire_get(&wire, 8) : 0;
    const uint64_t written_ms = version > VERSION_WITHOUT_CLOCK ? riacho_wire_get(&wire, 8) : 0;
    const uint64_t flags = riacho_wire_get(&wire, 1);
    const uint64_t count = riacho_wire_get(&wire, 4);
    if (!wire.data || count > wire.size / 8)
        return;
    int64_t *times = riacho_alloc(arena, (size_t)count * sizeof *times);
    for (size_t i = 0; i < count; i++)
        times[i] = (int64_t)riacho_wire_get(&wire, 8);
    *ret_progress = (riacho_progress){
        .graph_hash = graph_hash,
        .replaying = flags & REPLAYING,
        .rebuilding = flags & REBUILDING,
        .written_ms = (int64_t)written_ms,
        .partition_time_ms = times,
        .partition_count = (size_t)count,
        .chain = {wire.data, wire.size},
    };
}
