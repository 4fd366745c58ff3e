/* picture: gad_picture_* of gad.h. */
#include "api/picture.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "generate/engine.h"
#include "inspect/product.h"
#include "io/resize.h"

static const char operation[] = "read image";

/* `image` becomes a picture, or is freed. */
static gad_status wrap(gad_image *image, gad_picture **picture, gad_error *err)
{
    gad_picture *p = gad_memory_zero(1, sizeof *p);
    if (!p) {
        gad_image_free(image);
        return gad_error_memory(err, operation, sizeof *p);
    }
    p->image = *image;
    p->hash = gad_image_hash(&p->image);
    gad_hash_text(p->hash, p->hash_text);
    *picture = p;
    return GAD_OK;
}

gad_status gad_picture_load(const char *path, gad_picture **picture, gad_error *err)
{
    gad_image image = {0};
    gad_status status = gad_image_load(path, &image, err);
    return status ? status : wrap(&image, picture, err);
}

gad_status gad_picture_decode(const void *bytes, size_t size_bytes, gad_picture **picture, gad_error *err)
{
    gad_image image = {0};
    if (!bytes)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "no bytes were given");
    gad_status status = gad_image_decode(bytes, size_bytes, "image in memory", 0, &image, err);
    return status ? status : wrap(&image, picture, err);
}

static gad_status check_rows(const uint8_t *pixels, int width_px, int channels, size_t stride_bytes, gad_error *err)
{
    if (!pixels)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "no pixels were given");
    if (width_px > 0 && stride_bytes < (size_t)width_px * (size_t)channels)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "the stride counts bytes from one row to the next",
                             "a stride of %zu bytes is shorter than a row of %d pixels of %d", stride_bytes, width_px,
                             channels);
    return GAD_OK;
}

gad_status gad_picture_from_rgb(const uint8_t *pixels, int width_px, int height_px, size_t stride_bytes,
                                gad_picture **picture, gad_error *err)
{
    gad_image image = {0};
    gad_status status = check_rows(pixels, width_px, 3, stride_bytes, err);
    if (!status)
        status = gad_image_new(width_px, height_px, 3, &image, err);
    if (status)
        return status;
    for (int64_t y = 0; y < height_px; y++)
        memcpy(gad_image_row(&image, y), pixels + (size_t)y * stride_bytes, gad_image_stride(&image));
    return wrap(&image, picture, err);
}

gad_status gad_picture_from_grey(const uint8_t *pixels, int width_px, int height_px, size_t stride_bytes,
                                 gad_picture **picture, gad_error *err)
{
    gad_image image = {0};
    gad_status status = check_rows(pixels, width_px, 1, stride_bytes, err);
    if (!status)
        status = gad_image_new(width_px, height_px, 3, &image, err);
    if (status)
        return status;
    for (int64_t y = 0; y < height_px; y++) {
        uint8_t *to = gad_image_row(&image, y);
        for (int64_t x = 0; x < width_px; x++)
            memset(to + 3 * x, pixels[(size_t)y * stride_bytes + (size_t)x], 3);
    }
    return wrap(&image, picture, err);
}

/* To the area of GAD_PRODUCT_SIDE squared at most, its shape kept. */
static gad_status shrink(const gad_image *image, gad_image *out, gad_error *err)
{
    const double k = fmin(1, GAD_PRODUCT_SIDE / sqrt((double)image->width * (double)image->height));
    const int64_t width = llround(k * (double)image->width), height = llround(k * (double)image->height);
    return gad_resize_bicubic(image, width > 1 ? width : 1, height > 1 ? height : 1, GAD_RESIZE_PIL, out, err);
}

gad_status gad_picture_fit(gad_picture *picture, const gad_engine *engine, gad_error *err)
{
    gad_image fitted = {0};
    gad_status status = gad_preprocess_fit(&engine->preprocess, &picture->image, &fitted, err);
    if (!status && !picture->fitted)
        status = shrink(&picture->image, &picture->whole, err);
    if (status) {
        gad_image_free(&fitted);
        return status;
    }
    if (!picture->fitted)
        picture->look = gad_familiar_look(&picture->image);
    picture->fitted = true;
    gad_image_free(&picture->image);
    picture->image = fitted;
    return GAD_OK;
}

void gad_picture_free(gad_picture *picture)
{
    if (!picture)
        return;
    gad_image_free(&picture->image);
    gad_image_free(&picture->whole);
    gad_memory_free(picture);
}

int gad_picture_width_px(const gad_picture *picture)
{
    return (int)picture->image.width;
}

int gad_picture_height_px(const gad_picture *picture)
{
    return (int)picture->image.height;
}

const char *gad_picture_hash(const gad_picture *picture)
{
    return picture->hash_text;
}

bool gad_picture_is_name(const char *path)
{
    static const char *const extensions[] = {"png", "jpg", "jpeg", "jfif", "jpe", "tif", "tiff", "webp", "bmp"};
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (gad_file_has_extension(path, extensions[i]))
            return true;
    return false;
}

gad_status gad_picture_turn(gad_picture *const *good, int good_count, const gad_picture *part, gad_turn_part **turn,
                            int *count, gad_error *err)
{
    size_t pictures = good_count > 0 ? (size_t)good_count + 1 : 1;
    if (part->fitted)
        return gad_error_set(err, GAD_E_ARGUMENT, "inspect the part", "load it again",
                             "only what an engine sees of this picture was kept; it can be shown, not be inspected");
    gad_turn_part *made = gad_memory_zero(pictures, sizeof *made);
    if (!made)
        return gad_error_memory(err, "inspect the part", pictures * sizeof *made);
    for (size_t i = 0; i < pictures; i++) {
        const gad_picture *p = i + 1 < pictures ? good[i] : part;
        made[i] = (gad_turn_part){.image = &p->image,
                                  .hash = p->hash,
                                  .look = p->fitted ? &p->look : NULL,
                                  .whole = p->fitted ? &p->whole : NULL};
    }
    *turn = made;
    *count = (int)pictures;
    return GAD_OK;
}
