/* image: see image.h */
#include "io/image.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/string.h"
#include "io/image_bmp.h"
#include "io/image_codec.h"
#include "io/image_jpeg.h"
#include "io/image_png.h"
#include "io/image_tiff.h"
#include "io/image_webp.h"

#include <string.h>

enum { FILE_LIMIT_BYTES = INT32_MAX };

gad_status gad_image_new(int64_t width, int64_t height, int channels, gad_image *image, gad_error *err)
{
    if (width < 1 || height < 1 || (channels != 1 && channels != 3))
        return gad_error_set(err, GAD_E_ARGUMENT, "make image", NULL, "%lld x %lld with %d channels is not an image",
                             (long long)width, (long long)height, channels);
    if (width > GAD_IMAGE_LIMIT_PIXELS / height)
        return gad_error_set(err, GAD_E_LIMIT, "make image", "ask for a smaller one",
                             "%lld x %lld is more than the limit of %lld megapixels", (long long)width, (long long)height,
                             (long long)(GAD_IMAGE_LIMIT_PIXELS / 1000000));
    gad_image made = {.width = width, .height = height, .channels = channels};
    size_t size = gad_image_stride(&made) * (size_t)height;
    made.pixels = gad_memory_alloc(size, 1);
    if (!made.pixels)
        return gad_error_memory(err, "make image", size);
    *image = made;
    return GAD_OK;
}

void gad_image_free(gad_image *image)
{
    if (!image)
        return;
    gad_memory_free(image->pixels);
    *image = (gad_image){0};
}

/* ---- what the bytes are ------------------------------------------------------------------------------------------- */

/* A format is known by bytes at its beginning, and by a second mark at `second_at` where there is one. */
typedef struct signature {
    const char *name;
    gad_image_codec_read read; /* NULL: recognised only to say what it is */
    const char *mark, *second;
    size_t mark_bytes, second_bytes, second_at;
} signature;

#define MARK(text) (text), NULL, sizeof(text) - 1, 0, 0
#define MARKS(text, text2, at) (text), (text2), sizeof(text) - 1, sizeof(text2) - 1, (at)

static const signature signatures[] = {
    {"JPEG", gad_image_jpeg_decode, MARK("\xFF\xD8\xFF")},
    {"PNG", gad_image_png_decode, MARK("\x89PNG\r\n\x1A\n")},
    {"TIFF", gad_image_tiff_decode, MARK("II*\0")},
    {"TIFF", gad_image_tiff_decode, MARK("MM\0*")},
    {"TIFF", gad_image_tiff_decode, MARK("II+\0")},
    {"TIFF", gad_image_tiff_decode, MARK("MM\0+")},
    {"WebP", gad_image_webp_decode, MARKS("RIFF", "WEBP", 8)},
    {"BMP", gad_image_bmp_decode, MARK("BM")},
    {"a GIF picture", NULL, MARK("GIF8")},
    {"an AVIF picture", NULL, MARKS("", "ftypavif", 4)},
    {"a HEIC picture", NULL, MARKS("", "ftyphei", 4)},
    {"a HEIC picture", NULL, MARKS("", "ftypmif1", 4)},
    {"a JPEG 2000 picture", NULL, MARKS("", "jP  ", 4)},
    {"a JPEG XL picture", NULL, MARKS("", "JXL ", 4)},
    {"a Photoshop picture", NULL, MARK("8BPS")},
    {"a PDF document", NULL, MARK("%PDF")},
    {"a web page or drawing", NULL, MARK("<")},
    {"an archive", NULL, MARK("PK\3\4")},
    {"a compressed file", NULL, MARK("\x1F\x8B")},
    {"a pointer to a file that was not fetched", NULL, MARK("version https://git-lfs")},
};

static bool has(const gad_image_source *source, const char *mark, size_t mark_bytes, size_t at)
{
    return source->size_bytes >= at + mark_bytes && !memcmp(source->bytes + at, mark, mark_bytes);
}

static const signature *recognise(const gad_image_source *source)
{
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        const signature *s = &signatures[i];
        if (has(source, s->mark, s->mark_bytes, 0) && (!s->second || has(source, s->second, s->second_bytes, s->second_at)))
            return s;
    }
    return NULL;
}

static gad_status refuse(const gad_image_source *source, const signature *known, gad_error *err)
{
    static const char hint[] = "gad reads JPEG, PNG, TIFF, WebP and BMP";
    if (!source->size_bytes)
        return gad_error_set(err, GAD_E_FORMAT, "read image", "copy the file again", "%s: the file is empty", source->name);
    if (known)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "read image", hint, "%s: looks like %s", source->name, known->name);
    return gad_error_set(err, GAD_E_FORMAT, "read image", hint, "%s: is not an image", source->name);
}

/* ---- orientation -------------------------------------------------------------------------------------------------- */

/* EXIF orientations: bit by bit, what makes the stored picture upright. 5..8 exchange rows and columns first. */
static bool swaps_axes(int orientation)
{
    return orientation >= 5;
}

static bool mirrors_x(int orientation)
{
    return orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
}

static bool mirrors_y(int orientation)
{
    return orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
}

/* upright(x, y) = stored at (x', y'), exchanged or not, mirrored or not. Tiles keep both sides in the cache. */
static void turn_tile(const gad_image *stored, gad_image *upright, int orientation, int64_t x0, int64_t y0, int64_t tile)
{
    int64_t x1 = x0 + tile < upright->width ? x0 + tile : upright->width;
    int64_t y1 = y0 + tile < upright->height ? y0 + tile : upright->height;
    size_t channels = (size_t)upright->channels;
    for (int64_t y = y0; y < y1; y++) {
        uint8_t *to = gad_image_row(upright, y) + (size_t)x0 * channels;
        for (int64_t x = x0; x < x1; x++, to += channels) {
            int64_t mx = mirrors_x(orientation) ? upright->width - 1 - x : x;
            int64_t my = mirrors_y(orientation) ? upright->height - 1 - y : y;
            const uint8_t *from = swaps_axes(orientation) ? gad_image_row(stored, mx) + (size_t)my * channels
                                                          : gad_image_row(stored, my) + (size_t)mx * channels;
            for (size_t c = 0; c < channels; c++)
                to[c] = from[c];
        }
    }
}

/* Replaces the stored image by the upright one; without pixels only the size changes. */
static gad_status turn_upright(gad_image *image, int orientation, gad_error *err)
{
    enum { TILE_PX = 32 };
    if (orientation <= 1)
        return GAD_OK;
    bool swap = swaps_axes(orientation);
    gad_image upright = {.width = swap ? image->height : image->width,
                         .height = swap ? image->width : image->height,
                         .channels = image->channels};
    if (image->pixels) {
        gad_status status = gad_image_new(upright.width, upright.height, upright.channels, &upright, err);
        if (status)
            return status;
        for (int64_t y = 0; y < upright.height; y += TILE_PX)
            for (int64_t x = 0; x < upright.width; x += TILE_PX)
                turn_tile(image, &upright, orientation, x, y, TILE_PX);
    }
    gad_image_free(image);
    *image = upright;
    return GAD_OK;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static gad_status decode_stored(const gad_image_source *source, const gad_image_request *request,
                                gad_image_decoded *decoded, gad_error *err)
{
    const signature *known = recognise(source);
    if (!known || !known->read)
        return refuse(source, known, err);
    *decoded = (gad_image_decoded){.orientation = 1};
    return known->read(source, request, decoded, err);
}

static gad_status decode(const gad_image_source *source, const gad_image_request *request, gad_image *image, gad_error *err)
{
    gad_image_decoded decoded = {0};
    gad_status status = decode_stored(source, request, &decoded, err);
    if (!status)
        status = turn_upright(&decoded.image, decoded.orientation, err);
    if (status)
        gad_image_free(&decoded.image);
    else
        *image = decoded.image;
    return status;
}

/* A file that cannot be opened: base/file says why, here stands what to do. */
static gad_status cannot_open(const char *path, gad_status status, gad_error *err)
{
    if (err && !err->hint[0])
        snprintf(err->hint, sizeof err->hint, "%s",
                 gad_file_is_directory(path) ? "name the picture files in this folder, or let gad list it"
                                             : "check the name and the permissions");
    return status;
}

static gad_status load(const char *path, const gad_image_request *request, gad_image *image, gad_error *err)
{
    char *bytes;
    size_t size;
    gad_status status = gad_file_read(path, FILE_LIMIT_BYTES, &bytes, &size, err);
    if (status)
        return cannot_open(path, status, err);
    gad_image_source source = {(const uint8_t *)bytes, size, path};
    status = decode(&source, request, image, err);
    gad_memory_free(bytes);
    return status;
}

gad_status gad_image_decode(const void *bytes, size_t size_bytes, const char *name, int64_t limit_pixels, gad_image *image,
                            gad_error *err)
{
    gad_image_source source = {bytes, size_bytes, name};
    gad_image_request request = {.limit_pixels = limit_pixels ? limit_pixels : GAD_IMAGE_LIMIT_PIXELS};
    return decode(&source, &request, image, err);
}

gad_status gad_image_load(const char *path, gad_image *image, gad_error *err)
{
    gad_image_request request = {.limit_pixels = GAD_IMAGE_LIMIT_PIXELS};
    return load(path, &request, image, err);
}

gad_status gad_image_load_shrunk(const char *path, int64_t side_px, gad_image *image, gad_error *err)
{
    gad_image_request request = {.limit_pixels = GAD_IMAGE_LIMIT_PIXELS, .side_px = side_px};
    return load(path, &request, image, err);
}

gad_status gad_image_load_mask(const char *path, gad_image_palette palette, gad_image *mask, gad_error *err)
{
    gad_image_request request = {.limit_pixels = GAD_IMAGE_LIMIT_PIXELS,
                                 .form = palette == GAD_IMAGE_PALETTE_INDEX ? GAD_IMAGE_FORM_INDEX : GAD_IMAGE_FORM_MASK};
    return load(path, &request, mask, err);
}

/* Mapped, not read: of most files only the first page is touched. */
static gad_status probe(const char *path, gad_image_decoded *decoded, gad_error *err)
{
    gad_file_map map;
    gad_status status = gad_file_map_open(path, &map, err);
    if (status)
        return cannot_open(path, status, err);
    gad_image_source source = {map.data, map.size_bytes, path};
    gad_image_request request = {.limit_pixels = GAD_IMAGE_LIMIT_PIXELS, .header_only = true};
    status = decode_stored(&source, &request, decoded, err);
    gad_file_map_close(&map);
    return status;
}

gad_status gad_image_probe(const char *path, int64_t *width, int64_t *height, gad_error *err)
{
    gad_image_decoded decoded;
    gad_status status = probe(path, &decoded, err);
    if (status)
        return status;
    bool swap = swaps_axes(decoded.orientation);
    *width = swap ? decoded.image.height : decoded.image.width;
    *height = swap ? decoded.image.width : decoded.image.height;
    return GAD_OK;
}

gad_status gad_image_orientation(const char *path, int *orientation, gad_error *err)
{
    gad_image_decoded decoded;
    gad_status status = probe(path, &decoded, err);
    if (!status)
        *orientation = decoded.orientation;
    return status;
}

bool gad_image_turn_box(int orientation, int64_t width, int64_t height, double box[4])
{
    if (!swaps_axes(orientation))
        return false;
    const double w = (double)width, h = (double)height, x[2] = {box[0], box[2]}, y[2] = {box[1], box[3]};
    bool flip_x = mirrors_x(orientation), flip_y = mirrors_y(orientation);
    box[0] = flip_x ? w - y[1] : y[0];
    box[1] = flip_y ? h - x[1] : x[0];
    box[2] = flip_x ? w - y[0] : y[1];
    box[3] = flip_y ? h - x[0] : x[1];
    return true;
}

gad_hash gad_image_hash(const gad_image *image)
{
    int64_t shape[3] = {image->width, image->height, image->channels};
    return gad_hash_combine(gad_hash_bytes(shape, sizeof shape),
                            gad_hash_bytes(image->pixels, gad_image_stride(image) * (size_t)image->height));
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

gad_status gad_image_save_png(const gad_image *image, const char *path, gad_error *err)
{
    gad_string bytes = {0};
    gad_status status = gad_image_png_encode(image, &bytes, err);
    if (!status)
        status = gad_file_write(path, bytes.data, bytes.length, err);
    gad_string_free(&bytes);
    return status;
}

gad_status gad_image_save_jpeg(const gad_image *image, int quality, const char *path, gad_error *err)
{
    gad_string bytes = {0};
    gad_status status = gad_image_jpeg_encode(image, quality, &bytes, err);
    if (!status)
        status = gad_file_write(path, bytes.data, bytes.length, err);
    gad_string_free(&bytes);
    return status;
}
