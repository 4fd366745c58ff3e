/* backbone: a pretrained network that turns a picture into feature maps. In: an EfficientNet-Lite file (written by
 * reference/convert_efficientnet_lite.py) or a folder with a DINOv2 or DINOv3 ViT as Hugging Face publishes it; pictures.
 * Out: feature maps. Weights are never changed. Knows nothing of good parts, defects or language. */
#ifndef GAD_FEATURES_BACKBONE_H
#define GAD_FEATURES_BACKBONE_H
#include "features/backbone_info.h"
#include "io/image.h"

/* One backbone serves one caller at a time: it owns the working memory. */
typedef struct gad_backbone gad_backbone;

/* threads 0: all that OpenMP offers. */
gad_status gad_backbone_open(const char *path, int threads, gad_backbone **backbone, gad_error *err);
void gad_backbone_free(gad_backbone *backbone);
/* See with a device of that name (gad_device_open) from now on, in fp32 as the CPU does; NULL: the CPU, as before. */
gad_status gad_backbone_use_device(gad_backbone *backbone, const char *device, gad_error *err);
/* Use no newer instructions than this level (op.h, gad_device_cpu_level_name). */
gad_status gad_backbone_limit_cpu(gad_backbone *backbone, const char *level, gad_error *err);
/* Lives as long as the backbone. */
const gad_backbone_info *gad_backbone_describe(const gad_backbone *backbone);

/* Feature maps of an RGB picture at a working size of width x height px, both multiples of the unit; a picture of another
 * size is brought to it (bicubic, antialiased). *features, which need not be set, is the caller's (gad_feature_free). */
gad_status gad_backbone_run(gad_backbone *backbone, const gad_image *image, int64_t width, int64_t height,
                            gad_features *features, gad_error *err);
#endif
