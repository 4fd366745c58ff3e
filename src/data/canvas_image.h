/* canvas_image: a sample's picture as a model gets it: decoded, cut to its view, with the shorter side at 448 as MMR-AD's
 * annotations have it; and the same with its boxes drawn. In: a path, a sample. Out: an image. Knows nothing of requests.
 */
#ifndef GAD_DATA_CANVAS_IMAGE_H
#define GAD_DATA_CANVAS_IMAGE_H
#include "data/sample.h"
#include "io/draw.h"
#include "io/image.h"
#include "task/box.h"

/* `path` is relative to root; `crop` may be NULL. `shorter_px` 0: as it is. */
gad_status gad_canvas_image_load(const char *root, const char *path, const int crop[4], int shorter_px, gad_image *image,
                                 gad_error *err);
/* Draw one thin frame around each box, outside it so that no pixel of the defect is covered. */
void gad_canvas_image_mark(gad_image *image, const gad_sample *sample, gad_draw_colour colour);
#endif
