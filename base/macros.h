/* SPDX-License-Identifier: MIT
 *
 * macros.h - the macros of the house: RIACHO_TRY, RIACHO_AUTO, RIACHO_TAKE (and RIACHO_CHECKED in
 * types.h).
 */
#pragma once

#include <stdlib.h>

#include "riacho/types.h"

/* Passes any status but OK on to the caller. */
#define RIACHO_TRY(call)                                                                           \
    do {                                                                                           \
        const riacho_status riacho_try_status = (call);                                            \
        if (riacho_try_status != RIACHO_OK)                                                        \
            return riacho_try_status;                                                              \
    } while (0)

/* A local that owns: released by riacho_auto_<release>(T *) when it goes out of scope. For a lock
 * that is its whole use, and clang would call it unused. */
#define RIACHO_AUTO(release) __attribute__((cleanup(riacho_auto_##release), unused))

/* Hands the value of an owning pointer out and leaves NULL behind. */
#define RIACHO_TAKE(pointer)                                                                       \
    __extension__({                                                                                \
        __auto_type riacho_taken = (pointer);                                                      \
        (pointer) = NULL;                                                                          \
        riacho_taken;                                                                              \
    })

static inline void riacho_auto_arena(riacho_arena **arena)
{
    riacho_arena_free(*arena);
}

static inline void riacho_auto_buffer(riacho_buffer *buffer)
{
    riacho_buffer_done(buffer);
}

static inline void riacho_auto_heap(void *pointer)
{
    free(*(void **)pointer);
}
