/* rle: masks as COCO's run lengths: column by column, alternately unset and set, as a list of numbers or packed into a
 * string. In: the JSON of a segmentation. Out: a mask of one byte per pixel, row by row; and back. Knows nothing of files.
 */
#ifndef GAD_DATA_RLE_H
#define GAD_DATA_RLE_H
#include "base/json.h"
#include "base/string.h"
#include "task/box.h"

/* Is it run lengths (an object with counts and size), not polygons? */
bool gad_rle_is(const json_t *segmentation);
/* The size that the runs are for; false when it is none. */
bool gad_rle_size(const json_t *segmentation, int64_t *width, int64_t *height);
/* Fill width * height bytes with 0 and 1. GAD_E_FORMAT when its size is another one or the runs do not fill it exactly;
 * `name` says where it came from. */
gad_status gad_rle_read(const json_t *segmentation, int width, int height, const char *name, unsigned char *mask,
                        gad_error *err);
/* {"size":[H,W],"counts":[...]} of the set pixels inside the box. */
void gad_rle_write(const unsigned char *mask, int width, int height, gad_box box, gad_string *text);
#endif
