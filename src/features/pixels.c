/* pixels: see pixels.h */
#include "features/pixels.h"

#include "base/error.h"
#include "base/memory.h"

gad_status gad_pixels_take(gad_device *device, const gad_image *picture, const gad_pixels_scale *scale, gad_tensor *out,
                           gad_error *err)
{
    const int64_t pixels = picture->width * picture->height;
    float *host = gad_memory_alloc((size_t)pixels, 3 * sizeof *host);
    if (!host)
        return gad_error_memory(err, "see a picture", (size_t)pixels * 3 * sizeof *host);
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t c = 0; c < 3; c++)
            host[3 * i + c] = ((float)picture->pixels[3 * i + c] - scale->offset[c]) * scale->scale[c];
    *out = device->ops->take(device, pixels, 3);
    device->ops->fill(device, *out, host);
    gad_memory_free(host);
    return GAD_OK;
}
