/* SPDX-License-Identifier: MIT
 *
 * latest.h - the last change of each key of a changelog, in memory, and all of them in order.
 *
 * A changelog holds a key as often as it was committed; what is folded here reaches the store once,
 * and in the store's own order, which it takes for a fraction of what it takes keys for that come
 * in any order.
 *
 *   entries   one for each key, in order of first change: its bytes, then its value's
 *   slots     find an entry by hash: the index + 1 below, the hash above
 *   order     made by `sort`: by space, then by key
 *
 * Threads: the restorer's.
 */
#pragma once

#include "riacho/port/store.h"

typedef struct riacho_latest riacho_latest;

riacho_latest *riacho_latest_new(void);
void riacho_latest_free(riacho_latest *latest);
/* Forgets all changes and gives their memory back. */
void riacho_latest_reset(riacho_latest *latest);

/* Copies key and value; a value that is absent deletes the key. */
void riacho_latest_put(riacho_latest *latest, uint32_t space, riacho_bytes key, riacho_bytes value);
/* Keys. */
size_t riacho_latest_count(const riacho_latest *latest);
/* Memory that the changes take, with what `sort` will add. */
size_t riacho_latest_bytes(const riacho_latest *latest);

/* Puts them in order, until the next put. */
void riacho_latest_sort(riacho_latest *latest);
/* Changes `first`, first + 1, ... of that order, `max` at most, borrowed until the next put.
 * Returns how many. */
size_t riacho_latest_read(const riacho_latest *latest, size_t first, riacho_change *changes,
                          size_t max);
