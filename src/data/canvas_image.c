/* canvas_image: see canvas_image.h */
#include "data/canvas_image.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "io/resize.h"

#include <math.h>
#include <string.h>

static gad_status cut(gad_image *image, const int crop[4], const char *path, gad_error *err)
{
    int w = crop[2] - crop[0], h = crop[3] - crop[1];
    gad_image part = {0};
    if (crop[2] > image->width || crop[3] > image->height)
        return gad_error_set(err, GAD_E_FORMAT, "read a view", NULL, "%s: %lld x %lld, but the view ends at %d, %d", path,
                             (long long)image->width, (long long)image->height, crop[2], crop[3]);
    gad_status status = gad_image_new(w, h, image->channels, &part, err);
    if (status)
        return status;
    for (int y = 0; y < h; y++)
        memcpy(gad_image_row(&part, y), gad_image_row(image, y + crop[1]) + (size_t)crop[0] * (size_t)image->channels,
               gad_image_stride(&part));
    gad_image_free(image);
    *image = part;
    return GAD_OK;
}

gad_status gad_canvas_image_load(const char *root, const char *relative, const int crop[4], int shorter_px, gad_image *out,
                                 gad_error *err)
{
    gad_image image = {0}, resized = {0};
    bool cropped = crop && crop[2] > crop[0];
    char *path = gad_file_join(root, relative);
    if (!path)
        return gad_error_memory(err, "read an image", 0);
    gad_status status = gad_image_load(path, &image, err);
    if (!status && cropped)
        status = cut(&image, crop, path, err);
    gad_memory_free(path);
    if (!status && shorter_px) {
        double k = (double)shorter_px / (double)(image.width < image.height ? image.width : image.height);
        int64_t w = (int64_t)nearbyint((double)image.width * k), h = (int64_t)nearbyint((double)image.height * k);
        status = gad_resize_bicubic(&image, w, h, GAD_RESIZE_PIL, &resized, err);
        gad_image_free(&image);
        image = resized;
    }
    if (status)
        gad_image_free(&image);
    else
        *out = image;
    return status;
}

void gad_canvas_image_mark(gad_image *image, const gad_sample *s, gad_draw_colour colour)
{
    double sx = (double)image->width / s->width, sy = (double)image->height / s->height;
    int64_t longer = image->width > image->height ? image->width : image->height;
    int64_t thick = (int64_t)lround(0.004 * (double)longer);
    thick = thick < 2 ? 2 : thick;
    for (size_t i = 0; i < s->box_count; i++) {
        const gad_box b = s->boxes[i].box;
        gad_draw_area area = {(int64_t)floor(b.x1 * sx) - thick, (int64_t)floor(b.y1 * sy) - thick,
                              (int64_t)ceil(b.x2 * sx) + thick, (int64_t)ceil(b.y2 * sy) + thick};
        /* At the border the frame stays visible inside the image. */
        area.x1 = area.x1 < 0 ? 0 : area.x1;
        area.y1 = area.y1 < 0 ? 0 : area.y1;
        area.x2 = area.x2 > image->width ? image->width : area.x2;
        area.y2 = area.y2 > image->height ? image->height : area.y2;
        gad_draw_frame(image, area, thick, colour);
    }
}
