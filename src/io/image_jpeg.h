/* image_jpeg: JPEG files. In: the bytes. Out: rows as stored in the file, and its orientation. Must not know of files on
 * disk, other formats, or what the picture is for. */
#ifndef GAD_IO_IMAGE_JPEG_H
#define GAD_IO_IMAGE_JPEG_H
#include "base/string.h"
#include "io/image_codec.h"

gad_status gad_image_jpeg_decode(const gad_image_source *source, const gad_image_request *request, gad_image_decoded *out,
                                 gad_error *err);

/* Appends the JPEG file to `bytes`. Quality 1 to 100; from 90 on colours are kept at full resolution. */
gad_status gad_image_jpeg_encode(const gad_image *image, int quality, gad_string *bytes, gad_error *err);
#endif
