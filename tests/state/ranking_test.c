/* SPDX-License-Identifier: MIT
 *
 * ranking_test.c - rankings against a naive model, through the overlay and through snapshots.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/overlay.h"
#include "state/ranking.h"

/* Keys and members that would collide or mix under a careless layout; with "pet/" a group that is
 * small at times and large at others. */
static const riacho_bytes ranking_keys[] = {
    {"feed", 4},  {"feed\0", 5}, {"", 0},      {"feed\0\xff", 6}, {"fee", 3},   {"\0\1", 2},
    {"/", 1},     {"pet/", 4},   {"pet/a", 5}, {"pet/aa", 6},     {"pet/b", 5}, {"pet/bb", 6},
    {"pet/c", 5}, {"pet/cc", 6}, {"pet/d", 5}, {"pet/dd", 6},     {"pet/e", 5}, {"pet//", 5},
};
enum { RANKINGS = sizeof ranking_keys / sizeof *ranking_keys, MEMBERS = 160 };

struct model {
    bool is_there[RANKINGS][MEMBERS];
    int64_t scores[RANKINGS][MEMBERS];
};

struct world {
    fixture *f;
    riacho_overlay *overlay;
    riacho_bytes members[MEMBERS];
    struct model model;
    uint64_t seed;
    uint64_t keep;
    bool is_modest; /* no scores near to where sums overflow */
    riacho_arena *names;
};

/* Short ones, ones that begin others, ones with zero bytes, ones with a long common beginning. */
static void name_members(struct world *w)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        const char *name;
        size_t size;
        if (i < 40) {
            name =
                riacho_format(w->names, "%.*s", (int)i, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
            size = i;
        } else if (i < 60) {
            char *zeros = riacho_alloc_zero(w->names, 1, 32);
            zeros[0] = 'a';
            zeros[i - 39] = (char)(i % 3);
            name = zeros;
            size = i - 38;
        } else {
            name = riacho_format(w->names, "a-rather-long-namespace-of-pets/%03u", i);
            size = strlen(name);
        }
        w->members[i] = (riacho_bytes){name, size};
    }
}

static int setup_with(void **state, fixture_backend backend)
{
    struct world *w = calloc(1, sizeof *w);
    w->f = fixture_new(backend);
    w->names = riacho_arena_new();
    w->seed = 7;
    name_members(w);
    w->overlay = riacho_overlay_new(
        &(riacho_overlay_options){.store = w->f->store, .cache_bytes = 64 * 1024});
    *state = w;
    return 0;
}

static int setup(void **state)
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
    riacho_arena_free(w->names);
    fixture_free(w->f);
    free(w);
    return 0;
}

static unsigned roll(struct world *w, unsigned sides)
{
    return (unsigned)(fixture_random(&w->seed) % sides);
}

static riacho_state_ranking ranking_of(struct world *w, riacho_view *view, unsigned which)
{
    const bool is_own = view == riacho_overlay_view(w->overlay);
    return (riacho_state_ranking){
        {view, is_own ? w->overlay : NULL, w->f->arena, 0}, ranking_keys[which], w->keep};
}

static void commit(struct world *w)
{
    const riacho_commit_meta meta = {.number = ++w->f->number};
    fixture_ok(w->f, riacho_overlay_commit(w->overlay, &meta, &w->f->err));
}

/* ---- the model ---- */

static bool is_better(const struct world *w, unsigned which, unsigned a, unsigned b)
{
    const int64_t *scores = w->model.scores[which];
    if (scores[a] != scores[b])
        return scores[a] > scores[b];
    return riacho_bytes_compare(w->members[a], w->members[b]) < 0;
}

/* The members in order; returns how many. */
static size_t model_order(const struct world *w, unsigned which, unsigned *ret_order)
{
    size_t count = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        if (!w->model.is_there[which][i])
            continue;
        size_t at = count++;
        for (; at > 0 && is_better(w, which, i, ret_order[at - 1]); at--)
            ret_order[at] = ret_order[at - 1];
        ret_order[at] = i;
    }
    return count;
}

static void model_cut(struct world *w, unsigned which)
{
    unsigned order[MEMBERS];
    size_t count = model_order(w, which, order);
    for (; w->keep && count > w->keep; count--)
        w->model.is_there[which][order[count - 1]] = false;
}

/* Few scores make ties, many make depth, extremes make the signs count. */
static int64_t random_score(struct world *w)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, -1, 0, 1, INT64_MIN + 1, 1LL << 40};
    switch (roll(w, 4)) {
    case 0:
        return w->is_modest ? -(int64_t)roll(w, 9) : extremes[roll(w, 7)];
    case 1:
        return (int64_t)roll(w, 1000000) - 500000;
    default:
        return (int64_t)roll(w, 3);
    }
}

/* Half of the time nobody asks what the score was, so that nothing has to be read. */
static void change_once(struct world *w)
{
    const unsigned which = roll(w, RANKINGS), member = roll(w, MEMBERS);
    const riacho_state_ranking ranking = ranking_of(w, riacho_overlay_view(w->overlay), which);
    bool *is_there = &w->model.is_there[which][member];
    int64_t *score = &w->model.scores[which][member];
    const bool was_there = *is_there;
    const int64_t old = was_there ? *score : 0;
    riacho_state_ranking_change change = {0};
    riacho_state_ranking_change *asked = roll(w, 2) ? &change : NULL;
    const unsigned kind = roll(w, 10);
    if (kind < 3) {
        fixture_ok(w->f, riacho_state_ranking_remove(&ranking, w->members[member], &w->f->err));
        *is_there = false;
        return;
    }
    int64_t new = random_score(w);
    if (kind < 6) {
        const int64_t delta = (int64_t)roll(w, 40) - 20;
        const riacho_status status =
            riacho_state_ranking_add(&ranking, w->members[member], delta, asked, &w->f->err);
        if (__builtin_add_overflow(old, delta, &new)) {
            assert_int_equal(status, RIACHO_REJECT);
            return;
        }
        fixture_ok(w->f, status);
    } else {
        fixture_ok(w->f,
                   riacho_state_ranking_set(&ranking, w->members[member], new, asked, &w->f->err));
    }
    *is_there = true;
    *score = new;
    if (asked) {
        assert_int_equal(change.had_score, was_there);
        assert_true(!was_there || change.old_score == old);
        assert_true(change.new_score == new);
    }
    if (!was_there)
        model_cut(w, which);
}

/* ---- comparing ---- */

static void check_page(struct world *w, unsigned which, const riacho_state_ranking_page *page,
                       const unsigned *order, size_t first, size_t count)
{
    assert_int_equal(page->count, count);
    if (count)
        assert_int_equal(page->first_rank, first + 1);
    for (size_t i = 0; i < count; i++) {
        assert_true(riacho_bytes_equal(page->items[i].member, w->members[order[first + i]]));
        assert_true(page->items[i].score == w->model.scores[which][order[first + i]]);
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void check_pages(struct world *w, riacho_view *view, unsigned which, const unsigned *order,
                        size_t size)
{
    const riacho_state_ranking ranking = ranking_of(w, view, which);
    const size_t limit = 1 + roll(w, 50);
    riacho_state_ranking_page page = {0};
    riacho_state_ranking_entry last;
    for (size_t at = 0; at <= size; at += limit) {
        fixture_ok(w->f,
                   riacho_state_ranking_top(&ranking, at ? &last : NULL, limit, &page, &w->f->err));
        check_page(w, which, &page, order, at, least(limit, size - at));
        if (page.count)
            last = page.items[page.count - 1];
    }
}

static void check_member(struct world *w, riacho_view *view, unsigned which, const unsigned *order,
                         size_t size)
{
    const riacho_state_ranking ranking = ranking_of(w, view, which);
    const unsigned member = roll(w, MEMBERS);
    const size_t each = roll(w, 6);
    riacho_state_ranking_page page;
    uint64_t rank;
    size_t at = 0;
    while (at < size && order[at] != member)
        at++;
    fixture_ok(w->f, riacho_state_ranking_rank(&ranking, w->members[member], &rank, &w->f->err));
    assert_int_equal(rank, at < size ? at + 1 : 0);
    fixture_ok(w->f,
               riacho_state_ranking_around(&ranking, w->members[member], each, &page, &w->f->err));
    if (at == size) {
        assert_int_equal(page.count, 0);
        return;
    }
    const size_t first = at - least(at, each);
    check_page(w, which, &page, order, first, least(size, at + each + 1) - first);
}

/* Entries better than a place that nobody may hold. */
static void check_better(struct world *w, riacho_view *view, unsigned which, const unsigned *order,
                         size_t size)
{
    const riacho_state_ranking ranking = ranking_of(w, view, which);
    const riacho_state_ranking_entry than = {w->members[roll(w, MEMBERS)], random_score(w)};
    const size_t each = 1 + roll(w, 6);
    riacho_state_ranking_page page;
    size_t better = 0;
    for (; better < size; better++) {
        const int64_t score = w->model.scores[which][order[better]];
        if (score < than.score ||
            (score == than.score &&
             riacho_bytes_compare(w->members[order[better]], than.member) >= 0))
            break;
    }
    fixture_ok(w->f, riacho_state_ranking_better(&ranking, &than, each, &page, &w->f->err));
    check_page(w, which, &page, order, better - least(better, each), least(better, each));
}

static void check(struct world *w, riacho_view *view)
{
    const unsigned which = roll(w, RANKINGS);
    const riacho_state_ranking ranking = ranking_of(w, view, which);
    unsigned order[MEMBERS];
    const size_t expected = model_order(w, which, order);
    uint64_t size;
    fixture_ok(w->f, riacho_state_ranking_size(&ranking, &size, &w->f->err));
    assert_int_equal(size, expected);
    check_pages(w, view, which, order, expected);
    for (int i = 0; i < 5; i++) {
        check_member(w, view, which, order, expected);
        check_better(w, view, which, order, expected);
    }
}

static void check_snapshot(struct world *w)
{
    riacho_snapshot snapshot;
    riacho_snapshot_open(&snapshot, w->f->store);
    check(w, &snapshot.view);
    riacho_snapshot_close(&snapshot);
}

static void run(struct world *w, int changes)
{
    for (int i = 0; i < changes; i++) {
        if (roll(w, 8) == 0) {
            /* A record that is rejected half way leaves nothing behind. */
            const struct model before = w->model;
            riacho_overlay_savepoint(w->overlay);
            for (unsigned n = roll(w, 4); n > 0; n--)
                change_once(w);
            riacho_overlay_undo(w->overlay);
            w->model = before;
        }
        change_once(w);
        if (i % 10 == 0)
            check(w, riacho_overlay_view(w->overlay));
        if (roll(w, 25) == 0) {
            commit(w);
            check_snapshot(w);
        }
        riacho_arena_reset(w->f->arena);
    }
}

static void random_changes_agree_with_a_model(void **state)
{
    run(*state, 20000);
}

static void random_changes_of_modest_scores_agree_with_a_model(void **state)
{
    struct world *w = *state;
    w->is_modest = true;
    run(w, 40000);
}

static void random_changes_agree_with_a_model_that_keeps_the_best(void **state)
{
    struct world *w = *state;
    w->keep = 37;
    run(w, 10000);
}

/* Ranks of thousands that tie are exact, whatever else happened. */
static void thousands_of_ties_are_ranked_by_member(void **state)
{
    enum { TIES = 3000 };
    struct world *w = *state;
    const riacho_state_ranking ranking = ranking_of(w, riacho_overlay_view(w->overlay), 0);
    uint64_t rank;
    for (unsigned i = 0; i < TIES; i++) {
        const unsigned shuffled = i * 1009 % TIES;
        const riacho_bytes member = riacho_text(riacho_format(w->f->arena, "user-%06u", shuffled));
        fixture_ok(w->f, riacho_state_ranking_set(&ranking, member, 1, NULL, &w->f->err));
    }
    commit(w);
    for (unsigned i = 0; i < TIES; i += 7) {
        const riacho_bytes member = riacho_text(riacho_format(w->f->arena, "user-%06u", i));
        fixture_ok(w->f, riacho_state_ranking_rank(&ranking, member, &rank, &w->f->err));
        assert_int_equal(rank, i + 1);
        riacho_arena_reset(w->f->arena);
    }
}

/* Members, places, counts and sizes: the space must have nothing but the bound of its scores. */
static void removing_every_member_leaves_nothing_behind(void **state)
{
    struct world *w = *state;
    const riacho_range others = {.from = {"c", 1}};
    w->keep = 0;
    run(w, 3000);
    for (unsigned which = 0; which < RANKINGS; which++) {
        const riacho_state_ranking ranking = ranking_of(w, riacho_overlay_view(w->overlay), which);
        for (unsigned i = 0; i < MEMBERS; i++)
            fixture_ok(w->f, riacho_state_ranking_remove(&ranking, w->members[i], &w->f->err));
    }
    commit(w);
    assert_int_equal(fixture_count(w->f, 0, (riacho_range){.to = {"b", 1}}), 0);
    assert_string_equal(fixture_scan(w->f, NULL, 0, others), "");
}

static void a_keep_that_was_lowered_is_reached_over_the_next_changes(void **state)
{
    struct world *w = *state;
    uint64_t size = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        const riacho_state_ranking all = ranking_of(w, riacho_overlay_view(w->overlay), 0);
        fixture_ok(w->f, riacho_state_ranking_set(&all, w->members[i], i, NULL, &w->f->err));
    }
    w->keep = 10;
    const riacho_state_ranking ranking = ranking_of(w, riacho_overlay_view(w->overlay), 0);
    for (int i = 0; i < 12; i++) {
        const riacho_bytes new = riacho_text(riacho_format(w->f->arena, "new %d", i));
        fixture_ok(w->f, riacho_state_ranking_set(&ranking, new, 1000 + i, NULL, &w->f->err));
    }
    fixture_ok(w->f, riacho_state_ranking_size(&ranking, &size, &w->f->err));
    assert_int_equal(size, 10);
}

static void a_member_longer_than_any_node_is_ranked(void **state)
{
    enum { LONG = 20000 };
    struct world *w = *state;
    const riacho_state_ranking ranking = ranking_of(w, riacho_overlay_view(w->overlay), 0);
    char *name = riacho_alloc_zero(w->names, 1, LONG);
    uint64_t rank;
    for (int i = 0; i < 100; i++) {
        name[LONG - 1] = (char)i;
        fixture_ok(w->f, riacho_state_ranking_set(&ranking, (riacho_bytes){name, LONG}, 5, NULL,
                                                  &w->f->err));
    }
    for (int i = 0; i < 100; i++) {
        name[LONG - 1] = (char)i;
        fixture_ok(w->f, riacho_state_ranking_rank(&ranking, (riacho_bytes){name, LONG}, &rank,
                                                   &w->f->err));
        assert_int_equal(rank, i + 1);
    }
}

/* Many members, so that scores are held back and pages have levels; some changes are undone, some
 * orders asked for half way. */
static void move_many(struct world *w, uint64_t seed, unsigned commit_every)
{
    enum { MOVES = 12000, CROWD = 3000 };
    const riacho_state_ranking ranking = ranking_of(w, riacho_overlay_view(w->overlay), 1);
    uint64_t size;
    for (unsigned i = 0; i < MOVES; i++) {
        const uint64_t random = fixture_random(&seed);
        char name[16];
        snprintf(name, sizeof name, "%u", (unsigned)(random % CROWD));
        const riacho_bytes member = riacho_text(name);
        riacho_overlay_savepoint(w->overlay);
        fixture_ok(w->f, riacho_state_ranking_add(&ranking, member, 1, NULL, &w->f->err));
        if (random >> 60 == 0) {
            if (i % commit_every == 1)
                fixture_ok(w->f, riacho_state_ranking_size(&ranking, &size, &w->f->err));
            riacho_overlay_undo(w->overlay);
        }
        if (random >> 60 == 1)
            fixture_ok(w->f, riacho_state_ranking_remove(&ranking, member, &w->f->err));
        if (i % commit_every == 0)
            commit(w);
        riacho_arena_reset(w->f->arena);
    }
    commit(w);
}

/* A replay commits elsewhere than the first run did; a large ranking ends in the same bytes. */
static void the_bytes_of_a_large_ranking_do_not_depend_on_its_commits(void **state)
{
    static const unsigned every[] = {1, 2, 7, 500, 100000};
    struct world *w = *state;
    move_many(w, 5, 30);
    const uint64_t sum = fixture_checksum(w->f, 0);
    for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
        void *other;
        setup(&other);
        move_many(other, 5, every[i]);
        assert_true(fixture_checksum(((struct world *)other)->f, 0) == sum);
        teardown(&other);
    }
}

/* What was held back and settled must not be believed after its ranking became one page, was
 * changed there, and became many again, all in one transaction. */
static void a_ranking_that_shrinks_and_grows_in_one_transaction_stays_right(void **state)
{
    enum { CROWD = 200 };
    struct world *w = *state;
    const riacho_state_ranking ranking = ranking_of(w, riacho_overlay_view(w->overlay), 1);
    const riacho_bytes first = riacho_text("0");
    uint64_t size;
    int64_t score = 0;
    bool found;
    for (int round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < CROWD; i++) {
            const riacho_bytes member = riacho_text(riacho_format(w->f->arena, "%u", i));
            fixture_ok(w->f, riacho_state_ranking_add(&ranking, member, 1, NULL, &w->f->err));
        }
        fixture_ok(w->f, riacho_state_ranking_size(&ranking, &size, &w->f->err));
        assert_int_equal(size, CROWD);
        for (unsigned i = 1; i < CROWD; i++) {
            const riacho_bytes member = riacho_text(riacho_format(w->f->arena, "%u", i));
            fixture_ok(w->f, riacho_state_ranking_remove(&ranking, member, &w->f->err));
        }
        fixture_ok(w->f, riacho_state_ranking_size(&ranking, &size, &w->f->err));
        assert_int_equal(size, 1);
        fixture_ok(w->f, riacho_state_ranking_add(&ranking, first, 10, NULL, &w->f->err));
        fixture_ok(w->f, riacho_state_ranking_score(&ranking, first, &found, &score, &w->f->err));
        assert_int_equal(score, 11 * round);
    }
}

/* The highest and lowest, and every page between, of a ranking with pages on several levels. */
static void a_large_ranking_is_read_in_order(void **state)
{
    struct world *w = *state;
    const riacho_state_ranking ranking = ranking_of(w, riacho_overlay_view(w->overlay), 1);
    riacho_state_ranking_page page;
    riacho_state_ranking_entry last = {0};
    uint64_t size, read = 0;
    move_many(w, 9, 100000);
    fixture_ok(w->f, riacho_state_ranking_size(&ranking, &size, &w->f->err));
    assert_in_range(size, 2000, 3000);
    while (read < size) {
        uint64_t rank;
        fixture_ok(w->f,
                   riacho_state_ranking_top(&ranking, read ? &last : NULL, 77, &page, &w->f->err));
        assert_int_equal(page.first_rank, read + 1);
        assert_true(page.count > 0);
        for (size_t i = 0; i < page.count; i++) {
            const riacho_state_ranking_entry *here = &page.items[i];
            assert_true(
                read + i == 0 || here->score < last.score ||
                (here->score == last.score && riacho_bytes_compare(here->member, last.member) > 0));
            last = *here;
        }
        read += page.count;
        fixture_ok(w->f, riacho_state_ranking_rank(&ranking, last.member, &rank, &w->f->err));
        assert_int_equal(rank, read);
    }
    assert_int_equal(read, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_changes_agree_with_a_model, setup, teardown),
        cmocka_unit_test_setup_teardown(random_changes_agree_with_a_model_that_keeps_the_best,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(random_changes_of_modest_scores_agree_with_a_model, setup,
                                        teardown),
        {"random changes of modest scores agree with a model (rocksdb)",
         random_changes_of_modest_scores_agree_with_a_model, setup_rocksdb, teardown, NULL},
        cmocka_unit_test_setup_teardown(thousands_of_ties_are_ranked_by_member, setup, teardown),
        cmocka_unit_test_setup_teardown(removing_every_member_leaves_nothing_behind, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_keep_that_was_lowered_is_reached_over_the_next_changes,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_member_longer_than_any_node_is_ranked, setup, teardown),
        cmocka_unit_test_setup_teardown(the_bytes_of_a_large_ranking_do_not_depend_on_its_commits,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_ranking_that_shrinks_and_grows_in_one_transaction_stays_right, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_ranking_is_read_in_order, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
