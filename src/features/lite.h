/* lite: EfficientNet-Lite (Tan & Le, arXiv 1905.11946, without squeeze and excitation, ReLU6): inverted bottlenecks at
 * strides of 2 to 32 px. In: a file of reference/convert_efficientnet_lite.py; RGB pictures. Out: outputs of some blocks
 * as feature maps. Knows nothing of who uses them. */
#ifndef GAD_FEATURES_LITE_H
#define GAD_FEATURES_LITE_H
#include "features/backbone_info.h"
#include "io/image.h"
#include "op/op.h"

typedef struct gad_lite gad_lite;

gad_status gad_lite_open(const char *path, gad_lite **lite, gad_backbone_info *info, gad_error *err);
void gad_lite_free(gad_lite *lite);
/* Give a device with memory of its own the weights, once; it outlives the network. */
gad_status gad_lite_place(gad_lite *lite, gad_device *device, gad_error *err);
/* `picture` has sides that are multiples of info's unit. Maps are added to `features`. */
gad_status gad_lite_run(const gad_lite *lite, gad_device *device, const gad_image *picture, gad_features *features,
                        gad_error *err);
#endif
