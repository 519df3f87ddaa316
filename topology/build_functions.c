/* SPDX-License-Identifier: MIT
 *
 * build_functions.c - the functions a topology uses: that they exist, are of the kind that is
 * wanted, and were built for the types they will meet (see build.h).
 */
#include <string.h>

#include "build.h"

static const char *const kind_words[] = {
    [RIACHO_FUNCTION_FILTER] = "filter",
    [RIACHO_FUNCTION_MAP] = "map",
    [RIACHO_FUNCTION_MAP_VALUES] = "mapValues",
    [RIACHO_FUNCTION_FLAT_MAP] = "flatMap",
    [RIACHO_FUNCTION_PROCESS] = "process",
    [RIACHO_FUNCTION_PEEK] = "peek",
    [RIACHO_FUNCTION_AGGREGATE] = "aggregate",
    [RIACHO_FUNCTION_REDUCE] = "reduce",
    [RIACHO_FUNCTION_VIEW] = "view",
};

/* The library's name in the arena; NULL after an issue. */
static const char *library_of(riacho_builder *builder, riacho_where where, const char *use)
{
    const riacho_topology *topology = builder->topology;
    const char *slash = strchr(use, '/');
    if (!slash || slash == use || !slash[1] || strchr(slash + 1, '/')) {
        riacho_build_issue(builder, where, "write library/function",
                           "'%.80s' does not name a function of a library", use);
        return NULL;
    }
    const char *library = riacho_format(builder->arena, "%.*s", (int)(slash - use), use);
    for (size_t i = 0; i < topology->libraries_count; i++)
        if (strcmp(topology->libraries[i], library) == 0)
            return library;
    const char *hint =
        riacho_build_meant(builder, library, topology->libraries, topology->libraries_count);
    riacho_build_issue(builder, where, hint ? hint : "list it under 'libraries'",
                       "the library '%.80s' is not among the topology's libraries", library);
    return NULL;
}

/* The function of the library, when libraries are at hand. */
static const riacho_function *load(riacho_builder *builder, riacho_where where, const char *library,
                                   const char *name)
{
    const riacho_functions *functions = builder->functions;
    if (!functions)
        return NULL;
    const riacho_function *function = functions->find(functions, library, name);
    if (function)
        return function;
    const char *const *names = NULL;
    const size_t count = functions->names ? functions->names(functions, library, &names) : 0;
    riacho_build_issue(builder, where, riacho_build_meant(builder, name, names, count),
                       "the library '%s' has no function '%.80s'", library, name);
    return NULL;
}

static void check_kind(riacho_builder *builder, riacho_where where, const char *name,
                       riacho_function_kind is, riacho_function_kind wanted)
{
    if (is && is != wanted)
        riacho_build_issue(builder, where, NULL,
                           "'%s' is a function of kind %s, and %s is needed here", name,
                           kind_words[is], kind_words[wanted]);
}

void riacho_build_function_specs(riacho_builder *builder)
{
    static const char *const taken[] = {"key", "value", "timestamp", "headers", "agg", "count"};
    const riacho_topology *topology = builder->topology;
    builder->function_uses =
        riacho_alloc_zero(builder->arena, topology->functions_count, sizeof(riacho_function_use));
    for (size_t i = 0; i < topology->functions_count; i++) {
        const riacho_function_spec *spec = &topology->functions[i];
        const riacho_where at_name = {&spec->name, &spec->mark};
        if (!riacho_build_name_valid(builder, at_name, "a function", spec->name))
            continue;
        for (size_t j = 0; j < sizeof taken / sizeof *taken; j++)
            if (strcmp(spec->name, taken[j]) == 0)
                riacho_build_issue(
                    builder, at_name, NULL,
                    "a function cannot be called '%s': that is a name of expressions", spec->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(spec->name, topology->functions[j].name) == 0)
                riacho_build_issue(builder, at_name, NULL, "there are two functions '%s'",
                                   spec->name);
        if (spec->kind != RIACHO_FUNCTION_PROCESS && spec->kind &&
            (spec->stores_count || spec->emits_count))
            riacho_build_issue(builder, at_name, NULL,
                               "only process functions have stores and emits");
    }
}

const riacho_function_spec *riacho_build_function_named(riacho_builder *builder, const char *name)
{
    const riacho_topology *topology = builder->topology;
    for (size_t i = 0; i < topology->functions_count; i++)
        if (strcmp(topology->functions[i].name, name) == 0)
            return &topology->functions[i];
    return NULL;
}

static void resolve(riacho_builder *builder, const riacho_function_spec *spec,
                    riacho_function_use *use)
{
    const riacho_where where = {&spec->use, &spec->mark};
    use->resolved = true;
    if (!spec->use) {
        riacho_build_issue(builder, where, NULL, "a function needs 'use'");
        return;
    }
    use->library = library_of(builder, where, spec->use);
    if (!use->library)
        return;
    use->function = load(builder, where, use->library, strchr(spec->use, '/') + 1);
    if (use->function)
        check_kind(builder, (riacho_where){&spec->kind, &spec->mark}, spec->use,
                   use->function->kind, spec->kind ? spec->kind : use->function->kind);
}

static void unknown_function(riacho_builder *builder, riacho_where where, const char *name)
{
    const riacho_topology *topology = builder->topology;
    const char **names =
        riacho_alloc_zero(builder->arena, topology->functions_count, sizeof *names);
    for (size_t i = 0; i < topology->functions_count; i++)
        names[i] = topology->functions[i].name;
    const char *hint = riacho_build_meant(builder, name, names, topology->functions_count);
    riacho_build_issue(builder, where, hint ? hint : "declare it under 'functions'",
                       "there is no function '%.80s'", name);
}

const riacho_function_spec *riacho_build_function(riacho_builder *builder, riacho_where where,
                                                  const char *name, riacho_function_kind kind,
                                                  const riacho_function **ret_function)
{
    const riacho_function_spec *spec = riacho_build_function_named(builder, name);
    *ret_function = NULL;
    if (!spec) {
        unknown_function(builder, where, name);
        return NULL;
    }
    riacho_function_use *use = &builder->function_uses[spec - builder->topology->functions];
    if (!use->resolved)
        resolve(builder, spec, use);
    use->used = true;
    check_kind(builder, where, spec->name,
               spec->kind      ? spec->kind
               : use->function ? use->function->kind
                               : kind,
               kind);
    *ret_function = use->function && use->function->kind == kind ? use->function : NULL;
    return spec;
}

const riacho_function *riacho_build_function_direct(riacho_builder *builder, riacho_where where,
                                                    const char *use, riacho_function_kind kind)
{
    const char *library = library_of(builder, where, use);
    const riacho_function *function =
        library ? load(builder, where, library, strchr(use, '/') + 1) : NULL;
    if (function)
        check_kind(builder, where, use, function->kind, kind);
    return function;
}

void riacho_build_check_struct(riacho_builder *builder, riacho_where where, const char *function,
                               const char *what, const riacho_struct *structure,
                               const riacho_data *data)
{
    if (!structure || riacho_build_is_unknown(data))
        return;
    const riacho_type *type = data->codec->type;
    if (strcmp(structure->name, type->name) != 0 &&
        !(structure->hash == 0 && strcmp(structure->name, data->word) == 0))
        riacho_build_issue(builder, where, NULL,
                           "'%s' was written for %s of type %s, and here it is %s", function, what,
                           structure->name, data->word);
    else if (structure->size != type->size || (structure->hash && structure->hash != type->hash))
        riacho_build_issue(builder, where, "build the library again",
                           "'%s' was built for another version of %s", function, structure->name);
}

void riacho_build_unused_functions(riacho_builder *builder)
{
    const riacho_topology *topology = builder->topology;
    for (size_t i = 0; i < topology->functions_count; i++) {
        const riacho_function_spec *spec = &topology->functions[i];
        if (!builder->function_uses[i].used)
            riacho_build_issue(builder, (riacho_where){&spec->name, &spec->mark},
                               "use it in a step, or remove it", "the function '%.80s' is not used",
                               spec->name);
    }
}
