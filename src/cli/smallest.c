/* smallest: see smallest.h */
#include "cli/smallest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "0.1%", "12px", "12". */
static bool read_value(const char *text, gad_learn_settings *settings)
{
    char *end;
    const double value = strtod(text, &end);
    if (end == text || !(value > 0) || !isfinite(value))
        return false;
    if (!strcmp(end, "%") && value <= 100)
        settings->smallest_share = value / 100;
    else if (!*end || !strcmp(end, "px"))
        settings->smallest_px = value;
    else
        return false;
    return true;
}

bool smallest_read(const char *command_name, const char *text, gad_learn_settings *settings)
{
    if (!text || read_value(text, settings))
        return true;
    fprintf(stderr, "gad %s: --smallest %s: give a share of the area (0.1%%) or a size (12px)\n", command_name, text);
    return false;
}
