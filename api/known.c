/* SPDX-License-Identifier: MIT
 *
 * known.c - see known.h. A token has one place, by a hash with a secret start, so nobody can aim at
 * another's place; tokens are compared in constant time, so the time tells nothing about them.
 */
#include "known.h"

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "secret.h"

enum { PLACES = 4096, LOCKS = 64 };

struct place {
    char token[RIACHO_KNOWN_TOKEN_BYTES];
    char id[RIACHO_KNOWN_ID_BYTES];
    bool used;
};

struct riacho_known {
    uint64_t salt;
    pthread_mutex_t locks[LOCKS];
    struct place places[PLACES];
};

riacho_known *riacho_known_new(void)
{
    riacho_known *known = riacho_memory_get_zero(1, sizeof *known);
    riacho_secret_random(&known->salt, sizeof known->salt);
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&known->locks[i], NULL);
    return known;
}

void riacho_known_free(riacho_known *known)
{
    if (!known)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&known->locks[i]);
    explicit_bzero(known->places, sizeof known->places);
    free(known);
}

static size_t place_of(const riacho_known *known, riacho_bytes token)
{
    char text[sizeof known->salt + RIACHO_KNOWN_TOKEN_BYTES];
    memcpy(text, &known->salt, sizeof known->salt);
    memcpy(text + sizeof known->salt, token.data, token.size);
    return riacho_hash((riacho_bytes){text, sizeof text}) % PLACES;
}

riacho_bytes riacho_known_find(riacho_known *known, riacho_bytes token, riacho_arena *arena)
{
    riacho_bytes id = {0};
    if (token.size != RIACHO_KNOWN_TOKEN_BYTES)
        return id;
    const size_t at = place_of(known, token);
    const struct place *place = &known->places[at];
    pthread_mutex_lock(&known->locks[at % LOCKS]);
    if (place->used && gnutls_memcmp(place->token, token.data, sizeof place->token) == 0)
        id = riacho_copy(arena, (riacho_bytes){place->id, sizeof place->id});
    pthread_mutex_unlock(&known->locks[at % LOCKS]);
    return id;
}

void riacho_known_note(riacho_known *known, riacho_bytes token, riacho_bytes id)
{
    if (token.size != RIACHO_KNOWN_TOKEN_BYTES || id.size != RIACHO_KNOWN_ID_BYTES)
        return;
    const size_t at = place_of(known, token);
    struct place *place = &known->places[at];
    pthread_mutex_lock(&known->locks[at % LOCKS]);
    memcpy(place->token, token.data, sizeof place->token);
    memcpy(place->id, id.data, sizeof place->id);
    place->used = true;
    pthread_mutex_unlock(&known->locks[at % LOCKS]);
}
