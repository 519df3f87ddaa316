/* SPDX-License-Identifier: MIT
 *
 * fixture.h - what the tests of state share: folders that go away, stores of both backends, keys
 * and values from numbers, random numbers from a seed.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include "riacho/backend/stores.h"

typedef enum fixture_backend { FIXTURE_MEMORY, FIXTURE_ROCKSDB } fixture_backend;

typedef struct fixture {
    fixture_backend backend;
    char folder[64]; /* below $TMPDIR or /tmp */
    riacho_store_factory *factory;
    riacho_store *store;
    riacho_arena *arena;
    riacho_error err;
    uint64_t number; /* of the last commit */
} fixture;

/* Fixture with an open store of FIXTURE_SPACES spaces. */
enum { FIXTURE_SPACES = 3 };
fixture *fixture_new(fixture_backend backend);
void fixture_free(fixture *f);
/* Closes store and factory and opens the folder again; with the memory backend only the store. */
void fixture_reopen(fixture *f);
void fixture_close_store(fixture *f);
riacho_status fixture_open_store(fixture *f);
riacho_store_spec fixture_spec(void);
/* Where the RocksDB backend puts the store. */
const char *fixture_store_folder(fixture *f);

/* Fails the test with the error's text unless the status is OK. */
void fixture_ok(fixture *f, riacho_status status);
/* Writes changes with the next commit number. */
void fixture_write(fixture *f, const riacho_change *changes, size_t count);
void fixture_put(fixture *f, uint32_t space, const char *key, const char *value);
/* "" when there is none. */
const char *fixture_get(fixture *f, uint32_t space, const char *key);
/* "k=v k=v ..." of a scan; snapshot may be NULL. */
const char *fixture_scan(fixture *f, riacho_store_snapshot *snapshot, uint32_t space,
                         riacho_range range);

/* How many keys a range holds. */
size_t fixture_count(fixture *f, uint32_t space, riacho_range range);

/* Of every pair of a space, in order. */
uint64_t fixture_checksum(fixture *f, uint32_t space);

/* xorshift: the same seed gives the same numbers everywhere. */
uint64_t fixture_random(uint64_t *seed);
void fixture_remove_folder(const char *folder);
