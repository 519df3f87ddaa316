/* SPDX-License-Identifier: MIT
 *
 * build_paths.c - the paths of commands and queries: literal segments and {parameters} (see
 * build.h).
 */
#include <stdio.h>
#include <string.h>

#include "build.h"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_parameter(riacho_bytes segment)
{
    const char *text = segment.data;
    if (segment.size < 3 || text[0] != '{' || text[segment.size - 1] != '}')
        return false;
    for (size_t i = 1; i + 1 < segment.size; i++)
        if (!is_word(text[i]))
            return false;
    return text[1] < '0' || text[1] > '9';
}

/* The next segment behind *at; false at the end. */
static bool next_segment(const char **at, riacho_bytes *ret_segment)
{
    if (**at != '/')
        return false;
    const char *start = *at + 1;
    const size_t size = strcspn(start, "/");
    *ret_segment = (riacho_bytes){start, size};
    *at = start + size;
    return true;
}

static bool is_literal(riacho_bytes segment)
{
    const char *text = segment.data;
    for (size_t i = 0; i < segment.size; i++)
        if (!is_word(text[i]) && !strchr("-.~", text[i]))
            return false;
    return segment.size > 0;
}

static void check_name(riacho_builder *builder, riacho_where where, const char *path,
                       riacho_bytes segment)
{
    static const char *const taken[] = {"path", "query", "header", "visitor",       "subject",
                                        "body", "now",   "uuid",   "idempotencyKey"};
    const char *text = segment.data;
    const riacho_bytes name = {text + 1, segment.size - 2};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (riacho_bytes_equal(name, riacho_text(taken[i])))
            riacho_build_issue(builder, where, NULL,
                               "a parameter cannot be called '%s': that is a name of expressions",
                               taken[i]);
    const char *again =
        memmem(text + segment.size, strlen(text + segment.size), text, segment.size);
    if (again)
        riacho_build_issue(builder, where, NULL, "the path '%.200s' has the parameter '%.*s' twice",
                           path, (int)name.size, (const char *)name.data);
}

void riacho_build_path(riacho_builder *builder, riacho_where where, const char *path)
{
    const char *at = path;
    riacho_bytes segment;
    if (*path != '/') {
        riacho_build_issue(builder, where, "begin with /", "'%.200s' is not a path", path);
        return;
    }
    if (strcmp(path, "/") == 0)
        return;
    while (next_segment(&at, &segment)) {
        if (is_parameter(segment))
            check_name(builder, where, path, segment);
        else if (!is_literal(segment))
            riacho_build_issue(
                builder, where, "write literals and {parameters}, such as /pets/{id}",
                "'%.*s' cannot be part of a path", (int)(segment.size > 80 ? 80 : segment.size),
                (const char *)segment.data);
    }
}

bool riacho_build_paths_clash(const char *a, const char *b)
{
    riacho_bytes left, right;
    for (;;) {
        const bool more = next_segment(&a, &left);
        if (more != next_segment(&b, &right))
            return false;
        if (!more)
            return true;
        const bool parameters = is_parameter(left) && is_parameter(right);
        if (!parameters && !riacho_bytes_equal(left, right))
            return false;
    }
}

bool riacho_build_path_has(const char *path, riacho_bytes parameter)
{
    riacho_bytes segment;
    while (next_segment(&path, &segment)) {
        const riacho_bytes name = {(const char *)segment.data + 1, segment.size - 2};
        if (is_parameter(segment) && riacho_bytes_equal(name, parameter))
            return true;
    }
    return false;
}

/* Behind a string literal that begins at `at`. */
static size_t skip_literal(const char *text, size_t at)
{
    const char quote = text[at++];
    while (text[at] && text[at] != quote)
        at += text[at] == '\\' && text[at + 1] ? 2 : 1;
    return at + (text[at] == quote);
}

/* The next name that is not behind a dot and not in a literal; false at the end. Names behind a dot
 * are fields. */
static bool next_name(const char *text, size_t *at, riacho_bytes *ret_name)
{
    while (text[*at]) {
        if (text[*at] == '"' || text[*at] == '\'') {
            *at = skip_literal(text, *at);
            continue;
        }
        const size_t start = *at;
        while (is_word(text[*at]))
            (*at)++;
        if (*at == start) {
            (*at)++;
            continue;
        }
        if (start == 0 || text[start - 1] != '.') {
            *ret_name = (riacho_bytes){text + start, *at - start};
            return true;
        }
    }
    return false;
}

void riacho_build_check_parameters(riacho_builder *builder, const riacho_source_text *source,
                                   const char *path)
{
    const char *text = source->text;
    size_t at = 0;
    riacho_bytes name;
    while (next_name(text, &at, &name)) {
        size_t size = 0;
        if (!riacho_bytes_equal(name, riacho_text("path")) || text[at] != '.')
            continue;
        while (is_word(text[at + 1 + size]))
            size++;
        const riacho_bytes parameter = {text + at + 1, size};
        if (!size || riacho_build_path_has(path, parameter))
            continue;
        riacho_expr_issue issue = {.offset = at + 1, .length = size};
        snprintf(issue.text, sizeof issue.text, "the path '%.100s' has no parameter '%.*s'", path,
                 (int)(size > 80 ? 80 : size), text + at + 1);
        riacho_build_issue_in(builder, source, &issue);
    }
}

void riacho_build_spell_parameters(riacho_builder *builder, const char *path,
                                   riacho_source_text *source)
{
    const char *text = source->text;
    const size_t size = strlen(text);
    size_t *spelled = riacho_alloc_zero(builder->arena, size + 1, sizeof *spelled);
    riacho_buffer out = {0};
    size_t at = 0, done = 0, count = 0;
    riacho_bytes name;
    while (next_name(text, &at, &name)) {
        const size_t start = at - name.size;
        if (text[at] == '(' || !riacho_build_path_has(path, name))
            continue;
        riacho_buffer_append(&out, text + done, start - done);
        riacho_buffer_append(&out, "path.", 5);
        done = start;
        spelled[count++] = start;
    }
    riacho_buffer_append(&out, text + done, size - done);
    spelled[count] = SIZE_MAX;
    source->text = riacho_copy(builder->arena, riacho_buffer_bytes(&out)).data;
    source->length = out.size;
    source->spelled = spelled;
    riacho_buffer_done(&out);
}
