/* head_input: see head_input.h. Channels: docs/spec/training.md section 13.6. */
#include "evidence/head_input.h"

#include "evidence/register.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "compare images";

/* How strongly head h prefers its own place: exp(-weight * distance^2 in patches). The first sees (nearly) nothing else,
 * the last one looks everywhere. */
static double place_weight(int head)
{
    static const double weights[] = {8, 0.5, 0.05, 0};
    return weights[head % 4];
}

/* Row and column of patch (or token) i of a grid in merge-block order. */
static void place_of(gad_grid grid, int64_t i, bool token, double *y, double *x)
{
    int64_t t = token ? i : i / 4, across = grid.cols / 2;
    *y = token ? (double)(t / across) : (double)(t / across * 2 + i % 4 / 2);
    *x = token ? (double)(t % across) : (double)(t % across * 2 + i % 2);
}

/* Columns that add -weight * |p - p'|^2 to a head's scores, up to what the softmax over keys does not see:
 * q = root * (2 py, 2 px, 1, 0), k = weight / root * (py', px', -|p'|^2, 0), with root = sqrt(head_dim) against the scale.
 */
static void fill_places(const gad_evidence_config *d, const gad_head_image *image, const gad_head_image *frame, bool token,
                        float *q, float *k)
{
    int64_t n = token ? gad_grid_tokens(image->grid) : gad_grid_patches(image->grid);
    double down = (double)frame->grid.rows / (double)image->grid.rows,
           across = (double)frame->grid.cols / (double)image->grid.cols;
    double middle_y = frame->grid.rows / (token ? 4.0 : 2.0), middle_x = frame->grid.cols / (token ? 4.0 : 2.0);
    double root = sqrt((double)d->head_dim);
    for (int64_t i = 0; i < n; i++) {
        double y, x;
        place_of(image->grid, i, token, &y, &x);
        y = (y + 0.5) * down - middle_y; /* around the middle, so that the squares stay small */
        x = (x + 0.5) * across - middle_x;
        for (int h = 0; h < d->heads; h++) {
            float *to_q = q + (i * d->heads + h) * 4, *to_k = k + (i * d->heads + h) * 4;
            double w = place_weight(h);
            const double from_q[4] = {2 * y * root, 2 * x * root, root, 0},
                         from_k[4] = {w * y, w * x, -w * (y * y + x * x), 0};
            for (int c = 0; c < 4; c++) {
                to_q[c] = (float)from_q[c];
                to_k[c] = (float)from_k[c];
            }
        }
    }
}

/* ---- pixels -------------------------------------------------------------------------------------------------------- */

/* The last frame of an image's patches, less its mean colour, over its deviation. */
static void normalise(const gad_vision_config *v, const gad_head_image *image, float *out)
{
    int64_t patches = gad_grid_patches(image->grid), area = (int64_t)v->patch * v->patch;
    double squares = 0;
    for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (int64_t i = 0; i < patches; i++) {
            const float *from = image->patches + ((i * 3 + c) * v->temporal + v->temporal - 1) * area;
            for (int64_t p = 0; p < area; p++)
                sum += (double)(out[(i * 3 + c) * area + p] = from[p]);
        }
        float mean = (float)(sum / (double)(patches * area));
        for (int64_t i = 0; i < patches; i++)
            for (int64_t p = 0; p < area; p++) {
                float *at = &out[(i * 3 + c) * area + p];
                *at -= mean;
                squares += (double)*at * (double)*at;
            }
    }
    float scale = (float)(1 / (sqrt(squares / (double)(3 * patches * area)) + 0.1));
    for (int64_t i = 0; i < 3 * patches * area; i++)
        out[i] *= scale;
}

/* Between patch rows and a picture [3][height][width]: to the picture, or back. */
static void rearrange(const gad_vision_config *v, gad_grid grid, float *pixels, float *plane, bool back)
{
    int64_t p = v->patch, width = grid.cols * p, height = grid.rows * p;
    for (int64_t i = 0; i < gad_grid_patches(grid); i++) {
        double row, col;
        place_of(grid, i, false, &row, &col);
        for (int64_t c = 0; c < 3; c++)
            for (int64_t y = 0; y < p; y++) {
                float *in_plane = plane + (c * height + (int64_t)row * p + y) * width + (int64_t)col * p;
                float *in_patch = pixels + ((i * 3 + c) * p + y) * p;
                memcpy(back ? in_patch : in_plane, back ? in_plane : in_patch, (size_t)p * sizeof(float));
            }
    }
}

/* ---- tables -------------------------------------------------------------------------------------------------------- */

static bool take_tables(const gad_config *config, const gad_head_image *image, int64_t images, const gad_head_pair *pair,
                        int64_t pairs, gad_head_input *in)
{
    size_t places = 4 * (size_t)config->evidence.heads;
    for (int64_t i = 0; i < images; i++)
        in->patches += gad_grid_patches(image[i].grid);
    for (int64_t i = 0; i < pairs; i++)
        in->tests += gad_grid_tokens(image[pair[i].test].grid);
    in->tokens = in->patches / 4;
    in->cell_px = config->vision.patch / config->evidence.cells;
    gad_arena *a = &in->arena;
    in->pixels = gad_arena_take(a, (size_t)in->patches * 3 * (size_t)(config->vision.patch * config->vision.patch), 4);
    size_t cells = (size_t)(in->tests * gad_config_map_cells(&config->evidence));
    in->low = gad_arena_take(a, cells * GAD_EVIDENCE_CHANNELS, 4);
    in->map = gad_arena_take(a, cells, 4);
    in->scratch = gad_arena_take(a, 3 * cells, 4);
    in->residual = gad_arena_take(a, 4 * (size_t)in->tests * (size_t)(config->vision.patch * config->vision.patch), 4);
    in->region = gad_arena_take(a, (size_t)pairs * GAD_REGIONS_MAX, sizeof *in->region);
    in->region_count = gad_arena_take(a, (size_t)pairs, sizeof *in->region_count);
    in->region_tokens = gad_arena_take(a, (size_t)in->tests * GAD_REGION_TOKEN_WIDTH, 4);
    in->neighbour = gad_arena_take(a, 9 * (size_t)in->tests, 4);
    in->cell_neighbour = gad_arena_take(a, 9 * cells, 4);
    in->cell_patch = gad_arena_take(a, cells, 4);
    in->patch_cell = gad_arena_take(a, cells, 4);
    in->test = gad_arena_take(a, (size_t)pairs, sizeof *in->test);
    in->patch_q = gad_arena_take(a, (size_t)in->patches * places, 4);
    in->patch_k = gad_arena_take(a, (size_t)in->patches * places, 4);
    in->token_q = gad_arena_take(a, (size_t)in->tokens * places, 4);
    in->token_k = gad_arena_take(a, (size_t)in->tokens * places, 4);
    in->test_patch = gad_arena_take(a, 4 * (size_t)in->tests, 4);
    in->test_token = gad_arena_take(a, (size_t)in->tests, 4);
    in->patch_span = gad_arena_take(a, (size_t)pairs, sizeof *in->patch_span);
    in->token_span = gad_arena_take(a, (size_t)pairs, sizeof *in->token_span);
    return in->pixels && in->low && in->map && in->scratch && in->residual && in->region && in->region_count &&
           in->region_tokens && in->neighbour && in->cell_neighbour && in->cell_patch && in->patch_cell && in->test &&
           in->patch_q && in->patch_k && in->token_q && in->token_k && in->test_patch && in->test_token && in->patch_span &&
           in->token_span;
}

/* Three planes to another size, bilinear. */
static void resample(const float *from, int64_t rows, int64_t cols, float *to, int64_t to_rows, int64_t to_cols)
{
    for (int64_t y = 0; y < to_rows; y++)
        for (int64_t x = 0; x < to_cols; x++) {
            double v = fmin(fmax(((double)y + 0.5) * (double)rows / (double)to_rows - 0.5, 0), (double)(rows - 1));
            double u = fmin(fmax(((double)x + 0.5) * (double)cols / (double)to_cols - 0.5, 0), (double)(cols - 1));
            int64_t top = (int64_t)v, left = (int64_t)u;
            int64_t bottom = top + 1 < rows ? top + 1 : top, right = left + 1 < cols ? left + 1 : left;
            float down = (float)(v - (double)top), across = (float)(u - (double)left);
            for (int64_t c = 0; c < 3; c++) {
                const float *upper = from + (c * rows + top) * cols, *lower = from + (c * rows + bottom) * cols;
                float a = upper[left] + across * (upper[right] - upper[left]);
                float b = lower[left] + across * (lower[right] - lower[left]);
                to[(c * to_rows + y) * to_cols + x] = a + down * (b - a);
            }
        }
}

/* Reference r as a picture of the test image's size. `spare` has room for it at its own size. */
static void unfold_reference(const gad_vision_config *v, gad_grid from, float *pixels, gad_grid to, float *spare,
                             float *planes)
{
    if (from.rows == to.rows && from.cols == to.cols) {
        rearrange(v, from, pixels, planes, false);
        return;
    }
    rearrange(v, from, pixels, spare, false);
    resample(spare, from.rows * v->patch, from.cols * v->patch, planes, to.rows * v->patch, to.cols * v->patch);
}

/* Channels of the cells of a test image, whose first token is `token`, against all its references, in the order of the heat
 * map, and the residuals of its px. */
static gad_status fill_low(const gad_config *config, const gad_head_image *image, const int64_t *first,
                           const gad_head_pair *pair, const gad_head_input *in, int64_t token, gad_error *err)
{
    const gad_vision_config *v = &config->vision;
    gad_grid grid = image[pair->test].grid;
    int64_t patch = 3 * (int64_t)v->patch * v->patch, numbers = gad_grid_patches(grid) * patch;
    int64_t width = grid.cols * v->patch, height = grid.rows * v->patch, cell_px = in->cell_px;
    int64_t across = width / cell_px, cells = across * (height / cell_px), side = gad_config_map_side(&config->evidence);
    int64_t scratch = gad_handcrafted_scratch(width, height, cell_px), spare = 0;
    int64_t search = gad_register_scratch(width, height);
    scratch = search > scratch ? search : scratch;
    for (int64_t r = pair->reference; r < pair->test; r++)
        spare = gad_grid_patches(image[r].grid) * patch > spare ? gad_grid_patches(image[r].grid) * patch : spare;
    size_t all = (size_t)(4 * numbers + scratch + spare + cells * GAD_EVIDENCE_CHANNELS);
    float *planes = gad_memory_zero(all, sizeof *planes);
    if (!planes)
        return gad_error_memory(err, operation, all * sizeof *planes);
    float *reference = planes + numbers, *moved = reference + numbers, *covered = moved + numbers;
    float *low = in->low + token * side * side * GAD_EVIDENCE_CHANNELS,
          *residual = in->residual + token * 4 * v->patch * v->patch;
    float *work = covered + numbers, *raster = work + scratch + spare;
    gad_handcrafted_planes both = {planes, covered, moved, width, height};
    rearrange(v, grid, in->pixels + first[pair->test] * patch, planes, false);
    for (int64_t r = pair->reference; r < pair->test; r++) {
        unfold_reference(v, image[r].grid, in->pixels + first[r] * patch, grid, raster - spare, reference);
        gad_similarity place = gad_register_find(planes, reference, width, height, work);
        gad_register_warp(reference, width, height, place, moved);
        gad_register_relight(planes, width, height, moved);
        memcpy(covered, moved, (size_t)numbers * sizeof *covered);
        gad_register_cover(planes, width, height, place, covered);
        if (image[r].grid.rows == grid.rows && image[r].grid.cols == grid.cols)
            rearrange(v, grid, in->pixels + first[r] * patch, covered, true);
        gad_handcrafted_compare(&both, cell_px, r > pair->reference, work, raster, residual);
    }
    gad_handcrafted_finish(cells, planes, raster);
    for (int64_t i = 0; i < cells; i++)
        memcpy(low + gad_regions_cell(grid.cols / 2, side, i / across, i % across) * GAD_EVIDENCE_CHANNELS,
               raster + i * GAD_EVIDENCE_CHANNELS, GAD_EVIDENCE_CHANNELS * sizeof *low);
    gad_memory_free(planes);
    return GAD_OK;
}

/* Rows of the 3 x 3 tokens (side 1) or cells around each one of an image that begins at row `first` of `rows`; `rows`
 * stands for what lies outside the image. */
static void fill_neighbours(gad_grid grid, int64_t side, int64_t first, int64_t rows, int32_t *neighbour)
{
    int64_t tokens = grid.cols / 2, down = grid.rows / 2 * side, across = tokens * side;
    for (int64_t k = 0; k < 9; k++)
        for (int64_t y = 0; y < down; y++)
            for (int64_t x = 0; x < across; x++) {
                int64_t v = y + k / 3 - 1, u = x + k % 3 - 1;
                bool inside = v >= 0 && v < down && u >= 0 && u < across;
                neighbour[k * rows + first + gad_regions_cell(tokens, side, y, x)] =
                    (int32_t)(inside ? first + gad_regions_cell(tokens, side, v, u) : rows);
            }
}

/* Which patch a cell lies in, and which cells a patch has, for tokens first..first+n-1 of `tests`. */
static void fill_patches_of_cells(const gad_evidence_config *d, int64_t first, int64_t n, int64_t tests,
                                  int32_t *cell_patch, int32_t *patch_cell)
{
    int64_t side = gad_config_map_side(d), cells = side * side, patches = 4 * tests;
    for (int64_t i = first * cells; i < (first + n) * cells; i++) {
        int64_t y = i % cells / side, x = i % side;
        int64_t patch = i / cells * 4 + y / d->cells * 2 + x / d->cells, part = y % d->cells * d->cells + x % d->cells;
        cell_patch[i] = (int32_t)patch;
        patch_cell[part * patches + patch] = (int32_t)i;
    }
}

gad_status gad_head_input_make(const gad_config *config, const gad_head_image *image, int64_t image_count,
                               const gad_head_pair *pair, int64_t pair_count, gad_head_input *input, gad_error *err)
{
    const gad_evidence_config *d = &config->evidence;
    gad_head_input in = {.pairs = pair_count};
    int64_t *first = gad_memory_alloc((size_t)image_count + 1, sizeof *first), tests = 0;
    gad_status status = first && take_tables(config, image, image_count, pair, pair_count, &in)
                            ? GAD_OK
                            : gad_error_memory(err, operation, (size_t)in.patches * 1024);
    int64_t patch = 3 * (int64_t)config->vision.patch * config->vision.patch, places = 4 * d->heads;
    for (int64_t i = 0, at = 0; i < image_count && !status; i++) {
        first[i] = at;
        normalise(&config->vision, &image[i], in.pixels + at * patch);
        fill_places(d, &image[i], &image[i], false, in.patch_q + at * places, in.patch_k + at * places);
        fill_places(d, &image[i], &image[i], true, in.token_q + at / 4 * places, in.token_k + at / 4 * places);
        at += gad_grid_patches(image[i].grid);
    }
    for (int64_t n = 0; n < pair_count && !status; n++) {
        const gad_head_pair *p = &pair[n];
        int64_t rows = gad_grid_patches(image[p->test].grid), from = first[p->reference], test = first[p->test];
        for (int64_t r = p->reference; r < p->test; r++) { /* references in the test image's units */
            fill_places(d, &image[r], &image[p->test], false, in.patch_q + first[r] * places,
                        in.patch_k + first[r] * places);
            fill_places(d, &image[r], &image[p->test], true, in.token_q + first[r] / 4 * places,
                        in.token_k + first[r] / 4 * places);
        }
        in.patch_span[n] = (gad_attention_span){.q0 = test, .q1 = test + rows, .k0 = from, .k1 = test};
        in.token_span[n] = (gad_attention_span){.q0 = test / 4, .q1 = (test + rows) / 4, .k0 = from / 4, .k1 = test / 4};
        for (int64_t i = 0; i < rows; i++)
            in.test_patch[4 * tests + i] = (int32_t)(test + i);
        for (int64_t i = 0; i < rows / 4; i++)
            in.test_token[tests + i] = (int32_t)(test / 4 + i);
        in.test[n] = image[p->test];
        int64_t cells = gad_config_map_cells(d);
        fill_neighbours(in.test[n].grid, 1, tests, in.tests, in.neighbour);
        fill_neighbours(in.test[n].grid, gad_config_map_side(d), tests * cells, in.tests * cells, in.cell_neighbour);
        fill_patches_of_cells(d, tests, rows / 4, in.tests, in.cell_patch, in.patch_cell);
        status = fill_low(config, image, first, p, &in, tests, err);
        tests += rows / 4;
    }
    gad_memory_free(first);
    if (status)
        gad_head_input_free(&in);
    else
        *input = in;
    return status;
}

/* What was told in place of what was found, as if the map had shown it; returns its peak. */
static float show_told(const gad_head_image *image, float peak, gad_region *region, int *count)
{
    static const float sure = 1;
    peak = image->forced_count ? fmaxf(peak, sure) : fminf(peak, -sure);
    *count = image->forced_count;
    for (int k = 0; k < *count; k++) {
        region[k] = image->forced[k];
        region[k].peak = peak;
    }
    return peak;
}

void gad_head_input_read_map(const gad_evidence_config *config, const gad_head_input *in, int64_t i, int64_t first)
{
    int64_t side = gad_config_map_side(config), across = in->test[i].grid.cols / 2, cols = across * side,
            rows = in->test[i].grid.rows / 2 * side, px = in->cell_px;
    float *map = in->map + first * side * side, *raster = (float *)(in->scratch + 2 * rows * cols), peak = -INFINITY;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < cols; x++) {
            float *z = &map[gad_regions_cell(across, side, y, x)];
            *z -= in->level;
            raster[y * cols + x] = *z;
            peak = fmaxf(peak, *z);
        }
    gad_regions_map heat = {raster, in->residual + first * side * side * px * px, rows, cols, px};
    gad_region *region = in->region + i * GAD_REGIONS_MAX;
    in->region_count[i] = gad_regions_find(&heat, in->scratch, region);
    if (in->test[i].forced)
        peak = show_told(&in->test[i], peak, region, &in->region_count[i]);
    gad_region_tokens_write(region, in->region_count[i], peak, gad_grid_tokens(in->test[i].grid),
                            in->region_tokens + first * GAD_REGION_TOKEN_WIDTH);
}

void gad_head_input_free(gad_head_input *input)
{
    gad_arena_free(&input->arena);
    *input = (gad_head_input){0};
}
