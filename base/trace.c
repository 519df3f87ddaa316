/* SPDX-License-Identifier: MIT
 *
 * trace.c - see trace.h. A line is built in a local buffer and written with one write.
 */
#include "trace.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "macros.h"

static _Atomic riacho_level least_level = RIACHO_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void riacho_trace_level(riacho_level least)
{
    atomic_store(&least_level, least);
}

bool riacho_trace_wants(riacho_level level)
{
    return level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

/* Escapes what would break a JSON string or a terminal. */
static void put_escaped(riacho_buffer *line, const char *text)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            riacho_buffer_printf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            riacho_buffer_printf(line, "\\u%04x", c);
        else
            riacho_buffer_append(line, text, 1);
    }
}

static void put_time(riacho_buffer *line)
{
    struct timespec now;
    struct tm utc;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    riacho_buffer_printf(line, "%s.%03ldZ", text, now.tv_nsec / 1000000);
}

static void put_json(riacho_buffer *line, riacho_level level, const char *message, va_list fields)
{
    riacho_buffer_printf(line, "{\"ts\":\"");
    put_time(line);
    riacho_buffer_printf(line, "\",\"level\":\"%s\",\"msg\":\"", level_names[level]);
    put_escaped(line, message);
    riacho_buffer_printf(line, "\"");
    for (const char *name; (name = va_arg(fields, const char *));) {
        const char *value = va_arg(fields, const char *);
        riacho_buffer_printf(line, ",\"%s\":\"", name);
        put_escaped(line, value ? value : "");
        riacho_buffer_printf(line, "\"");
    }
    riacho_buffer_printf(line, "}\n");
}

static void put_terminal(riacho_buffer *line, riacho_level level, const char *message,
                         va_list fields)
{
    riacho_buffer_printf(line, "%s ", level == RIACHO_INFO ? "riacho:" : level_names[level]);
    put_escaped(line, message);
    for (const char *name; (name = va_arg(fields, const char *));) {
        const char *value = va_arg(fields, const char *);
        riacho_buffer_printf(line, "  %s=", name);
        put_escaped(line, value ? value : "");
    }
    riacho_buffer_printf(line, "\n");
}

void riacho_trace(riacho_level level, const char *message, ...)
{
    if (!riacho_trace_wants(level))
        return;
    RIACHO_AUTO(buffer) riacho_buffer line = {0};
    va_list fields;
    va_start(fields, message);
    if (isatty(STDERR_FILENO))
        put_terminal(&line, level, message, fields);
    else
        put_json(&line, level, message, fields);
    va_end(fields);
    for (size_t done = 0; done < line.size;) {
        const ssize_t wrote = write(STDERR_FILENO, line.data + done, line.size - done);
        if (wrote <= 0)
            return;
        done += (size_t)wrote;
    }
}
