/* image_tiff: TIFF files. In: the bytes. Out: rows as stored in the file, and its orientation. Must not know of files on
 * disk, other formats, or what the picture is for. */
#ifndef GAD_IO_IMAGE_TIFF_H
#define GAD_IO_IMAGE_TIFF_H
#include "io/image_codec.h"

gad_status gad_image_tiff_decode(const gad_image_source *source, const gad_image_request *request, gad_image_decoded *out,
                                 gad_error *err);
#endif
