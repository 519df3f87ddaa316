/* SPDX-License-Identifier: MIT
 *
 * visitor.h - who is asking, without accounts: a random id that this server signed, handed out on
 * the first request and sent back by header or cookie. It proves nothing but "the same as before";
 * nobody can take another's without having seen it.
 */
#pragma once

#include "http.h"
#include "known.h"
#include "secret.h"

enum { RIACHO_VISITOR_NAME_MAX = 40 }; /* code points */

/* Fills request->visitor, visitor_state and name from Riacho-Visitor or the cookie riacho_visitor,
 * Riacho-Name or the cookie riacho_name (percent-encoded UTF-8). RIACHO_REJECT: the name is not one
 * (too long, control or formatting characters). */
RIACHO_CHECKED riacho_status riacho_visitor_read(const riacho_secret *secret, riacho_known *known,
                                                 riacho_http_request *request, riacho_error *err);
/* Gives a visitor without an id a fresh one, told by Set-Cookie and Riacho-Visitor.
 * `cookie_attributes` are put behind the cookie's own: "; Secure", or "". */
void riacho_visitor_issue(const riacho_secret *secret, const char *cookie_attributes,
                          riacho_http_request *request, riacho_http_reply *reply);
