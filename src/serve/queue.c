/* queue: see listener.h: the worker's side of a listener: takes requests in order, and streams. */
#include "serve/exchange.h"

#include <microhttpd.h>

#include "base/clock.h"

/* The next request; NULL when the listener stops and none is left. */
static gad_exchange *take_next(gad_listener_shared *shared)
{
    pthread_mutex_lock(&shared->lock);
    while (!shared->first && !shared->ended)
        pthread_cond_wait(&shared->work, &shared->lock);
    gad_exchange *x = shared->first;
    if (x) {
        shared->first = x->next;
        shared->last = x->next ? shared->last : NULL;
    }
    shared->closed = !x;
    pthread_mutex_unlock(&shared->lock);
    return x;
}

void gad_listener_work(gad_listener *listener)
{
    gad_listener_shared *shared = gad_listener_share(listener);
    for (gad_exchange *x; (x = take_next(shared)); gad_exchange_release(x)) {
        x->route->handle(shared->app, &x->request, &x->response);
        pthread_mutex_lock(&shared->lock);
        shared->queued--;
        bool streamed = x->response.stream, wake = !streamed || x->stream.silent;
        x->ready = true;
        x->stream.ended = true;
        x->stream.silent = false;
        if (wake && !x->gone)
            MHD_resume_connection(x->connection);
        pthread_mutex_unlock(&shared->lock);
    }
}

gad_stream *gad_stream_begin(gad_response *response, const gad_request *request)
{
    gad_exchange *x = request->exchange;
    gad_listener_shared *shared = gad_listener_share(x->listener);
    pthread_mutex_lock(&shared->lock);
    response->stream = &x->stream;
    x->stream.waiting = response->body;
    x->stream.last_s = gad_clock_seconds();
    response->body = (gad_string){0};
    x->ready = true;
    MHD_resume_connection(x->connection);
    pthread_mutex_unlock(&shared->lock);
    return response->stream;
}

bool gad_stream_write(gad_stream *stream, const char *bytes, size_t length)
{
    gad_exchange *x = stream->exchange;
    gad_listener_shared *shared = gad_listener_share(x->listener);
    pthread_mutex_lock(&shared->lock);
    gad_string_append(&stream->waiting, bytes, length);
    stream->last_s = gad_clock_seconds();
    bool wake = stream->silent && !x->gone, there = !x->gone && !stream->waiting.failed;
    stream->silent = false;
    if (wake)
        MHD_resume_connection(x->connection);
    pthread_mutex_unlock(&shared->lock);
    return there;
}
