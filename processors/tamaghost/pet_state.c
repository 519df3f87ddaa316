/* SPDX-License-Identifier: MIT
 *
 * pet_state.c - the pet that every moment leaves behind, and the pet a reader sees now.
 *
 * A need falls by event time: what was not written by a clock is not lost by a replay. A late
 * moment counts, but does not turn the pet's time back.
 */
#include "catalog.h"
#include "functions.h"
#include "tamaghost.h"

#include <string.h>

static const double hour_ms = 3600000;
static const double satiety_per_hour = 4, affection_per_hour = 3, cleanliness_per_hour = 2;

enum {
    EXPERIENCE_PER_CARE = 10,
    LEVEL_STEP = 100,
    WARDROBE_MAX = TAMAGHOST_CLOTHES,
    SLUG_BYTES_MAX = 40
};

static double percent(double value)
{
    return value < 0 ? 0 : value > 100 ? 100 : value;
}

static int32_t mood_of(const struct pet *pet)
{
    if (pet->satiety + pet->affection + pet->cleanliness < 45)
        return MOOD_SLEEPY;
    if (pet->satiety < 30)
        return MOOD_HUNGRY;
    if (pet->affection < 30)
        return MOOD_LONELY;
    if (pet->cleanliness < 30)
        return MOOD_DUSTY;
    return pet->satiety > 70 && pet->affection > 70 && pet->cleanliness > 70 ? MOOD_RADIANT
                                                                             : MOOD_CALM;
}

/* Each level asks for LEVEL_STEP more experience than the one before. */
static int32_t level_of(int64_t experience)
{
    int32_t level = 1;
    for (int64_t needed = LEVEL_STEP; experience >= needed; needed += (int64_t)LEVEL_STEP * level)
        level++;
    return level;
}

static void age(struct pet *pet, int64_t at_ms)
{
    if (at_ms <= pet->updated_ms)
        return;
    const double hours = (double)(at_ms - pet->updated_ms) / hour_ms;
    pet->satiety = percent(pet->satiety - satiety_per_hour * hours);
    pet->affection = percent(pet->affection - affection_per_hour * hours);
    pet->cleanliness = percent(pet->cleanliness - cleanliness_per_hour * hours);
    pet->updated_ms = at_ms;
}

/* What stands in a path without escaping: 1 to 40 of a-z, 0-9 and -. */
static bool is_slug(riacho_bytes text)
{
    const char *at = text.data;
    for (size_t i = 0; i < text.size; i++) {
        if (!(at[i] >= 'a' && at[i] <= 'z') && !(at[i] >= '0' && at[i] <= '9') && at[i] != '-')
            return false;
    }
    return text.size >= 1 && text.size <= SLUG_BYTES_MAX;
}

static riacho_status hatch(riacho_ctx *ctx, const struct pet_moment *moment, struct pet *pet)
{
    if (pet->born_ms)
        return riacho_reject(ctx, "the pet is already there");
    const riacho_bytes *slug = riacho_ctx_record(ctx)->key;
    if (!is_slug(*slug))
        return riacho_reject(ctx, "a slug is 1 to %d of a-z, 0-9 and -", SLUG_BYTES_MAX);
    pet->slug = *slug;
    pet->name = moment->name.size ? moment->name : *slug;
    pet->maker = moment->visitor;
    pet->born_ms = pet->updated_ms = moment->at_ms > 0 ? moment->at_ms : 1;
    pet->satiety = pet->affection = pet->cleanliness = 60;
    return RIACHO_OK;
}

static bool owns(const struct pet *pet, riacho_bytes piece)
{
    const riacho_bytes *pieces = pet->wardrobe.items;
    for (size_t i = 0; i < pet->wardrobe.count; i++) {
        if (riacho_bytes_equal(pieces[i], piece))
            return true;
    }
    return false;
}

static riacho_status dress(riacho_ctx *ctx, const struct pet_moment *moment, struct pet *pet)
{
    if (!owns(pet, moment->item)) {
        if (pet->wardrobe.count >= WARDROBE_MAX)
            return riacho_reject(ctx, "the wardrobe is full");
        riacho_bytes *pieces =
            riacho_alloc(riacho_ctx_arena(ctx), (pet->wardrobe.count + 1) * sizeof *pieces);
        if (pet->wardrobe.count)
            memcpy(pieces, pet->wardrobe.items, pet->wardrobe.count * sizeof *pieces);
        pieces[pet->wardrobe.count] = moment->item;
        pet->wardrobe = (riacho_array){pieces, pet->wardrobe.count + 1};
    }
    pet->wearing = moment->item;
    return RIACHO_OK;
}

static riacho_status change_look(riacho_ctx *ctx, const struct pet_moment *moment, struct pet *pet)
{
    if (tamaghost_is_look(moment->look))
        pet->look = moment->look;
    else if (riacho_bytes_equal(moment->look, riacho_text("none")))
        pet->wearing = (riacho_bytes){0};
    else if (moment->look.data && owns(pet, moment->look))
        pet->wearing = moment->look;
    else
        return riacho_reject(ctx, "'%.*s' is neither a look nor in the wardrobe",
                             (int)moment->look.size,
                             moment->look.data ? (const char *)moment->look.data : "");
    return RIACHO_OK;
}

static void care(struct pet *pet, int64_t *count, double *need, double comfort)
{
    *count += 1;
    *need = percent(*need + comfort);
    pet->experience += EXPERIENCE_PER_CARE;
}

riacho_status tamaghost_pet_fold(riacho_ctx *ctx, const void *event, void *state)
{
    const struct pet_moment *moment = event;
    struct pet *pet = state;
    riacho_status status = RIACHO_OK;

    if (moment->kind != MOMENT_KIND_BIRTH && !pet->born_ms)
        return riacho_reject(ctx, "there is no such pet");
    age(pet, moment->at_ms);
    switch (moment->kind) {
    case MOMENT_KIND_BIRTH:
        status = hatch(ctx, moment, pet);
        break;
    case MOMENT_KIND_FEED:
        care(pet, &pet->fed, &pet->satiety, 12);
        break;
    case MOMENT_KIND_PET:
        care(pet, &pet->petted, &pet->affection, 8);
        break;
    case MOMENT_KIND_BATHE:
        care(pet, &pet->bathed, &pet->cleanliness, 25);
        break;
    case MOMENT_KIND_DRESS:
        status = dress(ctx, moment, pet);
        break;
    case MOMENT_KIND_CHANGE_LOOK:
        status = change_look(ctx, moment, pet);
        break;
    default:
        return riacho_reject(ctx, "a pet knows no moment of kind %d", (int)moment->kind);
    }
    pet->level = level_of(pet->experience);
    pet->mood = mood_of(pet);
    return status;
}

riacho_status tamaghost_pet_now(riacho_arena *arena, int64_t now_ms, const void *key,
                                const void *state, void *ret_reply)
{
    struct pet *pet = ret_reply;
    (void)arena;
    (void)key;
    *pet = *(const struct pet *)state;
    age(pet, now_ms);
    pet->mood = mood_of(pet);
    return RIACHO_OK;
}
