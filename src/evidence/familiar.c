/* familiar: see familiar.h. Scales and limits: measured on same and other products of 12 samples and 9 public data sets
 * (docs/results.md). */
#include "evidence/familiar.h"

#include <math.h>

#include "base/error.h"
#include "features/descriptor.h"

enum { SIDE = 256, BLOCK = 4, SAMPLES = 4 }; /* cells a side, cells that one colour is taken over, samples a cell's side */
enum { SEEN_SIDE = 256, SEEN_STRIDE = 16 };  /* px of a square with the area of the working picture, and of a cell */

/* How far apart two looks are, and from where on that is too far: of one good part, and the least of several. */
typedef struct measure {
    double (*distance)(const gad_look *a, const gad_look *b);
    double widest, narrowest, margin;
} measure;

static double seen_distance(const gad_look *a, const gad_look *b);
/* The look alone; beside what a backbone sees it tells wrong exposures only. */
static const measure look_alone = {.distance = gad_familiar_distance, .widest = 0.9, .narrowest = 0.6, .margin = 0.2},
                     look_beside = {.distance = gad_familiar_distance, .widest = 1.2, .narrowest = 0.9, .margin = 0.2},
                     sight = {.distance = seen_distance, .widest = 0.3, .narrowest = 0.2, .margin = 0.1};

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

/* The last, most abstract map: of another piece of the same product it changes least, of another product most. */
static gad_status take_seen(const gad_features *features, gad_look *look, gad_error *err)
{
    gad_descriptors d = {0};
    const int64_t width = features->map[features->count - 1].width;
    double sum = 0;
    if (width > GAD_LOOK_WIDTH)
        return gad_error_set(err, GAD_E_LIMIT, "look at a picture", "give a smaller backbone",
                             "the backbone gives %lld numbers a cell, over %d", (long long)width, GAD_LOOK_WIDTH);
    gad_status status = gad_descriptor_make(features, SEEN_STRIDE, &d, err);
    if (status)
        return status;
    const float *last = d.whole + d.width - width;
    for (int64_t i = 0; i < width; i++)
        sum += (double)last[i] * (double)last[i];
    for (int64_t i = 0; i < width; i++)
        look->seen[i] = sum > 0 ? (float)((double)last[i] / sqrt(sum)) : 0;
    look->seen_width = width;
    gad_descriptor_free(&d);
    return GAD_OK;
}

gad_status gad_familiar_see(gad_backbone *backbone, const gad_image *image, gad_look *look, gad_error *err)
{
    gad_features features = {0};
    const int64_t unit = gad_backbone_describe(backbone)->unit;
    const double k = SEEN_SIDE / sqrt((double)image->width * (double)image->height);
    const int64_t across = llround((double)image->width * k / (double)unit),
                  down = llround((double)image->height * k / (double)unit);
    gad_status status =
        gad_backbone_run(backbone, image, unit * (across < 2 ? 2 : across), unit * (down < 2 ? 2 : down), &features, err);
    if (!status)
        status = take_seen(&features, look, err);
    gad_feature_free(&features);
    return status;
}

static double seen_distance(const gad_look *a, const gad_look *b)
{
    double cosine = 0;
    for (int64_t i = 0; i < a->seen_width; i++)
        cosine += (double)a->seen[i] * (double)b->seen[i];
    return 1 - cosine;
}

static double nearest(const measure *m, const gad_look *part, const gad_look *good, int count, int without)
{
    double least = INFINITY;
    for (int i = 0; i < count; i++)
        least = i == without ? least : fmin(least, m->distance(part, &good[i]));
    return least;
}

static gad_familiarity compare(const measure *m, const gad_look *part, const gad_look *good, int count)
{
    double apart = 0;
    for (int i = 0; i < count && count > 1; i++)
        apart = fmax(apart, nearest(m, &good[i], good, count, i));
    double limit = count > 1 ? fmin(m->widest, fmax(m->narrowest, 1.5 * apart + m->margin)) : m->widest;
    return (gad_familiarity){nearest(m, part, good, count, -1), limit};
}

gad_familiarity gad_familiar_measure(const gad_look *part, const gad_look *good, int count)
{
    for (int i = 0; i < count; i++)
        if (!part->seen_width || good[i].seen_width != part->seen_width)
            return compare(&look_alone, part, good, count);
    gad_familiarity look = compare(&look_beside, part, good, count), seen = compare(&sight, part, good, count);
    return seen.distance / seen.limit > look.distance / look.limit ? seen : look;
}
