/* SPDX-License-Identifier: MIT
 *
 * protocol.c - see protocol.h.
 */
#include "protocol.h"

#include <assert.h>

riacho_commit_step riacho_commit_next(riacho_commit_phase phase, size_t output_count)
{
    switch (phase) {
    case RIACHO_COMMIT_OPEN:
        return RIACHO_STEP_FLUSH;
    case RIACHO_COMMIT_FLUSHED:
        return RIACHO_STEP_WRITE_STATE;
    case RIACHO_COMMIT_STATE_WRITTEN:
        return output_count ? RIACHO_STEP_APPEND : RIACHO_STEP_PUBLISH;
    case RIACHO_COMMIT_LOGGED:
        return RIACHO_STEP_PUBLISH;
    }
    assert(0 && "a phase of riacho_commit_phase");
    return RIACHO_STEP_FLUSH;
}

riacho_commit_phase riacho_commit_after(riacho_commit_step step)
{
    switch (step) {
    case RIACHO_STEP_FLUSH:
        return RIACHO_COMMIT_FLUSHED;
    case RIACHO_STEP_WRITE_STATE:
        return RIACHO_COMMIT_STATE_WRITTEN;
    case RIACHO_STEP_APPEND:
        return RIACHO_COMMIT_LOGGED;
    case RIACHO_STEP_PUBLISH:
        return RIACHO_COMMIT_OPEN;
    }
    assert(0 && "a step of riacho_commit_step");
    return RIACHO_COMMIT_OPEN;
}

riacho_recovery riacho_recover(const riacho_found *found)
{
    if (found->replaying || found->state_number < found->log_number)
        return RIACHO_RECOVERY_REPLAY;
    if (found->outbox && found->state_number > found->log_number)
        return RIACHO_RECOVERY_APPEND;
    return RIACHO_RECOVERY_NONE;
}

bool riacho_rebuilds(const riacho_found *found)
{
    return found->rebuilding || (found->began && !found->state_number);
}
