/* client: see client.h */
#include "serve/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/support.h"

int client_dial(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void client_say(int fd, const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        ssize_t n = send(fd, bytes + at, length - at, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += (size_t)n;
    }
}

const char *client_hear(int fd, double wait_s, size_t *length)
{
    static char text[1 << 21];
    size_t n = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (n < sizeof text - 1 && poll(&p, 1, (int)(1000 * wait_s)) > 0) {
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    text[n] = 0;
    if (length)
        *length = n;
    return text;
}

int client_begin(int port, const char *method, const char *path, const char *type, const void *body, size_t body_bytes)
{
    char head[1024];
    int fd = client_dial(port), n;
    n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, path);
    if (body)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, body_bytes);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    client_say(fd, head, (size_t)n);
    if (body)
        client_say(fd, body, body_bytes);
    return fd;
}

const char *client_body(const char *answer, int *status)
{
    const char *end = strstr(answer, "\r\n\r\n");
    *status = strncmp(answer, "HTTP/1.1 ", 9) ? 0 : atoi(answer + 9);
    return end ? end + 4 : "";
}

const char *client_ask(int port, const char *method, const char *path, const char *type, const void *body,
                       size_t body_bytes, int *status, size_t *length)
{
    size_t all;
    int fd = client_begin(port, method, path, type, body, body_bytes);
    const char *answer = client_hear(fd, 60, &all), *rest = client_body(answer, status);
    close(fd);
    if (length)
        *length = *rest ? all - (size_t)(rest - answer) : 0;
    return rest;
}
