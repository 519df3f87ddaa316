/* SPDX-License-Identifier: MIT
 *
 * finder.c - see finder.h.
 */
#include "finder.h"

#include <stdio.h>
#include <time.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"

/* An id that the registry refused. */
struct refused {
    int32_t id; /* 0: none */
    int64_t until_ms;
    char reason[200];
};

struct riacho_finder {
    riacho_registry *registry; /* belongs to the thread that set `asking` */
    riacho_ids *ids;
    pthread_mutex_t *ids_lock;

    pthread_mutex_t lock; /* guards what follows; never held while the registry is asked */
    bool asking;
    unsigned failures; /* since the last answer */
    int64_t again_at_ms;
    char reason[400]; /* of the last failure */
    struct refused refused[RIACHO_FINDER_REFUSED_MAX];
};

riacho_finder *riacho_finder_new(riacho_registry *registry, riacho_ids *ids,
                                 pthread_mutex_t *ids_lock)
{
    riacho_finder *finder = riacho_memory_get_zero(1, sizeof *finder);
    finder->registry = registry;
    finder->ids = ids;
    finder->ids_lock = ids_lock;
    pthread_mutex_init(&finder->lock, NULL);
    return finder;
}

void riacho_finder_free(riacho_finder *finder)
{
    if (!finder)
        return;
    pthread_mutex_destroy(&finder->lock);
    free(finder);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct refused *place_of(riacho_finder *finder, int32_t id)
{
    return &finder->refused[(uint32_t)id % RIACHO_FINDER_REFUSED_MAX];
}

/* OK: the caller asks. The lock is held. */
static riacho_status may_ask(riacho_finder *finder, int32_t id, riacho_error *err)
{
    const struct refused *refused = place_of(finder, id);
    const int64_t now = now_ms();
    if (refused->id == id && now < refused->until_ms)
        return riacho_fail(err, RIACHO_REJECT, "%s", refused->reason);
    if (now < finder->again_at_ms)
        return riacho_fail(err, RIACHO_RETRY, "%s", finder->reason);
    if (finder->asking)
        return riacho_fail(err, RIACHO_RETRY,
                           "schema id %d has to wait: the registry is being asked for another", id);
    finder->asking = true;
    return RIACHO_OK;
}

static void note_silence(riacho_finder *finder, const riacho_error *why)
{
    const unsigned doublings = finder->failures < 8 ? finder->failures : 8;
    int64_t backoff_ms = (int64_t)RIACHO_FINDER_BACKOFF_MS << doublings;
    if (backoff_ms > RIACHO_FINDER_BACKOFF_MS_MAX)
        backoff_ms = RIACHO_FINDER_BACKOFF_MS_MAX;
    snprintf(finder->reason, sizeof finder->reason, "%.399s", why->text);
    finder->again_at_ms = now_ms() + backoff_ms;
    finder->failures++;
    if (finder->failures & (finder->failures - 1))
        return; /* powers of two only: a long outage is not a long trace */
    riacho_trace(RIACHO_WARN, "no schema can be fetched now; what needs one waits", "reason",
                 why->text, NULL);
}

static void note_answer(riacho_finder *finder, int32_t id, riacho_status status,
                        const riacho_error *why)
{
    if (finder->failures)
        riacho_trace(RIACHO_INFO, "the schema registry answers again", NULL);
    finder->failures = 0;
    finder->again_at_ms = 0;
    if (status == RIACHO_OK)
        return;
    struct refused *refused = place_of(finder, id);
    refused->id = id;
    refused->until_ms = now_ms() + RIACHO_FINDER_REFUSED_MS;
    snprintf(refused->reason, sizeof refused->reason, "%.199s", why->text);
}

static riacho_status ask(riacho_finder *finder, int32_t id, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_bytes text;
    RIACHO_TRY(finder->registry->ops->fetch(finder->registry, id, arena, &text, err));
    pthread_mutex_lock(finder->ids_lock);
    const riacho_status status = riacho_ids_learn(finder->ids, id, NULL, text, err);
    pthread_mutex_unlock(finder->ids_lock);
    return status;
}

riacho_status riacho_finder_find(riacho_finder *finder, int32_t id, riacho_error *err)
{
    riacho_error why = {.text = ""};
    if (id < 1)
        return riacho_fail(err, RIACHO_REJECT, "there is no schema with id %d", id);
    pthread_mutex_lock(&finder->lock);
    riacho_status status = may_ask(finder, id, &why);
    pthread_mutex_unlock(&finder->lock);
    if (status != RIACHO_OK)
        return riacho_fail(err, status, "%s", why.text);

    status = ask(finder, id, &why);

    pthread_mutex_lock(&finder->lock);
    finder->asking = false;
    if (status == RIACHO_RETRY)
        note_silence(finder, &why);
    else
        note_answer(finder, id, status, &why);
    pthread_mutex_unlock(&finder->lock);
    return status == RIACHO_OK ? RIACHO_OK : riacho_fail(err, status, "%s", why.text);
}
