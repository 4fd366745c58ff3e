/* vit_config: what a folder with a DINOv2 or DINOv3 ViT says about itself. In: config.json, preprocessor_config.json. Out:
 * one checked struct. Knows nothing of tensors. */
#ifndef GAD_FEATURES_VIT_CONFIG_H
#define GAD_FEATURES_VIT_CONFIG_H
#include "features/pixels.h"

enum { GAD_VIT_MAX_DEPTH = 64 };

typedef struct gad_vit_config {
    char family[40]; /* config.json's model_type: "dinov2", "dinov2_with_registers", "dinov3_vit" */
    int depth, hidden, heads;
    int patch, image_side; /* px */
    int registers;         /* rows between the class row and the patches */
    bool gated;            /* MLP with SiLU gate instead of GELU */
    bool rotary;           /* positions are rotations (DINOv3), else a learned grid */
    bool antialias;        /* of the grid's interpolation */
    bool q_bias, k_bias, v_bias, proj_bias, mlp_bias;
    double norm_eps, rope_theta;
    gad_pixels_scale pixels;
} gad_vit_config;

gad_status gad_vit_config_load(const char *folder, gad_vit_config *config, gad_error *err);
#endif
