/* image_webp: WebP files. In: the bytes. Out: rows as stored in the file, and its orientation. Must not know of files on
 * disk, other formats, or what the picture is for. */
#ifndef GAD_IO_IMAGE_WEBP_H
#define GAD_IO_IMAGE_WEBP_H
#include "io/image_codec.h"

gad_status gad_image_webp_decode(const gad_image_source *source, const gad_image_request *request, gad_image_decoded *out,
                                 gad_error *err);
#endif
