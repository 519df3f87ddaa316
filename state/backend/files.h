/* SPDX-License-Identifier: MIT
 *
 * files.h - the few things a store does with folders and files itself, so that they survive the
 * loss of power. Any thread.
 */
#pragma once

#include "riacho/types.h"

/* Creates the folder and those above it; one that is there is fine. RIACHO_FATAL names the path. */
RIACHO_CHECKED riacho_status riacho_files_make_folder(const char *path, riacho_error *err);
/* Makes the names in a folder durable. */
RIACHO_CHECKED riacho_status riacho_files_sync_folder(const char *path, riacho_error *err);
/* Makes the content of the folder's files whose names end so durable. */
RIACHO_CHECKED riacho_status riacho_files_sync_each(const char *folder, const char *ending,
                                                    riacho_error *err);
/* Whether the folder holds a file whose name ends so. A folder that cannot be read holds none. */
bool riacho_files_any(const char *folder, const char *ending);
/* The whole file, at most 64 KiB; absent when there is none. */
RIACHO_CHECKED riacho_status riacho_files_read(const char *path, riacho_arena *arena,
                                               riacho_bytes *ret_content, riacho_error *err);
/* Replaces the file in one step: after a crash it is the old one or the new one, whole. */
RIACHO_CHECKED riacho_status riacho_files_replace(const char *folder, const char *name,
                                                  riacho_bytes content, riacho_error *err);
/* Bytes that a process may still write below the path, and the size of that disk. */
RIACHO_CHECKED riacho_status riacho_files_space(const char *path, uint64_t *ret_free,
                                                uint64_t *ret_total, riacho_error *err);
