/* guard: see guard.h */
#include "serve/guard.h"

#include <string.h>
#include <strings.h>

bool gad_guard_key(const char *key, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (!key)
        return true;
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1))
        return false;
    const char *given = authorization + sizeof scheme - 1;
    size_t length = strlen(key), given_length = strlen(given);
    unsigned char apart = length != given_length;
    for (size_t i = 0; i < length; i++)
        apart |= (unsigned char)(key[i] ^ given[given_length ? i % given_length : 0]);
    return !apart;
}

/* Does `host` ("name", "name:port", "[::1]:port") have that name? */
static bool host_is(const char *host, const char *name)
{
    size_t length = strlen(name);
    return !strncasecmp(host, name, length) && (!host[length] || host[length] == ':');
}

static bool is_loopback(const char *address)
{
    return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

bool gad_guard_host(const char *host, const char *address, const char **why)
{
    if (!host || !is_loopback(address) || host_is(host, "localhost") || host_is(host, "127.0.0.1") ||
        host_is(host, "[::1]") || host_is(host, address))
        return true;
    *why = "the server listens on this machine only and answers to localhost";
    return false;
}

bool gad_guard_origin(gad_method method, const char *origin, const char *host, bool tls, const char **why)
{
    const char *scheme = tls ? "https://" : "http://";
    if (method == GAD_METHOD_GET || !origin)
        return true;
    if (host && !strncasecmp(origin, scheme, strlen(scheme)) && !strcasecmp(origin + strlen(scheme), host))
        return true;
    *why = "the request comes from a page of another site";
    return false;
}
