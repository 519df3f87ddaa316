/* SPDX-License-Identifier: MIT
 *
 * once.c - lets the first event of an id pass and drops its repetitions, for as long as the store
 * `seen` remembers ids. A client that did not hear the answer may send its event again without a
 * second carinho.
 */
#include "functions.h"
#include "riacho/store.h"
#include "tamaghost.h"

static riacho_status pass_once(riacho_ctx *ctx, const riacho_record *record, riacho_bytes event_id)
{
    riacho_ttl *seen = riacho_ttl_of(ctx, "seen");
    const void *before;

    if (!event_id.size)
        return riacho_reject(ctx, "an event needs an eventId");
    const riacho_status status = riacho_ttl_put_if_absent(seen, &event_id, &record->timestamp_ms,
                                                          record->timestamp_ms, &before);
    return status == RIACHO_OK && !before ? riacho_forward(ctx, record) : status;
}

riacho_status tamaghost_once_interaction(riacho_ctx *ctx, const riacho_record *record)
{
    const struct interaction *interaction = record->value;
    return interaction ? pass_once(ctx, record, interaction->event_id)
                       : riacho_reject(ctx, "an interaction needs a value");
}

riacho_status tamaghost_once_birth(riacho_ctx *ctx, const riacho_record *record)
{
    const struct birth *birth = record->value;
    return birth ? pass_once(ctx, record, birth->event_id)
                 : riacho_reject(ctx, "a birth needs a value");
}

riacho_status tamaghost_once_comment(riacho_ctx *ctx, const riacho_record *record)
{
    const struct comment *comment = record->value;
    return comment ? pass_once(ctx, record, comment->event_id)
                   : riacho_reject(ctx, "a comment needs a value");
}
