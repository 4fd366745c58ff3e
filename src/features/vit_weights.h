/* vit_weights: the parameters of a DINOv2 or DINOv3 ViT from its file, as model's blocks want them. The values stay mapped,
 * except those that are changed once here: LayerScale goes into the layer before it, patch weights to pixel order. */
#ifndef GAD_FEATURES_VIT_WEIGHTS_H
#define GAD_FEATURES_VIT_WEIGHTS_H
#include "features/vit_config.h"
#include "io/safetensors.h"
#include "model/block.h"

typedef struct gad_vit_weights {
    gad_params params;
    gad_linear patch; /* [hidden, patch * patch * 3]: row, column, channel */
    gad_block block[GAD_VIT_MAX_DEPTH];
    gad_norm norm;
    float *prefix;         /* [1 + registers, hidden]: the class row (its position included) and the registers */
    float *positions;      /* [position_side^2, hidden]; NULL: rotary */
    int64_t position_side; /* patches */
} gad_vit_weights;

/* `file` must outlive the weights. */
gad_status gad_vit_weights_load(const gad_safetensors *file, const gad_vit_config *config, gad_vit_weights *weights,
                                gad_error *err);
void gad_vit_weights_free(gad_vit_weights *weights);
#endif
