/* make_image: picture files of many kinds for the tests, made with the format libraries themselves. The sample values of
 * pixel (x, y), sample c are make_sample(x, y, c), so that a test knows what must come back. */
#ifndef GAD_TESTS_IO_MAKE_IMAGE_H
#define GAD_TESTS_IO_MAKE_IMAGE_H
#include "base/string.h"
#include "io/image.h"

/* Spread over 0..bound-1 without a pattern that a wrong row or channel would repeat. */
static inline unsigned make_sample(int64_t x, int64_t y, int c, unsigned bound)
{
    return (unsigned)((uint64_t)(x * 7919 + y * 104729 + c * 1299709 + x * y * 31 + 17) * 2654435761u >> 16) % bound;
}

/* A smooth picture (so that lossy formats stay close), channels 1 or 3. */
gad_image make_smooth(int64_t width, int64_t height, int channels);

typedef struct make_png_options {
    int64_t width, height;
    int colour_type, depth; /* as in libpng */
    bool interlaced, transparent;
    int orientation; /* 0: no EXIF */
    bool exif_at_the_end;
} make_png_options;
gad_string make_png(make_png_options options);
/* The colour of palette entry i in make_png, make_tiff and make_bmp. */
void make_palette(unsigned i, uint8_t rgb[3]);

/* Of make_smooth; components 1, 3, or 4 (CMYK). */
typedef struct make_jpeg_options {
    int64_t width, height;
    int components, orientation;
    bool progressive;
} make_jpeg_options;
gad_string make_jpeg(make_jpeg_options options);

typedef struct make_tiff_options {
    uint32_t width, height;
    uint16_t bits, samples, photometric, compression, orientation, extra; /* extra: EXTRASAMPLE_*, 0 none */
    bool separate, tiled, floating, big_endian;
} make_tiff_options;
/* Writes `path` and returns its bytes. */
gad_string make_tiff(const char *path, make_tiff_options options);

/* Lossless, samples 3 or 4. */
gad_string make_webp(int64_t width, int64_t height, int samples);

typedef struct make_bmp_options {
    int64_t width, height;
    unsigned bits;
    bool top_down, core_header, runs; /* runs: RLE8 or RLE4 */
    uint32_t masks[4];                /* all zero: no masks */
} make_bmp_options;
gad_string make_bmp(make_bmp_options options);
#endif
