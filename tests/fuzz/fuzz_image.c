/* fuzz_image: any bytes as a picture file, in the three forms that gad asks for. What is accepted has the size that its
 * header stated, and every pixel is there. Pictures over one megapixel are refused, so that inputs stay quick. */
#include "io/image_bmp.h"
#include "io/image_jpeg.h"
#include "io/image_png.h"
#include "io/image_tiff.h"
#include "io/image_webp.h"

#include <stdlib.h>

enum { LIMIT_PIXELS = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void touch(const gad_image *image)
{
    volatile uint8_t sink = 0;
    for (size_t i = 0; i < gad_image_stride(image) * (size_t)image->height; i++)
        sink = image->pixels[i];
    (void)sink;
}

static void decode(gad_image_codec_read read, const gad_image_source *source, gad_image_form form, int64_t side_px)
{
    gad_image_request request = {.form = form, .limit_pixels = LIMIT_PIXELS, .side_px = side_px, .header_only = true};
    gad_image_decoded header = {.orientation = 1}, whole = {.orientation = 1};
    gad_error err = {0};
    gad_status stated = read(source, &request, &header, &err);
    request.header_only = false;
    gad_status status = read(source, &request, &whole, &err);
    if (status) {
        if (!err.cause[0] || whole.image.pixels)
            abort();
        return;
    }
    bool same = header.image.width == whole.image.width && header.image.height == whole.image.height;
    if (stated || header.orientation != whole.orientation || (!side_px && !same))
        abort();
    touch(&whole.image);
    gad_image_free(&whole.image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const struct {
        gad_image_codec_read read;
        const char *first; /* bytes with which the format may begin */
    } codecs[] = {{gad_image_jpeg_decode, "\xFF"},
                  {gad_image_png_decode, "\x89"},
                  {gad_image_tiff_decode, "IM"},
                  {gad_image_webp_decode, "R"},
                  {gad_image_bmp_decode, "B"}};
    gad_image_source source = {data, size_bytes, "input"};
    gad_image image;
    if (!gad_image_decode(data, size_bytes, "input", LIMIT_PIXELS, &image, NULL)) {
        touch(&image);
        gad_image_free(&image);
    }
    for (size_t i = 0; size_bytes >= 4 && i < sizeof codecs / sizeof codecs[0]; i++)
        for (const char *first = codecs[i].first; *first; first++)
            if (data[0] == (uint8_t)*first) {
                decode(codecs[i].read, &source, GAD_IMAGE_FORM_INDEX, 0);
                decode(codecs[i].read, &source, GAD_IMAGE_FORM_MASK, 4);
                decode(codecs[i].read, &source, GAD_IMAGE_FORM_RGB, 0);
            }
    return 0;
}
