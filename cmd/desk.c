/* SPDX-License-Identifier: MIT
 *
 * desk.c - which desk the flags mean: where to ask.
 */
#include "desk.h"

#include <stdlib.h>

const char *riacho_desk_url(const riacho_line *line)
{
    const char *flag = riacho_flag_value(line, "url");
    const char *environment = getenv("RIACHO_URL");
    if (flag)
        return flag;
    return environment && *environment ? environment : "http://127.0.0.1:3000";
}

riacho_desk *riacho_desk_open(const riacho_line *line, int *ret_exit)
{
    static const char *const companions[] = {"topology", "schemas", "key-type", "value-type"};
    riacho_desk *desk = NULL;
    riacho_error err = {{0}};
    const bool folder = riacho_flag_given(line, "data");
    *ret_exit = RIACHO_EXIT_USAGE;
    if (folder && riacho_flag_given(line, "url")) {
        riacho_complain(line, 0, "--url asks a worker and --data opens a folder: give one of them");
        return NULL;
    }
    for (size_t i = 0; !folder && i < sizeof companions / sizeof *companions; i++) {
        if (riacho_flag_given(line, companions[i])) {
            riacho_complain(line, 0, "--%s needs --data: a worker knows the types of its topics",
                            companions[i]);
            return NULL;
        }
    }
    if (folder)
        *ret_exit = riacho_desk_open_folder(line, &desk, &err);
    else if (riacho_desk_open_worker(line, &desk, &err) == RIACHO_OK)
        *ret_exit = RIACHO_EXIT_OK;
    if (!desk)
        riacho_complain(line, 0, "%s", err.text);
    return desk;
}
