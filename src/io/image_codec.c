/* image_codec: see image_codec.h */
#include "io/image_codec.h"

#include "base/error.h"
#include "base/memory.h"

#include <libexif/exif-data.h>
#include <string.h>

gad_status gad_image_codec_begin(const gad_image_source *source, const gad_image_request *request, int64_t width,
                                 int64_t height, gad_image_decoded *out, gad_error *err)
{
    if (width < 1 || height < 1)
        return gad_error_set(err, GAD_E_FORMAT, "read image", "save it again from the program that made it",
                             "%s: the picture has no pixels (%lld x %lld)", source->name, (long long)width,
                             (long long)height);
    if (width > request->limit_pixels / height)
        return gad_error_set(err, GAD_E_LIMIT, "read image", "crop it or make it smaller first",
                             "%s: %lld x %lld is %.1f megapixels, more than the limit of %.1f", source->name,
                             (long long)width, (long long)height, (double)width * (double)height / 1e6,
                             (double)request->limit_pixels / 1e6);
    if (width > GAD_IMAGE_LIMIT_SIDE || height > GAD_IMAGE_LIMIT_SIDE)
        return gad_error_set(err, GAD_E_LIMIT, "read image", "crop it first",
                             "%s: %lld x %lld: no side may exceed %lld pixels", source->name, (long long)width,
                             (long long)height, (long long)GAD_IMAGE_LIMIT_SIDE);
    out->image = (gad_image){.width = width, .height = height, .channels = request->form == GAD_IMAGE_FORM_RGB ? 3 : 1};
    if (request->header_only)
        return GAD_OK;
    size_t size = gad_image_stride(&out->image) * (size_t)height;
    out->image.pixels = gad_memory_alloc(size, 1);
    if (!out->image.pixels)
        return gad_error_memory(err, "read image", size);
    return GAD_OK;
}

void gad_image_codec_drop(gad_image_decoded *out)
{
    gad_memory_free(out->image.pixels);
    out->image = (gad_image){0};
}

/* What Pillow's paste with a mask gives on white: round((255 * (255 - alpha) + v * alpha) / 255). */
static inline uint8_t on_white(uint8_t v, uint8_t alpha)
{
    unsigned t = 255u * (255u - alpha) + (unsigned)v * alpha + 128u;
    return (uint8_t)(((t >> 8) + t) >> 8);
}

static inline uint8_t largest(const uint8_t *rgb)
{
    uint8_t m = rgb[0] > rgb[1] ? rgb[0] : rgb[1];
    return m > rgb[2] ? m : rgb[2];
}

static void put_rgb(uint8_t *row, const uint8_t *s, int64_t width, int channels)
{
    if (channels == 3) {
        memcpy(row, s, (size_t)width * 3);
        return;
    }
    for (int64_t x = 0; x < width; x++, row += 3, s += channels) {
        if (channels == 4)
            for (int c = 0; c < 3; c++)
                row[c] = on_white(s[c], s[3]);
        else
            row[0] = row[1] = row[2] = channels == 2 ? on_white(s[0], s[1]) : s[0];
    }
}

void gad_image_codec_put(gad_image_form form, uint8_t *row, const uint8_t *samples, int64_t width, int channels)
{
    if (form == GAD_IMAGE_FORM_RGB) {
        put_rgb(row, samples, width, channels);
        return;
    }
    for (int64_t x = 0; x < width; x++, samples += channels)
        row[x] = channels >= 3 ? largest(samples) : samples[0];
}

void gad_image_codec_narrow(gad_image_form form, uint8_t *narrow, const uint8_t *wide, size_t count, bool little_endian)
{
    size_t high = little_endian ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t h = wide[2 * i + high], l = wide[2 * i + 1 - high];
        narrow[i] = form != GAD_IMAGE_FORM_RGB && !h && l ? 1 : h;
    }
}

gad_status gad_image_codec_orient(const uint8_t *exif, size_t size_bytes, gad_image_decoded *out, gad_error *err)
{
    static const uint8_t head[6] = {'E', 'x', 'i', 'f', 0, 0};
    enum { LIMIT_BYTES = 1 << 20 }; /* more is not read: the orientation stands at the beginning */
    bool has_head = size_bytes >= sizeof head && !memcmp(exif, head, sizeof head);
    size_t extra = has_head ? 0 : sizeof head;
    size_t size = size_bytes > LIMIT_BYTES ? LIMIT_BYTES : size_bytes;
    uint8_t *block = gad_memory_alloc(size + extra, 1);
    ExifData *data = block ? exif_data_new() : NULL;
    gad_status status = GAD_OK;
    if (!data) {
        status = gad_error_memory(err, "read image", size + extra);
        goto done;
    }
    memcpy(block, head, extra);
    memcpy(block + extra, exif, size);
    exif_data_load_data(data, block, (unsigned)(size + extra));
    const ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->components >= 1 && entry->size >= 2) {
        int value = exif_get_short(entry->data, exif_data_get_byte_order(data));
        if (value >= 1 && value <= 8)
            out->orientation = value;
    }
done:
    if (data)
        exif_data_unref(data);
    gad_memory_free(block);
    return status;
}

gad_status gad_image_codec_truncated(const gad_image_source *source, const char *format, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, "read image", "copy the file again, or wait until it is written completely",
                         "%s: the %s file ends before the picture is complete (truncated)", source->name, format);
}

gad_status gad_image_codec_damaged(const gad_image_source *source, const char *format, const char *detail, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, "read image",
                         "copy the file again, or save it anew from the program that made it", "%s: damaged %s file: %s",
                         source->name, format, detail);
}

gad_status gad_image_codec_unsupported(const gad_image_source *source, const char *format, const char *detail,
                                       gad_error *err)
{
    return gad_error_set(err, GAD_E_UNSUPPORTED, "read image", "convert it to an 8-bit RGB or grey PNG", "%s: %s file: %s",
                         source->name, format, detail);
}
