/* golden: every stage of both families against the reference's activations (tests/fixtures, made by
 * reference/make_fixtures.py), on all cases; and the proof that the comparison can fail. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/golden.h"
#include "model/weights.h"

typedef struct setup {
    const char *family;
    gad_model model;
    gad_safetensors *files;
    gad_device device;
} setup;

static setup open_model(const char *family)
{
    gad_error err;
    setup s = {.family = family};
    gad_config config;
    ASSERT_OK(gad_config_load(golden_path(family, "model"), &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &s.model, &err), &err);
    ASSERT_OK(gad_weights_load(golden_path(family, "model"), &(gad_weights_options){0}, &s.model, &s.files, NULL, &err),
              &err);
    ASSERT_OK(gad_device_open_cpu(&s.device, 2, &err), &err);
    return s;
}

static void close_model(setup *s)
{
    gad_device_close(&s->device);
    gad_model_free(&s->model);
    gad_safetensors_free(s->files);
}

/* Tolerances of qwen_vl.md section 14, e = max|a-b| / max|b|; the vision blocks' and layers' error grows with depth. A
 * patch is a sum of up to 1536 products, which the reference adds in another order: 2e-6, not 1e-6. */
static double tolerance_of(const char *name)
{
    if (!strcmp(name, "vis.patch"))
        return 2e-6;
    if (!strncmp(name, "vis.", 4))
        return 2e-5;
    if (!strcmp(name, "lm.embed") || !strcmp(name, "lm.cos"))
        return 1e-6;
    return 5e-5;
}

typedef struct watcher {
    const golden_case *golden;
    int compared, failed;
    double worst;
    char worst_name[96];
} watcher;

/* The taps name what the reference names; names that the case does not hold are passed over. */
static void compare_tap(void *user, const char *name, gad_device *device, gad_tensor value)
{
    watcher *w = user;
    int64_t n = 0;
    float *expected = golden_values(w->golden, name, &n);
    if (!expected)
        return;
    float *got = malloc((size_t)(value.rows * value.cols) * sizeof *got);
    device->ops->download(device, got, value);
    /* cos and sin are stored for both halves of a head */
    if (n == 2 * value.rows * value.cols)
        for (int64_t t = 0; t < value.rows; t++)
            memmove(expected + t * value.cols, expected + 2 * t * value.cols, (size_t)value.cols * sizeof *expected);
    else
        assert_int_equal(n, value.rows * value.cols);
    support_difference d = support_compare(got, expected, value.rows * value.cols);
    w->compared++;
    if (d.e > tolerance_of(name) || d.nonfinite) {
        w->failed++;
        if (d.e > w->worst) {
            w->worst = d.e;
            snprintf(w->worst_name, sizeof w->worst_name, "%s", name);
        }
    }
    free(got);
    free(expected);
}

/* Logits of the last rows of the prompt that the case holds. */
static double compare_logits(setup *s, const gad_pass *pass, const golden_case *c, gad_tensor hidden)
{
    int64_t n = 0;
    float *expected = golden_values(c, "logits", &n);
    int64_t vocab = s->model.config.text.vocab, rows = n / vocab;
    gad_tensor logits = gad_lm_logits(pass, &s->model, gad_tensor_rows(hidden, hidden.rows - rows, rows));
    float *got = malloc((size_t)n * sizeof *got);
    s->device.ops->download(&s->device, got, logits);
    support_difference d = support_compare(got, expected, n);
    free(got);
    free(expected);
    return d.nonfinite ? INFINITY : d.e;
}

/* One whole pass; returns the logits' e, and in *w what the stages were. */
static double run_case(setup *s, const golden_case *c, watcher *w)
{
    gad_error err;
    *w = (watcher){.golden = c};
    gad_pass pass = {.device = &s->device, .adapters = true, .tap = compare_tap, .tap_user = w};
    size_t mark = s->device.ops->mark(&s->device);
    golden_prompt p = golden_prepare(&pass, &s->model, c, NULL);
    gad_lm_input in = {.rows = c->count,
                       .ids = c->ids,
                       .position = p.position,
                       .spans = &p.span,
                       .span_count = 1,
                       .image = &p.rows,
                       .image_at = p.image_at,
                       .image_from = p.image_from,
                       .image_count = p.image_tokens};
    gad_tensor hidden = gad_lm_forward(&pass, &s->model, &in, NULL);
    double e = compare_logits(s, &pass, c, hidden);
    ASSERT_OK(gad_device_check(&s->device, &err), &err);
    s->device.ops->rewind(&s->device, mark);
    golden_prompt_free(&p);
    return e;
}

static void check_family(const char *family, const char *cases)
{
    setup s = open_model(family);
    for (; *cases; cases++) {
        char letter = *cases;
        golden_case c = golden_open(family, &s.model.config, letter);
        watcher w;
        double e = run_case(&s, &c, &w);
        print_message("%s case %c: %d stages compared, logits e %.2g\n", family, letter, w.compared, e);
        if (w.failed)
            print_error("%s case %c: %d stages differ, worst %s with e %.3g\n", family, letter, w.failed, w.worst_name,
                        w.worst);
        assert_int_equal(w.failed, 0);
        assert_true(e < 1e-4);
        golden_close(&c);
    }
    close_model(&s);
}

static void test_qwen25_stages(void **state)
{
    (void)state;
    check_family("qwen25", "abc");
}

static void test_qwen3_stages(void **state)
{
    (void)state;
    check_family("qwen3", "ac");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qwen25_stages),
        cmocka_unit_test(test_qwen3_stages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
