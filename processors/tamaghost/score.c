/* SPDX-License-Identifier: MIT
 *
 * score.c - the leaderboards: one point for each act of caring, by visitor. A board is named by its
 * action in capitals or TOTAL, and for one pet by the slug, a slash and that: "TOTAL", "FEED",
 * "ghostzinho/TOTAL", "ghostzinho/FEED".
 */
#include <string.h>

#include "functions.h"
#include "riacho/store.h"
#include "tamaghost.h"

static const char *const boards[] = {
    [ACTION_FEED] = "FEED",
    [ACTION_PET] = "PET",
    [ACTION_BATHE] = "BATHE",
    [ACTION_BUY_CLOTHES] = "BUY_CLOTHES",
    [ACTION_CHANGE_LOOK] = "CHANGE_LOOK",
};

static riacho_status add_point(riacho_ctx *ctx, riacho_bytes board, riacho_bytes visitor)
{
    return riacho_ranking_add(riacho_ranking_of(ctx, "leaderboards"), &board, &visitor, 1, NULL);
}

static riacho_bytes board_of_pet(riacho_ctx *ctx, riacho_bytes pet, const char *board)
{
    const size_t board_size = strlen(board), size = pet.size + 1 + board_size;
    char *name = riacho_alloc(riacho_ctx_arena(ctx), size);
    if (pet.size)
        memcpy(name, pet.data, pet.size);
    name[pet.size] = '/';
    memcpy(name + pet.size + 1, board, board_size);
    return (riacho_bytes){name, size};
}

riacho_status tamaghost_score(riacho_ctx *ctx, const riacho_record *record)
{
    const struct interaction *act = record->value;
    const char *action = boards[act->action];
    const riacho_bytes named[] = {
        riacho_text("TOTAL"),
        riacho_text(action),
        board_of_pet(ctx, act->pet, "TOTAL"),
        board_of_pet(ctx, act->pet, action),
    };
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        const riacho_status status = add_point(ctx, named[i], act->visitor);
        if (status != RIACHO_OK)
            return status;
    }
    return RIACHO_OK;
}
