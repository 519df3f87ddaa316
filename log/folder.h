/* SPDX-License-Identifier: MIT
 *
 * folder.h - the folder of an embedded log:
 *
 *   LOCK     held by flock while a process has the log open; its text is that process's id
 *   FORMAT   says what the folder is; written when the first database stands, so a database without
 *            it never held an acknowledged record
 *   db/      RocksDB
 *
 * Threads: any.
 */
#pragma once

#include "riacho/types.h"

/* Creates the folder and its parents where missing, and locks it. RIACHO_REJECT: in use (names the
 * process), not a folder, or not ours. The caller closes ret_lock to unlock. */
RIACHO_CHECKED riacho_status riacho_folder_lock(const char *folder, int *ret_lock,
                                                riacho_error *err);
/* Whether a log lives here. RIACHO_REJECT: it holds something else, or a format that this program
 * cannot read. */
RIACHO_CHECKED riacho_status riacho_folder_look(const char *folder, bool *ret_is_log,
                                                riacho_error *err);
/* Writes FORMAT, durably. */
RIACHO_CHECKED riacho_status riacho_folder_mark(const char *folder, riacho_error *err);
/* Bytes of the disk under the folder that this process may use, and all; both 0 when unknown. */
void riacho_folder_space(const char *folder, uint64_t *ret_free, uint64_t *ret_total);
