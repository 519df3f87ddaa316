/* SPDX-License-Identifier: MIT
 *
 * bench.h - what the tests of log/kafka share: a log on some brokers, members that answer by
 * themselves, calls that go on until they are over.
 *
 * Threads: the test's. Everything fails the test at once when a call does not do what it should.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "riacho/backend/kafka_log.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Fails with the message of `err`. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        const riacho_status status_ = (call);                                                      \
        if (status_ != RIACHO_OK)                                                                  \
            fail_msg("%s: status %d: %s", #call, (int)status_, err.text);                          \
    } while (0)

/* Calls again as long as the verdict is RETRY, some seconds at most. */
#define settled(call)                                                                              \
    __extension__({                                                                                \
        riacho_verdict verdict_;                                                                   \
        int calls_ = 0;                                                                            \
        do                                                                                         \
            verdict_ = (call);                                                                     \
        while (verdict_ == RIACHO_VERDICT_RETRY && ++calls_ < 60);                                 \
        verdict_;                                                                                  \
    })
#define assert_verdict(call, wanted)                                                               \
    do {                                                                                           \
        const riacho_verdict got_ = settled(call);                                                 \
        if (got_ != (wanted))                                                                      \
            fail_msg("%s: verdict %d, not %d: %s", #call, (int)got_, (int)(wanted), err.text);     \
    } while (0)
#define assert_done(call) assert_verdict(call, RIACHO_VERDICT_OK)

enum { STEP_MS = 500, LEASES_MAX = 32 };

/* `settings` are pairs of name and value up to a NULL. */
riacho_status try_open(const char *servers, const char *const settings[], riacho_log **ret_log,
                       riacho_error *err);
riacho_log *open_log(const char *servers, const char *const settings[]);
void make_topic(riacho_log *log, const char *name, int32_t partitions);

/* A producer that is ready. */
riacho_producer *open_producer(riacho_log *log, const char *id, riacho_delivery delivery);
/* Hands over one record. */
void send_one(riacho_log *log, riacho_producer *producer, const char *topic, int32_t partition,
              const char *value);

/* A member that answers what it is told, at once. */
struct mate {
    riacho_log *log;
    riacho_member *member;
    bool has[LEASES_MAX];
    size_t count;
    size_t lost; /* leases, in all events */
};
void join(struct mate *mate, riacho_log *log, const char *group, const char *lease_topic,
          const char *name);
/* One poll of at most wait_ms, with its answer. */
riacho_status step(struct mate *mate, int64_t wait_ms, riacho_error *err);
/* Steps both (b may be NULL) until they have that many leases, no two the same. ms that it took. */
int64_t await_leases(struct mate *a, size_t a_count, struct mate *b, size_t b_count);
int64_t now_ms(void);
