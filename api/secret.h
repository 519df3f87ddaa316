/* SPDX-License-Identifier: MIT
 *
 * secret.h - the server's own key, and tags made with it: what a client hands back can be told from
 * what it made up. HMAC-SHA256 cut to 128 bits; the purpose is part of what is signed, so a tag of
 * one kind is no tag of another.
 *
 * Threads: immutable once open; any.
 */
#pragma once

#include "riacho/types.h"

enum { RIACHO_SECRET_BYTES = 32, RIACHO_TAG_BYTES = 16 };

typedef struct riacho_secret {
    uint8_t key[RIACHO_SECRET_BYTES];
} riacho_secret;

/* As open, of a key that several machines share: one that is not there is not made up. */
RIACHO_CHECKED riacho_status riacho_secret_read(const char *file, riacho_secret *ret_secret,
                                                riacho_error *err);
/* Reads the key from the file, which must be 32 bytes, ours, and closed to others (0600); makes it
 * when there is none. Its content is never printed. */
RIACHO_CHECKED riacho_status riacho_secret_open(const char *file, riacho_secret *ret_secret,
                                                riacho_error *err);
/* A key for this process only: what it signs is forgotten at its end. */
void riacho_secret_make(riacho_secret *ret_secret);
void riacho_secret_done(riacho_secret *secret);

/* The tag of up to 1 KiB; `ret_tag` has RIACHO_TAG_BYTES. */
void riacho_secret_tag(const riacho_secret *secret, const char *purpose, riacho_bytes payload,
                       uint8_t *ret_tag);
/* Appends base64url(payload, tag). */
void riacho_secret_seal(const riacho_secret *secret, const char *purpose, riacho_bytes payload,
                        riacho_buffer *out);
/* The payload, in the arena. RIACHO_REJECT: not sealed with this key for this purpose. */
RIACHO_CHECKED riacho_status riacho_secret_unseal(const riacho_secret *secret, const char *purpose,
                                                  riacho_bytes text, riacho_arena *arena,
                                                  riacho_bytes *ret_payload);

/* Chance from the kernel. */
void riacho_secret_random(void *to, size_t size);
