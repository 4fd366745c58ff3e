/* model: the one interface behind which every model stands that is benchmarked: our engine, an OpenAI-compatible endpoint,
 * a baseline. In: a request of texts and images. Out: raw answer and measurements. Knows neither truth nor scores. */
#ifndef GAD_BENCH_MODEL_H
#define GAD_BENCH_MODEL_H
#include "base/string.h"
#include "gad.h"
#include "io/image.h"
#include "model/preprocess.h"
#include "task/box.h"

#include <jansson.h>
#include <math.h>

/* A text, or (text NULL) the image with that index: `pictures` of the request for the heat map. */
typedef struct gad_bench_part {
    const char *text;
    size_t picture;
} gad_bench_part;

typedef struct gad_bench_request {
    const char *id;
    const char *object;         /* the product as the question names it; NULL: not at all */
    const gad_bench_part *part; /* one user turn, in order */
    size_t parts;
    const char *const *good; /* files of the references, of a model that learns */
    size_t goods;
    const gad_image *picture; /* references first, the image to inspect last; none when the model wants no pictures */
    size_t pictures;
    bool heat;                 /* picture[pictures] is a heat map, shown besides */
    const char *const *option; /* multiple choice: the options, labelled from A; NULL for an inspection */
    size_t options;
} gad_bench_request;

/* What a model fills; unknown numbers stay as gad_bench_reply_start sets them: -1, NaN, NULL. */
typedef struct gad_bench_reply {
    gad_string text; /* raw answer */
    char finish[16]; /* "stop", "length", as the model says */
    int64_t prompt_tokens, answer_tokens, attempts;
    double score; /* p(Yes) / (p(Yes) + p(No)), or any anomaly score; higher is more anomalous */
    double latency_s, first_s;
    int64_t input_width, input_height; /* the inspected image as the model's processor resized it */
    float *map;                        /* heat map [map_height, map_width], owned: gad_memory_free */
    int64_t map_width, map_height;
} gad_bench_reply;

/* A reply with every number unknown. */
static inline gad_bench_reply gad_bench_reply_start(void)
{
    return (gad_bench_reply){.prompt_tokens = -1,
                             .answer_tokens = -1,
                             .attempts = 1,
                             .score = NAN,
                             .latency_s = NAN,
                             .first_s = NAN,
                             .input_width = -1,
                             .input_height = -1};
}

typedef struct gad_bench_model {
    void *self;
    const char *name; /* as it appears in reports; lives as long as the model */
    gad_box_convention convention;
    gad_box_order order;
    gad_preprocess input;    /* how it sizes pictures, for GAD_BOX_INPUT; patch 0: it takes them as they are */
    bool compares;           /* it has evidence of its own: hints are not for it */
    const char *prompt_file; /* the wording that the model was made for, borrowed; NULL: any */
    bool wants_pictures;     /* false: images are not even read */
    bool learns;             /* the references are given as files: it reads them itself, however many there are */
    /* What decides the answers (kind, weights' hash, decoding, ...): goes into run.json, and a run is resumed only with the
     * same. New reference. */
    json_t *(*describe)(void *self);
    /* One of two ways to ask; the other's functions are NULL. For both: GAD_OK is an answer; GAD_E_CANCELLED,
     * GAD_E_ARGUMENT, GAD_E_MEMORY and GAD_E_DEVICE end the run; any other failure is stored as the failure of this
     * request, and the run goes on. One at a time: */
    gad_status (*answer)(void *self, const gad_bench_request *request, gad_bench_reply *reply, gad_error *err);
    /* Several in flight: `submit` copies what it needs; `collect` waits at most timeout_s for any answer and says whose it
     * is
     * (*got false: none yet). */
    int64_t in_flight;
    gad_status (*submit)(void *self, const gad_bench_request *request, int64_t tag, gad_error *err);
    gad_status (*collect)(void *self, double timeout_s, gad_bench_reply *reply, int64_t *tag, bool *got, gad_error *err);
    void (*free)(void *self);
} gad_bench_model;
#endif
