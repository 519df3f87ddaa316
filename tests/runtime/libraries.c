/* SPDX-License-Identifier: MIT
 *
 * libraries.c - loading processor libraries, and refusing what is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "riacho/worker.h"
#include "topology/graph.h"

static const char *const folders[] = {"/nonexistent", LIBRARY_FOLDER};

static riacho_libraries *open_folders(void)
{
    riacho_libraries *libraries;
    riacho_error err;
    assert_int_equal(riacho_libraries_open(folders, 2, &libraries, &err), RIACHO_OK);
    return libraries;
}

static void test_a_library_is_found_and_gives_its_functions(void **state)
{
    (void)state;
    riacho_libraries *libraries = open_folders();
    riacho_error err = {.text = ""};
    const riacho_functions *functions = riacho_libraries_functions(libraries);
    assert_null(functions->find(functions, "good", "keep"));
    for (int twice = 0; twice < 2; twice++) {
        if (riacho_libraries_load(libraries, "good", &err) != RIACHO_OK)
            fail_msg("%s", err.text);
    }
    const riacho_function *keep = functions->find(functions, "good", "keep");
    assert_non_null(keep);
    bool kept = true;
    assert_int_equal(keep->test(NULL, &(riacho_record){0}, &kept), RIACHO_OK);
    assert_false(kept);
    assert_null(functions->find(functions, "good", "kept"));
    assert_null(functions->find(functions, "other", "keep"));
    const char *const *names;
    assert_int_equal(functions->names(functions, "good", &names), 1);
    assert_string_equal(names[0], "keep");
    assert_int_equal(functions->names(functions, "other", &names), 0);
    riacho_libraries_close(libraries);
}

static void test_what_is_refused_and_why(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *why;
    } refused[] = {
        {"missing", "no processor library 'missing'"},
        {"../good", "is no name of a processor library"},
        {"", "is no name of a processor library"},
        {"oldabi", "was built for ABI 99"},
        {"renamed", "calls itself 'good' and not 'renamed'"},
        {"empty", "exports no symbol 'riacho_library'"},
        {"nameless", "function 0 has no name"},
        {"hollow", "function 'keep' has nothing to call"},
        {"text", "cannot load a processor library"},
    };
    riacho_libraries *libraries = open_folders();
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        riacho_error err = {.text = ""};
        assert_int_equal(riacho_libraries_load(libraries, refused[i].name, &err), RIACHO_REJECT);
        if (!strstr(err.text, refused[i].why))
            fail_msg("'%s': %s", refused[i].name, err.text);
    }
    riacho_libraries_close(libraries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_library_is_found_and_gives_its_functions),
        cmocka_unit_test(test_what_is_refused_and_why),
    };
    return cmocka_run_group_tests_name("processor libraries", tests, NULL, NULL);
}
