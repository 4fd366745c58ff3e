/* difference: the module's gradients, and those that pass through it, against finite differences in double; the mask loss
 * against its own; a new module changes no answer; it is saved and loaded with the model. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "model/save.h"
#include "model/shape.h"
#include "model/weights.h"
#include "op/reference.h"
#include "train/mask_loss.h"
#include "train/quadrant.h"
#include "train/tiny.h"

enum { SAMPLES = 2 };

typedef struct bench {
    gad_model model;
    gad_device device;
    quadrant task;
    gad_example example[SAMPLES];
    gad_batch batch;
} bench;

static void open_bench(bench *b, bool exact, bool module)
{
    gad_error err;
    gad_config config;
    *b = (bench){0};
    ASSERT_OK(gad_shape_find("gad-xs", &config, &err), &err);
    if (module)
        config.evidence = (gad_evidence_config){.heads = 4, .head_dim = 12, .hidden = 24, .inject = 2, .cells = 2};
    ASSERT_OK(gad_model_build(&config, &b->model, &err), &err);
    ASSERT_OK(gad_weights_random(&b->model, 1, GAD_F32, &err), &err);
    ASSERT_OK(exact ? gad_device_open_reference(&b->device, &err) : gad_device_open_cpu(&b->device, 1, &err), &err);
    b->task = quadrant_make(&config, 3);
    gad_source source = quadrant_source(&b->task, 0);
    gad_segment segment[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        ASSERT_OK(source.get(source.user, i, &b->example[i], &err), &err);
        segment[i] = gad_example_segment(&b->example[i]);
    }
    ASSERT_OK(gad_batch_make(&config, segment, SAMPLES, &b->batch, &err), &err);
}

static void close_bench(bench *b)
{
    gad_batch_free(&b->batch);
    for (int i = 0; i < SAMPLES; i++)
        gad_example_free(&b->example[i]);
    gad_model_free(&b->model);
    gad_device_close(&b->device);
}

/* Zero start values would hide gradients. */
static void stir(gad_param *param, uint64_t seed)
{
    gad_rng rng = gad_rng_make(11, seed);
    for (int64_t i = 0; i < gad_param_count(param); i++)
        ((double *)param->owned)[i] += 0.1 * gad_rng_normal(&rng);
}

/* ---- finite differences -------------------------------------------------------------------------------------------- */

static float map_weight(int64_t pair, int64_t i)
{
    return (float)((i * 7 + pair * 3) % 11 - 5) / 8;
}

static void label_gradient(void *user, const gad_batch *batch, int64_t first, int64_t n, const float *logp,
                           const float *entropy, float *g)
{
    (void)user, (void)batch, (void)first, (void)logp, (void)entropy;
    for (int64_t i = 0; i < n; i++)
        g[i] = 1;
}

static void map_gradient(void *user, const gad_batch *batch, int64_t pair, int64_t n, const float *logit, float *g)
{
    (void)user, (void)batch, (void)logit;
    for (int64_t i = 0; i < n; i++)
        g[i] = map_weight(pair, i);
}

static void add_up(void *user, const char *name, gad_device *device, gad_tensor value)
{
    double *sum = user;
    (void)device;
    bool map = !strcmp(name, "difference.logits");
    if (!map && strcmp(name, "train.logp") != 0)
        return;
    int64_t half = value.rows / SAMPLES;
    for (int64_t i = 0; i < value.rows; i++)
        *sum += ((double *)value.data)[i] * (map ? (double)map_weight(i / half, i % half) : 1);
}

typedef struct whole_loss {
    gad_step step;
    const gad_batch *batch;
} whole_loss;

static double loss_of(void *user)
{
    whole_loss *w = user;
    gad_error err;
    double sum = 0;
    float *logp = malloc((size_t)w->batch->labels * sizeof *logp);
    w->step.pass.tap = add_up;
    w->step.pass.tap_user = &sum;
    ASSERT_OK(gad_step_logprob(&w->step, w->batch, 1, logp, NULL, &err), &err);
    free(logp);
    return sum;
}

static void test_finite_differences(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_finite_differences");
    gad_error err;
    bench b;
    open_bench(&b, true, true);
    for (size_t i = 0; i < b.model.params.count; i++) {
        ASSERT_OK(gad_param_train(b.model.params.item[i], true, &b.device, &err), &err);
        stir(b.model.params.item[i], i);
    }
    whole_loss w = {gad_step_make(&b.model, &b.device, true), &b.batch};
    gad_objective objective = {.gradient = label_gradient, .temperature = 1, .mask = map_gradient};
    ASSERT_OK(gad_step_run(&w.step, &b.batch, &objective, &err), &err);
    double worst = 0;
    int count = 0;
    for (size_t i = 0; i < b.model.params.count; i++) {
        gad_param *param = b.model.params.item[i];
        bool tower =
            !strcmp(param->name, "visual.merger.mlp.2.weight") || !strcmp(param->name, "visual.patch_embed.proj.weight");
        if (strncmp(param->name, "difference.", 11) != 0 && !tower)
            continue;
        double analytic, numeric = tiny_directional(loss_of, &w, param, i, &analytic);
        /* the floor: differences of a loss of about 100 are good to 1e-9, whatever cancels in a direction */
        double e = fabs(analytic - numeric) / fmax(fmax(fabs(analytic), fabs(numeric)), 1e-2);
        if (e > 1e-7)
            print_error("%s: %.12g against %.12g\n", param->name, analytic, numeric);
        worst = fmax(worst, e);
        count++;
    }
    print_message("difference module: %d parameters, worst relative difference %.2g\n", count, worst);
    assert_true(worst < 1e-7);
    close_bench(&b);
}

static void test_mask_loss(void **state)
{
    (void)state;
    enum { N = 12 };
    float logit[N], mask[N], g[N] = {0};
    for (int i = 0; i < N; i++) {
        logit[i] = (float)(i * 5 % 12 - 6) / 2;
        mask[i] = i % 3 == 0 ? (float)(i % 2 + 1) / 2 : 0;
    }
    double scale = 0;
    gad_mask_loss(N, logit, mask, 3, g);
    for (int i = 0; i < N; i++)
        scale = fmax(scale, fabs((double)g[i]));
    for (int i = 0; i < N; i++) {
        float at = logit[i], ignored[N];
        logit[i] = at + 0x1p-9f;
        double up = gad_mask_loss(N, logit, mask, 3, ignored);
        logit[i] = at - 0x1p-9f;
        double down = gad_mask_loss(N, logit, mask, 3, ignored);
        logit[i] = at;
        assert_true(fabs(3 * (up - down) / 0x1p-8 - (double)g[i]) < 1e-5 * scale);
    }
    /* far logits: finite, and right ones cost nothing */
    for (int i = 0; i < N; i++)
        logit[i] = mask[i] > 0 ? 200 : -200;
    for (int i = 0; i < N; i++)
        mask[i] = mask[i] > 0;
    assert_true(fabs(gad_mask_loss(N, logit, mask, 1, g)) < 1e-6);
}

/* ---- together with the model --------------------------------------------------------------------------------------- */

static void test_a_new_module_changes_nothing(void **state)
{
    (void)state;
    gad_error err;
    bench with, without;
    float logp[2][32];
    open_bench(&with, false, true);
    open_bench(&without, false, false);
    /* parameters in between move the random streams: copy the common ones */
    for (size_t i = 0; i < without.model.params.count; i++) {
        const gad_param *from = without.model.params.item[i];
        gad_param *to = gad_params_find(&with.model.params, from->name);
        memcpy(to->owned, from->owned, gad_param_bytes(from, GAD_F32));
    }
    bench *both[] = {&with, &without};
    for (int k = 0; k < 2; k++) {
        gad_step step = gad_step_make(&both[k]->model, &both[k]->device, false);
        ASSERT_OK(gad_step_logprob(&step, &both[k]->batch, 1, logp[k], NULL, &err), &err);
    }
    assert_memory_equal(logp[0], logp[1], (size_t)with.batch.labels * sizeof(float));
    close_bench(&with);
    close_bench(&without);
}

static void test_saved_and_loaded(void **state)
{
    (void)state;
    gad_error err;
    bench b;
    const char *folder = support_scratch(GAD_TEST_TMP, "saved");
    open_bench(&b, false, true);
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    ASSERT_OK(gad_save_model(&b.model, folder, GAD_F32, &err), &err);
    gad_config config;
    gad_model model;
    gad_tensor_source *files;
    ASSERT_OK(gad_config_load(folder, &config, &err), &err);
    assert_int_equal(config.evidence.heads, 4);
    ASSERT_OK(gad_model_build(&config, &model, &err), &err);
    ASSERT_OK(gad_weights_load(folder, &(gad_weights_options){0}, &model, &files, NULL, &err), &err);
    for (size_t i = 0; i < model.params.count; i++)
        assert_memory_equal(model.params.item[i]->value.data, b.model.params.item[i]->value.data,
                            gad_param_bytes(model.params.item[i], GAD_F32));
    gad_model_free(&model);
    gad_tensor_source_free(files);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mask_loss),
        cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_a_new_module_changes_nothing),
        cmocka_unit_test(test_saved_and_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
