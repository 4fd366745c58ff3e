/* server: see server.h */
#include "support/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct MHD_Daemon *server;

typedef struct upload {
    char *data;
    size_t length;
} upload;

enum MHD_Result server_reply(struct MHD_Connection *connection, unsigned status, const char *text, const char *retry_after)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (retry_after)
        MHD_add_response_header(response, "Retry-After", retry_after);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *data_size, void **state)
{
    (void)version, (void)method;
    upload *body = *state;
    if (!body) {
        *state = calloc(1, sizeof *body);
        return MHD_YES;
    }
    if (*data_size) {
        body->data = realloc(body->data, body->length + *data_size + 1);
        memcpy(body->data + body->length, data, *data_size);
        body->length += *data_size;
        body->data[body->length] = 0;
        *data_size = 0;
        return MHD_YES;
    }
    return (*(server_answer *)user)(connection, url, body->data ? body->data : "");
}

static void done(void *user, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
    (void)user, (void)connection, (void)code;
    upload *body = *state;
    if (body)
        free(body->data);
    free(body);
}

unsigned server_start(server_answer answer)
{
    static server_answer asked;
    asked = answer;
    setenv("no_proxy", "127.0.0.1", 1);
    setenv("NO_PROXY", "127.0.0.1", 1);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL, NULL, handle, &asked,
                         MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = server ? MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    return info ? info->port : 0;
}

void server_stop(void)
{
    MHD_stop_daemon(server);
    server = NULL;
}
