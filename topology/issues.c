/* SPDX-License-Identifier: MIT
 *
 * issues.c - see issues.h.
 */
#include "issues.h"

#include <string.h>

#include "base/limits.h"

static bool same(const riacho_issue *a, const riacho_issue *b)
{
    return a->mark.line == b->mark.line && a->mark.column == b->mark.column &&
           strcmp(a->text, b->text) == 0;
}

void riacho_issues_add(riacho_issue_list *list, const riacho_issue *issue)
{
    for (size_t i = 0; i < list->count; i++)
        if (same(&list->items[i], issue))
            return;
    list->errors += !issue->warning;
    if (list->count == RIACHO_YAML_ERRORS_MAX)
        return;
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? list->capacity * 2 : 8;
        riacho_issue *items = riacho_alloc_zero(list->arena, capacity, sizeof *items);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = *issue;
}

static bool before(const riacho_issue *a, const riacho_issue *b)
{
    if (a->mark.line != b->mark.line)
        return a->mark.line < b->mark.line;
    return a->mark.column < b->mark.column;
}

/* Insertion: the list is short, and issues of one place keep the order in which they were found. */
void riacho_issues_sort(riacho_issue_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        const riacho_issue issue = list->items[i];
        size_t at = i;
        for (; at && before(&issue, &list->items[at - 1]); at--)
            list->items[at] = list->items[at - 1];
        list->items[at] = issue;
    }
}

/* The text of a line, without its end; absent when there is no such line. */
static riacho_bytes line_of(riacho_bytes source, uint32_t line)
{
    const char *at = source.data;
    const char *end = at ? at + source.size : NULL;
    for (uint32_t i = 1; at && i < line; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    if (!at || !line)
        return (riacho_bytes){0};
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t size = (size_t)((stop ? stop : end) - at);
    if (size && at[size - 1] == '\r')
        size--;
    return (riacho_bytes){at, size};
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Spaces up to the column (tabs stay tabs, so that the caret stands right whatever their width),
 * then the caret. Columns are code points. */
static void print_caret(riacho_bytes line, uint32_t column, uint32_t length, riacho_buffer *out)
{
    const char *text = line.data;
    uint32_t at = 1;
    riacho_buffer_append(out, "    ", 4);
    for (size_t i = 0; i < line.size && at < column; i++) {
        if (i + 1 == line.size || !continues(text[i + 1])) {
            riacho_buffer_append(out, text[i] == '\t' ? "\t" : " ", 1);
            at++;
        }
    }
    riacho_buffer_append(out, "^", 1);
    for (uint32_t i = 1; i < length; i++)
        riacho_buffer_append(out, "~", 1);
    riacho_buffer_append(out, "\n", 1);
}

/* Control characters of the source do not reach the terminal. */
static void print_line(riacho_bytes line, riacho_buffer *out)
{
    const unsigned char *text = line.data;
    riacho_buffer_append(out, "    ", 4);
    for (size_t i = 0; i < line.size; i++) {
        const bool control = (text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f;
        riacho_buffer_append(out, control ? (const unsigned char *)"?" : &text[i], 1);
    }
    riacho_buffer_append(out, "\n", 1);
}

static void print_issue(const riacho_issue *issue, riacho_bytes source, riacho_buffer *out)
{
    if (issue->mark.line)
        riacho_buffer_printf(out, "%s:%u:%u: ", issue->mark.file, issue->mark.line,
                             issue->mark.column);
    riacho_buffer_printf(out, "%s: %s\n", issue->warning ? "warning" : "error", issue->text);
    const riacho_bytes line = line_of(source, issue->mark.line);
    if (line.size) {
        print_line(line, out);
        print_caret(line, issue->mark.column, issue->length, out);
    }
    if (issue->hint)
        riacho_buffer_printf(out, "    hint: %s\n", issue->hint);
}

void riacho_issues_print(const riacho_issues *issues, riacho_bytes source, riacho_buffer *out)
{
    for (size_t i = 0; i < issues->count; i++)
        print_issue(&issues->items[i], source, out);
}

void riacho_issues_print_json(const riacho_issues *issues, riacho_buffer *out)
{
    riacho_buffer_append(out, "[", 1);
    for (size_t i = 0; i < issues->count; i++) {
        const riacho_issue *issue = &issues->items[i];
        riacho_buffer_printf(out, "%s{\"severity\":\"%s\"", i ? "," : "",
                             issue->warning ? "warning" : "error");
        if (issue->mark.line) {
            riacho_buffer_printf(out, ",\"file\":");
            riacho_json_quote(riacho_text(issue->mark.file), out);
            riacho_buffer_printf(out, ",\"line\":%u,\"column\":%u,\"length\":%u", issue->mark.line,
                                 issue->mark.column, issue->length ? issue->length : 1);
        }
        riacho_buffer_printf(out, ",\"message\":");
        riacho_json_quote(riacho_text(issue->text), out);
        if (issue->hint) {
            riacho_buffer_printf(out, ",\"hint\":");
            riacho_json_quote(riacho_text(issue->hint), out);
        }
        riacho_buffer_append(out, "}", 1);
    }
    riacho_buffer_append(out, "]", 1);
}
