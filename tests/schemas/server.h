/* SPDX-License-Identifier: MIT
 *
 * server.h - tests/registry/server.py as a process of the test: a schema registry on 127.0.0.1.
 * Everything fails the test by itself.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct server {
    pid_t pid;
    FILE *commands;
    FILE *answers;
    char url[64];
};

/* auth: "USER:PASSWORD", or NULL. */
void server_open(struct server *server, const char *auth);
void server_close(struct server *server);
/* A command of server.py; it is done when this returns. The answer as a number, 0 for "ok". */
int server_do(struct server *server, const char *command, ...)
    __attribute__((format(printf, 2, 3)));
