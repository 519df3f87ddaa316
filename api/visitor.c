/* SPDX-License-Identifier: MIT
 *
 * visitor.c - an id is 16 bytes of chance; what the client keeps is base64url(id, tag). Commands
 * see the id alone, as base64url: the signed form never reaches a topic, so reading a topic does
 * not make anyone somebody else.
 */
#include "visitor.h"

#include "base/macros.h"
#include "base/text.h"
#include "url.h"

enum { ID_BYTES = 16 };

static const char purpose[] = "visitor";

static riacho_bytes id_text(riacho_bytes id, riacho_arena *arena)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_base64url_encode(id, &text);
    return riacho_copy(arena, riacho_buffer_bytes(&text));
}

/* Reads one UTF-8 sequence of valid text. */
static uint32_t next_code_point(const uint8_t **at)
{
    const uint8_t first = *(*at)++;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t code = more == 3   ? first & 7u
                    : more == 2 ? first & 15u
                    : more == 1 ? first & 31u
                                : first;
    while (more-- > 0)
        code = code << 6 | (*(*at)++ & 63u);
    return code;
}

/* Characters that are invisible or turn the text around: names are shown beside others' names. */
static bool is_hidden(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
           (code >= 0xfff0 && code <= 0xffff) || code >= 0xe0000;
}

static riacho_status check_name(riacho_bytes name, riacho_error *err)
{
    const uint8_t *at = name.data;
    const uint8_t *end = at + name.size;
    size_t count = 0;
    if (name.size == 0 || at[0] == ' ' || end[-1] == ' ')
        return riacho_fail(err, RIACHO_REJECT, "the name is empty or begins or ends with a space");
    while (at < end) {
        if (is_hidden(next_code_point(&at)))
            return riacho_fail(err, RIACHO_REJECT,
                               "the name holds a character that cannot be shown");
        if (++count > RIACHO_VISITOR_NAME_MAX)
            return riacho_fail(err, RIACHO_REJECT, "the name has more than %d characters",
                               RIACHO_VISITOR_NAME_MAX);
    }
    return RIACHO_OK;
}

static riacho_status read_name(riacho_http_request *request, riacho_error *err)
{
    riacho_bytes name = riacho_http_header(request, "riacho-name");
    if (!name.data)
        name = riacho_http_cookie(request, "riacho_name");
    if (!name.data || name.size == 0)
        return RIACHO_OK;
    RIACHO_TRY(riacho_url_decode(name, RIACHO_PLUS_IS_PLUS, request->arena, &name, err));
    RIACHO_TRY(check_name(name, err));
    request->name = name;
    return RIACHO_OK;
}

/* The id's text; absent when the token is not one of ours. */
static riacho_bytes check_token(const riacho_secret *secret, riacho_known *known,
                                riacho_bytes token, riacho_arena *arena)
{
    riacho_bytes id;
    riacho_bytes text = riacho_known_find(known, token, arena);
    if (text.data || riacho_secret_unseal(secret, purpose, token, arena, &id) != RIACHO_OK ||
        id.size != ID_BYTES)
        return text;
    text = id_text(id, arena);
    riacho_known_note(known, token, text);
    return text;
}

riacho_status riacho_visitor_read(const riacho_secret *secret, riacho_known *known,
                                  riacho_http_request *request, riacho_error *err)
{
    riacho_bytes text = riacho_http_header(request, "riacho-visitor");
    if (!text.data)
        text = riacho_http_cookie(request, "riacho_visitor");
    request->visitor = (riacho_bytes){0};
    request->visitor_state = RIACHO_VISITOR_NONE;
    if (text.data && text.size > 0) {
        request->visitor = check_token(secret, known, text, request->arena);
        request->visitor_state =
            request->visitor.data ? RIACHO_VISITOR_KNOWN : RIACHO_VISITOR_FORGED;
    }
    return read_name(request, err);
}

void riacho_visitor_issue(const riacho_secret *secret, const char *cookie_attributes,
                          riacho_http_request *request, riacho_http_reply *reply)
{
    uint8_t id[ID_BYTES];
    RIACHO_AUTO(buffer) riacho_buffer sealed = {0};
    riacho_secret_random(id, sizeof id);
    riacho_secret_seal(secret, purpose, (riacho_bytes){id, sizeof id}, &sealed);
    const char *text = riacho_copy(request->arena, riacho_buffer_bytes(&sealed)).data;
    request->visitor = id_text((riacho_bytes){id, sizeof id}, request->arena);
    riacho_http_add(reply, "Riacho-Visitor", text);
    riacho_http_add(reply, "Set-Cookie",
                    riacho_format(request->arena,
                                  "riacho_visitor=%s; Path=/; Max-Age=31536000; HttpOnly; "
                                  "SameSite=Lax%s",
                                  text, cookie_attributes));
}
