/* prepared: see prepared.h */
#include "evidence/prepared.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "prepare a picture for comparing";

static gad_status take(gad_grid grid, int64_t width, int64_t height, gad_prepared *prepared, gad_error *err)
{
    size_t numbers = (size_t)(3 * width * height + gad_register_pyramid_numbers(width, height));
    *prepared = (gad_prepared){.grid = grid, .width = width, .height = height};
    prepared->plane = gad_memory_alloc(numbers, sizeof *prepared->plane);
    return prepared->plane ? GAD_OK : gad_error_memory(err, operation, numbers * sizeof *prepared->plane);
}

static void build_pyramid(gad_prepared *p)
{
    gad_register_pyramid(p->plane, p->width, p->height, p->plane + 3 * p->width * p->height, &p->pyramid);
}

/* Less the mean of each colour, over the deviation of all; in: as the model's settings have colours. */
static void normalise(const gad_preprocess *settings, gad_prepared *p)
{
    int64_t area = p->width * p->height;
    double squares = 0;
    for (int c = 0; c < 3; c++) {
        double sum = 0;
        float *plane = p->plane + c * area;
        for (int64_t i = 0; i < area; i++)
            sum += (double)plane[i];
        float mean = (float)(sum / (double)area);
        p->gain[c] = (float)settings->std[c];
        p->offset[c] = (float)settings->std[c] * mean + (float)settings->mean[c];
        for (int64_t i = 0; i < area; i++) {
            plane[i] -= mean;
            squares += (double)plane[i] * (double)plane[i];
        }
    }
    float scale = (float)(1 / (sqrt(squares / (double)(3 * area)) + 0.1));
    for (int64_t i = 0; i < 3 * area; i++)
        p->plane[i] *= scale;
    for (int c = 0; c < 3; c++)
        p->gain[c] /= scale;
}

gad_status gad_prepared_make(const gad_preprocess *settings, const gad_image *fitted, gad_prepared *prepared,
                             gad_error *err)
{
    gad_grid grid = {(int32_t)(fitted->height / settings->patch), (int32_t)(fitted->width / settings->patch)};
    gad_status status = take(grid, fitted->width, fitted->height, prepared, err);
    if (status)
        return status;
    gad_preprocess_planes(settings, fitted, prepared->plane);
    normalise(settings, prepared);
    build_pyramid(prepared);
    return GAD_OK;
}

/* One plane to another size, bilinear. */
static void resample(const float *from, int64_t rows, int64_t cols, float *to, int64_t to_rows, int64_t to_cols)
{
    for (int64_t y = 0; y < to_rows; y++)
        for (int64_t x = 0; x < to_cols; x++) {
            double v = fmin(fmax(((double)y + 0.5) * (double)rows / (double)to_rows - 0.5, 0), (double)(rows - 1));
            double u = fmin(fmax(((double)x + 0.5) * (double)cols / (double)to_cols - 0.5, 0), (double)(cols - 1));
            int64_t top = (int64_t)v, left = (int64_t)u;
            int64_t bottom = top + 1 < rows ? top + 1 : top, right = left + 1 < cols ? left + 1 : left;
            float down = (float)(v - (double)top), across = (float)(u - (double)left);
            const float *upper = from + top * cols, *lower = from + bottom * cols;
            float a = upper[left] + across * (upper[right] - upper[left]);
            float b = lower[left] + across * (lower[right] - lower[left]);
            to[y * to_cols + x] = a + down * (b - a);
        }
}

gad_status gad_prepared_resize(const gad_prepared *prepared, gad_grid grid, gad_prepared *other, gad_error *err)
{
    int64_t patch = prepared->height / prepared->grid.rows;
    gad_status status = take(grid, grid.cols * patch, grid.rows * patch, other, err);
    if (status)
        return status;
    memcpy(other->gain, prepared->gain, sizeof other->gain);
    memcpy(other->offset, prepared->offset, sizeof other->offset);
    for (int c = 0; c < 3; c++)
        resample(prepared->plane + c * prepared->width * prepared->height, prepared->height, prepared->width,
                 other->plane + c * other->width * other->height, other->height, other->width);
    build_pyramid(other);
    return GAD_OK;
}

void gad_prepared_free(gad_prepared *prepared)
{
    if (!prepared)
        return;
    gad_memory_free(prepared->plane);
    *prepared = (gad_prepared){0};
}

void gad_prepared_rows(gad_grid grid, int64_t patch, const float *plane, float *row)
{
    int64_t width = grid.cols * patch, height = grid.rows * patch, blocks = grid.cols / 2;
    for (int64_t i = 0; i < gad_grid_patches(grid); i++) {
        int64_t top = (i / 4 / blocks * 2 + i % 4 / 2) * patch, left = (i / 4 % blocks * 2 + i % 2) * patch;
        for (int64_t c = 0; c < 3; c++)
            for (int64_t y = 0; y < patch; y++, row += patch)
                memcpy(row, plane + (c * height + top + y) * width + left, (size_t)patch * sizeof *row);
    }
}

/* ---- kept ---------------------------------------------------------------------------------------------------------- */

static void free_item(struct gad_prepared_item *item)
{
    gad_prepared_free(&item->picture);
    gad_memory_free(item);
}

const gad_prepared *gad_prepared_find(gad_prepared_kept *kept, gad_hash hash)
{
    for (size_t i = 0; i < kept->count; i++)
        if (gad_hash_equal(kept->item[i]->hash, hash)) {
            kept->item[i]->used = true;
            return &kept->item[i]->picture;
        }
    return NULL;
}

gad_status gad_prepared_keep(gad_prepared_kept *kept, gad_hash hash, gad_prepared *picture, const gad_prepared **in_place,
                             gad_error *err)
{
    struct gad_prepared_item *item = gad_memory_zero(1, sizeof *item);
    if (!item || !gad_memory_grow((void **)&kept->item, &kept->capacity, kept->count, sizeof(struct gad_prepared_item *))) {
        gad_memory_free(item);
        return gad_error_memory(err, operation, sizeof *item);
    }
    *item = (struct gad_prepared_item){hash, *picture, true};
    *picture = (gad_prepared){0};
    kept->item[kept->count++] = item;
    *in_place = &item->picture;
    return GAD_OK;
}

void gad_prepared_forget(gad_prepared_kept *kept)
{
    size_t left = 0;
    for (size_t i = 0; i < kept->count; i++) {
        struct gad_prepared_item *item = kept->item[i];
        if (!item->used) {
            free_item(item);
            continue;
        }
        item->used = false;
        kept->item[left++] = item;
    }
    kept->count = left;
}

void gad_prepared_free_kept(gad_prepared_kept *kept)
{
    for (size_t i = 0; i < kept->count; i++)
        free_item(kept->item[i]);
    gad_memory_free(kept->item);
    *kept = (gad_prepared_kept){0};
}
