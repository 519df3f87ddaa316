/* SPDX-License-Identifier: MIT
 *
 * main.c - riacho-gen: schema files -> one C header.
 *
 *   riacho-gen [--prefix PREFIX] --output FILE.h SCHEMA.avsc...
 *
 * The schemas may mention each other in any order. The output is replaced as a whole or not at all.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "header.h"
#include "schema.h"

enum { EXIT_USAGE = 2, EXIT_BAD_DATA = 65 };

struct arguments {
    const char *prefix;
    const char *output;
    const char *const *schemas;
    size_t schema_count;
};

static bool parse_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
    static const struct option options[] = {{"prefix", required_argument, NULL, 'p'},
                                            {"output", required_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    struct arguments arguments = {0};
    for (int option; (option = getopt_long(argc, argv, "p:o:", options, NULL)) != -1;) {
        if (option == 'p')
            arguments.prefix = optarg;
        else if (option == 'o')
            arguments.output = optarg;
        else
            return false;
    }
    arguments.schemas = (const char *const *)argv + optind;
    arguments.schema_count = (size_t)(argc - optind);
    *ret_arguments = arguments;
    return arguments.output && arguments.schema_count;
}

static const char *list_files(const riacho_schema_files *files, riacho_arena *arena)
{
    const char *list = "";
    for (size_t i = 0; i < files->count; i++)
        list = riacho_format(arena, "%s%s%s.avsc", list, i ? ", " : "", files->items[i].stem);
    return list;
}

static riacho_status make_header(const struct arguments *arguments, riacho_arena *arena,
                                 riacho_buffer *out, riacho_error *err)
{
    riacho_schema_files files;
    RIACHO_TRY(
        riacho_schema_files_load(arguments->schemas, arguments->schema_count, arena, &files, err));
    const riacho_type **types = riacho_alloc_zero(arena, files.count, sizeof *types);
    for (size_t i = 0; i < files.count; i++)
        types[i] = files.items[i].type;
    const riacho_gen_options options = {.prefix = arguments->prefix,
                                        .made_from = list_files(&files, arena)};
    return riacho_gen_header(types, files.count, &options, arena, out, err);
}

static riacho_status write_file(const char *path, riacho_bytes text, riacho_arena *arena,
                                riacho_error *err)
{
    const char *draft = riacho_format(arena, "%s.new", path);
    FILE *file = fopen(draft, "w");
    if (!file)
        return riacho_fail(err, RIACHO_REJECT, "%s: %s", draft, strerror(errno));
    const bool written = fwrite(text.data, 1, text.size, file) == text.size;
    if (fclose(file) != 0 || !written || rename(draft, path) != 0) {
        const int cause = errno;
        unlink(draft);
        return riacho_fail(err, RIACHO_REJECT, "%s: %s", path, strerror(cause));
    }
    return RIACHO_OK;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    riacho_error err;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (!parse_arguments(argc, argv, &arguments)) {
        fprintf(stderr, "usage: riacho-gen [--prefix PREFIX] --output FILE.h SCHEMA.avsc...\n");
        return EXIT_USAGE;
    }
    if (make_header(&arguments, arena, &out, &err) != RIACHO_OK ||
        write_file(arguments.output, riacho_buffer_bytes(&out), arena, &err) != RIACHO_OK) {
        fprintf(stderr, "riacho-gen: %s\n", err.text);
        return EXIT_BAD_DATA;
    }
    return 0;
}
