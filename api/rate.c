/* SPDX-License-Identifier: MIT
 *
 * rate.c - a caller's bucket is in one of WAYS neighbouring slots; the one that was used longest
 * ago is reused.
 */
#include "rate.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

enum { PARTS = 64, WAYS = 8, BUCKETS_DEFAULT = 16384 };

struct bucket {
    uint64_t caller; /* 0: free */
    double tokens;
    int64_t at_ns;
};

struct riacho_rate {
    double per_second;
    double burst;
    size_t set_count; /* a power of two, at least PARTS */
    struct bucket *buckets;
    pthread_mutex_t locks[PARTS];
};

riacho_rate *riacho_rate_new(const riacho_rate_options *options)
{
    riacho_rate *rate = riacho_memory_get_zero(1, sizeof *rate);
    const size_t wanted = options->buckets ? options->buckets : BUCKETS_DEFAULT;
    rate->per_second = options->per_second;
    rate->burst = options->burst < 1 ? 1 : options->burst;
    rate->set_count = PARTS;
    while (rate->set_count * WAYS < wanted)
        rate->set_count *= 2;
    rate->buckets = riacho_memory_get_zero(rate->set_count * WAYS, sizeof *rate->buckets);
    for (size_t i = 0; i < PARTS; i++)
        pthread_mutex_init(&rate->locks[i], NULL);
    return rate;
}

void riacho_rate_free(riacho_rate *rate)
{
    if (!rate)
        return;
    for (size_t i = 0; i < PARTS; i++)
        pthread_mutex_destroy(&rate->locks[i]);
    free(rate->buckets);
    free(rate);
}

static struct bucket *find(const riacho_rate *rate, struct bucket *set, uint64_t caller,
                           int64_t now_ns)
{
    struct bucket *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].caller == caller)
            return &set[i];
        if (set[i].caller == 0 || set[i].at_ns < oldest->at_ns)
            oldest = &set[i];
        if (set[i].caller == 0)
            break;
    }
    *oldest = (struct bucket){caller, rate->burst, now_ns};
    return oldest;
}

/* Refills for the time since the last use, then takes one. */
static unsigned take(const riacho_rate *rate, struct bucket *bucket, int64_t now_ns)
{
    if (now_ns > bucket->at_ns) {
        bucket->tokens += (double)(now_ns - bucket->at_ns) * 1e-9 * rate->per_second;
        bucket->at_ns = now_ns;
    }
    if (bucket->tokens > rate->burst)
        bucket->tokens = rate->burst;
    if (bucket->tokens >= 1) {
        bucket->tokens -= 1;
        return 0;
    }
    const double wait = (1 - bucket->tokens) / rate->per_second;
    return wait > 3600 ? 3600 : (unsigned)wait + 1;
}

unsigned riacho_rate_take(riacho_rate *rate, uint64_t caller, int64_t now_ns)
{
    if (caller == 0)
        caller = 1;
    const size_t set = (size_t)(caller >> 7) & (rate->set_count - 1);
    pthread_mutex_t *lock = &rate->locks[set % PARTS];
    pthread_mutex_lock(lock);
    struct bucket *bucket = find(rate, &rate->buckets[set * WAYS], caller, now_ns);
    const unsigned wait = take(rate, bucket, now_ns);
    pthread_mutex_unlock(lock);
    return wait;
}
