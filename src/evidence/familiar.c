/* familiar: see familiar.h. Scales and limits: measured on same and other products of 12 samples and 9 public data sets
 * (docs/results.md). */
#include "evidence/familiar.h"

#include <math.h>

enum { SIDE = 256, BLOCK = 4, SAMPLES = 4 }; /* cells a side, cells that one colour is taken over, samples a cell's side */

/* Limits: of one good part, and the least of several. */
static const double widest = 0.9, narrowest = 0.6;

/* Mean colour of cell (y, x) of SIDE x SIDE, from at most SAMPLES x SAMPLES px. */
static void mean_colour(const gad_image *image, int64_t y, int64_t x, float colour[3])
{
    int64_t top = y * image->height / SIDE, bottom = (y + 1) * image->height / SIDE;
    int64_t left = x * image->width / SIDE, right = (x + 1) * image->width / SIDE;
    bottom = bottom > top ? bottom : top + 1;
    right = right > left ? right : left + 1;
    int64_t down = (bottom - top + SAMPLES - 1) / SAMPLES, across = (right - left + SAMPLES - 1) / SAMPLES;
    int64_t sum[3] = {0}, count = 0;
    for (int64_t v = top; v < bottom; v += down)
        for (int64_t u = left; u < right; u += across, count++) {
            const unsigned char *p = image->pixels + (v * image->width + u) * image->channels;
            for (int c = 0; c < 3; c++)
                sum[c] += p[c < image->channels ? c : 0];
        }
    for (int c = 0; c < 3; c++)
        colour[c] = (float)sum[c] / (255.0f * (float)count);
}

/* A colour's share, divided among the eight bins around it, so that a little light moves little. */
static void add_colour(const float colour[3], float share, float *colours)
{
    int bin[3];
    float part[3];
    for (int c = 0; c < 3; c++) {
        float at = colour[c] * (GAD_LOOK_BINS - 1);
        bin[c] = at < GAD_LOOK_BINS - 2 ? (int)at : GAD_LOOK_BINS - 2;
        part[c] = at - (float)bin[c];
    }
    for (int corner = 0; corner < 8; corner++) {
        float weight = share;
        int at = 0;
        for (int c = 0; c < 3; c++) {
            bool upper = corner >> c & 1;
            weight *= upper ? part[c] : 1 - part[c];
            at = at * GAD_LOOK_BINS + bin[c] + upper;
        }
        colours[at] += weight;
    }
}

gad_look gad_familiar_look(const gad_image *image)
{
    gad_look look = {.contrast = 0};
    static const float share = (float)(BLOCK * BLOCK) / (float)(SIDE * SIDE);
    float above[SIDE], blocks[SIDE / BLOCK][3] = {{0}};
    double sum = 0, squares = 0, across = 0, down = 0;
    for (int y = 0; y < SIDE; y++) {
        float left = 0;
        for (int x = 0; x < SIDE; x++) {
            float colour[3];
            mean_colour(image, y, x, colour);
            float light = (colour[0] + colour[1] + colour[2]) / 3;
            sum += (double)light;
            squares += (double)light * (double)light;
            across += x ? fabs((double)(light - left)) : 0;
            down += y ? fabs((double)(light - above[x])) : 0;
            left = above[x] = light;
            for (int c = 0; c < 3; c++)
                blocks[x / BLOCK][c] += colour[c] / (BLOCK * BLOCK);
        }
        for (int b = 0; y % BLOCK == BLOCK - 1 && b < SIDE / BLOCK; b++) {
            add_colour(blocks[b], share, look.colours);
            blocks[b][0] = blocks[b][1] = blocks[b][2] = 0;
        }
    }
    double n = (double)SIDE * SIDE, mean = sum / n;
    look.contrast = sqrt(fmax(0, squares / n - mean * mean));
    look.detail = (across + down) / (SIDE * (SIDE - 1.0));
    return look;
}

double gad_familiar_distance(const gad_look *a, const gad_look *b)
{
    double moved = 0;
    for (int i = 0; i < GAD_LOOK_BINS * GAD_LOOK_BINS * GAD_LOOK_BINS; i++)
        moved += 0.5 * fabs((double)(a->colours[i] - b->colours[i]));
    /* constants: below what a camera sees, a ratio says nothing */
    double detail = fabs(log2((a->detail + 1 / 512.0) / (b->detail + 1 / 512.0))) / 2;
    double contrast = fabs(log2((a->contrast + 0.01) / (b->contrast + 0.01))) / 1.3;
    return fmax(moved, fmax(detail, contrast));
}

static double nearest(const gad_look *part, const gad_look *good, int count, int without)
{
    double least = INFINITY;
    for (int i = 0; i < count; i++)
        least = i == without ? least : fmin(least, gad_familiar_distance(part, &good[i]));
    return least;
}

gad_familiarity gad_familiar_measure(const gad_look *part, const gad_look *good, int count)
{
    double apart = 0;
    for (int i = 0; i < count && count > 1; i++)
        apart = fmax(apart, nearest(&good[i], good, count, i));
    double limit = count > 1 ? fmin(widest, fmax(narrowest, 1.5 * apart + 0.2)) : widest;
    return (gad_familiarity){nearest(part, good, count, -1), limit};
}
