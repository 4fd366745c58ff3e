/* listener: see listener.h. One network thread (libmicrohttpd) reads and writes; connections whose request waits for
 * the worker are suspended; a housekeeping thread cuts those that take too long. */
#include "serve/listener.h"

#include <math.h>
#include <microhttpd.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "serve/exchange.h"
#include "serve/guard.h"

static const char operation[] = "serve";
enum { MAX_PEM_BYTES = 1 << 20, CONNECTION_MEMORY_BYTES = 32 << 10, KEEP_ALIVE_S = 10 };

/* What the housekeeping looks at: what a connection is doing, and since when. */
typedef enum activity { READING, WORKING, SENDING, STREAMING } activity;
typedef struct connection {
    int socket;
    activity doing;
    double since_s;
    gad_exchange *exchange; /* while streaming */
    struct connection *next, *previous;
} connection;

struct gad_listener {
    gad_serve_settings settings;
    const gad_route *routes;
    size_t route_count;
    void (*on_done)(void *app, int status);
    gad_listener_shared shared;
    struct MHD_Daemon *daemon;
    connection *connections;
    int64_t connection_count;
    volatile bool stopping; /* written by signal handlers */
    bool housekeeping;
    pthread_t housekeeper;
    int port;
};

gad_listener_shared *gad_listener_share(gad_listener *listener)
{
    return &listener->shared;
}

int gad_listener_port(const gad_listener *listener)
{
    return listener->port;
}

void gad_listener_stop(gad_listener *listener)
{
    listener->stopping = true; /* the housekeeper sees it and wakes the worker */
}

gad_listener_now gad_listener_look(gad_listener *listener)
{
    pthread_mutex_lock(&listener->shared.lock);
    gad_listener_now now = {listener->shared.queued, listener->connection_count, listener->stopping};
    pthread_mutex_unlock(&listener->shared.lock);
    return now;
}

/* ---- connections --------------------------------------------------------------------------------------------------- */

static void do_now(gad_exchange *x, activity doing)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    connection *c = info ? info->socket_context : NULL;
    if (!c)
        return;
    pthread_mutex_lock(&x->listener->shared.lock);
    c->doing = doing;
    c->since_s = gad_clock_seconds();
    c->exchange = doing == STREAMING ? x : NULL;
    pthread_mutex_unlock(&x->listener->shared.lock);
}

static void connection_begins(gad_listener *listener, struct MHD_Connection *mhd, void **context)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    connection *c = gad_memory_zero(1, sizeof *c);
    if (!c || !info)
        return; /* it then has no deadline of ours but that of libmicrohttpd */
    *c = (connection){.socket = info->connect_fd, .since_s = gad_clock_seconds()};
    pthread_mutex_lock(&listener->shared.lock);
    c->next = listener->connections;
    if (c->next)
        c->next->previous = c;
    listener->connections = c;
    listener->connection_count++;
    pthread_mutex_unlock(&listener->shared.lock);
    *context = c;
}

static void connection_ends(gad_listener *listener, void **context)
{
    connection *c = *context;
    if (!c)
        return;
    pthread_mutex_lock(&listener->shared.lock);
    if (c->next)
        c->next->previous = c->previous;
    if (c->previous)
        c->previous->next = c->next;
    else
        listener->connections = c->next;
    listener->connection_count--;
    pthread_mutex_unlock(&listener->shared.lock);
    gad_memory_free(c);
    *context = NULL;
}

static void on_connection(void *self, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        connection_begins(self, mhd, context);
    else
        connection_ends(self, context);
}

/* ---- housekeeping -------------------------------------------------------------------------------------------------- */

static double allowed_s(const gad_serve_settings *s, activity doing)
{
    return doing == READING ? s->read_timeout_s : doing == SENDING ? s->send_timeout_s : (double)INFINITY;
}

/* Cuts what takes too long; a stream that is silent gets a comment line (an event stream ignores it). Under the lock, so
 * that no socket is closed and used again meanwhile. */
static void keep_house(gad_listener *listener)
{
    double now = gad_clock_seconds();
    for (connection *c = listener->connections; c; c = c->next) {
        if (now - c->since_s > allowed_s(&listener->settings, c->doing))
            shutdown(c->socket, SHUT_RDWR);
        gad_exchange *x = c->doing == STREAMING ? c->exchange : NULL;
        if (x && x->stream.silent && !x->stream.ended && now - x->stream.last_s > KEEP_ALIVE_S) {
            gad_string_add(&x->stream.waiting, ": still at work\n\n");
            x->stream.last_s = now;
            x->stream.silent = false;
            MHD_resume_connection(x->connection);
        }
    }
}

static void *housekeep(void *self)
{
    gad_listener *listener = self;
    while (!listener->stopping) {
        usleep(100 * 1000);
        pthread_mutex_lock(&listener->shared.lock);
        keep_house(listener);
        pthread_mutex_unlock(&listener->shared.lock);
    }
    pthread_mutex_lock(&listener->shared.lock);
    listener->shared.ended = true;
    pthread_cond_broadcast(&listener->shared.work);
    pthread_mutex_unlock(&listener->shared.lock);
    return NULL;
}

/* ---- requests ------------------------------------------------------------------------------------------------------ */

static const char *query_of(const gad_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

static const char *header_of(const gad_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

/* Does the path fit the route? Then parameters point into the path, which is cut between its components. */
static bool match_path(const char *pattern, char *path, gad_request *request)
{
    char *at = path, *cut[2 * GAD_REQUEST_PARAMETERS];
    int parameters = 0, cuts = 0;
    while (*pattern && *pattern != '{' && *pattern == *at)
        pattern++, at++;
    while (*pattern == '{' && parameters < GAD_REQUEST_PARAMETERS) {
        size_t length = strcspn(at, "/");
        if (!length)
            return false;
        request->parameter[parameters++] = at;
        at += length;
        cut[cuts++] = at;
        pattern += strcspn(pattern, "}") + 1;
        while (*pattern && *pattern != '{' && *pattern == *at)
            pattern++, at++;
    }
    if (*pattern || *at)
        return false;
    for (int i = 0; i < cuts; i++)
        *cut[i] = 0;
    return true;
}

static const gad_route *find_route(const gad_listener *listener, const char *method, gad_exchange *x, bool *other_method)
{
    if (!strcmp(method, "HEAD"))
        method = "GET";
    for (size_t i = 0; i < listener->route_count; i++) {
        const gad_route *route = &listener->routes[i];
        gad_request trial = x->request;
        bool named = !strcmp(method, gad_method_name(route->method));
        char *copy = named ? NULL : gad_memory_copy_string(x->path);
        bool fits = named ? match_path(route->path, x->path, &trial) : copy && match_path(route->path, copy, &trial);
        gad_memory_free(copy);
        *other_method |= fits && !named;
        if (fits && named) {
            x->request = trial;
            x->request.method = route->method;
            return route;
        }
    }
    return NULL;
}

/* What can be refused before the body is read. */
static void check_head(gad_exchange *x, const char *method)
{
    gad_listener *listener = x->listener;
    const gad_serve_settings *s = &listener->settings;
    bool other_method = false;
    const char *length = header_of(x, MHD_HTTP_HEADER_CONTENT_LENGTH), *why = NULL;
    x->route = find_route(listener, method, x, &other_method);
    if (!gad_guard_host(header_of(x, MHD_HTTP_HEADER_HOST), s->address, &why) ||
        !gad_guard_origin(x->request.method, header_of(x, MHD_HTTP_HEADER_ORIGIN), header_of(x, MHD_HTTP_HEADER_HOST),
                          s->certificate != NULL, &why))
        gad_response_refuse(&x->response, 403, "forbidden", "%s", why);
    else if (!x->route)
        gad_response_refuse(&x->response, other_method ? 405 : 404, other_method ? "method_not_allowed" : "not_found",
                            "%.16s %.200s is not served here", method, x->request.path);
    else if (!x->route->open && !gad_guard_key(s->key, x->request.authorization))
        gad_response_refuse(&x->response, 401, "invalid_api_key", "give the key as \"Authorization: Bearer KEY\"");
    else if (length && strtoull(length, NULL, 10) > (unsigned long long)s->body_bytes)
        gad_response_refuse(&x->response, 413, "too_large", "at most %lld bytes are taken", (long long)s->body_bytes);
    else if (listener->stopping)
        gad_response_refuse(&x->response, 503, "stopping", "the server is stopping");
    x->refused = x->response.status != 200;
}

static gad_exchange *begin_exchange(gad_listener *listener, struct MHD_Connection *mhd, const char *url, const char *method)
{
    gad_exchange *x = gad_memory_zero(1, sizeof *x);
    if (!x)
        return NULL;
    x->listener = listener;
    x->connection = mhd;
    x->users = 1;
    x->stream.exchange = x;
    x->response = (gad_response){.status = 200, .type = "application/json", .file = -1};
    x->path = gad_memory_copy_string(url);
    if (!x->path) {
        gad_memory_free(x);
        return NULL;
    }
    x->request = (gad_request){.path = url,
                               .content_type = header_of(x, MHD_HTTP_HEADER_CONTENT_TYPE),
                               .authorization = header_of(x, MHD_HTTP_HEADER_AUTHORIZATION),
                               .query = query_of,
                               .exchange = x};
    check_head(x, method);
    return x;
}

/* A piece of the body. What is over a bound is read and forgotten, so that the client hears the answer; one that goes on
 * and on is cut. */
static enum MHD_Result take_body(gad_exchange *x, const char *bytes, size_t length)
{
    gad_listener *listener = x->listener;
    pthread_mutex_lock(&listener->shared.lock);
    bool over_all = listener->shared.bodies_bytes + length > (size_t)listener->settings.all_bodies_bytes;
    if (!x->too_large && !over_all)
        listener->shared.bodies_bytes += length;
    pthread_mutex_unlock(&listener->shared.lock);
    if (x->too_large || over_all || x->body.length + length > (size_t)listener->settings.body_bytes) {
        if (!x->too_large)
            gad_response_refuse(&x->response, over_all ? 503 : 413, over_all ? "busy" : "too_large",
                                over_all ? "too much is being received at once; try again" : "the request is too large");
        x->too_large = true;
        return MHD_YES;
    }
    gad_string_append(&x->body, bytes, length);
    return MHD_YES;
}

/* ---- responses ----------------------------------------------------------------------------------------------------- */

/* Bytes for the network thread; none yet: the connection sleeps until the worker has some. */
static ssize_t read_stream(void *self, uint64_t position, char *buffer, size_t size)
{
    (void)position;
    gad_exchange *x = self;
    gad_stream *stream = &x->stream;
    pthread_mutex_lock(&x->listener->shared.lock);
    size_t n = stream->waiting.length < size ? stream->waiting.length : size;
    ssize_t result = (ssize_t)n;
    if (n) {
        memcpy(buffer, stream->waiting.data, n);
        memmove(stream->waiting.data, stream->waiting.data + n, stream->waiting.length - n);
        stream->waiting.length -= n;
    } else if (stream->ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        stream->silent = true;
        MHD_suspend_connection(x->connection);
    }
    pthread_mutex_unlock(&x->listener->shared.lock);
    return result;
}

static struct MHD_Response *make_response(gad_exchange *x)
{
    struct stat file;
    if (x->response.stream)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, x, NULL);
    if (x->response.file >= 0 && !fstat(x->response.file, &file) && file.st_size >= 0) {
        struct MHD_Response *response = MHD_create_response_from_fd64((uint64_t)file.st_size, x->response.file);
        if (response)
            x->response.file = -1; /* libmicrohttpd closes it */
        return response;
    }
    return MHD_create_response_from_buffer(x->response.body.length, x->response.body.data, MHD_RESPMEM_PERSISTENT);
}

static void add_headers(const gad_exchange *x, struct MHD_Response *response)
{
    char text[256];
    const gad_response *r = &x->response;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, r->cacheable ? "private, max-age=86400" : "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "X-Frame-Options", "DENY");
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
                            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    if (r->retry_after_s) {
        snprintf(text, sizeof text, "%d", r->retry_after_s);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, text);
    }
    if (r->status == 401)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (r->file_name) {
        snprintf(text, sizeof text, "attachment; filename=\"%s\"", r->file_name);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, text);
    }
}

static enum MHD_Result send_response(gad_exchange *x)
{
    if (x->response.body.failed && !x->response.stream)
        gad_response_refuse(&x->response, 503, "memory", "no memory for the answer");
    struct MHD_Response *response = make_response(x);
    if (!response)
        return MHD_NO;
    add_headers(x, response);
    x->sent = true;
    do_now(x, x->response.stream ? STREAMING : SENDING);
    enum MHD_Result result = MHD_queue_response(x->connection, (unsigned)x->response.status, response);
    MHD_destroy_response(response);
    return result;
}

/* Hands a whole request to the worker, or refuses it when too many wait. */
static enum MHD_Result enqueue(gad_exchange *x)
{
    gad_listener *listener = x->listener;
    pthread_mutex_lock(&listener->shared.lock);
    bool full = listener->shared.queued >= listener->settings.queue || listener->shared.closed;
    if (!full) {
        x->users++;
        x->next = NULL;
        if (listener->shared.last)
            listener->shared.last->next = x;
        else
            listener->shared.first = x;
        listener->shared.last = x;
        listener->shared.queued++;
        MHD_suspend_connection(x->connection);
        pthread_cond_signal(&listener->shared.work);
    }
    pthread_mutex_unlock(&listener->shared.lock);
    if (!full)
        return MHD_YES;
    x->response.retry_after_s = 1;
    gad_response_refuse(&x->response, 503, "busy", "%lld requests are waiting already; try again",
                        (long long)listener->settings.queue);
    return send_response(x);
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **context)
{
    (void)version;
    gad_exchange *x = *context;
    if (!x) {
        x = *context = begin_exchange(self, mhd, url, method);
        return !x ? MHD_NO : x->refused ? send_response(x) : MHD_YES;
    }
    if (*upload_bytes) {
        size_t length = *upload_bytes;
        *upload_bytes = 0;
        return x->sent ? MHD_YES : take_body(x, upload, length);
    }
    if (x->sent)
        return MHD_YES;
    if (x->body.failed && !x->too_large)
        gad_response_refuse(&x->response, 503, "memory", "no memory for the request");
    if (x->ready || x->too_large || x->body.failed)
        return send_response(x);
    x->request.body = gad_string_text(&x->body);
    x->request.body_bytes = x->body.length;
    do_now(x, WORKING);
    if (x->route->queued)
        return enqueue(x);
    x->route->handle(x->listener->shared.app, &x->request, &x->response);
    x->ready = true;
    return send_response(x);
}

void gad_exchange_release(gad_exchange *x)
{
    gad_listener_shared *shared = &x->listener->shared;
    pthread_mutex_lock(&shared->lock);
    bool last = --x->users == 0;
    if (last)
        shared->bodies_bytes -= x->body.length < shared->bodies_bytes ? x->body.length : shared->bodies_bytes;
    pthread_mutex_unlock(&shared->lock);
    if (!last)
        return;
    if (x->response.file >= 0)
        close(x->response.file);
    gad_string_free(&x->response.body);
    gad_string_free(&x->stream.waiting);
    gad_string_free(&x->body);
    gad_memory_free(x->path);
    gad_memory_free(x);
}

static void on_completed(void *self, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
    (void)mhd, (void)code;
    gad_listener *listener = self;
    gad_exchange *x = *context;
    if (!x)
        return;
    do_now(x, READING);
    pthread_mutex_lock(&listener->shared.lock);
    x->gone = true;
    pthread_mutex_unlock(&listener->shared.lock);
    if (listener->on_done)
        listener->on_done(listener->shared.app, x->response.status);
    gad_exchange_release(x);
    *context = NULL;
}

/* ---- opening and closing ------------------------------------------------------------------------------------------- */

static gad_status resolve(const gad_serve_settings *s, struct addrinfo **found, gad_error *err)
{
    char port[16];
    snprintf(port, sizeof port, "%lld", (long long)s->port);
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    if (s->port < 0 || s->port > 65535 || getaddrinfo(s->address, port, &hints, found))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "give a numeric address such as 127.0.0.1 or 0.0.0.0",
                             "%s port %lld is not an address to listen at", s->address, (long long)s->port);
    return GAD_OK;
}

static gad_status read_pem(const gad_serve_settings *s, char *pem[2], gad_error *err)
{
    const char *path[2] = {s->certificate, s->certificate_key};
    size_t size;
    if (!path[0] != !path[1])
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "TLS needs a certificate and its key");
    gad_status status = GAD_OK;
    for (int i = 0; i < 2 && path[i] && !status; i++)
        status = gad_file_read(path[i], MAX_PEM_BYTES, &pem[i], &size, err);
    return status;
}

static gad_status start_daemon(gad_listener *listener, const struct addrinfo *address, char *pem[2], gad_error *err)
{
    const gad_serve_settings *s = &listener->settings;
    /* poll: with epoll a client that closes right after a part of its request is noticed at the time-out only */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0) | (pem[0] ? MHD_USE_TLS : 0);
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, pem[0]}, {MHD_OPTION_HTTPS_MEM_KEY, 0, pem[1]}, {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    listener->daemon = MHD_start_daemon(
        flags, (uint16_t)s->port, NULL, NULL, on_request, listener, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)s->idle_timeout_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        listener, MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
        MHD_OPTION_ARRAY, pem[0] ? tls : plain, MHD_OPTION_END);
    if (!listener->daemon)
        return gad_error_set(err, GAD_E_IO, operation, "is another program using it? choose another --port",
                             "cannot listen at %s port %lld", s->address, (long long)s->port);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_BIND_PORT);
    listener->port = info ? info->port : (int)s->port;
    return GAD_OK;
}

gad_status gad_listener_open(const gad_serve_settings *settings, const gad_route *routes, size_t route_count, void *app,
                             void (*on_done)(void *app, int status), gad_listener **listener, gad_error *err)
{
    gad_listener *l = gad_memory_zero(1, sizeof *l);
    struct addrinfo *address = NULL;
    char *pem[2] = {0};
    if (!l)
        return gad_error_memory(err, operation, sizeof *l);
    l->settings = *settings;
    l->routes = routes;
    l->route_count = route_count;
    l->shared.app = app;
    l->on_done = on_done;
    pthread_mutex_init(&l->shared.lock, NULL);
    pthread_cond_init(&l->shared.work, NULL);
    gad_status status = resolve(settings, &address, err);
    if (!status)
        status = read_pem(settings, pem, err);
    if (!status)
        status = start_daemon(l, address, pem, err);
    if (!status) {
        l->housekeeping = !pthread_create(&l->housekeeper, NULL, housekeep, l);
        if (!l->housekeeping)
            status = gad_error_set(err, GAD_E_MEMORY, operation, NULL, "no thread can be started");
    }
    if (address)
        freeaddrinfo(address);
    gad_memory_free(pem[0]);
    gad_memory_free(pem[1]);
    if (status)
        gad_listener_free(l);
    else
        *listener = l;
    return status;
}

void gad_listener_free(gad_listener *listener)
{
    if (!listener)
        return;
    listener->stopping = true;
    if (listener->housekeeping)
        pthread_join(listener->housekeeper, NULL);
    if (listener->daemon)
        MHD_stop_daemon(listener->daemon);
    pthread_cond_destroy(&listener->shared.work);
    pthread_mutex_destroy(&listener->shared.lock);
    gad_memory_free(listener);
}
