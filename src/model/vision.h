/* vision: the vision tower: patches of images to rows for the language model, forward and backward. In: patch rows as
 * model/preprocess lays them out, and grids. Out: merged rows in raster order, one set per DeepStack level more. Knows
 * nothing of files or prompts. */
#ifndef GAD_MODEL_VISION_H
#define GAD_MODEL_VISION_H
#include "model/merger.h"
#include "model/model.h"
#include "model/position.h"

/* What the backward pass needs of the tower. With checkpointing only the blocks' inputs are kept, and each block is run
 * again when its turn comes. */
typedef struct gad_vision_saved {
    gad_tensor patches, last; /* input; output of the last block */
    gad_tensor *block_input;  /* [depth]: input of each block; the caller's array */
    gad_block_saved *block;   /* [depth], the caller's array; NULL: checkpointing */
    gad_merger_saved merger, deepstack[GAD_MAX_DEEPSTACK];
} gad_vision_saved;

/* Merged rows of all images, on the device's stack: out [tokens, hidden], deepstack[k] the same. */
typedef struct gad_vision_rows {
    gad_tensor out;
    gad_tensor deepstack[GAD_MAX_DEEPSTACK];
    int deepstack_count;
} gad_vision_rows;

/* `patches` [patches, 3 * temporal * patch * patch] in raster (merge block) order. The rows stay on the stack above the
 * caller's mark; so does what `saved` keeps (NULL: inference). */
gad_vision_rows gad_vision_forward(const gad_pass *pass, const gad_model *model, gad_tensor patches,
                                   const gad_vision_layout *layout, gad_vision_saved *saved);
/* Adds the gradients of the tower's trainable parameters; d_rows: gradients of the rows (may be overwritten). */
void gad_vision_backward(const gad_pass *pass, const gad_model *model, const gad_vision_rows *d_rows,
                         const gad_vision_layout *layout, const gad_vision_saved *saved);
#endif
