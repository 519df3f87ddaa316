/* SPDX-License-Identifier: MIT
 *
 * columns.c - see columns.h.
 */
#include "columns.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Code points, which is what a terminal mostly gives a column to. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void riacho_columns_add(riacho_columns *columns, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    const int size = vasprintf(&text, format, args);
    va_end(args);
    if (size < 0)
        abort();
    for (int i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
    size_t *width = &columns->widths[columns->count++ % columns->columns];
    if (width_of(text) > *width)
        *width = width_of(text);
    riacho_buffer_append(&columns->cells, text, (size_t)size + 1);
    free(text);
}

void riacho_columns_print(const riacho_columns *columns)
{
    const char *at = (const char *)columns->cells.data;
    for (size_t i = 0; i < columns->count; i++) {
        const size_t column = i % columns->columns;
        const bool last = column + 1 == columns->columns;
        const size_t padding = last ? 0 : columns->widths[column] - width_of(at) + 2;
        printf("%s%*s", at, (int)padding, "");
        if (last)
            putchar('\n');
        at += strlen(at) + 1;
    }
}

void riacho_columns_done(riacho_columns *columns)
{
    riacho_buffer_done(&columns->cells);
}
