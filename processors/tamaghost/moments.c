/* SPDX-License-Identifier: MIT
 *
 * moments.c - turns what other topics say into the one kind of event that a pet is folded from.
 */
#include "functions.h"
#include "tamaghost.h"

riacho_status tamaghost_moment_of_interaction(riacho_ctx *ctx, const riacho_record *record,
                                              void *ret_value)
{
    static const int32_t kinds[] = {
        [ACTION_FEED] = MOMENT_KIND_FEED,
        [ACTION_PET] = MOMENT_KIND_PET,
        [ACTION_BATHE] = MOMENT_KIND_BATHE,
        [ACTION_BUY_CLOTHES] = -1,
        [ACTION_CHANGE_LOOK] = MOMENT_KIND_CHANGE_LOOK,
    };
    const struct interaction *from = record->value;
    if (kinds[from->action] < 0)
        return riacho_reject(ctx, "buying is not a moment: the purchase is");
    *(struct pet_moment *)ret_value = (struct pet_moment){
        .kind = kinds[from->action],
        .event_id = from->event_id,
        .visitor = from->visitor,
        .look = from->look,
        .at_ms = from->at_ms,
    };
    return RIACHO_OK;
}

riacho_status tamaghost_moment_of_birth(riacho_ctx *ctx, const riacho_record *record,
                                        void *ret_value)
{
    const struct birth *from = record->value;
    (void)ctx;
    *(struct pet_moment *)ret_value = (struct pet_moment){
        .kind = MOMENT_KIND_BIRTH,
        .event_id = from->event_id,
        .visitor = from->visitor,
        .name = from->name,
        .at_ms = from->at_ms,
    };
    return RIACHO_OK;
}

riacho_status tamaghost_moment_of_purchase(riacho_ctx *ctx, const riacho_record *record,
                                           void *ret_value)
{
    const struct purchase *from = record->value;
    (void)ctx;
    *(struct pet_moment *)ret_value = (struct pet_moment){
        .kind = MOMENT_KIND_DRESS,
        .event_id = from->event_id,
        .visitor = from->visitor,
        .item = from->item,
        .at_ms = from->at_ms,
    };
    return RIACHO_OK;
}
