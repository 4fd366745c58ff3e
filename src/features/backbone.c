/* backbone: see backbone.h */
#include "features/backbone.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "features/lite.h"
#include "features/vit.h"
#include "io/resize.h"

#include <string.h>

enum { MAX_SIDE = 8192 };

struct gad_backbone {
    gad_device device;
    bool device_open;
    gad_backbone_info info;
    gad_lite *lite; /* one of these two */
    gad_vit *vit;
};

static gad_status open_network(gad_backbone *b, const char *path, gad_error *err)
{
    if (gad_file_is_directory(path))
        return gad_vit_open(path, &b->vit, &b->info, err);
    return gad_lite_open(path, &b->lite, &b->info, err);
}

gad_status gad_backbone_open(const char *path, int threads, gad_backbone **backbone, gad_error *err)
{
    gad_backbone *b = gad_memory_zero(1, sizeof *b);
    if (!b)
        return gad_error_memory(err, "open a backbone", sizeof *b);
    gad_status status = gad_device_open_cpu(&b->device, threads, err);
    b->device_open = status == GAD_OK;
    if (!status)
        status = open_network(b, path, err);
    if (status)
        gad_backbone_free(b);
    else
        *backbone = b;
    return status;
}

void gad_backbone_free(gad_backbone *backbone)
{
    if (!backbone)
        return;
    gad_lite_free(backbone->lite);
    gad_vit_free(backbone->vit);
    if (backbone->device_open)
        gad_device_close(&backbone->device);
    gad_memory_free(backbone);
}

const gad_backbone_info *gad_backbone_describe(const gad_backbone *backbone)
{
    return &backbone->info;
}

static gad_status check_size(const gad_backbone_info *info, const gad_image *image, int64_t width, int64_t height,
                             gad_error *err)
{
    static const char operation[] = "see a picture";
    if (image->channels != 3)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "give an RGB picture", "a picture of %d channels",
                             image->channels);
    if (width < 1 || height < 1 || width % info->unit || height % info->unit)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             "%lld x %lld px: %s takes sides that are multiples of %lld", (long long)width,
                             (long long)height, info->family, (long long)info->unit);
    if (width > MAX_SIDE || height > MAX_SIDE)
        return gad_error_set(err, GAD_E_LIMIT, operation, "cut the picture into tiles", "%lld x %lld px: a side over %d px",
                             (long long)width, (long long)height, MAX_SIDE);
    return GAD_OK;
}

gad_status gad_backbone_use_device(gad_backbone *b, const char *name, gad_error *err)
{
    gad_device device = {0};
    if (!name || !strcmp(name, "cpu"))
        return GAD_OK;
    if (b->device.memory_bytes)
        return gad_error_set(err, GAD_E_ARGUMENT, "see a picture", "open the backbone again", "it sees with %s already",
                             b->device.label);
    gad_status status = gad_device_open(&device, name, b->device.threads, err);
    if (status)
        return status;
    gad_device_use_products(&device, GAD_F32);
    gad_device_close(&b->device);
    b->device = device;
    return b->vit ? gad_vit_place(b->vit, &b->device, err) : gad_lite_place(b->lite, &b->device, err);
}

gad_status gad_backbone_limit_cpu(gad_backbone *backbone, const char *level, gad_error *err)
{
    return gad_device_limit_cpu(&backbone->device, level, err);
}

gad_status gad_backbone_run(gad_backbone *backbone, const gad_image *image, int64_t width, int64_t height,
                            gad_features *features, gad_error *err)
{
    gad_status status = check_size(&backbone->info, image, width, height, err);
    if (status)
        return status;
    gad_image fitted = {0};
    if (image->width != width || image->height != height) {
        status = gad_resize_bicubic(image, width, height, GAD_RESIZE_PIL, &fitted, err);
        if (status)
            return status;
        image = &fitted;
    }
    gad_features made = {0};
    gad_device_recover(&backbone->device);
    if (backbone->vit)
        status = gad_vit_run(backbone->vit, &backbone->device, image, &made, err);
    else
        status = gad_lite_run(backbone->lite, &backbone->device, image, &made, err);
    gad_image_free(&fitted);
    if (status)
        gad_feature_free(&made);
    else
        *features = made;
    return status;
}
