/* SPDX-License-Identifier: MIT
 *
 * shared_private.h - what shared.c and shared_threads.c have of each other.
 *
 * Threads: the one that opened the worker.
 */
#pragma once

#include "shared.h"

/* A stop without threads: the caller's thread makes the steps. */
RIACHO_CHECKED riacho_status riacho_shared_stop_stepped(riacho_worker *worker, riacho_error *err);
