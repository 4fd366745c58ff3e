/* plan: what a model costs before anything is allocated: memory, tokens, arithmetic. In: a configuration and sizes. Out:
 * bytes and FLOP (multiply + add = 2). Formulas: docs/spec/qwen_vl.md section 15. */
#ifndef GAD_MODEL_PLAN_H
#define GAD_MODEL_PLAN_H
#include "model/model.h"
#include "model/position.h"
#include "model/weights.h"

typedef struct gad_plan_request {
    const gad_grid *images;
    int64_t image_count;
    int64_t text_tokens;    /* of the prompt, without image tokens */
    int64_t answer_tokens;  /* room for the answer */
    gad_dtype matrix_dtype; /* of the language model's matrices as they are stored: F32, BF16 or F16 */
    gad_dtype vision_dtype; /* of the vision tower's */
    gad_weights_options weights;
    gad_cache cache;          /* keys and values */
    const gad_device *device; /* where it runs; NULL: the CPU */
} gad_plan_request;

typedef struct gad_plan {
    int64_t vision_parameters, text_parameters; /* the embedding belongs to the text */
    int64_t image_tokens, prompt_tokens;
    size_t weight_bytes, cache_bytes, image_bytes, work_bytes, total_bytes;
    double vision_flop, prefill_flop, decode_flop; /* decode: one token at the prompt's end */
    double decode_bytes;                           /* read for one token */
} gad_plan;

/* `model` is built (names and shapes), not necessarily loaded. */
gad_plan gad_plan_make(const gad_model *model, const gad_plan_request *request);
/* Bytes that are free where the device (NULL: the CPU) works; 0: unknown. */
size_t gad_plan_free_bytes(const gad_device *device);
/* GAD_E_MEMORY, saying what is needed and what is free, when `needed_bytes` is more than what is free there. */
gad_status gad_plan_check(size_t needed_bytes, const gad_device *device, const char *what, gad_error *err);

/* FLOP of one vision pass over an image, and of a prefill of `tokens` (last logits only). */
double gad_plan_vision_flop(const gad_config *config, gad_grid grid);
double gad_plan_prefill_flop(const gad_config *config, int64_t tokens);
#endif
