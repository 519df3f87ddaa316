/* SPDX-License-Identifier: MIT
 *
 * seed.h - the first records of topics that are still empty: what an application needs to be there
 * on its first run.
 */
#pragma once

#include "project.h"
#include "riacho/port/log.h"

enum { RIACHO_SEED_RECORDS_MAX = 1000 };

/* Appends the records of a file of JSON lines (riacho/record.h) to those of its topics that hold
 * nothing and never did; the others are left as they are, so the same file may be given at every
 * start. RIACHO_REJECT: the file cannot be read, or a line of it, which is named. */
RIACHO_CHECKED riacho_status riacho_seed(const char *path, riacho_log *log,
                                         const riacho_project *project, riacho_error *err);
