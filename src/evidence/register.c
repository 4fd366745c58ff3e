/* register: see register.h */
#include "evidence/register.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { COARSE = 16, MOST = 12, ENOUGH = 2500 };
/* The search: turns of up to 8 steps each way, zooms, shifts of up to 4 px of the coarsest level each way. */
enum { TURNS = 8, ZOOMS = 3, SHIFT = 4, CANDIDATES = 4 };
static const double turn_step = 0.13, zooms[ZOOMS] = {1, 0.87, 1.15};

typedef struct gad_pyramid_level picture;

/* The light of a candidate: a gain and an offset with their slopes across and down the picture. */
enum { GAIN, GAIN_X, GAIN_Y, OFFSET, OFFSET_X, OFFSET_Y, LIGHTS };

typedef struct candidate {
    gad_similarity place;
    double light[LIGHTS], cost;
} candidate;

/* ---- small linear systems ------------------------------------------------------------------------------------------ */

/* Solve the symmetric positive system m x = y of n unknowns by Cholesky; x into y. False: it has no unique solution. */
static bool solve(int n, double m[MOST][MOST], double y[MOST])
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double sum = m[i][j];
            for (int k = 0; k < j; k++)
                sum -= m[i][k] * m[j][k];
            if (i == j && !(sum > 0))
                return false;
            m[i][j] = i == j ? sqrt(sum) : sum / m[j][j];
        }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++)
            y[i] -= m[i][k] * y[k];
        y[i] /= m[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            y[i] -= m[k][i] * y[k];
        y[i] /= m[i][i];
    }
    return true;
}

/* One equation into the lower half of a normal system. */
static void add_equation(int n, double m[MOST][MOST], double y[MOST], const double row[MOST], double value, double weight)
{
    for (int i = 0; i < n; i++) {
        double w = weight * row[i];
        for (int j = 0; j <= i; j++)
            m[i][j] += w * row[j];
        y[i] += w * value;
    }
}

/* ---- pyramid ------------------------------------------------------------------------------------------------------- */

int64_t gad_register_pyramid_numbers(int64_t width, int64_t height)
{
    int64_t n = 0;
    for (int i = 0; i < GAD_PYRAMID_LEVELS; i++, width /= 2, height /= 2)
        n += width * height;
    return n;
}

static void halve(const picture *from, float *to)
{
    for (int64_t y = 0; y < from->height / 2; y++) {
        const float *upper = from->pixel + 2 * y * from->width, *lower = upper + from->width;
        for (int64_t x = 0; x < from->width / 2; x++)
            *to++ = 0.25f * (upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]);
    }
}

/* Levels from the whole picture down to where the shorter side has COARSE to 2 * COARSE - 1 px. */
void gad_register_pyramid(const float *planes, int64_t width, int64_t height, float *memory, gad_pyramid *pyramid)
{
    int64_t area = width * height;
    for (int64_t i = 0; i < area; i++)
        memory[i] = (planes[i] + planes[area + i] + planes[2 * area + i]) * (1 / 3.0f);
    *pyramid = (gad_pyramid){.level[0] = {.pixel = memory, .width = width, .height = height, .scale = 1}, .count = 1};
    for (; pyramid->count < GAD_PYRAMID_LEVELS; pyramid->count++) {
        const picture *from = &pyramid->level[pyramid->count - 1];
        if (from->width < 2 * COARSE || from->height < 2 * COARSE)
            break;
        memory += from->width * from->height;
        halve(from, memory);
        pyramid->level[pyramid->count] =
            (picture){.pixel = memory, .width = from->width / 2, .height = from->height / 2, .scale = from->scale * 2};
    }
}

/* ---- sampling ------------------------------------------------------------------------------------------------------ */

/* A point between four px of a picture, the edge repeated. */
typedef struct sample {
    int64_t left, top, right, bottom;
    float across, down;
} sample;

static sample place_sample(int64_t width, int64_t height, double u, double v)
{
    u = u < 0 ? 0 : u > (double)(width - 1) ? (double)(width - 1) : u;
    v = v < 0 ? 0 : v > (double)(height - 1) ? (double)(height - 1) : v;
    int64_t left = (int64_t)u, top = (int64_t)v;
    return (sample){.left = left,
                    .top = top,
                    .right = left + 1 < width ? left + 1 : left,
                    .bottom = top + 1 < height ? top + 1 : top,
                    .across = (float)(u - (double)left),
                    .down = (float)(v - (double)top)};
}

static float read_sample(const float *pixel, int64_t width, const sample *s)
{
    const float *upper = pixel + s->top * width, *lower = pixel + s->bottom * width;
    float a = upper[s->left] + s->across * (upper[s->right] - upper[s->left]);
    float b = lower[s->left] + s->across * (lower[s->right] - lower[s->left]);
    return a + s->down * (b - a);
}

/* Where px (x, y) of a level of the test picture lies in the same level of the reference. */
static void map_point(const gad_similarity *p, const picture *level, double x, double y, double *u, double *v)
{
    double middle_x = 0.5 * (double)(level->width - 1), middle_y = 0.5 * (double)(level->height - 1);
    x -= middle_x;
    y -= middle_y;
    *u = p->a * x - p->b * y + p->shift_x / level->scale + middle_x;
    *v = p->b * x + p->a * y + p->shift_y / level->scale + middle_y;
}

/* ---- search -------------------------------------------------------------------------------------------------------- */

int64_t gad_register_scratch(int64_t width, int64_t height)
{
    int64_t side = 4 * COARSE + 2 * SHIFT;
    return side * side * (width > height ? width / height + 1 : 1) * (height > width ? height / width + 1 : 1);
}

/* The reference turned and zoomed, with SHIFT px more on all sides. */
static void turn_and_zoom(const picture *reference, double turn, double zoom, float *wide)
{
    gad_similarity p = {.a = cos(turn) * zoom, .b = sin(turn) * zoom};
    for (int64_t y = -SHIFT; y < reference->height + SHIFT; y++)
        for (int64_t x = -SHIFT; x < reference->width + SHIFT; x++) {
            double u, v;
            map_point(&p, reference, (double)x, (double)y, &u, &v);
            sample s = place_sample(reference->width, reference->height, u, v);
            *wide++ = read_sample(reference->pixel, reference->width, &s);
        }
}

/* Mean square difference of the test picture and a part of `wide`. */
static double shifted_cost(const picture *test, const float *wide, int dx, int dy)
{
    int64_t stride = test->width + 2 * SHIFT;
    double sum = 0;
    for (int64_t y = 0; y < test->height; y++) {
        const float *a = test->pixel + y * test->width, *b = wide + (y + SHIFT + dy) * stride + SHIFT + dx;
        float row = 0;
        for (int64_t x = 0; x < test->width; x++)
            row += (a[x] - b[x]) * (a[x] - b[x]);
        sum += (double)row;
    }
    return sum / (double)(test->width * test->height);
}

/* The best shift for each turn and zoom, the best of these kept in order of cost. */
static int search(const picture *test, const picture *reference, float *wide, candidate best[CANDIDATES])
{
    int count = 0;
    for (int t = -TURNS; t <= TURNS; t++)
        for (int z = 0; z < ZOOMS; z++) {
            candidate found = {.light = {1}, .cost = INFINITY};
            double turn = turn_step * t, c = cos(turn) * zooms[z], s = sin(turn) * zooms[z];
            turn_and_zoom(reference, turn, zooms[z], wide);
            for (int dy = -SHIFT; dy <= SHIFT; dy++)
                for (int dx = -SHIFT; dx <= SHIFT; dx++) {
                    double cost = shifted_cost(test, wide, dx, dy);
                    if (!(cost < found.cost))
                        continue;
                    /* the shift was made in the turned picture */
                    found.place = (gad_similarity){.a = c,
                                                   .b = s,
                                                   .shift_x = (c * dx - s * dy) * test->scale,
                                                   .shift_y = (s * dx + c * dy) * test->scale};
                    found.cost = cost;
                }
            int at = count < CANDIDATES ? count++ : CANDIDATES;
            for (; at > 0 && found.cost < best[at - 1].cost; at--)
                if (at < CANDIDATES)
                    best[at] = best[at - 1];
            if (at < CANDIDATES)
                best[at] = found;
        }
    return count;
}

/* ---- refinement ---------------------------------------------------------------------------------------------------- */

/* A px of n as a place from -1 to 1. */
static double part_of(int64_t x, int64_t n)
{
    return n > 1 ? 2 * (double)x / (double)(n - 1) - 1 : 0;
}

/* What a light says of a px at (x, y), from -1 to 1, by the brightness of the reference. */
static void light_row(double x, double y, double value, double row[LIGHTS])
{
    const double terms[LIGHTS] = {value, value * x, value * y, 1, x, y};
    memcpy(row, terms, sizeof terms);
}

static double light_value(const double light[LIGHTS], const double row[LIGHTS])
{
    double sum = 0;
    for (int i = 0; i < LIGHTS; i++)
        sum += light[i] * row[i];
    return sum;
}

/* Mean absolute difference at a place, in a light; what one px adds is limited, so that a defect does not decide. */
static double cost_of(const picture *test, const picture *reference, const candidate *c, int step)
{
    double sum = 0, row[LIGHTS];
    int64_t n = 0;
    for (int64_t y = 0; y < test->height; y += step)
        for (int64_t x = 0; x < test->width; x += step, n++) {
            double u, v;
            map_point(&c->place, test, (double)x, (double)y, &u, &v);
            sample s = place_sample(test->width, test->height, u, v);
            light_row(part_of(x, test->width), part_of(y, test->height),
                      (double)read_sample(reference->pixel, test->width, &s), row);
            sum += fmin(fabs((double)test->pixel[y * test->width + x] - light_value(c->light, row)), 1);
        }
    return sum / (double)n;
}

/* One Gauss-Newton step from *c; `spread` is the mean absolute difference there. */
static bool improve(const picture *test, const picture *reference, int step, candidate *c)
{
    enum { A, B, X, Y, LIGHT, UNKNOWNS = LIGHT + LIGHTS };
    double m[MOST][MOST] = {{0}}, y_[MOST] = {0}, row[MOST], spread = fmax(c->cost, 1e-3);
    double half_width = 0.5 * (double)(test->width - 1), half_height = 0.5 * (double)(test->height - 1);
    double size = fmax(half_width, half_height); /* so that all unknowns are of one order */
    for (int64_t y = 0; y < test->height; y += step)
        for (int64_t x = 0; x < test->width; x += step) {
            double u, v;
            map_point(&c->place, test, (double)x, (double)y, &u, &v);
            sample s = place_sample(test->width, test->height, u, v);
            const float *upper = reference->pixel + s.top * test->width, *lower = reference->pixel + s.bottom * test->width;
            float a = upper[s.right] - upper[s.left], b = lower[s.right] - lower[s.left];
            float d = lower[s.left] - upper[s.left], e = lower[s.right] - upper[s.right];
            double slope_u = (double)(a + s.down * (b - a)), slope_v = (double)(d + s.across * (e - d));
            double value = (double)read_sample(reference->pixel, test->width, &s);
            double at_x = part_of(x, test->width), at_y = part_of(y, test->height);
            light_row(at_x, at_y, value, row + LIGHT);
            double rest = (double)test->pixel[y * test->width + x] - light_value(c->light, row + LIGHT);
            double gain = c->light[GAIN] + c->light[GAIN_X] * at_x + c->light[GAIN_Y] * at_y;
            double px = at_x * half_width / size, py = at_y * half_height / size;
            row[A] = gain * (slope_u * px + slope_v * py);
            row[B] = gain * (slope_v * px - slope_u * py);
            row[X] = gain * slope_u / size;
            row[Y] = gain * slope_v / size;
            double w = rest / (1.5 * spread);
            add_equation(UNKNOWNS, m, y_, row, rest, 1 / (1 + w * w));
        }
    for (int i = 0; i < UNKNOWNS; i++)
        m[i][i] += 1e-4 * m[i][i] + 1e-6;
    if (!solve(UNKNOWNS, m, y_))
        return false;
    candidate next = *c;
    next.place.a += y_[A] / size;
    next.place.b += y_[B] / size;
    next.place.shift_x += y_[X] / size * test->scale;
    next.place.shift_y += y_[Y] / size * test->scale;
    for (int i = 0; i < LIGHTS; i++)
        next.light[i] += y_[LIGHT + i];
    double zoom = hypot(next.place.a, next.place.b);
    if (!(zoom > 0.6 && zoom < 1.7 && next.light[GAIN] > 0.3 && next.light[GAIN] < 3))
        return false;
    next.cost = cost_of(test, reference, &next, step);
    if (!(next.cost < c->cost))
        return false;
    *c = next;
    return true;
}

static void refine(const picture *test, const picture *reference, int steps, candidate *c)
{
    int step = 1; /* px apart: some of a large picture say enough */
    while (test->width * test->height > (int64_t)step * step * ENOUGH)
        step++;
    c->cost = cost_of(test, reference, c, step);
    while (steps-- > 0 && improve(test, reference, step, c))
        ;
}

/* Refine on one level and bring into order of cost. */
static void refine_found(const picture *test, const picture *reference, int count, candidate *found)
{
    for (int i = 0; i < count; i++) {
        candidate c = found[i];
        refine(test, reference, 6, &c);
        int at = i;
        for (; at > 0 && c.cost < found[at - 1].cost; at--)
            found[at] = found[at - 1];
        found[at] = c;
    }
}

gad_similarity gad_register_find(const gad_pyramid *test, const gad_pyramid *reference, float *scratch)
{
    enum { CHOICE = 2 }; /* levels after the coarsest until one place is chosen */
    static const double clearly = 0.92;
    const picture *a = test->level, *b = reference->level;
    candidate found[CANDIDATES], here = {.place = {1, 0, 0, 0}, .light = {1}};
    int coarsest = test->count - 1, kept = search(&a[coarsest], &b[coarsest], scratch, found);
    for (int level = coarsest; level >= 0; level--) {
        refine(&a[level], &b[level], kept ? 6 : 3, &here);
        refine_found(&a[level], &b[level], kept, found);
        kept = kept > 2 ? kept - 1 : kept;
        if (kept && (level == 0 || coarsest - level == CHOICE)) {
            here = found[0].cost < clearly * here.cost ? found[0] : here;
            kept = 0;
        }
    }
    return here.place;
}

/* ---- picture ------------------------------------------------------------------------------------------------------- */

void gad_register_warp(const float *reference, int64_t width, int64_t height, gad_similarity place, float *moved)
{
    picture whole = {.pixel = reference, .width = width, .height = height, .scale = 1};
    int64_t area = width * height;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            double u, v;
            map_point(&place, &whole, (double)x, (double)y, &u, &v);
            sample s = place_sample(width, height, u, v);
            for (int64_t c = 0; c < 3; c++)
                moved[c * area + y * width + x] = read_sample(reference + c * area, width, &s);
        }
}

void gad_register_cover(const float *test, int64_t width, int64_t height, gad_similarity place, float *moved)
{
    picture whole = {.width = width, .height = height, .scale = 1};
    int64_t area = width * height;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            double u, v, slack = 1;
            map_point(&place, &whole, (double)x, (double)y, &u, &v);
            if (u >= -slack && v >= -slack && u <= (double)(width - 1) + slack && v <= (double)(height - 1) + slack)
                continue;
            for (int64_t c = 0; c < 3; c++)
                moved[c * area + y * width + x] = test[c * area + y * width + x];
        }
}

/* Terms of the light at a place from -1 to 1: gain and its slopes, offset, its slopes and its bend. */
enum { TERMS = 10 };
static void light_terms(double x, double y, double value, double row[MOST])
{
    const double terms[TERMS] = {value, value * x, value * y, value * (x * x + y * y), 1, x, y, x * x, y * y, x * y};
    memcpy(row, terms, sizeof terms);
}

enum { LIGHT_STEP = 4 }; /* px apart */

/* What a fit makes of px (x, y). */
static double lit(const double fit[MOST], int64_t width, int64_t height, int64_t x, int64_t y, double value,
                  double row[MOST])
{
    double sum = 0;
    light_terms(2 * (double)x / (double)width - 1, 2 * (double)y / (double)height - 1, value, row);
    for (int i = 0; i < TERMS; i++)
        sum += fit[i] * row[i];
    return sum;
}

/* Mean absolute difference that a fit leaves. */
static double light_spread(const float *test, const float *moved, int64_t width, int64_t height, const double fit[MOST])
{
    double row[MOST], sum = 0, n = 0;
    for (int64_t y = 0; y < height; y += LIGHT_STEP)
        for (int64_t x = 0; x < width; x += LIGHT_STEP, n++)
            sum += fabs((double)test[y * width + x] - lit(fit, width, height, x, y, (double)moved[y * width + x], row));
    return sum / n;
}

/* Fit one colour again, what is farther than `limit` from the fit so far left out. */
static bool fit_light(const float *test, const float *moved, int64_t width, int64_t height, double limit, double fit[MOST])
{
    double m[MOST][MOST] = {{0}}, y_[MOST] = {0}, row[MOST];
    for (int64_t y = 0; y < height; y += LIGHT_STEP)
        for (int64_t x = 0; x < width; x += LIGHT_STEP) {
            double value = (double)test[y * width + x];
            double guess = lit(fit, width, height, x, y, (double)moved[y * width + x], row);
            if (fabs(value - guess) <= limit)
                add_equation(TERMS, m, y_, row, value, 1);
        }
    for (int i = 0; i < TERMS; i++)
        m[i][i] += 1e-5 * (double)(width * height); /* a plain picture has no gain */
    if (!solve(TERMS, m, y_))
        return false;
    memcpy(fit, y_, TERMS * sizeof *fit);
    return true;
}

/* A whole line in the light of a fit: what a line has in common is taken together first. */
static void light_line(const double fit[MOST], double y, int64_t width, float *line)
{
    float gain = (float)(fit[0] + fit[2] * y + fit[3] * y * y), gain_x = (float)fit[1], bend = (float)fit[3];
    float offset = (float)(fit[4] + fit[6] * y + fit[8] * y * y), offset_x = (float)(fit[5] + fit[9] * y),
          offset_xx = (float)fit[7];
    for (int64_t i = 0; i < width; i++) {
        float x = 2 * (float)i / (float)width - 1;
        line[i] = line[i] * (gain + x * (gain_x + x * bend)) + offset + x * (offset_x + x * offset_xx);
    }
}

void gad_register_relight(const float *test, int64_t width, int64_t height, float *moved)
{
    for (int c = 0; c < 3; c++, test += width * height, moved += width * height) {
        double fit[MOST] = {1}, limit = INFINITY;
        for (int i = 0; i < 3; i++) { /* the first with everything; then a defect is no light */
            if (!fit_light(test, moved, width, height, limit, fit))
                break;
            limit = 2.5 * light_spread(test, moved, width, height, fit) + 1e-3;
        }
        if (!(fit[0] > 0.5)) /* little in common: a gain of what does not match would only flatten it */
            continue;
        for (int64_t y = 0; y < height; y++)
            light_line(fit, 2 * (double)y / (double)height - 1, width, moved + y * width);
    }
}
