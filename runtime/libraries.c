/* SPDX-License-Identifier: MIT
 *
 * libraries.c - processor libraries: shared objects that export one symbol, found in a list of
 * folders by the name that a topology says.
 *
 * Only a library's own table is looked at here; that its structs are laid out as the schemas say is
 * checked by riacho_graph_build, which knows where they are used.
 *
 * Threads: the opening thread; what was loaded does not change any more until close.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"
#include "riacho/worker.h"
#include "topology/graph.h"

typedef struct loaded {
    void *handle;
    const riacho_exports *exports;
    const char *path;
    const char **names; /* of its functions */
} loaded;

struct riacho_libraries {
    riacho_functions functions; /* first: find() is given its address */
    riacho_arena *arena;
    const char **folders;
    size_t folder_count;
    loaded *items;
    size_t count;
};

static const loaded *find_library(const riacho_libraries *libraries, const char *name)
{
    for (size_t i = 0; i < libraries->count; i++) {
        if (strcmp(libraries->items[i].exports->name, name) == 0)
            return &libraries->items[i];
    }
    return NULL;
}

static const riacho_function *find_function(const riacho_functions *functions, const char *library,
                                            const char *name)
{
    const loaded *found = find_library((const riacho_libraries *)functions, library);
    for (size_t i = 0; found && i < found->exports->function_count; i++) {
        if (strcmp(found->exports->functions[i].name, name) == 0)
            return &found->exports->functions[i];
    }
    return NULL;
}

static size_t function_names(const riacho_functions *functions, const char *library,
                             const char *const **ret_names)
{
    const loaded *found = find_library((const riacho_libraries *)functions, library);
    *ret_names = found ? found->names : NULL;
    return found ? found->exports->function_count : 0;
}

riacho_status riacho_libraries_open(const char *const *folders, size_t folder_count,
                                    riacho_libraries **ret_libraries, riacho_error *err)
{
    (void)err; /* folders are looked into when a library is asked for */
    riacho_libraries *libraries = riacho_memory_get_zero(1, sizeof *libraries);
    libraries->functions = (riacho_functions){find_function, function_names};
    libraries->arena = riacho_arena_new();
    libraries->folders = riacho_alloc_zero(libraries->arena, folder_count, sizeof(char *));
    libraries->folder_count = folder_count;
    for (size_t i = 0; i < folder_count; i++)
        libraries->folders[i] = riacho_copy(libraries->arena, riacho_text(folders[i])).data;
    *ret_libraries = libraries;
    return RIACHO_OK;
}

/* ---- loading --------------------------------------------------------------------------------- */

/* Letters, digits, '_' and '-': a name never leads out of the folders. */
static bool is_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return *name && strspn(name, allowed) == strlen(name);
}

/* NULL when no folder has it. */
static const char *find_file(const riacho_libraries *libraries, const char *name)
{
    for (size_t i = 0; i < libraries->folder_count; i++) {
        const char *folder = libraries->folders[i];
        const char *plain = riacho_format(libraries->arena, "%s/%s.so", folder, name);
        const char *prefixed = riacho_format(libraries->arena, "%s/lib%s.so", folder, name);
        if (access(plain, R_OK) == 0)
            return plain;
        if (access(prefixed, R_OK) == 0)
            return prefixed;
    }
    return NULL;
}

static riacho_status no_such_file(const riacho_libraries *libraries, const char *name,
                                  riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer folders = {0};
    for (size_t i = 0; i < libraries->folder_count; i++)
        riacho_buffer_printf(&folders, "%s%s", i ? ", " : "", libraries->folders[i]);
    return riacho_fail(err, RIACHO_REJECT, "no processor library '%s' (%s.so or lib%s.so) in %.*s",
                       name, name, name, (int)folders.size,
                       folders.data ? (const char *)folders.data : "");
}

static riacho_status check_function(const char *path, const riacho_function *function, size_t at,
                                    riacho_error *err)
{
    if (!function->name || !*function->name)
        return riacho_fail(err, RIACHO_REJECT, "%s: function %zu has no name", path, at);
    const bool called = function->test || function->map || function->map_value || function->each ||
                        function->fold || function->reduce || function->view;
    if (!called)
        return riacho_fail(err, RIACHO_REJECT, "%s: function '%s' has nothing to call", path,
                           function->name);
    return RIACHO_OK;
}

static riacho_status check_exports(const char *path, const char *name,
                                   const riacho_exports *exports, riacho_error *err)
{
    if (exports->abi != RIACHO_ABI)
        return riacho_fail(err, RIACHO_REJECT,
                           "%s was built for ABI %u of riacho/processor.h, and this program has "
                           "ABI %u: build the library again",
                           path, exports->abi, RIACHO_ABI);
    if (!exports->name || strcmp(exports->name, name) != 0)
        return riacho_fail(err, RIACHO_REJECT, "%s calls itself '%s' and not '%s'", path,
                           exports->name ? exports->name : "", name);
    for (size_t i = 0; i < exports->function_count; i++)
        RIACHO_TRY(check_function(path, &exports->functions[i], i, err));
    return RIACHO_OK;
}

static void riacho_auto_handle(void **handle)
{
    if (*handle)
        dlclose(*handle);
}

static void keep(riacho_libraries *libraries, void *handle, const riacho_exports *exports,
                 const char *path)
{
    const char **names =
        riacho_alloc_zero(libraries->arena, exports->function_count, sizeof *names);
    for (size_t i = 0; i < exports->function_count; i++)
        names[i] = exports->functions[i].name;
    libraries->items =
        riacho_memory_resize(libraries->items, (libraries->count + 1) * sizeof *libraries->items);
    libraries->items[libraries->count++] = (loaded){handle, exports, path, names};
}

riacho_status riacho_libraries_load(riacho_libraries *libraries, const char *name,
                                    riacho_error *err)
{
    if (find_library(libraries, name))
        return RIACHO_OK;
    if (!is_name(name))
        return riacho_fail(err, RIACHO_REJECT,
                           "'%s' is no name of a processor library: letters, digits, '_' and '-'",
                           name);
    const char *path = find_file(libraries, name);
    if (!path)
        return no_such_file(libraries, name, err);
    RIACHO_AUTO(handle) void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return riacho_fail(err, RIACHO_REJECT, "cannot load a processor library: %s", dlerror());
    const riacho_exports *exports = dlsym(handle, "riacho_library");
    if (!exports)
        return riacho_fail(err, RIACHO_REJECT,
                           "%s exports no symbol 'riacho_library': it is no processor library",
                           path);
    RIACHO_TRY(check_exports(path, name, exports, err));
    keep(libraries, RIACHO_TAKE(handle), exports, path);
    return RIACHO_OK;
}

const riacho_functions *riacho_libraries_functions(const riacho_libraries *libraries)
{
    return &libraries->functions;
}

void riacho_libraries_close(riacho_libraries *libraries)
{
    if (!libraries)
        return;
    for (size_t i = 0; i < libraries->count; i++)
        dlclose(libraries->items[i].handle);
    free(libraries->items);
    riacho_arena_free(libraries->arena);
    free(libraries);
}
