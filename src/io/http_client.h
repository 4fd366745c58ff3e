/* http_client: HTTP requests of one thread, several in flight, with retries. In: URL and body. Out: finished requests,
 * each a response or a classified failure. Knows nothing of what is asked or answered. */
#ifndef GAD_IO_HTTP_CLIENT_H
#define GAD_IO_HTTP_CLIENT_H
#include "gad.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero in a field means the default in parentheses. */
typedef struct gad_http_client_options {
    const char *bearer;       /* sent as "Authorization: Bearer ..."; masked in what comes back. NULL: none */
    const char *signing_key;  /* bodies carry "X-Gad-Signature: sha256=" and their HMAC-SHA256 in hexadecimal. NULL: none */
    const char *ca_file;      /* PEM certificates of authorities to trust instead of the system's (NULL) */
    int in_flight;            /* requests on the wire at once (4) */
    double requests_per_s;    /* starts per second, retries included (no limit) */
    int attempts;             /* per request, the first included (5) */
    double connect_timeout_s; /* (10) */
    double timeout_s;         /* per attempt, from connecting to the last byte (300) */
    double backoff_s;         /* before the second attempt; doubles each time, halved at most by chance (1) */
    double backoff_max_s;     /* (60) */
    double retry_after_max_s; /* a longer Retry-After of the server is not waited for (600) */
    size_t response_limit_bytes; /* (64 MiB) */
    uint64_t seed;               /* of the jitter */
} gad_http_client_options;

typedef enum gad_http_client_failure {
    GAD_HTTP_CLIENT_NONE,      /* a 2xx response */
    GAD_HTTP_CLIENT_REFUSED,   /* 4xx, or a redirect that was not followed: asking again will not help */
    GAD_HTTP_CLIENT_RATE,      /* 429, to the last attempt */
    GAD_HTTP_CLIENT_SERVER,    /* 5xx (or 408, 425), to the last attempt */
    GAD_HTTP_CLIENT_CONNECT,   /* name or host not reached */
    GAD_HTTP_CLIENT_TLS,       /* certificate or encryption: not retried */
    GAD_HTTP_CLIENT_TIMEOUT,   /* an attempt took too long */
    GAD_HTTP_CLIENT_DROPPED,   /* the connection ended early, or what came was not HTTP */
    GAD_HTTP_CLIENT_TOO_LARGE, /* over response_limit_bytes: not retried */
    GAD_HTTP_CLIENT_CANCELLED
} gad_http_client_failure;
/* "rate limit", "timeout", ... */
const char *gad_http_client_failure_name(gad_http_client_failure failure);

typedef struct gad_http_client_result {
    void *tag; /* as submitted */
    gad_http_client_failure failure;
    long http_status;  /* 0 when there was no response */
    char *body;        /* of the last response, zero-terminated; "" when there was none */
    size_t body_bytes; /* without the zero */
    int attempts;
    double last_s;     /* duration of the last attempt */
    char message[512]; /* for people: what failed, at which URL */
} gad_http_client_result;

typedef struct gad_http_client gad_http_client;

/* A client belongs to one thread. Certificates are verified. A redirect to the same host is followed (never from https to
 * http); elsewhere neither the key nor the body may go. The key, and a password or key in the address, are overwritten with
 * stars in responses, and left out of messages. Compressed responses are unpacked. */
gad_status gad_http_client_open(const gad_http_client_options *options, gad_http_client **client, gad_error *err);
void gad_http_client_free(gad_http_client *client);

/* Queue a POST of JSON, or a GET when body is NULL. Body and URL are copied. Nothing moves before gad_http_client_wait. */
gad_status gad_http_client_submit(gad_http_client *client, const char *url, const char *body, size_t body_bytes, void *tag,
                                  gad_error *err);
/* Works on all requests until one is finished (*got true; give the result back with gad_http_client_result_free), until
 * timeout_s has passed, or until none is left. Failed requests are results too: a status other than GAD_OK is a defect of
 * this machine (memory). */
gad_status gad_http_client_wait(gad_http_client *client, double timeout_s, gad_http_client_result *result, bool *got,
                                gad_error *err);
/* Submitted and not yet returned by wait. */
size_t gad_http_client_pending(const gad_http_client *client);
/* Every pending request comes back from wait as cancelled (those that are finished already, as they are). */
void gad_http_client_cancel(gad_http_client *client);
void gad_http_client_result_free(gad_http_client_result *result);

/* A failed result as an error with a hint. GAD_OK for a response. */
gad_status gad_http_client_error(const gad_http_client_result *result, gad_error *err);
#endif
