/* client: the smallest HTTP client that the tests of the server need, over raw sockets of this machine. */
#ifndef GAD_TESTS_CLIENT_H
#define GAD_TESTS_CLIENT_H
#include <stddef.h>

/* A connection to a port of this machine. */
int client_dial(int port);
void client_say(int fd, const char *bytes, size_t length);
/* All that comes until the other side closes, or for `wait_s` seconds of silence; zero-terminated, valid until the next
 * call; *length may be NULL. */
const char *client_hear(int fd, double wait_s, size_t *length);

/* A request that was sent, to be heard and closed. */
int client_begin(int port, const char *method, const char *path, const char *type, const void *body, size_t body_bytes);
/* The body of what was heard, and its status. */
const char *client_body(const char *answer, int *status);
/* One request, one response; `body` NULL: none. The body of the answer, valid until the next call. */
const char *client_ask(int port, const char *method, const char *path, const char *type, const void *body,
                       size_t body_bytes, int *status, size_t *length);
#endif
