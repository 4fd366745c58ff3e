/* image_tiff: see image_tiff.h. Reads the first picture of the file block by block (strips or tiles, samples together or
 * in planes); libtiff does the decompression only. */
#include "io/image_tiff.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>
#include <tiffio.h>

enum { SAMPLES_MAX = 4 };

/* The file as libtiff sees it: bytes with a position. */
typedef struct memory_file {
    const uint8_t *bytes;
    uint64_t size, at;
    bool short_read;   /* more was asked for than there is */
    char message[256]; /* the first error */
} memory_file;

typedef struct layout {
    uint32_t width, height, block_width, block_height;
    uint16_t bits, samples, photometric, planar, compression, orientation;
    int colours; /* 1 or 3 samples that make the colour */
    bool alpha;  /* the sample after them is alpha */
    bool premultiplied, tiled;
    int planes;       /* buffers: 1, or one for each used sample */
    size_t row_bytes; /* of a block, in one plane */
    const uint16_t *palette[3];
    int palette_shift; /* entries are 16 bits, but old files fill only the lower eight */
} layout;

/* ---- libtiff reading memory --------------------------------------------------------------------------------------- */

static tmsize_t file_read(thandle_t handle, void *to, tmsize_t wanted)
{
    memory_file *f = handle;
    uint64_t left = f->at < f->size ? f->size - f->at : 0, n = (uint64_t)wanted;
    if (n > left) {
        f->short_read = true;
        n = left;
    }
    if (n)
        memcpy(to, f->bytes + f->at, n);
    f->at += n;
    return (tmsize_t)n;
}

static tmsize_t file_write(thandle_t handle, void *from, tmsize_t n)
{
    (void)handle;
    (void)from;
    (void)n;
    return 0;
}

static toff_t file_seek(thandle_t handle, toff_t offset, int whence)
{
    memory_file *f = handle;
    uint64_t base = whence == SEEK_CUR ? f->at : whence == SEEK_END ? f->size : 0;
    f->at = base + offset;
    return f->at;
}

static int file_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t file_size(thandle_t handle)
{
    return ((memory_file *)handle)->size;
}

__attribute__((format(printf, 4, 0))) static int keep_error(TIFF *tiff, void *user, const char *module, const char *format,
                                                            va_list args)
{
    (void)tiff;
    (void)module;
    memory_file *f = user;
    if (!f->message[0])
        vsnprintf(f->message, sizeof f->message, format, args);
    return 1;
}

__attribute__((format(printf, 4, 0))) static int drop_warning(TIFF *tiff, void *user, const char *module,
                                                              const char *format, va_list args)
{
    (void)tiff;
    (void)user;
    (void)module;
    (void)format;
    (void)args;
    return 1;
}

static TIFF *open_memory(memory_file *file)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, INT32_MAX);
    TIFFOpenOptionsSetErrorHandlerExtR(options, keep_error, file);
    TIFFOpenOptionsSetWarningHandlerExtR(options, drop_warning, file);
    /* "m": no mapping, so that every byte comes through file_read */
    TIFF *tiff = TIFFClientOpenExt("memory", "rm", file, file_read, file_write, file_seek, file_close, file_size, NULL,
                                   NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

static gad_status explain(const gad_image_source *source, const memory_file *file, const char *otherwise, gad_error *err)
{
    if (file->short_read)
        return gad_image_codec_truncated(source, "TIFF", err);
    return gad_image_codec_damaged(source, "TIFF", file->message[0] ? file->message : otherwise, err);
}

/* ---- what kind of TIFF it is -------------------------------------------------------------------------------------- */

static void read_alpha(TIFF *tiff, layout *l)
{
    uint16_t count = 0, *kinds = NULL;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds);
    l->alpha = l->samples > l->colours && count > 0 && kinds[0] != EXTRASAMPLE_UNSPECIFIED;
    l->premultiplied = l->alpha && kinds[0] == EXTRASAMPLE_ASSOCALPHA;
}

/* Colours per pixel by the photometric tag; NULL, or what is not supported. */
static const char *read_colours(TIFF *tiff, layout *l)
{
    switch (l->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK: l->colours = 1; return NULL;
    case PHOTOMETRIC_RGB: l->colours = 3; return l->bits < 8 ? "fewer than 8 bits a colour" : NULL;
    case PHOTOMETRIC_PALETTE: {
        uint16_t *red, *green, *blue;
        l->colours = 1;
        if (l->bits > 8 || l->samples != 1)
            return "a palette with more than 256 colours";
        if (!TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue))
            return "a palette picture without its palette";
        l->palette[0] = red;
        l->palette[1] = green;
        l->palette[2] = blue;
        for (size_t i = 0; i < (size_t)1 << l->bits; i++)
            if (red[i] > 255 || green[i] > 255 || blue[i] > 255)
                l->palette_shift = 8;
        return NULL;
    }
    case PHOTOMETRIC_YCBCR:
        l->colours = 3;
        if (l->compression != COMPRESSION_JPEG || l->planar != PLANARCONFIG_CONTIG)
            return "YCbCr colours without JPEG compression";
        TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        return NULL;
    case PHOTOMETRIC_SEPARATED: return "CMYK (print) colours";
    default: return "colours that are neither grey, RGB nor a palette";
    }
}

static const char *read_layout(TIFF *tiff, layout *l)
{
    uint16_t format = SAMPLEFORMAT_UINT;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &l->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &l->samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &l->planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &l->compression);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &l->orientation);
    if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &l->photometric))
        l->photometric = l->samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)
        return "signed or floating point samples";
    if (l->bits != 1 && l->bits != 2 && l->bits != 4 && l->bits != 8 && l->bits != 16)
        return "samples that are not 1, 2, 4, 8 or 16 bits";
    const char *problem = read_colours(tiff, l);
    if (problem)
        return problem;
    if (l->samples < l->colours || l->samples > 8)
        return "an odd number of samples a pixel";
    read_alpha(tiff, l);
    l->planes = l->planar == PLANARCONFIG_SEPARATE && l->samples > 1 ? l->colours + l->alpha : 1;
    return NULL;
}

/* Blocks are tiles, or strips of full width. The size that libtiff states must be ours, or rows would be misread. */
static const char *read_blocks(TIFF *tiff, layout *l, int64_t limit_pixels)
{
    l->tiled = TIFFIsTiled(tiff);
    l->block_width = l->width;
    if (l->tiled) {
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &l->block_width);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &l->block_height);
    } else {
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &l->block_height);
        if (l->block_height > l->height)
            l->block_height = l->height;
    }
    if (!l->block_width || !l->block_height || l->block_width > limit_pixels / l->block_height)
        return "strips or tiles of an impossible size";
    size_t together = l->planar == PLANARCONFIG_SEPARATE ? 1 : l->samples;
    l->row_bytes = ((size_t)l->block_width * together * l->bits + 7) / 8;
    tmsize_t stated = l->tiled ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff);
    return (size_t)stated == l->row_bytes ? NULL : "rows of an unexpected length";
}

/* ---- pixels ------------------------------------------------------------------------------------------------------- */

/* Sample number i of a packed row, scaled to 8 bits unless it is an index. */
static uint8_t small_sample(const layout *l, const uint8_t *row, size_t i)
{
    size_t bit = i * l->bits;
    unsigned most = (1u << l->bits) - 1;
    unsigned v = (unsigned)row[bit / 8] >> (8 - l->bits - bit % 8) & most;
    return (uint8_t)(l->photometric == PHOTOMETRIC_PALETTE ? v : v * 255 / most);
}

/* The used samples of `n` pixels, interleaved in 8 bits. libtiff gives 16-bit samples in the machine's byte order. */
static void gather(const layout *l, gad_image_form form, uint8_t *const *planes, size_t row_at, uint8_t *samples, size_t n)
{
    bool separate = l->planar == PLANARCONFIG_SEPARATE;
    size_t used = (size_t)l->colours + l->alpha, step = separate ? 1 : l->samples;
    if (l->bits == 16)
        for (int p = 0; p < l->planes; p++)
            gad_image_codec_narrow(form, planes[p] + row_at, planes[p] + row_at, n * step,
                                   __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
    for (size_t c = 0; c < used; c++) {
        const uint8_t *row = planes[separate ? c : 0] + row_at;
        size_t first = separate ? 0 : c;
        for (size_t x = 0; x < n; x++) {
            size_t i = x * step + first;
            uint8_t v = l->bits >= 8 ? row[i] : small_sample(l, row, i);
            samples[x * used + c] = (uint8_t)(l->photometric == PHOTOMETRIC_MINISWHITE && c == 0 ? 255 - v : v);
        }
    }
}

/* Colours that carry their alpha already: on white they are v + 255 - alpha. */
static void lay_premultiplied(uint8_t *samples, size_t n, int channels)
{
    for (size_t x = 0; x < n; x++, samples += channels) {
        for (int c = 0; c + 1 < channels; c++) {
            int v = samples[c] + 255 - samples[channels - 1];
            samples[c] = (uint8_t)(v > 255 ? 255 : v);
        }
        samples[channels - 1] = 255;
    }
}

static void look_up(const layout *l, uint8_t *samples, size_t n)
{
    for (size_t x = n; x-- > 0;) { /* from the end: one byte grows to three in place */
        uint8_t index = samples[x];
        for (int c = 0; c < 3; c++)
            samples[3 * x + (size_t)c] = (uint8_t)(l->palette[c][index] >> l->palette_shift);
    }
}

static void put_block_row(const layout *l, gad_image_form form, uint8_t *const *planes, size_t row_at, uint8_t *samples,
                          gad_image *image, int64_t x0, int64_t y)
{
    int64_t left = image->width - x0, n = left < l->block_width ? left : l->block_width;
    int channels = l->colours + l->alpha;
    gather(l, form, planes, row_at, samples, (size_t)n);
    if (l->premultiplied && form == GAD_IMAGE_FORM_RGB)
        lay_premultiplied(samples, (size_t)n, channels);
    if (l->photometric == PHOTOMETRIC_PALETTE && form != GAD_IMAGE_FORM_INDEX) {
        look_up(l, samples, (size_t)n);
        channels = 3;
    }
    gad_image_codec_put(form, gad_image_row(image, y) + x0 * image->channels, samples, n, channels);
}

static gad_status read_block(TIFF *tiff, const layout *l, uint32_t x, uint32_t y, uint8_t *const *planes, size_t size,
                             size_t rows)
{
    for (int p = 0; p < l->planes; p++) {
        tmsize_t wanted = (tmsize_t)(l->tiled ? size : rows * l->row_bytes), n;
        uint16_t plane = (uint16_t)p;
        if (l->tiled)
            n = TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, plane), planes[p], wanted);
        else
            n = TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y, plane), planes[p], wanted);
        if (n < wanted)
            return GAD_E_FORMAT;
    }
    return GAD_OK;
}

static gad_status read_blocks_into(TIFF *tiff, const layout *l, const gad_image_source *source, memory_file *file,
                                   gad_image_form form, gad_image *image, gad_error *err)
{
    uint8_t *planes[SAMPLES_MAX] = {0}, *samples = NULL;
    gad_status status = GAD_OK;
    size_t size = l->row_bytes * l->block_height;
    samples = gad_memory_alloc(l->block_width, SAMPLES_MAX);
    bool whole = samples != NULL;
    for (int p = 0; p < l->planes; p++) {
        planes[p] = gad_memory_zero(size, 1);
        whole = whole && planes[p];
    }
    if (!whole) {
        status = gad_error_memory(err, "read image", size);
        goto done;
    }
    for (uint32_t y = 0; y < l->height; y += l->block_height) {
        size_t rows = l->height - y < l->block_height ? l->height - y : l->block_height;
        for (uint32_t x = 0; x < l->width; x += l->block_width) {
            if (read_block(tiff, l, x, y, planes, size, rows)) {
                status = explain(source, file, "a block is shorter than it should be", err);
                goto done;
            }
            for (size_t i = 0; i < rows; i++)
                put_block_row(l, form, planes, i * l->row_bytes, samples, image, x, (int64_t)(y + i));
        }
    }
done:
    for (int p = 0; p < SAMPLES_MAX; p++)
        gad_memory_free(planes[p]);
    gad_memory_free(samples);
    return status;
}

gad_status gad_image_tiff_decode(const gad_image_source *source, const gad_image_request *request, gad_image_decoded *out,
                                 gad_error *err)
{
    memory_file file = {.bytes = source->bytes, .size = source->size_bytes};
    layout l = {0};
    gad_status status;
    TIFF *tiff = open_memory(&file);
    if (!tiff)
        return explain(source, &file, "its first directory cannot be read", err);
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &l.width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &l.height);
    status = gad_image_codec_begin(source, request, l.width, l.height, out, err);
    if (status)
        goto done;
    const char *problem = read_layout(tiff, &l);
    if (problem) {
        status = gad_image_codec_unsupported(source, "TIFF", problem, err);
        goto done;
    }
    out->orientation = l.orientation >= 1 && l.orientation <= 8 ? l.orientation : 1;
    if (request->header_only)
        goto done;
    if (!TIFFIsCODECConfigured(l.compression)) {
        status = gad_image_codec_unsupported(source, "TIFF", "a compression that is not known here", err);
        goto done;
    }
    problem = read_blocks(tiff, &l, request->limit_pixels);
    if (problem)
        status = gad_image_codec_damaged(source, "TIFF", problem, err);
    else
        status = read_blocks_into(tiff, &l, source, &file, request->form, &out->image, err);
done:
    TIFFClose(tiff);
    if (status)
        gad_image_codec_drop(out);
    return status;
}
