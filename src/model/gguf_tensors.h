/* gguf_tensors: which tensors of llama.cpp's model files a parameter is made of, and how they lie in it (docs/model.md,
 * "GGUF"). In: a configuration and a parameter. Out: names, and the parameter's numbers from them. Knows nothing of what
 * files say besides tensors. */
#ifndef GAD_MODEL_GGUF_TENSORS_H
#define GAD_MODEL_GGUF_TENSORS_H
#include "base/log.h"
#include "io/tensor_source.h"
#include "model/config.h"
#include "model/params.h"

typedef enum gad_gguf_layout {
    GAD_GGUF_ROWS,   /* one after the other, by rows; often there is but one */
    GAD_GGUF_FRAMES, /* one for each frame of the patch embedding */
    GAD_GGUF_ROTARY  /* `llama`: rows of a head lie in the order of the rotation's pairs */
} gad_gguf_layout;

enum { GAD_GGUF_MAX_PARTS = 3 };
typedef struct gad_gguf_parts {
    char name[GAD_GGUF_MAX_PARTS][80];
    int count; /* 0: llama.cpp has no such tensor */
    gad_gguf_layout layout;
} gad_gguf_parts;

/* The names that llama.cpp's converter gives the tensors of a parameter. */
gad_gguf_parts gad_gguf_tensors_of(const gad_config *config, const gad_param *param);
/* The shape of each of `count` parts; the rank. */
int gad_gguf_tensors_shape(gad_gguf_layout layout, int count, const gad_param *param, int64_t shape[GAD_PARAM_MAX_RANK]);
/* Where row `row` of part `part` lies in the parameter: numbers at, at + 1, .. at + n - 1, then *step further the next n.
 * A row of a vector is one number. */
typedef struct gad_gguf_place {
    int64_t at, n, step;
} gad_gguf_place;
gad_gguf_place gad_gguf_tensors_place(const gad_config *config, gad_gguf_layout layout, int count, const gad_param *param,
                                      int part, int64_t row);

/* What files have of a parameter: one tensor, or its parts. count 0: nothing. */
typedef struct gad_gguf_found {
    const gad_source_tensor *tensor[GAD_GGUF_MAX_PARTS];
    int count;
    gad_gguf_layout layout;
} gad_gguf_found;
/* found[i] is of params->item[i]. Tensors of blocks that the settings have no place for are an error, others a warning. */
gad_status gad_gguf_tensors_index(const gad_tensor_source *files, const gad_config *config, const gad_params *params,
                                  const gad_log *log, gad_gguf_found *found, gad_error *err);

/* Fill a parameter, whose tensors are found: it points into the file where it can, and owns F32, F16 or BF16 numbers where
 * parts are to be put together or are quantised (F16). Tensors of safetensors are found as one whole. */
gad_status gad_gguf_tensors_take(const gad_config *config, const gad_gguf_found *found, gad_param *param, gad_error *err);
#endif
