/* box: see box.h */
#include "task/box.h"

#include "base/error.h"
#include "base/memory.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CANVAS_SHORT_SIDE = 448 };

static const char *const convention_names[] = {GAD_BOX_CONVENTION_WORDS};
enum { CONVENTIONS = sizeof convention_names / sizeof convention_names[0] };

const char *gad_box_convention_name(gad_box_convention convention)
{
    return (unsigned)convention < CONVENTIONS ? convention_names[convention] : "unknown";
}

bool gad_box_convention_parse(const char *name, gad_box_convention *convention)
{
    for (unsigned i = 0; i < CONVENTIONS; i++)
        if (!strcmp(name, convention_names[i])) {
            *convention = (gad_box_convention)i;
            return true;
        }
    return false;
}

/* ---- conversion --------------------------------------------------------------------------------------------------- */

/* Of sizes from files of others too: none is below a pixel or beyond an int. */
void gad_box_canvas(int width_px, int height_px, int *canvas_width, int *canvas_height)
{
    const double width = fmax(width_px, 1), height = fmax(height_px, 1), shorter = fmin(width, height);
    *canvas_width = (int)fmin(rint(width * CANVAS_SHORT_SIDE / shorter), INT_MAX);
    *canvas_height = (int)fmin(rint(height * CANVAS_SHORT_SIDE / shorter), INT_MAX);
}

gad_box_frame gad_box_frame_make(gad_box_convention convention, gad_box_order order, int width_px, int height_px,
                                 int input_width, int input_height)
{
    gad_box_frame frame = {.convention = convention,
                           .order = order,
                           .width_px = width_px,
                           .height_px = height_px,
                           .width = width_px,
                           .height = height_px};
    if (convention == GAD_BOX_CANVAS && (input_width <= 0 || input_height <= 0))
        gad_box_canvas(width_px, height_px, &input_width, &input_height);
    switch (convention) {
    case GAD_BOX_CANVAS:
    case GAD_BOX_INPUT:
        frame.width = input_width;
        frame.height = input_height;
        break;
    case GAD_BOX_REL1000: frame.width = frame.height = 1000; break;
    case GAD_BOX_REL1: frame.width = frame.height = 1; break;
    case GAD_BOX_ORIG: break;
    }
    return frame;
}

gad_box gad_box_from_model(const gad_box_frame *frame, gad_model_box box)
{
    int x = frame->order == GAD_BOX_YX, y = !x;
    const double *v = box.value;
    double width = frame->width_px, height = frame->height_px;
    return (gad_box){v[x] * width / frame->width, v[y] * height / frame->height, v[x + 2] * width / frame->width,
                     v[y + 2] * height / frame->height};
}

/* One axis: both ends rounded to units, inside 0..extent, one unit apart at least. */
static void to_units(double low, double high, double scale, double extent, double unit, double *first, double *last)
{
    double limit = rint(extent / unit);
    double a = fmin(fmax(rint(low * scale / unit), 0), limit);
    double b = fmin(fmax(rint(high * scale / unit), 0), limit);
    if (b <= a) {
        b = a + 1;
        if (b > limit) {
            b = limit;
            a = limit - 1;
        }
    }
    *first = a * unit;
    *last = b * unit;
}

gad_model_box gad_box_to_model(const gad_box_frame *frame, gad_box box)
{
    int x = frame->order == GAD_BOX_YX, y = !x;
    double unit = frame->convention == GAD_BOX_REL1 ? 0.001 : 1;
    gad_model_box out;
    to_units(box.x1, box.x2, frame->width / frame->width_px, frame->width, unit, &out.value[x], &out.value[x + 2]);
    to_units(box.y1, box.y2, frame->height / frame->height_px, frame->height, unit, &out.value[y], &out.value[y + 2]);
    return out;
}

static double clamp(double value, double limit, double *moved)
{
    double kept = fmin(fmax(value, 0), limit);
    *moved = fmax(*moved, fabs(value - kept));
    return kept;
}

gad_box gad_box_clamp(gad_box box, double width_px, double height_px, double *moved)
{
    double distance = 0;
    gad_box kept = {clamp(box.x1, width_px, &distance), clamp(box.y1, height_px, &distance),
                    clamp(box.x2, width_px, &distance), clamp(box.y2, height_px, &distance)};
    if (moved)
        *moved = distance;
    return kept;
}

bool gad_box_valid(gad_box box)
{
    return box.x2 > box.x1 && box.y2 > box.y1;
}

double gad_box_area(gad_box box)
{
    return (box.x2 - box.x1) * (box.y2 - box.y1);
}

int gad_box_compare(gad_box a, gad_box b)
{
    const double key_a[4] = {a.y1, a.x1, a.y2, a.x2}, key_b[4] = {b.y1, b.x1, b.y2, b.x2};
    for (int i = 0; i < 4; i++)
        if (key_a[i] != key_b[i])
            return key_a[i] < key_b[i] ? -1 : 1;
    return 0;
}

/* ---- comparison --------------------------------------------------------------------------------------------------- */

double gad_box_iou(gad_box a, gad_box b)
{
    if (!gad_box_valid(a) || !gad_box_valid(b))
        return 0;
    double width = fmin(a.x2, b.x2) - fmax(a.x1, b.x1), height = fmin(a.y2, b.y2) - fmax(a.y1, b.y1);
    if (width <= 0 || height <= 0)
        return 0;
    double common = width * height;
    double both = gad_box_area(a) + gad_box_area(b) - common;
    return common / both;
}

double gad_box_best_iou(gad_box box, const gad_box *boxes, size_t count)
{
    double best = 0;
    for (size_t i = 0; i < count; i++)
        best = fmax(best, gad_box_iou(box, boxes[i]));
    return best;
}

size_t gad_box_match_one(const gad_box *truth, size_t truths, const gad_box *prediction, size_t predictions,
                         double threshold, int64_t *truth_of, int64_t *prediction_of)
{
    for (size_t p = 0; p < predictions; p++)
        truth_of[p] = -1;
    for (size_t t = 0; t < truths; t++)
        prediction_of[t] = -1;
    for (size_t pairs = 0;; pairs++) {
        double best = 0;
        size_t best_t = 0, best_p = 0;
        for (size_t t = 0; t < truths; t++)
            for (size_t p = 0; p < predictions && prediction_of[t] < 0; p++) {
                double iou = truth_of[p] < 0 ? gad_box_iou(truth[t], prediction[p]) : 0;
                if (iou > best && iou >= threshold) {
                    best = iou;
                    best_t = t;
                    best_p = p;
                }
            }
        if (best <= 0)
            return pairs;
        truth_of[best_p] = (int64_t)best_t;
        prediction_of[best_t] = (int64_t)best_p;
    }
}

static size_t count_reached(const gad_box *boxes, size_t count, const gad_box *others, size_t other_count, double threshold)
{
    size_t reached = 0;
    for (size_t i = 0; i < count; i++) {
        double best = gad_box_best_iou(boxes[i], others, other_count);
        reached += best > 0 && best >= threshold;
    }
    return reached;
}

void gad_box_match_many(const gad_box *truth, size_t truths, const gad_box *prediction, size_t predictions,
                        double threshold, size_t *truths_found, size_t *predictions_right)
{
    *truths_found = count_reached(truth, truths, prediction, predictions, threshold);
    *predictions_right = count_reached(prediction, predictions, truth, truths, threshold);
}

/* ---- masks -------------------------------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_tops(const void *a, const void *b)
{
    return compare_numbers(&((const gad_box *)a)->y1, &((const gad_box *)b)->y1);
}

/* Copies the boxes that cover a pixel centre, with sides at pixel edges, by rising y1; adds their x sides to `sides`. */
static size_t to_pixels(const gad_box *boxes, size_t count, gad_box *out, double *sides, size_t *side_count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        gad_box box = {ceil(boxes[i].x1 - 0.5), ceil(boxes[i].y1 - 0.5), ceil(boxes[i].x2 - 0.5), ceil(boxes[i].y2 - 0.5)};
        if (!gad_box_valid(box))
            continue;
        out[n++] = box;
        sides[(*side_count)++] = box.x1;
        sides[(*side_count)++] = box.x2;
    }
    if (n)
        qsort(out, n, sizeof *out, compare_tops);
    return n;
}

/* The y intervals that the boxes (by rising y1) cover over the strip x1..x2, joined and in order; returns their number. */
static size_t cover_strip(const gad_box *boxes, size_t count, double x1, double x2, double (*interval)[2])
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (boxes[i].x1 > x1 || boxes[i].x2 < x2)
            continue;
        if (n && boxes[i].y1 <= interval[n - 1][1]) {
            interval[n - 1][1] = fmax(interval[n - 1][1], boxes[i].y2);
        } else {
            interval[n][0] = boxes[i].y1;
            interval[n++][1] = boxes[i].y2;
        }
    }
    return n;
}

static double total_length(double (*interval)[2], size_t count)
{
    double length = 0;
    for (size_t i = 0; i < count; i++)
        length += interval[i][1] - interval[i][0];
    return length;
}

static double common_length(double (*a)[2], size_t a_count, double (*b)[2], size_t b_count)
{
    double length = 0;
    for (size_t i = 0, j = 0; i < a_count && j < b_count;) {
        length += fmax(0, fmin(a[i][1], b[j][1]) - fmax(a[i][0], b[j][0]));
        if (a[i][1] < b[j][1])
            i++;
        else
            j++;
    }
    return length;
}

gad_status gad_box_mask_iou(const gad_box *a, size_t a_count, const gad_box *b, size_t b_count, double *iou, gad_error *err)
{
    size_t total = a_count + b_count, sides_count = 0;
    gad_box *boxes = gad_memory_alloc(total, sizeof *boxes);
    double(*intervals)[2] = gad_memory_alloc(total, sizeof *intervals);
    double *sides = gad_memory_alloc(total, 2 * sizeof *sides);
    gad_status status = GAD_OK;
    if (!boxes || !intervals || !sides) {
        status = gad_error_memory(err, "compare boxes", total * sizeof *boxes);
        goto done;
    }
    size_t m = to_pixels(a, a_count, boxes, sides, &sides_count);
    size_t n = to_pixels(b, b_count, boxes + a_count, sides, &sides_count);
    if (sides_count)
        qsort(sides, sides_count, sizeof *sides, compare_numbers);
    double common = 0, both = 0;
    for (size_t i = 1; i < sides_count; i++) {
        double width = sides[i] - sides[i - 1];
        if (width <= 0)
            continue;
        size_t in_a = cover_strip(boxes, m, sides[i - 1], sides[i], intervals);
        size_t in_b = cover_strip(boxes + a_count, n, sides[i - 1], sides[i], intervals + a_count);
        double shared = common_length(intervals, in_a, intervals + a_count, in_b);
        common += width * shared;
        both += width * (total_length(intervals, in_a) + total_length(intervals + a_count, in_b) - shared);
    }
    *iou = both > 0 ? common / both : 0;
done:
    gad_memory_free(sides);
    gad_memory_free(intervals);
    gad_memory_free(boxes);
    return status;
}
