/* near: see near.h */
#include "data/near.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_SIDE = 16, CONTRAST = 6, MIN_EDGES = 40, MAX_CONTRADICTIONS = 6, MAX_MEAN_LEVELS = 4 };

/* Mean grey of each cell of a cols x rows grid; pixels on a border count by their share, so that size does not matter. */
static void grid(const gad_image *image, int cols, int rows, uint8_t *out)
{
    for (int j = 0; j < rows; j++)
        for (int i = 0; i < cols; i++) {
            double left = (double)i * (double)image->width / cols, right = (double)(i + 1) * (double)image->width / cols;
            double top = (double)j * (double)image->height / rows, bottom = (double)(j + 1) * (double)image->height / rows;
            double sum = 0;
            for (int64_t y = (int64_t)top; y < image->height && (double)y < bottom; y++)
                for (int64_t x = (int64_t)left; x < image->width && (double)x < right; x++) {
                    const uint8_t *p = image->pixels + (y * image->width + x) * 3;
                    double w = fmin(right, (double)(x + 1)) - fmax(left, (double)x),
                           h = fmin(bottom, (double)(y + 1)) - fmax(top, (double)y);
                    sum += w * h * (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]);
                }
            out[j * cols + i] = (uint8_t)(sum / ((right - left) * (bottom - top)) + 0.5);
        }
}

gad_status gad_near_measure(const gad_image *image, gad_near_print *print, gad_error *err)
{
    uint8_t cells[HASH_SIDE * (HASH_SIDE + 1)];
    int edges = 0;
    memset(print, 0, sizeof *print);
    if (image->channels != 3)
        return gad_error_set(err, GAD_E_ARGUMENT, "compare images", NULL, "an image of %d channels", image->channels);
    grid(image, GAD_NEAR_SIDE, GAD_NEAR_SIDE, print->grey);
    grid(image, HASH_SIDE + 1, HASH_SIDE, cells);
    for (int j = 0; j < HASH_SIDE; j++)
        for (int i = 0; i < HASH_SIDE; i++) {
            int change = cells[j * (HASH_SIDE + 1) + i + 1] - cells[j * (HASH_SIDE + 1) + i], bit = j * HASH_SIDE + i;
            if (change >= CONTRAST)
                print->up[bit / 64] |= (uint64_t)1 << (bit % 64);
            if (change <= -CONTRAST)
                print->down[bit / 64] |= (uint64_t)1 << (bit % 64);
            edges += abs(change) >= CONTRAST;
        }
    print->telling = edges >= MIN_EDGES;
    return GAD_OK;
}

bool gad_near_same(const gad_near_print *a, const gad_near_print *b)
{
    int contradictions = 0, sum = 0;
    if (!a->telling || !b->telling)
        return false;
    for (int i = 0; i < 4; i++)
        contradictions += __builtin_popcountll((a->up[i] & b->down[i]) | (a->down[i] & b->up[i]));
    if (contradictions > MAX_CONTRADICTIONS)
        return false;
    for (int i = 0; i < GAD_NEAR_SIDE * GAD_NEAR_SIDE; i++)
        sum += abs(a->grey[i] - b->grey[i]);
    return sum <= MAX_MEAN_LEVELS * GAD_NEAR_SIDE * GAD_NEAR_SIDE;
}
