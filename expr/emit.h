/* SPDX-License-Identifier: MIT
 *
 * emit.h - checked trees to a program (program.h).
 *
 * Threads: an emitter belongs to the call that compiles.
 */
#pragma once

#include "node.h"
#include "program.h"

typedef struct riacho_expr_emitter {
    riacho_bytes text;  /* what the spans of the nodes are ranges of */
    size_t text_offset; /* where that is in the text of the whole program */
    riacho_arena *arena;
    riacho_expr_span span; /* of the node being emitted */

    riacho_expr_instruction *code;
    riacho_expr_span *spans;
    uint32_t code_count;
    riacho_expr_slot *constants;
    uint32_t constant_count;
    const riacho_type **types;
    uint32_t type_count;
    riacho_expr_list *lists;
    uint32_t list_count;
} riacho_expr_emitter;

/* The code that leaves the node's value in slot `to`; slots below `to` stay as they are. */
void riacho_expr_emit(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to);
/* One instruction more; returns its number, for riacho_expr_land. */
uint32_t riacho_expr_put(riacho_expr_emitter *emitter, riacho_expr_code code, unsigned to,
                         unsigned a, unsigned b, uint32_t argument);
uint32_t riacho_expr_put_type(riacho_expr_emitter *emitter, const riacho_type *type);
/* Ends the program. Fills code, spans, constants, types, lists and text; clears the rest. */
void riacho_expr_finish(riacho_expr_emitter *emitter, riacho_expr *ret_expr);
