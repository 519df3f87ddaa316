/* SPDX-License-Identifier: MIT
 *
 * client.c - see client.h.
 */
#include "client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { REPLY_BYTES_MAX = 4 * 1024 * 1024, SECONDS_MAX = 20 };

int client_connect(int port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval most = {.tv_sec = SECONDS_MAX};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    return fd;
}

/* The server may have closed already: that is the reader's to see. */
void client_send(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* Reads byte by byte up to the empty line, so nothing of the next reply is taken. */
static char *read_head(int fd)
{
    char *head = calloc(1, REPLY_BYTES_MAX);
    for (size_t size = 0; size + 1 < REPLY_BYTES_MAX; size++) {
        if (recv(fd, head + size, 1, 0) != 1)
            break;
        if (size >= 3 && memcmp(head + size - 3, "\r\n\r\n", 4) == 0)
            return head;
    }
    free(head);
    return NULL;
}

bool client_read(int fd, bool head_only, http_reply *ret_reply)
{
    http_reply got = {.head = read_head(fd)};
    if (!got.head)
        return false;
    got.status = (int)strtol(got.head + 9, NULL, 10);
    const char *length = reply_header(&got, "Content-Length");
    const size_t size = length && !head_only ? strtoul(length, NULL, 10) : 0;
    got.body = calloc(1, size + 1);
    while (got.body_size < size) {
        const ssize_t read = recv(fd, got.body + got.body_size, size - got.body_size, 0);
        if (read <= 0) {
            reply_done(&got);
            return false;
        }
        got.body_size += (size_t)read;
    }
    *ret_reply = got;
    return true;
}

void reply_done(http_reply *reply)
{
    free(reply->head);
    free(reply->body);
    *reply = (http_reply){0};
}

const char *reply_header(const http_reply *reply, const char *name)
{
    static _Thread_local char values[4][4096];
    static _Thread_local unsigned turn;
    char *value = values[turn++ % 4];
    const size_t size = strlen(name);
    for (const char *line = strstr(reply->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, size) != 0 || line[size] != ':')
            continue;
        line += size + 1;
        while (*line == ' ')
            line++;
        snprintf(value, sizeof values[0], "%.*s", (int)strcspn(line, "\r"), line);
        return value;
    }
    return NULL;
}

http_reply client_request(int port, const char *method, const char *target, const char *headers,
                          const char *body)
{
    http_reply got = {0};
    char *text = NULL;
    const bool has_body = body && *body;
    const int fd = client_connect(port);
    const int size = asprintf(&text, "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n%s",
                              method, target, headers);
    assert_true(size > 0);
    client_send(fd, text, (size_t)size);
    free(text);
    if (has_body) {
        char length[64];
        const int length_size =
            snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", strlen(body));
        client_send(fd, length, (size_t)length_size);
        client_send(fd, body, strlen(body));
    } else {
        client_send(fd, "\r\n", 2);
    }
    assert_true(client_read(fd, strcmp(method, "HEAD") == 0, &got));
    close(fd);
    return got;
}

http_reply client_get(int port, const char *target)
{
    return client_request(port, "GET", target, "", NULL);
}
