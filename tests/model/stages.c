/* stages: see stages.h */
#include "model/stages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/weights.h"

stages stages_open(const char *family)
{
    gad_error err;
    stages s = {.family = family};
    gad_config config;
    const char *folder = golden_path(family, "model");
    ASSERT_OK(gad_config_load(folder, &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &s.model, &err), &err);
    ASSERT_OK(gad_weights_load(folder, &(gad_weights_options){0}, &s.model, &s.files, NULL, &err), &err);
    ASSERT_OK(gad_device_open_cpu(&s.device, 2, &err), &err);
    return s;
}

void stages_close(stages *s)
{
    gad_device_close(&s->device);
    gad_model_free(&s->model);
    gad_tensor_source_free(s->files);
}

stage_group stages_group(const char *name)
{
    if (!strcmp(name, "vis.patch"))
        return STAGE_PATCH;
    if (!strcmp(name, "vis.pos"))
        return STAGE_POSITION;
    if (!strncmp(name, "vis.", 4))
        return name[4] >= '0' && name[4] <= '9' ? STAGE_VISION : STAGE_MERGED;
    if (!strcmp(name, "lm.embed") || !strcmp(name, "lm.inserted"))
        return STAGE_EMBED;
    if (!strcmp(name, "lm.cos") || !strcmp(name, "lm.sin"))
        return STAGE_ROPE;
    if (!strcmp(name, "lm.final_norm"))
        return STAGE_NORM;
    return !strncmp(name, "lm.", 3) ? STAGE_LAYERS : STAGE_LOGITS;
}

/* The tables of the reference are copied or follow from integers: nothing to differ, or one rounding. Elsewhere both sides
 * round fp32 sums of up to 1536 products in another order: measured up to 2e-6 of the tensor's largest value, in the patch
 * embedding (its sums are the longest) as after all layers. Four times that is allowed; docs/spec/qwen_vl.md section 14
 * allows up to 1e-4, for models of 32 and 64 layers. lm.inserted holds the vision rows and so the tower's error. */
double stages_tolerance(const char *name)
{
    static const double tolerance[STAGE_GROUPS] = {
        [STAGE_PATCH] = 8e-6, [STAGE_POSITION] = 1e-6, [STAGE_VISION] = 8e-6, [STAGE_MERGED] = 8e-6, [STAGE_EMBED] = 0,
        [STAGE_ROPE] = 5e-7,  [STAGE_LAYERS] = 8e-6,   [STAGE_NORM] = 8e-6,   [STAGE_LOGITS] = 8e-6};
    return tolerance[strcmp(name, "lm.inserted") ? stages_group(name) : STAGE_MERGED];
}

static stage_report empty_report(void)
{
    stage_report r = {0};
    for (int i = 0; i < STAGE_GROUPS; i++)
        r.worst[i] = -1;
    return r;
}

bool stages_compare(stage_report *report, const golden_case *golden, const char *name, const float *values, int64_t n)
{
    int64_t count = 0;
    float *expected = golden_values(golden, name, &count);
    if (!expected)
        return false;
    assert_int_equal(n, count);
    support_difference d = support_compare(values, expected, n);
    double e = d.nonfinite ? INFINITY : d.e;
    stage_group group = stages_group(name);
    report->compared++;
    if (!(e <= report->worst[group]))
        report->worst[group] = e;
    double tolerance = report->tolerance > 0 ? report->tolerance : stages_tolerance(name);
    if (!(e <= tolerance) && !report->failed++) {
        snprintf(report->first, sizeof report->first, "%s", name);
        report->first_e = e;
    }
    free(expected);
    return true;
}

void stages_print(const char *title, const stage_report *r)
{
    static const char *const names[STAGE_GROUPS] = {"patch", "pos",    "vision", "merged", "embed",
                                                    "rope",  "layers", "norm",   "logits"};
    print_message("%s: %d stages, e:", title, r->compared);
    for (int i = 0; i < STAGE_GROUPS; i++)
        if (r->worst[i] >= 0)
            print_message(" %s %.1e", names[i], r->worst[i]);
    print_message("\n");
    if (r->failed)
        print_error("%s: %d stages differ, first %s with e %.3g\n", title, r->failed, r->first, r->first_e);
}

/* ---- watching a pass ----------------------------------------------------------------------------------------------- */

/* What the taps saw last: the residual stream, so that the two halves of a block can be told from their sums. */
typedef struct watcher {
    const golden_case *golden;
    stage_report report;
    float *stream;
    int64_t stream_count;
} watcher;

/* The stream is now `values` (which the watcher takes over). What was added to it since the last time goes to `added`, if
 * the reference has a name for that. */
static void move_stream(watcher *w, const char *added, float *values, int64_t n)
{
    if (added && w->stream_count == n) {
        for (int64_t i = 0; i < n; i++)
            w->stream[i] = values[i] - w->stream[i];
        stages_compare(&w->report, w->golden, added, w->stream, n);
    }
    free(w->stream);
    w->stream = values;
    w->stream_count = n;
}

/* Rows of cos or sin for both halves of a head, as the reference has them. */
static float *double_rows(const float *values, gad_tensor t)
{
    float *both = malloc((size_t)(2 * t.rows * t.cols) * sizeof *both);
    for (int64_t row = 0; row < t.rows; row++)
        for (int half = 0; half < 2; half++)
            memcpy(both + (2 * row + half) * t.cols, values + row * t.cols, (size_t)t.cols * sizeof *both);
    return both;
}

/* "vis.2.resid1" has the leaf "resid1"; the name of another leaf of the same block. */
static const char *sibling(const char *name, const char *leaf)
{
    static char other[96];
    snprintf(other, sizeof other, "%.*s.%s", (int)(strrchr(name, '.') - name), name, leaf);
    return other;
}

static void watch(void *user, const char *name, gad_device *device, gad_tensor value)
{
    watcher *w = user;
    int64_t n = value.rows * value.cols;
    float *got = malloc((size_t)n * sizeof *got);
    device->ops->download(device, got, value);
    if (stages_group(name) == STAGE_ROPE) {
        float *both = double_rows(got, value);
        stages_compare(&w->report, w->golden, name, both, 2 * n);
        free(both);
        free(got);
        return;
    }
    stages_compare(&w->report, w->golden, name, got, n);
    const char *leaf = strrchr(name, '.') + 1;
    if (!strcmp(name, "vis.patch") || !strcmp(name, "vis.ordered") || !strcmp(name, "lm.inserted") ||
        !strcmp(leaf, "out_deepstack"))
        move_stream(w, NULL, got, n);
    else if (!strcmp(name, "vis.embedded"))
        move_stream(w, "vis.pos", got, n);
    else if (!strcmp(leaf, "resid1"))
        move_stream(w, sibling(name, "attn_out"), got, n);
    else if (!strcmp(leaf, "out") && strcmp(name, "vis.out"))
        move_stream(w, sibling(name, name[0] == 'v' ? "mlp_out" : "mlp"), got, n);
    else
        free(got);
}

/* Logits of the last rows of the prompt, as many as the case holds. */
static void compare_logits(stages *s, const gad_pass *pass, watcher *w, gad_tensor hidden)
{
    int64_t rows = (int64_t)gad_safetensors_find(w->golden->values, "logits")->shape[0];
    gad_tensor logits = gad_lm_logits(pass, &s->model, gad_tensor_rows(hidden, hidden.rows - rows, rows));
    float *got = malloc((size_t)(logits.rows * logits.cols) * sizeof *got);
    s->device.ops->download(&s->device, got, logits);
    stages_compare(&w->report, w->golden, "logits", got, logits.rows * logits.cols);
    free(got);
}

/* Stages that the case holds; the layout's integers are compared apart. */
static int stages_expected(const golden_case *golden)
{
    int count = 0;
    for (size_t i = 0; i < gad_safetensors_count(golden->values); i++) {
        const gad_safetensors_tensor *t = gad_safetensors_at(golden->values, i);
        bool stage = !strncmp(t->name, "vis.", 4) || !strncmp(t->name, "lm.", 3) || !strcmp(t->name, "logits");
        count += stage && t->dtype == GAD_SAFETENSORS_F32 && strcmp(t->name, "vis.angles") != 0;
    }
    return count;
}

stage_report stages_run(stages *s, const golden_case *golden,
                        void (*spoil)(gad_vision_layout *layout, const gad_vision_config *vision))
{
    gad_error err;
    watcher w = {.golden = golden, .report = empty_report()};
    gad_pass pass = {.device = &s->device, .adapters = true, .tap = watch, .tap_user = &w};
    size_t mark = s->device.ops->mark(&s->device);
    golden_prompt p = golden_prepare(&pass, &s->model, golden, spoil);
    p.input.spans = &p.span;
    p.input.image = &p.rows;
    gad_tensor hidden = gad_lm_forward(&pass, &s->model, &p.input, NULL);
    compare_logits(s, &pass, &w, hidden);
    ASSERT_OK(gad_device_check(&s->device, &err), &err);
    s->device.ops->rewind(&s->device, mark);
    golden_prompt_free(&p);
    free(w.stream);
    assert_int_equal(w.report.compared, stages_expected(golden));
    return w.report;
}

/* ---- each stage alone ---------------------------------------------------------------------------------------------- */

/* A golden tensor on the device's stack as [rows, cols], rows taken in `order` (NULL: as they are); no data when the case
 * has none. Of rope tables, whose halves are equal, cols is the first half. */
static gad_tensor take_golden(stages *s, const golden_case *golden, const char *name, int64_t rows, int64_t cols,
                              const int32_t *order)
{
    int64_t n = 0;
    float *values = golden_values(golden, name, &n);
    if (!values)
        return gad_tensor_none();
    int64_t width = n / rows;
    float *ordered = malloc((size_t)(rows * cols) * sizeof *ordered);
    for (int64_t row = 0; row < rows; row++)
        memcpy(ordered + row * cols, values + (order ? order[row] : row) * width, (size_t)cols * sizeof *ordered);
    gad_tensor t = s->device.ops->take(&s->device, rows, cols);
    s->device.ops->fill(&s->device, t, ordered);
    free(values);
    free(ordered);
    return t;
}

static void compare_tensor(stages *s, watcher *w, const char *name, gad_tensor t)
{
    float *values = malloc((size_t)(t.rows * t.cols) * sizeof *values);
    s->device.ops->download(&s->device, values, t);
    stages_compare(&w->report, w->golden, name, values, t.rows * t.cols);
    free(values);
}

static void run_block(watcher *w, const gad_pass *pass, const gad_block *block, gad_tensor x, const gad_block_input *in)
{
    float *stream = malloc((size_t)(x.rows * x.cols) * sizeof *stream);
    pass->device->ops->download(pass->device, stream, x);
    move_stream(w, NULL, stream, x.rows * x.cols);
    gad_block_forward(pass, block, x, in, NULL);
}

/* Input of vision block i: the embedded patches in working order, or what the block before gave. */
static gad_tensor vision_input(stages *s, const golden_case *golden, const gad_vision_layout *l, int i)
{
    char name[64];
    int hidden = s->model.config.vision.hidden;
    snprintf(name, sizeof name, "vis.%d.out", i - 1);
    if (i)
        return take_golden(s, golden, name, l->patches, hidden, NULL);
    gad_tensor x = take_golden(s, golden, "vis.patch", l->patches, hidden, l->patch_order);
    gad_tensor position = take_golden(s, golden, "vis.pos", l->patches, hidden, l->patch_order);
    if (position.data)
        s->device.ops->axpby(&s->device, x, 1, position, 1);
    return x;
}

static void run_tower_alone(stages *s, watcher *w, const gad_pass *pass, const gad_vision_layout *l)
{
    const gad_vision_config *v = &s->model.config.vision;
    const gad_ops *op = s->device.ops;
    gad_tensor cos = op->take(&s->device, l->patches, v->head_dim / 2), sin = op->take(&s->device, cos.rows, cos.cols);
    op->fill(&s->device, cos, l->cos);
    op->fill(&s->device, sin, l->sin);
    for (int i = 0; i < v->depth; i++) {
        bool full = !v->window || v->full_attention[i];
        gad_block_input in = {.cos = cos,
                              .sin = sin,
                              .spans = full ? l->full : l->window,
                              .span_count = full ? l->full_count : l->window_count};
        run_block(w, pass, &s->model.vision.block[i], vision_input(s, w->golden, l, i), &in);
    }
    for (int k = 0; k < v->deepstack_count; k++) {
        char name[64];
        snprintf(name, sizeof name, "vis.deepstack.%d", k);
        compare_tensor(s, w, name,
                       gad_merger_forward(pass, &s->model.vision.deepstack[k],
                                          vision_input(s, w->golden, l, v->deepstack[k] + 1), NULL));
    }
    gad_tensor merged = gad_merger_forward(pass, &s->model.vision.merger, vision_input(s, w->golden, l, v->depth), NULL);
    compare_tensor(s, w, v->window ? "vis.merged_permuted" : "vis.out", merged); /* without windows the order is raster */
}

static void run_lm_alone(stages *s, watcher *w, const gad_pass *pass)
{
    const gad_text_config *text = &s->model.config.text;
    const golden_case *golden = w->golden;
    gad_attention_span span = {.q1 = golden->count, .k1 = golden->count, .causal = true};
    gad_block_input in = {.cos = take_golden(s, golden, "lm.cos", golden->count, text->head_dim / 2, NULL),
                          .sin = take_golden(s, golden, "lm.sin", golden->count, text->head_dim / 2, NULL),
                          .spans = &span,
                          .span_count = 1};
    gad_tensor x = take_golden(s, golden, "lm.inserted", golden->count, text->hidden, NULL);
    for (int i = 0; i < text->layers; i++) {
        char name[64];
        run_block(w, pass, &s->model.lm.block[i], x, &in);
        snprintf(name, sizeof name, "lm.%d.out_deepstack", i);
        x = take_golden(s, golden, name, golden->count, text->hidden, NULL);
        snprintf(name, sizeof name, "lm.%d.out", i);
        if (!x.data)
            x = take_golden(s, golden, name, golden->count, text->hidden, NULL);
    }
    gad_norm_forward(pass, &s->model.lm.norm, x, gad_tensor_none(), x);
    compare_tensor(s, w, "lm.final_norm", x);
    compare_logits(s, pass, w, take_golden(s, golden, "lm.final_norm", golden->count, text->hidden, NULL));
}

stage_report stages_run_alone(stages *s, const golden_case *golden)
{
    gad_error err;
    watcher w = {.golden = golden, .report = empty_report()};
    w.report.tolerance = 2e-6; /* section 14 for one block; measured up to 5e-7 */
    gad_pass pass = {.device = &s->device, .adapters = true, .tap = watch, .tap_user = &w};
    gad_vision_layout layout;
    ASSERT_OK(gad_vision_layout_make(&s->model.config.vision, golden->grid, golden->image_count, &layout, &err), &err);
    size_t mark = s->device.ops->mark(&s->device);
    run_tower_alone(s, &w, &pass, &layout);
    run_lm_alone(s, &w, &pass);
    ASSERT_OK(gad_device_check(&s->device, &err), &err);
    s->device.ops->rewind(&s->device, mark);
    gad_vision_layout_free(&layout);
    free(w.stream);
    return w.report;
}
