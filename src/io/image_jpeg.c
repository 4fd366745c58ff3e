/* image_jpeg: see image_jpeg.h. libjpeg reports failure by longjmp: whatever must survive it lives in a struct that the
 * guarded function only points to. */
#include "io/image_jpeg.h"

#include "base/error.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it first */
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/* A progressive file that repeats scans costs time without end; real encoders write about ten. */
enum { SCAN_LIMIT = 100 };

typedef struct guard {
    struct jpeg_error_mgr manager;
    jmp_buf escape;
    char message[JMSG_LENGTH_MAX];
    bool truncated;
} guard;

static void escape(j_common_ptr info)
{
    guard *g = (guard *)info->err;
    info->err->format_message(info, g->message);
    longjmp(g->escape, 1);
}

/* Warnings that mean lost picture data end the decoding: libjpeg would fill the rest with grey. Others (bytes too many
 * between segments, odd JFIF versions) do not change the picture. */
static void judge_warning(j_common_ptr info, int level)
{
    if (level >= 0)
        return;
    guard *g = (guard *)info->err;
    switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
        g->truncated = true;
        escape(info);
        break;
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_NOT_SEQUENTIAL: escape(info); break;
    default: break;
    }
}

static struct jpeg_error_mgr *guard_start(guard *g)
{
    jpeg_std_error(&g->manager);
    g->manager.error_exit = escape;
    g->manager.emit_message = judge_warning;
    return &g->manager;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

typedef struct reader {
    guard guard;
    struct jpeg_decompress_struct info;
    struct jpeg_progress_mgr progress;
    uint8_t *row;
    const gad_image_source *source;
    const gad_image_request *request;
    gad_image_decoded *out;
    gad_error *err;
} reader;

static void watch_scans(j_common_ptr info)
{
    if (((j_decompress_ptr)info)->input_scan_number > SCAN_LIMIT) {
        guard *g = (guard *)info->err;
        snprintf(g->message, sizeof g->message, "more than %d scans", SCAN_LIMIT);
        longjmp(g->escape, 1);
    }
}

static gad_status find_orientation(reader *r)
{
    for (const struct jpeg_marker_struct *m = r->info.marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 && !memcmp(m->data, "Exif\0", 6))
            return gad_image_codec_orient(m->data, m->data_length, r->out, r->err);
    return GAD_OK;
}

static gad_status choose_colours(reader *r)
{
    struct jpeg_decompress_struct *info = &r->info;
    if (info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK || info->num_components == 4)
        return gad_error_set(r->err, GAD_E_UNSUPPORTED, "read image",
                             "convert it to RGB: its screen colours depend on a print profile",
                             "%s: is a CMYK JPEG (four print colours)", r->source->name);
    if (info->num_components != 1 && info->num_components != 3)
        return gad_image_codec_unsupported(r->source, "JPEG", "neither grey nor three colours", r->err);
    info->out_color_space = info->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    return GAD_OK;
}

/* The largest shrink whose longer side is still at least side_px. */
static unsigned choose_shrink(int64_t width, int64_t height, int64_t side_px)
{
    int64_t longer = width > height ? width : height;
    unsigned shrink = 1;
    while (side_px > 0 && shrink < 8 && longer / (2 * shrink) >= side_px)
        shrink *= 2;
    return shrink;
}

static gad_status read_rows(reader *r)
{
    struct jpeg_decompress_struct *info = &r->info;
    int channels = info->output_components;
    bool direct = channels == r->out->image.channels; /* libjpeg writes straight into the image */
    if (!direct) {
        r->row = gad_memory_alloc(info->output_width, (size_t)channels);
        if (!r->row)
            return gad_error_memory(r->err, "read image", info->output_width);
    }
    while (info->output_scanline < info->output_height) {
        uint8_t *to = gad_image_row(&r->out->image, info->output_scanline);
        JSAMPROW row = direct ? to : r->row;
        jpeg_read_scanlines(info, &row, 1);
        if (!direct)
            gad_image_codec_put(r->request->form, to, row, r->out->image.width, channels);
    }
    return GAD_OK;
}

static gad_status read_picture(reader *r)
{
    struct jpeg_decompress_struct *info = &r->info;
    jpeg_read_header(info, TRUE);
    gad_status status = find_orientation(r);
    if (!status)
        status = choose_colours(r);
    if (status)
        return status;
    /* The full size is judged first, so that a thumbnail refuses what the picture would. */
    gad_image_request probe = *r->request;
    probe.header_only = true;
    status = gad_image_codec_begin(r->source, &probe, info->image_width, info->image_height, r->out, r->err);
    if (status || r->request->header_only)
        return status;
    info->scale_num = 1;
    info->scale_denom = choose_shrink(info->image_width, info->image_height, r->request->side_px);
    jpeg_calc_output_dimensions(info);
    status = gad_image_codec_begin(r->source, r->request, info->output_width, info->output_height, r->out, r->err);
    if (status)
        return status;
    jpeg_start_decompress(info);
    status = read_rows(r);
    if (!status)
        jpeg_finish_decompress(info);
    return status;
}

static gad_status read_guarded(reader *r)
{
    if (setjmp(r->guard.escape)) {
        if (r->guard.truncated)
            return gad_image_codec_truncated(r->source, "JPEG", r->err);
        if (r->info.err->msg_code == JERR_OUT_OF_MEMORY)
            return gad_error_memory(r->err, "read image", 0);
        return gad_image_codec_damaged(r->source, "JPEG", r->guard.message, r->err);
    }
    jpeg_create_decompress(&r->info);
    r->progress.progress_monitor = watch_scans;
    r->info.progress = &r->progress;
    jpeg_mem_src(&r->info, r->source->bytes, r->source->size_bytes);
    jpeg_save_markers(&r->info, JPEG_APP0 + 1, 0xFFFF);
    return read_picture(r);
}

gad_status gad_image_jpeg_decode(const gad_image_source *source, const gad_image_request *request, gad_image_decoded *out,
                                 gad_error *err)
{
    reader r = {.source = source, .request = request, .out = out, .err = err};
    r.info.err = guard_start(&r.guard);
    gad_status status = read_guarded(&r);
    jpeg_destroy_decompress(&r.info);
    gad_memory_free(r.row);
    if (status)
        gad_image_codec_drop(out);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

typedef struct writer {
    guard guard;
    struct jpeg_compress_struct info;
    struct jpeg_destination_mgr sink;
    uint8_t piece[16384];
    const gad_image *image;
    gad_string *bytes;
} writer;

static void sink_start(j_compress_ptr info)
{
    writer *w = info->client_data;
    w->sink.next_output_byte = w->piece;
    w->sink.free_in_buffer = sizeof w->piece;
}

static boolean sink_full(j_compress_ptr info)
{
    writer *w = info->client_data;
    gad_string_append(w->bytes, (const char *)w->piece, sizeof w->piece);
    sink_start(info);
    return TRUE;
}

static void sink_end(j_compress_ptr info)
{
    writer *w = info->client_data;
    gad_string_append(w->bytes, (const char *)w->piece, sizeof w->piece - w->sink.free_in_buffer);
}

static gad_status write_guarded(writer *w, int quality, gad_error *err)
{
    static const char made[] = "made by gad"; /* tells gad's pictures from somebody's, who keeps his */
    if (setjmp(w->guard.escape))
        return gad_error_set(err, GAD_E_INTERNAL, "write JPEG", NULL, "libjpeg: %s", w->guard.message);
    struct jpeg_compress_struct *info = &w->info;
    jpeg_create_compress(info);
    info->client_data = w;
    w->sink = (struct jpeg_destination_mgr){
        .init_destination = sink_start, .empty_output_buffer = sink_full, .term_destination = sink_end};
    info->dest = &w->sink;
    info->image_width = (JDIMENSION)w->image->width;
    info->image_height = (JDIMENSION)w->image->height;
    info->input_components = w->image->channels;
    info->in_color_space = w->image->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, quality, TRUE);
    if (quality >= 90)
        info->comp_info[0].h_samp_factor = info->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(info, TRUE);
    jpeg_write_marker(info, JPEG_COM, (const JOCTET *)made, sizeof made - 1);
    while (info->next_scanline < info->image_height) {
        JSAMPROW row = gad_image_row(w->image, info->next_scanline);
        jpeg_write_scanlines(info, &row, 1);
    }
    jpeg_finish_compress(info);
    return GAD_OK;
}

gad_status gad_image_jpeg_encode(const gad_image *image, int quality, gad_string *bytes, gad_error *err)
{
    if (quality < 1 || quality > 100)
        return gad_error_set(err, GAD_E_ARGUMENT, "write JPEG", NULL, "quality %d is not between 1 and 100", quality);
    if (image->width > JPEG_MAX_DIMENSION || image->height > JPEG_MAX_DIMENSION)
        return gad_error_set(err, GAD_E_LIMIT, "write JPEG", "write PNG instead", "%lld x %lld is too long for JPEG",
                             (long long)image->width, (long long)image->height);
    writer *w = gad_memory_zero(1, sizeof *w);
    if (!w)
        return gad_error_memory(err, "write JPEG", sizeof *w);
    w->image = image;
    w->bytes = bytes;
    w->info.err = guard_start(&w->guard);
    gad_status status = write_guarded(w, quality, err);
    jpeg_destroy_compress(&w->info);
    if (!status && bytes->failed)
        status = gad_error_memory(err, "write JPEG", bytes->length);
    gad_memory_free(w);
    return status;
}
