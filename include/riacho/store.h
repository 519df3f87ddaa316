/* SPDX-License-Identifier: MIT
 *
 * store.h - the stores a `process` function may use: those its topology lists for it. Keys, members
 * and values are pointers to values of the store's types. What a get returns is borrowed until the
 * batch ends and shows this task's own uncommitted changes. Every change becomes visible to queries
 * with the commit, together with the outputs and positions, or never.
 *
 * riacho_<kind>_of never fails for a store that the topology lists; for any other name it ends the
 * worker with a message, because validation compares the names before anything runs.
 */
#pragma once

#include "riacho/processor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct riacho_keyvalue riacho_keyvalue;

riacho_keyvalue *riacho_keyvalue_of(riacho_ctx *ctx, const char *store);
/* *ret_value is NULL when there is none. */
RIACHO_CHECKED riacho_status riacho_keyvalue_get(riacho_keyvalue *store, const void *key,
                                                 const void **ret_value);
/* A NULL value deletes. */
RIACHO_CHECKED riacho_status riacho_keyvalue_put(riacho_keyvalue *store, const void *key,
                                                 const void *value);

/* Rankings: members of a ranking ordered by score, highest first, then by member. */
typedef struct riacho_ranking riacho_ranking;

riacho_ranking *riacho_ranking_of(riacho_ctx *ctx, const char *store);
RIACHO_CHECKED riacho_status riacho_ranking_set(riacho_ranking *store, const void *key,
                                                const void *member, int64_t score);
/* Adds to the score (0 for a new member); RIACHO_REJECT on overflow. ret_score is the new one; with
 * NULL the store need not read the old one, which is far cheaper. */
RIACHO_CHECKED riacho_status riacho_ranking_add(riacho_ranking *store, const void *key,
                                                const void *member, int64_t delta,
                                                int64_t *ret_score);
RIACHO_CHECKED riacho_status riacho_ranking_remove(riacho_ranking *store, const void *key,
                                                   const void *member);
/* *ret_found false: no such member. */
RIACHO_CHECKED riacho_status riacho_ranking_score(riacho_ranking *store, const void *key,
                                                  const void *member, bool *ret_found,
                                                  int64_t *ret_score);

/* Lists: values in the order of appending, by key. */
typedef struct riacho_list riacho_list;

riacho_list *riacho_list_of(riacho_ctx *ctx, const char *store);
/* ret_sequence (may be NULL) is 1, 2, 3 ... in its list, never used twice. */
RIACHO_CHECKED riacho_status riacho_list_append(riacho_list *store, const void *key,
                                                const void *value, uint64_t *ret_sequence);
RIACHO_CHECKED riacho_status riacho_list_delete(riacho_list *store, const void *key,
                                                uint64_t sequence);

/* Values that expire by stream time, `ttl` after the timestamp they were put with. */
typedef struct riacho_ttl riacho_ttl;

riacho_ttl *riacho_ttl_of(riacho_ctx *ctx, const char *store);
RIACHO_CHECKED riacho_status riacho_ttl_get(riacho_ttl *store, const void *key,
                                            const void **ret_value);
RIACHO_CHECKED riacho_status riacho_ttl_put(riacho_ttl *store, const void *key, const void *value,
                                            int64_t timestamp_ms);
/* Puts only when there is none; *ret_existing is the one there is, NULL when it was put. One look
 * where get and put take two. */
RIACHO_CHECKED riacho_status riacho_ttl_put_if_absent(riacho_ttl *store, const void *key,
                                                      const void *value, int64_t timestamp_ms,
                                                      const void **ret_existing);

#ifdef __cplusplus
}
#endif
