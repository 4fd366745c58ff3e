/* sample: from logits to the next token. In: logits, what was said so far, settings, the caller's random state. Out: one
 * id. Knows nothing of models. Order of the processors: docs/spec/qwen_vl.md section 1.5. */
#ifndef GAD_GENERATE_SAMPLE_H
#define GAD_GENERATE_SAMPLE_H
#include "base/rng.h"
#include "gad.h"
#include "op/op.h"

enum { GAD_MAX_STOP_TOKENS = 16 };

typedef struct gad_sampling {
    bool greedy;        /* take the largest logit; temperature, top_k, top_p and min_p have no effect */
    double temperature; /* > 0 */
    double top_p;       /* 1: off */
    int64_t top_k;      /* 0: off */
    double min_p;       /* 0: off; drop what is less probable than this part of the most probable */
    int64_t drawn;      /* 0: every token is drawn; else this many, then the largest: openings vary, decisions do not */
    double repetition_penalty; /* 1: off; covers every id of prompt and answer */
    int32_t stop[GAD_MAX_STOP_TOKENS];
    int stop_count;
} gad_sampling;

/* Read folder/generation_config.json; what it lacks gets the reference's defaults, and a missing file is greedy decoding
 * that stops at `eos`. */
gad_status gad_sampling_load(const char *folder, int32_t eos, gad_sampling *sampling, gad_error *err);
bool gad_sampling_stops(const gad_sampling *sampling, int32_t id);

/* Apply the penalty for every distinct id of `seen` and, unless greedy, temperature, top-k, top-p and min-p: removed
 * entries become -infinity. logits [vocab] is changed in place; scratch [vocab]. */
void gad_sample_process(const gad_sampling *sampling, float *logits, int64_t vocab, const int32_t *seen, int64_t seen_count,
                        int32_t *scratch);
/* Draw from processed logits (greedy: the first of the largest). */
int32_t gad_sample_draw(const gad_sampling *sampling, const float *logits, int64_t vocab, gad_rng *rng);
/* The same in one, for a device that draws itself (gad_ops.draw); unless greedy it takes the number from *rng that
 * gad_sample_draw would. */
gad_draw gad_sample_order(const gad_sampling *sampling, const int32_t *seen, int64_t seen_count, gad_rng *rng);
/* log(sum(exp(logits))), in double. */
double gad_sample_logsumexp(const float *logits, int64_t n);
#endif
