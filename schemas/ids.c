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

enum { CAPACITY_LEAST = 64 };

struct book {
    const char *path; /* NULL: in memory only */
    int fd;
    riacho_arena *arena;
    riacho_error *err;
    riacho_ids *ids;
};

/* ---- the table ------------------------------------------------------------------------------- */

static size_t slot_of(const riacho_ids *ids, int32_t id)
{
    return ((uint32_t)id * UINT32_C(2654435769) >> 7) & (ids->slot_count - 1);
}

const riacho_id_entry *riacho_ids_find(const riacho_ids *ids, int32_t id)
{
    for (size_t at = slot_of(ids, id);; at = (at + 1) & (ids->slot_count - 1)) {
        const riacho_id_entry *entry = atomic_load_explicit(&ids->slots[at], memory_order_acquire);
        if (!entry || entry->id == id)
            return entry;
    }
}

static void put(riacho_ids *ids, const riacho_id_entry *entry)
{
    size_t at = slot_of(ids, entry->id);
    while (atomic_load_explicit(&ids->slots[at], memory_order_relaxed))
        at = (at + 1) & (ids->slot_count - 1);
    atomic_store_explicit(&ids->slots[at], entry, memory_order_release);
}

/* While nobody else looks. */
static void resize(riacho_ids *ids, size_t capacity)
{
    _Atomic(const riacho_id_entry *) *old = ids->slots;
    const size_t old_count = ids->slot_count;
    ids->capacity = capacity;
    for (ids->slot_count = CAPACITY_LEAST; ids->slot_count < 2 * capacity;)
        ids->slot_count *= 2;
    ids->slots = riacho_alloc_zero(ids->arena, ids->slot_count, sizeof *ids->slots);
    for (size_t i = 0; i < old_count; i++) {
        const riacho_id_entry *entry = atomic_load_explicit(&old[i], memory_order_relaxed);
        if (entry)
            put(ids, entry);
    }
}

/* There is room. */
static const riacho_id_entry *add(riacho_ids *ids, const riacho_id_entry *found)
{
    riacho_id_entry *entry = riacho_alloc(ids->arena, sizeof *entry);
    *entry = *found;
    entry->index = (uint32_t)ids->count++;
    if (entry->id > ids->greatest)
        ids->greatest = entry->id;
    put(ids, entry);
    return entry;
}

static const riacho_id_entry *add_growing(riacho_ids *ids, const riacho_id_entry *found)
{
    if (ids->count == ids->capacity)
        resize(ids, ids->capacity ? 2 * ids->capacity : CAPACITY_LEAST);
    return add(ids, found);
}

static void add_subject(riacho_ids *ids, const char *name, const riacho_id_entry *entry)
{
    if (ids->subject_count == ids->subject_capacity) {
        ids->subject_capacity = ids->subject_capacity ? 2 * ids->subject_capacity : CAPACITY_LEAST;
        riacho_id_subject *more =
            riacho_alloc_zero(ids->arena, ids->subject_capacity, sizeof *more);
        if (ids->subject_count)
            memcpy(more, ids->subjects, ids->subject_count * sizeof *more);
        ids->subjects = more;
    }
    ids->subjects[ids->subject_count++] = (riacho_id_subject){name, entry};
}

const riacho_id_entry *riacho_ids_of_subject(const riacho_ids *ids, const char *subject,
                                             riacho_bytes text)
{
    for (size_t i = 0; i < ids->subject_count; i++)
        if (strcmp(ids->subjects[i].name, subject) == 0 &&
            riacho_bytes_equal(ids->subjects[i].entry->text, text))
            return ids->subjects[i].entry;
    return NULL;
}

/* ---- reading the file ------------------------------------------------------------------------ */

static riacho_status fail_errno(const struct book *book, const char *what)
{
    return riacho_fail(book->err, RIACHO_REJECT, "%s: cannot %s: %s", book->path, what,
                       strerror(errno));
}

static riacho_bytes canonical(riacho_arena *arena, const riacho_type *type)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_schema_print(type, &text);
    return riacho_copy(arena, riacho_buffer_bytes(&text));
}

/* What a line says. */
struct line {
    const char *subject; /* NULL: none is named */
    riacho_id_entry entry;
};

static riacho_status parse_line(struct book *book, riacho_bytes line, size_t number,
                                struct line *ret_line)
{
    riacho_id_entry *entry = &ret_line->entry;
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
    const riacho_status status = riacho_parser_type(&parser, schema, NULL, &entry->type);
    riacho_map_done(&names);
    RIACHO_TRY(status);
    const char *subject = riacho_parser_text(json_object_get(json, "subject"));
    ret_line->subject = subject ? riacho_format(book->arena, "%s", subject) : NULL;
    entry->id = (int32_t)value;
    entry->text = canonical(book->arena, entry->type);
    const riacho_id_entry *other = riacho_ids_find(book->ids, entry->id);
    if (other && !riacho_bytes_equal(other->text, entry->text))
        return riacho_fail(book->err, RIACHO_REJECT, "%s: id %d is given twice", origin, entry->id);
    return RIACHO_OK;
}

static void take_line(struct book *book, const struct line *line)
{
    const riacho_id_entry *entry = riacho_ids_find(book->ids, line->entry.id);
    if (!entry)
        entry = add_growing(book->ids, &line->entry);
    if (line->subject)
        add_subject(book->ids, line->subject, entry);
}

/* The end of a file that a crash cut short; the ids there were never used. A line that is whole but
 * for its newline is kept. */
static riacho_status mend_end(struct book *book, riacho_bytes line, off_t start, size_t number)
{
    struct line found;
    if (parse_line(book, line, number, &found) == RIACHO_OK) {
        take_line(book, &found);
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
        struct line found;
        start += whole.size + 1;
        if (!whole.size)
            continue;
        RIACHO_TRY(parse_line(book, whole, number, &found));
        take_line(book, &found);
    }
    return RIACHO_OK;
}

/* ---- writing it ------------------------------------------------------------------------------ */

/* The least id of those that are this schema. */
static const riacho_id_entry *find_text(const riacho_ids *ids, riacho_bytes text)
{
    const riacho_id_entry *found = NULL;
    for (size_t i = 0; i < ids->slot_count; i++) {
        const riacho_id_entry *entry = atomic_load_explicit(&ids->slots[i], memory_order_relaxed);
        if (entry && riacho_bytes_equal(entry->text, text) && (!found || entry->id < found->id))
            found = entry;
    }
    return found;
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

static void print_line(const riacho_id_entry *entry, const char *subject, riacho_buffer *lines)
{
    riacho_buffer_printf(lines, "{\"id\":%d", entry->id);
    if (subject) {
        riacho_buffer_printf(lines, ",\"subject\":");
        riacho_json_quote(riacho_text(subject), lines);
    }
    riacho_buffer_printf(lines, ",\"schema\":%.*s}\n", (int)entry->text.size,
                         (const char *)entry->text.data);
}

/* Gives ids to new schemas in memory, and the lines for them in `lines`. */
static riacho_status assign(struct book *book, riacho_id_wish *wishes, size_t count,
                            riacho_buffer *lines)
{
    for (size_t i = 0; i < count; i++) {
        riacho_id_wish *wish = &wishes[i];
        const riacho_id_entry *known = find_text(book->ids, wish->text);
        if (known) {
            wish->id = known->id;
            continue;
        }
        if (book->ids->greatest == INT32_MAX)
            return riacho_fail(book->err, RIACHO_REJECT, "%s: no ids are left", book->path);
        riacho_id_entry entry = {.id = book->ids->greatest + 1, .text = wish->text};
        RIACHO_TRY(
            riacho_schema_parse(wish->text, wish->name, book->arena, &entry.type, book->err));
        add_growing(book->ids, &entry);
        wish->id = entry.id;
        print_line(&entry, wish->name, lines);
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

static riacho_status open_book(struct book *book)
{
    book->fd = open(book->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (book->fd < 0)
        return fail_errno(book, "open");
    while (flock(book->fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return fail_errno(book, "lock");
    return RIACHO_OK;
}

/* What cannot be written whole is taken back, or the next line would go on in the middle of it. */
static riacho_status append_lines(struct book *book, riacho_bytes lines)
{
    struct stat before;
    if (fstat(book->fd, &before) != 0)
        return fail_errno(book, "measure");
    const riacho_status status = write_all(book, lines);
    if (status == RIACHO_OK)
        return fsync(book->fd) == 0 ? RIACHO_OK : fail_errno(book, "sync");
    if (ftruncate(book->fd, before.st_size) != 0)
        riacho_trace(RIACHO_WARN, "an unfinished line of schema ids stays", "file", book->path,
                     NULL);
    return status;
}

static riacho_status read_and_assign(struct book *book, riacho_id_wish *wishes, size_t count)
{
    RIACHO_AUTO(buffer) riacho_buffer lines = {0};
    if (!book->path)
        return assign(book, wishes, count, &lines);
    RIACHO_TRY(open_book(book));
    RIACHO_TRY(read_lines(book));
    RIACHO_TRY(assign(book, wishes, count, &lines));
    RIACHO_TRY(append_lines(book, riacho_buffer_bytes(&lines)));
    return sync_folder(book);
}

static void start(riacho_ids *ids, const char *path, riacho_arena *arena)
{
    *ids = (riacho_ids){.path = path ? riacho_format(arena, "%s", path) : NULL, .arena = arena};
    resize(ids, CAPACITY_LEAST);
}

static void close_book(const struct book *book)
{
    if (book->fd >= 0)
        close(book->fd); /* gives the lock back */
}

riacho_status riacho_ids_assign(const char *path, riacho_id_wish *wishes, size_t wish_count,
                                riacho_arena *arena, riacho_ids *ret_ids, riacho_error *err)
{
    struct book book = {.path = path, .fd = -1, .arena = arena, .err = err, .ids = ret_ids};
    start(ret_ids, path, arena);
    const riacho_status status = read_and_assign(&book, wishes, wish_count);
    close_book(&book);
    return status;
}

/* ---- a registry's ids ------------------------------------------------------------------------ */

riacho_status riacho_ids_recall(const char *path, size_t more, riacho_arena *arena,
                                riacho_ids *ret_ids, riacho_error *err)
{
    struct book book = {.path = path, .fd = -1, .arena = arena, .err = err, .ids = ret_ids};
    riacho_status status = RIACHO_OK;
    start(ret_ids, path, arena);
    if (path)
        status = open_book(&book);
    if (path && status == RIACHO_OK)
        status = read_lines(&book);
    if (path && status == RIACHO_OK)
        status = sync_folder(&book);
    close_book(&book);
    resize(ret_ids, ret_ids->count + more);
    return status;
}

static void write_down(riacho_ids *ids, const riacho_id_entry *entry, const char *subject)
{
    riacho_error err;
    RIACHO_AUTO(buffer) riacho_buffer lines = {0};
    struct book book = {.path = ids->path, .fd = -1, .arena = ids->arena, .err = &err, .ids = ids};
    if (!ids->path)
        return;
    print_line(entry, subject, &lines);
    riacho_status status = open_book(&book);
    if (status == RIACHO_OK)
        status = append_lines(&book, riacho_buffer_bytes(&lines));
    close_book(&book);
    if (status != RIACHO_OK)
        riacho_trace(RIACHO_WARN, "a schema id is remembered until the end of this process only",
                     "reason", err.text, NULL);
}

static riacho_status add_text(riacho_ids *ids, int32_t id, riacho_bytes text,
                              const riacho_id_entry **ret_entry, riacho_error *err)
{
    riacho_id_entry entry = {.id = id, .text = riacho_copy(ids->arena, text)};
    if (ids->count == ids->capacity)
        return riacho_fail(err, RIACHO_RETRY,
                           "this process knows %zu schemas of the registry, which is all it can "
                           "keep: it must be started again to learn more",
                           ids->count);
    RIACHO_TRY(riacho_schema_parse(entry.text, "schema", ids->arena, &entry.type, err));
    *ret_entry = add(ids, &entry);
    return RIACHO_OK;
}

riacho_status riacho_ids_learn(riacho_ids *ids, int32_t id, const char *subject, riacho_bytes text,
                               riacho_error *err)
{
    /* Of a schema that cannot be read nothing is to stay behind in the arena. */
    RIACHO_AUTO(arena) riacho_arena *scratch = riacho_arena_new();
    const riacho_type *type;
    RIACHO_TRY(
        riacho_schema_parse(text, riacho_format(scratch, "schema id %d", id), scratch, &type, err));
    const riacho_bytes whole = canonical(scratch, type);
    const riacho_id_entry *entry = riacho_ids_find(ids, id);
    const bool is_new = !entry;
    if (is_new)
        RIACHO_TRY(add_text(ids, id, whole, &entry, err));
    if (!riacho_bytes_equal(whole, entry->text))
        return riacho_fail(err, RIACHO_REJECT,
                           "schema id %d is another schema in %s than at the registry: these ids "
                           "come from another registry",
                           id, ids->path ? ids->path : "memory");
    if (subject && riacho_ids_of_subject(ids, subject, whole))
        return RIACHO_OK;
    if (subject)
        add_subject(ids, riacho_format(ids->arena, "%s", subject), entry);
    if (is_new || subject)
        write_down(ids, entry, subject);
    return RIACHO_OK;
}
