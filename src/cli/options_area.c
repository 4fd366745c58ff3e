/* options_area: see options_area.h */
#include "cli/options_area.h"

static const option table[] = {
    {.name = "roi",
     .argument = "X,Y,W,H",
     .kind = OPTION_STRING,
     .offset = offsetof(area_options, roi),
     .help = "nothing but this rectangle, in shares of the picture: 0.25,0,0.5,1 is its middle half"},
    {.name = "mask",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = offsetof(area_options, mask),
     .help = "not what is black in this picture, which is stretched over each part's"},
};
const option_table options_area = {table, OPTIONS_COUNT(table)};

bool options_area_read(const area_options *o, const char *name, double rectangle[4], const double **roi)
{
    char rest;
    if (!o->roi)
        return true;
    if (sscanf(o->roi, "%lf,%lf,%lf,%lf%c", &rectangle[0], &rectangle[1], &rectangle[2], &rectangle[3], &rest) != 4) {
        fprintf(stderr, "gad %s: --roi is X,Y,W,H in shares of the picture, not %s\n", name, o->roi);
        return false;
    }
    *roi = rectangle;
    return true;
}
