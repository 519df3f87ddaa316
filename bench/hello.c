/* SPDX-License-Identifier: MIT
 *
 * hello.c - the least that Ulfius can do, in the configuration that riacho uses: what serve.c
 * compares reads with. Prints `ready http://127.0.0.1:PORT` and serves until its stdin closes.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <ulfius.h>
#include <unistd.h>

static int hello(const struct _u_request *request, struct _u_response *response, void *arg)
{
    static const char body[] =
        "{\"slug\":\"ghostzinho\",\"name\":\"Ghostzinho\",\"satiety\":71.99,\"affection\":67.99,"
        "\"cleanliness\":59.99,\"mood\":\"CALM\",\"level\":1,\"experience\":20,\"fed\":1,"
        "\"petted\":1,"
        "\"bathed\":0,\"wardrobe\":[],\"wearing\":null,\"look\":\"classic\",\"updatedMs\":"
        "1795321021237}";
    (void)request;
    (void)arg;
    u_map_put(response->map_header, "Content-Type", "application/json");
    ulfius_set_binary_body_response(response, 200, body, sizeof body - 1);
    return U_CALLBACK_CONTINUE;
}

int main(void)
{
    struct _u_instance instance;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int probe = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(probe, (struct sockaddr *)&address, size) != 0 ||
        getsockname(probe, (struct sockaddr *)&address, &size) != 0)
        return 1;
    close(probe);
    if (ulfius_init_instance(&instance, ntohs(address.sin_port), &address, NULL) != U_OK)
        return 1;
    ulfius_add_endpoint_by_val(&instance, "GET", "/api", "/pets/:id", 0, &hello, NULL);
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_THREAD_POOL_SIZE, 16, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, 10, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, 1024, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, 1000, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, 16384, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)mhd_request_completed, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)ulfius_uri_logger, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    if (ulfius_start_framework_with_mhd_options(&instance, MHD_USE_EPOLL_INTERNAL_THREAD,
                                                options) != U_OK)
        return 1;
    printf("ready http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    ulfius_stop_framework(&instance);
    ulfius_clean_instance(&instance);
    return 0;
}
