/* SPDX-License-Identifier: MIT
 *
 * issues.h - what is wrong with a file, collected so that one run tells all of it, and how it is
 * shown.
 *
 * A list belongs to one thread; its texts live in its arena.
 */
#pragma once

#include "graph.h"

typedef struct riacho_issue_list {
    riacho_arena *arena;
    riacho_issue *items;
    size_t count;
    size_t capacity;
    size_t errors; /* those that are not warnings, left-out ones included */
} riacho_issue_list;

/* Text and hint are borrowed. Beyond RIACHO_YAML_ERRORS_MAX an issue is only counted. One that is
 * in the list already, at the same place with the same text, is not added twice. */
void riacho_issues_add(riacho_issue_list *list, const riacho_issue *issue);
/* Sorted by line and column; those without a place first. */
void riacho_issues_sort(riacho_issue_list *list);
static inline riacho_issues riacho_issues_of(const riacho_issue_list *list)
{
    return (riacho_issues){list->items, list->count};
}

/* For people: `file:line:col: error: text`, the line, a caret under what is meant, the hint.
 * `source` is the text of the file the marks are in; absent: without the line. */
void riacho_issues_print(const riacho_issues *issues, riacho_bytes source, riacho_buffer *out);
/* For programs: an array of {"severity","file","line","column","length","message","hint"}. */
void riacho_issues_print_json(const riacho_issues *issues, riacho_buffer *out);
