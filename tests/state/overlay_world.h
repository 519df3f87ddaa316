/* SPDX-License-Identifier: MIT
 *
 * overlay_world.h - what the tests of the overlay share: an overlay over a store whose writes can
 * be made to fail, and words for what they do.
 *
 * Threads: the test's.
 */
#pragma once

#include "fixture.h"
#include "state/overlay.h"

/* A store whose writes can be made to fail; everything else goes to the store below. */
struct frail_store {
    riacho_store base;
    riacho_store *below;
    riacho_store_ops ops;
    riacho_status next_write;
    size_t gets;
    size_t last_count; /* changes of the last write */
};

extern struct frail_store frail;

enum { KEYS = 60, SPACES = 2, VALUE_BYTES = 24 };

struct model {
    char values[SPACES][KEYS][VALUE_BYTES]; /* "" is absent */
};

struct world {
    fixture *f;
    riacho_overlay *overlay;
    struct model now;
    struct model committed;
    struct model sealed; /* committed, with what is sealed on top */
    struct model saved;
    bool seals; /* commits come in two halves now and then */
    bool is_sealed;
    uint64_t seed;
};

int world_setup(void **state);
int world_setup_cached(void **state);
int world_setup_sealing(void **state);
int world_setup_sealing_cached(void **state);
int world_teardown(void **state);
unsigned world_roll(struct world *w, unsigned sides);
riacho_bytes world_key_of(struct world *w, unsigned key);
void world_put(struct world *w, uint32_t space, const char *key, const char *value);
const char *world_get(struct world *w, uint32_t space, const char *key);
riacho_status world_commit(struct world *w);
void world_seal(struct world *w);
riacho_status world_write_sealed(struct world *w);
const char *world_sealed_text(struct world *w);
const char *world_scan_text(struct world *w, uint32_t space, riacho_range range);
