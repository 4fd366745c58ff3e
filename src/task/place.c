/* place: see place.h */
#include "task/place.h"

static int third(double middle, double length)
{
    int at = length > 0 ? (int)(3 * middle / length) : 0;
    return at < 0 ? 0 : at > 2 ? 2 : at;
}

int gad_place_of(const gad_box *box, double width_px, double height_px)
{
    return 3 * third((box->y1 + box->y2) / 2, height_px) + third((box->x1 + box->x2) / 2, width_px);
}

const char *gad_place_name(int place)
{
    static const char *const names[GAD_PLACES] = {"upper left",   "top middle", "upper right",   "middle left", "centre",
                                                  "middle right", "lower left", "bottom middle", "lower right"};
    return names[place];
}
