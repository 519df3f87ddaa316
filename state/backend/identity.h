/* SPDX-License-Identifier: MIT
 *
 * identity.h - the file STORE_ID beside a store's data: which store this is, how its bytes are laid
 * out, and a commit number that it is known to have on the disk.
 *
 * RocksDB opens without a word when its write-ahead log is gone, at an older state or an empty one.
 * This file is how that is noticed: the store holds its id as its first write, and its commit
 * number never is below the one told here.
 *
 *   create   write the id into the store, synced, then this file      (number 0)
 *   close    sync the write-ahead log, then this file                 (number of the last commit)
 *   open     after a crash: sync the log that was found, then this file   (number found)
 *
 * In each line the store comes first, so a crash between the two leaves a file that tells less than
 * the store has, never more; kill -9 is not mistaken for damage. Threads: whoever opens or closes.
 */
#pragma once

#include "riacho/types.h"

/* RIACHO_IDENTITY_LAYOUT goes up by one whenever bytes in a store come to mean something else: keys
 * and pages of a kind of store, values an operator keeps, the commit meta, the runtime's progress.
 * A store of another layout, older or newer, is refused and so built again from the log; nothing
 * reads it wrongly, and nothing converts it. */
enum { RIACHO_IDENTITY_ID_BYTES = 32, RIACHO_IDENTITY_LAYOUT = 2 };

typedef struct riacho_identity {
    char id[RIACHO_IDENTITY_ID_BYTES + 1]; /* hexadecimal; "" when there is no file */
    uint64_t number;
} riacho_identity;

/* A new id, number 0. */
RIACHO_CHECKED riacho_status riacho_identity_new(riacho_identity *ret_identity, riacho_error *err);
/* RIACHO_REJECT: there is a file and it is damaged, or of another layout. */
RIACHO_CHECKED riacho_status riacho_identity_read(const char *folder, riacho_identity *ret_identity,
                                                  riacho_error *err);
/* Durable when it returns. */
RIACHO_CHECKED riacho_status riacho_identity_write(const char *folder,
                                                   const riacho_identity *identity,
                                                   riacho_error *err);
