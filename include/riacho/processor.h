/* SPDX-License-Identifier: MIT
 *
 * processor.h - what the author of a processor library may use. A library is a shared object with
 * one exported symbol, `riacho_library`; everything it calls is in this header, store.h and
 * types.h.
 *
 * Memory: what a function is given is borrowed until it returns. What it hands back or forwards
 * must live in the batch arena (riacho_ctx_arena), in static memory, or in what it was given.
 * Nothing is ever freed by a processor. Threads: a function is called by one thread at a time for
 * one task, but for many tasks at once: no static state. Determinism: a result may depend on the
 * record, the stores and stream time only, or a replay gives other state.
 */
#pragma once

#include "riacho/type.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RIACHO_ABI 1u

/* A type as C code sees it: riacho-gen writes one for every record; a worker compares `hash` with
 * the schema it loaded and refuses a library that was built against another layout. */
typedef struct riacho_struct {
    const char *name; /* "riacho.Pet", "string" */
    uint32_t size;
    uint64_t hash; /* riacho_type.hash; 0 for the words below */
} riacho_struct;

extern const riacho_struct riacho_string_struct; /* a riacho_bytes */
extern const riacho_struct riacho_bytes_struct;
extern const riacho_struct riacho_long_struct;
extern const riacho_struct riacho_int_struct;
extern const riacho_struct riacho_double_struct;
extern const riacho_struct riacho_boolean_struct;

/* One record on its way through the topology. key and value point to values of the step's types;
 * NULL is a null key, or a null value (a tombstone). */
typedef struct riacho_record {
    const void *key;
    const void *value;
    int64_t timestamp_ms;
    riacho_headers headers;
} riacho_record;

typedef struct riacho_ctx riacho_ctx;

/* Where the record that is being processed came from. RIACHO_REJECT in a punctuator, which has
 * none. */
typedef struct riacho_source {
    const char *topic;
    int32_t partition;
    int64_t offset;
} riacho_source;

riacho_status riacho_ctx_source(riacho_ctx *ctx, riacho_source *ret_source);
/* The record being processed, NULL in a punctuator. */
const riacho_record *riacho_ctx_record(riacho_ctx *ctx);
/* Released when the batch is done. */
riacho_arena *riacho_ctx_arena(riacho_ctx *ctx);
/* Greatest timestamp this task has processed; INT64_MIN before the first. */
int64_t riacho_ctx_stream_time_ms(riacho_ctx *ctx);
/* The wall clock, virtual in tests. Not for results: see Determinism. */
int64_t riacho_ctx_now_ms(riacho_ctx *ctx);
/* The task's name, such as "0_3". */
const char *riacho_ctx_task(riacho_ctx *ctx);
/* Asks for a commit soon; it happens after the record. */
void riacho_ctx_commit(riacho_ctx *ctx);

/* Gives the record to every following step, depth first, before it returns. The status must be
 * passed on. In a punctuator a timestamp_ms of 0 stands for the time of the punctuation. */
RIACHO_CHECKED riacho_status riacho_forward(riacho_ctx *ctx, const riacho_record *record);
/* Only to the step or `emits` name given; RIACHO_FATAL when there is no such child (a bug that
 * validation reports). */
RIACHO_CHECKED riacho_status riacho_forward_to(riacho_ctx *ctx, const char *child,
                                               const riacho_record *record);
/* Refuses the record with a reason for the dead letter; returns RIACHO_REJECT. */
riacho_status riacho_reject(riacho_ctx *ctx, const char *format, ...) RIACHO_PRINTF(2, 3);
/* Inside `fold` or `reduce`: the key's state is deleted instead of kept. */
void riacho_forget(riacho_ctx *ctx);

/* Punctuation, scheduled in `start` or later. Stream time: fires after the record that moved stream
 * time to or past the next multiple of interval_ms; missed ticks collapse; the first record fires.
 * Wall clock: first after one interval; best effort. `at_ms` is the present time, not the scheduled
 * one. */
typedef enum riacho_punctuation { RIACHO_STREAM_TIME = 0, RIACHO_WALL_CLOCK } riacho_punctuation;
typedef struct riacho_schedule riacho_schedule;
typedef riacho_status (*riacho_punctuate)(riacho_ctx *ctx, int64_t at_ms);

riacho_schedule *riacho_ctx_schedule(riacho_ctx *ctx, riacho_punctuation kind, int64_t interval_ms,
                                     riacho_punctuate call);
void riacho_schedule_cancel(riacho_schedule *schedule);

typedef enum riacho_function_kind {
    RIACHO_FUNCTION_FILTER = 1, /* test */
    RIACHO_FUNCTION_MAP,        /* map */
    RIACHO_FUNCTION_MAP_VALUES, /* map_value */
    RIACHO_FUNCTION_FLAT_MAP,   /* each, forwards */
    RIACHO_FUNCTION_PROCESS,    /* each, forwards, stores, start */
    RIACHO_FUNCTION_PEEK,       /* each, must not forward */
    RIACHO_FUNCTION_AGGREGATE,  /* init (optional: defaults), fold */
    RIACHO_FUNCTION_REDUCE,     /* reduce */
    RIACHO_FUNCTION_VIEW,       /* view */
} riacho_function_kind;

/* One function of a library. Types left NULL are not checked by the worker (the function does not
 * look at them). */
typedef struct riacho_function {
    const char *name; /* snake_case; `use: <library>/<name>` */
    riacho_function_kind kind;
    const riacho_struct *key;
    const riacho_struct *value;
    /* map, flatMap, process: the key of what it forwards. A flatMap or process function that leaves
     * it NULL keeps the key of its record: forwarding with another is RIACHO_REJECT, and no
     * repartition is needed behind it. */
    const riacho_struct *result_key;
    const riacho_struct
        *result; /* map, map_values, process and flatMap (what it forwards), view: the reply */
    const riacho_struct *state; /* aggregate, view */

    riacho_status (*test)(riacho_ctx *ctx, const riacho_record *record, bool *ret_keep);
    riacho_status (*map)(riacho_ctx *ctx, const riacho_record *record, riacho_record *ret_record);
    /* Not asked about a null value, which stays null. ret_value is zeroed memory of result->size
     * bytes. */
    riacho_status (*map_value)(riacho_ctx *ctx, const riacho_record *record, void *ret_value);
    riacho_status (*each)(riacho_ctx *ctx, const riacho_record *record);
    /* Sets the state of a key seen for the first time; without it, the schema's defaults. */
    riacho_status (*init)(riacho_ctx *ctx, const void *key, void *state);
    /* Changes state by one event. `state` is the task's own copy; what it points to may be replaced
     * by batch memory. A status other than OK leaves the stored state as it was. */
    riacho_status (*fold)(riacho_ctx *ctx, const void *event, void *state);
    /* As fold, where state and event have one type; the first event becomes the state without a
     * call. */
    riacho_status (*reduce)(riacho_ctx *ctx, const void *event, void *state);
    /* Pure: what a query at now_ms answers for this state (never NULL). ret_reply is zeroed memory
     * of result->size bytes. */
    riacho_status (*view)(riacho_arena *arena, int64_t now_ms, const void *key, const void *state,
                          void *ret_reply);

    /* process: called once for each task before its first record, to schedule punctuation. */
    riacho_status (*start)(riacho_ctx *ctx);
} riacho_function;

/* A library exports exactly one symbol: `const riacho_exports riacho_library`. */
typedef struct riacho_exports {
    uint32_t abi; /* RIACHO_ABI */
    const char *name;
    const char *version;
    const riacho_function *functions;
    size_t function_count;
} riacho_exports;

#if defined(__GNUC__)
#define RIACHO_EXPORT __attribute__((visibility("default")))
#else
#define RIACHO_EXPORT
#endif
extern RIACHO_EXPORT const riacho_exports riacho_library;

#ifdef __cplusplus
}
#endif
