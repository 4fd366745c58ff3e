/* vit: DINOv2 (Oquab et al., arXiv 2304.07193, with or without registers, arXiv 2309.16588) and DINOv3 (arXiv 2508.10104):
 * plain vision transformers on model's blocks. In: a folder as Hugging Face publishes it; RGB pictures. Out: normalised
 * patch rows of four layers in the upper half of the depth as feature maps. Knows nothing of who uses them. */
#ifndef GAD_FEATURES_VIT_H
#define GAD_FEATURES_VIT_H
#include "features/backbone_info.h"
#include "io/image.h"
#include "op/op.h"

typedef struct gad_vit gad_vit;

gad_status gad_vit_open(const char *folder, gad_vit **vit, gad_backbone_info *info, gad_error *err);
void gad_vit_free(gad_vit *vit);
/* Give a device with memory of its own the weights; it outlives the network. */
gad_status gad_vit_place(gad_vit *vit, gad_device *device, gad_error *err);
/* `picture` has sides that are multiples of info's unit. Maps are added to `features`. */
gad_status gad_vit_run(const gad_vit *vit, gad_device *device, const gad_image *picture, gad_features *features,
                       gad_error *err);
#endif
