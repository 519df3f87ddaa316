/* SPDX-License-Identifier: MIT
 *
 * ids.c - see ids.h.
 */
#include "ids.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/trace.h"
#include "parse.h"
#include "riacho/codec.h"

struct book {
    const char *path; /* NULL: in memory only */
    int fd;
    riacho_arena *arena;
    riacho_error *err;
    riacho_ids ids;
};

static riacho_status fail_errno(const struct book *book, const char *what)
{
    return riacho_fail(book->err, RIACHO_REJECT, "%s: cannot %s: %s", book->path, what,
                       strerror(errno));
}

static void add(struct book *book, riacho_id_entry entry)
{
    riacho_ids *ids = &book->ids;
    if (ids->count == ids->capacity) {
        const size_t capacity = ids->capacity ? ids->capacity * 2 : 64;
        riacho_id_entry *items = riacho_alloc_zero(book->arena, capacity, sizeof *items);
        if (ids->count)
            memcpy(items, ids->items, ids->count * sizeof *items);
        ids->items = items;
        ids->capacity = capacity;
    }
    size_t at = ids->count++;
    for (; at > 0 && ids->items[at - 1].id > entry.id; at--)
        ids->items[at] = ids->items[at - 1];
    ids->items[at] = entry;
}

ptrdiff_t riacho_ids_find(const riacho_ids *ids, int32_t id)
{
    size_t low = 0, high = ids->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (ids->items[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ids->count && ids->items[low].id == id ? (ptrdiff_t)low : -1;
}

static riacho_bytes canonical(riacho_arena *arena, const riacho_type *type)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_schema_print(type, &text);
    return riacho_copy(arena, riacho_buffer_bytes(&text));
}

static riacho_status parse_line(struct book *book, riacho_bytes line, size_t number,
                                riacho_id_entry *ret_entry)
{
    const char *origin = riacho_format(book->arena, "%s:%zu", book->path, number);
    RIACHO_AUTO(json) json_t *json = NULL;
    RIACHO_TRY(riacho_parser_json(line, origin, &json, book->err));
    const json_t *id = json_object_get(json, "id"), *schema = json_object_get(json, "schema");
    const json_int_t value = json_integer_value(id);
    if (!json_is_integer(id) || value < 1 || value > INT32_MAX || !schema)
        return riacho_fail(book->err, RIACHO_REJECT,
                           "%s: a line has an \"id\" from 1 on and a \"schema\"", origin);
    riacho_map names = {0};
    riacho_parser parser = {
        .arena = book->arena, .err = book->err, .origin = origin, .names = &names};
    const riacho_status status = riacho_parser_type(&parser, schema, NULL, &ret_entry->type);
    riacho_map_done(&names);
    RIACHO_TRY(status);
    ret_entry->id = (int32_t)value;
    ret_entry->text = canonical(book->arena, ret_entry->type);
    if (riacho_ids_find(&book->ids, ret_entry->id) >= 0)
        return riacho_fail(book->err, RIACHO_REJECT, "%s: id %d is given twice", origin,
                           ret_entry->id);
    return RIACHO_OK;
}

/* The end of a file that a crash cut short; the ids there were never used. A line that is whole but
 * for its newline is kept. */
static riacho_status mend_end(struct book *book, riacho_bytes line, off_t start, size_t number)
{
    riacho_id_entry entry;
    if (parse_line(book, line, number, &entry) == RIACHO_OK) {
        add(book, entry);
        return write(book->fd, "\n", 1) == 1 ? RIACHO_OK : fail_errno(book, "append");
    }
    riacho_trace(RIACHO_WARN, "cut off an unfinished line of schema ids", "file", book->path, NULL);
    return ftruncate(book->fd, start) == 0 ? RIACHO_OK : fail_errno(book, "truncate");
}

static riacho_status read_all(struct book *book, riacho_buffer *ret_text)
{
    for (;;) {
        const ssize_t got = read(book->fd, riacho_buffer_reserve(ret_text, 65536), 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(book, "read");
        if (got == 0)
            return RIACHO_OK;
        ret_text->size += (size_t)got;
    }
}

static riacho_status read_lines(struct book *book)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    RIACHO_TRY(read_all(book, &text));
    size_t start = 0;
    for (size_t number = 1; start < text.size; number++) {
        const uint8_t *line = text.data + start;
        const uint8_t *end = memchr(line, '\n', text.size - start);
        if (!end)
            return mend_end(book, (riacho_bytes){line, text.size - start}, (off_t)start, number);
        const riacho_bytes whole = {line, (size_t)(end - line)};
        riacho_id_entry entry;
        start += whole.size + 1;
        if (!whole.size)
            continue;
        RIACHO_TRY(parse_line(book, whole, number, &entry));
        add(book, entry);
    }
    return RIACHO_OK;
}

static const riacho_id_entry *find_text(const riacho_ids *ids, riacho_bytes text)
{
    for (size_t i = 0; i < ids->count; i++)
        if (riacho_bytes_equal(ids->items[i].text, text))
            return &ids->items[i];
    return NULL;
}

static riacho_status write_all(struct book *book, riacho_bytes bytes)
{
    const uint8_t *at = bytes.data;
    for (size_t left = bytes.size; left;) {
        const ssize_t put = write(book->fd, at, left);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_errno(book, "append");
        at += put;
        left -= (size_t)put;
    }
    return RIACHO_OK;
}

/* Gives ids to new schemas in memory, and the lines for them in `lines`. */
static riacho_status assign(struct book *book, riacho_id_subject *subjects, size_t count,
                            riacho_buffer *lines)
{
    for (size_t i = 0; i < count; i++) {
        riacho_id_subject *subject = &subjects[i];
        const riacho_ids *ids = &book->ids;
        const riacho_id_entry *known = find_text(ids, subject->text);
        if (known) {
            subject->id = known->id;
            continue;
        }
        const int32_t last = ids->count ? ids->items[ids->count - 1].id : 0;
        if (last == INT32_MAX)
            return riacho_fail(book->err, RIACHO_REJECT, "%s: no ids are left", book->path);
        riacho_id_entry entry = {.id = last + 1, .text = subject->text};
        RIACHO_TRY(
            riacho_schema_parse(subject->text, subject->name, book->arena, &entry.type, book->err));
        add(book, entry);
        subject->id = entry.id;
        riacho_buffer_printf(lines, "{\"id\":%d,\"subject\":", entry.id);
        riacho_json_quote(riacho_text(subject->name), lines);
        riacho_buffer_printf(lines, ",\"schema\":%.*s}\n", (int)subject->text.size,
                             (const char *)subject->text.data);
    }
    return RIACHO_OK;
}

/* The name of a new file must survive a crash as its lines do. */
static riacho_status sync_folder(struct book *book)
{
    const char *slash = strrchr(book->path, '/');
    const char *folder =
        slash ? riacho_format(book->arena, "%.*s", (int)(slash - book->path + 1), book->path) : ".";
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(book, "open its folder");
    const int failed = fsync(fd);
    close(fd);
    return failed ? fail_errno(book, "sync its folder") : RIACHO_OK;
}

static riacho_status open_book(struct book *book, riacho_id_subject *subjects, size_t count)
{
    RIACHO_AUTO(buffer) riacho_buffer lines = {0};
    if (!book->path)
        return assign(book, subjects, count, &lines);
    book->fd = open(book->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (book->fd < 0)
        return fail_errno(book, "open");
    while (flock(book->fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return fail_errno(book, "lock");
    RIACHO_TRY(read_lines(book));
    RIACHO_TRY(assign(book, subjects, count, &lines));
    RIACHO_TRY(write_all(book, riacho_buffer_bytes(&lines)));
    if (fsync(book->fd) != 0)
        return fail_errno(book, "sync");
    return sync_folder(book);
}

riacho_status riacho_ids_open(const char *path, riacho_id_subject *subjects, size_t subject_count,
                              riacho_arena *arena, riacho_ids *ret_ids, riacho_error *err)
{
    struct book book = {.path = path, .fd = -1, .arena = arena, .err = err};
    const riacho_status status = open_book(&book, subjects, subject_count);
    if (book.fd >= 0)
        close(book.fd); /* gives the lock back */
    if (status == RIACHO_OK)
        *ret_ids = book.ids;
    return status;
}
