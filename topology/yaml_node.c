/* SPDX-License-Identifier: MIT
 *
 * yaml_node.c - builds the tree from libfyaml's events (see yaml_node.h). Events and not libfyaml's
 * documents, because a document resolves aliases and refuses duplicate keys in its own words; from
 * events both are ours, and nothing can expand.
 *
 * The reader is a stack of open collections. Entries wait in one buffer, `pending`; a collection
 * owns those from its `first` on, and takes them into the arena when it closes.
 */
#include "yaml_node.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/text.h"
#include "yaml_gate.h"

struct frame {
    riacho_yaml_node *node;
    size_t first;                /* in pending, as an index */
    const riacho_yaml_node *key; /* of a mapping: waits for its value */
};

struct reader {
    riacho_yaml_file *file;
    riacho_arena *arena;
    riacho_issue_list *issues;
    struct frame frames[RIACHO_YAML_DEPTH_MAX];
    size_t depth;
    riacho_buffer pending;   /* riacho_yaml_entry */
    riacho_buffer documents; /* riacho_yaml_node * */
    bool too_deep;
};

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static uint32_t code_points(const char *text, size_t size)
{
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += !continues(text[i]);
    return count;
}

riacho_mark riacho_yaml_mark_at(const riacho_yaml_file *file, size_t at)
{
    size_t low = 0, high = file->line_count;
    if (at > file->source.size)
        at = file->source.size;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        *(file->lines[middle] <= at ? &low : &high) = middle;
    }
    const size_t start = file->lines[low];
    return (riacho_mark){file->name, (uint32_t)low + 1,
                         1 + code_points((const char *)file->source.data + start, at - start)};
}

/* Code points from `from` to `to`, but not beyond the line. */
static uint32_t underline(const riacho_yaml_file *file, size_t from, size_t to)
{
    const char *source = file->source.data;
    const char *stop = memchr(source + from, '\n', to - from);
    return code_points(source + from, stop ? (size_t)(stop - (source + from)) : to - from);
}

void riacho_yaml_issue(const riacho_yaml_node *node, riacho_issue_list *issues, const char *hint,
                       const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const riacho_issue issue = {.mark = node->mark,
                                .length = node->length,
                                .text = riacho_format(issues->arena, "%s", text),
                                .hint = hint ? riacho_format(issues->arena, "%s", hint) : NULL};
    riacho_issues_add(issues, &issue);
}

static void issue_at(struct reader *reader, size_t at, const char *text, const char *hint)
{
    const riacho_issue issue = {.mark = riacho_yaml_mark_at(reader->file, at),
                                .text = riacho_format(reader->issues->arena, "%s", text),
                                .hint = hint};
    riacho_issues_add(reader->issues, &issue);
}

static riacho_yaml_node *new_node(struct reader *reader, riacho_yaml_kind kind, size_t at)
{
    riacho_yaml_node *node = riacho_alloc_zero(reader->arena, 1, sizeof *node);
    node->kind = kind;
    node->file = reader->file;
    node->at = node->end = at;
    node->mark = riacho_yaml_mark_at(reader->file, at);
    node->length = 1;
    node->text = riacho_text(""); /* of a key that should have been a scalar, too */
    return node;
}

static const struct frame *top(const struct reader *reader)
{
    return reader->depth ? &reader->frames[reader->depth - 1] : NULL;
}

/* A key is a scalar that says something, and not a merge. */
static void check_key(struct reader *reader, riacho_yaml_node *key)
{
    const size_t errors = reader->issues->errors;
    if (key->kind != RIACHO_YAML_SCALAR)
        riacho_yaml_issue(key, reader->issues, NULL, "a key must be a word");
    else if (key->text.size == 0)
        riacho_yaml_issue(key, reader->issues, NULL, "a key is missing before the colon");
    else if (key->style == RIACHO_YAML_PLAIN && riacho_bytes_equal(key->text, riacho_text("<<")))
        riacho_yaml_issue(key, reader->issues, "write the keys out",
                          "merge keys are not supported");
    key->refused = reader->issues->errors > errors;
}

/* Gives a finished node to the collection it is in, or makes it a document. */
static void place(struct reader *reader, riacho_yaml_node *node)
{
    if (!reader->depth) {
        riacho_buffer_append(&reader->documents, &node, sizeof node);
        return;
    }
    struct frame *frame = &reader->frames[reader->depth - 1];
    if (frame->node->kind == RIACHO_YAML_MAPPING && !frame->key) {
        check_key(reader, node);
        frame->key = node;
        return;
    }
    const riacho_yaml_entry entry = {frame->key, node};
    riacho_buffer_append(&reader->pending, &entry, sizeof entry);
    frame->key = NULL;
}

static size_t pending_count(const struct reader *reader)
{
    return reader->pending.size / sizeof(riacho_yaml_entry);
}

static void open_collection(struct reader *reader, riacho_yaml_kind kind, size_t at)
{
    if (reader->depth == RIACHO_YAML_DEPTH_MAX) {
        issue_at(reader, at, "this is nested too deeply", NULL);
        reader->too_deep = true;
        return;
    }
    reader->frames[reader->depth++] =
        (struct frame){.node = new_node(reader, kind, at), .first = pending_count(reader)};
}

static void check_duplicates(struct reader *reader, const riacho_yaml_node *node)
{
    riacho_map seen = {0};
    for (size_t i = 0; i < node->count; i++) {
        riacho_yaml_node *key = (riacho_yaml_node *)node->entries[i].key; /* not shared yet */
        if (key->kind != RIACHO_YAML_SCALAR)
            continue;
        riacho_map_entry *entry = riacho_map_put(&seen, key->text);
        const riacho_yaml_node *first = entry->value;
        if (!first) {
            entry->value = key;
            continue;
        }
        key->refused = true;
        riacho_yaml_issue(key, reader->issues, NULL,
                          "the key '%.*s' is here twice, first in line %u",
                          (int)(key->text.size > 80 ? 80 : key->text.size),
                          (const char *)key->text.data, first->mark.line);
    }
    riacho_map_done(&seen);
}

static void close_collection(struct reader *reader)
{
    const struct frame *frame = top(reader);
    riacho_yaml_node *node = frame->node;
    const size_t count = pending_count(reader) - frame->first;
    if (count) {
        const size_t size = count * sizeof(riacho_yaml_entry);
        reader->pending.size -= size;
        node->entries =
            riacho_copy(reader->arena,
                        (riacho_bytes){reader->pending.data + reader->pending.size, size})
                .data;
        node->count = count;
    }
    reader->depth--;
    if (node->kind == RIACHO_YAML_MAPPING)
        check_duplicates(reader, node);
    place(reader, node);
}

static riacho_yaml_style style_of(enum fy_scalar_style style)
{
    switch (style) {
    case FYSS_SINGLE_QUOTED:
        return RIACHO_YAML_SINGLE;
    case FYSS_DOUBLE_QUOTED:
        return RIACHO_YAML_DOUBLE;
    case FYSS_LITERAL:
    case FYSS_FOLDED:
        return RIACHO_YAML_BLOCK;
    default:
        return RIACHO_YAML_PLAIN;
    }
}

/* Behind the line ends and blanks at `at`; *ret_breaks is how many lines ended. */
static size_t skip_breaks(const char *raw, size_t size, size_t at, size_t *ret_breaks)
{
    size_t breaks = 0;
    for (; at < size && is_blank(raw[at]); at++)
        breaks += raw[at] == '\n' || (raw[at] == '\r' && (at + 1 == size || raw[at + 1] != '\n'));
    *ret_breaks = breaks;
    return at;
}

/* What stands between single quotes: two quotes are one, a line end with the blanks around it is a
 * space, further ones stay. Not by fy_token_get_text, which in libfyaml 0.7.12 leaks 1 KiB for a
 * scalar with six pairs of quotes in a row. */
static riacho_bytes unquote(riacho_arena *arena, const char *raw, size_t size)
{
    char *text = riacho_alloc(arena, size + 1);
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        size_t breaks;
        const size_t next = skip_breaks(raw, size, at, &breaks);
        if (breaks) {
            const size_t count = breaks == 1 ? 1 : breaks - 1;
            memset(text + used, breaks == 1 ? ' ' : '\n', count);
            used += count;
            at = next;
            continue;
        }
        text[used++] = raw[at];
        at += raw[at] == '\'' ? 2 : 1;
    }
    text[used] = '\0';
    return (riacho_bytes){text, used};
}

/* A scalar's text and where its content begins and ends. */
static void read_token(struct reader *reader, struct fy_token *token, riacho_yaml_node *node)
{
    const struct fy_mark *from = fy_token_start_mark(token);
    const struct fy_mark *to = fy_token_end_mark(token);
    const riacho_bytes source = reader->file->source;
    node->style = style_of(fy_token_scalar_style(token));
    if (from && to && to->input_pos >= from->input_pos && to->input_pos <= source.size)
        node->end = to->input_pos;
    if (node->style == RIACHO_YAML_SINGLE) {
        const char *raw = (const char *)source.data + node->at;
        node->text = unquote(reader->arena, raw, node->end - node->at);
        return;
    }
    size_t size = 0;
    const char *text = fy_token_get_text(token, &size);
    node->text = riacho_copy(reader->arena, (riacho_bytes){text ? text : "", size});
}

/* A value that is not written (`key:`) has no place of its own: it is where its key is. */
static riacho_yaml_node *new_scalar(struct reader *reader, struct fy_token *token)
{
    const struct fy_mark *from = token ? fy_token_start_mark(token) : NULL;
    riacho_yaml_node *node = new_node(reader, RIACHO_YAML_SCALAR, from ? from->input_pos : 0);
    const struct frame *frame = top(reader);
    node->style = RIACHO_YAML_PLAIN;
    if (token)
        read_token(reader, token, node);
    if (!from && frame && frame->key) {
        node->mark = frame->key->mark;
        node->length = frame->key->length;
    } else if (from) {
        const bool quoted = node->style == RIACHO_YAML_SINGLE || node->style == RIACHO_YAML_DOUBLE;
        node->mark = riacho_yaml_mark_at(reader->file, node->at - (quoted && node->at));
        node->length = underline(reader->file, node->at, node->end) + (quoted ? 2 : 0);
        node->length += node->length == 0;
    }
    return node;
}

static size_t position(struct fy_token *token)
{
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    return mark ? mark->input_pos : 0;
}

/* The & or * in front of a name. */
static size_t sigil(struct fy_token *token)
{
    const size_t at = position(token);
    return at - (at > 0);
}

static void refuse_decoration(struct reader *reader, struct fy_token *anchor, struct fy_token *tag)
{
    if (anchor)
        issue_at(reader, sigil(anchor), "anchors are not supported",
                 "write the thing out where it is used");
    if (tag)
        issue_at(reader, position(tag), "tags are not supported",
                 "put quotes around what should be text");
}

static void take_event(struct reader *reader, struct fy_event *event)
{
    riacho_yaml_node *alias;
    switch (event->type) {
    case FYET_SCALAR:
        refuse_decoration(reader, event->scalar.anchor, event->scalar.tag);
        place(reader, new_scalar(reader, event->scalar.value));
        break;
    case FYET_ALIAS:
        issue_at(reader, sigil(event->alias.anchor), "aliases are not supported",
                 "write the thing out where it is used");
        alias = new_scalar(reader, NULL);
        alias->refused = true;
        place(reader, alias);
        break;
    case FYET_MAPPING_START:
        refuse_decoration(reader, event->mapping_start.anchor, event->mapping_start.tag);
        open_collection(reader, RIACHO_YAML_MAPPING, position(event->mapping_start.mapping_start));
        break;
    case FYET_SEQUENCE_START:
        refuse_decoration(reader, event->sequence_start.anchor, event->sequence_start.tag);
        open_collection(reader, RIACHO_YAML_SEQUENCE,
                        position(event->sequence_start.sequence_start));
        break;
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        close_collection(reader);
        break;
    default:
        break;
    }
}

/* libfyaml takes a lone carriage return for the end of a line, as YAML says and editors do not; so
 * the place is made from the token's byte, and a line of libfyaml's own is only trusted inside the
 * file. */
static riacho_mark syntax_mark(const struct reader *reader, const struct fy_diag_error *error)
{
    const struct fy_mark *mark = error->fyt ? fy_token_start_mark(error->fyt) : NULL;
    const riacho_yaml_file *file = reader->file;
    if (mark)
        return riacho_yaml_mark_at(file, mark->input_pos);
    if (error->line < 1 || (size_t)error->line > file->line_count)
        return riacho_yaml_mark_at(file, file->source.size);
    return (riacho_mark){file->name, (uint32_t)error->line,
                         error->column > 0 ? (uint32_t)error->column : 1};
}

static void take_syntax_errors(struct reader *reader, struct fy_diag *diag)
{
    void *at = NULL;
    const struct fy_diag_error *error;
    while ((error = fy_diag_errors_iterate(diag, &at))) {
        const riacho_issue issue = {
            .mark = syntax_mark(reader, error),
            .text = riacho_format(reader->issues->arena, "this is not YAML: %s", error->msg)};
        riacho_issues_add(reader->issues, &issue);
    }
}

static void run_parser(struct reader *reader, struct fy_parser *parser)
{
    struct fy_event *event;
    while (!reader->too_deep && (event = fy_parser_parse(parser))) {
        take_event(reader, event);
        fy_parser_event_free(parser, event);
    }
}

static riacho_status parse(struct reader *reader)
{
    struct fy_diag_cfg diag_options;
    fy_diag_cfg_default(&diag_options);
    struct fy_diag *diag = fy_diag_create(&diag_options);
    if (!diag)
        return riacho_fail(NULL, RIACHO_FATAL, "libfyaml has no memory");
    fy_diag_set_collect_errors(diag, true);
    const struct fy_parse_cfg options = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
                                                  FYPCF_DEFAULT_VERSION_1_2 |
                                                  FYPCF_ALLOW_DUPLICATE_KEYS | FYPCF_JSON_NONE,
                                         .diag = diag};
    struct fy_parser *parser = fy_parser_create(&options);
    const riacho_bytes source = reader->file->source;
    const bool ready = parser && fy_parser_set_string(parser, source.data, source.size) == 0;
    if (ready)
        run_parser(reader, parser);
    const bool failed = !ready || fy_diag_got_error(diag) || fy_parser_get_stream_error(parser);
    take_syntax_errors(reader, diag);
    if (failed && !reader->issues->errors)
        issue_at(reader, 0, "this is not YAML", NULL);
    if (parser)
        fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return failed ? RIACHO_REJECT : RIACHO_OK;
}

static void find_lines(riacho_yaml_file *file, riacho_arena *arena)
{
    const char *source = file->source.data;
    size_t count = 1;
    for (size_t i = 0; i < file->source.size; i++)
        count += source[i] == '\n';
    size_t *lines = riacho_alloc_zero(arena, count, sizeof *lines);
    file->line_count = 1;
    for (size_t i = 0; i < file->source.size; i++)
        if (source[i] == '\n')
            lines[file->line_count++] = i + 1;
    file->lines = lines;
}

static bool is_text(struct reader *reader)
{
    const riacho_bytes source = reader->file->source;
    const char *problem = NULL;
    if (source.size > RIACHO_YAML_BYTES_MAX)
        problem = "the file is larger than 1 MiB";
    else if (memchr(source.data, 0, source.size))
        problem = "the file holds a NUL byte";
    else if (!riacho_utf8_valid(source))
        problem = "the file is not UTF-8";
    if (problem) {
        const riacho_issue issue = {.mark = {reader->file->name, 1, 1}, .text = problem};
        riacho_issues_add(reader->issues, &issue);
    }
    return !problem;
}

riacho_status riacho_yaml_read(riacho_bytes text, const char *name, riacho_arena *arena,
                               riacho_issue_list *issues, const riacho_yaml_file **ret_file)
{
    const size_t errors = issues->errors;
    riacho_yaml_file *file = riacho_alloc_zero(arena, 1, sizeof *file);
    struct reader reader = {.file = file, .arena = arena, .issues = issues};
    file->name = riacho_format(arena, "%s", name);
    file->source = text;
    file->lines = riacho_alloc_zero(arena, 1, sizeof *file->lines);
    file->line_count = 1;
    *ret_file = file;
    if (!is_text(&reader)) {
        file->source = riacho_text("");
        return RIACHO_REJECT;
    }
    file->source = riacho_copy(arena, text.data ? text : riacho_text(""));
    find_lines(file, arena);
    const size_t explicit_key = riacho_yaml_gate(file->source);
    if (explicit_key < file->source.size) {
        issue_at(&reader, explicit_key, "explicit keys ('? key') are not read here",
                 "write `key: value`; text that begins with a question mark goes in quotes");
        return RIACHO_REJECT;
    }
    const riacho_status status = parse(&reader);
    const size_t size = reader.documents.size;
    file->documents = riacho_copy(arena, riacho_buffer_bytes(&reader.documents)).data;
    file->document_count = size / sizeof(riacho_yaml_node *);
    riacho_buffer_done(&reader.documents);
    riacho_buffer_done(&reader.pending);
    RIACHO_TRY(status);
    return issues->errors > errors ? RIACHO_REJECT : RIACHO_OK;
}

static riacho_status cannot_read(const char *path, riacho_issue_list *issues)
{
    const riacho_issue issue = {
        .text = riacho_format(issues->arena, "%s cannot be read: %s", path, strerror(errno))};
    riacho_issues_add(issues, &issue);
    return RIACHO_REJECT;
}

riacho_status riacho_yaml_read_file(const char *path, riacho_arena *arena,
                                    riacho_issue_list *issues, const riacho_yaml_file **ret_file)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    FILE *stream = fopen(path, "rbe");
    if (!stream)
        return cannot_read(path, issues);
    size_t got;
    do {
        got = fread(riacho_buffer_reserve(&text, 65536), 1, 65536, stream);
        text.size += got;
    } while (got && text.size <= RIACHO_YAML_BYTES_MAX);
    const bool failed = ferror(stream);
    fclose(stream);
    if (failed)
        return cannot_read(path, issues);
    return riacho_yaml_read(riacho_buffer_bytes(&text), path, arena, issues, ret_file);
}

static const riacho_yaml_entry *find(const riacho_yaml_node *node, const char *key)
{
    if (!node || node->kind != RIACHO_YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i < node->count; i++)
        if (riacho_bytes_equal(node->entries[i].key->text, riacho_text(key)))
            return &node->entries[i];
    return NULL;
}

const riacho_yaml_node *riacho_yaml_get(const riacho_yaml_node *node, const char *key)
{
    const riacho_yaml_entry *entry = find(node, key);
    return entry ? entry->value : NULL;
}

const riacho_yaml_node *riacho_yaml_key(const riacho_yaml_node *node, const char *key)
{
    const riacho_yaml_entry *entry = find(node, key);
    return entry ? entry->key : NULL;
}
