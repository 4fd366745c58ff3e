/* options_area: which part of its pictures a product looks at: --roi and --mask. */
#ifndef GAD_CLI_OPTIONS_AREA_H
#define GAD_CLI_OPTIONS_AREA_H
#include "cli/options.h"

typedef struct area_options {
    const char *roi, *mask;
} area_options;

extern const option_table options_area; /* on area_options */

/* The rectangle of --roi; *roi stays NULL without one. False, and a message, where it is none; `name` is the command's. */
bool options_area_read(const area_options *o, const char *name, double rectangle[4], const double **roi);
#endif
