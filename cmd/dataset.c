/* SPDX-License-Identifier: MIT
 *
 * dataset.c - see dataset.h. Popularity is Zipf's by rejection-free inversion of a precomputed
 * table; chance is xoshiro256**.
 */
#include "dataset.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "tamaghost.h"

/* Cumulative popularity of each of `count` things; NULL: all alike. */
typedef struct popularity {
    double *cumulative;
    uint32_t count;
} popularity;

struct riacho_dataset {
    riacho_dataset_options options;
    const riacho_codec *birth, *interaction, *comment;
    uint64_t chance[4];
    popularity pets, visitors;
    uint64_t sequence;
    riacho_buffer value;
};

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t draw(riacho_dataset *dataset)
{
    uint64_t *s = dataset->chance;
    const uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

static uint32_t draw_below(riacho_dataset *dataset, uint32_t count)
{
    return (uint32_t)((draw(dataset) >> 32) * count >> 32);
}

static void seed_chance(riacho_dataset *dataset)
{
    uint64_t state = dataset->options.seed + 0x9e3779b97f4a7c15u;
    for (int i = 0; i < 4; i++) {
        uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        dataset->chance[i] = z ^ z >> 31;
    }
}

static void popularity_init(popularity *things, uint32_t count, double skew)
{
    things->count = count;
    if (skew <= 0)
        return;
    double sum = 0;
    things->cumulative = riacho_memory_get(count * sizeof(double));
    for (uint32_t i = 0; i < count; i++)
        things->cumulative[i] = sum += pow(i + 1, -skew);
    for (uint32_t i = 0; i < count; i++)
        things->cumulative[i] /= sum;
}

static uint32_t draw_popular(riacho_dataset *dataset, const popularity *things)
{
    if (!things->cumulative)
        return draw_below(dataset, things->count);
    const double wanted = (double)(draw(dataset) >> 11) * 0x1p-53;
    uint32_t low = 0, high = things->count - 1;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (things->cumulative[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

riacho_status riacho_dataset_open(const riacho_dataset_options *options, riacho_schemas *schemas,
                                  riacho_dataset **ret_dataset, riacho_error *err)
{
    riacho_dataset *dataset = riacho_memory_get_zero(1, sizeof *dataset);
    *ret_dataset = dataset;
    dataset->options = *options;
    riacho_dataset_options *filled = &dataset->options;
    filled->pets = filled->pets ? filled->pets : 1000;
    filled->visitors = filled->visitors ? filled->visitors : filled->pets;
    filled->start_ms = filled->start_ms ? filled->start_ms : 1767225600000;
    filled->step_ms = filled->step_ms ? filled->step_ms : 10;
    seed_chance(dataset);
    popularity_init(&dataset->pets, filled->pets, filled->skew);
    popularity_init(&dataset->visitors, filled->visitors, filled->skew);
    RIACHO_TRY(riacho_schemas_codec(schemas, "avro:Birth", &dataset->birth, err));
    RIACHO_TRY(riacho_schemas_codec(schemas, "avro:Interaction", &dataset->interaction, err));
    return riacho_schemas_codec(schemas, "avro:Comment", &dataset->comment, err);
}

void riacho_dataset_close(riacho_dataset *dataset)
{
    if (!dataset)
        return;
    free(dataset->pets.cumulative);
    free(dataset->visitors.cumulative);
    riacho_buffer_done(&dataset->value);
    free(dataset);
}

static riacho_bytes numbered(riacho_arena *arena, const char *prefix, uint64_t number)
{
    return riacho_text(riacho_format(arena, "%s-%" PRIu64, prefix, number));
}

static riacho_status finish(riacho_dataset *dataset, const char *topic, riacho_bytes key,
                            const riacho_codec *codec, const void *value, int64_t at_ms,
                            riacho_arena *arena, riacho_log_append *ret_append, riacho_error *err)
{
    riacho_buffer_reset(&dataset->value);
    RIACHO_TRY(riacho_encode(codec, value, &dataset->value, err));
    *ret_append = (riacho_log_append){
        .topic = topic,
        .partition = -1,
        .record = {.timestamp_ms = at_ms,
                   .key = key,
                   .value = riacho_copy(arena, riacho_buffer_bytes(&dataset->value))},
    };
    return RIACHO_OK;
}

riacho_status riacho_dataset_birth(riacho_dataset *dataset, uint32_t number, riacho_arena *arena,
                                   riacho_log_append *ret_append, riacho_error *err)
{
    const riacho_bytes slug = numbered(arena, "pet", number);
    const struct birth birth = {
        .event_id = numbered(arena, "birth", number),
        .slug = slug,
        .name = slug,
        .visitor = riacho_text("riacho"),
        .at_ms = dataset->options.start_ms,
    };
    return finish(dataset, "births", slug, dataset->birth, &birth, birth.at_ms, arena, ret_append,
                  err);
}

static int32_t draw_action(riacho_dataset *dataset)
{
    const uint32_t of_hundred = draw_below(dataset, 100);
    if (dataset->options.mix == RIACHO_DATASET_CARE_AND_SHOP && of_hundred >= 97)
        return of_hundred == 99 ? ACTION_CHANGE_LOOK : ACTION_BUY_CLOTHES;
    return of_hundred < 40 ? ACTION_FEED : of_hundred < 80 ? ACTION_PET : ACTION_BATHE;
}

static riacho_status next_comment(riacho_dataset *dataset, riacho_bytes pet, riacho_bytes visitor,
                                  riacho_bytes id, int64_t at_ms, riacho_arena *arena,
                                  riacho_log_append *ret_append, riacho_error *err)
{
    const int32_t rating = 1 + (int32_t)draw_below(dataset, 5);
    const struct comment comment = {
        .event_id = id,
        .pet = pet,
        .visitor = visitor,
        .text = riacho_text(riacho_format(arena, "%.*s, you are my favourite of all", (int)pet.size,
                                          (const char *)pet.data)),
        .rating = &rating,
        .at_ms = at_ms,
    };
    return finish(dataset, "comments", pet, dataset->comment, &comment, at_ms, arena, ret_append,
                  err);
}

riacho_status riacho_dataset_next(riacho_dataset *dataset, riacho_arena *arena,
                                  riacho_log_append *ret_append, riacho_error *err)
{
    static const char *const pieces[] = {"bow", "scarf", "cap", "glasses"}, *const looks[] = {
                                                                                "classic", "night",
                                                                                "candy", "aurora"};
    const uint64_t sequence = dataset->sequence++;
    const int64_t at_ms =
        dataset->options.start_ms + (int64_t)(sequence + 1) * dataset->options.step_ms;
    const riacho_bytes pet = numbered(arena, "pet", draw_popular(dataset, &dataset->pets));
    const riacho_bytes visitor =
        numbered(arena, "visitor", draw_popular(dataset, &dataset->visitors));
    const riacho_bytes id = riacho_text(
        riacho_format(arena, "%016" PRIx64 "-%" PRIu64, dataset->options.seed, sequence));
    if (draw_below(dataset, 1000) < dataset->options.comments_per_mille)
        return next_comment(dataset, pet, visitor, id, at_ms, arena, ret_append, err);
    const int32_t action = draw_action(dataset);
    const struct interaction interaction = {
        .event_id = id,
        .pet = pet,
        .visitor = visitor,
        .action = action,
        .item = action == ACTION_BUY_CLOTHES ? riacho_text(pieces[draw_below(dataset, 4)])
                                             : (riacho_bytes){0},
        .look = action == ACTION_CHANGE_LOOK ? riacho_text(looks[draw_below(dataset, 4)])
                                             : (riacho_bytes){0},
        .at_ms = at_ms,
    };
    return finish(dataset, "interactions", pet, dataset->interaction, &interaction, at_ms, arena,
                  ret_append, err);
}
