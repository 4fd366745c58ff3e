/* image: files and bytes into 8-bit pixels, and back. Decides once, for everything above it, what a picture is:
 * its content says what format it has; the EXIF orientation is applied, so width, height and every coordinate are those
 * of the upright picture; alpha is laid on white; 16-bit samples keep their high byte; grey and palette become RGB;
 * colour profiles are ignored. Knows nothing of models or boxes. */
#ifndef GAD_IO_IMAGE_H
#define GAD_IO_IMAGE_H
#include "base/hash.h"
#include "gad.h"

/* More pixels than this are refused before memory is taken. */
#define GAD_IMAGE_LIMIT_PIXELS INT64_C(200000000)
/* Nor longer sides: a line scan is long, a strip of millions of rows is none. */
#define GAD_IMAGE_LIMIT_SIDE INT64_C(1000000)

/* Rows from top to bottom without padding: pixels[(y * width + x) * channels + c]. */
typedef struct gad_image {
    int64_t width, height; /* px, both at least 1 */
    int channels;          /* 3: red, green, blue; 1: grey or mask */
    uint8_t *pixels;       /* owned; NULL in an image that holds nothing */
} gad_image;

/* An image of that size, its pixels not set. Refuses sizes below 1 and over GAD_IMAGE_LIMIT_PIXELS. */
gad_status gad_image_new(int64_t width, int64_t height, int channels, gad_image *image, gad_error *err);
/* Gives the pixels back and clears the struct; NULL and an empty image are fine. */
void gad_image_free(gad_image *image);

/* Where row y begins. */
static inline uint8_t *gad_image_row(const gad_image *image, int64_t y)
{
    return image->pixels + (size_t)(y * image->width) * (size_t)image->channels;
}

/* Bytes of one row. */
static inline size_t gad_image_stride(const gad_image *image)
{
    return (size_t)image->width * (size_t)image->channels;
}

/* JPEG, PNG, TIFF, WebP or BMP as RGB. */
gad_status gad_image_load(const char *path, gad_image *image, gad_error *err);
/* The same from memory; `name` says in errors what it is; limit_pixels 0 means GAD_IMAGE_LIMIT_PIXELS. */
gad_status gad_image_decode(const void *bytes, size_t size_bytes, const char *name, int64_t limit_pixels, gad_image *image,
                            gad_error *err);
/* As gad_image_load for a small copy: a JPEG is decoded at 1/2, 1/4 or 1/8 while its longer side stays at or above side_px;
 * other formats come in full size. */
gad_status gad_image_load_shrunk(const char *path, int64_t side_px, gad_image *image, gad_error *err);

/* How the colours of a palette count in a mask. */
typedef enum gad_image_palette {
    GAD_IMAGE_PALETTE_COLOUR, /* as the colours they stand for */
    GAD_IMAGE_PALETTE_INDEX   /* as their number: masks whose classes are palette entries */
} gad_image_palette;

/* A data set's mask as one channel: grey values as they are, of colours the largest channel, alpha ignored. A value that
 * is not zero never becomes zero (16-bit samples keep their high byte, at least 1). */
gad_status gad_image_load_mask(const char *path, gad_image_palette palette, gad_image *mask, gad_error *err);

/* Size of the picture as gad_image_load would give it, without decoding it. */
gad_status gad_image_probe(const char *path, int64_t *width, int64_t *height, gad_error *err);

/* A box in the picture as its file stores it (before its EXIF orientation is applied) as one of the upright picture, which
 * has the size width x height. False, and nothing changes, where the file is not stored on its side. box: x1, y1, x2, y2.
 */
bool gad_image_turn_box(int orientation, int64_t width, int64_t height, double box[4]);
/* 1 to 8; 1 where nothing is said. */
gad_status gad_image_orientation(const char *path, int *orientation, gad_error *err);

/* Hash of the content: pixels, size and number of channels. */
gad_hash gad_image_hash(const gad_image *image);

/* Write a file that is complete or absent. Quality is 1 to 100. For the bytes without a file: image_png.h, image_jpeg.h. */
gad_status gad_image_save_png(const gad_image *image, const char *path, gad_error *err);
gad_status gad_image_save_jpeg(const gad_image *image, int quality, const char *path, gad_error *err);
#endif
