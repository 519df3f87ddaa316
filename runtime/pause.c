/* SPDX-License-Identifier: MIT
 *
 * pause.c - an input that stops because what its next record needs to be decoded cannot be had now.
 *
 *   RUNNING --- riacho_run_await_codec: a codec gave RIACHO_RETRY --------------------> PAUSED
 *   PAUSED  --- riacho_run_end_wait: the record is decoded, or refused for good ------> RUNNING
 *
 * What the task had committed is shown to readers all the while, and what it processed before is
 * committed (riacho_run_settle leaves the state alone).
 */
#include "base/trace.h"
#include "publication.h"
#include "run.h"

void riacho_run_await_codec(riacho_run *run, const char *reason)
{
    if (!run->codec_waits)
        riacho_trace(RIACHO_WARN, "input paused", "task", run->task->log_name, "reason", reason,
                     NULL);
    run->codec_waits = true;
    riacho_task_set_state(run->task, RIACHO_TASK_PAUSED, reason);
}

void riacho_run_end_wait(riacho_run *run)
{
    if (!run->codec_waits)
        return;
    run->codec_waits = false;
    riacho_run_settle(run);
}
