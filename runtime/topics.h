/* SPDX-License-Identifier: MIT
 *
 * topics.h - makes sure that the topics of a topology are there, before anything reads or writes.
 *
 * Threads: the opening thread.
 */
#pragma once

#include "worker_private.h"

/* Fills deployment->partitions and ->cleanups (room for every topic of the graph) with what its
 * topics have or will have; nothing is written. A topic that declares partitions must have just as
 * many; one that does not is taken as found, in the log or in a deployment that was planned before,
 * else it gets one, and a repartition topic gets as many as the sub-topology that writes it has
 * tasks. RIACHO_REJECT names the topic. */
RIACHO_CHECKED riacho_status riacho_topics_plan(riacho_deployment *deployment, riacho_error *err);
/* Creates what is missing of a planned deployment, and gives the rest the settings that the
 * topology says; those that it does not say are left as they are. RIACHO_REJECT names the topic. */
RIACHO_CHECKED riacho_status riacho_topics_ensure(riacho_deployment *deployment, riacho_error *err);

/* Tasks of a sub-topology: the most partitions of any topic that it reads; 0 while one of those is
 * not known yet. */
int32_t riacho_topics_task_count(const riacho_deployment *deployment, int32_t subtopology);
