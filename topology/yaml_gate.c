/* SPDX-License-Identifier: MIT
 *
 * yaml_gate.c - see yaml_gate.h. Works line by line and knows of YAML only what it needs: where a
 * block scalar goes on, and what may stand before an explicit key.
 */
#include "yaml_gate.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static size_t indent_of(const char *line, size_t size)
{
    size_t indent = 0;
    while (indent < size && line[indent] == ' ')
        indent++;
    return indent;
}

/* Whether nothing but indicators and blanks lie between the byte and the last structure before it.
 */
static bool may_begin_key(const char *line, size_t at)
{
    if (at > 0 && !is_blank(line[at - 1]) && !strchr(",[{", line[at - 1]))
        return false;
    while (at > 0 && is_blank(line[at - 1]))
        at--;
    return at == 0 || strchr("-?:,[{", line[at - 1]);
}

/* Whether the line ends in a block scalar's header: | or > with at most an indentation and a
 * chomping indicator, then maybe a comment. */
static bool opens_block(const char *line, size_t size)
{
    const char *comment = memmem(line, size, " #", 2);
    size_t end = comment ? (size_t)(comment - line) : size;
    while (end > 0 && is_blank(line[end - 1]))
        end--;
    for (int i = 0; i < 2 && end > 0 && strchr("+-123456789", line[end - 1]); i++)
        end--;
    return end > 0 && (line[end - 1] == '|' || line[end - 1] == '>') &&
           may_begin_key(line, end - 1);
}

/* The place of an explicit key in the line, or its size. */
static size_t find_in_line(const char *line, size_t size)
{
    char quote = 0;
    for (size_t i = 0; i < size; i++) {
        if (quote) {
            quote = line[i] == quote ? 0 : quote;
        } else if ((line[i] == '"' || line[i] == '\'') && may_begin_key(line, i)) {
            quote = line[i];
        } else if (line[i] == '#' && (i == 0 || is_blank(line[i - 1]))) {
            return size;
        } else if (line[i] == '?' && (i + 1 == size || is_blank(line[i + 1])) &&
                   may_begin_key(line, i)) {
            return i;
        }
    }
    return size;
}

size_t riacho_yaml_gate(riacho_bytes text)
{
    const char *source = text.data;
    size_t block_indent = SIZE_MAX; /* of the line that opened the block scalar we are in */
    for (size_t at = 0; at < text.size;) {
        const char *end = memchr(source + at, '\n', text.size - at);
        const size_t size = end ? (size_t)(end - source) - at : text.size - at;
        const size_t indent = indent_of(source + at, size);
        const bool in_block = block_indent != SIZE_MAX && (indent == size || indent > block_indent);
        if (!in_block) {
            const size_t found = find_in_line(source + at, size);
            if (found < size)
                return at + found;
            block_indent = opens_block(source + at, size) ? indent : SIZE_MAX;
        }
        at += size + 1;
    }
    return text.size;
}
