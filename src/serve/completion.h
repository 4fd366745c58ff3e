/* completion: a request of the OpenAI chat-completions protocol, as the server reads it. In: the body. Out: messages with
 * decoded pictures, and how to answer; or what is wrong with it. Nothing is fetched. Knows nothing of models. */
#ifndef GAD_SERVE_COMPLETION_H
#define GAD_SERVE_COMPLETION_H
#include "io/image.h"

#include <jansson.h>

enum {
    GAD_COMPLETION_PARTS = 4096,
    GAD_COMPLETION_PICTURES = 256,
    GAD_COMPLETION_STOPS = 16,
    GAD_COMPLETION_TOP = 20,
    GAD_COMPLETION_ANSWERS = 8
};

typedef struct gad_completion_part {
    const char *role; /* a message begins here; NULL: the one before goes on */
    const char *text; /* NULL: a picture */
    gad_image image;
} gad_completion_part;

typedef struct gad_completion {
    json_t *root;      /* holds the texts */
    const char *model; /* "" when not named */
    gad_completion_part *part;
    size_t count, pictures;
    int64_t max_tokens; /* 0: as many as fit */
    /* NaN, or -1: as the checkpoint has it */
    double temperature, top_p, min_p, repetition_penalty;
    int64_t top_k;
    bool seeded;
    uint64_t seed;
    const char *stop[GAD_COMPLETION_STOPS];
    size_t stops;
    bool stream, stream_usage, logprobs;
    int64_t top_logprobs, answers; /* answers: "n" */
} gad_completion;

/* Members that are not known are passed over; those that ask for what is not done here are refused (GAD_E_ARGUMENT). */
gad_status gad_completion_read(const char *body, size_t body_bytes, gad_completion *completion, gad_error *err);
void gad_completion_free(gad_completion *completion);
#endif
