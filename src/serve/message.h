/* message: one HTTP request as a handler sees it, and the response it makes. In: what the listener read. Out: status, type,
 * body. Knows nothing of sockets. */
#ifndef GAD_SERVE_MESSAGE_H
#define GAD_SERVE_MESSAGE_H
#include "base/string.h"
#include "gad.h"

#include <jansson.h>

typedef enum gad_method { GAD_METHOD_GET, GAD_METHOD_POST, GAD_METHOD_PUT, GAD_METHOD_DELETE } gad_method;
enum { GAD_METHODS = 4, GAD_REQUEST_PARAMETERS = 4 };
const char *gad_method_name(gad_method method);

/* Everything is borrowed for the time of the call. Header values and query parameters are NULL where there is none. */
typedef struct gad_request {
    gad_method method;
    const char *path;                              /* decoded, without the query */
    const char *parameter[GAD_REQUEST_PARAMETERS]; /* what stood at the {names} of the route, in order */
    const char *content_type, *authorization;
    const char *body; /* zero-terminated */
    size_t body_bytes;
    const char *(*query)(const struct gad_request *request, const char *name);
    struct gad_exchange *exchange; /* the listener's own */
} gad_request;

/* A query parameter as a whole number from `lowest` to `highest`; the fallback when it is absent or no such number. */
int64_t gad_request_integer(const gad_request *request, const char *name, int64_t fallback, int64_t lowest,
                            int64_t highest);

typedef struct gad_stream gad_stream; /* listener.h */

typedef struct gad_response {
    int status;            /* 200 unless set */
    const char *type;      /* static; "application/json" unless set */
    gad_string body;       /* owned */
    int file;              /* descriptor of a file to send in place of the body, -1: none; closed by the listener */
    bool cacheable;        /* never changes under this address */
    const char *file_name; /* static; offered as the name to save under; NULL: shown */
    int retry_after_s;     /* 0: no such header */
    gad_stream *stream;    /* set while a handler streams */
} gad_response;

/* Text of a JSON value, which is given back. */
void gad_response_json(gad_response *response, json_t *value);
/* {"error": {"message", "type", "code"}}: the form of the OpenAI protocol. */
__attribute__((format(printf, 4, 5))) void gad_response_refuse(gad_response *response, int status, const char *code,
                                                               const char *format, ...);
/* The same of a failed call: whose fault it is gives the status. */
void gad_response_error(gad_response *response, const gad_error *err);
#endif
