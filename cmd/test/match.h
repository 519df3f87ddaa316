/* SPDX-License-Identifier: MIT
 *
 * match.h - what was expected against what is: a value is matched on the fields it names.
 */
#pragma once

#include "topology/yaml_node.h"

/* Whether JSON text `found` has what `expected` names: objects by the members that are named, lists
 * in full and in order, numbers by value, a null also where the member is missing. Where not,
 * ret_where (in the arena) is a JSON Pointer to the first difference. */
bool riacho_match(const riacho_yaml_node *expected, riacho_bytes found, riacho_arena *arena,
                  const char **ret_where);
