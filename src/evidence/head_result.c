/* head_result: see head_result.h */
#include "evidence/head_result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "evidence/measure.h"

/* Numbers of its planes. */
static size_t largest_picture(const gad_head_input *input)
{
    int64_t most = 0;
    for (int64_t i = 0; i < input->pairs; i++) {
        int64_t numbers = 3 * input->test[i].picture->width * input->test[i].picture->height;
        most = numbers > most ? numbers : most;
    }
    return (size_t)most;
}

gad_status gad_head_result_make(const gad_evidence_config *config, const gad_head_input *input, gad_head_result *result,
                                gad_error *err)
{
    gad_head_result r = {0};
    size_t cells = (size_t)(input->tests * gad_config_map_cells(config)), pairs = (size_t)input->pairs;
    r.logit = gad_arena_take(&r.arena, cells, sizeof *r.logit);
    r.region = gad_arena_take(&r.arena, pairs * GAD_REGIONS_MAX, sizeof *r.region);
    r.region_count = gad_arena_take(&r.arena, pairs, sizeof *r.region_count);
    r.measurement = gad_arena_take(&r.arena, pairs * GAD_REGIONS_MAX, sizeof *r.measurement);
    r.words = gad_arena_take(&r.arena, pairs * GAD_REGIONS_MAX, sizeof *r.words);
    r.region_tokens =
        gad_arena_take(&r.arena, (size_t)(input->tests * gad_config_region_width(config)), sizeof *r.region_tokens);
    r.scratch.plane = gad_arena_take(&r.arena, 2 * largest_picture(input), sizeof *r.scratch.plane);
    r.scratch.raster = gad_arena_take(&r.arena, cells, sizeof *r.scratch.raster);
    r.scratch.sorted = gad_arena_take(&r.arena, cells, sizeof *r.scratch.sorted);
    r.trust = gad_arena_take(&r.arena, pairs, sizeof *r.trust);
    r.scratch.cell = gad_arena_take(&r.arena, 2 * cells, sizeof *r.scratch.cell);
    if (!r.logit || !r.region || !r.region_count || !r.measurement || !r.words || !r.region_tokens || !r.scratch.raster ||
        !r.scratch.cell || !r.scratch.plane || !r.scratch.sorted || !r.trust) {
        gad_head_result_free(&r);
        return gad_error_memory(err, "compare images", cells * sizeof *r.logit);
    }
    *result = r;
    return GAD_OK;
}

/* What was told in place of what was found, as if the map had shown it; returns its peak. */
static float show_forced(const gad_head_image *image, float peak, gad_region *region, int *count)
{
    static const float sure = 1;
    peak = image->forced_count ? fmaxf(peak, sure) : fminf(peak, -sure);
    *count = image->forced_count;
    region[0].peak = *count ? region[0].peak : peak;
    for (int k = 0; k < *count; k++) {
        region[k] = image->forced[k];
        region[k].peak = peak;
    }
    return peak;
}

static void to_srgb(const gad_prepared *p, const float *plane, float *srgb)
{
    int64_t area = p->width * p->height;
    for (int c = 0; c < 3; c++)
        for (int64_t i = 0; i < area; i++)
            srgb[c * area + i] = fminf(fmaxf(plane[c * area + i] * p->gain[c] + p->offset[c], 0), 1);
}

/* The regions of pair i on the part's pixels and those of the nearest reference as it lies on them. */
static gad_status measure_regions(const gad_head_input *in, int64_t i, int64_t first, gad_head_result *result)
{
    const gad_prepared *p = in->test[i].picture;
    int64_t numbers = 3 * p->width * p->height, patch = p->height / p->grid.rows;
    int count = result->region_count[i] ? result->region_count[i] : 1;
    const gad_region *region = result->region + i * GAD_REGIONS_MAX;
    gad_measurement *measured = result->measurement + i * GAD_REGIONS_MAX;
    gad_measure_pictures pictures = {.part = result->scratch.plane,
                                     .reference = result->scratch.plane + numbers,
                                     .width = p->width,
                                     .height = p->height};
    gad_box box[GAD_REGIONS_MAX];
    to_srgb(p, p->plane, result->scratch.plane);
    to_srgb(p, in->registered + first * 12 * patch * patch, result->scratch.plane + numbers);
    for (int k = 0; k < count; k++)
        box[k] = gad_regions_box(&region[k], (double)p->width, (double)p->height);
    gad_status status = gad_measure_places(&pictures, box, count, (double)p->width, (double)p->height, measured, NULL);
    for (int k = 0; k < count && !status; k++)
        result->words[i * GAD_REGIONS_MAX + k] = gad_measurement_words(&measured[k], (double)region[k].peak);
    return status;
}

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* How much a comparison of pixels says, 0 to 1: where the reference is the same piece, or its like to the pixel, nine
 * cells of ten are far below any doubt (ninth decile of the logits: -10 on synthetic pairs of one piece, -6.5 of two
 * pieces, -1 to -2 on photographs of screws, toys and cookies). */
static float trust_of(const float *raster, int64_t cells, float *sorted)
{
    static const double doubtful = -4, width = 1.5;
    memcpy(sorted, raster, (size_t)cells * sizeof *sorted);
    qsort(sorted, (size_t)cells, sizeof *sorted, ascending);
    return (float)(1 / (1 + exp(((double)sorted[(cells - 1) * 9 / 10] - doubtful) / width)));
}

/* What a memory says takes the place of pixels that say little. */
static void mix(const float *memory, int64_t side, int64_t rows, int64_t cols, float trust, float *raster, float *logit)
{
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < cols; x++) {
            float *z = &raster[y * cols + x];
            *z = trust * *z + (1 - trust) * memory[y * cols + x];
            logit[gad_regions_cell(cols / side, side, y, x)] = *z;
        }
}

/* Of pair i, whose test image begins at token `first`. */
static void read_pair(const gad_evidence_config *config, const gad_head_input *in, int64_t i, int64_t first,
                      gad_head_result *result)
{
    gad_grid grid = in->test[i].picture->grid;
    int64_t side = gad_config_map_side(config), across = grid.cols / 2, cols = across * side, rows = grid.rows / 2 * side;
    int64_t px = in->cell_px;
    float *logit = result->logit + first * side * side, *raster = result->scratch.raster, peak = -INFINITY;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < cols; x++) {
            float *z = &logit[gad_regions_cell(across, side, y, x)];
            *z -= in->level;
            raster[y * cols + x] = *z;
        }
    result->trust[i] = in->test[i].memory ? trust_of(raster, rows * cols, result->scratch.sorted) : 1;
    if (in->test[i].memory)
        mix(in->test[i].memory, side, rows, cols, result->trust[i], raster, logit);
    for (int64_t k = 0; k < rows * cols; k++)
        peak = fmaxf(peak, raster[k]);
    const bool fits = result->trust[i] > 0.5f; /* else the px of the reference say nothing of a region's edges */
    gad_regions_map heat = {.logit = raster,
                            .gap = fits ? in->residual + first * side * side * px * px : NULL,
                            .rows = rows,
                            .cols = cols,
                            .cell_px = px};
    gad_region *region = result->region + i * GAD_REGIONS_MAX;
    result->region_count[i] = gad_regions_find(&heat, result->scratch.cell, region);
    if (in->test[i].forced)
        peak = show_forced(&in->test[i], peak, region, &result->region_count[i]);
    gad_status status = measure_regions(in, i, first, result);
    result->status = status ? status : result->status;
    gad_region_tokens_write(region, config->words ? result->words + i * GAD_REGIONS_MAX : NULL, result->region_count[i],
                            peak, gad_grid_tokens(grid), result->region_tokens + first * gad_config_region_width(config));
}

void gad_head_result_read(const gad_evidence_config *config, const gad_head_input *input, gad_head_result *result)
{
    for (int64_t i = 0, first = 0; i < input->pairs; i++) {
        read_pair(config, input, i, first, result);
        first += gad_grid_tokens(input->test[i].picture->grid);
    }
}

void gad_head_result_free(gad_head_result *result)
{
    gad_arena_free(&result->arena);
    *result = (gad_head_result){0};
}
