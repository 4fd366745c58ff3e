/* server: a real HTTP server on loopback for tests of what asks one. In: how a request is answered. Out: a port. */
#ifndef GAD_TESTS_SUPPORT_SERVER_H
#define GAD_TESTS_SUPPORT_SERVER_H
#include <microhttpd.h>

/* Called in a thread of the connection's own; `body` is the whole request, zero-terminated. MHD_NO drops the connection. */
typedef enum MHD_Result (*server_answer)(struct MHD_Connection *connection, const char *url, const char *body);

/* The port; 0 when it could not be started. One server at a time. */
unsigned server_start(server_answer answer);
void server_stop(void);
/* `retry_after` NULL: no such header. */
enum MHD_Result server_reply(struct MHD_Connection *connection, unsigned status, const char *text, const char *retry_after);
#endif
