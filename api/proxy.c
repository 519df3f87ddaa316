/* SPDX-License-Identifier: MIT
 *
 * proxy.c - see proxy.h.
 */
#include "proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

enum { ADDRESS_TEXT_MAX = 64, HOPS_MAX = 16 };

/* Reads "192.0.2.1", "2001:db8::1", "[2001:db8::1]:443" or "192.0.2.1:443". */
static bool parse_address(riacho_bytes text, riacho_http_address *ret_address)
{
    char copy[ADDRESS_TEXT_MAX];
    struct in6_addr six;
    char *at = copy;
    if (text.size == 0 || text.size >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    if (*at == '[') {
        at++;
        at[strcspn(at, "]")] = 0;
    } else if (strchr(at, '.') && strchr(at, ':') == strrchr(at, ':')) {
        at[strcspn(at, ":")] = 0;
    }
    *ret_address = (riacho_http_address){0};
    if (inet_pton(AF_INET, at, ret_address->bytes) == 1) {
        ret_address->family = RIACHO_ADDRESS_IPV4;
        return true;
    }
    if (inet_pton(AF_INET6, at, &six) != 1)
        return false;
    *ret_address = riacho_http_address_of(&six);
    return true;
}

static riacho_status parse_network(const char *text, riacho_network *ret_network, riacho_error *err)
{
    const char *slash = strchr(text, '/');
    const riacho_bytes address = {text, slash ? (size_t)(slash - text) : strlen(text)};
    int64_t bits = 0;
    if (!parse_address(address, &ret_network->address))
        return riacho_fail(err, RIACHO_REJECT, "'%s' is neither an address nor a network", text);
    const int64_t most = ret_network->address.family == RIACHO_ADDRESS_IPV4 ? 32 : 128;
    bits = most;
    if (slash)
        RIACHO_TRY(riacho_int_parse(riacho_text(slash + 1), 0, most, &bits, err));
    ret_network->bits = (unsigned)bits;
    return RIACHO_OK;
}

riacho_status riacho_proxies_init(riacho_proxies *proxies, const char *const *texts, size_t count,
                                  riacho_arena *arena, riacho_error *err)
{
    riacho_network *networks = riacho_alloc_zero(arena, count + 1, sizeof *networks);
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(parse_network(texts[i], &networks[i], err));
    *proxies = (riacho_proxies){networks, count};
    return RIACHO_OK;
}

static bool is_within(const riacho_network *network, const riacho_http_address *address)
{
    if (network->address.family != address->family)
        return false;
    for (unsigned bit = 0; bit < network->bits; bit++) {
        const unsigned mask = 0x80u >> (bit % 8);
        if ((network->address.bytes[bit / 8] ^ address->bytes[bit / 8]) & mask)
            return false;
    }
    return true;
}

bool riacho_proxies_hold(const riacho_proxies *proxies, const riacho_http_address *address)
{
    for (size_t i = 0; i < proxies->count; i++)
        if (is_within(&proxies->networks[i], address))
            return true;
    return false;
}

/* The last entry of a list separated by commas, without spaces; shortens the list by it. */
static riacho_bytes take_last(riacho_bytes *list)
{
    const char *text = list->data;
    size_t end = list->size;
    size_t from = end;
    while (from > 0 && text[from - 1] != ',')
        from--;
    list->size = from > 0 ? from - 1 : 0;
    while (from < end && text[from] == ' ')
        from++;
    while (end > from && text[end - 1] == ' ')
        end--;
    return (riacho_bytes){text + from, end - from};
}

void riacho_proxies_resolve(const riacho_proxies *proxies, riacho_http_request *request)
{
    riacho_http_address address;
    request->client = request->peer;
    if (proxies->count == 0)
        return;
    riacho_bytes list = riacho_http_header(request, "x-forwarded-for");
    for (int hop = 0;
         hop < HOPS_MAX && list.size > 0 && riacho_proxies_hold(proxies, &request->client); hop++) {
        if (!parse_address(take_last(&list), &address))
            return;
        request->client = address;
    }
}
