/* SPDX-License-Identifier: MIT
 *
 * check.c - see check.h.
 */
#include "check.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/macros.h"

static const char name_bytes[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

static riacho_status check_name(const char *name, riacho_error *err)
{
    const size_t size = name ? strlen(name) : 0;
    if (!size || size > RIACHO_TOPIC_NAME_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "a topic name has 1 to %d bytes, not %zu",
                           RIACHO_TOPIC_NAME_BYTES_MAX, size);
    if (strspn(name, name_bytes) != size || !strcmp(name, ".") || !strcmp(name, ".."))
        return riacho_fail(
            err, RIACHO_REJECT,
            "'%s' cannot name a topic: use letters, digits, '.', '_' and '-', but not '.' or '..'",
            name);
    return RIACHO_OK;
}

riacho_status riacho_log_check_spec(const riacho_topic_spec *spec, riacho_error *err)
{
    RIACHO_TRY(check_name(spec->name, err));
    if (spec->partitions < 1 || spec->partitions > RIACHO_PARTITIONS_MAX)
        return riacho_fail(err, RIACHO_REJECT, "topic %s: %" PRId32 " partitions, not 1 to %d",
                           spec->name, spec->partitions, RIACHO_PARTITIONS_MAX);
    if (spec->cleanup != RIACHO_CLEANUP_DELETE && spec->cleanup != RIACHO_CLEANUP_COMPACT)
        return riacho_fail(err, RIACHO_REJECT, "topic %s: unknown cleanup %d", spec->name,
                           (int)spec->cleanup);
    if (spec->retention_ms < 0 || spec->retention_bytes < 0)
        return riacho_fail(err, RIACHO_REJECT, "topic %s: retention cannot be negative",
                           spec->name);
    return RIACHO_OK;
}

riacho_status riacho_log_check_same(const riacho_topic_spec *held, const riacho_topic_spec *wanted,
                                    riacho_error *err)
{
    if (held->partitions == wanted->partitions)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT,
                       "topic %s has %" PRId32 " partitions, not %" PRId32
                       ": keys would move, so the number is never changed",
                       held->name, held->partitions, wanted->partitions);
}

riacho_status riacho_log_no_topic(const char *topic, riacho_error *err)
{
    return riacho_fail(err, RIACHO_REJECT, "there is no topic '%.*s'", RIACHO_TOPIC_NAME_BYTES_MAX,
                       topic ? topic : "");
}

riacho_status riacho_log_check_partition(const riacho_topic_spec *spec, int32_t partition,
                                         riacho_error *err)
{
    if (partition >= 0 && partition < spec->partitions)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT,
                       "topic %s has %" PRId32 " partitions and no partition %" PRId32, spec->name,
                       spec->partitions, partition);
}

static riacho_status check_headers(const char *topic, riacho_headers headers, riacho_error *err)
{
    if (headers.count > RIACHO_HEADERS_MAX)
        return riacho_fail(err, RIACHO_REJECT, "a record for %s has %zu headers, over %d", topic,
                           headers.count, RIACHO_HEADERS_MAX);
    size_t bytes = 0;
    for (size_t i = 0; i < headers.count; i++) {
        if (!headers.items[i].name.data)
            return riacho_fail(err, RIACHO_REJECT, "a record for %s has a header without a name",
                               topic);
        if (headers.items[i].name.size > RIACHO_HEADERS_BYTES_MAX ||
            headers.items[i].value.size > RIACHO_HEADERS_BYTES_MAX)
            bytes = RIACHO_HEADERS_BYTES_MAX + (size_t)1;
        else
            bytes += headers.items[i].name.size + headers.items[i].value.size;
        if (bytes > RIACHO_HEADERS_BYTES_MAX)
            return riacho_fail(err, RIACHO_REJECT, "a record for %s has headers over %d bytes",
                               topic, RIACHO_HEADERS_BYTES_MAX);
    }
    return RIACHO_OK;
}

riacho_status riacho_log_check_append(const riacho_topic_spec *spec,
                                      const riacho_log_append *append, riacho_error *err)
{
    const riacho_log_record *record = &append->record;
    if (record->key.size > RIACHO_KEY_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "a key for %s has %zu bytes, over %d", spec->name,
                           record->key.size, RIACHO_KEY_BYTES_MAX);
    if (record->value.size > RIACHO_VALUE_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "a value for %s has %zu bytes, over %d", spec->name,
                           record->value.size, RIACHO_VALUE_BYTES_MAX);
    if (!record->key.data && spec->cleanup == RIACHO_CLEANUP_COMPACT)
        return riacho_fail(err, RIACHO_REJECT,
                           "topic %s is compacted: a record without a key cannot be kept there",
                           spec->name);
    RIACHO_TRY(check_headers(spec->name, record->headers, err));
    return append->partition == -1 ? RIACHO_OK
                                   : riacho_log_check_partition(spec, append->partition, err);
}

riacho_status riacho_log_check_start(const riacho_log_assignment *assignment, int64_t end,
                                     riacho_error *err)
{
    if (assignment->next >= 0 && assignment->next <= end)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT,
                       "cannot read %s/%" PRId32 " from offset %" PRId64
                       ": the log ends at %" PRId64 "; was it replaced by an older one?",
                       assignment->topic, assignment->partition, assignment->next, end);
}

riacho_status riacho_log_check_total(size_t count, size_t bytes, riacho_error *err)
{
    if (count > RIACHO_APPEND_RECORDS_MAX)
        return riacho_fail(err, RIACHO_REJECT, "%zu records at once, over %d", count,
                           RIACHO_APPEND_RECORDS_MAX);
    if (bytes > RIACHO_APPEND_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "%zu bytes at once, over %d", bytes,
                           RIACHO_APPEND_BYTES_MAX);
    return RIACHO_OK;
}

size_t riacho_log_record_bytes(const riacho_log_record *record)
{
    size_t bytes = record->key.size + record->value.size;
    for (size_t i = 0; i < record->headers.count; i++)
        bytes += record->headers.items[i].name.size + record->headers.items[i].value.size;
    return bytes;
}

int32_t riacho_log_choose_partition(const riacho_topic_spec *spec, const riacho_log_append *append,
                                    uint32_t turn)
{
    if (append->partition >= 0)
        return append->partition;
    if (append->record.key.data)
        return riacho_partition_of(append->record.key, spec->partitions);
    return (int32_t)(turn % (uint32_t)spec->partitions);
}
