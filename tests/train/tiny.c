/* tiny: see tiny.h */
#include "train/tiny.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/weights.h"
#include "op/reference.h"

tiny tiny_open(const char *family, bool exact)
{
    gad_error err;
    tiny t = {.family = family};
    gad_config config;
    ASSERT_OK(gad_config_load(golden_path(family, "model"), &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &t.model, &err), &err);
    ASSERT_OK(gad_weights_load(golden_path(family, "model"), &(gad_weights_options){0}, &t.model, &t.files, NULL, &err),
              &err);
    ASSERT_OK(exact ? gad_device_open_reference(&t.device, &err) : gad_device_open_cpu(&t.device, 1, &err), &err);
    for (size_t i = 0; exact && i < t.model.params.count; i++)
        ASSERT_OK(gad_param_convert(t.model.params.item[i], GAD_F64, &err), &err);
    return t;
}

void tiny_close(tiny *t)
{
    gad_model_free(&t->model);
    gad_device_close(&t->device);
    gad_tensor_source_free(t->files);
}

void tiny_train(tiny *t, const char *word)
{
    gad_error err;
    for (size_t i = 0; i < t->model.params.count; i++) {
        gad_param *param = t->model.params.item[i];
        bool wanted = !word || strstr(param->name, word);
        ASSERT_OK(gad_param_train(param, wanted, &t->device, &err), &err);
    }
}

tiny_sample tiny_sample_open(const tiny *t)
{
    gad_error err;
    tiny_sample s = {.images = golden_open(t->family, &t->model.config, 'c')};
    ASSERT_OK(gad_safetensors_open(golden_path(t->family, "train.safetensors"), &s.values, &err), &err);
    golden_case train = {.values = s.values};
    int64_t n = 0, label_count = 0;
    float *ids = golden_values(&train, "input.ids", &n), *labels = golden_values(&train, "labels", &label_count);
    assert_int_equal(n, label_count);
    s.ids = malloc((size_t)n * sizeof *s.ids);
    s.weight = malloc((size_t)n * sizeof *s.weight);
    for (int64_t i = 0; i < n; i++) {
        s.ids[i] = (int32_t)ids[i];
        s.weight[i] = i && labels[i] >= 0 ? 1 : 0;
        s.labels += s.weight[i] != 0;
    }
    free(ids);
    free(labels);
    s.image = calloc(4, sizeof *s.image);
    s.images.image_count = 1; /* case C opens with the image of case F, and keeps its pixels */
    int64_t at = 0, token = 0;
    for (int64_t i = 0; i < s.images.image_count; i++) {
        while (s.ids[token] != t->model.config.image_token)
            token++;
        s.image[i] = (gad_batch_image){
            .grid = s.images.grid[i], .first = token, .patches = s.images.patches + at * s.images.patch_cols};
        at += gad_grid_patches(s.image[i].grid);
        token += gad_grid_tokens(s.image[i].grid);
    }
    s.segment = (gad_segment){
        .ids = s.ids, .count = n, .weight = s.weight, .image = s.image, .image_count = s.images.image_count, .prefix = -1};
    return s;
}

void tiny_sample_close(tiny_sample *s)
{
    golden_close(&s->images);
    gad_safetensors_free(s->values);
    free(s->ids);
    free(s->weight);
    free(s->image);
}

static void linear_gradient(void *user, const gad_batch *batch, int64_t first, int64_t n, const float *logp,
                            const float *entropy, float *g)
{
    (void)logp;
    (void)entropy;
    for (int64_t i = 0; i < n; i++)
        g[i] = *(const float *)user * batch->label_weight[first + i];
}

gad_objective tiny_linear_objective(const float *factor)
{
    return (gad_objective){.gradient = linear_gradient, .user = (void *)(uintptr_t)factor, .temperature = 1};
}

typedef struct sum_tap {
    const gad_batch *batch;
    int64_t at;
    double sum;
} sum_tap;

static void add_logp(void *user, const char *name, gad_device *device, gad_tensor value)
{
    sum_tap *tap = user;
    if (strcmp(name, "train.logp") != 0)
        return;
    for (int64_t i = 0; i < value.rows; i++) {
        double p = device->dtype == GAD_F64 ? ((double *)value.data)[i] : (double)((float *)value.data)[i];
        tap->sum += p * (double)tap->batch->label_weight[tap->at++];
    }
}

double tiny_linear_loss(const gad_step *step, const gad_batch *batch, double factor)
{
    gad_error err;
    gad_step watched = *step;
    sum_tap tap = {.batch = batch};
    watched.pass.tap = add_logp;
    watched.pass.tap_user = &tap;
    float *logp = malloc((size_t)batch->labels * sizeof *logp);
    ASSERT_OK(gad_step_logprob(&watched, batch, 1, logp, NULL, &err), &err);
    free(logp);
    assert_int_equal(tap.at, batch->labels);
    return factor * tap.sum;
}

double tiny_directional(double (*loss)(void *user), void *user, gad_param *param, uint64_t seed, double *analytic)
{
    const double h = 1e-5;
    gad_rng rng = gad_rng_make(5, seed);
    int64_t n = gad_param_count(param);
    double *w = param->owned, *g = param->gradient.data, length = 0, side[2];
    double *direction = malloc((size_t)n * sizeof *direction), *start = malloc((size_t)n * sizeof *start);
    memcpy(start, w, (size_t)n * sizeof *start);
    for (int64_t i = 0; i < n; i++) {
        direction[i] = gad_rng_normal(&rng);
        length += direction[i] * direction[i];
    }
    *analytic = 0;
    for (int64_t i = 0; i < n; i++) {
        direction[i] /= sqrt(length);
        *analytic += direction[i] * g[i];
    }
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < n; i++)
            w[i] = start[i] + (k ? h : -h) * direction[i];
        side[k] = loss(user);
    }
    memcpy(w, start, (size_t)n * sizeof *start);
    free(direction);
    free(start);
    return (side[1] - side[0]) / (2 * h);
}
