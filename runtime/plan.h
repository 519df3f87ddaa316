/* SPDX-License-Identifier: MIT
 *
 * plan.h - which tasks a topology has, what each reads and what it may write that another task
 * reads.
 *
 * Threads: the opening thread.
 */
#pragma once

#include "worker_private.h"

/* Makes the tasks of a deployment whose topics are there, with inputs but without hops, stores and
 * runs. RIACHO_REJECT: more than RIACHO_TASKS_MAX. */
RIACHO_CHECKED riacho_status riacho_plan_tasks(riacho_deployment *deployment, riacho_error *err);
/* Fills in the hops of every task of the worker, whose tasks are all made. */
void riacho_plan_hops(riacho_worker *worker);
/* On a log that workers share: numbers every task of the worker, its lease, the same way on every
 * worker that has these topologies, in whatever order it was given them. */
void riacho_plan_leases(riacho_worker *worker);
void riacho_plan_free(riacho_deployment *deployment);
