/* thumbnail: see thumbnail.h */
#include "io/thumbnail.h"

#include "base/error.h"
#include "io/resize.h"

gad_status gad_thumbnail_load(const char *path, int64_t side_px, gad_image *thumbnail, gad_error *err)
{
    if (side_px < 1 || side_px > 65536)
        return gad_error_set(err, GAD_E_ARGUMENT, "make thumbnail", NULL,
                             "a side of %lld pixels is not between 1 and 65536", (long long)side_px);
    gad_image image;
    /* Twice the side at least, so that the resize, not the decoder, decides how sharp it is. */
    gad_status status = gad_image_load_shrunk(path, 2 * side_px, &image, err);
    if (status)
        return status;
    status = gad_resize_fit(&image, side_px, side_px, thumbnail, err);
    gad_image_free(&image);
    return status;
}
