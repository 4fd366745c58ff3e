/* http_host: see http_host.h */
#include "io/http_host.h"

#include <string.h>
#include <strings.h>

#include "base/string.h"

/* Scheme and host of an absolute address, without the port. False when it names a user, who is not ours. */
static bool read_host(const char *url, const char **host, size_t *length)
{
    const char *scheme = strstr(url, "://");
    *host = scheme ? scheme + 3 : url;
    size_t authority = strcspn(*host, "/?#");
    if (!scheme || memchr(*host, '@', authority) || memchr(*host, '\\', authority))
        return false;
    *length = **host == '[' ? strcspn(*host, "]") : strcspn(*host, ":/?#");
    return true;
}

bool gad_http_host_same(const char *from, const char *to)
{
    const char *at = strstr(from, "://"), *user = at ? memchr(at + 3, '@', strcspn(at + 3, "/?#")) : NULL, *host[2];
    size_t length[2];
    gad_string plain = {0};
    gad_string_add(&plain, "x://");
    gad_string_add(&plain, user ? user + 1 : at ? at + 3 : from);
    bool same = read_host(gad_string_text(&plain), &host[0], &length[0]) && read_host(to, &host[1], &length[1]) &&
                length[0] == length[1] && !strncasecmp(host[0], host[1], length[0]) &&
                (strncmp(from, "https:", 6) != 0 || !strncmp(to, "https:", 6));
    gad_string_free(&plain);
    return same;
}
