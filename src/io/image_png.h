/* image_png: PNG files. In: the bytes. Out: rows as stored in the file, and its orientation. Must not know of files on
 * disk, other formats, or what the picture is for. */
#ifndef GAD_IO_IMAGE_PNG_H
#define GAD_IO_IMAGE_PNG_H
#include "base/string.h"
#include "io/image_codec.h"

gad_status gad_image_png_decode(const gad_image_source *source, const gad_image_request *request, gad_image_decoded *out,
                                gad_error *err);

/* Appends the PNG file to `bytes`. */
gad_status gad_image_png_encode(const gad_image *image, gad_string *bytes, gad_error *err);
#endif
