/* components: 8-connected components of a mask as horizontal runs. In: a mask. Out: runs that know their region, and the
 * pixel count of each region. Memory follows the number of runs, not of pixels. */
#ifndef GAD_BENCH_COMPONENTS_H
#define GAD_BENCH_COMPONENTS_H
#include "gad.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gad_component_run {
    int32_t y, x1, x2; /* pixels x1 <= x < x2 of row y */
    uint32_t region;   /* index into gad_components.pixels */
} gad_component_run;

typedef struct gad_components {
    gad_component_run *run; /* in row order, left to right */
    size_t run_count, run_capacity;
    int64_t *pixels; /* of each region */
    size_t count;
} gad_components;

/* `mask` [height, width], non-zero is set. Free with gad_components_free. */
gad_status gad_components_find(const uint8_t *mask, int width, int height, gad_components *regions, gad_error *err);
void gad_components_free(gad_components *regions);
#endif
