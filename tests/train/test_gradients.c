/* gradients: loss, every gradient, AdamW steps and LoRA variants of both families against the training goldens; the whole
 * model's gradient against finite differences in double; checkpointing, batching and shared prefixes change nothing; and
 * a broken backward pass is found. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "model/lora.h"
#include "model/weights.h"
#include "train/tiny.h"

static const char *const families[] = {"qwen25", "qwen3"};

static const gad_optimizer_settings golden_adamw = {
    .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01, .decay_all = true};

/* ---- goldens ------------------------------------------------------------------------------------------------------- */

typedef struct comparison {
    double worst;
    char name[256];
    int count;
} comparison;

static void note(comparison *c, const char *name, double e)
{
    c->count++;
    if (!(e <= c->worst)) {
        c->worst = e;
        snprintf(c->name, sizeof c->name, "%s", name);
    }
}

static int64_t stride_of(int64_t count, int64_t samples)
{
    int64_t stride = (count + samples - 1) / samples;
    return (stride < 1 ? 1 : stride) | 1;
}

/* Compare `values` [rows, cols] with what the golden file holds of it: whole, or a sample with row and column sums. */
static void compare_stored(const golden_case *golden, const char *stored, const float *values, int64_t rows, int64_t cols,
                           int64_t samples, comparison *c)
{
    char name[512];
    int64_t n = 0, count = rows * cols;
    float *expected = golden_values(golden, stored, &n);
    if (expected) {
        assert_int_equal(n, count);
        note(c, stored, support_compare(values, expected, n).e);
        free(expected);
        return;
    }
    snprintf(name, sizeof name, "%s#sample", stored);
    expected = golden_values(golden, name, &n);
    if (!expected)
        fail_msg("the golden holds no %s", stored);
    int64_t stride = stride_of(count, samples);
    float *got = malloc((size_t)n * sizeof *got);
    for (int64_t i = 0; i < n; i++)
        got[i] = values[i * stride];
    note(c, name, support_compare(got, expected, n).e);
    free(expected);
    const char *const sums[] = {"rows", "cols"};
    for (int by_cols = 0; by_cols < 2; by_cols++) {
        snprintf(name, sizeof name, "%s#%s", stored, sums[by_cols]);
        expected = golden_values(golden, name, &n);
        if (!expected)
            continue;
        /* e against the largest sum or norm of a line: in front of a LayerNorm the sums themselves are 0 */
        double *sum = calloc((size_t)(2 * n), sizeof *sum), *square = sum + n, largest = 0, gap = 0;
        for (int64_t i = 0; i < count; i++) {
            int64_t line = by_cols ? i % cols : i / cols;
            sum[line] += (double)values[i];
            square[line] += (double)values[i] * (double)values[i];
        }
        for (int64_t i = 0; i < n; i++) {
            largest = fmax(largest, fmax(sqrt(square[i]), fabs((double)expected[i])));
            gap = fmax(gap, fabs(sum[i] - (double)expected[i]));
        }
        note(c, name, gap / largest);
        free(sum);
        free(expected);
    }
    free(got);
}

static double worst_step(const float *got, const float *expected, int64_t n)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)got[i] - (double)expected[i]));
    return worst;
}

/* Largest difference of the parameters after steps. */
static double compare_parameters(const golden_case *golden, const tiny *t, int step,
                                 const char *(*file_name)(const tiny *, const gad_param *))
{
    double worst = 0;
    for (size_t i = 0; i < t->model.params.count; i++) {
        const gad_param *param = t->model.params.item[i];
        if (!param->trainable)
            continue;
        char name[512];
        int64_t n = 0, count = gad_param_count(param);
        snprintf(name, sizeof name, "step%d.%s", step, file_name(t, param));
        float *expected = golden_values(golden, name, &n);
        if (expected) {
            worst = fmax(worst, worst_step(param->value.data, expected, n));
            free(expected);
            continue;
        }
        snprintf(name, sizeof name, "step%d.%s#sample", step, file_name(t, param));
        expected = golden_values(golden, name, &n);
        if (!expected)
            fail_msg("no %s", name);
        int64_t stride = stride_of(count, 48);
        for (int64_t k = 0; k < n; k++)
            worst = fmax(worst, fabs((double)((const float *)param->value.data)[k * stride] - (double)expected[k]));
        free(expected);
    }
    return worst;
}

static const char *weight_name(const tiny *t, const gad_param *param)
{
    static char name[256];
    gad_weights_file_name(&t->model, param->name, name, sizeof name);
    return name;
}

/* PEFT keys follow the names in memory, which both families have in the new style. */
static const char *adapter_name(const tiny *t, const gad_param *param)
{
    (void)t;
    static char name[256];
    const char *tail = !strncmp(param->name, "model.", 6) ? param->name + 6 : param->name;
    snprintf(name, sizeof name, "base_model.model.model.%s%s", !strncmp(param->name, "visual.", 7) ? "" : "language_model.",
             tail);
    return name;
}

static double golden_number(const golden_case *golden, const char *name)
{
    int64_t n = 0;
    float *value = golden_values(golden, name, &n);
    assert_non_null(value);
    double first = (double)value[0];
    free(value);
    return first;
}

static comparison compare_gradients(const golden_case *golden, const tiny *t, int64_t samples,
                                    const char *(*file_name)(const tiny *, const gad_param *))
{
    comparison c = {.worst = 0};
    for (size_t i = 0; i < t->model.params.count; i++) {
        const gad_param *param = t->model.params.item[i];
        if (!param->trainable)
            continue;
        char name[512];
        snprintf(name, sizeof name, "grad.%s", file_name(t, param));
        int64_t rows = param->shape[0]; /* a vector is stored as a column */
        compare_stored(golden, name, param->gradient.data, rows, gad_param_count(param) / rows, samples, &c);
    }
    return c;
}

/* One gradient and three AdamW steps of what is trainable, against the golden file. */
static void check_training(tiny *t, const tiny_sample *s, const golden_case *golden, const char *title, int64_t samples,
                           const char *(*file_name)(const tiny *, const gad_param *), bool first_step)
{
    gad_error err;
    gad_batch batch;
    gad_optimizer optimizer;
    gad_step step = gad_step_make(&t->model, &t->device, false);
    ASSERT_OK(gad_batch_make(&t->model.config, &s->segment, 1, &batch, &err), &err);
    ASSERT_OK(gad_optimizer_open(&t->model.params, &t->device, &golden_adamw, &optimizer, &err), &err);
    float factor = -1.0f / (float)s->labels;
    double loss = tiny_linear_loss(&step, &batch, (double)factor), expected = golden_number(golden, "loss");
    assert_true(fabs(loss - expected) < 1e-5 * expected);
    gad_objective objective = tiny_linear_objective(&factor);
    double worst_parameter = 0, norm = 0;
    for (int k = 1; k <= 3; k++) {
        ASSERT_OK(gad_step_run(&step, &batch, &objective, &err), &err);
        if (k == 1) {
            comparison c = compare_gradients(golden, t, samples, file_name);
            print_message("%s: loss %.6f, %d gradient values, worst e %.2g (%s)\n", title, loss, c.count, c.worst, c.name);
            assert_true(c.worst < 1e-4);
        }
        assert_true(gad_optimizer_update(&optimizer, 1e-3, 1, &norm));
        if (k == 3 || (k == 1 && first_step))
            worst_parameter = fmax(worst_parameter, compare_parameters(golden, t, k, file_name));
    }
    print_message("%s: parameters after 3 steps differ by %.2g\n", title, worst_parameter);
    assert_true(worst_parameter < 1e-4); /* a tenth of a step: where a gradient is noise, AdamW makes a step of it */
    gad_optimizer_close(&optimizer);
    gad_batch_free(&batch);
}

static void test_full_goldens(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tiny t = tiny_open(families[f], false);
        tiny_sample s = tiny_sample_open(&t);
        tiny_train(&t, NULL);
        golden_case golden = {.values = s.values};
        check_training(&t, &s, &golden, families[f], 192, weight_name, true);
        tiny_sample_close(&s);
        tiny_close(&t);
    }
}

static void test_lora_goldens(void **state)
{
    (void)state;
    static const char *const adapters[] = {"lora_lm", "lora_gate", "lora_rslora", "lora_save"};
    gad_error err;
    for (int f = 0; f < 2; f++)
        for (int a = 0; a < 4; a++) {
            tiny t = tiny_open(families[f], false);
            tiny_sample s = tiny_sample_open(&t);
            char path[128];
            ASSERT_OK(gad_lora_load(golden_path(families[f], adapters[a]), &t.model, &err), &err);
            tiny_train(&t, ".lora_");
            for (size_t i = 0; i < t.model.replaced_count; i++)
                ASSERT_OK(gad_param_train(t.model.replaced[i].param, true, &t.device, &err), &err);
            golden_case golden = {0};
            snprintf(path, sizeof path, "%s/golden.safetensors", adapters[a]);
            ASSERT_OK(gad_safetensors_open(golden_path(families[f], path), &golden.values, &err), &err);
            snprintf(path, sizeof path, "%s %s", families[f], adapters[a]);
            check_training(&t, &s, &golden, path, 48, adapter_name, false);
            gad_safetensors_free(golden.values);
            tiny_sample_close(&s);
            tiny_close(&t);
        }
}

/* ---- finite differences -------------------------------------------------------------------------------------------- */

typedef struct case_of {
    const gad_step *step;
    const gad_batch *batch;
} case_of;

static double linear_loss(void *user)
{
    const case_of *c = user;
    return tiny_linear_loss(c->step, c->batch, 1);
}

/* The gradient of every parameter along one direction, in double. The sums run over parameters: a parameter that has no
 * influence (a key bias) has a derivative of rounding noise. */
static void check_differences(tiny *t, const tiny_sample *s)
{
    gad_error err;
    gad_batch batch;
    float one = 1;
    gad_objective objective = tiny_linear_objective(&one);
    ASSERT_OK(gad_batch_make(&t->model.config, &s->segment, 1, &batch, &err), &err);
    gad_step step = gad_step_make(&t->model, &t->device, true);
    ASSERT_OK(gad_step_run(&step, &batch, &objective, &err), &err);
    double worst = 0, scale = 0;
    int count = 0;
    for (size_t i = 0; i < t->model.params.count; i++)
        if (t->model.params.item[i]->trainable)
            scale = fmax(scale, sqrt(t->device.ops->sum_squares(&t->device, &t->model.params.item[i]->gradient, 1)));
    for (size_t i = 0; i < t->model.params.count; i++) {
        gad_param *param = t->model.params.item[i];
        if (!param->trainable || (strstr(param->name, "layers.1") && !strstr(param->name, "lora")))
            continue; /* layer 1 is like layers 0 and 2 */
        case_of c = {&step, &batch};
        double analytic, numeric = tiny_directional(linear_loss, &c, param, i, &analytic);
        double size = fmax(fmax(fabs(analytic), fabs(numeric)), 1e-3 * scale);
        double e = fabs(analytic - numeric) / size;
        if (e > 1e-7)
            print_error("%s: %.12g against %.12g\n", param->name, analytic, numeric);
        worst = fmax(worst, e);
        count++;
    }
    print_message("%s in double: %d parameters, worst relative difference %.2g\n", t->family, count, worst);
    assert_true(worst < 1e-7);
    gad_batch_free(&batch);
}

static void test_finite_differences(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_finite_differences");
    for (int f = 0; f < 2; f++) {
        tiny t = tiny_open(families[f], true);
        tiny_sample s = tiny_sample_open(&t);
        tiny_train(&t, NULL);
        check_differences(&t, &s);
        tiny_sample_close(&s);
        tiny_close(&t);
    }
}

/* ---- what must not matter ------------------------------------------------------------------------------------------ */

/* All gradients of the trainable parameters one after the other. */
static float *all_gradients(const tiny *t, int64_t *n)
{
    *n = 0;
    for (size_t i = 0; i < t->model.params.count; i++)
        *n += t->model.params.item[i]->trainable ? gad_param_count(t->model.params.item[i]) : 0;
    float *all = malloc((size_t)*n * sizeof *all), *at = all;
    for (size_t i = 0; i < t->model.params.count; i++) {
        const gad_param *param = t->model.params.item[i];
        if (!param->trainable)
            continue;
        memcpy(at, param->gradient.data, (size_t)gad_param_count(param) * sizeof *at);
        at += gad_param_count(param);
    }
    return all;
}

static float *gradients_of(tiny *t, const gad_step *step, const gad_segment *segments, int64_t count, int64_t *n)
{
    gad_error err;
    gad_batch batch;
    float one = -1;
    gad_objective objective = tiny_linear_objective(&one);
    for (size_t i = 0; i < t->model.params.count; i++)
        if (t->model.params.item[i]->trainable)
            t->device.ops->zero(&t->device, t->model.params.item[i]->gradient);
    ASSERT_OK(gad_batch_make(&t->model.config, segments, count, &batch, &err), &err);
    ASSERT_OK(gad_step_run(step, &batch, &objective, &err), &err);
    gad_batch_free(&batch);
    return all_gradients(t, n);
}

static void test_checkpointing_is_identical(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tiny t = tiny_open(families[f], false);
        tiny_sample s = tiny_sample_open(&t);
        tiny_train(&t, NULL);
        int64_t n;
        gad_step keep = gad_step_make(&t.model, &t.device, false), again = gad_step_make(&t.model, &t.device, true);
        float *a = gradients_of(&t, &keep, &s.segment, 1, &n), *b = gradients_of(&t, &again, &s.segment, 1, &n);
        assert_memory_equal(a, b, (size_t)n * sizeof *a);
        again.logits_rows = 4; /* the head in pieces: the same up to the order of sums */
        float *c = gradients_of(&t, &again, &s.segment, 1, &n);
        support_assert_close("logits in pieces", c, a, n, 1e-5);
        free(a);
        free(b);
        free(c);
        tiny_sample_close(&s);
        tiny_close(&t);
    }
}

/* Several samples in one call give the sum of their gradients. */
static void test_batch_is_the_sum(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        tiny t = tiny_open(families[f], false);
        tiny_sample s = tiny_sample_open(&t);
        tiny_train(&t, NULL);
        int32_t text[] = {5, 9, 13, 40, 77, 21, 8};
        float weight[] = {0, 0, 1, 0.5f, 1, 1, 2};
        gad_segment segments[] = {{.ids = text, .count = 7, .weight = weight, .prefix = -1},
                                  s.segment,
                                  {.ids = text + 1, .count = 5, .weight = weight, .prefix = -1},
                                  s.segment};
        int64_t n;
        gad_step step = gad_step_make(&t.model, &t.device, true);
        float *sum = gradients_of(&t, &step, segments, 4, &n), *part = calloc((size_t)n, sizeof *part);
        for (int k = 0; k < 4; k++) {
            float *one = gradients_of(&t, &step, &segments[k], 1, &n);
            for (int64_t i = 0; i < n; i++)
                part[i] += one[i];
            free(one);
        }
        support_assert_close("batch of four", sum, part, n, 1e-5);
        free(sum);
        free(part);
        tiny_sample_close(&s);
        tiny_close(&t);
    }
}

/* Answers that share their prompt give the gradients of prompt and answer written out. */
static void test_shared_prefix_is_separate(void **state)
{
    (void)state;
    enum { ANSWERS = 3, LENGTH = 6 };
    for (int f = 0; f < 2; f++) {
        tiny t = tiny_open(families[f], false);
        tiny_sample s = tiny_sample_open(&t);
        tiny_train(&t, NULL);
        int64_t prompt = s.segment.count - 9; /* any place after the image */
        int32_t ids[ANSWERS][LENGTH + 1], *whole[ANSWERS];
        float weight[ANSWERS][LENGTH + 1], *whole_weight[ANSWERS];
        gad_segment shared[ANSWERS + 1] = {s.segment}, separate[ANSWERS];
        shared[0].count = prompt - 1;
        shared[0].weight = NULL;
        for (int a = 0; a < ANSWERS; a++) {
            whole[a] = malloc((size_t)(prompt + LENGTH) * sizeof(int32_t));
            whole_weight[a] = calloc((size_t)(prompt + LENGTH), sizeof(float));
            memcpy(whole[a], s.ids, (size_t)prompt * sizeof(int32_t));
            ids[a][0] = s.ids[prompt - 1];
            weight[a][0] = 0;
            for (int i = 0; i < LENGTH; i++) {
                ids[a][i + 1] = whole[a][prompt + i] = 7 + 11 * a + 5 * i;
                weight[a][i + 1] = whole_weight[a][prompt + i] = (float)(a + 1) - 0.3f * (float)i;
            }
            shared[a + 1] = (gad_segment){.ids = ids[a], .count = LENGTH + 1, .weight = weight[a], .prefix = 0};
            separate[a] = s.segment;
            separate[a].ids = whole[a];
            separate[a].count = prompt + LENGTH;
            separate[a].weight = whole_weight[a];
        }
        int64_t n;
        gad_step step = gad_step_make(&t.model, &t.device, true);
        float *a = gradients_of(&t, &step, shared, ANSWERS + 1, &n), *b = gradients_of(&t, &step, separate, ANSWERS, &n);
        support_assert_close("shared prefix", a, b, n, 1e-5);
        free(a);
        free(b);
        for (int k = 0; k < ANSWERS; k++) {
            free(whole[k]);
            free(whole_weight[k]);
        }
        tiny_sample_close(&s);
        tiny_close(&t);
    }
}

/* With the tower frozen, its rows may come from a cache: gradients of the language model stay, bit for bit. */
static void test_cached_rows_are_identical(void **state)
{
    (void)state;
    gad_error err;
    for (int f = 0; f < 2; f++) {
        tiny t = tiny_open(families[f], false);
        tiny_sample s = tiny_sample_open(&t);
        tiny_train(&t, "layers");
        int64_t n;
        gad_step step = gad_step_make(&t.model, &t.device, false);
        assert_false(step.trains_vision);
        float *a = gradients_of(&t, &step, &s.segment, 1, &n);
        gad_image_rows rows[4];
        for (int64_t i = 0; i < s.images.image_count; i++) {
            ASSERT_OK(gad_step_embed(&step, &s.image[i], (gad_hash){0}, &rows[i], &err), &err);
            s.image[i].rows = &rows[i];
        }
        float *b = gradients_of(&t, &step, &s.segment, 1, &n);
        assert_memory_equal(a, b, (size_t)n * sizeof *a);
        for (int64_t i = 0; i < s.images.image_count; i++)
            gad_memory_free(rows[i].rows);
        free(a);
        free(b);
        tiny_sample_close(&s);
        tiny_close(&t);
    }
}

/* ---- the comparison can fail --------------------------------------------------------------------------------------- */

static const gad_ops *true_ops;
static void forward_rope(gad_device *device, gad_tensor y, gad_tensor x, gad_tensor cos, gad_tensor sin, int heads,
                         bool inverse)
{
    (void)inverse;
    true_ops->rope(device, y, x, cos, sin, heads, false);
}
static void lazy_rmsnorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dy, gad_tensor x,
                              gad_tensor rstd, gad_tensor weight, bool add)
{
    (void)dweight;
    true_ops->rmsnorm_back(device, dx, gad_tensor_none(), dy, x, rstd, weight, add);
}
static void lost_embed_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *ids)
{
    (void)device;
    (void)dtable;
    (void)dy;
    (void)ids;
}

static void test_broken_backward_is_found(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_broken_backward_is_found");
    for (int broken = 0; broken < 3; broken++) {
        gad_error err;
        tiny t = tiny_open("qwen25", false);
        tiny_sample s = tiny_sample_open(&t);
        tiny_train(&t, NULL);
        true_ops = t.device.ops;
        gad_ops ops = *true_ops;
        if (broken == 0)
            ops.rope = forward_rope;
        else if (broken == 1)
            ops.rmsnorm_back = lazy_rmsnorm_back;
        else
            ops.embed_back = lost_embed_back;
        t.device.ops = &ops;
        gad_batch batch;
        float factor = -1.0f / (float)s.labels;
        gad_objective objective = tiny_linear_objective(&factor);
        gad_step step = gad_step_make(&t.model, &t.device, false);
        ASSERT_OK(gad_batch_make(&t.model.config, &s.segment, 1, &batch, &err), &err);
        ASSERT_OK(gad_step_run(&step, &batch, &objective, &err), &err);
        golden_case golden = {.values = s.values};
        comparison c = compare_gradients(&golden, &t, 192, weight_name);
        assert_true(c.worst > 1e-2);
        gad_batch_free(&batch);
        t.device.ops = true_ops;
        tiny_sample_close(&s);
        tiny_close(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_goldens),
        cmocka_unit_test(test_lora_goldens),
        cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_checkpointing_is_identical),
        cmocka_unit_test(test_batch_is_the_sum),
        cmocka_unit_test(test_shared_prefix_is_separate),
        cmocka_unit_test(test_cached_rows_are_identical),
        cmocka_unit_test(test_broken_backward_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
