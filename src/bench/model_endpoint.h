/* model_endpoint: any server that speaks the OpenAI chat-completions protocol, behind the model interface. Several requests
 * are in flight; retries, back-off and rate limits are the HTTP client's. Knows neither truth nor scores. */
#ifndef GAD_BENCH_MODEL_ENDPOINT_H
#define GAD_BENCH_MODEL_ENDPOINT_H
#include "bench/model.h"

typedef struct gad_model_endpoint_options {
    const char *url;                  /* "http://host:8000/v1", with or without "/chat/completions" */
    const char *model;                /* as the server calls it */
    const char *key;                  /* bearer token, never stored; NULL: none */
    const char *ca_file;              /* certificates to trust instead of the system's; NULL */
    int64_t in_flight;                /* requests at once, 1 to 256 */
    double requests_per_s, timeout_s; /* 0: no limit; the client's default */
    int64_t attempts;                 /* per request; 0: the client's default */
    int64_t max_tokens;               /* of an answer */
    double temperature, top_p;        /* temperature 0: greedy */
    int64_t seed;                     /* sent when >= 0 */
    bool probabilities;               /* ask for token probabilities: the continuous score */
    int64_t jpeg_quality;             /* 0: images are sent as PNG */
    const char *system;               /* system text; NULL: none */
    const char *more;                 /* further members of the request as a JSON object; NULL */
    gad_box_convention convention;
    gad_box_order order;
    /* The server's image processor, for boxes in `input` pixels: sides become multiples of `factor`, the area is kept
     * between the bounds. factor 0: the image is used as sent. */
    int64_t factor, min_pixels, max_pixels;
} gad_model_endpoint_options;

/* Copies what it needs. Nothing is sent before the first request. */
gad_status gad_model_endpoint_open(const gad_model_endpoint_options *options, gad_bench_model *model, gad_error *err);
#endif
