/* SPDX-License-Identifier: MIT
 *
 * server.c - see server.h.
 */
#include "server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void become_server(const int in[2], const int out[2], const char *auth)
{
    const char *script = RIACHO_SOURCE_DIR "/tests/registry/server.py";
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    close(in[1]);
    close(out[0]);
    if (auth)
        execlp("python3", "python3", "-B", script, "--auth", auth, (char *)NULL);
    else
        execlp("python3", "python3", "-B", script, (char *)NULL);
    _exit(127);
}

void server_open(struct server *server, const char *auth)
{
    int in[2], out[2];
    char line[128] = "";
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        become_server(in, out, auth);
    close(in[0]);
    close(out[1]);
    server->commands = fdopen(in[1], "w");
    server->answers = fdopen(out[0], "r");
    assert_non_null(fgets(line, sizeof line, server->answers));
    assert_int_equal(sscanf(line, "ready %63s", server->url), 1);
}

void server_close(struct server *server)
{
    fclose(server->commands); /* it ends with its stdin */
    fclose(server->answers);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
}

int server_do(struct server *server, const char *command, ...)
{
    char line[256] = "";
    va_list arguments;
    va_start(arguments, command);
    vfprintf(server->commands, command, arguments);
    va_end(arguments);
    fputc('\n', server->commands);
    fflush(server->commands);
    assert_non_null(fgets(line, sizeof line, server->answers));
    if (strcmp(line, "ok\n") == 0)
        return 0;
    if (*line < '0' || *line > '9')
        fail_msg("the server says: %s", line);
    return (int)strtol(line, NULL, 10);
}
