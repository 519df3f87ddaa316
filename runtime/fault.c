/* SPDX-License-Identifier: MIT
 *
 * fault.c - see fault.h.
 */
#include "fault.h"

#ifdef RIACHO_FAULTS
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/trace.h"
#endif

static const char *const site_names[] = {
    [RIACHO_SITE_RECORD] = "record",
    [RIACHO_SITE_BEFORE_COMMIT] = "beforeCommit",
    [RIACHO_SITE_STATE_WRITTEN] = "stateWritten",
    [RIACHO_SITE_OUTPUTS_WRITTEN] = "outputsWritten",
    [RIACHO_SITE_AFTER_COMMIT] = "afterCommit",
    [RIACHO_SITE_RECOVERY] = "recovery",
    [RIACHO_SITE_BEGUN] = "begun",
    [RIACHO_SITE_SENT_SOME] = "sentSome",
    [RIACHO_SITE_BEFORE_POSITIONS] = "beforePositions",
    [RIACHO_SITE_AFTER_POSITIONS] = "afterPositions",
    [RIACHO_SITE_COMMITTING] = "committing",
    [RIACHO_SITE_COMMITTED] = "committed",
    [RIACHO_SITE_STATE_SOME] = "stateSome",
    [RIACHO_SITE_RESTORING] = "restoring",
    [RIACHO_SITE_CHECKPOINT] = "checkpoint",
    [RIACHO_SITE_PROMOTION] = "promotion",
    [RIACHO_SITE_REVOKING] = "revoking",
    [RIACHO_SITE_INIT] = "init",
};

#ifdef RIACHO_FAULTS

enum { KILLED = 137 };

static struct {
    pthread_once_t once;
    riacho_site site; /* 0: none */
    atomic_int_fast64_t left;
} wanted = {.once = PTHREAD_ONCE_INIT};

static riacho_site site_named(riacho_bytes name)
{
    for (riacho_site site = RIACHO_SITE_RECORD; site <= RIACHO_SITE_INIT; site++) {
        if (riacho_bytes_equal(riacho_text(site_names[site]), name))
            return site;
    }
    return 0;
}

static void read_environment(void)
{
    const char *text = getenv("RIACHO_FAULT");
    if (!text)
        return;
    const char *colon = strchr(text, ':');
    int64_t count = 0;
    riacho_error ignored;
    if (colon &&
        riacho_int_parse(riacho_text(colon + 1), 1, INT32_MAX, &count, &ignored) == RIACHO_OK)
        wanted.site = site_named((riacho_bytes){text, (size_t)(colon - text)});
    if (!wanted.site)
        riacho_trace(RIACHO_WARN, "RIACHO_FAULT is not <site>:<count>", "value", text, NULL);
    atomic_store(&wanted.left, count);
}

static void end_if_wanted(riacho_site site)
{
    pthread_once(&wanted.once, read_environment);
    if (site == wanted.site && atomic_fetch_sub(&wanted.left, 1) == 1)
        _exit(KILLED);
}

#else

static void end_if_wanted(riacho_site site)
{
    (void)site;
}

#endif

riacho_status riacho_fault_at(riacho_worker *worker, riacho_site site, riacho_error *err)
{
    end_if_wanted(site);
    if (!worker->options.fault || !worker->options.fault(worker->options.fault_arg, site))
        return RIACHO_OK;
    atomic_store(&worker->crashed, true);
    return riacho_fail(err, RIACHO_FATAL, "stopped at the site '%s' by the fault hook",
                       site_names[site]);
}
