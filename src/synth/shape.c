/* shape: see shape.h. Outlines are signed distance functions in the shape's own axes (after Quilez's catalogue of 2D
 * distance functions); pixel coverage is the distance in pixels, cut to 0..1. */
#include "synth/shape.h"

#include "synth/noise.h"

#include <math.h>

#define PI 3.14159265f

static float clampf(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* Near the border this is the distance to first order, which is all that edges and bevels need. */
static float ellipse_distance(float x, float y, float a, float b)
{
    float k = sqrtf(x * x / (a * a) + y * y / (b * b));
    float g = sqrtf(x * x / (a * a * a * a) + y * y / (b * b * b * b));
    return g > 1e-6f ? k * (k - 1) / g : -(a < b ? a : b);
}

static float box_distance(float x, float y, float a, float b, float round)
{
    float dx = fabsf(x) - a + round, dy = fabsf(y) - b + round;
    float ox = dx > 0 ? dx : 0, oy = dy > 0 ? dy : 0, inside = dx > dy ? dx : dy;
    return sqrtf(ox * ox + oy * oy) + (inside < 0 ? inside : 0) - round;
}

static float polygon_distance(float x, float y, float radius, int sides, float round)
{
    float sector = 2 * PI / (float)sides, angle = atan2f(y, x), half = 0.5f * sector;
    float local = angle - sector * floorf(angle / sector) - half, r = sqrtf(x * x + y * y);
    float inner = (radius - round) * cosf(half), px = r * cosf(local) - inner;
    float along = r * sinf(local), edge = (radius - round) * sinf(half);
    if (px > 0 && fabsf(along) > edge) {
        float out = fabsf(along) - edge;
        return sqrtf(px * px + out * out) - round;
    }
    return px - round;
}

static float gear_distance(float x, float y, float a, float depth, int teeth)
{
    float r = sqrtf(x * x + y * y), wave = cosf(atan2f(y, x) * (float)teeth);
    float tooth = clampf(wave * 2.2f, -1, 1);
    return (r - (a - 0.5f * depth + 0.5f * depth * tooth)) * 0.8f;
}

static float star_distance(float x, float y, float outer, float inner, int points)
{
    float sector = PI / (float)points, angle = fabsf(atan2f(y, x)), r = sqrtf(x * x + y * y);
    float k = angle / (2 * sector), local = fabsf(k - floorf(k + 0.5f)) * 2; /* 0 on a point, 1 in a notch */
    return (r - (outer + (inner - outer) * local)) * 0.75f;
}

static float blob_distance(const gad_shape *s, float x, float y)
{
    float angle = atan2f(y / s->b, x / s->a), lobes = 0;
    for (int i = 0; i < 3; i++) {
        float phase = 6.2831853f * gad_noise_lattice(i, 3, s->seed), height = gad_noise_lattice(i, 5, s->seed) + 0.3f;
        lobes += height * cosf((float)(s->count + i) * angle + phase);
    }
    float grow = 1 + s->extra * lobes * 0.5f;
    return ellipse_distance(x, y, s->a * grow, s->b * grow);
}

static float profile_distance(const gad_shape *s, float x, float y)
{
    float t = (x / s->a * 0.5f + 0.5f) * (GAD_SHAPE_PROFILE_POINTS - 1);
    float k = clampf(t, 0, GAD_SHAPE_PROFILE_POINTS - 1.001f);
    int i = (int)k;
    float half = s->b * (s->profile[i] + (s->profile[i + 1] - s->profile[i]) * (k - (float)i));
    float slope = s->b * (s->profile[i + 1] - s->profile[i]) * (GAD_SHAPE_PROFILE_POINTS - 1) / (2 * s->a);
    float side = (fabsf(y) - half) / sqrtf(1 + slope * slope), end = fabsf(x) - s->a;
    return side > end ? side : end;
}

static float outline(const gad_shape *s, float x, float y)
{
    switch (s->kind) {
    case GAD_SHAPE_BOX: return box_distance(x, y, s->a, s->b, s->round);
    case GAD_SHAPE_ELLIPSE: return ellipse_distance(x, y, s->a, s->b);
    case GAD_SHAPE_RING: return fabsf(sqrtf(x * x + y * y) - s->a) - s->b;
    case GAD_SHAPE_POLYGON: return polygon_distance(x, y, s->a, s->count, s->round);
    case GAD_SHAPE_GEAR: return gear_distance(x, y, s->a, s->b, s->count);
    case GAD_SHAPE_STAR: return star_distance(x, y, s->a, s->b, s->count);
    case GAD_SHAPE_CAPSULE: {
        float dx = fabsf(x) - s->a;
        dx = dx > 0 ? dx : 0;
        return sqrtf(dx * dx + y * y) - s->b;
    }
    case GAD_SHAPE_ARC: {
        float angle = fabsf(atan2f(y, x));
        if (angle < s->extra)
            return fabsf(sqrtf(x * x + y * y) - s->a) - s->b;
        float ex = x - s->a * cosf(s->extra), ey = fabsf(y) - s->a * sinf(s->extra);
        return sqrtf(ex * ex + ey * ey) - s->b;
    }
    case GAD_SHAPE_CROSS: {
        float one = box_distance(x, y, s->a, s->b, s->round), two = box_distance(x, y, s->b, s->a, s->round);
        return one < two ? one : two;
    }
    case GAD_SHAPE_BLOB: return blob_distance(s, x, y);
    case GAD_SHAPE_THREAD: {
        float tooth = fabsf(2 * (x * (float)s->count / (2 * s->a) - floorf(x * (float)s->count / (2 * s->a))) - 1);
        float side = (fabsf(y) - s->b + s->extra * tooth) * 0.75f, end = fabsf(x) - s->a;
        return side > end ? side : end;
    }
    case GAD_SHAPE_SPRING: {
        float phase = x / s->a * PI * (float)s->count, slope = s->b * PI * (float)s->count / s->a * cosf(phase);
        float side = fabsf(y - s->b * sinf(phase)) / sqrtf(1 + slope * slope) - s->extra, end = fabsf(x) - s->a;
        return side > end ? side : end;
    }
    default: return profile_distance(s, x, y);
    }
}

void gad_shape_extent(const gad_shape *s, float *half_x, float *half_y)
{
    float a = s->a, b = s->b;
    switch (s->kind) {
    case GAD_SHAPE_RING:
    case GAD_SHAPE_ARC: a = b = s->a + s->b; break;
    case GAD_SHAPE_POLYGON:
    case GAD_SHAPE_GEAR:
    case GAD_SHAPE_STAR: b = a; break;
    case GAD_SHAPE_CAPSULE: a += b; break;
    case GAD_SHAPE_CROSS: b = a; break;
    case GAD_SHAPE_BLOB: {
        float grow = 1 + 2 * s->extra;
        a *= grow;
        b *= grow;
        break;
    }
    case GAD_SHAPE_SPRING: b += s->extra; break;
    default: break;
    }
    *half_x = a;
    *half_y = b + fabsf(s->bend) * s->a;
}

/* A scene point in the shape's own axes, bent back straight. */
static void to_local(const gad_shape *s, float cosine, float sine, float u, float v, float *x, float *y)
{
    float dx = u - s->x, dy = v - s->y;
    *x = dx * cosine + dy * sine;
    *y = dy * cosine - dx * sine;
    if (s->bend != 0) {
        float t = *x / s->a;
        *y -= s->bend * s->a * (t * t - 0.35f);
    }
}

static float bite_distance(const gad_shape_bite *bite, float u, float v)
{
    float dx = u - bite->x, dy = v - bite->y;
    float rough = gad_noise_fbm(u / bite->radius * 2.5f, v / bite->radius * 2.5f, 2, bite->seed) - 0.5f;
    return bite->radius * (1 + 0.9f * rough) - sqrtf(dx * dx + dy * dy); /* positive inside the bite */
}

static float full_distance(const gad_shape *s, float cosine, float sine, float u, float v)
{
    float x, y;
    to_local(s, cosine, sine, u, v, &x, &y);
    float d = outline(s, x, y);
    if (s->bite.radius > 0 && d < 0.02f) {
        float gone = bite_distance(&s->bite, u, v);
        d = d > gone ? d : gone;
    }
    return d;
}

float gad_shape_distance(const gad_shape *shape, float u, float v)
{
    return full_distance(shape, cosf(shape->angle), sinf(shape->angle), u, v);
}

gad_shape_view gad_shape_view_make(int width, int height, float angle, float zoom, float shift_x, float shift_y,
                                   float light)
{
    float half = 0.5f * (float)(width < height ? width : height);
    return (gad_shape_view){.scale = half * zoom,
                            .cosine = cosf(angle),
                            .sine = sinf(angle),
                            .x = 0.5f * (float)width - 0.5f + shift_x * half,
                            .y = 0.5f * (float)height - 0.5f + shift_y * half,
                            .light_x = cosf(light),
                            .light_y = sinf(light)};
}

static void to_pixel(const gad_shape_view *view, float u, float v, float *x, float *y)
{
    *x = view->scale * (u * view->cosine - v * view->sine) + view->x;
    *y = view->scale * (u * view->sine + v * view->cosine) + view->y;
}

void gad_shape_to_scene(const gad_shape_view *view, float x, float y, float *u, float *v)
{
    float dx = (x - view->x) / view->scale, dy = (y - view->y) / view->scale;
    *u = dx * view->cosine + dy * view->sine;
    *v = dy * view->cosine - dx * view->sine;
}

/* The rotated rectangle around a shape on the canvas, walked row by row: thin slanted lines cost only their own pixels. */
typedef struct frame {
    float x, y, cosine, sine, half_x, half_y; /* pixels */
    int first_row, last_row;
} frame;

static frame frame_of(const gad_shape *s, const gad_shape_view *view, float margin_px, float move_x, float move_y,
                      int height)
{
    frame f;
    float hx, hy, angle_c = cosf(s->angle), angle_s = sinf(s->angle);
    gad_shape_extent(s, &hx, &hy);
    to_pixel(view, s->x, s->y, &f.x, &f.y);
    f.x += move_x;
    f.y += move_y;
    f.cosine = angle_c * view->cosine - angle_s * view->sine;
    f.sine = angle_s * view->cosine + angle_c * view->sine;
    f.half_x = hx * view->scale + margin_px;
    f.half_y = hy * view->scale + margin_px;
    float reach = fabsf(f.sine) * f.half_x + fabsf(f.cosine) * f.half_y;
    float top = clampf(f.y - reach, 0, (float)height), bottom = clampf(f.y + reach, -1, (float)height - 1);
    f.first_row = (int)ceilf(top);
    f.last_row = bottom < 0 ? -1 : (int)bottom;
    return f;
}

/* Cut [low, high] to where |origin + slope*x| <= half. */
static void cut_slab(float origin, float slope, float half, float *low, float *high)
{
    if (fabsf(slope) < 1e-5f) {
        if (fabsf(origin) > half)
            *high = *low - 1;
        return;
    }
    float p = (-half - origin) / slope, q = (half - origin) / slope;
    *low = fmaxf(*low, p < q ? p : q);
    *high = fminf(*high, p < q ? q : p);
}

static bool frame_span(const frame *f, int row, int width, int *first, int *last)
{
    float dy = (float)row - f->y, low = 0, high = (float)(width - 1);
    cut_slab(dy * f->sine - f->x * f->cosine, f->cosine, f->half_x, &low, &high);
    cut_slab(dy * f->cosine + f->x * f->sine, -f->sine, f->half_y, &low, &high);
    if (high < low)
        return false;
    *first = (int)ceilf(low);
    *last = (int)high;
    return *first <= *last;
}

static void draw_shadow(const gad_shape *s, const gad_shape_view *view, gad_canvas *canvas)
{
    float length_px = s->look.shadow * view->scale, move_x = -view->light_x * length_px,
          move_y = -view->light_y * length_px;
    float soft = 0.8f * length_px + 1, cosine = cosf(s->angle), sine = sinf(s->angle);
    frame f = frame_of(s, view, soft, move_x, move_y, canvas->height);
    for (int y = f.first_row; y <= f.last_row; y++) {
        int first, last;
        if (!frame_span(&f, y, canvas->width, &first, &last))
            continue;
        float *rgb = canvas->rgb + ((size_t)y * (size_t)canvas->width + (size_t)first) * 3;
        for (int x = first; x <= last; x++, rgb += 3) {
            float u, v;
            gad_shape_to_scene(view, (float)x - move_x, (float)y - move_y, &u, &v);
            float d = full_distance(s, cosine, sine, u, v) * view->scale;
            float dark = 0.42f * s->look.opacity * clampf(0.5f - d / soft, 0, 1);
            rgb[0] *= 1 - dark;
            rgb[1] *= 1 - dark;
            rgb[2] *= 1 - dark;
        }
    }
}

/* Brightness factor and highlight at a point inside, d pixels from the border. */
static void light_at(const gad_shape *s, const gad_shape_view *view, float cosine, float sine, float u, float v, float d,
                     float *factor, float *highlight)
{
    const gad_shape_look *look = &s->look;
    float bevel_px = fabsf(look->bevel) * view->scale, lit = 0;
    *factor = 1;
    *highlight = 0;
    float x, y;
    to_local(s, cosine, sine, u, v, &x, &y);
    if (look->turned > 0) {
        float t = clampf(y / s->b, -1, 1);
        *factor -= look->turned * (0.55f * t * t + 0.25f * t);
        *highlight += look->shine * 0.5f * expf(-(t + 0.4f) * (t + 0.4f) * 22);
    }
    if (look->dome > 0) {
        float hx, hy;
        gad_shape_extent(s, &hx, &hy);
        float nx = x / hx, ny = y / hy; /* the normal leans outwards from the centre */
        float wx = nx * cosine - ny * sine, wy = nx * sine + ny * cosine;
        float px = wx * view->cosine - wy * view->sine, py = wx * view->sine + wy * view->cosine;
        float toward = px * view->light_x + py * view->light_y, r2 = px * px + py * py;
        lit += look->dome * (0.42f * toward - 0.3f * r2);
        float hx2 = px - 0.42f * view->light_x, hy2 = py - 0.42f * view->light_y;
        *highlight += look->shine * 0.6f * expf(-(hx2 * hx2 + hy2 * hy2) * 26);
    }
    if (bevel_px > 0.3f && -d < bevel_px) {
        float step = 0.7f / view->scale;
        float gu = full_distance(s, cosine, sine, u + step, v) - full_distance(s, cosine, sine, u - step, v);
        float gv = full_distance(s, cosine, sine, u, v + step) - full_distance(s, cosine, sine, u, v - step);
        float px = gu * view->cosine - gv * view->sine, py = gu * view->sine + gv * view->cosine;
        float norm = sqrtf(px * px + py * py), t = 1 + d / bevel_px;
        if (norm > 1e-7f)
            lit += (look->bevel > 0 ? 0.4f : -0.4f) * t * (px * view->light_x + py * view->light_y) / norm;
    }
    *factor += lit;
}

void gad_shape_draw(const gad_shape *s, const gad_shape_view *view, gad_canvas *canvas)
{
    if (s->look.shadow > 0)
        draw_shadow(s, view, canvas);
    float cosine = cosf(s->angle), sine = sinf(s->angle);
    frame f = frame_of(s, view, 1.5f, 0, 0, canvas->height);
    for (int y = f.first_row; y <= f.last_row; y++) {
        int first, last;
        if (!frame_span(&f, y, canvas->width, &first, &last))
            continue;
        size_t i = (size_t)y * (size_t)canvas->width + (size_t)first;
        for (int x = first; x <= last; x++, i++) {
            float u, v, color[3], factor, highlight;
            gad_shape_to_scene(view, (float)x, (float)y, &u, &v);
            float d = full_distance(s, cosine, sine, u, v) * view->scale;
            if (d >= 0.5f)
                continue;
            float alpha = clampf(0.5f - d, 0, 1) * s->look.opacity;
            float local_x, local_y; /* the pattern turns and bends with the shape */
            to_local(s, cosine, sine, u, v, &local_x, &local_y);
            gad_material_color(&s->material, local_x, local_y, color);
            light_at(s, view, cosine, sine, u, v, d, &factor, &highlight);
            for (int c = 0; c < 3; c++)
                color[c] = color[c] * factor + highlight;
            gad_canvas_blend(canvas->rgb + 3 * i, color, alpha);
            float *cover = canvas->cover + i;
            *cover = s->backdrop ? *cover * (1 - alpha) : *cover + (1 - *cover) * alpha;
        }
    }
}

void gad_shape_fill(const gad_material *material, bool product, const gad_shape_view *view, gad_canvas *canvas)
{
    float *rgb = canvas->rgb, *cover = canvas->cover;
    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++, rgb += 3) {
            float u, v;
            gad_shape_to_scene(view, (float)x, (float)y, &u, &v);
            gad_material_color(material, u, v, rgb);
            *cover++ = product ? 1 : 0;
        }
}
