/* SPDX-License-Identifier: MIT
 *
 * lines.c - see lines.h.
 */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"

enum {
    READ_BYTES = 64 * 1024,
    /* A value may be four times as long in JSON as in bytes, and a batch is what one append takes.
     */
    LINE_BYTES_MAX = 4 * RIACHO_VALUE_BYTES_MAX,
    PATIENCE_MS = 50,
};

struct riacho_lines {
    const char *name;
    int fd;
    riacho_buffer buffer; /* what was read; everything before `at` was handed out */
    size_t at;
    unsigned number; /* of lines handed out */
    bool ended;
    riacho_bytes texts[RIACHO_LINES_MAX];
    unsigned numbers[RIACHO_LINES_MAX];
};

riacho_status riacho_lines_open(const char *path, riacho_lines **ret_lines, riacho_error *err)
{
    const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
    if (fd < 0)
        return riacho_fail(err, RIACHO_REJECT, "%s cannot be read: %s", path ? path : "stdin",
                           strerror(errno));
    riacho_lines *lines = riacho_memory_get_zero(1, sizeof *lines);
    lines->name = path ? path : "stdin";
    lines->fd = fd;
    *ret_lines = lines;
    return RIACHO_OK;
}

void riacho_lines_close(riacho_lines *lines)
{
    if (!lines)
        return;
    close(lines->fd);
    riacho_buffer_done(&lines->buffer);
    free(lines);
}

const char *riacho_lines_name(const riacho_lines *lines)
{
    return lines->name;
}

static riacho_status read_more(riacho_lines *lines, riacho_error *err)
{
    uint8_t *to = riacho_buffer_reserve(&lines->buffer, READ_BYTES);
    ssize_t size;
    do
        size = read(lines->fd, to, READ_BYTES);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return riacho_fail(err, RIACHO_REJECT, "%s cannot be read: %s", lines->name,
                           strerror(errno));
    lines->buffer.size += (size_t)size;
    lines->ended = size == 0;
    return RIACHO_OK;
}

static bool comes_soon(const riacho_lines *lines)
{
    struct pollfd wait = {.fd = lines->fd, .events = POLLIN};
    return poll(&wait, 1, PATIENCE_MS) != 0;
}

/* Whole lines in the buffer; at the end, the last one without its end as well. Counts lines that
 * are handed out from `from` on. */
static size_t find_lines(const riacho_lines *lines)
{
    const char *at = (const char *)lines->buffer.data + lines->at;
    const char *end = (const char *)lines->buffer.data + lines->buffer.size;
    size_t count = 0;
    while (at < end && count < RIACHO_LINES_MAX) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop && !lines->ended)
            break;
        at = stop ? stop + 1 : end;
        count++;
    }
    return count;
}

static bool is_blank(riacho_bytes text)
{
    const char *at = text.data;
    for (size_t i = 0; i < text.size; i++)
        if (at[i] != ' ' && at[i] != '\t' && at[i] != '\r')
            return false;
    return true;
}

static size_t take_lines(riacho_lines *lines, size_t found)
{
    size_t count = 0;
    for (size_t i = 0; i < found; i++) {
        const char *at = (const char *)lines->buffer.data + lines->at;
        const size_t left = lines->buffer.size - lines->at;
        const char *stop = memchr(at, '\n', left);
        const riacho_bytes text = {at, stop ? (size_t)(stop - at) : left};
        lines->at += text.size + (stop ? 1 : 0);
        lines->number++;
        if (is_blank(text))
            continue;
        lines->texts[count] = text;
        lines->numbers[count++] = lines->number;
    }
    return count;
}

/* Forgets what was handed out. */
static void compact(riacho_lines *lines)
{
    if (!lines->at)
        return;
    lines->buffer.size -= lines->at;
    memmove(lines->buffer.data, lines->buffer.data + lines->at, lines->buffer.size);
    lines->at = 0;
}

riacho_status riacho_lines_next(riacho_lines *lines, riacho_lines_batch *ret_batch,
                                riacho_error *err)
{
    size_t count = 0;
    compact(lines);
    while (!count) {
        size_t found = find_lines(lines);
        while (!lines->ended && found < RIACHO_LINES_MAX && lines->buffer.size < LINE_BYTES_MAX &&
               (!found || comes_soon(lines))) {
            if (read_more(lines, err) != RIACHO_OK)
                return RIACHO_REJECT;
            found = find_lines(lines);
        }
        if (!found && !lines->ended)
            return riacho_fail(err, RIACHO_REJECT, "%s:%u is longer than %d bytes", lines->name,
                               lines->number + 1, (int)LINE_BYTES_MAX);
        count = take_lines(lines, found);
        if (lines->ended && lines->at == lines->buffer.size)
            break;
        if (!count)
            compact(lines);
    }
    *ret_batch = (riacho_lines_batch){lines->texts, lines->numbers, count};
    return RIACHO_OK;
}

const char *riacho_lines_explain(const riacho_lines *lines, const riacho_lines_batch *batch,
                                 const riacho_json_issue *issue, riacho_arena *arena)
{
    char *rest = NULL;
    const char *pointer = issue->pointer;
    const size_t item = *pointer == '/' ? strtoul(pointer + 1, &rest, 10) : batch->count;
    if (item >= batch->count || !rest || rest == pointer + 1)
        return riacho_format(arena, "%s: %s%s%s", lines->name, *pointer ? pointer + 1 : "",
                             *pointer ? " " : "", issue->detail);
    return riacho_format(arena, "%s:%u: %s%s%s", lines->name, batch->numbers[item],
                         *rest == '/' ? rest + 1 : "", *rest == '/' ? " " : "", issue->detail);
}
