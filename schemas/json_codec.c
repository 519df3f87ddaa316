/* SPDX-License-Identifier: MIT
 *
 * json_codec.c - see json.h. Stateless; any thread.
 */
#include <assert.h>

#include "base/macros.h"
#include "json.h"
#include "program.h"

struct json_codec {
    riacho_codec codec;
    const riacho_program *check; /* encodes, and so notices what the schema cannot hold */
};

static const riacho_codec_ops ops;

static riacho_status decode(const riacho_codec *codec, riacho_bytes bytes, riacho_arena *arena,
                            void *ret_value, riacho_error *err)
{
    riacho_json_issues issues;
    if (riacho_json_read(codec->type, bytes, arena, ret_value, &issues) == RIACHO_OK)
        return RIACHO_OK;
    const riacho_json_issue *first = &issues.items[0];
    return riacho_fail(err, RIACHO_REJECT, "%s%s%s", first->pointer, *first->pointer ? ": " : "",
                       first->detail);
}

/* JSON has no way to refuse a value, so Avro does: the value is encoded, forgotten and written. */
static riacho_status encode(const riacho_codec *codec, const void *value, riacho_buffer *out,
                            riacho_error *err)
{
    assert(codec->ops == &ops);
    const size_t before = out->size;
    RIACHO_TRY(riacho_program_encode(((const struct json_codec *)codec)->check, value, out, err));
    out->size = before;
    riacho_json_write(codec->type, value, out);
    return RIACHO_OK;
}

static const riacho_codec_ops ops = {"json", decode, encode};

riacho_status riacho_json_codec_new(const char *word, const riacho_type *type, riacho_arena *arena,
                                    const riacho_codec **ret_codec, riacho_error *err)
{
    struct json_codec *self = riacho_alloc_zero(arena, 1, sizeof *self);
    RIACHO_TRY(riacho_program_compile(type, type, arena, &self->check, err));
    self->codec = (riacho_codec){&ops, type, word};
    *ret_codec = &self->codec;
    return RIACHO_OK;
}
