/* SPDX-License-Identifier: MIT
 *
 * fixture.h - what the tests of log/ share: a log in a folder of its own, short ways to append and
 * to read everything back.
 *
 * Threads: the test's. Everything fails the test at once when a call does not do what it should.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "riacho/backend/embedded_log.h"
#include "riacho/backend/memory_log.h"

/* Fails with the message of `err`. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        const riacho_status status_ = (call);                                                      \
        if (status_ != RIACHO_OK)                                                                  \
            fail_msg("%s: status %d: %s", #call, (int)status_, err.text);                          \
    } while (0)

enum backend { MEMORY, EMBEDDED, SHARED };

struct fixture {
    enum backend backend;
    riacho_log *log;
    riacho_log *(*open_shared)(void *arg); /* SHARED: a log that somebody else keeps */
    void *arg;
    int64_t quiet_ms; /* a poll that waits this long in vain has nothing to wait for */
    riacho_clock_virtual clock;
    riacho_arena *arena; /* of one test */
    char folder[128];    /* of an embedded log, below `root` */
    char root[96];
};

void fixture_open(struct fixture *fixture, enum backend backend);
/* Of a log that is not on this machine. */
void fixture_open_shared(struct fixture *fixture, riacho_log *(*open)(void *arg), void *arg);
/* Closes the log and opens it again; a memory log stays as it is. */
void fixture_reopen(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

/* The options that fixture_open uses, for tests that change some. */
riacho_embedded_log_options fixture_options(struct fixture *fixture);
void make_root(char *ret_root, size_t size);
void remove_tree(const char *path);

void make_topic(riacho_log *log, const char *name, int32_t partitions);
/* Appends one record and returns where it went. key and value may be NULL. */
riacho_position append_one(riacho_log *log, const char *topic, int32_t partition, const char *key,
                           const char *value, int64_t timestamp_ms);
/* Appends `count` records with keys "k0".. and values "v0".. from `start` on, to one partition. */
void append_many(riacho_log *log, const char *topic, int32_t partition, int start, int count);

/* Every record from `next` to the end, copied into the arena. */
struct records {
    riacho_log_record *items;
    size_t count;
    int64_t next;
};
struct records read_all(riacho_log *log, riacho_arena *arena, const char *topic, int32_t partition,
                        int64_t next);
void assert_bytes(riacho_bytes got, const char *wanted);
