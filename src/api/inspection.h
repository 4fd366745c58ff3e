/* inspection: pieces that the forms of a finished inspection share. */
#ifndef GAD_API_INSPECTION_H
#define GAD_API_INSPECTION_H
#include "api/picture.h"

/* The part with boxes, verdict and score, and the part under its heat map (an error when there is none); *drawn is the
 * caller's (gad_image_free). */
gad_status gad_inspection_draw_overlay(const gad_inspection *result, const gad_picture *part, gad_image *drawn,
                                       gad_error *err);
gad_status gad_inspection_draw_heatmap(const gad_inspection *result, const gad_picture *part, gad_image *drawn,
                                       gad_error *err);
#endif
