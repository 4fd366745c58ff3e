/* image_bmp: see image_bmp.h. Our own reader: every offset is checked against the size of the file before it is used. */
#include "io/image_bmp.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

enum {
    FILE_HEAD_BYTES = 14,
    CORE_HEAD_BYTES = 12,
    INFO_HEAD_BYTES = 40,
    COMPRESSION_NONE = 0,
    COMPRESSION_RLE8 = 1,
    COMPRESSION_RLE4 = 2,
    COMPRESSION_MASKS = 3,
    COMPRESSION_ALPHA_MASKS = 6
};

typedef struct layout {
    int64_t width, height;
    bool bottom_up;
    uint32_t bits, compression, palette_count;
    size_t pixels_at, palette_at, palette_step; /* step: bytes of one entry (blue, green, red[, unused]) */
    uint32_t mask[4];                           /* red, green, blue, alpha in 16- and 32-bit pixels */
} layout;

static uint32_t u16(const uint8_t *b)
{
    return (uint32_t)b[1] << 8 | b[0];
}

static uint32_t u32(const uint8_t *b)
{
    return u16(b + 2) << 16 | u16(b);
}

/* ---- header ------------------------------------------------------------------------------------------------------- */

static void default_masks(layout *l)
{
    static const uint32_t in16[4] = {0x7C00, 0x03E0, 0x001F, 0}, in32[4] = {0xFF0000, 0x00FF00, 0x0000FF, 0};
    memcpy(l->mask, l->bits == 16 ? in16 : in32, sizeof l->mask);
}

static const char *read_masks(const gad_image_source *source, layout *l, size_t head_bytes)
{
    default_masks(l);
    if (l->compression != COMPRESSION_MASKS && l->compression != COMPRESSION_ALPHA_MASKS)
        return NULL;
    if (l->bits != 16 && l->bits != 32)
        return "colour masks with an odd number of bits";
    /* Masks stand after the 40 bytes all headers share, inside a longer header or following it. */
    bool alpha = head_bytes >= INFO_HEAD_BYTES + 16 || l->compression == COMPRESSION_ALPHA_MASKS;
    size_t at = FILE_HEAD_BYTES + INFO_HEAD_BYTES;
    if (source->size_bytes < at + (alpha ? 16 : 12))
        return "colour masks are missing";
    for (size_t i = 0; i < (alpha ? 4u : 3u); i++)
        l->mask[i] = u32(source->bytes + at + 4 * i);
    return NULL;
}

static const char *read_sizes(const gad_image_source *source, layout *l, size_t head_bytes)
{
    const uint8_t *head = source->bytes + FILE_HEAD_BYTES;
    if (head_bytes == CORE_HEAD_BYTES) {
        l->width = u16(head + 4);
        l->height = u16(head + 6);
        l->bits = u16(head + 10);
        l->bottom_up = true;
        l->palette_step = 3;
        return NULL;
    }
    int64_t height = (int32_t)u32(head + 8);
    l->width = (int32_t)u32(head + 4);
    l->height = height < 0 ? -height : height;
    l->bottom_up = height > 0;
    l->bits = u16(head + 14);
    l->compression = u32(head + 16);
    l->palette_count = u32(head + 32);
    l->palette_step = 4;
    return NULL;
}

static const char *check_kind(const layout *l)
{
    switch (l->bits) {
    case 1:
    case 24: return l->compression == COMPRESSION_NONE ? NULL : "a compression that is not known";
    case 4:
        return l->compression == COMPRESSION_NONE || l->compression == COMPRESSION_RLE4 ? NULL
                                                                                        : "a compression that is not known";
    case 8:
        return l->compression == COMPRESSION_NONE || l->compression == COMPRESSION_RLE8 ? NULL
                                                                                        : "a compression that is not known";
    case 16:
    case 32:
        return l->compression == COMPRESSION_NONE || l->compression == COMPRESSION_MASKS ||
                       l->compression == COMPRESSION_ALPHA_MASKS
                   ? NULL
                   : "a compression that is not known";
    default: return "neither 1, 4, 8, 16, 24 nor 32 bits a pixel";
    }
}

/* Entries that the file does not hold count as black. */
static void place_palette(const gad_image_source *source, layout *l, size_t head_bytes)
{
    if (l->bits > 8) {
        l->palette_count = 0;
        return;
    }
    uint32_t most = 1u << l->bits;
    if (!l->palette_count || l->palette_count > most)
        l->palette_count = most;
    l->palette_at = FILE_HEAD_BYTES + head_bytes;
    size_t end = l->pixels_at < source->size_bytes ? l->pixels_at : source->size_bytes;
    size_t room = end > l->palette_at ? (end - l->palette_at) / l->palette_step : 0;
    if (l->palette_count > room)
        l->palette_count = (uint32_t)room;
}

static gad_status read_header(const gad_image_source *source, layout *l, gad_error *err)
{
    if (source->size_bytes < FILE_HEAD_BYTES + CORE_HEAD_BYTES)
        return gad_image_codec_truncated(source, "BMP", err);
    size_t head_bytes = u32(source->bytes + FILE_HEAD_BYTES);
    if (head_bytes != CORE_HEAD_BYTES && (head_bytes < INFO_HEAD_BYTES || head_bytes > 1024))
        return gad_image_codec_damaged(source, "BMP", "its header has an odd length", err);
    if (source->size_bytes < FILE_HEAD_BYTES + head_bytes)
        return gad_image_codec_truncated(source, "BMP", err);
    l->pixels_at = u32(source->bytes + 10);
    const char *problem = read_sizes(source, l, head_bytes);
    if (!problem)
        problem = check_kind(l);
    if (problem)
        return gad_image_codec_unsupported(source, "BMP", problem, err);
    problem = read_masks(source, l, head_bytes);
    if (problem)
        return gad_image_codec_damaged(source, "BMP", problem, err);
    place_palette(source, l, head_bytes);
    return GAD_OK;
}

/* ---- pixels ------------------------------------------------------------------------------------------------------- */

static void palette_colour(const gad_image_source *source, const layout *l, uint32_t index, uint8_t *rgb)
{
    memset(rgb, 0, 3);
    if (index >= l->palette_count)
        return;
    const uint8_t *entry = source->bytes + l->palette_at + index * l->palette_step;
    rgb[0] = entry[2];
    rgb[1] = entry[1];
    rgb[2] = entry[0];
}

/* The bits that a mask selects, scaled to 0..255. */
static uint8_t masked(uint32_t pixel, uint32_t mask)
{
    if (!mask)
        return 0;
    int shift = __builtin_ctz(mask);
    uint64_t most = mask >> shift;
    return (uint8_t)((uint64_t)((pixel & mask) >> shift) * 255 / most);
}

/* One pixel of more than 8 bits as red, green, blue, alpha. */
static void colour_pixel(const layout *l, const uint8_t *from, uint8_t *rgba)
{
    rgba[3] = 255;
    if (l->bits == 24) {
        rgba[0] = from[2];
        rgba[1] = from[1];
        rgba[2] = from[0];
        return;
    }
    uint32_t pixel = l->bits == 16 ? u16(from) : u32(from);
    for (int c = 0; c < 3; c++)
        rgba[c] = masked(pixel, l->mask[c]);
    if (l->mask[3])
        rgba[3] = masked(pixel, l->mask[3]);
}

static uint8_t packed_index(const layout *l, const uint8_t *row, int64_t x)
{
    size_t bit = (size_t)x * l->bits;
    return (uint8_t)((unsigned)row[bit / 8] >> (8 - l->bits - bit % 8) & ((1u << l->bits) - 1));
}

static void put_indices(const gad_image_source *source, const layout *l, gad_image_form form, const uint8_t *index,
                        uint8_t *samples, uint8_t *row)
{
    if (form == GAD_IMAGE_FORM_INDEX) {
        memcpy(row, index, (size_t)l->width);
        return;
    }
    for (int64_t x = 0; x < l->width; x++)
        palette_colour(source, l, index[x], samples + 3 * x);
    gad_image_codec_put(form, row, samples, l->width, 3);
}

static uint8_t *row_at(const layout *l, gad_image *image, int64_t stored_y)
{
    return gad_image_row(image, l->bottom_up ? l->height - 1 - stored_y : stored_y);
}

/* Rows are padded to four bytes. `samples` has room for five bytes a pixel. */
static gad_status read_plain(const gad_image_source *source, const layout *l, gad_image_form form, uint8_t *samples,
                             gad_image *image, gad_error *err)
{
    size_t stride = ((size_t)l->width * l->bits + 31) / 32 * 4;
    size_t last = ((size_t)l->width * l->bits + 7) / 8; /* the last row may lack its padding */
    size_t needed = stride * (size_t)(l->height - 1) + last;
    if (l->pixels_at > source->size_bytes || needed > source->size_bytes - l->pixels_at)
        return gad_image_codec_truncated(source, "BMP", err);
    for (int64_t y = 0; y < l->height; y++) {
        const uint8_t *from = source->bytes + l->pixels_at + stride * (size_t)y;
        uint8_t *row = row_at(l, image, y);
        if (l->bits <= 8) {
            uint8_t *index = samples + 4 * l->width;
            for (int64_t x = 0; x < l->width; x++)
                index[x] = packed_index(l, from, x);
            put_indices(source, l, form, index, samples, row);
            continue;
        }
        for (int64_t x = 0; x < l->width; x++)
            colour_pixel(l, from + (size_t)x * (l->bits / 8), samples + 4 * x);
        gad_image_codec_put(form, row, samples, l->width, 4);
    }
    return GAD_OK;
}

/* Run-length data into one index per pixel; pixels that are skipped stay 0. Pairs of bytes: count and value, or 0 and an
 * escape: 0 end of row, 1 end of picture, 2 move by (dx, dy), n >= 3 the next n indices as they are (padded to 2 bytes). */
static bool unpack_runs(const gad_image_source *source, const layout *l, uint8_t *index)
{
    const uint8_t *at = source->bytes + (l->pixels_at < source->size_bytes ? l->pixels_at : source->size_bytes);
    const uint8_t *end = source->bytes + source->size_bytes;
    bool four = l->compression == COMPRESSION_RLE4;
    int64_t x = 0, y = 0;
    while (end - at >= 2 && y < l->height) {
        uint8_t count = at[0], value = at[1];
        at += 2;
        if (!count && value == 1)
            return true;
        if (!count && value == 0) {
            x = 0;
            y++;
        } else if (!count && value == 2) {
            if (end - at < 2)
                return false;
            x += at[0];
            y += at[1];
            at += 2;
        } else {
            size_t n = count ? count : value, bytes = four ? (n + 1) / 2 : n;
            const uint8_t *from = count ? at - 1 : at;
            if (!count && (size_t)(end - at) < bytes)
                return false;
            for (size_t i = 0; i < n; i++, x++) {
                uint8_t v = count ? *from : from[four ? i / 2 : i];
                if (x < l->width)
                    index[y * l->width + x] = four ? (i % 2 ? v & 15 : v >> 4) : v;
            }
            if (!count)
                at += bytes + (bytes & 1 && (size_t)(end - at) > bytes ? 1 : 0);
        }
    }
    return y >= l->height;
}

static gad_status read_runs(const gad_image_source *source, const layout *l, gad_image_form form, uint8_t *samples,
                            gad_image *image, gad_error *err)
{
    uint8_t *index = gad_memory_zero((size_t)l->width, (size_t)l->height);
    if (!index)
        return gad_error_memory(err, "read image", (size_t)(l->width * l->height));
    bool whole = unpack_runs(source, l, index);
    for (int64_t y = 0; whole && y < l->height; y++)
        put_indices(source, l, form, index + y * l->width, samples, row_at(l, image, y));
    gad_memory_free(index);
    return whole ? GAD_OK : gad_image_codec_truncated(source, "BMP", err);
}

gad_status gad_image_bmp_decode(const gad_image_source *source, const gad_image_request *request, gad_image_decoded *out,
                                gad_error *err)
{
    layout l = {0};
    gad_status status = read_header(source, &l, err);
    if (!status)
        status = gad_image_codec_begin(source, request, l.width, l.height, out, err);
    if (status || request->header_only)
        return status;
    uint8_t *samples = gad_memory_alloc((size_t)l.width, 5);
    if (!samples)
        status = gad_error_memory(err, "read image", (size_t)l.width * 5);
    else if (l.compression == COMPRESSION_RLE8 || l.compression == COMPRESSION_RLE4)
        status = read_runs(source, &l, request->form, samples, &out->image, err);
    else
        status = read_plain(source, &l, request->form, samples, &out->image, err);
    gad_memory_free(samples);
    if (status)
        gad_image_codec_drop(out);
    return status;
}
