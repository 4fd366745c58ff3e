/* backbone_info: what a backbone is: its feature maps, the picture sizes it takes, the hash of its weights. */
#ifndef GAD_FEATURES_BACKBONE_INFO_H
#define GAD_FEATURES_BACKBONE_INFO_H
#include "base/hash.h"
#include "features/feature.h"

typedef struct gad_backbone_level {
    char name[24]; /* "block 4" */
    int64_t width, stride;
} gad_backbone_level;

typedef struct gad_backbone_info {
    char family[40];      /* "efficientnet-lite0", "dinov2", "dinov3_vit" */
    gad_hash hash;        /* of the weights: equal hashes see equal features */
    int64_t unit;         /* px: sides of working pictures are multiples of this */
    int64_t default_side; /* px: side of the pictures it was trained on */
    int64_t parameters;
    gad_backbone_level level[GAD_FEATURE_MOST]; /* one for each map of a picture, in the same order */
    int level_count;
} gad_backbone_info;
#endif
