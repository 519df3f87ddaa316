/* SPDX-License-Identifier: MIT
 *
 * member.c - see member.h. Whether a comma is due is read off the last byte.
 */
#include "member.h"

#include "base/macros.h"
#include "base/text.h"

void riacho_member_name(riacho_buffer *out, const char *name)
{
    const uint8_t last = out->size ? out->data[out->size - 1] : '{';
    riacho_buffer_printf(out, "%s\"%s\":", last == '{' || last == '[' ? "" : ",", name);
}

void riacho_member_bytes(riacho_buffer *out, const char *name, riacho_bytes text)
{
    riacho_member_name(out, name);
    if (text.data)
        riacho_json_quote(text, out);
    else
        riacho_buffer_printf(out, "null");
}

void riacho_member_text(riacho_buffer *out, const char *name, const char *text)
{
    riacho_member_bytes(out, name, riacho_text(text));
}

void riacho_member_number(riacho_buffer *out, const char *name, int64_t number)
{
    riacho_member_name(out, name);
    riacho_buffer_printf(out, "%lld", (long long)number);
}

void riacho_member_position(riacho_buffer *out, const char *name, const riacho_position *position)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_position_print(position, &text);
    riacho_member_bytes(out, name, riacho_buffer_bytes(&text));
}
