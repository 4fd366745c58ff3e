/* distances: see distances.h */
#include "evidence/distances.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Rows of the bank and cells of the picture that are compared at once; cells that others of a picture are compared with. */
enum { BLOCK = 512, CELLS = 2048, MOST_OTHERS = 2048 };
static const char operation[] = "compare a picture with good parts";

/* One comparison on its way. */
typedef struct comparison {
    gad_device *device;
    const gad_descriptors *picture;
    int64_t cells;                        /* of the picture */
    gad_tensor product[GAD_FEATURE_MOST]; /* [CELLS, BLOCK] a level */
    uint16_t *packed;                     /* bf16 [BLOCK, width of a level]: of rows of the bank */
    float *map;
} comparison;

/* ---- good parts ---------------------------------------------------------------------------------------------------- */

/* Columns first..first+width-1 of `count` rows of the bank, without gaps. */
static void pack(const gad_bank *bank, int64_t from, int64_t count, int64_t first, int64_t width, uint16_t *to)
{
    for (int64_t i = 0; i < count; i++)
        memcpy(to + i * width, bank->rows + (from + i) * bank->width + first, (size_t)width * sizeof *to);
}

/* The maps hold cosines, which rise to those of the cells first..first+n-1 with `count` rows: the products. */
static void raise_cosines(const comparison *c, int64_t first, int64_t n, int64_t count)
{
    const gad_descriptor_levels *levels = &c->picture->levels;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        float sum[BLOCK] = {0};
        for (int l = 0; l < levels->count; l++) {
            const float *row = (const float *)c->product[l].data + i * c->product[l].stride;
            float *most = c->map + (GAD_DISTANCES_LEVELS + l) * c->cells + first + i, best = *most;
#pragma omp simd reduction(max : best)
            for (int64_t k = 0; k < count; k++) {
                sum[k] += row[k];
                best = row[k] > best ? row[k] : best;
            }
            *most = best;
        }
        float *most = c->map + GAD_DISTANCES_JOINT * c->cells + first + i, best = *most;
#pragma omp simd reduction(max : best)
        for (int64_t k = 0; k < count; k++)
            best = sum[k] > best ? sum[k] : best;
        *most = best;
    }
}

static gad_tensor cells_of(const gad_descriptors *d, int64_t first, int64_t n)
{
    return gad_tensor_make(d->data + first * d->width, GAD_F32, n, d->width);
}

/* Cosines of some cells with the rows from..to-1; of a level they are its share of the joint one. */
static void compare_rows(const comparison *c, const gad_bank *bank, int64_t first, int64_t n, int64_t from, int64_t to)
{
    const gad_descriptor_levels *levels = &c->picture->levels;
    const gad_tensor query = cells_of(c->picture, first, n);
    for (; from < to; from += BLOCK) {
        const int64_t count = to - from < BLOCK ? to - from : BLOCK;
        int64_t column = 0;
        for (int l = 0; l < levels->count; l++) {
            const int64_t width = levels->width[l];
            pack(bank, from, count, column, width, c->packed);
            const gad_weight rows = {.data = c->packed, .dtype = GAD_BF16, .rows = count, .cols = width};
            c->device->ops->linear(c->device, gad_tensor_cols(gad_tensor_rows(c->product[l], 0, n), 0, count),
                                   gad_tensor_cols(query, column, width), rows, gad_tensor_none(), 1, false);
            column += width;
        }
        raise_cosines(c, first, n, count);
    }
}

/* ---- the picture itself -------------------------------------------------------------------------------------------- */

/* Cells around cell `at` are too near to be its like: their cosines, every step-th cell, become 0. */
static void leave_out_near(const gad_descriptors *d, int64_t at, int64_t step, float *cosine)
{
    const int64_t row = at / d->cols, col = at % d->cols, reach = GAD_DISTANCES_FAR - 1;
    for (int64_t y = row > reach ? row - reach : 0; y <= row + reach && y < d->rows; y++)
        for (int64_t x = col > reach ? col - reach : 0; x <= col + reach && x < d->cols; x++)
            if ((y * d->cols + x) % step == 0)
                cosine[(y * d->cols + x) / step] = 0;
}

/* Cosines of the query's rows from `first` on with the `count` others. */
static void compare_block(const comparison *c, int64_t first, gad_tensor query, gad_weight others, int64_t step,
                          gad_tensor product)
{
    float *best = c->map + GAD_DISTANCES_SELF * c->cells + first;
    c->device->ops->linear(c->device, product, query, others, gad_tensor_none(), 1, false);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < query.rows; i++) {
        float *row = (float *)product.data + i * product.stride, most = 0;
        leave_out_near(c->picture, first + i, step, row);
#pragma omp simd reduction(max : most)
        for (int64_t k = 0; k < others.rows; k++)
            most = row[k] > most ? row[k] : most;
        best[i] = most;
    }
}

static gad_status compare_self(const comparison *c, gad_error *err)
{
    const gad_descriptors *d = c->picture;
    const int64_t cells = c->cells, step = 1 + cells / MOST_OTHERS, count = (cells + step - 1) / step;
    gad_device *device = c->device;
    const size_t mark = device->ops->mark(device);
    gad_tensor others = device->ops->take(device, count, d->width),
               product = device->ops->take(device, cells < BLOCK ? cells : BLOCK, count);
    gad_status status = gad_device_check(device, err);
    for (int64_t i = 0; !status && i < count; i++)
        memcpy((float *)others.data + i * d->width, d->data + i * step * d->width, (size_t)d->width * sizeof *d->data);
    const gad_weight rows = {.data = others.data, .dtype = GAD_F32, .rows = count, .cols = d->width};
    for (int64_t first = 0; !status && first < cells; first += BLOCK) {
        const int64_t n = cells - first < BLOCK ? cells - first : BLOCK;
        compare_block(c, first, cells_of(d, first, n), rows, step, gad_tensor_rows(product, 0, n));
    }
    device->ops->rewind(device, mark);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

/* Cosines to distances; a level's cosine is its product in units of its rows' length. */
static void finish(const comparison *c)
{
    const int64_t levels = c->picture->levels.count;
    for (int64_t i = 0; i < c->cells; i++) {
        const bool seen = !gad_descriptor_is_blank(c->picture, i);
        for (int64_t m = 0; m < GAD_DISTANCES_LEVELS + levels; m++) {
            float *at = c->map + m * c->cells + i, cosine = m < GAD_DISTANCES_LEVELS ? *at : *at * (float)levels;
            *at = seen ? 1 - (cosine < 1 ? cosine : 1) : -1;
        }
    }
}

gad_status gad_distances_make(const gad_bank *bank, gad_device *device, const gad_descriptors *picture, int64_t except,
                              float *map, gad_error *err)
{
    const gad_descriptor_levels *levels = &picture->levels;
    comparison c = {.device = device, .picture = picture, .cells = picture->rows * picture->cols, .map = map};
    c.packed = gad_memory_alloc_aligned((size_t)(BLOCK * picture->width), sizeof *c.packed);
    if (!c.packed)
        return gad_error_memory(err, operation, (size_t)(BLOCK * picture->width) * sizeof *c.packed);
    gad_device_recover(device);
    const size_t mark = device->ops->mark(device);
    for (int l = 0; l < levels->count; l++)
        c.product[l] = device->ops->take(device, c.cells < CELLS ? c.cells : CELLS, BLOCK);
    gad_status status = gad_device_check(device, err);
    memset(map, 0, (size_t)(gad_distances_maps(levels) * c.cells) * sizeof *map);
    const int64_t skip = except < 0 ? bank->count : bank->part[except].first,
                  resume = except < 0 ? bank->count : skip + bank->part[except].count;
    for (int64_t first = 0; !status && first < c.cells; first += CELLS) {
        const int64_t n = c.cells - first < CELLS ? c.cells - first : CELLS;
        compare_rows(&c, bank, first, n, 0, skip);
        compare_rows(&c, bank, first, n, resume, bank->count);
    }
    device->ops->rewind(device, mark);
    if (!status)
        status = compare_self(&c, err);
    if (!status)
        finish(&c);
    gad_memory_free_aligned(c.packed);
    return status;
}
