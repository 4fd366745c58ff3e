/* synth: see synth.h. The order is: piece -> picture -> defect (drawn again or painted) -> what changed is the mask ->
 * camera. The camera comes last and treats all pixels alike, so it cannot betray the defect. */
#include "synth/synth.h"

#include "base/error.h"
#include "base/memory.h"
#include "synth/nuisance.h"
#include "task/reasoning.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gad_synth_work {
    gad_synth_settings settings;
    gad_scene *scene, *edited;
    gad_canvas before, after; /* the test picture without and with the defect being made */
    gad_canvas reference;
    float *alpha, *scratch;
    unsigned char *mask, *mask_scratch;
    gad_mask_rule rule;
};

/* Streams of random numbers of one pair; apart, so that (say) more references do not change the test image. */
enum { STREAM_PLAN, STREAM_DEFECT, STREAM_CAMERA, STREAM_TEXT, STREAM_REFERENCE, STREAMS = 8 };

static gad_rng stream(uint64_t seed, uint64_t index, int which)
{
    return gad_rng_make(seed, index * STREAMS + (uint64_t)which);
}

gad_synth_settings gad_synth_default(void)
{
    return (gad_synth_settings){.width = 224,
                                .height = 224,
                                .references = 1,
                                .class_count = 4096,
                                .normal_share = 0.5,
                                .strength_low = 0.15,
                                .strength_high = 1,
                                .nuisance = 1,
                                .same_piece = 0.2};
}

gad_status gad_synth_check(const gad_synth_settings *s, gad_error *err)
{
    const char *what = "make synthetic pairs";
    if (s->width < 32 || s->height < 32 || s->width > 2048 || s->height > 2048)
        return gad_error_set(err, GAD_E_ARGUMENT, what, "sizes from 32 to 2048 are possible", "an image of %d x %d",
                             s->width, s->height);
    if (s->references < 1 || s->references > GAD_SYNTH_REFERENCES)
        return gad_error_set(err, GAD_E_ARGUMENT, what, NULL, "%d references; 1 to %d are possible", s->references,
                             GAD_SYNTH_REFERENCES);
    if (s->class_count < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, what, NULL, "no classes to draw from");
    if (!(s->normal_share >= 0 && s->normal_share <= 1) || !(s->same_piece >= 0 && s->same_piece <= 1))
        return gad_error_set(err, GAD_E_ARGUMENT, what, NULL, "a share outside 0..1");
    if (!(s->strength_low >= 0 && s->strength_low <= s->strength_high && s->strength_high <= 1))
        return gad_error_set(err, GAD_E_ARGUMENT, what, NULL, "strength %g..%g; it goes from 0 to 1", s->strength_low,
                             s->strength_high);
    if (!(s->nuisance >= 0 && s->nuisance <= 4))
        return gad_error_set(err, GAD_E_ARGUMENT, what, NULL, "nuisance %g; it goes from 0 to 4", s->nuisance);
    if ((s->families & ~GAD_SCENE_ALL) || (s->kinds & ~GAD_DEFECT_ALL))
        return gad_error_set(err, GAD_E_ARGUMENT, what, NULL, "an unknown scene family or defect kind");
    return GAD_OK;
}

/* Read "a,b" / "all,-a" against a table of names. */
static gad_status parse_set(const char *text, const char *what, const char *(*name)(int), int count, uint32_t *set,
                            gad_error *err)
{
    uint32_t result = 0;
    while (*text) {
        size_t length = strcspn(text, ",");
        bool minus = text[0] == '-';
        const char *word = text + minus;
        size_t word_length = length - minus;
        uint32_t bits = word_length == 3 && memcmp(word, "all", 3) == 0 ? (1u << count) - 1 : 0;
        for (int i = 0; i < count && !bits; i++)
            if (strlen(name(i)) == word_length && memcmp(name(i), word, word_length) == 0)
                bits = 1u << i;
        if (!bits) {
            char known[400] = "";
            for (int i = 0; i < count; i++)
                snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", name(i));
            return gad_error_set(err, GAD_E_ARGUMENT, what, known, "unknown name \"%.*s\"", (int)word_length, word);
        }
        result = minus ? result & ~bits : result | bits;
        text += length + (text[length] == ',');
    }
    if (!result)
        return gad_error_set(err, GAD_E_ARGUMENT, what, NULL, "nothing is left to choose from");
    *set = result;
    return GAD_OK;
}

static const char *kind_name(int i)
{
    return gad_defect_name((gad_defect_kind)i);
}

static const char *family_name(int i)
{
    return gad_scene_family_name((gad_scene_family)i);
}

gad_status gad_synth_parse_kinds(const char *text, uint32_t *kinds, gad_error *err)
{
    return parse_set(text, "read defect kinds", kind_name, GAD_DEFECT_KINDS, kinds, err);
}

gad_status gad_synth_parse_families(const char *text, uint32_t *families, gad_error *err)
{
    return parse_set(text, "read scene families", family_name, GAD_SCENE_FAMILIES, families, err);
}

gad_status gad_synth_work_new(const gad_synth_settings *settings, gad_synth_work **out, gad_error *err)
{
    gad_status status = gad_synth_check(settings, err);
    if (status)
        return status;
    size_t n = (size_t)settings->width * (size_t)settings->height;
    gad_synth_work *work = gad_memory_zero(1, sizeof *work);
    if (!work)
        return gad_error_memory(err, "make synthetic pairs", sizeof *work);
    work->settings = *settings;
    work->settings.families = settings->families ? settings->families : GAD_SCENE_ALL;
    work->settings.kinds = settings->kinds ? settings->kinds : GAD_DEFECT_ALL;
    work->rule = gad_mask_rule_default();
    work->rule.max_boxes = 4; /* of one defect */
    work->scene = gad_memory_alloc(1, sizeof *work->scene);
    work->edited = gad_memory_alloc(1, sizeof *work->edited);
    work->alpha = gad_memory_zero(n, sizeof(float));
    work->scratch = gad_memory_alloc(n * 6, sizeof(float));
    work->mask = gad_memory_alloc(n, 1);
    work->mask_scratch = gad_memory_alloc(n, 1);
    bool canvases = !gad_canvas_make(&work->before, settings->width, settings->height, err) &&
                    !gad_canvas_make(&work->after, settings->width, settings->height, err) &&
                    !gad_canvas_make(&work->reference, settings->width, settings->height, err);
    if (!canvases || !work->scene || !work->edited || !work->alpha || !work->scratch || !work->mask ||
        !work->mask_scratch) {
        gad_synth_work_free(work);
        return gad_error_memory(err, "make synthetic pairs", n * 22 * sizeof(float));
    }
    *out = work;
    return GAD_OK;
}

void gad_synth_work_free(gad_synth_work *work)
{
    if (!work)
        return;
    gad_canvas_free(&work->before);
    gad_canvas_free(&work->after);
    gad_canvas_free(&work->reference);
    void *all[] = {work->scene, work->edited, work->alpha, work->scratch, work->mask, work->mask_scratch, work};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        gad_memory_free(all[i]);
}

void gad_synth_free(gad_synth_pair *pair)
{
    for (int i = 0; i < GAD_SYNTH_REFERENCES; i++)
        gad_memory_free(pair->reference[i]);
    gad_memory_free(pair->test);
    gad_memory_free(pair->mask);
    gad_memory_free(pair->think);
    *pair = (gad_synth_pair){0};
}

/* Buffers of a pair for these settings; those of an earlier pair of the same size are kept. */
static gad_status prepare(const gad_synth_settings *s, gad_synth_pair *pair, gad_error *err)
{
    if (pair->width != s->width || pair->height != s->height || pair->references != s->references)
        gad_synth_free(pair);
    size_t n = (size_t)s->width * (size_t)s->height;
    bool ok = true;
    if (!pair->test) {
        pair->test = gad_memory_alloc(n, 3);
        pair->mask = gad_memory_alloc(n, 1);
        ok = pair->test && pair->mask;
        for (int i = 0; i < s->references; i++)
            ok = (pair->reference[i] = gad_memory_alloc(n, 3)) && ok;
    }
    if (!ok) {
        gad_synth_free(pair);
        return gad_error_memory(err, "make a synthetic pair", n * 7);
    }
    pair->width = s->width;
    pair->height = s->height;
    pair->references = s->references;
    pair->count = 0;
    memset(pair->mask, 0, n);
    return GAD_OK;
}

/* Mean change of colour where mask is set; returns the mean of the largest channel's absolute change. */
static float mean_change(const gad_synth_work *work, gad_box box, float change[3])
{
    double sum[3] = {0}, strongest = 0;
    int64_t n = 0;
    for (int y = (int)box.y1; y < (int)box.y2; y++)
        for (int x = (int)box.x1; x < (int)box.x2; x++) {
            size_t i = (size_t)y * (size_t)work->before.width + (size_t)x;
            if (!work->mask[i])
                continue;
            float largest = 0;
            for (int c = 0; c < 3; c++) {
                float d = work->after.rgb[3 * i + (size_t)c] - work->before.rgb[3 * i + (size_t)c];
                sum[c] += (double)d;
                largest = fmaxf(largest, fabsf(d));
            }
            strongest += (double)largest;
            n++;
        }
    for (int c = 0; c < 3; c++)
        change[c] = n ? (float)(sum[c] / (double)n) : 0;
    return n ? (float)(strongest / (double)n) : 0;
}

static float largest_difference(const gad_canvas *a, const gad_canvas *b)
{
    float largest = 0;
    size_t n = (size_t)a->width * (size_t)a->height * 3;
    for (size_t i = 0; i < n; i++) {
        float d = fabsf(a->rgb[i] - b->rgb[i]);
        largest = d > largest ? d : largest;
    }
    return largest;
}

/* Sets the mask where the two pictures differ. False when that is too faint, too small or too large to be a fair question.
 */
static bool differ(gad_synth_work *work)
{
    const gad_canvas *c = &work->before;
    float size = (float)(c->width < c->height ? c->width : c->height), peak = largest_difference(c, &work->after);
    if (peak < 0.06f)
        return false;
    /* A soft border belongs to the defect down to a fifth of its height: where people draw the line. */
    float threshold = fmaxf(0.024f, 0.2f * fminf(peak, 0.5f));
    gad_canvas_difference(c, &work->after, threshold, work->mask);
    gad_canvas_despeckle(work->mask, c->width, c->height, work->mask_scratch);
    gad_canvas_close(work->mask, c->width, c->height, size >= 160 ? 2 : 1, work->mask_scratch);
    int64_t set = 0, pixels = (int64_t)c->width * c->height;
    for (int64_t i = 0; i < pixels; i++)
        set += work->mask[i];
    return (double)set >= fmax(8, 0.0003 * (double)pixels) && (double)set <= 0.4 * (double)pixels;
}

/* Turn the difference of the two pictures into boxes of one defect; *fair is false where there are none. */
static gad_status measure(gad_synth_work *work, gad_defect_kind kind, const char *noun, gad_synth_pair *pair, bool *fair,
                          gad_error *err)
{
    const gad_canvas *c = &work->before;
    gad_mask_box boxes[GAD_MASK_BOX_LIMIT];
    int count = 0, kept = 0;
    *fair = false;
    if (!differ(work))
        return GAD_OK;
    work->rule.min_area_px = 6;
    gad_status status = gad_mask_boxes(work->mask, c->width, c->height, &work->rule, boxes, &count, NULL, err);
    if (status)
        return status;
    int64_t largest = 0, pixels = (int64_t)c->width * c->height;
    for (int i = 0; i < count; i++)
        largest = boxes[i].area > largest ? boxes[i].area : largest;
    for (int i = 0; i < count && pair->count + kept < GAD_SYNTH_BOXES; i++) {
        gad_synth_box *b = &pair->boxes[pair->count + kept];
        *b = (gad_synth_box){.box = boxes[i].box, .label = gad_defect_name(kind), .noun = noun, .area = boxes[i].area};
        if (boxes[i].area * 12 < largest) /* crumbs beside the defect: not questions of their own */
            continue;
        if (mean_change(work, boxes[i].box, b->change) >= 0.036f)
            kept++;
    }
    *fair = kept > 0;
    pair->count += kept;
    for (int64_t i = 0; i < pixels && kept; i++)
        pair->mask[i] |= work->mask[i];
    return GAD_OK;
}

static int nth_bit(uint32_t set, uint32_t n)
{
    for (int i = 0; i < 32; i++)
        if (set >> i & 1 && n-- == 0)
            return i;
    return 0;
}

static uint32_t bit_count(uint32_t set)
{
    uint32_t n = 0;
    for (; set; set &= set - 1)
        n++;
    return n;
}

/* Kinds that speak of a part or of print: painted over a plain sheet they would be a false name for a patch. On a
 * photograph, whose parts are unknown, they are painted; on a scene only when nothing else came about. */
static bool needs_part(gad_defect_kind kind)
{
    return kind == GAD_DEFECT_MISSING || kind == GAD_DEFECT_MISPLACED || kind == GAD_DEFECT_PRINT;
}

/* Put one defect on `before`; the result is in `after` and, accepted, in the pair. *added: one came about. */
static gad_status add_defect(gad_synth_work *work, const gad_scene *scene, const gad_shape_view *view, gad_rng *rng,
                             gad_synth_pair *pair, bool *added, gad_error *err)
{
    const gad_synth_settings *s = &work->settings;
    gad_brush brush = {.canvas = &work->after,
                       .before = &work->before,
                       .alpha = work->alpha,
                       .scratch = work->scratch,
                       .scene = scene,
                       .view = view,
                       .rng = rng,
                       .size = (float)(s->width < s->height ? s->width : s->height),
                       .x2 = s->width,
                       .y2 = s->height};
    float strength = (float)gad_rng_range(rng, s->strength_low, s->strength_high + 1e-9);
    gad_status status = GAD_OK;
    *added = false;
    for (int attempt = 0; attempt < 14 && !*added && !status; attempt++) {
        gad_defect_kind kind = (gad_defect_kind)nth_bit(s->kinds, gad_rng_below(rng, bit_count(s->kinds)));
        const char *noun = NULL;
        bool done = false;
        brush.strength = fminf(1, strength + 0.06f * (float)attempt);
        if (scene) {
            memcpy(work->edited, work->scene, sizeof *work->edited);
            if (gad_defect_edit(kind, work->edited, brush.strength, rng, &noun)) {
                gad_scene_draw(work->edited, view, &work->after);
                done = true;
            }
        }
        if (!done && needs_part(kind) && pair->family != GAD_SCENE_FAMILIES && attempt < 9)
            continue;
        if (!done) {
            gad_canvas_copy(&work->after, &work->before);
            done = gad_defect_paint(kind, &brush);
        }
        if (done)
            status = measure(work, kind, noun, pair, added, err);
        if (*added && noun) /* later defects are put on the piece as it is now */
            memcpy(work->scene, work->edited, sizeof *work->scene);
    }
    return status;
}

static int compare_boxes(const void *a, const void *b)
{
    const gad_synth_box *p = a, *q = b;
    int order = gad_box_compare(p->box, q->box);
    return order ? order : strcmp(p->label, q->label);
}

static gad_status write_text(const gad_synth_settings *s, uint64_t seed, uint64_t index, gad_synth_pair *pair,
                             gad_error *err)
{
    gad_reasoning_finding findings[GAD_SYNTH_BOXES];
    gad_rng rng = stream(seed, index, STREAM_TEXT);
    gad_string text = {0};
    for (int i = 0; i < pair->count; i++) {
        const gad_synth_box *b = &pair->boxes[i];
        findings[i] = (gad_reasoning_finding){
            .label = b->label, .noun = b->noun, .box = b->box, .change = {b->change[0], b->change[1], b->change[2]}};
    }
    gad_reasoning_facts facts = {.class_text = pair->class_text,
                                 .width = s->width,
                                 .height = s->height,
                                 .findings = findings,
                                 .count = pair->count,
                                 .has_reference = true,
                                 .brief = s->brief};
    gad_status status = gad_reasoning_write(&facts, &rng, &text, err);
    gad_memory_free(pair->think);
    pair->think = text.data;
    return status;
}

/* Defects on the picture in `before`, then the camera: the second half that scenes and photographs share. */
static gad_status finish(gad_synth_work *work, uint64_t seed, uint64_t index, const gad_scene *scene,
                         const gad_shape_view *view, gad_rng *station, gad_synth_pair *pair, gad_error *err)
{
    const gad_synth_settings *s = &work->settings;
    gad_rng rng = stream(seed, index, STREAM_DEFECT);
    double dice = gad_rng_uniform(&rng), many = gad_rng_uniform(&rng);
    bool anomalous = dice >= s->normal_share;
    int wanted = !anomalous ? 0 : many < 0.78 ? 1 : many < 0.95 ? 2 : 3;
    bool added = true;
    for (int i = 0; i < wanted && added; i++) {
        /* A painted first defect is lost when the scene is drawn again, so a second one is painted only. */
        gad_status status = add_defect(work, i == 0 ? scene : NULL, view, &rng, pair, &added, err);
        if (status)
            return status;
        if (added)
            gad_canvas_copy(&work->before, &work->after);
    }
    qsort(pair->boxes, (size_t)pair->count, sizeof *pair->boxes, compare_boxes);
    gad_rng shot = stream(seed, index, STREAM_CAMERA);
    gad_nuisance camera = gad_nuisance_random(station, &shot, (float)s->nuisance);
    gad_nuisance_apply(&camera, &work->before, work->scratch);
    gad_canvas_to_bytes(&work->before, pair->test);
    return write_text(s, seed, index, pair, err);
}

static gad_shape_view piece_view(const gad_synth_settings *s, const gad_scene *scene, float light, gad_rng *rng)
{
    float turn = scene->free_turn * (float)gad_rng_normal(rng), shift_x = scene->free_shift * (float)gad_rng_normal(rng);
    float shift_y = scene->free_shift * (float)gad_rng_normal(rng),
          zoom = 1 + scene->free_zoom * (float)gad_rng_normal(rng);
    zoom = zoom < 0.75f ? 0.75f : zoom > 1.3f ? 1.3f : zoom;
    float limit = 0.22f;
    shift_x = shift_x < -limit ? -limit : shift_x > limit ? limit : shift_x;
    shift_y = shift_y < -limit ? -limit : shift_y > limit ? limit : shift_y;
    return gad_shape_view_make(s->width, s->height, turn, 0.97f * zoom, shift_x, shift_y, light);
}

gad_status gad_synth_make(gad_synth_work *work, uint64_t seed, uint64_t index, gad_synth_pair *pair, gad_error *err)
{
    const gad_synth_settings *s = &work->settings;
    gad_status status = prepare(s, pair, err);
    if (status)
        return status;
    gad_rng plan = stream(seed, index, STREAM_PLAN);
    gad_scene_family family = (gad_scene_family)nth_bit(s->families, gad_rng_below(&plan, bit_count(s->families)));
    uint64_t class_index = s->first_class + gad_rng_u64(&plan) % s->class_count;
    bool same = gad_rng_uniform(&plan) < s->same_piece;
    uint64_t piece = gad_rng_u64(&plan);
    int shorter = s->width < s->height ? s->width : s->height;
    /* One station per class: same light, same camera. */
    gad_rng station = gad_rng_make(s->class_seed ^ 0x57a7104ULL, class_index * GAD_SCENE_FAMILIES + (uint64_t)family);
    float light = (float)gad_rng_range(&station, -2.9, -0.3);
    gad_scene_family_build(work->scene, family, s->class_seed, class_index, piece, shorter);
    snprintf(pair->class_text, sizeof pair->class_text, "%s", work->scene->name);
    pair->family = family;
    pair->class_index = class_index;
    gad_shape_view view = piece_view(s, work->scene, light, &plan);
    gad_scene_draw(work->scene, &view, &work->before);
    gad_rng station_test = station;
    status = finish(work, seed, index, work->scene, &view, &station_test, pair, err);
    for (int i = 0; i < s->references && !status; i++) {
        gad_rng rng = stream(seed, index, STREAM_REFERENCE + i), station_reference = station;
        uint64_t other = gad_rng_u64(&rng);
        gad_scene_family_build(work->scene, family, s->class_seed, class_index, same && i == 0 ? piece : other, shorter);
        view = piece_view(s, work->scene, light, &rng);
        gad_scene_draw(work->scene, &view, &work->reference);
        gad_nuisance camera = gad_nuisance_random(&station_reference, &rng, (float)s->nuisance);
        gad_nuisance_apply(&camera, &work->reference, work->scratch);
        gad_canvas_to_bytes(&work->reference, pair->reference[i]);
    }
    return status;
}

/* Resample a photograph so that it fills the canvas: about its middle, turned and enlarged a little; mirrored beyond its
 * border. Strong reduction averages a grid of samples. */
static void take_photo(const gad_synth_photo *photo, float turn, float zoom, float shift_x, float shift_y,
                       gad_canvas *canvas)
{
    float fit = fminf((float)photo->width / (float)canvas->width, (float)photo->height / (float)canvas->height) / zoom;
    float c = fit * cosf(turn), n = fit * sinf(turn), mid_x = 0.5f * (float)photo->width + shift_x * (float)photo->width;
    float mid_y = 0.5f * (float)photo->height + shift_y * (float)photo->height;
    int taps = fit > 1.25f ? (int)ceilf(fit) : 1;
    taps = taps > 6 ? 6 : taps;
    float *rgb = canvas->rgb, weight = 1.0f / (255.0f * (float)(taps * taps));
    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++, rgb += 3) {
            float sum[3] = {0};
            for (int t = 0; t < taps * taps; t++) {
                float dx = (float)x + ((float)(t % taps) + 0.5f) / (float)taps - 0.5f * (float)canvas->width;
                float dy = (float)y + ((float)(t / taps) + 0.5f) / (float)taps - 0.5f * (float)canvas->height;
                float px = mid_x + c * dx - n * dy - 0.5f, py = mid_y + n * dx + c * dy - 0.5f;
                int w = photo->width - 1, h = photo->height - 1;
                px = px < 0 ? -px : px > (float)w ? 2 * (float)w - px : px;
                py = py < 0 ? -py : py > (float)h ? 2 * (float)h - py : py;
                px = px < 0 ? 0 : px > (float)w ? (float)w : px;
                py = py < 0 ? 0 : py > (float)h ? (float)h : py;
                int x0 = (int)px, y0 = (int)py, x1 = x0 < w ? x0 + 1 : x0, y1 = y0 < h ? y0 + 1 : y0;
                float fx = px - (float)x0, fy = py - (float)y0;
                const unsigned char *row0 = photo->rgb + (size_t)y0 * (size_t)photo->width * 3,
                                    *row1 = photo->rgb + (size_t)y1 * (size_t)photo->width * 3;
                for (int k = 0; k < 3; k++) {
                    float top = (float)row0[x0 * 3 + k] + ((float)row0[x1 * 3 + k] - (float)row0[x0 * 3 + k]) * fx;
                    float low = (float)row1[x0 * 3 + k] + ((float)row1[x1 * 3 + k] - (float)row1[x0 * 3 + k]) * fx;
                    sum[k] += top + (low - top) * fy;
                }
            }
            for (int k = 0; k < 3; k++)
                rgb[k] = sum[k] * weight;
        }
}

/* Find the product on an even backdrop: what differs from the border's mean colour. A photograph without such a backdrop
 * is product everywhere. */
static void find_product(gad_canvas *canvas)
{
    int w = canvas->width, h = canvas->height, near = 0, total = 0;
    double mean[3] = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x += (y == 0 || y == h - 1) ? 1 : w - 1) {
                const float *p = canvas->rgb + ((size_t)y * (size_t)w + (size_t)x) * 3;
                if (pass == 0) {
                    for (int c = 0; c < 3; c++)
                        mean[c] += (double)p[c];
                    total++;
                } else {
                    near +=
                        fabs((double)p[0] - mean[0]) + fabs((double)p[1] - mean[1]) + fabs((double)p[2] - mean[2]) < 0.2;
                }
            }
        for (int c = 0; c < 3 && pass == 0; c++)
            mean[c] /= total;
    }
    size_t n = (size_t)w * (size_t)h, product = 0;
    for (size_t i = 0; i < n; i++) {
        const float *p = canvas->rgb + 3 * i;
        float d = fabsf(p[0] - (float)mean[0]) + fabsf(p[1] - (float)mean[1]) + fabsf(p[2] - (float)mean[2]);
        canvas->cover[i] = d < 0.15f ? 0 : d > 0.3f ? 1 : (d - 0.15f) / 0.15f;
        product += d > 0.25f;
    }
    if (near * 10 < total * 8 || product * 20 < n || product * 10 > n * 9)
        for (size_t i = 0; i < n; i++)
            canvas->cover[i] = 1;
}

gad_status gad_synth_make_photo(gad_synth_work *work, uint64_t seed, uint64_t index, const gad_synth_photo *photos,
                                int count, const char *class_text, gad_synth_pair *pair, gad_error *err)
{
    const gad_synth_settings *s = &work->settings;
    for (int i = 0; i < count; i++)
        if (photos[i].width < 16 || photos[i].height < 16)
            return gad_error_set(err, GAD_E_ARGUMENT, "put defects on a photograph", NULL, "%s: an image of %d x %d",
                                 class_text, photos[i].width, photos[i].height);
    gad_status status = prepare(s, pair, err);
    if (status)
        return status;
    gad_rng plan = stream(seed, index, STREAM_PLAN), station = stream(seed ^ 0x9407011ULL, index, STREAM_PLAN);
    float wild = gad_rng_uniform(&plan) < 0.7 ? 0.25f : 1.0f, sway = wild * (float)s->nuisance; /* fixture or by hand */
    float base = (float)gad_rng_range(&plan, 1.03, 1.15);
    snprintf(pair->class_text, sizeof pair->class_text, "%s", class_text);
    pair->family = GAD_SCENE_FAMILIES;
    pair->class_index = 0;
    for (int i = -1; i < s->references && !status; i++) {
        gad_rng rng = i < 0 ? plan : stream(seed, index, STREAM_REFERENCE + i);
        float turn = 0.05f * sway * (float)gad_rng_normal(&rng), zoom = base + 0.03f * sway * (float)gad_rng_normal(&rng);
        float shift_x = 0.015f * sway * (float)gad_rng_normal(&rng), shift_y = 0.015f * sway * (float)gad_rng_normal(&rng);
        gad_rng station_now = station;
        if (i < 0) {
            take_photo(&photos[0], turn, zoom, shift_x, shift_y, &work->before);
            find_product(&work->before);
            gad_shape_view view =
                gad_shape_view_make(s->width, s->height, 0, 1, 0, 0, (float)gad_rng_range(&rng, -2.9, -0.3));
            status = finish(work, seed, index, NULL, &view, &station_now, pair, err);
            continue;
        }
        take_photo(&photos[count > 1 ? 1 + i % (count - 1) : 0], turn, zoom, shift_x, shift_y, &work->reference);
        gad_nuisance camera = gad_nuisance_random(&station_now, &rng, (float)s->nuisance);
        gad_nuisance_apply(&camera, &work->reference, work->scratch);
        gad_canvas_to_bytes(&work->reference, pair->reference[i]);
    }
    return status;
}
