/* make_image: see make_image.h */
#include "io/make_image.h"

#include "base/file.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <tiffio.h>
#include <webp/encode.h>

gad_image make_smooth(int64_t width, int64_t height, int channels)
{
    gad_image image;
    gad_error err;
    ASSERT_OK(gad_image_new(width, height, channels, &image, &err), &err);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                gad_image_row(&image, y)[x * channels + c] =
                    (uint8_t)(128 + 100 * sin((double)(x * (c + 1)) / 37.0) * cos((double)(y * (3 - c)) / 41.0));
    return image;
}

void make_palette(unsigned i, uint8_t rgb[3])
{
    rgb[0] = (uint8_t)(i * 37 + 11);
    rgb[1] = (uint8_t)(i * 101 + 50);
    rgb[2] = (uint8_t)(255 - i * 13);
}

/* A minimal EXIF block: big-endian TIFF head, one directory entry. */
static size_t exif_block(int orientation, uint8_t *to)
{
    static const uint8_t head[] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    memcpy(to, head, sizeof head);
    to[19] = (uint8_t)orientation;
    return sizeof head;
}

/* ---- PNG ---------------------------------------------------------------------------------------------------------- */

static void append_png(png_structp png, png_bytep from, size_t n)
{
    gad_string_append(png_get_io_ptr(png), (const char *)from, n);
}

static void pack(uint8_t *row, size_t i, unsigned depth, unsigned v)
{
    if (depth == 16) {
        row[2 * i] = (uint8_t)(v >> 8);
        row[2 * i + 1] = (uint8_t)v;
    } else if (depth == 8) {
        row[i] = (uint8_t)v;
    } else {
        size_t bit = i * depth;
        row[bit / 8] = (uint8_t)(row[bit / 8] | v << (8 - depth - bit % 8));
    }
}

static void png_head(png_structp png, png_infop info, make_png_options o)
{
    png_set_IHDR(png, info, (png_uint_32)o.width, (png_uint_32)o.height, o.depth, o.colour_type,
                 o.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    if (o.colour_type == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[256];
        for (unsigned i = 0; i < 1u << o.depth; i++) {
            uint8_t rgb[3];
            make_palette(i, rgb);
            palette[i] = (png_color){rgb[0], rgb[1], rgb[2]};
        }
        png_set_PLTE(png, info, palette, 1 << o.depth);
    }
    if (o.transparent && o.colour_type == PNG_COLOR_TYPE_PALETTE)
        png_set_tRNS(png, info, (const uint8_t[]){0, 128}, 2, NULL); /* entry 0 clear, entry 1 half */
    if (o.transparent && o.colour_type == PNG_COLOR_TYPE_GRAY)
        png_set_tRNS(png, info, NULL, 0, &(png_color_16){.gray = 5});
    uint8_t exif[64];
    if (o.orientation && !o.exif_at_the_end)
        png_set_eXIf_1(png, info, (png_uint_32)exif_block(o.orientation, exif), exif);
}

gad_string make_png(make_png_options o)
{
    gad_string out = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &out, append_png, NULL);
    png_head(png, info, o);
    png_write_info(png, info);
    int samples = png_get_channels(png, info);
    size_t stride = png_get_rowbytes(png, info);
    uint8_t *rows = calloc((size_t)o.height, stride);
    for (int64_t y = 0; y < o.height; y++)
        for (int64_t x = 0; x < o.width; x++)
            for (int c = 0; c < samples; c++)
                pack(rows + (size_t)y * stride, (size_t)(x * samples + c), (unsigned)o.depth,
                     make_sample(x, y, c, 1u << o.depth));
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < o.height; y++)
            png_write_row(png, rows + (size_t)y * stride);
    if (o.orientation && o.exif_at_the_end) {
        uint8_t exif[64];
        png_write_chunk(png, (png_const_bytep) "eXIf", exif, exif_block(o.orientation, exif));
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    free(rows);
    return out;
}

/* ---- JPEG --------------------------------------------------------------------------------------------------------- */

gad_string make_jpeg(make_jpeg_options o)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr manager;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    info.err = jpeg_std_error(&manager);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &size);
    info.image_width = (JDIMENSION)o.width;
    info.image_height = (JDIMENSION)o.height;
    info.input_components = o.components;
    info.in_color_space = o.components == 1 ? JCS_GRAYSCALE : o.components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 95, TRUE);
    if (o.progressive)
        jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    if (o.orientation) {
        uint8_t exif[64] = "Exif\0";
        jpeg_write_marker(&info, JPEG_APP0 + 1, exif, (unsigned)(6 + exif_block(o.orientation, exif + 6)));
    }
    gad_image image = make_smooth(o.width, o.height, o.components == 1 ? 1 : 3);
    uint8_t *row = calloc((size_t)o.width, 4);
    for (int64_t y = 0; y < o.height; y++) {
        JSAMPROW line = o.components == 4 ? row : gad_image_row(&image, y);
        jpeg_write_scanlines(&info, &line, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    gad_string out = {0};
    gad_string_append(&out, (const char *)bytes, size);
    free(bytes);
    free(row);
    gad_image_free(&image);
    return out;
}

/* ---- TIFF --------------------------------------------------------------------------------------------------------- */

static void tiff_head(TIFF *tiff, make_tiff_options o)
{
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, o.width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, o.height);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, o.bits);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, o.samples);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, o.photometric);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, o.compression ? o.compression : COMPRESSION_NONE);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, o.separate ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, o.floating ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT);
    if (o.orientation)
        TIFFSetField(tiff, TIFFTAG_ORIENTATION, o.orientation);
    if (o.extra)
        TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, (const uint16_t[]){o.extra});
    if (o.photometric == PHOTOMETRIC_PALETTE) {
        uint16_t map[3][256];
        for (unsigned i = 0; i < 1u << o.bits; i++) {
            uint8_t rgb[3];
            make_palette(i, rgb);
            for (int c = 0; c < 3; c++)
                map[c][i] = (uint16_t)(rgb[c] * 257);
        }
        TIFFSetField(tiff, TIFFTAG_COLORMAP, map[0], map[1], map[2]);
    }
    if (o.tiled) {
        TIFFSetField(tiff, TIFFTAG_TILEWIDTH, 32);
        TIFFSetField(tiff, TIFFTAG_TILELENGTH, 16);
    } else {
        TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 7);
    }
}

/* One block of `width` x `height` pixels at (x0, y0): all samples, or only sample `only` when it is not negative. */
static void tiff_block(make_tiff_options o, uint8_t *block, size_t stride, uint32_t x0, uint32_t y0, uint32_t width,
                       uint32_t height, int only)
{
    unsigned bound = o.bits >= 16 ? 65536u : 1u << o.bits;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (int c = 0; c < (only < 0 ? o.samples : 1); c++) {
                unsigned v = make_sample(x0 + x, y0 + y, only < 0 ? c : only, bound);
                size_t i = only < 0 ? (size_t)x * o.samples + (size_t)c : x;
                if (o.bits == 16)
                    v = (v & 255) << 8 | v >> 8; /* pack writes big endian; libtiff takes the machine's order */
                if (x0 + x < o.width && y0 + y < o.height)
                    pack(block + y * stride, i, o.bits >= 16 ? 16 : o.bits, v);
            }
}

gad_string make_tiff(const char *path, make_tiff_options o)
{
    TIFF *tiff = TIFFOpen(path, o.big_endian ? "wb" : "w");
    tiff_head(tiff, o);
    uint32_t block_width = o.tiled ? 32 : o.width, block_height = o.tiled ? 16 : 7;
    size_t stride = (size_t)(o.tiled ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff));
    size_t size = stride * block_height;
    uint8_t *block = malloc(size);
    for (int plane = 0; plane < (o.separate ? o.samples : 1); plane++)
        for (uint32_t y = 0; y < o.height; y += block_height)
            for (uint32_t x = 0; x < o.width; x += block_width) {
                uint32_t rows = o.tiled || o.height - y > block_height ? block_height : o.height - y;
                memset(block, 0, size);
                tiff_block(o, block, stride, x, y, block_width, rows, o.separate ? plane : -1);
                if (o.tiled)
                    TIFFWriteEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, (uint16_t)plane), block, (tmsize_t)size);
                else
                    TIFFWriteEncodedStrip(tiff, TIFFComputeStrip(tiff, y, (uint16_t)plane), block,
                                          (tmsize_t)(stride * rows));
            }
    TIFFClose(tiff);
    free(block);
    char *bytes;
    size_t length;
    gad_error err;
    ASSERT_OK(gad_file_read(path, 1 << 24, &bytes, &length, &err), &err);
    return (gad_string){.data = bytes, .length = length, .capacity = length + 1};
}

/* ---- WebP and BMP ------------------------------------------------------------------------------------------------- */

gad_string make_webp(int64_t width, int64_t height, int samples)
{
    uint8_t *pixels = malloc((size_t)(width * height * samples)), *bytes = NULL;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int c = 0; c < samples; c++)
                pixels[(y * width + x) * samples + c] = (uint8_t)make_sample(x, y, c, 256);
    /* exact: colours under clear pixels are kept */
    WebPConfig config;
    WebPPicture picture;
    WebPMemoryWriter writer;
    WebPConfigInit(&config);
    WebPPictureInit(&picture);
    WebPMemoryWriterInit(&writer);
    config.lossless = config.exact = 1;
    picture.use_argb = 1;
    picture.width = (int)width;
    picture.height = (int)height;
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    if (samples == 4)
        WebPPictureImportRGBA(&picture, pixels, (int)width * 4);
    else
        WebPPictureImportRGB(&picture, pixels, (int)width * 3);
    assert_true(WebPEncode(&config, &picture));
    bytes = writer.mem;
    gad_string out = {0};
    gad_string_append(&out, (const char *)bytes, writer.size);
    WebPPictureFree(&picture);
    WebPMemoryWriterClear(&writer);
    free(pixels);
    return out;
}

static void put(gad_string *out, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        char b = (char)(v >> (8 * i));
        gad_string_append(out, &b, 1);
    }
}

/* Run-length rows: runs of up to 5 equal pixels as runs, others as literals where RLE8 allows (3 and more). */
static void bmp_runs(gad_string *out, make_bmp_options o, int64_t y)
{
    unsigned bound = 1u << o.bits;
    for (int64_t x = 0; x < o.width;) {
        if (x % 8 == 0 && o.width - x >= 5) { /* a literal of five */
            put(out, 0, 1);
            put(out, 5, 1);
            unsigned v[6] = {0};
            for (int i = 0; i < 5; i++)
                v[i] = make_sample(x + i, y, 0, bound);
            if (o.bits == 8)
                for (int i = 0; i < 6; i++)
                    put(out, v[i], 1);
            else
                for (int i = 0; i < 8; i += 2)
                    put(out, i < 6 ? v[i] << 4 | v[i + 1] : 0, 1);
            x += 5;
        } else {
            unsigned v = make_sample(x, y, 0, bound);
            put(out, 1, 1);
            put(out, o.bits == 8 ? v : v << 4, 1);
            x++;
        }
    }
    put(out, 0, 2); /* end of row */
}

static void bmp_row(gad_string *out, make_bmp_options o, int64_t y)
{
    uint8_t row[4096] = {0};
    for (int64_t x = 0; x < o.width; x++) {
        if (o.bits <= 8) {
            pack(row, (size_t)x, o.bits, make_sample(x, y, 0, 1u << o.bits));
        } else if (o.bits == 24) {
            for (int c = 0; c < 3; c++)
                row[3 * x + c] = (uint8_t)make_sample(x, y, 2 - c, 256);
        } else {
            uint32_t v = make_sample(x, y, 0, 65536) | (o.bits == 32 ? make_sample(x, y, 1, 65536) << 16 : 0);
            for (unsigned b = 0; b < o.bits / 8; b++)
                row[(unsigned)x * (o.bits / 8) + b] = (uint8_t)(v >> (8 * b));
        }
    }
    gad_string_append(out, (const char *)row, ((size_t)o.width * o.bits + 31) / 32 * 4);
}

gad_string make_bmp(make_bmp_options o)
{
    gad_string out = {0};
    bool masks = o.masks[0] != 0;
    unsigned colours = o.bits <= 8 ? 1u << o.bits : 0, head = o.core_header ? 12 : masks ? 56 : 40;
    gad_string_append(&out, "BM", 2);
    put(&out, 0, 8);
    put(&out, 14 + head + colours * (o.core_header ? 3 : 4), 4);
    put(&out, head, 4);
    put(&out, (uint64_t)o.width, o.core_header ? 2 : 4);
    put(&out, (uint64_t)(o.top_down ? -o.height : o.height), o.core_header ? 2 : 4);
    put(&out, 1, 2);
    put(&out, o.bits, 2);
    if (!o.core_header) {
        put(&out, masks ? 3 : o.runs ? (o.bits == 8 ? 1 : 2) : 0, 4);
        put(&out, 0, 8);
        put(&out, 0, 8);
        put(&out, 0, 4);
        for (int i = 0; masks && i < 4; i++)
            put(&out, o.masks[i], 4);
    }
    for (unsigned i = 0; i < colours; i++) {
        uint8_t rgb[3];
        make_palette(i, rgb);
        put(&out, (uint64_t)rgb[0] << 16 | (uint64_t)rgb[1] << 8 | rgb[2], o.core_header ? 3 : 4);
    }
    for (int64_t i = 0; i < o.height; i++) {
        int64_t y = o.top_down ? i : o.height - 1 - i;
        if (o.runs)
            bmp_runs(&out, o, y);
        else
            bmp_row(&out, o, y);
    }
    if (o.runs)
        put(&out, 0x0100, 2); /* end of picture: 0, 1 */
    return out;
}
