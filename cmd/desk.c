/* SPDX-License-Identifier: MIT
 *
 * desk.c - which desk the flags mean: where to ask.
 */
#include "desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

const char *riacho_desk_url(const riacho_line *line)
{
    const char *flag = riacho_flag_value(line, "url");
    const char *environment = getenv("RIACHO_URL");
    if (flag)
        return flag;
    return environment && *environment ? environment : "http://127.0.0.1:3000";
}

enum { COMPANIONS_MAX = 4 };

/* Flags that only go with another one. */
static riacho_status check_companions(const riacho_line *line, const char *const *companions,
                                      const char *why, riacho_error *err)
{
    for (size_t i = 0; i < COMPANIONS_MAX && companions[i]; i++) {
        if (riacho_flag_given(line, companions[i]))
            return riacho_fail(err, RIACHO_REJECT, "--%s needs %s", companions[i], why);
    }
    return RIACHO_OK;
}

static riacho_status check_flags(const riacho_line *line, riacho_error *err)
{
    static const char *const of_kafka[COMPANIONS_MAX] = {"bootstrap", "kafka-properties", "worker"};
    static const char *const of_log[COMPANIONS_MAX] = {"topology", "schemas", "key-type",
                                                       "value-type"};
    const char *kind = riacho_flag_value(line, "log");
    const bool folder = riacho_flag_given(line, "data");
    if (kind && strcmp(kind, "kafka") != 0)
        return riacho_fail(err, RIACHO_REJECT,
                           "--log: there is only kafka; the embedded log is opened with --data");
    if (riacho_flag_given(line, "url") && (kind || folder))
        return riacho_fail(err, RIACHO_REJECT,
                           "--url asks a worker, --data opens a folder and --log kafka asks Kafka: "
                           "give one of them");
    if (!kind)
        RIACHO_TRY(check_companions(line, of_kafka, "--log kafka", err));
    if (!kind && !folder)
        RIACHO_TRY(check_companions(
            line, of_log, "--data or --log kafka: a worker knows the types of its topics", err));
    return RIACHO_OK;
}

riacho_desk *riacho_desk_open(const riacho_line *line, int *ret_exit)
{
    riacho_desk *desk = NULL;
    riacho_error err = {{0}};
    *ret_exit = RIACHO_EXIT_USAGE;
    const bool wrong = check_flags(line, &err) != RIACHO_OK;
    if (!wrong && (riacho_flag_given(line, "data") || riacho_flag_given(line, "log")))
        *ret_exit = riacho_desk_open_log(line, &desk, &err);
    else if (!wrong && riacho_desk_open_worker(line, &desk, &err) == RIACHO_OK)
        *ret_exit = RIACHO_EXIT_OK;
    if (!desk)
        riacho_complain(line, 0, "%s", err.text);
    return desk;
}
