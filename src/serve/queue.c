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

/* Those of the first one's route that wait behind it, in their order; how many there are with it. */
static int take_alike(gad_listener_shared *shared, gad_exchange *taken[GAD_LISTENER_CALLS])
{
    int count = 1;
    pthread_mutex_lock(&shared->lock);
    gad_exchange *before = NULL;
    for (gad_exchange *x = shared->first, *next; x && count < GAD_LISTENER_CALLS; x = next) {
        next = x->next;
        if (x->route != taken[0]->route) {
            before = x;
            continue;
        }
        taken[count++] = x;
        if (before)
            before->next = next;
        else
            shared->first = next;
        shared->last = next ? shared->last : before;
    }
    pthread_mutex_unlock(&shared->lock);
    return count;
}

static void answer(gad_listener_shared *shared, gad_exchange *x)
{
    pthread_mutex_lock(&shared->lock);
    if (!x->answered) {
        bool streamed = x->response.stream, wake = !streamed || x->stream.silent;
        shared->queued--;
        x->answered = true;
        x->ready = true;
        x->stream.ended = true;
        x->stream.silent = false;
        if (wake && !x->gone)
            MHD_resume_connection(x->connection);
    }
    pthread_mutex_unlock(&shared->lock);
}

void gad_listener_answer(const gad_request *request)
{
    answer(gad_listener_share(request->exchange->listener), request->exchange);
}

static void handle(gad_listener_shared *shared, gad_exchange *first)
{
    gad_exchange *taken[GAD_LISTENER_CALLS] = {first};
    gad_call call[GAD_LISTENER_CALLS];
    int count = first->route->handle_calls ? take_alike(shared, taken) : 1;
    for (int i = 0; i < count; i++)
        call[i] = (gad_call){&taken[i]->request, &taken[i]->response};
    if (first->route->handle_calls)
        first->route->handle_calls(shared->app, call, count);
    else
        first->route->handle(shared->app, &first->request, &first->response);
    for (int i = 0; i < count; i++) {
        answer(shared, taken[i]);
        gad_exchange_release(taken[i]);
    }
}

void gad_listener_work(gad_listener *listener)
{
    gad_listener_shared *shared = gad_listener_share(listener);
    for (gad_exchange *x; (x = take_next(shared));)
        handle(shared, x);
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
