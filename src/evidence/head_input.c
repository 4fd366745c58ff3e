/* head_input: see head_input.h. Channels: docs/spec/training.md section 13.6. */
#include "evidence/head_input.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "evidence/compare.h"

static const char operation[] = "compare images";

/* How strongly head h prefers its own place: exp(-weight * distance^2 in patches). The first sees (nearly) nothing else,
 * the last one looks everywhere. */
static double place_weight(int head)
{
    static const double weights[] = {8, 0.5, 0.05, 0};
    return weights[head % 4];
}

/* Row and column of row i of a map, in merge-block order. */
static void place_of(gad_grid grid, int64_t i, int64_t per_token, double *y, double *x)
{
    int64_t t = i / per_token, across = grid.cols / 2;
    *y = per_token == 1 ? (double)(t / across) : (double)(t / across * 2 + i % 4 / 2);
    *x = per_token == 1 ? (double)(t % across) : (double)(t % across * 2 + i % 2);
}

/* Columns that add -weight * |p - p'|^2 to a head's scores, up to what the softmax over keys does not see:
 * q = root * (2 py, 2 px, 1, 0), k = weight / root * (py', px', -|p'|^2, 0), with root = sqrt(head_dim) against the scale.
 * The image begins at row `first`; places are in units of `frame`, the image that it is compared with. */
static void fill_places(const gad_evidence_config *d, gad_grid grid, gad_grid frame, int64_t first, gad_head_map *map)
{
    int64_t n = gad_grid_tokens(grid) * map->per_token;
    double down = (double)frame.rows / (double)grid.rows, across = (double)frame.cols / (double)grid.cols;
    double half = map->per_token == 1 ? 4.0 : 2.0, middle_y = frame.rows / half, middle_x = frame.cols / half;
    double root = sqrt((double)d->head_dim);
    for (int64_t i = 0; i < n; i++) {
        double y, x;
        place_of(grid, i, map->per_token, &y, &x);
        y = (y + 0.5) * down - middle_y; /* around the middle, so that the squares stay small */
        x = (x + 0.5) * across - middle_x;
        for (int h = 0; h < d->heads; h++) {
            int64_t at = ((first + i) * d->heads + h) * 4;
            double w = place_weight(h);
            const double from_q[4] = {2 * y * root, 2 * x * root, root, 0},
                         from_k[4] = {w * y, w * x, -w * (y * y + x * x), 0};
            for (int c = 0; c < 4; c++) {
                map->q_place[at + c] = (float)from_q[c];
                map->k_place[at + c] = (float)from_k[c];
            }
        }
    }
}

/* ---- tables -------------------------------------------------------------------------------------------------------- */

static bool take_map(const gad_config *config, int64_t tokens, int64_t tests, int64_t pairs, gad_arena *a,
                     gad_head_map *map)
{
    map->rows = tokens * map->per_token;
    map->tests = tests * map->per_token;
    size_t places = (size_t)map->rows * 4 * (size_t)config->evidence.heads;
    map->q_place = gad_arena_take(a, places, sizeof *map->q_place);
    map->k_place = gad_arena_take(a, places, sizeof *map->k_place);
    map->span = gad_arena_take(a, (size_t)pairs, sizeof *map->span);
    map->test = gad_arena_take(a, (size_t)map->tests, sizeof *map->test);
    return map->q_place && map->k_place && map->span && map->test;
}

static bool take_tables(const gad_config *config, const gad_head_image *image, int64_t images, const gad_head_pair *pair,
                        int64_t pairs, gad_head_input *in)
{
    int64_t tokens = 0, patch = config->vision.patch, side = gad_config_map_side(&config->evidence);
    gad_arena *a = &in->arena;
    for (int64_t i = 0; i < images; i++)
        tokens += gad_grid_tokens(image[i].picture->grid);
    for (int64_t i = 0; i < pairs; i++)
        in->tests += gad_grid_tokens(image[pair[i].test].picture->grid);
    in->cell_px = patch / config->evidence.cells;
    gad_head_map *pixels = &in->map[GAD_EVIDENCE_PIXELS], *tower = &in->map[GAD_EVIDENCE_TOWER];
    *pixels = (gad_head_map){.width = 3 * patch * patch, .per_token = 4};
    *tower = (gad_head_map){.width = config->vision.out_hidden, .per_token = 1};
    for (int i = 0; i < GAD_EVIDENCE_MAPS; i++)
        if (!take_map(config, tokens, in->tests, pairs, a, &in->map[i]))
            return false;
    pixels->value = gad_arena_take(a, (size_t)(pixels->rows * pixels->width), sizeof(float));
    size_t cells = (size_t)(in->tests * side * side);
    in->low = gad_arena_take(a, cells * GAD_EVIDENCE_CHANNELS, sizeof *in->low);
    in->residual = gad_arena_take(a, (size_t)(4 * in->tests * patch * patch), sizeof *in->residual);
    in->registered = gad_arena_take(a, (size_t)(12 * in->tests * patch * patch), sizeof *in->registered);
    in->neighbour = gad_arena_take(a, 9 * (size_t)in->tests, sizeof *in->neighbour);
    in->cell_neighbour = gad_arena_take(a, 9 * cells, sizeof *in->cell_neighbour);
    in->cell_patch = gad_arena_take(a, cells, sizeof *in->cell_patch);
    in->patch_cell = gad_arena_take(a, cells, sizeof *in->patch_cell);
    in->test = gad_arena_take(a, (size_t)pairs, sizeof *in->test);
    return pixels->value && in->low && in->residual && in->registered && in->neighbour && in->cell_neighbour &&
           in->cell_patch && in->patch_cell && in->test;
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

/* ---- pairs --------------------------------------------------------------------------------------------------------- */

/* Images on their way: where each begins, in tokens. */
typedef struct layout {
    const gad_config *config;
    const gad_head_image *image;
    const gad_prepared **picture; /* [images] */
    int64_t *first;
} layout;

static int64_t patch_numbers(const gad_config *config)
{
    return (int64_t)3 * config->vision.patch * config->vision.patch;
}

/* The rows of pixels of image i. */
static float *pixels_of(const layout *l, gad_head_input *in, int64_t i)
{
    return in->map[GAD_EVIDENCE_PIXELS].value + l->first[i] * 4 * patch_numbers(l->config);
}

/* Keep the reference that differs least from the picture. */
static void keep_nearest(const gad_prepared *test, const float *registered, double *least, float *kept)
{
    int64_t numbers = 3 * test->width * test->height;
    double apart = 0;
    for (int64_t i = 0; i < numbers; i++)
        apart += fabs((double)(test->plane[i] - registered[i]));
    if (apart < *least)
        memcpy(kept, registered, (size_t)numbers * sizeof *kept);
    *least = fmin(apart, *least);
}

/* Channels of a pair's test image, whose first token is `token` of all test images, against its references, in the order of
 * the heat map; its px' residuals; and the references' pixels as they lie on it. */
static gad_status compare_pair(const layout *l, const gad_head_pair *pair, int64_t token, gad_head_input *in,
                               gad_error *err)
{
    const gad_prepared *test = l->picture[pair->test];
    int64_t patch = l->config->vision.patch, side = gad_config_map_side(&l->config->evidence);
    int64_t across = test->width / in->cell_px, cells = across * (test->height / in->cell_px);
    double least = INFINITY;
    gad_compare compare = {0};
    gad_compare_result result = {.residual = in->residual + token * 4 * patch * patch};
    result.low = gad_memory_alloc((size_t)(cells * GAD_EVIDENCE_CHANNELS), sizeof *result.low);
    if (!result.low)
        return gad_error_memory(err, operation, (size_t)(cells * GAD_EVIDENCE_CHANNELS) * sizeof *result.low);
    gad_status status =
        gad_compare_begin(test, l->picture + pair->reference, pair->test - pair->reference, in->cell_px, &compare, err);
    for (int64_t r = pair->reference; r < pair->test && !status; r++) {
        const float *registered;
        status = gad_compare_reference(&compare, r - pair->reference, &result, &registered, err);
        if (!status)
            keep_nearest(test, registered, &least, in->registered + token * 12 * patch * patch);
        if (!status && l->picture[r]->width == test->width && l->picture[r]->height == test->height)
            gad_prepared_rows(test->grid, patch, registered, pixels_of(l, in, r));
    }
    gad_compare_end(&compare, status ? NULL : &result);
    float *low = in->low + token * side * side * GAD_EVIDENCE_CHANNELS;
    for (int64_t i = 0; i < cells && !status; i++)
        memcpy(low + gad_regions_cell(test->grid.cols / 2, side, i / across, i % across) * GAD_EVIDENCE_CHANNELS,
               result.low + i * GAD_EVIDENCE_CHANNELS, GAD_EVIDENCE_CHANNELS * sizeof *low);
    gad_memory_free(result.low);
    return status;
}

/* Pair n, whose test image begins at token `token` of all test images: who looks at whom, and from where. */
static void place_pair(const layout *l, int64_t n, const gad_head_pair *pair, int64_t token, gad_head_input *in)
{
    const gad_evidence_config *d = &l->config->evidence;
    gad_grid grid = l->picture[pair->test]->grid;
    int64_t tokens = gad_grid_tokens(grid), cells = gad_config_map_cells(d);
    int64_t from = l->first[pair->reference], test = l->first[pair->test];
    for (int i = 0; i < GAD_EVIDENCE_MAPS; i++) {
        gad_head_map *map = &in->map[i];
        int64_t per = map->per_token;
        for (int64_t r = pair->reference; r < pair->test; r++) /* references in the test image's units */
            fill_places(d, l->picture[r]->grid, grid, l->first[r] * per, map);
        map->span[n] =
            (gad_attention_span){.q0 = test * per, .q1 = (test + tokens) * per, .k0 = from * per, .k1 = test * per};
        for (int64_t k = 0; k < tokens * per; k++)
            map->test[token * per + k] = (int32_t)(test * per + k);
    }
    in->test[n] = l->image[pair->test];
    fill_neighbours(grid, 1, token, in->tests, in->neighbour);
    fill_neighbours(grid, gad_config_map_side(d), token * cells, in->tests * cells, in->cell_neighbour);
    fill_patches_of_cells(d, token, tokens, in->tests, in->cell_patch, in->patch_cell);
}

static void place_images(const layout *l, int64_t count, gad_head_input *in)
{
    for (int64_t i = 0, token = 0; i < count; i++) {
        const gad_prepared *p = l->image[i].picture;
        l->picture[i] = p;
        l->first[i] = token;
        gad_prepared_rows(p->grid, l->config->vision.patch, p->plane, pixels_of(l, in, i));
        for (int k = 0; k < GAD_EVIDENCE_MAPS; k++)
            fill_places(&l->config->evidence, p->grid, p->grid, token * in->map[k].per_token, &in->map[k]);
        token += gad_grid_tokens(p->grid);
    }
}

gad_status gad_head_input_make(const gad_config *config, const gad_head_image *image, int64_t image_count,
                               const gad_head_pair *pair, int64_t pair_count, gad_head_input *input, gad_error *err)
{
    gad_head_input in = {.pairs = pair_count};
    layout l = {.config = config, .image = image};
    l.picture = gad_memory_alloc((size_t)image_count, sizeof *l.picture);
    l.first = gad_memory_alloc((size_t)image_count, sizeof *l.first);
    gad_status status = GAD_OK;
    if (!l.picture || !l.first || !take_tables(config, image, image_count, pair, pair_count, &in))
        status = gad_error_memory(err, operation, (size_t)in.tests * 4096);
    if (!status)
        place_images(&l, image_count, &in);
    for (int64_t n = 0, token = 0; n < pair_count && !status; n++) {
        place_pair(&l, n, &pair[n], token, &in);
        status = compare_pair(&l, &pair[n], token, &in, err);
        token += gad_grid_tokens(image[pair[n].test].picture->grid);
    }
    gad_memory_free(l.picture);
    gad_memory_free(l.first);
    if (status)
        gad_head_input_free(&in);
    else
        *input = in;
    return status;
}

void gad_head_input_free(gad_head_input *input)
{
    gad_arena_free(&input->arena);
    *input = (gad_head_input){0};
}
