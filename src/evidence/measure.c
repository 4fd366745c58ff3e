/* measure: see measure.h. A place is the pixels of its box whose difference is at least `share` of the largest in it, over
 * what the frame around the box shows anyway. Tone and colour in CIELAB (CIE 15:2004, D65), shape from second moments. */
#include "evidence/measure.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "measure the part";
static const double share = 0.4;

typedef struct lab {
    double l, a, b;
} lab;

/* One box on its way. All windows are half-open, in px of the planes, and lie within them. */
typedef struct window {
    int64_t x1, y1, x2, y2;
} window;

typedef struct place {
    const gad_measure_pictures *pictures;
    window box, around; /* around: the box and a frame of half its size, at least 6 px */
    bool aligned;
    float *difference; /* [around], row by row */
    bool *in;          /* [around]: pixels of the place */
    lab frame;         /* mean of the part's frame */
} place;

/* ---- pixels -------------------------------------------------------------------------------------------------------- */

static double linear_light(float s)
{
    double v = (double)s;
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double lab_root(double t)
{
    return t > 216.0 / 24389 ? cbrt(t) : t * 841 / 108 + 4.0 / 29;
}

static lab lab_at(const float *planes, int64_t area, int64_t at)
{
    double r = linear_light(planes[at]), g = linear_light(planes[area + at]), b = linear_light(planes[2 * area + at]);
    double x = lab_root((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047),
           y = lab_root(0.2126729 * r + 0.7151522 * g + 0.0721750 * b),
           z = lab_root((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
    return (lab){116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

static double distance(lab p, lab q)
{
    return sqrt((p.l - q.l) * (p.l - q.l) + (p.a - q.a) * (p.a - q.a) + (p.b - q.b) * (p.b - q.b));
}

static window window_clamp(window w, const gad_measure_pictures *p)
{
    w.x1 = w.x1 < 0 ? 0 : w.x1 >= p->width ? p->width - 1 : w.x1;
    w.y1 = w.y1 < 0 ? 0 : w.y1 >= p->height ? p->height - 1 : w.y1;
    w.x2 = w.x2 <= w.x1 ? w.x1 + 1 : w.x2 > p->width ? p->width : w.x2;
    w.y2 = w.y2 <= w.y1 ? w.y1 + 1 : w.y2 > p->height ? p->height : w.y2;
    return w;
}

static window window_of(const gad_box *box, const gad_measure_pictures *p)
{
    return window_clamp(
        (window){(int64_t)floor(box->x1), (int64_t)floor(box->y1), (int64_t)ceil(box->x2), (int64_t)ceil(box->y2)}, p);
}

static bool window_has(const window *w, int64_t x, int64_t y)
{
    return x >= w->x1 && x < w->x2 && y >= w->y1 && y < w->y2;
}

static int64_t window_area(const window *w)
{
    return (w->x2 - w->x1) * (w->y2 - w->y1);
}

/* Mean colour of a picture's pixels around the box (`inside` false) or of the place. */
static lab mean_lab(const place *p, const float *planes, bool inside)
{
    lab sum = {0};
    int64_t n = 0, width = p->pictures->width, area = width * p->pictures->height, i = 0;
    for (int64_t y = p->around.y1; y < p->around.y2; y++)
        for (int64_t x = p->around.x1; x < p->around.x2; x++, i++) {
            if (inside ? !p->in[i] : window_has(&p->box, x, y))
                continue;
            lab c = lab_at(planes, area, y * width + x);
            sum = (lab){sum.l + c.l, sum.a + c.a, sum.b + c.b};
            n++;
        }
    return n ? (lab){sum.l / (double)n, sum.a / (double)n, sum.b / (double)n} : sum;
}

/* Mean slope of the brightness within the place; its outline, where part and surroundings meet, does not count. */
static double mean_slope(const place *p, const float *planes)
{
    int64_t width = p->pictures->width, area = width * p->pictures->height, across = p->around.x2 - p->around.x1, n = 0;
    double sum = 0;
    for (int64_t y = p->around.y1 + 1; y < p->around.y2 - 1; y++)
        for (int64_t x = p->around.x1 + 1; x < p->around.x2 - 1; x++) {
            int64_t i = (y - p->around.y1) * across + x - p->around.x1, at = y * width + x;
            if (!p->in[i] || !p->in[i - 1] || !p->in[i + 1] || !p->in[i - across] || !p->in[i + across])
                continue;
            double dx = 0, dy = 0;
            for (int64_t c = 0; c < 3; c++) {
                dx += (double)(planes[c * area + at + 1] - planes[c * area + at - 1]);
                dy += (double)(planes[c * area + at + width] - planes[c * area + at - width]);
            }
            sum += hypot(dx, dy) / 6;
            n++;
        }
    return n ? sum / (double)n : 0;
}

/* ---- which pixels -------------------------------------------------------------------------------------------------- */

/* How far each pixel of the window is from the reference, or from the mean of the frame. */
static void fill_difference(place *p)
{
    int64_t width = p->pictures->width, area = width * p->pictures->height, i = 0;
    for (int64_t y = p->around.y1; y < p->around.y2; y++)
        for (int64_t x = p->around.x1; x < p->around.x2; x++) {
            int64_t at = y * width + x;
            lab to = p->aligned ? lab_at(p->pictures->reference, area, at) : p->frame;
            p->difference[i++] = (float)distance(lab_at(p->pictures->part, area, at), to);
        }
}

/* The pixels of the box that differ; all of it when none does. */
static void choose_pixels(place *p)
{
    int64_t i = 0, frame = window_area(&p->around) - window_area(&p->box), found = 0;
    double usual = 0, largest = 0;
    for (int64_t y = p->around.y1; y < p->around.y2; y++)
        for (int64_t x = p->around.x1; x < p->around.x2; x++, i++) {
            if (window_has(&p->box, x, y))
                largest = fmax(largest, (double)p->difference[i]);
            else
                usual += (double)p->difference[i] / (double)frame;
        }
    double least = fmin(usual, largest) + share * (largest - fmin(usual, largest));
    for (int pass = 0; pass < 2 && !found; pass++) {
        i = 0;
        for (int64_t y = p->around.y1; y < p->around.y2; y++)
            for (int64_t x = p->around.x1; x < p->around.x2; x++, i++) {
                p->in[i] = window_has(&p->box, x, y) && (pass || (largest > 0 && (double)p->difference[i] >= least));
                found += p->in[i];
            }
    }
}

/* ---- contours ------------------------------------------------------------------------------------------------------ */

/* Brightness changes by a fifth of the range within a px of it: more than grain does. */
static bool at_contour(const gad_measure_pictures *p, const float *planes, int64_t x, int64_t y)
{
    static const double step = 0.2;
    int64_t area = p->width * p->height;
    double low = 3, high = 0;
    for (int64_t v = y > 1 ? y - 1 : 0; v <= y + 1 && v < p->height; v++)
        for (int64_t u = x > 1 ? x - 1 : 0; u <= x + 1 && u < p->width; u++) {
            int64_t at = v * p->width + u;
            double level = (double)(planes[at] + planes[area + at] + planes[2 * area + at]);
            low = fmin(low, level);
            high = fmax(high, level);
        }
    return high - low >= 3 * step;
}

/* An outline that lies elsewhere now differs between its old and its new place: pixels that are at a contour of one of the
 * two, and a contour of the good part among them. */
static double contour_share(const place *p)
{
    const float *part = p->pictures->part, *reference = p->pictures->reference;
    int64_t i = 0, n = 0, there = 0, either = 0;
    for (int64_t y = p->around.y1; y < p->around.y2; y++)
        for (int64_t x = p->around.x1; x < p->around.x2; x++, i++) {
            if (!p->in[i])
                continue;
            bool old = at_contour(p->pictures, reference, x, y);
            n++;
            there += old;
            either += old || at_contour(p->pictures, part, x, y);
        }
    return there ? (double)either / (double)n : 0;
}

/* ---- what they show ------------------------------------------------------------------------------------------------ */

/* Area, length, breadth and direction: a uniform bar of length L has a variance of L^2 / 12 along itself, pixels included.
 */
static void measure_shape(const place *p, double scale_x, double scale_y, gad_measurement *m)
{
    double n = 0, sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
    int64_t i = 0;
    for (int64_t y = p->around.y1; y < p->around.y2; y++)
        for (int64_t x = p->around.x1; x < p->around.x2; x++, i++) {
            if (!p->in[i])
                continue;
            double u = (double)x * scale_x, v = (double)y * scale_y;
            n++;
            sx += u;
            sy += v;
            sxx += u * u;
            syy += v * v;
            sxy += u * v;
        }
    double xx = fmax(sxx / n - sx / n * (sx / n), 0) + scale_x * scale_x / 12,
           yy = fmax(syy / n - sy / n * (sy / n), 0) + scale_y * scale_y / 12, xy = sxy / n - sx / n * (sy / n);
    double middle = (xx + yy) / 2, apart = hypot((xx - yy) / 2, xy);
    double turn = 0.5 * atan2(2 * xy, xx - yy) * -180 / acos(-1); /* y points down, directions up */
    m->area_px = n * scale_x * scale_y;
    m->share = n / ((double)p->pictures->width * (double)p->pictures->height);
    m->length_px = sqrt(12 * (middle + apart));
    m->breadth_px = sqrt(12 * fmax(middle - apart, 0));
    m->direction_deg = turn < 0 ? turn + 180 : turn;
}

/* What stands out from its own frame in the part, in the reference, or in both. */
static gad_measurement_content content_of(const place *p)
{
    if (!p->aligned)
        return GAD_MEASUREMENT_CHANGED;
    const float *part = p->pictures->part, *reference = p->pictures->reference;
    double here = distance(mean_lab(p, part, true), mean_lab(p, part, false)),
           there = distance(mean_lab(p, reference, true), mean_lab(p, reference, false));
    return here > 2 * there && here > 5    ? GAD_MEASUREMENT_ADDED
           : there > 2 * here && there > 5 ? GAD_MEASUREMENT_MISSING
                                           : GAD_MEASUREMENT_CHANGED;
}

static void measure_tone(const place *p, gad_measurement *m)
{
    const float *part = p->pictures->part, *reference = p->pictures->reference;
    lab is = mean_lab(p, part, true), was = p->aligned ? mean_lab(p, reference, true) : p->frame;
    const double floor = 0.002; /* half a grey level: below it there is no slope to speak of */
    m->lightness = is.l - was.l;
    m->red_green = is.a - was.a;
    m->yellow_blue = is.b - was.b;
    m->roughness = p->aligned ? log2((mean_slope(p, part) + floor) / (mean_slope(p, reference) + floor)) : 0;
    m->basis = p->aligned ? GAD_MEASUREMENT_REFERENCE : GAD_MEASUREMENT_SURROUNDINGS;
    m->contour = p->aligned ? contour_share(p) : 0;
    m->content = content_of(p);
    m->other = -1;
    m->like_x = m->like_y = -1;
}

/* ---- moved --------------------------------------------------------------------------------------------------------- */

/* Mean colour difference of the reference's content at `from` and the part's at `to`, middles on each other. */
static double content_distance(const gad_measure_pictures *p, const window *from, const window *to)
{
    int64_t width = from->x2 - from->x1, height = from->y2 - from->y1, area = p->width * p->height, n = 0;
    int64_t dx = (to->x1 + to->x2 - from->x1 - from->x2) / 2, dy = (to->y1 + to->y2 - from->y1 - from->y2) / 2;
    double sum = 0;
    for (int64_t y = from->y1; y < from->y1 + height; y++)
        for (int64_t x = from->x1; x < from->x1 + width; x++) {
            int64_t u = x + dx, v = y + dy;
            if (u < 0 || v < 0 || u >= p->width || v >= p->height)
                continue;
            sum += distance(lab_at(p->reference, area, y * p->width + x), lab_at(p->part, area, v * p->width + u));
            n++;
        }
    return n ? sum / (double)n : INFINITY;
}

static bool alike(int64_t a, int64_t b)
{
    return 2 * a <= 3 * b && 2 * b <= 3 * a;
}

/* Content that is missing at one place and was added at another, of like size and colours, moved. */
static void find_moved(const gad_measure_pictures *p, const gad_box *box, int count, gad_measurement *m)
{
    for (int i = 0; i < count; i++) {
        window from = window_of(&box[i], p);
        for (int j = 0; j < count && m[i].content == GAD_MEASUREMENT_MISSING; j++) {
            window to = window_of(&box[j], p);
            if (m[j].content != GAD_MEASUREMENT_ADDED || !alike(from.x2 - from.x1, to.x2 - to.x1) ||
                !alike(from.y2 - from.y1, to.y2 - to.y1))
                continue;
            if (content_distance(p, &from, &to) > 0.5 * content_distance(p, &from, &from))
                continue;
            m[i].content = m[j].content = GAD_MEASUREMENT_MOVED;
            m[i].other = j;
            m[j].other = i;
        }
    }
}

/* How far the part's content of a window is from the reference's, moved by (dx, dy): mean difference of colours. */
static double brightness_distance(const gad_measure_pictures *p, const window *w, int64_t dx, int64_t dy, double give_up)
{
    int64_t area = p->width * p->height, n = window_area(w);
    double sum = 0;
    for (int64_t y = w->y1; y < w->y2 && sum <= give_up * 3 * (double)n; y++)
        for (int64_t x = w->x1; x < w->x2; x++)
            for (int64_t c = 0; c < 3; c++)
                sum += fabs(
                    (double)(p->part[c * area + y * p->width + x] - p->reference[c * area + (y + dy) * p->width + x + dx]));
    return sum / (3 * (double)n);
}

/* Added content that the good part shows at another place: a part too many, not foreign matter. Windows that do not reach
 * into the old one; a third of the distance that it has in place, which is what made it stand out. */
static void find_like(const gad_measure_pictures *p, const gad_box *box, double scale_x, double scale_y, gad_measurement *m)
{
    enum { STEP_PX = 2, LARGEST_PX = 64 };
    window w = window_of(box, p);
    int64_t width = w.x2 - w.x1, height = w.y2 - w.y1;
    if (m->content != GAD_MEASUREMENT_ADDED || width > LARGEST_PX || height > LARGEST_PX)
        return;
    double best = brightness_distance(p, &w, 0, 0, INFINITY) / 3;
    for (int64_t y = 0; y + height <= p->height; y += STEP_PX)
        for (int64_t x = 0; x + width <= p->width; x += STEP_PX) {
            if (x < w.x2 && x + width > w.x1 && y < w.y2 && y + height > w.y1)
                continue;
            double apart = brightness_distance(p, &w, x - w.x1, y - w.y1, best);
            if (apart >= best)
                continue;
            best = apart;
            m->like_x = ((double)x + (double)width / 2) * scale_x;
            m->like_y = ((double)y + (double)height / 2) * scale_y;
        }
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

bool gad_measure_aligned(const gad_measure_pictures *pictures, const gad_box *box, int count)
{
    const gad_measure_pictures *p = pictures;
    int64_t area = p->width * p->height, n = 0;
    double apart = 0, mean[3] = {0}, squares = 0;
    if (!p->reference)
        return false;
    for (int64_t i = 0; i < area; i++) {
        bool covered = false;
        for (int k = 0; k < count && !covered; k++) {
            window w = window_of(&box[k], p);
            covered = window_has(&w, i % p->width, i / p->width);
        }
        if (covered)
            continue;
        n++;
        for (int64_t c = 0; c < 3; c++) {
            double v = (double)p->part[c * area + i], d = v - (double)p->reference[c * area + i];
            mean[c] += v;
            squares += v * v;
            apart += d * d;
        }
    }
    if (!n)
        return true;
    for (int c = 0; c < 3; c++)
        squares -= mean[c] * mean[c] / (double)n;
    /* one third of the deviation: nine tenths of the variance are explained */
    return apart * 9 <= squares || apart <= 3 * (double)n * 1e-4;
}

static gad_status measure_place(place *p, double scale_x, double scale_y, gad_measurement *m, gad_error *err)
{
    int64_t across = p->box.x2 - p->box.x1, down = p->box.y2 - p->box.y1, room_x = across / 2 + 6, room_y = down / 2 + 6;
    p->around =
        window_clamp((window){p->box.x1 - room_x, p->box.y1 - room_y, p->box.x2 + room_x, p->box.y2 + room_y}, p->pictures);
    size_t pixels = (size_t)window_area(&p->around);
    p->difference = gad_memory_alloc(pixels, sizeof *p->difference);
    p->in = gad_memory_alloc(pixels, sizeof *p->in);
    gad_status status = p->difference && p->in ? GAD_OK : gad_error_memory(err, operation, pixels * sizeof *p->difference);
    if (!status) {
        p->frame = mean_lab(p, p->pictures->part, false);
        fill_difference(p);
        choose_pixels(p);
        measure_shape(p, scale_x, scale_y, m);
        measure_tone(p, m);
    }
    gad_memory_free(p->difference);
    gad_memory_free(p->in);
    return status;
}

gad_status gad_measure_places(const gad_measure_pictures *pictures, const gad_box *box, int count, double original_width,
                              double original_height, gad_measurement *measurement, gad_error *err)
{
    double scale_x = original_width / (double)pictures->width, scale_y = original_height / (double)pictures->height;
    bool aligned = gad_measure_aligned(pictures, box, count);
    gad_status status = GAD_OK;
    for (int i = 0; i < count && !status; i++) {
        place p = {.pictures = pictures, .box = window_of(&box[i], pictures), .aligned = aligned};
        gad_measurement m = {0};
        status = measure_place(&p, scale_x, scale_y, &m, err);
        measurement[i] = m;
    }
    if (!status && aligned)
        find_moved(pictures, box, count, measurement);
    for (int i = 0; i < count && !status && aligned; i++)
        find_like(pictures, &box[i], scale_x, scale_y, &measurement[i]);
    return status;
}
