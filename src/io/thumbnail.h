/* thumbnail: a file as a small picture for people, quickly. In: a path and a side. Out: an image that fits a square. */
#ifndef GAD_IO_THUMBNAIL_H
#define GAD_IO_THUMBNAIL_H
#include "io/image.h"

/* Fits into side_px x side_px, never enlarged. JPEGs are decoded at a fraction of their size, so that this costs little
 * even for large photographs. */
gad_status gad_thumbnail_load(const char *path, int64_t side_px, gad_image *thumbnail, gad_error *err);
#endif
