/* listener: the HTTP side of the server, over libmicrohttpd. In: an address, limits, a table of routes. Out: each request,
 * whole and checked (size, time, key, origin), to its handler, either at once or in order by the one worker that owns the
 * engine. Knows nothing of what is served. */
#ifndef GAD_SERVE_LISTENER_H
#define GAD_SERVE_LISTENER_H
#include "gad_serve.h"
#include "serve/message.h"

typedef void (*gad_handler)(void *app, const gad_request *request, gad_response *response);

/* Requests that wait at the same time, and are answered together. */
enum { GAD_LISTENER_CALLS = 8 };
typedef struct gad_call {
    const gad_request *request;
    gad_response *response;
} gad_call;
typedef void (*gad_calls_handler)(void *app, const gad_call *call, int count);

typedef struct gad_route {
    gad_method method;
    const char *path; /* "/v1/results/{id}": a {name} stands for one component */
    gad_handler handle;
    bool queued; /* by the worker, in order; else at once: such a handler may not take long */
    bool open;   /* without a key */
    /* In place of `handle`, of a queued route: gets a request, and those of its route that wait behind it. */
    gad_calls_handler handle_calls;
} gad_route;

typedef struct gad_listener gad_listener;

/* `routes` outlive the listener; `on_done` (may be NULL) hears of every finished request. */
gad_status gad_listener_open(const gad_serve_settings *settings, const gad_route *routes, size_t route_count, void *app,
                             void (*on_done)(void *app, int status), gad_listener **listener, gad_error *err);
int gad_listener_port(const gad_listener *listener);
/* Runs queued requests on the calling thread until gad_listener_stop; what was accepted by then is finished. */
void gad_listener_work(gad_listener *listener);
/* May be called from any thread and from a signal handler. */
void gad_listener_stop(gad_listener *listener);
/* After gad_listener_work has returned. */
void gad_listener_free(gad_listener *listener);

typedef struct gad_listener_now {
    int64_t queued, connections;
    bool stopping;
} gad_listener_now;
gad_listener_now gad_listener_look(gad_listener *listener);

/* The response to one of several calls is whole: it goes out now, not when the handler is done with the others. */
void gad_listener_answer(const gad_request *request);

/* ---- streams: a queued handler may send its response while it makes it ----------------------------------------------- */

/* Begin: the response goes out with its status and type, and what is in its body so far. */
gad_stream *gad_stream_begin(gad_response *response, const gad_request *request);
/* False when the client has gone: stop. A line that keeps the connection alive is sent by itself after 10 s of silence. */
bool gad_stream_write(gad_stream *stream, const char *bytes, size_t length);
#endif
