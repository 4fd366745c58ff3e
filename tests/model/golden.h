/* golden: reads the fixtures of one family: the tiny checkpoint, its cases, and what the reference computed. */
#ifndef GAD_TESTS_MODEL_GOLDEN_H
#define GAD_TESTS_MODEL_GOLDEN_H
#include <jansson.h>

#include "io/safetensors.h"
#include "model/lm.h"
#include "model/model.h"
#include "model/preprocess.h"
#include "support/support.h"

/* One case: prompt, images as patch rows, and the reference's values. */
typedef struct golden_case {
    gad_safetensors *values;
    int64_t count; /* prompt ids */
    int32_t *ids;  /* [count] */
    gad_grid grid[4];
    int64_t image_count;
    float *patches; /* [patches, 3 * 2 * patch * patch], images one after the other */
    int64_t patch_rows, patch_cols;
} golden_case;

/* The path of a fixture of the family ("qwen25", "qwen3"). */
const char *golden_path(const char *family, const char *name);
/* Opens case `letter`. The images come from their PNG files through model/preprocess; the call fails the test unless the
 * patch rows have the hash that the reference's pixel values have, to the last bit. */
golden_case golden_open(const char *family, const gad_config *config, char letter);
void golden_close(golden_case *c);
/* The training sample of the family: its ids, the image of case F, and train.safetensors as values. */
golden_case golden_open_training(const char *family, const gad_config *config);
/* The settings that made the goldens: those of the checkpoint, with the processor of the reference that was used. */
gad_preprocess golden_preprocess(const char *family);
/* The path of an input image ("plate"). */
const char *golden_image(const char *name);
/* FNV-1a 64, as cases.json has it. */
uint64_t golden_fnv1a64(const void *bytes, size_t size_bytes);
/* A golden tensor as fp32 (memory of the test's run), its size in *n; NULL when the case has none. */
float *golden_values(const golden_case *c, const char *name, int64_t *n);

/* Prompt of a case, ready for the language model; everything is freed by golden_prompt_free. */
typedef struct golden_prompt {
    gad_vision_layout layout;
    gad_vision_rows rows;
    int32_t *position, *image_at, *image_from;
    int64_t image_tokens;
    int32_t next;
    gad_attention_span span;
    gad_lm_input input; /* one causal pass over the whole prompt */
} golden_prompt;
/* Runs the vision tower (when there are images) and fills the input. `spoil` (may be NULL) changes the layout before. */
golden_prompt golden_prepare(const gad_pass *pass, const gad_model *model, const golden_case *c,
                             void (*spoil)(gad_vision_layout *layout, const gad_vision_config *vision));
void golden_prompt_free(golden_prompt *p);
/* Logits [rows, vocab] of the last rows of the case's prompt; memory of the caller's (free). `vision` (may be NULL) gets
 * the tower's rows, in the same way. */
float *golden_logits(const gad_model *model, gad_device *device, bool adapters, const golden_case *c, int64_t rows,
                     float **vision);

/* A checkpoint folder of this test's own, `folder`, whose files are links to those of the family's model/ folder. */
typedef struct golden_folder {
    char path[256];
} golden_folder;
golden_folder golden_copy(const char *family, const char *name);
/* Put a link to the file at `source` into it, or remove one. */
void golden_put(const golden_folder *folder, const char *name, const char *source);
void golden_drop(const golden_folder *folder, const char *name);
/* Put a changed JSON file into it: `change` has "set" (dotted path to value; -1 is an array's last place) and "remove". */
void golden_change(const golden_folder *folder, const char *name, const json_t *change);
/* The folder of one of the family's variants.json. */
golden_folder golden_variant(const char *family, const char *variant);
#endif
