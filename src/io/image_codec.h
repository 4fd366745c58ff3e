/* image_codec: what image.c and the five codecs share: the bytes, the request, the one place where a size is accepted,
 * the one place where rows of any kind become pixels, and the wording of what goes wrong. */
#ifndef GAD_IO_IMAGE_CODEC_H
#define GAD_IO_IMAGE_CODEC_H
#include "io/image.h"

typedef struct gad_image_source {
    const uint8_t *bytes;
    size_t size_bytes;
    const char *name; /* for errors: a path, or what the bytes are */
} gad_image_source;

typedef enum gad_image_form {
    GAD_IMAGE_FORM_RGB,  /* three channels, alpha on white */
    GAD_IMAGE_FORM_MASK, /* one channel: the largest colour, alpha ignored */
    GAD_IMAGE_FORM_INDEX /* as MASK, but palette pictures give their indices */
} gad_image_form;

typedef struct gad_image_request {
    gad_image_form form;
    bool header_only;     /* only size and orientation are wanted */
    int64_t side_px;      /* over 0: the longer side may shrink to no less than this, if that makes decoding faster */
    int64_t limit_pixels; /* refuse more */
} gad_image_request;

/* What a codec gives back: the image as stored in the file (pixels NULL for header_only) and how to turn it. */
typedef struct gad_image_decoded {
    gad_image image;
    int orientation; /* EXIF 1..8: 1 is upright */
} gad_image_decoded;

/* Every codec is one such function. On failure `out` owns nothing. */
typedef gad_status (*gad_image_codec_read)(const gad_image_source *source, const gad_image_request *request,
                                           gad_image_decoded *out, gad_error *err);

/* Called by a codec once it knows the size: checks it against the request, and takes the memory unless header_only. */
gad_status gad_image_codec_begin(const gad_image_source *source, const gad_image_request *request, int64_t width,
                                 int64_t height, gad_image_decoded *out, gad_error *err);

/* Gives back the memory that begin took. */
void gad_image_codec_drop(gad_image_decoded *out);

/* `width` pixels of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha) samples into a row of the wanted form. */
void gad_image_codec_put(gad_image_form form, uint8_t *row, const uint8_t *samples, int64_t width, int channels);
/* 16-bit samples, most significant byte first unless little_endian, to 8 bits; may run in place. */
void gad_image_codec_narrow(gad_image_form form, uint8_t *narrow, const uint8_t *wide, size_t count, bool little_endian);

/* Puts the orientation of an EXIF block (with or without its "Exif\0\0" head) into `out`; leaves it when there is none. */
gad_status gad_image_codec_orient(const uint8_t *exif, size_t size_bytes, gad_image_decoded *out, gad_error *err);

/* The three ways in which a file of a known format fails; each fills err and returns its status. */
gad_status gad_image_codec_truncated(const gad_image_source *source, const char *format, gad_error *err);
gad_status gad_image_codec_damaged(const gad_image_source *source, const char *format, const char *detail, gad_error *err);
gad_status gad_image_codec_unsupported(const gad_image_source *source, const char *format, const char *detail,
                                       gad_error *err);
#endif
