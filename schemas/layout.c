/* SPDX-License-Identifier: MIT
 *
 * layout.c - see layout.h. Pure; any thread.
 */
#include "layout.h"

#include <string.h>

#include "base/limits.h"
#include "base/macros.h"

static uint32_t align_up(uint32_t size, uint32_t align)
{
    return (size + align - 1) / align * align;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Every size is checked before it takes part in another sum, so none of these can overflow. */
static riacho_status check_size(const riacho_type *type, uint32_t size, riacho_error *err)
{
    if (size > RIACHO_VALUE_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "%s takes more than %d bytes in memory", type->name,
                           RIACHO_VALUE_BYTES_MAX);
    return RIACHO_OK;
}

static riacho_status set_record(riacho_type *type, riacho_field *fields, riacho_error *err)
{
    uint32_t size = 0, align = 1;
    for (uint32_t i = 0; i < type->field_count; i++) {
        const riacho_type *part = fields[i].type;
        fields[i].offset = align_up(size, part->align);
        size = fields[i].offset + part->size;
        align = larger(align, part->align);
        RIACHO_TRY(check_size(type, size, err));
    }
    /* C has no struct of nothing: one byte keeps it apart from its neighbours. */
    type->size = align_up(larger(size, 1), align);
    type->align = align;
    return RIACHO_OK;
}

static void set_union(riacho_type *type)
{
    uint32_t size = 0, align = 1;
    for (uint32_t i = 0; i < type->branch_count; i++) {
        size = larger(size, type->branches[i]->size);
        align = larger(align, type->branches[i]->align);
    }
    type->value_offset = align_up(sizeof(int32_t), align);
    type->align = larger(align, _Alignof(int32_t));
    type->size = align_up(type->value_offset + size, type->align);
}

static void set_map(riacho_type *type)
{
    const uint32_t align = larger(_Alignof(riacho_bytes), type->item->align);
    type->value_offset = align_up(sizeof(riacho_bytes), type->item->align);
    type->entry_size = align_up(type->value_offset + type->item->size, align);
}

/* FNV-1a: stable over versions and machines, because generated headers carry the result. */
static void mix(uint64_t *hash, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
}

static void mix_number(uint64_t *hash, uint64_t number)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
    mix(hash, bytes, sizeof bytes);
}

static void mix_text(uint64_t *hash, const char *text)
{
    mix(hash, text, strlen(text) + 1);
}

static uint64_t hash_of(const riacho_type *type)
{
    uint64_t hash = 0xcbf29ce484222325u;
    const uint64_t numbers[] = {type->kind,         type->logical,    type->size,  type->align,
                                type->fixed_size,   type->precision,  type->scale, type->entry_size,
                                type->value_offset, type->null_branch};
    mix_text(&hash, type->name);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        mix_number(&hash, numbers[i]);
    for (uint32_t i = 0; i < type->field_count; i++) {
        mix_text(&hash, type->fields[i].name);
        mix_number(&hash, type->fields[i].offset);
        mix_number(&hash, type->fields[i].type->hash);
    }
    for (uint32_t i = 0; i < type->symbol_count; i++)
        mix_text(&hash, type->symbols[i]);
    for (uint32_t i = 0; i < type->branch_count; i++)
        mix_number(&hash, type->branches[i]->hash);
    if (type->item)
        mix_number(&hash, type->item->hash);
    return hash;
}

static void set_simple(riacho_type *type, size_t size, size_t align)
{
    type->size = (uint32_t)size;
    type->align = (uint32_t)align;
}

riacho_status riacho_layout_set(riacho_type *type, riacho_field *fields, riacho_error *err)
{
    switch (type->kind) {
    case RIACHO_RECORD:
        RIACHO_TRY(set_record(type, fields, err));
        break;
    case RIACHO_ENUM:
        set_simple(type, sizeof(int32_t), _Alignof(int32_t));
        break;
    case RIACHO_FIXED:
        set_simple(type, type->fixed_size, 1);
        break;
    case RIACHO_MAP:
        set_map(type);
        set_simple(type, sizeof(riacho_array), _Alignof(riacho_array));
        break;
    case RIACHO_ARRAY:
        set_simple(type, sizeof(riacho_array), _Alignof(riacho_array));
        break;
    case RIACHO_OPTIONAL:
        if (riacho_layout_inline_optional(type->item))
            set_simple(type, sizeof(riacho_bytes), _Alignof(riacho_bytes));
        else
            set_simple(type, sizeof(void *), _Alignof(void *));
        break;
    case RIACHO_UNION:
        set_union(type);
        break;
    default: /* the plain kinds come with their layout; only a decimal over bytes adds to it */
        break;
    }
    RIACHO_TRY(check_size(type, type->size, err));
    RIACHO_TRY(check_size(type, type->entry_size, err));
    type->hash = hash_of(type);
    return RIACHO_OK;
}
