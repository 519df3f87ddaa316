/* SPDX-License-Identifier: MIT
 *
 * folders.h - what the fault tests do to the files of a RocksDB store. A failure fails the test.
 */
#pragma once

#include "fixture.h"

/* Appends the file's content; writing replaces it. */
void folder_read_file(const char *path, riacho_buffer *out);
void folder_write_file(const char *path, const riacho_buffer *content);
/* The largest file of the store whose name has `part` in it (in the arena); NULL when there is
 * none. */
const char *folder_find(fixture *f, const char *part);
/* How many files of a folder have `part` in their names. */
size_t folder_count(const char *folder, const char *part);
/* Copies the files of a store as they are at this moment: what a kill would leave. */
void folder_copy(fixture *f, const char *from, const char *to);
/* Leaves the store's folder as a kill at this moment would, and closes the store. */
void folder_crash(fixture *f);
/* Deletes the files of the store whose names have `part` in them. */
void folder_delete_files(fixture *f, const char *part);
