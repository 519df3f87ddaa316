/* SPDX-License-Identifier: MIT
 *
 * refusal.c - see refusal.h.
 */
#include "refusal.h"

#include "base/limits.h"

enum { OWN_HEADERS_MAX = 7, OWN_HEADER_BYTES_MAX = 4 * 1024 };

const riacho_error_policy *riacho_refusal_policy(const riacho_graph *graph,
                                                 riacho_refusal_kind kind)
{
    if (kind == RIACHO_REFUSED_DESERIALIZE)
        return &graph->on_deserialize;
    return kind == RIACHO_REFUSED_PRODUCE ? &graph->on_produce : &graph->on_process;
}

riacho_error_action riacho_refusal_action(const riacho_error_policy *policy, riacho_status status,
                                          uint32_t attempts, int64_t *ret_backoff_ms)
{
    const bool by_policy = policy->action == RIACHO_ON_ERROR_RETRY;
    const uint32_t attempts_max = by_policy ? policy->attempts : RIACHO_RETRY_ATTEMPTS;
    if ((by_policy || status == RIACHO_RETRY) && attempts < attempts_max) {
        *ret_backoff_ms = by_policy ? policy->backoff_ms : RIACHO_RETRY_BACKOFF_MS;
        return RIACHO_ON_ERROR_RETRY;
    }
    const riacho_error_action action = by_policy ? policy->then : policy->action;
    return action == RIACHO_ON_ERROR_RETRY ? RIACHO_ON_ERROR_STOP : action;
}

static const char *kind_name(riacho_refusal_kind kind)
{
    static const char *const names[] = {"deserialize", "process", "produce"};
    return names[kind];
}

/* How many of the record's own headers there is room for. */
static size_t own_headers_kept(riacho_headers headers)
{
    size_t count = 0, bytes = OWN_HEADER_BYTES_MAX;
    for (; count < headers.count && count < RIACHO_HEADERS_MAX - OWN_HEADERS_MAX; count++) {
        bytes += headers.items[count].name.size + headers.items[count].value.size;
        if (bytes > RIACHO_HEADERS_BYTES_MAX)
            break;
    }
    return count;
}

static void put(riacho_header **at, const char *name, const char *value)
{
    if (value)
        *(*at)++ = (riacho_header){riacho_text(name), riacho_text(value)};
}

riacho_log_record riacho_refusal_dead_letter(const riacho_refusal *refusal,
                                             const riacho_log_record *record, riacho_arena *arena)
{
    const size_t kept = own_headers_kept(record->headers);
    riacho_header *headers = riacho_alloc(arena, (kept + OWN_HEADERS_MAX) * sizeof *headers);
    for (size_t i = 0; i < kept; i++)
        headers[i] = record->headers.items[i];
    riacho_header *at = headers + kept;
    put(&at, "riacho.error.kind", kind_name(refusal->kind));
    put(&at, "riacho.error.reason", refusal->reason);
    put(&at, "riacho.error.step", refusal->step);
    put(&at, "riacho.error.topic", refusal->topic);
    put(&at, "riacho.error.partition", riacho_format(arena, "%d", (int)refusal->partition));
    put(&at, "riacho.error.offset", riacho_format(arena, "%lld", (long long)record->offset));
    put(&at, "riacho.error.timestamp",
        riacho_format(arena, "%lld", (long long)record->timestamp_ms));
    riacho_log_record letter = *record;
    letter.headers = (riacho_headers){headers, (size_t)(at - headers)};
    if (letter.timestamp_ms < 0)
        letter.timestamp_ms = 0;
    return letter;
}
