/* SPDX-License-Identifier: MIT
 *
 * support.h - what the topology tests share: the schemas and a library of functions they are
 * checked against, and text tables.
 *
 * A file of cases is a text:
 *
 *   === what the case shows
 *   <input lines>
 *   >>>
 *   <expected output lines>
 *
 * RIACHO_UPDATE_CASES=1 writes what came out into the files instead of comparing; read the
 * difference before committing it.
 */
#pragma once

#include "topology/yaml.h"

/* schemas/ of this folder; ends the test when they cannot be opened. */
riacho_schemas *open_schemas(void);
/* The library `lib`; see support.c for its functions. */
riacho_functions *test_functions(riacho_schemas *schemas);

/* What `transform` makes of a case's input; the output is compared with the expected lines. */
typedef void (*case_transform)(const char *input, riacho_buffer *output);
/* Fails with every case that differs. `file` is relative to cases/. */
void run_cases(const char *file, case_transform transform);

/* The first topology of a text, however good; NULL when there is none. */
const riacho_topology *load_topology(const char *text, riacho_arena *arena,
                                     riacho_issue_list *issues);
