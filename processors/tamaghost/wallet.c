/* SPDX-License-Identifier: MIT
 *
 * wallet.c - coins: one for each act of caring, spent on clothes. Every wish to buy is answered by
 * a Purchase event, approved or refused with a reason; none is lost.
 */
#include "catalog.h"
#include "functions.h"
#include "riacho/store.h"
#include "tamaghost.h"

#include <string.h>

enum { RECEIPTS_MAX = 10 };

static const char *refusal(const tamaghost_piece *piece, const struct wallet *wallet)
{
    if (!piece)
        return "the shop has no such piece";
    return wallet->coins < piece->price ? "not enough coins" : NULL;
}

static void keep_receipt(riacho_ctx *ctx, struct wallet *wallet, const struct purchase *purchase)
{
    size_t kept = wallet->receipts.count;
    if (kept >= RECEIPTS_MAX)
        kept = RECEIPTS_MAX - 1;
    struct purchase *receipts = riacho_alloc(riacho_ctx_arena(ctx), (kept + 1) * sizeof *receipts);
    receipts[0] = *purchase;
    if (kept)
        memcpy(receipts + 1, wallet->receipts.items, kept * sizeof *receipts);
    wallet->receipts = (riacho_array){receipts, kept + 1};
}

/* Debits when it can, and tells the pet's side what became of it. */
static riacho_status buy(riacho_ctx *ctx, const riacho_record *record, struct wallet *wallet)
{
    const struct interaction *wish = record->value;
    const tamaghost_piece *piece = tamaghost_piece_named(wish->item);
    const char *reason = refusal(piece, wallet);
    const struct purchase purchase = {
        .event_id = wish->event_id,
        .pet = wish->pet,
        .visitor = wish->visitor,
        .item = wish->item.data ? wish->item : riacho_text(""),
        .price = piece ? piece->price : 0,
        .outcome = reason ? OUTCOME_REFUSED : OUTCOME_APPROVED,
        .reason = riacho_text(reason),
        .at_ms = wish->at_ms,
    };
    if (!reason) {
        wallet->coins -= piece->price;
        wallet->spent += piece->price;
    }
    keep_receipt(ctx, wallet, &purchase);

    riacho_record answer = *record;
    answer.key = &purchase.pet;
    answer.value = &purchase;
    return riacho_forward(ctx, &answer);
}

riacho_status tamaghost_wallet(riacho_ctx *ctx, const riacho_record *record)
{
    const struct interaction *act = record->value;
    riacho_keyvalue *wallets = riacho_keyvalue_of(ctx, "wallets");
    const void *found;
    struct wallet wallet = {0};

    riacho_status status = riacho_keyvalue_get(wallets, record->key, &found);
    if (status != RIACHO_OK)
        return status;
    if (found)
        wallet = *(const struct wallet *)found;
    if (act->action == ACTION_BUY_CLOTHES) {
        status = buy(ctx, record, &wallet);
        if (status != RIACHO_OK)
            return status;
    } else if (act->action != ACTION_CHANGE_LOOK) {
        wallet.coins += TAMAGHOST_CARE_COINS;
        wallet.earned += TAMAGHOST_CARE_COINS;
    }
    return riacho_keyvalue_put(wallets, record->key, &wallet);
}
