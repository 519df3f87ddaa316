/* SPDX-License-Identifier: MIT
 *
 * print.c - a type as schema text: the canonical form that ids stand for.
 *
 * The order of attributes and the choice of what is written are part of the ids file's meaning:
 * changing them gives every schema a new id, so they do not change.
 */
#include <string.h>

#include "base/map.h"
#include "riacho/codec.h"
#include "schema.h"

struct printer {
    riacho_buffer *out;
    riacho_map defined; /* full names that were written already */
};

static void print(struct printer *printer, const riacho_type *type);

static void print_texts(struct printer *printer, const char *what, const char *const *texts,
                        uint32_t count)
{
    if (!count)
        return;
    riacho_buffer_printf(printer->out, ",\"%s\":[", what);
    for (uint32_t i = 0; i < count; i++)
        riacho_buffer_printf(printer->out, "%s\"%s\"", i ? "," : "", texts[i]);
    riacho_buffer_printf(printer->out, "]");
}

static void print_fields(struct printer *printer, const riacho_schema *schema)
{
    const riacho_type *type = &schema->type;
    riacho_buffer_printf(printer->out, ",\"fields\":[");
    for (uint32_t i = 0; i < type->field_count; i++) {
        const riacho_field *field = &type->fields[i];
        riacho_buffer_printf(printer->out, "%s{\"name\":\"%s\",\"type\":", i ? "," : "",
                             field->name);
        print(printer, field->type);
        if (schema->default_texts[i])
            riacho_buffer_printf(printer->out, ",\"default\":%s", schema->default_texts[i]);
        print_texts(printer, "aliases", field->aliases, field->alias_count);
        riacho_buffer_printf(printer->out, "}");
    }
    riacho_buffer_printf(printer->out, "]");
}

static void print_decimal(struct printer *printer, const riacho_type *type)
{
    if (type->logical == RIACHO_DECIMAL)
        riacho_buffer_printf(printer->out,
                             ",\"logicalType\":\"decimal\",\"precision\":%u,\"scale\":%u",
                             type->precision, type->scale);
}

/* A record, enum or fixed: whole where it is first met, by name from then on. */
static void print_named(struct printer *printer, const riacho_type *type)
{
    static const char *const words[] = {
        [RIACHO_RECORD] = "record", [RIACHO_ENUM] = "enum", [RIACHO_FIXED] = "fixed"};
    const riacho_schema *schema = riacho_schema_of(type);
    riacho_map_entry *entry = riacho_map_put(&printer->defined, riacho_text(type->name));
    if (entry->value) {
        riacho_buffer_printf(printer->out, "\"%s\"", type->name);
        return;
    }
    entry->value = printer;
    riacho_buffer_printf(printer->out, "{\"type\":\"%s\",\"name\":\"%s\"", words[type->kind],
                         type->name);
    print_texts(printer, "aliases", schema->aliases, schema->alias_count);
    if (type->kind == RIACHO_RECORD)
        print_fields(printer, schema);
    if (type->kind == RIACHO_ENUM)
        print_texts(printer, "symbols", type->symbols, type->symbol_count);
    if (type->default_symbol >= 0)
        riacho_buffer_printf(printer->out, ",\"default\":\"%s\"",
                             type->symbols[type->default_symbol]);
    if (type->kind == RIACHO_FIXED)
        riacho_buffer_printf(printer->out, ",\"size\":%u", type->fixed_size);
    print_decimal(printer, type);
    riacho_buffer_printf(printer->out, "}");
}

static void print_plain(struct printer *printer, const riacho_type *type)
{
    static const char *const words[] = {[RIACHO_UUID] = "uuid",
                                        [RIACHO_DATE] = "date",
                                        [RIACHO_TIMESTAMP_MILLIS] = "timestamp-millis",
                                        [RIACHO_TIMESTAMP_MICROS] = "timestamp-micros"};
    if (type->logical == RIACHO_PLAIN) {
        riacho_buffer_printf(printer->out, "\"%s\"", type->name);
        return;
    }
    riacho_buffer_printf(printer->out, "{\"type\":\"%s\"", type->name);
    print_decimal(printer, type);
    if (type->logical != RIACHO_DECIMAL)
        riacho_buffer_printf(printer->out, ",\"logicalType\":\"%s\"", words[type->logical]);
    riacho_buffer_printf(printer->out, "}");
}

static void print_union(struct printer *printer, const riacho_type *type)
{
    for (uint32_t i = 0; i < type->branch_count; i++) {
        riacho_buffer_printf(printer->out, i ? "," : "[");
        print(printer, type->branches[i]);
    }
    riacho_buffer_printf(printer->out, "]");
}

static void print(struct printer *printer, const riacho_type *type)
{
    switch (type->kind) {
    case RIACHO_RECORD:
    case RIACHO_ENUM:
    case RIACHO_FIXED:
        print_named(printer, type);
        return;
    case RIACHO_ARRAY:
    case RIACHO_MAP:
        riacho_buffer_printf(printer->out, "{\"type\":\"%s\",\"%s\":", type->name,
                             type->kind == RIACHO_ARRAY ? "items" : "values");
        print(printer, type->item);
        riacho_buffer_printf(printer->out, "}");
        return;
    case RIACHO_OPTIONAL:
        riacho_buffer_printf(printer->out, type->null_branch ? "[" : "[\"null\",");
        print(printer, type->item);
        riacho_buffer_printf(printer->out, type->null_branch ? ",\"null\"]" : "]");
        return;
    case RIACHO_UNION:
        print_union(printer, type);
        return;
    default:
        print_plain(printer, type);
    }
}

void riacho_schema_print(const riacho_type *type, riacho_buffer *out)
{
    struct printer printer = {.out = out};
    print(&printer, type);
    riacho_map_done(&printer.defined);
}
