/* SPDX-License-Identifier: MIT
 *
 * docs.c - the description for people: one page without scripts, fonts or anything from elsewhere.
 */
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "problem.h"
#include "server.h"

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    "<title>Riacho API</title><style>"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1f24;background:#fff}"
    "h1,h2{line-height:1.2}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d8dee4;vertical-align:top}"
    "code{font:14px ui-monospace,monospace}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}"
    "td,th{border-color:#30363d}a{color:#79c0ff}}"
    "</style></head><body><main><h1>Riacho API</h1>"
    "<p>The same in a form for programs: <a href=\"/openapi.json\">OpenAPI 3.1</a>.</p>";

static void write_routes(const riacho_api *api, riacho_buffer *out)
{
    const riacho_endpoint *const *endpoints;
    const size_t count = riacho_router_endpoints(api->router, &endpoints);
    riacho_buffer_printf(out, "<h2 id=\"routes\">Routes</h2><table><thead><tr><th>Method</th>"
                              "<th>Path</th><th>What</th><th>Group</th></tr></thead><tbody>");
    for (size_t i = 0; i < count; i++) {
        riacho_buffer_printf(out, "<tr><td>%s</td><td><code>", endpoints[i]->method);
        riacho_markup_escape(endpoints[i]->path, out);
        riacho_buffer_printf(out, "</code></td><td>");
        riacho_markup_escape(endpoints[i]->summary, out);
        riacho_buffer_printf(out, "</td><td>");
        riacho_markup_escape(endpoints[i]->tag, out);
        riacho_buffer_printf(out, "</td></tr>");
    }
    riacho_buffer_printf(out, "</tbody></table>");
}

static void write_problems(riacho_buffer *out)
{
    riacho_buffer_printf(out, "<h2 id=\"problems\">Problems</h2>"
                              "<p>Every refusal is <code>application/problem+json</code>; its "
                              "<code>type</code> leads here.</p><dl>");
    for (riacho_problem i = 0; i < RIACHO_PROBLEM_COUNT; i++) {
        const riacho_problem_info *info = riacho_problem_describe(i);
        riacho_buffer_printf(out, "<dt id=\"%s\"><code>%s</code> (%u): ", info->word, info->word,
                             info->status);
        riacho_markup_escape(info->title, out);
        riacho_buffer_printf(out, "</dt><dd>");
        riacho_markup_escape(info->doc, out);
        riacho_buffer_printf(out, "</dd>");
    }
    riacho_buffer_printf(out, "</dl>");
}

void riacho_handle_docs(riacho_exchange *exchange)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_buffer_append(&out, head, sizeof head - 1);
    write_routes(exchange->api, &out);
    write_problems(&out);
    riacho_buffer_printf(&out, "</main></body></html>\n");
    riacho_http_add(exchange->reply, "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
                    "base-uri 'none'; form-action 'none'");
    riacho_http_add(exchange->reply, "Referrer-Policy", "no-referrer");
    riacho_exchange_answer(exchange, 200, "text/html; charset=utf-8", &out);
}
