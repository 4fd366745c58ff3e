/* regions: 8-connected regions of a mask as horizontal runs. In: a mask. Out: runs that know their region, and the pixel
 * count of each region. Memory follows the number of runs, not of pixels. */
#ifndef GAD_BENCH_REGIONS_H
#define GAD_BENCH_REGIONS_H
#include "gad.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gad_region_run {
    int32_t y, x1, x2; /* pixels x1 <= x < x2 of row y */
    uint32_t region;   /* index into gad_regions.pixels */
} gad_region_run;

typedef struct gad_regions {
    gad_region_run *run; /* in row order, left to right */
    size_t run_count, run_capacity;
    int64_t *pixels; /* of each region */
    size_t count;
} gad_regions;

/* `mask` [height, width], non-zero is set. Free with gad_regions_free. */
gad_status gad_regions_find(const uint8_t *mask, int width, int height, gad_regions *regions, gad_error *err);
void gad_regions_free(gad_regions *regions);
#endif
