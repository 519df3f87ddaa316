/* SPDX-License-Identifier: MIT
 *
 * damage.h - the file DAMAGED beside a store's data: a call on the open store met damage.
 *
 * RocksDB opens a store whose data blocks are damaged without looking at them; the first read of
 * such a block tells. That read ends the worker, and without this file every start after it would
 * come to the same read. With it the next open refuses the store, which is then moved aside and
 * built again from the log. Nobody removes the file; it goes aside with what it tells of. Threads:
 * any, one at a time for a folder.
 */
#pragma once

#include "riacho/types.h"

/* Durable when it returns. */
RIACHO_CHECKED riacho_status riacho_damage_write(const char *folder, const char *reason,
                                                 riacho_error *err);
/* RIACHO_REJECT with the reason when the folder has the file. */
RIACHO_CHECKED riacho_status riacho_damage_check(const char *folder, riacho_error *err);
