/* http_host: whether a redirect stays with the host that was asked. In: two addresses. Out: yes or no. */
#ifndef GAD_IO_HTTP_HOST_H
#define GAD_IO_HTTP_HOST_H
#include <stdbool.h>

/* A key and pictures may go where they were sent, and nowhere else; encryption is not given up. `from` may name a user. */
bool gad_http_host_same(const char *from, const char *to);
#endif
