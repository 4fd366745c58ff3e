/* area: which part of its pictures a product looks at. In: a rectangle, a mask. Out: a mask of one channel that is
 * stretched over every picture, and pictures with the rest painted over: what is the same in all parts is no difference. */
#ifndef GAD_INSPECT_AREA_H
#define GAD_INSPECT_AREA_H
#include "io/image.h"

enum { GAD_AREA_SIDE = 512 }; /* px, at most, of a mask */

/* `rectangle`: x, y, width, height in shares of the picture, NULL: all of it. `mask`: 0 is not looked at, NULL: nothing is
 * left out. The result, at most GAD_AREA_SIDE px a side, is 255 where both agree; GAD_E_ARGUMENT when that is nowhere. */
gad_status gad_area_make(const double rectangle[4], const gad_image *mask, gad_image *area, gad_error *err);
/* The same, with the mask of a file (NULL: none). */
gad_status gad_area_load(const double rectangle[4], const char *mask, gad_image *area, gad_error *err);
/* Is the place (in shares of the picture) looked at? Everything is where the area has no pixels. */
bool gad_area_holds(const gad_image *area, double x, double y);
/* The share of the picture that is looked at: 1 where the area has no pixels. */
double gad_area_share(const gad_image *area);
/* A copy of the picture in which all that is not looked at is grey. */
gad_status gad_area_paint(const gad_image *area, const gad_image *image, gad_image *painted, gad_error *err);
#endif
