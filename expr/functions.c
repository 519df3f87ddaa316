/* SPDX-License-Identifier: MIT
 *
 * functions.c - the functions of the language: how many arguments each takes, which types, and the
 * code it becomes. A null argument gives null.
 */
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "check.h"

typedef struct language_function {
    const char *name;
    const char *usage;
    uint32_t least;
    uint32_t most;
    riacho_status (*check)(riacho_expr_checker *checker, riacho_expr_node *call,
                           const struct language_function *function);
    riacho_expr_code code; /* for those that take texts only */
} language_function;

static riacho_status refuse_argument(const riacho_expr_checker *checker,
                                     const riacho_expr_node *argument, const char *needed)
{
    char word[RIACHO_EXPR_TYPE_TEXT_MAX];
    riacho_expr_describe(argument->type, word);
    return riacho_expr_refuse(checker->issue, argument->span, "'%.*s' is of type %s where %s",
                              riacho_expr_shown(argument),
                              (const char *)checker->text.data + argument->span.offset, word,
                              needed);
}

static riacho_status become(riacho_expr_node *call, riacho_expr_code code, const riacho_type *type)
{
    call->code = (uint8_t)code;
    call->type = type;
    return RIACHO_OK;
}

static bool is_text(const riacho_expr_node *argument)
{
    return argument->type->kind == RIACHO_STRING;
}

static bool is_bytes(const riacho_expr_node *argument)
{
    return argument->type->kind == RIACHO_BYTES || argument->type->kind == RIACHO_FIXED;
}

static riacho_status all_texts(const riacho_expr_checker *checker, const riacho_expr_node *call)
{
    for (const riacho_expr_node *argument = call->child; argument; argument = argument->next) {
        if (!is_text(argument))
            return refuse_argument(checker, argument, "a string is needed");
    }
    return RIACHO_OK;
}

/* lower upper trim: text to text. */
static riacho_status check_text(riacho_expr_checker *checker, riacho_expr_node *call,
                                const language_function *function)
{
    RIACHO_TRY(all_texts(checker, call));
    return become(call, function->code, &riacho_type_string);
}

/* startsWith endsWith: two texts to boolean. */
static riacho_status check_texts(riacho_expr_checker *checker, riacho_expr_node *call,
                                 const language_function *function)
{
    RIACHO_TRY(all_texts(checker, call));
    return become(call, function->code, &riacho_type_boolean);
}

static riacho_status check_size(riacho_expr_checker *checker, riacho_expr_node *call,
                                const language_function *function)
{
    (void)function;
    const riacho_expr_node *argument = call->child;
    if (is_text(argument))
        return become(call, RIACHO_CODE_SIZE_TEXT, &riacho_type_long);
    if (is_bytes(argument))
        return become(call, RIACHO_CODE_SIZE_BYTES, &riacho_type_long);
    if (argument->type->kind == RIACHO_ARRAY || argument->type->kind == RIACHO_MAP)
        return become(call, RIACHO_CODE_SIZE_ARRAY, &riacho_type_long);
    return refuse_argument(checker, argument, "a string, bytes, an array or a map is needed");
}

/* An item of an array; whole numbers are compared as long, others as double. */
static riacho_status check_item(riacho_expr_checker *checker, riacho_expr_node *call)
{
    const riacho_expr_node *array = call->child;
    riacho_expr_node *item = array->next;
    const riacho_type *type = riacho_expr_plain(array->type->item);
    if (riacho_expr_is_number(type))
        type = riacho_expr_is_whole(type) ? &riacho_type_long : &riacho_type_double;
    else if (type->kind == RIACHO_FIXED || type->kind > RIACHO_FIXED || type->kind == RIACHO_NULL)
        return refuse_argument(checker, array, "an array of simple values is needed");
    if (riacho_expr_is_null(item->type))
        return refuse_argument(checker, item, "a value is needed");
    RIACHO_TRY(riacho_expr_convert(checker, item, type));
    call->argument_type = array->type;
    return become(call, RIACHO_CODE_CONTAINS_ITEM, &riacho_type_boolean);
}

static riacho_status check_contains(riacho_expr_checker *checker, riacho_expr_node *call,
                                    const language_function *function)
{
    (void)function;
    const riacho_expr_node *whole = call->child;
    if (whole->type->kind == RIACHO_ARRAY)
        return check_item(checker, call);
    if (whole->type->kind != RIACHO_MAP && !is_text(whole))
        return refuse_argument(checker, whole, "a string, an array or a map is needed");
    if (!is_text(whole->next))
        return refuse_argument(checker, whole->next, "a string is needed");
    if (whole->type->kind == RIACHO_MAP) {
        call->argument_type = whole->type;
        return become(call, RIACHO_CODE_CONTAINS_KEY, &riacho_type_boolean);
    }
    return become(call, RIACHO_CODE_CONTAINS_TEXT, &riacho_type_boolean);
}

static riacho_status check_abs(riacho_expr_checker *checker, riacho_expr_node *call,
                               const language_function *function)
{
    (void)function;
    switch (call->child->type->kind) {
    case RIACHO_INT:
        return become(call, RIACHO_CODE_ABS_INT, &riacho_type_int);
    case RIACHO_LONG:
        return become(call, RIACHO_CODE_ABS_LONG, &riacho_type_long);
    case RIACHO_FLOAT:
    case RIACHO_DOUBLE:
        return become(call, RIACHO_CODE_ABS_DOUBLE, call->child->type);
    default:
        return refuse_argument(checker, call->child, "a number is needed");
    }
}

/* min max: function->code is the one of longs. */
static riacho_status check_extreme(riacho_expr_checker *checker, riacho_expr_node *call,
                                   const language_function *function)
{
    const riacho_type *type;
    for (const riacho_expr_node *argument = call->child; argument; argument = argument->next) {
        if (!is_text(argument) && !riacho_expr_is_number(argument->type))
            return refuse_argument(checker, argument, "a number or a string is needed");
    }
    RIACHO_TRY(riacho_expr_unite(checker, call, call->child, &type));
    const riacho_expr_class class = type->kind == RIACHO_STRING  ? RIACHO_CLASS_BYTES
                                    : riacho_expr_is_whole(type) ? RIACHO_CLASS_LONG
                                                                 : RIACHO_CLASS_DOUBLE;
    return become(call, (riacho_expr_code)((unsigned)function->code + (unsigned)class), type);
}

static riacho_status check_whole(riacho_expr_checker *checker, riacho_expr_node *call,
                                 const riacho_type *type)
{
    riacho_expr_node *argument = call->child;
    if (is_text(argument))
        RIACHO_TRY(
            riacho_expr_wrap(checker, argument, RIACHO_CODE_TEXT_TO_LONG, &riacho_type_long));
    else if (argument->type->kind == RIACHO_DOUBLE || argument->type->kind == RIACHO_FLOAT)
        RIACHO_TRY(
            riacho_expr_wrap(checker, argument, RIACHO_CODE_DOUBLE_TO_LONG, &riacho_type_long));
    else if (!riacho_expr_is_whole(argument->type))
        return refuse_argument(checker, argument, "a number or a string is needed");
    const bool narrows = type->kind == RIACHO_INT && argument->type->kind == RIACHO_LONG;
    return become(call, narrows ? RIACHO_CODE_LONG_TO_INT : RIACHO_CODE_NONE, type);
}

static riacho_status check_int(riacho_expr_checker *checker, riacho_expr_node *call,
                               const language_function *function)
{
    (void)function;
    return check_whole(checker, call, &riacho_type_int);
}

static riacho_status check_long(riacho_expr_checker *checker, riacho_expr_node *call,
                                const language_function *function)
{
    (void)function;
    return check_whole(checker, call, &riacho_type_long);
}

static riacho_status check_double(riacho_expr_checker *checker, riacho_expr_node *call,
                                  const language_function *function)
{
    (void)function;
    if (is_text(call->child))
        return become(call, RIACHO_CODE_TEXT_TO_DOUBLE, &riacho_type_double);
    if (riacho_expr_is_whole(call->child->type))
        return become(call, RIACHO_CODE_LONG_TO_DOUBLE, &riacho_type_double);
    if (riacho_expr_is_number(call->child->type))
        return become(call, RIACHO_CODE_NONE, &riacho_type_double);
    return refuse_argument(checker, call->child, "a number or a string is needed");
}

static riacho_status check_float(riacho_expr_checker *checker, riacho_expr_node *call,
                                 const language_function *function)
{
    riacho_expr_node *argument = call->child;
    if (argument->type->kind != RIACHO_DOUBLE && argument->type->kind != RIACHO_FLOAT) {
        RIACHO_TRY(check_double(checker, call, function));
        RIACHO_TRY(riacho_expr_wrap(checker, argument, call->code, &riacho_type_double));
    }
    return become(call, RIACHO_CODE_DOUBLE_TO_FLOAT, &riacho_type_float);
}

static riacho_status check_string(riacho_expr_checker *checker, riacho_expr_node *call,
                                  const language_function *function)
{
    (void)function;
    switch (call->child->type->kind) {
    case RIACHO_STRING:
        return become(call, RIACHO_CODE_NONE, &riacho_type_string);
    case RIACHO_BOOLEAN:
        return become(call, RIACHO_CODE_BOOLEAN_TO_TEXT, &riacho_type_string);
    case RIACHO_INT:
    case RIACHO_LONG:
        return become(call, RIACHO_CODE_LONG_TO_TEXT, &riacho_type_string);
    case RIACHO_FLOAT:
        return become(call, RIACHO_CODE_FLOAT_TO_TEXT, &riacho_type_string);
    case RIACHO_DOUBLE:
        return become(call, RIACHO_CODE_DOUBLE_TO_TEXT, &riacho_type_string);
    case RIACHO_ENUM:
        call->argument_type = call->child->type;
        return become(call, RIACHO_CODE_ENUM_TO_TEXT, &riacho_type_string);
    default:
        return refuse_argument(checker, call->child,
                               "a boolean, a number, an enum or a string is needed");
    }
}

static riacho_status check_hash(riacho_expr_checker *checker, riacho_expr_node *call,
                                const language_function *function)
{
    (void)function;
    riacho_expr_node *argument = call->child;
    if (argument->type->kind == RIACHO_ENUM) /* symbols may get other places in a new schema */
        RIACHO_TRY(
            riacho_expr_wrap(checker, argument, RIACHO_CODE_ENUM_TO_TEXT, &riacho_type_string));
    if (is_text(argument) || is_bytes(argument))
        return become(call, RIACHO_CODE_HASH_BYTES, &riacho_type_long);
    if (riacho_expr_is_whole(argument->type))
        return become(call, RIACHO_CODE_HASH_LONG, &riacho_type_long);
    return refuse_argument(checker, argument,
                           "a string, bytes, an enum or a whole number is needed");
}

enum { ARGUMENTS_MAX = 64 };

static const language_function functions[] = {
    {"size", "size(x)", 1, 1, check_size, RIACHO_CODE_NONE},
    {"contains", "contains(x, part)", 2, 2, check_contains, RIACHO_CODE_NONE},
    {"startsWith", "startsWith(text, start)", 2, 2, check_texts, RIACHO_CODE_STARTS},
    {"endsWith", "endsWith(text, end)", 2, 2, check_texts, RIACHO_CODE_ENDS},
    {"lower", "lower(text)", 1, 1, check_text, RIACHO_CODE_LOWER},
    {"upper", "upper(text)", 1, 1, check_text, RIACHO_CODE_UPPER},
    {"trim", "trim(text)", 1, 1, check_text, RIACHO_CODE_TRIM},
    {"abs", "abs(number)", 1, 1, check_abs, RIACHO_CODE_NONE},
    {"min", "min(a, b, ...)", 2, ARGUMENTS_MAX, check_extreme, RIACHO_CODE_MIN_LONG},
    {"max", "max(a, b, ...)", 2, ARGUMENTS_MAX, check_extreme, RIACHO_CODE_MAX_LONG},
    {"int", "int(x)", 1, 1, check_int, RIACHO_CODE_NONE},
    {"long", "long(x)", 1, 1, check_long, RIACHO_CODE_NONE},
    {"float", "float(x)", 1, 1, check_float, RIACHO_CODE_NONE},
    {"double", "double(x)", 1, 1, check_double, RIACHO_CODE_NONE},
    {"string", "string(x)", 1, 1, check_string, RIACHO_CODE_NONE},
    {"hash", "hash(x)", 1, 1, check_hash, RIACHO_CODE_NONE},
};

enum { FUNCTION_COUNT = sizeof functions / sizeof *functions };

static const language_function *find(riacho_bytes name)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (riacho_bytes_equal(name, riacho_text(functions[i].name)))
            return &functions[i];
    }
    return NULL;
}

bool riacho_expr_is_function(riacho_bytes name)
{
    return find(name) != NULL;
}

static riacho_status refuse_name(const riacho_expr_checker *checker, const riacho_expr_node *call)
{
    const char *names[FUNCTION_COUNT];
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        names[i] = functions[i].name;
    const char *meant = riacho_suggest(call->text, names, FUNCTION_COUNT);
    return riacho_expr_refuse(checker->issue, call->mark, "there is no function '%.*s'%s%s%s",
                              (int)(call->text.size > 60 ? 60 : call->text.size),
                              (const char *)call->text.data, meant ? "; did you mean '" : "",
                              meant ? meant : "", meant ? "'?" : "");
}

riacho_status riacho_expr_check_call(riacho_expr_checker *checker, riacho_expr_node *call)
{
    const language_function *function = find(call->text);
    if (!function)
        return refuse_name(checker, call);
    if (call->child_count < function->least || call->child_count > function->most)
        return riacho_expr_refuse(checker->issue, call->span, "'%s' takes %s: write %s",
                                  function->name,
                                  function->most == 1   ? "one argument"
                                  : function->most == 2 ? "two arguments"
                                                        : "from 2 to 64 arguments",
                                  function->usage);
    for (const riacho_expr_node *argument = call->child; argument; argument = argument->next) {
        if (riacho_expr_is_null(argument->type))
            return refuse_argument(checker, argument, "a value is needed");
        call->nullable |= argument->nullable;
    }
    return function->check(checker, call, function);
}
