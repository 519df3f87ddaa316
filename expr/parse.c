/* SPDX-License-Identifier: MIT
 *
 * parse.c - operator precedence (Pratt). One function reads an operand and then every operator that
 * binds at least as strongly as it was asked for; brackets and operators call it again, at most
 * RIACHO_EXPRESSION_DEPTH_MAX deep. A chain of && || or ?? is one node with many children, so its
 * length is no depth.
 */
#include "parse.h"

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"

typedef struct parse_state {
    riacho_expr_lexer lexer;
    riacho_expr_token token; /* the next one, not yet used */
    size_t end;              /* of the last token used */
    uint32_t depth;
} parse_state;

/* How strongly operators bind; a prefix binds more strongly than all of them. */
typedef enum power {
    POWER_NONE,
    POWER_CHOICE,
    POWER_COALESCE,
    POWER_OR,
    POWER_AND,
    POWER_EQUALITY,
    POWER_ORDER,
    POWER_SUM,
    POWER_PRODUCT,
    POWER_PREFIX,
} power;

static riacho_status parse_at(parse_state *parser, power least, riacho_expr_node **ret_node);

static power power_of(riacho_expr_word word)
{
    switch (word) {
    case RIACHO_WORD_QUESTION:
        return POWER_CHOICE;
    case RIACHO_WORD_COALESCE:
        return POWER_COALESCE;
    case RIACHO_WORD_OR:
        return POWER_OR;
    case RIACHO_WORD_AND:
        return POWER_AND;
    case RIACHO_WORD_EQUAL:
    case RIACHO_WORD_NOT_EQUAL:
        return POWER_EQUALITY;
    case RIACHO_WORD_LESS:
    case RIACHO_WORD_LESS_EQUAL:
    case RIACHO_WORD_GREATER:
    case RIACHO_WORD_GREATER_EQUAL:
    case RIACHO_WORD_IN:
        return POWER_ORDER;
    case RIACHO_WORD_PLUS:
    case RIACHO_WORD_MINUS:
        return POWER_SUM;
    case RIACHO_WORD_TIMES:
    case RIACHO_WORD_DIVIDE:
    case RIACHO_WORD_REMAINDER:
        return POWER_PRODUCT;
    default:
        return POWER_NONE;
    }
}

static riacho_status advance(parse_state *parser)
{
    parser->end = parser->token.span.offset + parser->token.span.length;
    return riacho_expr_next(&parser->lexer, &parser->token);
}

/* What stands where something else was needed. */
static riacho_status unexpected(const parse_state *parser, const char *needed)
{
    const riacho_expr_span span = parser->token.span;
    const char *text = parser->lexer.text.data;
    if (parser->token.word == RIACHO_WORD_END)
        return riacho_expr_refuse(parser->lexer.issue, span, "%s is missing at the end", needed);
    return riacho_expr_refuse(parser->lexer.issue, span, "%s is needed here, not '%.*s'", needed,
                              (int)(span.length > 40 ? 40 : span.length), text + span.offset);
}

static riacho_status expect(parse_state *parser, riacho_expr_word word, const char *needed)
{
    if (parser->token.word != word)
        return unexpected(parser, needed);
    return advance(parser);
}

static riacho_expr_node *make(const parse_state *parser, riacho_expr_form form)
{
    riacho_expr_node *node = riacho_alloc_zero(parser->lexer.arena, 1, sizeof *node);
    node->form = form;
    node->word = parser->token.word;
    node->text = parser->token.text;
    node->mark = parser->token.span;
    node->span = parser->token.span;
    node->depth = 1;
    return node;
}

/* The node is complete: it reaches from `start` to the last token used. */
static riacho_status finish(const parse_state *parser, riacho_expr_node *node, size_t start)
{
    node->span = (riacho_expr_span){start, parser->end - start};
    if (node->depth <= RIACHO_EXPRESSION_DEPTH_MAX)
        return RIACHO_OK;
    return riacho_expr_refuse(parser->lexer.issue, node->mark,
                              "more than %d operations inside each other: split the expression",
                              RIACHO_EXPRESSION_DEPTH_MAX);
}

/* expression, expression ... up to `close`, which is used. */
static riacho_status parse_list(parse_state *parser, riacho_expr_word close, const char *needed,
                                riacho_expr_node *owner)
{
    riacho_expr_node *last = NULL;
    while (parser->token.word != close) {
        riacho_expr_node *item;
        if (last)
            RIACHO_TRY(expect(parser, RIACHO_WORD_COMMA, needed));
        RIACHO_TRY(parse_at(parser, POWER_CHOICE, &item));
        if (!last) {
            riacho_expr_adopt(owner, item);
        } else { /* not from the start of the list: lists may be long */
            last->next = item;
            owner->child_count++;
            if (owner->depth <= item->depth)
                owner->depth = item->depth + 1;
        }
        last = item;
    }
    return advance(parser);
}

static riacho_status parse_literal(parse_state *parser, riacho_expr_node *node)
{
    const riacho_expr_token *token = &parser->token;
    node->form = RIACHO_FORM_LITERAL;
    node->constant = true;
    switch (token->word) {
    case RIACHO_WORD_WHOLE:
        if (token->whole > INT64_MAX)
            return riacho_expr_refuse(parser->lexer.issue, token->span,
                                      "'%llu' does not fit a long",
                                      (unsigned long long)token->whole);
        node->type = &riacho_type_long;
        node->value.whole = (int64_t)token->whole;
        break;
    case RIACHO_WORD_REAL:
        node->type = &riacho_type_double;
        node->value.real = token->real;
        break;
    case RIACHO_WORD_STRING:
        node->type = &riacho_type_string;
        node->value.bytes = token->text;
        break;
    case RIACHO_WORD_NULL:
        node->type = &riacho_type_null;
        node->nullable = true;
        node->value.null = true;
        break;
    default:
        node->type = &riacho_type_boolean;
        node->value.whole = token->word == RIACHO_WORD_TRUE;
    }
    return advance(parser);
}

/* A name, or a call when a bracket follows. */
static riacho_status parse_name(parse_state *parser, riacho_expr_node *node)
{
    node->form = RIACHO_FORM_NAME;
    RIACHO_TRY(advance(parser));
    if (parser->token.word != RIACHO_WORD_LEFT_PAREN)
        return RIACHO_OK;
    node->form = RIACHO_FORM_CALL;
    RIACHO_TRY(advance(parser));
    return parse_list(parser, RIACHO_WORD_RIGHT_PAREN, "',' or ')'", node);
}

/* ! or -, of which the latter is part of a number that follows it at once. */
static riacho_status parse_prefix(parse_state *parser, riacho_expr_node *node)
{
    riacho_expr_node *operand;
    node->form = RIACHO_FORM_UNARY;
    RIACHO_TRY(advance(parser));
    if (node->word == RIACHO_WORD_MINUS && parser->token.word == RIACHO_WORD_WHOLE) {
        node->form = RIACHO_FORM_LITERAL;
        node->constant = true;
        node->type = &riacho_type_long;
        node->value.whole = (int64_t)(0 - parser->token.whole);
        return advance(parser);
    }
    RIACHO_TRY(parse_at(parser, POWER_PREFIX, &operand));
    riacho_expr_adopt(node, operand);
    return RIACHO_OK;
}

static riacho_status parse_operand(parse_state *parser, riacho_expr_node **ret_node)
{
    const size_t start = parser->token.span.offset;
    riacho_expr_node *node = make(parser, RIACHO_FORM_LITERAL);
    switch (parser->token.word) {
    case RIACHO_WORD_WHOLE:
    case RIACHO_WORD_REAL:
    case RIACHO_WORD_STRING:
    case RIACHO_WORD_TRUE:
    case RIACHO_WORD_FALSE:
    case RIACHO_WORD_NULL:
        RIACHO_TRY(parse_literal(parser, node));
        break;
    case RIACHO_WORD_NAME:
        RIACHO_TRY(parse_name(parser, node));
        break;
    case RIACHO_WORD_NOT:
    case RIACHO_WORD_MINUS:
        RIACHO_TRY(parse_prefix(parser, node));
        break;
    case RIACHO_WORD_LEFT_PAREN:
        RIACHO_TRY(advance(parser));
        RIACHO_TRY(parse_at(parser, POWER_CHOICE, &node));
        RIACHO_TRY(expect(parser, RIACHO_WORD_RIGHT_PAREN, "')'"));
        break;
    case RIACHO_WORD_LEFT_BRACKET:
        return riacho_expr_refuse(parser->lexer.issue, parser->token.span,
                                  "a list stands only behind 'in': x in [1, 2]");
    default:
        return unexpected(parser, "a value");
    }
    *ret_node = node;
    return finish(parser, node, start);
}

/* .name and [index], as many as there are. */
static riacho_status parse_postfix(parse_state *parser, size_t start, riacho_expr_node **node)
{
    while (parser->token.word == RIACHO_WORD_DOT ||
           parser->token.word == RIACHO_WORD_LEFT_BRACKET) {
        riacho_expr_node *outer, *index = NULL;
        const bool dot = parser->token.word == RIACHO_WORD_DOT;
        RIACHO_TRY(advance(parser));
        outer = make(parser, dot ? RIACHO_FORM_FIELD : RIACHO_FORM_INDEX);
        if (dot) {
            RIACHO_TRY(expect(parser, RIACHO_WORD_NAME, "a field's name"));
        } else {
            RIACHO_TRY(parse_at(parser, POWER_CHOICE, &index));
            RIACHO_TRY(expect(parser, RIACHO_WORD_RIGHT_BRACKET, "']'"));
        }
        riacho_expr_adopt(outer, *node);
        if (index)
            riacho_expr_adopt(outer, index);
        RIACHO_TRY(finish(parser, outer, start));
        *node = outer;
    }
    return RIACHO_OK;
}

/* Behind an operator that was just used. */
static riacho_status parse_infix(parse_state *parser, power strength, riacho_expr_node *left,
                                 riacho_expr_node *node)
{
    riacho_expr_node *right;
    if (node->form == RIACHO_FORM_IN) {
        if (parser->token.word != RIACHO_WORD_LEFT_BRACKET)
            return riacho_expr_refuse(parser->lexer.issue, parser->token.span,
                                      "'in' needs a list such as [\"A\", \"B\"]; to look into an "
                                      "array write contains(array, x)");
        RIACHO_TRY(advance(parser));
        riacho_expr_node list = {.depth = 1};
        RIACHO_TRY(parse_list(parser, RIACHO_WORD_RIGHT_BRACKET, "',' or ']'", &list));
        riacho_expr_adopt(node, left);
        left->next = list.child;
        node->child_count += list.child_count;
        if (node->depth < list.depth)
            node->depth = list.depth;
        return RIACHO_OK;
    }
    RIACHO_TRY(
        parse_at(parser, node->form == RIACHO_FORM_CHOICE ? POWER_CHOICE : strength + 1, &right));
    riacho_expr_adopt(node, left);
    riacho_expr_adopt(node, right);
    if (node->form != RIACHO_FORM_CHOICE)
        return RIACHO_OK;
    RIACHO_TRY(expect(parser, RIACHO_WORD_COLON, "':'"));
    RIACHO_TRY(parse_at(parser, POWER_CHOICE, &right));
    riacho_expr_adopt(node, right);
    return RIACHO_OK;
}

static riacho_expr_form form_of(riacho_expr_word word)
{
    switch (word) {
    case RIACHO_WORD_QUESTION:
        return RIACHO_FORM_CHOICE;
    case RIACHO_WORD_IN:
        return RIACHO_FORM_IN;
    case RIACHO_WORD_AND:
    case RIACHO_WORD_OR:
    case RIACHO_WORD_COALESCE:
        return RIACHO_FORM_CHAIN;
    default:
        return RIACHO_FORM_BINARY;
    }
}

/* One more operand of a chain that is already there: a && b, and now && c. */
static riacho_status extend(parse_state *parser, power strength, riacho_expr_node *chain)
{
    riacho_expr_node *right;
    RIACHO_TRY(advance(parser));
    RIACHO_TRY(parse_at(parser, strength + 1, &right));
    riacho_expr_adopt(chain, right);
    return RIACHO_OK;
}

static riacho_status parse_operators(parse_state *parser, power least, size_t start,
                                     riacho_expr_node **left)
{
    power before = POWER_NONE;
    for (power now = power_of(parser->token.word); now >= least && now != POWER_NONE;
         now = power_of(parser->token.word)) {
        riacho_expr_node *node = make(parser, form_of(parser->token.word));
        const bool comparison = now == POWER_EQUALITY || now == POWER_ORDER;
        if (comparison && before == now)
            return riacho_expr_refuse(parser->lexer.issue, parser->token.span,
                                      "comparisons cannot be chained: join them with &&, or use "
                                      "brackets");
        if (before == now && node->form == RIACHO_FORM_CHAIN) {
            node = *left;
            RIACHO_TRY(extend(parser, now, node));
        } else {
            RIACHO_TRY(advance(parser));
            RIACHO_TRY(parse_infix(parser, now, *left, node));
        }
        RIACHO_TRY(finish(parser, node, start));
        *left = node;
        before = now;
    }
    return RIACHO_OK;
}

static riacho_status parse_at(parse_state *parser, power least, riacho_expr_node **ret_node)
{
    const size_t start = parser->token.span.offset;
    riacho_expr_node *node;
    if (++parser->depth > RIACHO_EXPRESSION_DEPTH_MAX)
        return riacho_expr_refuse(parser->lexer.issue, parser->token.span,
                                  "more than %d brackets or operators inside each other: split "
                                  "the expression",
                                  RIACHO_EXPRESSION_DEPTH_MAX);
    RIACHO_TRY(parse_operand(parser, &node));
    RIACHO_TRY(parse_postfix(parser, start, &node));
    if (least < POWER_PREFIX)
        RIACHO_TRY(parse_operators(parser, least, start, &node));
    parser->depth--;
    *ret_node = node;
    return RIACHO_OK;
}

riacho_status riacho_expr_parse(riacho_bytes text, riacho_arena *arena, riacho_expr_node **ret_node,
                                riacho_expr_issue *issue)
{
    parse_state parser = {.lexer = {.text = text, .arena = arena, .issue = issue}};
    riacho_expr_node *node;
    if (text.size > RIACHO_EXPRESSION_BYTES_MAX)
        return riacho_expr_refuse(issue, (riacho_expr_span){RIACHO_EXPRESSION_BYTES_MAX, 1},
                                  "an expression of %zu bytes; at most %d are allowed", text.size,
                                  RIACHO_EXPRESSION_BYTES_MAX);
    if (!riacho_utf8_valid(text))
        return riacho_expr_refuse(issue, (riacho_expr_span){0, text.size},
                                  "the expression is not UTF-8");
    RIACHO_TRY(advance(&parser));
    if (parser.token.word == RIACHO_WORD_END)
        return riacho_expr_refuse(issue, (riacho_expr_span){0, text.size},
                                  "the expression is empty");
    RIACHO_TRY(parse_at(&parser, POWER_CHOICE, &node));
    if (parser.token.word != RIACHO_WORD_END)
        return unexpected(&parser, "an operator or the end");
    *ret_node = node;
    return RIACHO_OK;
}
