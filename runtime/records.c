/* SPDX-License-Identifier: MIT
 *
 * records.c - reading topics as JSON (records.h): which types they have, where to begin, one page.
 */
#include "records.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"
#include "riacho/port/broker.h"

enum { PAGE_DEFAULT = 100, PAGE_BYTES_MAX = 4 * 1024 * 1024, TIME_TEXT_MAX = 40 };

static const riacho_graph_topic *find_topic(const riacho_topic_types *types, riacho_bytes name)
{
    for (size_t i = 0; i < types->graph_count; i++)
        for (size_t k = 0; k < types->graphs[i]->topic_count; k++)
            if (riacho_bytes_equal(riacho_text(types->graphs[i]->topics[k].name), name))
                return &types->graphs[i]->topics[k];
    return NULL;
}

riacho_status riacho_topic_codecs_find(const riacho_topic_types *types, const char *topic,
                                       riacho_topic_codecs *ret_codecs, riacho_error *err)
{
    const riacho_graph_topic *found = find_topic(types, riacho_text(topic));
    riacho_topic_codecs codecs = types->given;
    const riacho_codec *bytes = NULL;
    if (!found && (!codecs.key || !codecs.value))
        RIACHO_TRY(riacho_schemas_codec(types->schemas, "bytes", &bytes, err));
    if (!codecs.key)
        codecs.key = found ? found->key.codec : bytes;
    if (!codecs.value)
        codecs.value = found ? found->value.codec : bytes;
    *ret_codecs = codecs;
    return RIACHO_OK;
}

/* A time in UTC, "2026-01-31" or "2026-01-31T12:00:00.250Z", as milliseconds. */
static bool parse_time(riacho_bytes text, int64_t *ret_ms)
{
    char copy[TIME_TEXT_MAX];
    struct tm parts = {0};
    int64_t fraction_ms = 0;
    if (text.size >= sizeof copy || text.size < 10)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    const char *rest = strptime(copy, "%Y-%m-%d", &parts);
    if (rest && *rest)
        rest = strptime(rest, "T%H:%M:%S", &parts);
    if (!rest)
        return false;
    if (*rest == '.') {
        int64_t unit = 100;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
            fraction_ms += (*rest - '0') * unit;
    }
    if (text.size > 10 ? strcmp(rest, "Z") != 0 : *rest != 0)
        return false;
    *ret_ms = (int64_t)timegm(&parts) * 1000 + fraction_ms;
    return true;
}

static riacho_status at_position(const char *topic, int32_t partition, riacho_bytes text,
                                 int64_t *ret_offset, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_position position;
    RIACHO_TRY(riacho_position_parse(text, arena, &position, err));
    if (strcmp(position.topic, topic) != 0 || position.partition != partition)
        return riacho_fail(err, RIACHO_REJECT, "position %.*s is not in %s/%d", (int)text.size,
                           (const char *)text.data, topic, (int)partition);
    *ret_offset = position.next;
    return RIACHO_OK;
}

bool riacho_records_is_place(riacho_bytes text)
{
    int64_t number;
    return !text.data || riacho_bytes_equal(text, riacho_text("earliest")) ||
           riacho_bytes_equal(text, riacho_text("latest")) || memchr(text.data, '/', text.size) ||
           riacho_int_parse(text, 0, INT64_MAX, &number, NULL) == RIACHO_OK ||
           parse_time(text, &number);
}

riacho_status riacho_records_from(riacho_log *log, const char *topic, int32_t partition,
                                  riacho_bytes text, int64_t *ret_offset, riacho_error *err)
{
    int64_t first, next, at_ms;
    RIACHO_TRY(log->ops->bounds(log, topic, partition, &first, &next, err));
    if (!text.data || riacho_bytes_equal(text, riacho_text("earliest"))) {
        *ret_offset = first;
        return RIACHO_OK;
    }
    if (riacho_bytes_equal(text, riacho_text("latest"))) {
        *ret_offset = next;
        return RIACHO_OK;
    }
    if (memchr(text.data, '/', text.size))
        return at_position(topic, partition, text, ret_offset, err);
    if (riacho_int_parse(text, 0, INT64_MAX, ret_offset, NULL) == RIACHO_OK)
        return RIACHO_OK;
    if (parse_time(text, &at_ms))
        return log->ops->offset_at(log, topic, partition, at_ms, ret_offset, err);
    return riacho_fail(err, RIACHO_REJECT,
                       "'%.*s' is no place to begin: earliest, latest, an offset, a time such as "
                       "2026-01-31T12:00:00Z, or a position such as %s/%d:0",
                       (int)(text.size < 60 ? text.size : 60), (const char *)text.data, topic,
                       (int)partition);
}

/* A reader with the log it needs to be closed. */
struct reader {
    riacho_log *log;
    riacho_log_reader *reader;
    riacho_log_batch *batch;
};

static void riacho_auto_reader(struct reader *reader)
{
    if (reader->batch)
        reader->log->ops->batch_free(reader->batch);
    if (reader->reader)
        reader->log->ops->reader_close(reader->reader);
}

static riacho_status open_reader(struct reader *reader, const riacho_records_span *span,
                                 riacho_error *err)
{
    const riacho_log_assignment at = {
        .topic = span->topic, .partition = span->partition, .next = span->from};
    RIACHO_TRY(reader->log->ops->reader_open(reader->log, &reader->reader, err));
    return reader->log->ops->assign(reader->reader, &at, 1, err);
}

/* A log behind a network gives what it has after a while only. */
static riacho_status next_batch(struct reader *reader, riacho_error *err)
{
    enum { FETCH_MS = 5000 };
    const int64_t wait_ms = reader->log->ops->broker ? FETCH_MS : 0;
    if (reader->batch)
        reader->log->ops->batch_free(RIACHO_TAKE(reader->batch));
    return reader->log->ops->poll(reader->reader, wait_ms, &reader->batch, err);
}

/* Records of transactions that are not over are not there yet. */
static riacho_status stable_part(riacho_log *log, riacho_records_span *span, riacho_error *err)
{
    int64_t end = span->end;
    if (log->ops->broker)
        RIACHO_TRY(log->ops->broker->stable_end(log, span->topic, span->partition, &end, err));
    span->end = end < span->end ? end : span->end;
    return RIACHO_OK;
}

riacho_status riacho_records_walk(riacho_log *log, const riacho_records_span *wanted,
                                  riacho_see (*see)(void *to, const riacho_log_record *record),
                                  void *to, int64_t *ret_next, riacho_error *err)
{
    RIACHO_AUTO(reader) struct reader reader = {.log = log};
    riacho_records_span span = *wanted;
    int64_t next = span.from;
    RIACHO_TRY(stable_part(log, &span, err));
    if (next < span.end)
        RIACHO_TRY(open_reader(&reader, &span, err));
    while (next < span.end) {
        RIACHO_TRY(next_batch(&reader, err));
        if (!reader.batch)
            break;
        for (size_t i = 0; i < reader.batch->count; i++) {
            const riacho_log_record *record = &reader.batch->records[i];
            if (record->offset >= span.end) {
                *ret_next = span.end;
                return RIACHO_OK;
            }
            if (see(to, record) == RIACHO_SEE_STOP) {
                *ret_next = record->offset + 1;
                return RIACHO_OK;
            }
        }
        next = reader.batch->next;
    }
    *ret_next = next;
    return RIACHO_OK;
}

/* A page that is being filled. */
struct page {
    const riacho_topic_types *types;
    const riacho_records_wanted *wanted;
    riacho_topic_codecs codecs;
    bool dead_letters;
    uint32_t limit;
    size_t bytes;
    riacho_arena *arena;   /* of the items */
    riacho_arena *scratch; /* of one record */
    riacho_buffer text;
    riacho_bytes *items;
    size_t count;
};

static void riacho_auto_page(struct page *page)
{
    riacho_arena_free(page->scratch);
    riacho_buffer_done(&page->text);
}

/* A dead letter still has the bytes of the topic it came from, and a header that names that. */
static riacho_topic_codecs codecs_of(const struct page *page, const riacho_log_record *record)
{
    riacho_topic_codecs codecs = page->codecs;
    for (size_t i = 0; page->dead_letters && i < record->headers.count; i++) {
        const riacho_header *header = &record->headers.items[i];
        const riacho_graph_topic *from =
            riacho_bytes_equal(header->name, riacho_text("riacho.error.topic"))
                ? find_topic(page->types, header->value)
                : NULL;
        if (from)
            codecs = (riacho_topic_codecs){from->key.codec, from->value.codec};
    }
    return codecs;
}

static riacho_see add_record(void *to, const riacho_log_record *record)
{
    struct page *page = to;
    const riacho_position at = {page->wanted->topic, page->wanted->partition, record->offset};
    const riacho_topic_codecs codecs = codecs_of(page, record);
    riacho_arena_reset(page->scratch);
    riacho_buffer_reset(&page->text);
    riacho_record_print(&at, record, &codecs, page->scratch, &page->text);
    page->items[page->count++] = riacho_copy(page->arena, riacho_buffer_bytes(&page->text));
    page->bytes += page->text.size;
    return page->count == page->limit || page->bytes >= PAGE_BYTES_MAX ? RIACHO_SEE_STOP
                                                                       : RIACHO_SEE_MORE;
}

riacho_status riacho_records_read(riacho_log *log, const riacho_topic_types *types,
                                  const riacho_records_wanted *wanted, riacho_arena *arena,
                                  riacho_records_page *ret_page, riacho_error *err)
{
    riacho_records_span span = {.topic = wanted->topic, .partition = wanted->partition};
    const riacho_graph_topic *topic = find_topic(types, riacho_text(wanted->topic));
    RIACHO_AUTO(page)
    struct page page = {
        .types = types,
        .wanted = wanted,
        .dead_letters = topic && topic->roles & RIACHO_TOPIC_DEAD_LETTERS && !types->given.value,
        .limit = wanted->limit ? wanted->limit : PAGE_DEFAULT,
        .arena = arena,
        .scratch = riacho_arena_new(),
    };
    int64_t first, next;
    if (page.limit > RIACHO_PAGE_ITEMS_MAX)
        page.limit = RIACHO_PAGE_ITEMS_MAX;
    RIACHO_TRY(
        riacho_records_from(log, wanted->topic, wanted->partition, wanted->from, &span.from, err));
    RIACHO_TRY(log->ops->bounds(log, wanted->topic, wanted->partition, &first, &span.end, err));
    RIACHO_TRY(riacho_topic_codecs_find(types, wanted->topic, &page.codecs, err));
    if (span.from < first)
        span.from = first;
    page.items = riacho_alloc_zero(arena, page.limit, sizeof *page.items);
    RIACHO_TRY(riacho_records_walk(log, &span, add_record, &page, &next, err));
    *ret_page = (riacho_records_page){page.items, page.count, next, span.end};
    return RIACHO_OK;
}
