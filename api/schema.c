/* SPDX-License-Identifier: MIT
 *
 * schema.c - see schema.h.
 */
#include "schema.h"

#include <string.h>

#include "member.h"

/* Names two types of different topologies apart that share a name: the second gets its hash. */
static void write_name(const riacho_type *type, const riacho_schema_set *set, riacho_buffer *out)
{
    riacho_buffer_printf(out, "%s", type->name);
    for (size_t i = 0; i < set->count; i++) {
        if (set->types[i]->hash == type->hash && strcmp(set->types[i]->name, type->name) == 0)
            return;
        if (strcmp(set->types[i]->name, type->name) == 0) {
            riacho_buffer_printf(out, "-%llx", (unsigned long long)type->hash);
            return;
        }
    }
}

static void note(riacho_schema_set *set, const riacho_type *type)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->types[i] == type ||
            (set->types[i]->hash == type->hash && strcmp(set->types[i]->name, type->name) == 0))
            return;
    if (set->count < RIACHO_SCHEMA_TYPES_MAX)
        set->types[set->count++] = type;
}

static void write_reference(const riacho_type *type, riacho_schema_set *set, riacho_buffer *out)
{
    note(set, type);
    riacho_buffer_printf(out, "{\"$ref\":\"#/components/schemas/");
    write_name(type, set, out);
    riacho_buffer_printf(out, "\"}");
}

static const char *simple_schema(const riacho_type *type)
{
    switch (type->logical) {
    case RIACHO_DECIMAL:
        return "{\"type\":\"string\",\"pattern\":\"^-?[0-9]+(\\\\.[0-9]+)?$\"}";
    case RIACHO_UUID:
        return "{\"type\":\"string\",\"format\":\"uuid\"}";
    default:
        break;
    }
    switch (type->kind) {
    case RIACHO_NULL:
        return "{\"type\":\"null\"}";
    case RIACHO_BOOLEAN:
        return "{\"type\":\"boolean\"}";
    case RIACHO_INT:
        return "{\"type\":\"integer\",\"format\":\"int32\"}";
    case RIACHO_LONG:
        return "{\"type\":\"integer\",\"format\":\"int64\"}";
    case RIACHO_FLOAT:
        return "{\"type\":\"number\",\"format\":\"float\"}";
    case RIACHO_DOUBLE:
        return "{\"type\":\"number\",\"format\":\"double\"}";
    case RIACHO_STRING:
        return "{\"type\":\"string\"}";
    case RIACHO_BYTES:
    case RIACHO_FIXED:
        return "{\"type\":\"string\",\"contentEncoding\":\"base64\"}";
    default:
        return NULL;
    }
}

static void write_union(const riacho_type *type, riacho_schema_set *set, riacho_buffer *out)
{
    riacho_buffer_printf(out, "{\"oneOf\":[");
    for (uint32_t i = 0; i < type->branch_count; i++) {
        const riacho_type *branch = type->branches[i];
        riacho_buffer_printf(out, "%s", i ? "," : "");
        if (branch->kind == RIACHO_NULL) {
            riacho_buffer_printf(out, "{\"type\":\"null\"}");
            continue;
        }
        riacho_buffer_printf(out,
                             "{\"type\":\"object\",\"required\":[\"%s\"],\"properties\":"
                             "{\"%s\":",
                             branch->name, branch->name);
        riacho_schema_write(branch, set, out);
        riacho_buffer_printf(out, "},\"additionalProperties\":false}");
    }
    riacho_buffer_printf(out, "]}");
}

/* Types nest at most RIACHO_SCHEMA_DEPTH_MAX deep, and records end the recursion by reference. */
void riacho_schema_write(const riacho_type *type, riacho_schema_set *set, riacho_buffer *out)
{
    const char *simple = type ? simple_schema(type) : "{}";
    if (simple) {
        riacho_buffer_printf(out, "%s", simple);
    } else if (type->kind == RIACHO_RECORD || type->kind == RIACHO_ENUM) {
        write_reference(type, set, out);
    } else if (type->kind == RIACHO_ARRAY) {
        riacho_buffer_printf(out, "{\"type\":\"array\",\"items\":");
        riacho_schema_write(type->item, set, out);
        riacho_buffer_printf(out, "}");
    } else if (type->kind == RIACHO_MAP) {
        riacho_buffer_printf(out, "{\"type\":\"object\",\"additionalProperties\":");
        riacho_schema_write(type->item, set, out);
        riacho_buffer_printf(out, "}");
    } else if (type->kind == RIACHO_OPTIONAL) {
        riacho_buffer_printf(out, "{\"anyOf\":[");
        riacho_schema_write(type->item, set, out);
        riacho_buffer_printf(out, ",{\"type\":\"null\"}]}");
    } else {
        write_union(type, set, out);
    }
}

static void write_record(const riacho_type *type, riacho_schema_set *set, riacho_buffer *out)
{
    riacho_buffer_printf(out, "{\"type\":\"object\",\"properties\":{");
    for (uint32_t i = 0; i < type->field_count; i++) {
        riacho_member_name(out, type->fields[i].name);
        riacho_schema_write(type->fields[i].type, set, out);
    }
    riacho_buffer_printf(out, "},\"required\":[");
    for (uint32_t i = 0, count = 0; i < type->field_count; i++)
        if (!type->fields[i].default_value)
            riacho_buffer_printf(out, "%s\"%s\"", count++ ? "," : "", type->fields[i].name);
    riacho_buffer_printf(out, "],\"additionalProperties\":false}");
}

static void write_enum(const riacho_type *type, riacho_buffer *out)
{
    riacho_buffer_printf(out, "{\"type\":\"string\",\"enum\":[");
    for (uint32_t i = 0; i < type->symbol_count; i++)
        riacho_buffer_printf(out, "%s\"%s\"", i ? "," : "", type->symbols[i]);
    riacho_buffer_printf(out, "]}");
}

void riacho_schema_write_components(riacho_schema_set *set, riacho_buffer *out)
{
    /* Writing one may add more at the end. */
    for (size_t i = 0; i < set->count; i++) {
        riacho_buffer_printf(out, "%s\"", i ? "," : "");
        write_name(set->types[i], set, out);
        riacho_buffer_printf(out, "\":");
        if (set->types[i]->kind == RIACHO_RECORD)
            write_record(set->types[i], set, out);
        else
            write_enum(set->types[i], out);
    }
}
