/* SPDX-License-Identifier: MIT
 *
 * prefixed.h - a log whose topics have a prefix in another log, and which sees no others: tests of
 * one broker do not meet.
 *
 * Threads: as the log below.
 */
#pragma once

#include "riacho/port/log.h"

/* Owns `below`. What is shared with other workers (broker) is not passed on, but that there is. */
riacho_log *prefixed_log_new(riacho_log *below, const char *prefix);
