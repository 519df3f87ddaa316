/* SPDX-License-Identifier: MIT
 *
 * port/store.h - what a state store backend must provide: the bytes of one task's stores.
 *
 * A store holds numbered spaces (one for each store of the topology), each an ordered map from key
 * bytes to value bytes in memcmp order. `write` takes the source positions together with the
 * changes, so a backend cannot keep one without the other: that pair is what makes a restart exact
 * (docs/commit.md). The outbox rides in the same write.
 *
 * Threads: one writer, which is also the only caller of get, scan without a snapshot, write,
 * read_commit and checkpoint; any number of readers on snapshots.
 */
#pragma once

#include "riacho/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct riacho_store riacho_store;
typedef struct riacho_store_snapshot riacho_store_snapshot;
typedef struct riacho_store_scan riacho_store_scan;

/* RIACHO_CHANGE_PUT: value.data NULL deletes the key; with `key_end` set, every key in [key,
 * key_end) is deleted.
 * RIACHO_CHANGE_FOLD: the value is a tally (base/tally.h) and is folded into the one that is there,
 * if any. The backend does not have to look for that one before somebody reads the key; when it is
 * no tally, that read fails as damage does. */
typedef enum riacho_change_verb { RIACHO_CHANGE_PUT = 0, RIACHO_CHANGE_FOLD } riacho_change_verb;

/* One change of one key. Changes are applied in order. */
typedef struct riacho_change {
    uint32_t space;
    riacho_change_verb verb;
    riacho_bytes key;
    riacho_bytes key_end;
    riacho_bytes value;
} riacho_change;

/* What one commit leaves beside the stores: enough to go on exactly here. */
typedef struct riacho_commit_meta {
    uint64_t number; /* 1, 2, 3 ... of this task; 0: nothing was ever committed */
    const riacho_position *positions;
    size_t position_count;
    int64_t stream_time_ms; /* INT64_MIN before the first record */
    riacho_bytes outbox;    /* outputs not yet known to be in the log; absent or empty: none */
    riacho_bytes progress;  /* the runtime's own (punctuators, partition times); opaque here */
} riacho_commit_meta;

typedef struct riacho_changes {
    const riacho_change *items;
    size_t count;
    riacho_commit_meta meta;
} riacho_changes;

typedef enum riacho_direction { RIACHO_FORWARD = 0, RIACHO_BACKWARD } riacho_direction;

/* Keys in [from, to), `from` absent: from the first; `to` absent: to the last. The bytes must
 * outlive the scan. */
typedef struct riacho_range {
    riacho_bytes from;
    riacho_bytes to;
    riacho_direction direction;
} riacho_range;

typedef struct riacho_store_ops {
    const char *name;

    /* The last written value, copied into the arena; data is NULL when there is no such key. */
    riacho_status (*get)(riacho_store *store, uint32_t space, riacho_bytes key, riacho_arena *arena,
                         riacho_bytes *ret_value, riacho_error *err);

    /* Applies every change and the meta, or nothing at all; durable against the end of the process
     * when it returns, not against the loss of power (the log is). RIACHO_RETRY: no room on the
     * disk, nothing was applied, try again when there is. RIACHO_FATAL: corruption or a broken
     * disk. */
    riacho_status (*write)(riacho_store *store, const riacho_changes *changes, riacho_error *err);

    /* For filling a store that nobody reads meanwhile: applies changes without a meta, each key of
     * a call once, by space and key. They last from the next write on, which makes all of them
     * durable before itself; a process that ends before that leaves any part of them, next to the
     * meta of the last write. RIACHO_RETRY: no room on the disk, some may be applied. */
    riacho_status (*load)(riacho_store *store, const riacho_change *items, size_t count,
                          riacho_error *err);

    /* The meta of the last write; number 0 when there was none. What it points to is in the arena.
     */
    riacho_status (*read_commit)(riacho_store *store, riacho_arena *arena,
                                 riacho_commit_meta *ret_meta, riacho_error *err);

    /* A view of everything written so far that later writes do not change. Any thread; released
     * with snapshot_close by any thread, before the store is closed. */
    riacho_store_snapshot *(*snapshot_open)(riacho_store *store);
    void (*snapshot_close)(riacho_store *store, riacho_store_snapshot *snapshot);
    /* As get, on the snapshot. */
    riacho_status (*snapshot_get)(riacho_store *store, riacho_store_snapshot *snapshot,
                                  uint32_t space, riacho_bytes key, riacho_arena *arena,
                                  riacho_bytes *ret_value, riacho_error *err);

    /* Opens a scan of the snapshot, or with snapshot NULL of what is written at this moment. */
    riacho_status (*scan_open)(riacho_store *store, riacho_store_snapshot *snapshot, uint32_t space,
                               const riacho_range *range, riacho_store_scan **ret_scan,
                               riacho_error *err);
    /* The next pair, borrowed until the next call on this scan; key.data is NULL at the end. The
     * end is only ever told when it is the end: an iterator that stopped for corruption gives
     * RIACHO_FATAL. */
    riacho_status (*scan_next)(riacho_store_scan *scan, riacho_bytes *ret_key,
                               riacho_bytes *ret_value, riacho_error *err);
    void (*scan_close)(riacho_store_scan *scan);

    /* Writes a consistent copy to a folder that must not exist yet, on the same filesystem. */
    riacho_status (*checkpoint)(riacho_store *store, const char *folder, riacho_error *err);

    /* Approximate number of keys and bytes of one space, for metrics; cheap. Any thread. */
    void (*measure)(riacho_store *store, uint32_t space, uint64_t *ret_keys, uint64_t *ret_bytes);

    void (*close)(riacho_store *store);
} riacho_store_ops;

struct riacho_store {
    const riacho_store_ops *ops;
};

/* Where a task's store lives. Spaces are named so that a backend can keep them apart and find them
 * again after the topology gained or lost one: space i of this open is named space_names[i]. Spaces
 * no longer named are kept, untouched. */
typedef struct riacho_store_spec {
    const char *topology;
    const char *task;    /* "0_3": sub-topology, partition */
    uint32_t generation; /* 0, then one more for each rebuild */
    const char *const *space_names;
    size_t space_count;
} riacho_store_spec;

/* Makes the stores of one worker; a backend's constructor returns one (backend/). Thread-safe. */
typedef struct riacho_store_factory riacho_store_factory;

typedef struct riacho_store_factory_ops {
    const char *name;
    /* Opens or creates. When what is on disk is damaged, RIACHO_REJECT: `quarantine` then moves it
     * aside. */
    riacho_status (*open)(riacho_store_factory *factory, const riacho_store_spec *spec,
                          riacho_store **ret_store, riacho_error *err);
    /* Moves the damaged state of this spec aside, never deletes it, and says where it went (in the
     * arena). */
    riacho_status (*quarantine)(riacho_store_factory *factory, const riacho_store_spec *spec,
                                riacho_arena *arena, const char **ret_moved_to, riacho_error *err);
    /* Memory in use by caches and buffers of all stores, bytes. */
    uint64_t (*memory)(riacho_store_factory *factory);
    void (*close)(riacho_store_factory *factory);
} riacho_store_factory_ops;

struct riacho_store_factory {
    const riacho_store_factory_ops *ops;
};

#ifdef __cplusplus
}
#endif
