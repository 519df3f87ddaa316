/* SPDX-License-Identifier: MIT
 *
 * guestbook.c - the comments of a pet, newest kept, and the sum of its ratings.
 */
#include "functions.h"
#include "riacho/store.h"
#include "tamaghost.h"

#include <string.h>

enum { TEXT_BYTES_MAX = 2000, RATING_MAX = 5 };

riacho_status tamaghost_write_comment(riacho_ctx *ctx, const riacho_record *record)
{
    const struct comment *comment = record->value;
    if (!comment->text.size || comment->text.size > TEXT_BYTES_MAX)
        return riacho_reject(ctx, "a comment has 1 to %d bytes, not %zu", TEXT_BYTES_MAX,
                             comment->text.size);
    if (comment->rating && (*comment->rating < 1 || *comment->rating > RATING_MAX))
        return riacho_reject(ctx, "a rating is 1 to %d, not %d", RATING_MAX, (int)*comment->rating);
    const riacho_status status =
        riacho_list_append(riacho_list_of(ctx, "comments"), record->key, comment, NULL);
    return status == RIACHO_OK ? riacho_forward(ctx, record) : status;
}

riacho_status tamaghost_rate(riacho_ctx *ctx, const void *event, void *state)
{
    const struct comment *comment = event;
    struct ratings *ratings = state;
    int64_t *histogram = riacho_alloc_zero(riacho_ctx_arena(ctx), RATING_MAX, sizeof *histogram);

    memcpy(histogram, ratings->histogram.items,
           (ratings->histogram.count < RATING_MAX ? ratings->histogram.count : RATING_MAX) *
               sizeof *histogram);
    histogram[*comment->rating - 1]++;
    ratings->histogram = (riacho_array){histogram, RATING_MAX};
    ratings->count++;
    ratings->sum += *comment->rating;
    ratings->average = (double)ratings->sum / (double)ratings->count;
    return RIACHO_OK;
}
