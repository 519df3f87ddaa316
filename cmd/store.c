/* SPDX-License-Identifier: MIT
 *
 * store.c - `store ls|get|scan|top` and `query`: state of a running worker, over REST. Values are
 * printed as the worker wrote them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/url.h"
#include "base/limits.h"
#include "base/macros.h"
#include "client.h"
#include "columns.h"
#include "consume.h"
#include "reply.h"

enum { SCAN_DEFAULT = 100, TOP_DEFAULT = 10 };

/* A client, or NULL and what to end with. */
static riacho_client *open_client(const riacho_line *line, int *ret_exit)
{
    riacho_client *client = NULL;
    riacho_error err;
    *ret_exit = RIACHO_EXIT_OK;
    if (riacho_client_open(riacho_desk_url(line), &client, &err) != RIACHO_OK)
        *ret_exit = riacho_complain(line, RIACHO_EXIT_USAGE, "%s", err.text);
    return client;
}

/* GETs; what the program ends with, after it has complained. */
static int get(const riacho_line *line, riacho_client *client, const char *path,
               riacho_arena *arena, riacho_bytes *ret_body)
{
    riacho_answer_text answer;
    riacho_error err;
    if (riacho_client_call(client, &(riacho_call){.path = path}, arena, &answer, &err) != RIACHO_OK)
        return riacho_complain(line, riacho_client_exit(&answer), "%s", err.text);
    *ret_body = answer.body;
    return RIACHO_EXIT_OK;
}

static void print_line(riacho_bytes text)
{
    fwrite(text.data, 1, text.size, stdout);
    putchar('\n');
}

int riacho_verb_query(const riacho_line *line)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    int exit_code;
    riacho_bytes body;
    const char *path = line->words[0];
    if (*path != '/')
        return riacho_complain(line, RIACHO_EXIT_USAGE,
                               "'%s' is not a path, such as /api/pets/ghostzinho", path);
    if (path[strcspn(path, " \"<>\\^`{|}\t\r\n")])
        return riacho_complain(line, RIACHO_EXIT_USAGE,
                               "'%s' holds a character that a path must have as %%XX: a space is "
                               "%%20",
                               path);
    RIACHO_AUTO(client) riacho_client *client = open_client(line, &exit_code);
    if (client)
        exit_code = get(line, client, path, arena, &body);
    if (exit_code == RIACHO_EXIT_OK)
        print_line(body);
    return exit_code;
}

static void print_stores(riacho_bytes *items, size_t count, riacho_arena *arena)
{
    static const char *const head[] = {"TOPOLOGY", "STORE", "TYPE", "KEY", "VALUE", "KEYS"};
    static const char *const members[] = {"topology", "store", "type", "keyType", "valueType"};
    RIACHO_AUTO(columns) riacho_columns columns = {.columns = 6};
    for (size_t i = 0; i < 6; i++)
        riacho_columns_add(&columns, "%s", head[i]);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < 5; k++) {
            const char *text = riacho_reply_text(items[i], members[k], arena);
            riacho_columns_add(&columns, "%s", text ? text : "-");
        }
        riacho_columns_add(&columns, "about %" PRId64,
                           riacho_reply_number(items[i], "keys", 0, arena));
    }
    riacho_columns_print(&columns);
}

int riacho_verb_store_ls(const riacho_line *line)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    int exit_code;
    riacho_bytes body, *items = NULL;
    RIACHO_AUTO(client) riacho_client *client = open_client(line, &exit_code);
    if (client)
        exit_code = get(line, client, "/v1/stores", arena, &body);
    if (exit_code != RIACHO_EXIT_OK)
        return exit_code;
    const size_t count =
        riacho_reply_items(riacho_reply_member(body, "items", arena), arena, &items);
    if (!riacho_flag_given(line, "json"))
        print_stores(items, count, arena);
    for (size_t i = 0; riacho_flag_given(line, "json") && i < count; i++)
        print_line(items[i]);
    return RIACHO_EXIT_OK;
}

/* The start of the next parameter of a path that has a '?'. */
static void name_parameter(riacho_buffer *path, const char *name)
{
    const bool first = path->data[path->size - 1] == '?';
    riacho_buffer_printf(path, "%s%s=", first ? "" : "&", name);
}

/* The flag as a parameter of its name, when it was given. */
static void add_parameter(const riacho_line *line, const char *flag, riacho_buffer *path)
{
    const char *value = riacho_flag_value(line, flag);
    if (!value)
        return;
    name_parameter(path, flag);
    riacho_url_encode(riacho_text(value), path);
}

static void start_path(const riacho_line *line, const char *what, riacho_buffer *path)
{
    riacho_buffer_printf(path, "/v1/stores/");
    riacho_url_encode(riacho_text(line->words[0]), path);
    riacho_buffer_printf(path, "/%s", what);
}

int riacho_verb_store_get(const riacho_line *line)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer path = {0};
    int exit_code;
    riacho_bytes body;
    start_path(line, "keys/", &path);
    riacho_url_encode(riacho_text(line->words[1]), &path);
    riacho_buffer_printf(&path, "?");
    add_parameter(line, "topology", &path);
    RIACHO_AUTO(client) riacho_client *client = open_client(line, &exit_code);
    if (client)
        exit_code =
            get(line, client, riacho_copy(arena, riacho_buffer_bytes(&path)).data, arena, &body);
    if (exit_code == RIACHO_EXIT_OK)
        print_line(body);
    return exit_code;
}

/* Pages of a read, item by item, up to a limit. */
struct pages {
    const riacho_line *line;
    riacho_client *client;
    riacho_bytes path; /* with a query */
    int64_t left;      /* -1: no limit */
    riacho_columns *columns;
    void (*show)(struct pages *pages, riacho_bytes item, riacho_arena *arena);
};

static int read_pages(struct pages *pages)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer path = {0};
    const char *cursor = NULL;
    do {
        riacho_bytes body, *items = NULL;
        const int64_t limit = pages->left < 0 || pages->left > RIACHO_PAGE_ITEMS_MAX
                                  ? RIACHO_PAGE_ITEMS_MAX
                                  : pages->left;
        riacho_buffer_reset(&path);
        riacho_buffer_append(&path, pages->path.data, pages->path.size);
        name_parameter(&path, "limit");
        riacho_buffer_printf(&path, "%" PRId64 "%s", limit, cursor ? "&cursor=" : "");
        if (cursor)
            riacho_url_encode(riacho_text(cursor), &path);
        riacho_arena_reset(arena);
        const int exit_code =
            get(pages->line, pages->client, riacho_copy(arena, riacho_buffer_bytes(&path)).data,
                arena, &body);
        if (exit_code != RIACHO_EXIT_OK)
            return exit_code;
        const size_t count =
            riacho_reply_items(riacho_reply_member(body, "items", arena), arena, &items);
        for (size_t i = 0; i < count; i++)
            pages->show(pages, items[i], arena);
        if (pages->left >= 0)
            pages->left -= (int64_t)count;
        cursor = count ? riacho_reply_text(body, "next", arena) : NULL;
    } while (cursor && pages->left != 0 && !ferror(stdout));
    return RIACHO_EXIT_OK;
}

static void show_line(struct pages *pages, riacho_bytes item, riacho_arena *arena)
{
    (void)pages;
    (void)arena;
    print_line(item);
}

/* Reads --limit, opens a client and reads; 0 is no limit. */
static int run_pages(const riacho_line *line, struct pages *pages, int64_t otherwise)
{
    int exit_code;
    riacho_error err;
    if (riacho_flag_number(line, "limit", otherwise, INT64_MAX, &pages->left, &err) != RIACHO_OK)
        return riacho_complain(line, RIACHO_EXIT_USAGE, "%s", err.text);
    if (pages->left == 0)
        pages->left = -1;
    RIACHO_AUTO(client) riacho_client *client = open_client(line, &exit_code);
    pages->line = line;
    pages->client = client;
    return client ? read_pages(pages) : exit_code;
}

int riacho_verb_store_scan(const riacho_line *line)
{
    RIACHO_AUTO(buffer) riacho_buffer path = {0};
    static const char *const flags[] = {"prefix", "from", "to", "topology"};
    start_path(line, "range?", &path);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        add_parameter(line, flags[i], &path);
    if (riacho_flag_given(line, "reverse")) {
        name_parameter(&path, "reverse");
        riacho_buffer_printf(&path, "true");
    }
    struct pages pages = {.path = riacho_buffer_bytes(&path), .show = show_line};
    return run_pages(line, &pages, SCAN_DEFAULT);
}

static void show_rank(struct pages *pages, riacho_bytes item, riacho_arena *arena)
{
    static const char *const members[] = {"rank", "score"};
    const char *member = riacho_reply_text(item, "member", arena);
    const riacho_bytes raw = riacho_reply_member(item, "member", arena);
    for (size_t i = 0; i < 2; i++) {
        const riacho_bytes number = riacho_reply_member(item, members[i], arena);
        riacho_columns_add(pages->columns, "%.*s", (int)number.size,
                           number.data ? (const char *)number.data : "-");
    }
    if (member)
        riacho_columns_add(pages->columns, "%s", member);
    else
        riacho_columns_add(pages->columns, "%.*s", (int)raw.size,
                           raw.data ? (const char *)raw.data : "-");
}

int riacho_verb_store_top(const riacho_line *line)
{
    RIACHO_AUTO(buffer) riacho_buffer path = {0};
    RIACHO_AUTO(columns) riacho_columns columns = {.columns = 3};
    const bool json = riacho_flag_given(line, "json");
    start_path(line, "top?", &path);
    add_parameter(line, "key", &path);
    add_parameter(line, "topology", &path);
    struct pages pages = {.path = riacho_buffer_bytes(&path),
                          .columns = &columns,
                          .show = json ? show_line : show_rank};
    riacho_columns_add(&columns, "RANK");
    riacho_columns_add(&columns, "SCORE");
    riacho_columns_add(&columns, "MEMBER");
    const int exit_code = run_pages(line, &pages, TOP_DEFAULT);
    if (exit_code == RIACHO_EXIT_OK && !json)
        riacho_columns_print(&columns);
    return exit_code;
}
