/* exchange: one request and its response on their way through the listener: shared by the network thread and the worker,
 * freed by the last of the two. Only for listener.c, queue.c and stream.c. */
#ifndef GAD_SERVE_EXCHANGE_H
#define GAD_SERVE_EXCHANGE_H
#include <pthread.h>

#include "serve/listener.h"

struct MHD_Connection;
typedef struct gad_exchange gad_exchange;

struct gad_stream {
    gad_exchange *exchange;
    gad_string waiting; /* made, not yet sent */
    bool ended, silent; /* silent: the connection is suspended for lack of bytes */
    double last_s;      /* when bytes were last given */
};

struct gad_exchange {
    gad_listener *listener;
    struct MHD_Connection *connection;
    const gad_route *route;
    gad_request request;
    gad_response response;
    char *path; /* a copy, cut at the parameters */
    gad_string body;
    bool refused;  /* the response was made before the body was read */
    bool ready;    /* the response is made, or begun as a stream */
    bool sent;     /* given to the network */
    bool answered; /* the worker is done with it */
    bool gone;     /* the client is no longer there */
    bool too_large;
    int users;
    gad_stream stream;
    gad_exchange *next; /* in the queue */
};

/* The parts of a listener that more than one file touches; `lock` guards them and all exchanges' shared fields. */
typedef struct gad_listener_shared {
    void *app; /* what handlers get */
    pthread_mutex_t lock;
    pthread_cond_t work; /* something to do for the worker, or the end */
    gad_exchange *first, *last;
    int64_t queued;
    size_t bodies_bytes;
    bool ended, closed; /* told to stop; the worker has left */
} gad_listener_shared;
gad_listener_shared *gad_listener_share(gad_listener *listener);

/* Gives one of its users up. */
void gad_exchange_release(gad_exchange *exchange);
#endif
