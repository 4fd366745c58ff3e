/* guard: who may ask: the key, and requests that a foreign page makes a browser send (forged requests, rebound names). In:
 * headers. Out: yes, or why not. */
#ifndef GAD_SERVE_GUARD_H
#define GAD_SERVE_GUARD_H
#include "serve/message.h"

/* "Bearer KEY" with that key, compared in constant time; anything when key is NULL. */
bool gad_guard_key(const char *key, const char *authorization);
/* A server on a loopback address answers to loopback names only, so that no foreign name can be pointed at it. */
bool gad_guard_host(const char *host, const char *address, const char **why);
/* A request that changes something and comes from a page (it has an Origin) has to come from our own page. */
bool gad_guard_origin(gad_method method, const char *origin, const char *host, bool tls, const char **why);
#endif
