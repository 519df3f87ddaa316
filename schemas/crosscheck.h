/* SPDX-License-Identifier: MIT
 *
 * crosscheck.h - a second opinion on a schema, from avro-c.
 */
#pragma once

#include "riacho/types.h"

/* RIACHO_REJECT when avro-c cannot read a canonical schema text that we accepted: one of us is
 * wrong, and it had better be found out before data is written. Any thread. */
RIACHO_CHECKED riacho_status riacho_schema_crosscheck(riacho_bytes text, const char *origin,
                                                      riacho_error *err);
