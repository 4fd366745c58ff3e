/* image_webp: see image_webp.h */
#include "io/image_webp.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>
#include <webp/decode.h>

static uint32_t little_endian(const uint8_t *b)
{
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

/* A RIFF file: 12 bytes of head, then chunks (name, length, data padded to even). */
static gad_status find_orientation(const gad_image_source *source, gad_image_decoded *out, gad_error *err)
{
    for (size_t at = 12; at <= source->size_bytes && source->size_bytes - at >= 8;) {
        const uint8_t *chunk = source->bytes + at;
        size_t length = little_endian(chunk + 4);
        if (length > source->size_bytes - at - 8)
            break;
        if (!memcmp(chunk, "EXIF", 4))
            return gad_image_codec_orient(chunk + 8, length, out, err);
        at += 8 + length + (length & 1);
    }
    return GAD_OK;
}

static gad_status explain(const gad_image_source *source, VP8StatusCode code, gad_error *err)
{
    switch (code) {
    case VP8_STATUS_OK: return GAD_OK;
    case VP8_STATUS_OUT_OF_MEMORY: return gad_error_memory(err, "read image", 0);
    case VP8_STATUS_NOT_ENOUGH_DATA: return gad_image_codec_truncated(source, "WebP", err);
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return gad_image_codec_unsupported(source, "WebP", "a feature of it is not known", err);
    default: return gad_image_codec_damaged(source, "WebP", "its data makes no sense", err);
    }
}

/* Decodes to RGB or RGBA in memory that is the image's own, or a copy when the rows must be converted. */
static gad_status read_rows(const gad_image_source *source, const gad_image_request *request, bool alpha,
                            gad_image_decoded *out, gad_error *err)
{
    gad_image *image = &out->image;
    int channels = alpha ? 4 : 3;
    size_t stride = (size_t)image->width * (size_t)channels, size = stride * (size_t)image->height;
    bool direct = channels == image->channels;
    uint8_t *samples = direct ? image->pixels : gad_memory_alloc(size, 1);
    if (!samples)
        return gad_error_memory(err, "read image", size);
    WebPDecoderConfig config;
    WebPInitDecoderConfig(&config);
    config.options.use_threads = 1;
    config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = (WebPRGBABuffer){samples, (int)stride, size};
    gad_status status = explain(source, WebPDecode(source->bytes, source->size_bytes, &config), err);
    WebPFreeDecBuffer(&config.output);
    for (int64_t y = 0; !status && !direct && y < image->height; y++)
        gad_image_codec_put(request->form, gad_image_row(image, y), samples + (size_t)y * stride, image->width, channels);
    if (!direct)
        gad_memory_free(samples);
    return status;
}

gad_status gad_image_webp_decode(const gad_image_source *source, const gad_image_request *request, gad_image_decoded *out,
                                 gad_error *err)
{
    WebPBitstreamFeatures features;
    gad_status status = explain(source, WebPGetFeatures(source->bytes, source->size_bytes, &features), err);
    if (!status && features.has_animation)
        status = gad_image_codec_unsupported(source, "WebP", "is an animation", err);
    if (!status)
        status = gad_image_codec_begin(source, request, features.width, features.height, out, err);
    if (!status)
        status = find_orientation(source, out, err);
    if (!status && !request->header_only)
        status = read_rows(source, request, features.has_alpha && request->form == GAD_IMAGE_FORM_RGB, out, err);
    if (status)
        gad_image_codec_drop(out);
    return status;
}
