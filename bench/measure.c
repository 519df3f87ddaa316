/* SPDX-License-Identifier: MIT
 *
 * measure.c - see measure.h.
 */
#include "measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

riacho_status riacho_measure_run(uint64_t (*work)(void *arg), void *arg,
                                 riacho_measure *ret_measure)
{
    int ends[2], status;
    struct rusage used;
    uint64_t events = 0;
    if (pipe(ends) != 0)
        return RIACHO_FATAL;
    fflush(NULL);
    const double started = now_seconds();
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        events = work(arg);
        _exit(write(ends[1], &events, sizeof events) == (ssize_t)sizeof events ? 0 : 1);
    }
    close(ends[1]);
    const ssize_t got = child > 0 ? read(ends[0], &events, sizeof events) : -1;
    const double ended = now_seconds();
    close(ends[0]);
    if (child < 0 || wait4(child, &status, 0, &used) != child || status != 0 ||
        got != (ssize_t)sizeof events || !events)
        return RIACHO_FATAL;
    *ret_measure = (riacho_measure){
        .seconds = ended - started,
        .cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime),
        .rss_bytes = (uint64_t)used.ru_maxrss * 1024,
        .events = events,
    };
    return RIACHO_OK;
}

void riacho_measure_print(const char *name, const riacho_measure *measure, riacho_buffer *out)
{
    riacho_buffer_printf(out,
                         "\"%s\":{\"events\":%" PRIu64
                         ",\"seconds\":%.3f,\"eventsPerSecond\":%.0f,\"cpuSeconds\":%.3f,"
                         "\"cpuMicrosPerEvent\":%.3f,\"rssMiB\":%.1f}",
                         name, measure->events, measure->seconds,
                         (double)measure->events / measure->seconds, measure->cpu_seconds,
                         measure->cpu_seconds * 1e6 / (double)measure->events,
                         (double)measure->rss_bytes / 1048576);
}
