/* SPDX-License-Identifier: MIT
 *
 * convert.c - keys and values into other types, where nothing is lost.
 *
 *   same type            as it is (avro:Pet to json:Pet is only another writing)
 *   number -> number     when the other type holds exactly that number
 *   number -> string     the shortest decimal text that reads back as the same number
 *   string -> number     the whole text is one number that fits
 *   boolean <-> string   "true", "false"
 *   string -> bytes      always; bytes -> string when they are UTF-8
 *   uuid -> string       always; string -> uuid when it is 8-4-4-4-12 hexadecimal digits
 *   enum -> string       the symbol; string -> enum when it is one of the symbols
 *
 * A value that cannot be converted is a REJECT of that record; a pair of types that is not in the
 * list is refused when the chain is made.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "chain.h"
#include "scope.h"

typedef riacho_status (*converter)(const riacho_type *from, const riacho_type *to,
                                   riacho_arena *arena, const void *value, void *ret_value,
                                   riacho_error *err);

typedef struct convert_part {
    converter call; /* NULL: as it is */
    riacho_result result;
} convert_part;

typedef struct convert_operator {
    riacho_operator base;
    convert_part key;
    convert_part value;
} convert_operator;

/* ---- numbers --------------------------------------------------------------------------------- */

static bool is_whole(const riacho_type *type)
{
    return type->kind == RIACHO_INT || type->kind == RIACHO_LONG;
}

static bool is_number(const riacho_type *type)
{
    return is_whole(type) || type->kind == RIACHO_FLOAT || type->kind == RIACHO_DOUBLE;
}

static int64_t whole(const riacho_type *type, const void *value)
{
    return type->kind == RIACHO_INT ? *(const int32_t *)value : *(const int64_t *)value;
}

static double real(const riacho_type *type, const void *value)
{
    return type->kind == RIACHO_FLOAT ? (double)*(const float *)value : *(const double *)value;
}

static bool fits_long(double number)
{
    return number >= -0x1p63 && number < 0x1p63;
}

/* False when the type does not hold exactly this number. */
static bool put_whole(const riacho_type *to, int64_t number, void *ret_value)
{
    switch (to->kind) {
    case RIACHO_INT:
        *(int32_t *)ret_value = (int32_t)number;
        return number >= INT32_MIN && number <= INT32_MAX;
    case RIACHO_LONG:
        *(int64_t *)ret_value = number;
        return true;
    case RIACHO_FLOAT:
        *(float *)ret_value = (float)number;
        return fits_long((double)(float)number) && (int64_t)(float)number == number;
    default:
        *(double *)ret_value = (double)number;
        return fits_long((double)number) && (int64_t)(double)number == number;
    }
}

static bool put_real(const riacho_type *to, double number, void *ret_value)
{
    if (to->kind == RIACHO_DOUBLE) {
        *(double *)ret_value = number;
        return true;
    }
    if (to->kind == RIACHO_FLOAT) {
        const bool in_range = !isfinite(number) || fabs(number) <= (double)FLT_MAX;
        *(float *)ret_value = in_range ? (float)number : 0;
        return isnan(number) || (double)*(float *)ret_value == number;
    }
    return fits_long(number) && number == trunc(number) &&
           put_whole(to, (int64_t)number, ret_value);
}

static const char *number_text(const riacho_type *type, const void *value, riacho_arena *arena);

static riacho_status number_to_number(const riacho_type *from, const riacho_type *to,
                                      riacho_arena *arena, const void *value, void *ret_value,
                                      riacho_error *err)
{
    const bool exact = is_whole(from) ? put_whole(to, whole(from, value), ret_value)
                                      : put_real(to, real(from, value), ret_value);
    if (!exact)
        return riacho_fail(err, RIACHO_REJECT, "%s has no exact %s",
                           number_text(from, value, arena), to->name);
    return RIACHO_OK;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* With the fewest digits that read back as the same number. */
static const char *real_text(const riacho_type *type, double number, riacho_arena *arena)
{
    const bool is_float = type->kind == RIACHO_FLOAT;
    const int digits_max = is_float ? 9 : 17;
    for (int digits = is_float ? 6 : 15; digits < digits_max; digits++) {
        char *text = riacho_format(arena, "%.*g", digits, number);
        if (is_float ? strtof(text, NULL) == (float)number : strtod(text, NULL) == number)
            return text;
    }
    return riacho_format(arena, "%.*g", digits_max, number);
}

static const char *number_text(const riacho_type *type, const void *value, riacho_arena *arena)
{
    return is_whole(type) ? riacho_format(arena, "%" PRId64, whole(type, value))
                          : real_text(type, real(type, value), arena);
}

static riacho_status to_text(const riacho_type *from, const riacho_type *to, riacho_arena *arena,
                             const void *value, void *ret_value, riacho_error *err)
{
    (void)to, (void)err;
    const char *text = from->kind == RIACHO_BOOLEAN ? *(const bool *)value ? "true" : "false"
                                                    : number_text(from, value, arena);
    *(riacho_bytes *)ret_value = riacho_text(text);
    return RIACHO_OK;
}

/* A C function may have left any number in an enum. */
static riacho_status enum_to_text(const riacho_type *from, const riacho_type *to,
                                  riacho_arena *arena, const void *value, void *ret_value,
                                  riacho_error *err)
{
    (void)to, (void)arena;
    const int32_t symbol = *(const int32_t *)value;
    if (symbol < 0 || (uint32_t)symbol >= from->symbol_count)
        return riacho_fail(err, RIACHO_REJECT, "%s has no symbol %d", from->name, symbol);
    *(riacho_bytes *)ret_value = riacho_text(from->symbols[symbol]);
    return RIACHO_OK;
}

static riacho_status unreadable(const riacho_type *to, riacho_bytes text, riacho_error *err)
{
    return riacho_fail(err, RIACHO_REJECT, "'%.*s' is no %s", text.size < 64 ? (int)text.size : 64,
                       (const char *)text.data, to->name);
}

static riacho_status text_to_whole(const riacho_type *from, const riacho_type *to,
                                   riacho_arena *arena, const void *value, void *ret_value,
                                   riacho_error *err)
{
    (void)from, (void)arena;
    const riacho_bytes text = *(const riacho_bytes *)value;
    const bool small = to->kind == RIACHO_INT;
    int64_t number;
    if (riacho_int_parse(text, small ? INT32_MIN : INT64_MIN, small ? INT32_MAX : INT64_MAX,
                         &number, NULL) != RIACHO_OK)
        return unreadable(to, text, err);
    if (small)
        *(int32_t *)ret_value = (int32_t)number;
    else
        *(int64_t *)ret_value = number;
    return RIACHO_OK;
}

static bool starts_a_number(riacho_bytes text)
{
    const char *at = text.data;
    const size_t sign = text.size && (*at == '-' || *at == '+');
    return text.size > sign && ((at[sign] >= '0' && at[sign] <= '9') || at[sign] == '.');
}

static riacho_status text_to_floating(const riacho_type *from, const riacho_type *to,
                                      riacho_arena *arena, const void *value, void *ret_value,
                                      riacho_error *err)
{
    (void)from;
    const riacho_bytes text = *(const riacho_bytes *)value;
    if (!starts_a_number(text) || memchr(text.data, 'x', text.size))
        return unreadable(to, text, err);
    const riacho_bytes copy = riacho_copy(arena, text); /* terminated */
    const char *begin = copy.data;
    char *end;
    const double number =
        to->kind == RIACHO_FLOAT ? (double)strtof(begin, &end) : strtod(begin, &end);
    if (end != begin + copy.size || !isfinite(number))
        return unreadable(to, text, err);
    if (to->kind == RIACHO_FLOAT)
        *(float *)ret_value = (float)number;
    else
        *(double *)ret_value = number;
    return RIACHO_OK;
}

static riacho_status text_to_boolean(const riacho_type *from, const riacho_type *to,
                                     riacho_arena *arena, const void *value, void *ret_value,
                                     riacho_error *err)
{
    (void)from, (void)arena;
    const riacho_bytes text = *(const riacho_bytes *)value;
    const bool yes = riacho_bytes_equal(text, riacho_text("true"));
    if (!yes && !riacho_bytes_equal(text, riacho_text("false")))
        return unreadable(to, text, err);
    *(bool *)ret_value = yes;
    return RIACHO_OK;
}

static riacho_status text_to_enum(const riacho_type *from, const riacho_type *to,
                                  riacho_arena *arena, const void *value, void *ret_value,
                                  riacho_error *err)
{
    (void)from, (void)arena;
    const riacho_bytes text = *(const riacho_bytes *)value;
    const int32_t symbol = riacho_type_symbol(to, text);
    if (symbol < 0)
        return unreadable(to, text, err);
    *(int32_t *)ret_value = symbol;
    return RIACHO_OK;
}

static bool is_uuid(riacho_bytes text)
{
    const char *at = text.data;
    if (text.size != 36)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = (at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f') ||
                         (at[i] >= 'A' && at[i] <= 'F');
        if (dash ? at[i] != '-' : !hex)
            return false;
    }
    return true;
}

/* Among string, uuid and bytes, which have one layout. */
static riacho_status text_to_text(const riacho_type *from, const riacho_type *to,
                                  riacho_arena *arena, const void *value, void *ret_value,
                                  riacho_error *err)
{
    (void)arena;
    const riacho_bytes text = *(const riacho_bytes *)value;
    if (to->logical == RIACHO_UUID && !is_uuid(text))
        return unreadable(to, text, err);
    if (from->kind == RIACHO_BYTES && to->kind == RIACHO_STRING && !riacho_utf8_valid(text))
        return riacho_fail(err, RIACHO_REJECT, "the bytes are not UTF-8");
    *(riacho_bytes *)ret_value = text;
    return RIACHO_OK;
}

/* ---- choosing -------------------------------------------------------------------------------- */

static bool is_text(const riacho_type *type)
{
    return (type->kind == RIACHO_STRING || type->kind == RIACHO_BYTES) &&
           type->logical != RIACHO_DECIMAL;
}

static converter from_text(const riacho_type *to)
{
    switch (to->kind) {
    case RIACHO_INT:
    case RIACHO_LONG:
        return text_to_whole;
    case RIACHO_FLOAT:
    case RIACHO_DOUBLE:
        return text_to_floating;
    case RIACHO_BOOLEAN:
        return text_to_boolean;
    case RIACHO_ENUM:
        return text_to_enum;
    default:
        return NULL;
    }
}

static converter choose(const riacho_type *from, const riacho_type *to)
{
    if (is_text(from) && is_text(to))
        return text_to_text;
    if (from->kind == RIACHO_STRING)
        return from_text(to);
    if (to->kind == RIACHO_STRING && to->logical == RIACHO_PLAIN && from->kind == RIACHO_ENUM)
        return enum_to_text;
    if (to->kind == RIACHO_STRING && to->logical == RIACHO_PLAIN &&
        (is_number(from) || from->kind == RIACHO_BOOLEAN))
        return to_text;
    return is_number(from) && is_number(to) ? number_to_number : NULL;
}

static riacho_status init_part(convert_part *part, riacho_operator *self, const riacho_data *from,
                               const riacho_data *to, riacho_error *err)
{
    if (riacho_type_equal(from->codec->type, to->codec->type))
        return RIACHO_OK;
    part->call = choose(from->codec->type, to->codec->type);
    if (!part->call)
        return riacho_fail(err, RIACHO_REJECT,
                           "there is no conversion of %s to %s that loses "
                           "nothing",
                           from->word, to->word);
    riacho_result_init(&part->result, self, to);
    return RIACHO_OK;
}

static riacho_status convert_init(riacho_operator *self, riacho_error *err)
{
    convert_operator *convert = (convert_operator *)self;
    const riacho_node *node = self->node;
    RIACHO_TRY(init_part(&convert->key, self, &node->in_key, &node->key, err));
    return init_part(&convert->value, self, &node->in_value, &node->value, err);
}

/* Null stays null. */
static riacho_status convert_part_of(const convert_part *part, riacho_operator *self,
                                     const riacho_data *from, const riacho_data *to,
                                     const void **value)
{
    if (!part->call || !*value)
        return RIACHO_OK;
    RIACHO_TRY(part->call(from->codec->type, to->codec->type, self->chain->batch, *value,
                          part->result.memory, self->chain->error));
    *value = part->result.memory;
    return RIACHO_OK;
}

static riacho_status convert(riacho_operator *self, const riacho_flow *flow)
{
    const convert_operator *by = (const convert_operator *)self;
    const riacho_node *node = self->node;
    riacho_flow converted = {.record = flow->record};
    RIACHO_TRY(convert_part_of(&by->key, self, &node->in_key, &node->key, &converted.record.key));
    RIACHO_TRY(
        convert_part_of(&by->value, self, &node->in_value, &node->value, &converted.record.value));
    return riacho_push_all(self, &converted);
}

const riacho_operator_ops riacho_convert_ops = {
    .name = "convert",
    .size = sizeof(convert_operator),
    .init = convert_init,
    .process = convert,
};
