/* SPDX-License-Identifier: MIT
 *
 * ranking_groups.c - rankings that are written without being read: sums near their limits, and the
 * way from a small group to pages.
 */
#include "fixture.h"

#include <stdlib.h>

#include "state/overlay.h"
#include "state/ranking.h"

struct world {
    fixture *f;
    riacho_overlay *overlay;
};

static int setup_with(void **state, fixture_backend backend)
{
    struct world *w = calloc(1, sizeof *w);
    w->f = fixture_new(backend);
    w->overlay = riacho_overlay_new(
        &(riacho_overlay_options){.store = w->f->store, .cache_bytes = 64 * 1024});
    *state = w;
    return 0;
}

static int setup_memory(void **state)
{
    return setup_with(state, FIXTURE_MEMORY);
}

static int setup_rocksdb(void **state)
{
    return setup_with(state, FIXTURE_ROCKSDB);
}

static int teardown(void **state)
{
    struct world *w = *state;
    riacho_overlay_free(w->overlay);
    fixture_free(w->f);
    free(w);
    return 0;
}

static riacho_state_ranking ranking_of(struct world *w, const char *key)
{
    return (riacho_state_ranking){.state = riacho_overlay_state(w->overlay, 0, w->f->arena),
                                  .key = riacho_text(key)};
}

static void commit(struct world *w)
{
    const riacho_commit_meta meta = {.number = ++w->f->number};
    fixture_ok(w->f, riacho_overlay_commit(w->overlay, &meta, &w->f->err));
}

/* What overflows is refused although sums are written without being read. */
static void a_sum_that_overflows_is_refused_before_and_after_a_commit(void **state)
{
    struct world *w = *state;
    const riacho_state_ranking ranking = ranking_of(w, "FEED");
    const riacho_bytes member = riacho_text("m");
    int64_t score = 0;
    bool found;
    for (int half = 0; half < 2; half++)
        fixture_ok(w->f,
                   riacho_state_ranking_add(&ranking, member, INT64_MAX / 2, NULL, &w->f->err));
    assert_int_equal(riacho_state_ranking_add(&ranking, member, 2, NULL, &w->f->err),
                     RIACHO_REJECT);
    commit(w);
    riacho_overlay_free(w->overlay); /* what it knew of the sums is gone */
    w->overlay = riacho_overlay_new(&(riacho_overlay_options){.store = w->f->store});
    const riacho_state_ranking again = ranking_of(w, "FEED");
    assert_int_equal(riacho_state_ranking_add(&again, member, 2, NULL, &w->f->err), RIACHO_REJECT);
    fixture_ok(w->f, riacho_state_ranking_add(&again, member, 1, NULL, &w->f->err));
    fixture_ok(w->f, riacho_state_ranking_score(&again, member, &found, &score, &w->f->err));
    assert_true(found && score == INT64_MAX);
}

/* A group goes to pages while others are added to blindly; each of its boards stays right. */
static void a_group_of_boards_that_grows_large_stays_right(void **state)
{
    static const char *const boards[] = {"pet/FEED", "pet/PET", "pet/TOTAL"};
    enum { BOARDS = 3, CROWD = 900, ROUNDS = 4 };
    struct world *w = *state;
    uint64_t size, rank;
    for (unsigned i = 0; i < ROUNDS * CROWD; i++) {
        const riacho_bytes member = riacho_text(riacho_format(w->f->arena, "%u", i % CROWD));
        for (unsigned board = 0; board < BOARDS; board++) {
            const riacho_state_ranking ranking = ranking_of(w, boards[board]);
            fixture_ok(w->f, riacho_state_ranking_add(&ranking, member, i < CROWD ? i : 1, NULL,
                                                      &w->f->err));
        }
        if (i % 50 == 0)
            commit(w);
        riacho_arena_reset(w->f->arena);
    }
    commit(w);
    for (unsigned board = 0; board < BOARDS; board++) {
        const riacho_state_ranking ranking = ranking_of(w, boards[board]);
        fixture_ok(w->f, riacho_state_ranking_size(&ranking, &size, &w->f->err));
        assert_int_equal(size, CROWD);
        fixture_ok(w->f, riacho_state_ranking_rank(&ranking, riacho_text("0"), &rank, &w->f->err));
        assert_int_equal(rank, CROWD);
    }
    assert_int_equal(fixture_count(w->f, 0, (riacho_range){{"l", 1}, {"m", 1}, RIACHO_FORWARD}), 1);
}

#define EACH_BACKEND(test)                                                                         \
    {#test " (memory)", test, setup_memory, teardown, NULL},                                       \
    {                                                                                              \
#test " (rocksdb)", test, setup_rocksdb, teardown, NULL                                    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH_BACKEND(a_sum_that_overflows_is_refused_before_and_after_a_commit),
        EACH_BACKEND(a_group_of_boards_that_grows_large_stays_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
