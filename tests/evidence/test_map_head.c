/* test_map_head: the head's logits against PyTorch's, its gradients against finite differences in double, its file, and
 * the maps of distances that it sees against plain loops. */
#include "evidence/map_head.h"

#include "base/memory.h"
#include "base/rng.h"
#include "evidence/distances.h"
#include "evidence/sight.h"
#include "op/reference.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 6, COLS = 11, CELLS = ROWS * COLS, WIDTH = 24, LEVELS = 3, MAPS = 2 + LEVELS, PARTS = 3 };
static const int64_t level_width[LEVELS] = {4, 8, 12};

/* ---- distances ----------------------------------------------------------------------------------------------------- */

/* A picture of random rows, each level of one length. */
static gad_descriptors make_picture(int seed)
{
    static float data[PARTS + 1][CELLS * WIDTH], whole[PARTS + 1][WIDTH];
    gad_descriptors d = {
        .rows = ROWS, .cols = COLS, .width = WIDTH, .stride = 16, .data = data[seed], .whole = whole[seed]};
    gad_rng rng = gad_rng_make(5, (uint64_t)seed);
    d.levels.count = LEVELS;
    memcpy(d.levels.width, level_width, sizeof level_width);
    d.whole[0] = 1;
    for (int i = 0; i < CELLS; i++)
        for (int64_t l = 0, from = 0; l < LEVELS; from += level_width[l++]) {
            float *row = d.data + i * WIDTH + from;
            double length = 0;
            for (int64_t c = 0; c < level_width[l]; c++) {
                row[c] = (float)(gad_rng_normal(&rng) + (c == i % 3 ? 2 : 0));
                length += (double)row[c] * (double)row[c];
            }
            for (int64_t c = 0; c < level_width[l]; c++)
                row[c] *= (float)(1 / sqrt(length * LEVELS));
        }
    return d;
}

static double cosine(const gad_descriptors *a, int i, const gad_descriptors *b, int k, int64_t from, int64_t width)
{
    double sum = 0;
    for (int64_t c = from; c < from + width; c++)
        sum += (double)a->data[i * WIDTH + c] * (double)b->data[k * WIDTH + c];
    return sum;
}

static double plain_self(const gad_descriptors *d, int i)
{
    double best = 0;
    for (int k = 0; k < CELLS; k++)
        if (abs(i / COLS - k / COLS) >= GAD_DISTANCES_FAR || abs(i % COLS - k % COLS) >= GAD_DISTANCES_FAR)
            best = fmax(best, cosine(d, i, d, k, 0, WIDTH));
    return 1 - best;
}

/* With the parts but one. */
static double plain_distance(const gad_descriptors *d, int i, int except, int64_t from, int64_t width, double unit)
{
    double best = 0;
    for (int p = 0; p < PARTS; p++) {
        const gad_descriptors good = make_picture(p);
        for (int k = 0; p != except && k < CELLS; k++)
            best = fmax(best, cosine(d, i, &good, k, from, width) * unit);
    }
    return 1 - best;
}

static void fill_bank(gad_bank *bank)
{
    gad_error err;
    for (int p = 0; p < PARTS; p++) {
        const gad_descriptors d = make_picture(p);
        ASSERT_OK(gad_bank_add(bank, "part", &d, 1, &err), &err);
    }
}

static void test_distances(void **state)
{
    (void)state;
    gad_bank bank = {0};
    gad_device device;
    gad_error err;
    static float map[MAPS * CELLS], distance[CELLS];
    const int blank = 17;
    ASSERT_OK(gad_device_open_cpu(&device, 2, &err), &err);
    fill_bank(&bank);
    gad_descriptors picture = make_picture(PARTS);
    memset(picture.data + blank * WIDTH, 0, WIDTH * sizeof(float));
    for (int except = -1; except < PARTS; except += 2) {
        ASSERT_OK(gad_distances_make(&bank, &device, &picture, except, map, &err), &err);
        for (int i = 0; i < CELLS; i++) { /* rows of 16 bits */
            const double self = plain_self(&picture, i), joint = plain_distance(&picture, i, except, 0, WIDTH, 1);
            assert_true(fabs((double)map[GAD_DISTANCES_JOINT * CELLS + i] - (i == blank ? -1 : joint)) < 5e-3);
            assert_true(fabs((double)map[GAD_DISTANCES_SELF * CELLS + i] - (i == blank ? -1 : self)) < 1e-5);
            for (int64_t l = 0, from = 0; l < LEVELS; from += level_width[l++]) {
                const double level = plain_distance(&picture, i, except, from, level_width[l], LEVELS);
                assert_true(fabs((double)map[(GAD_DISTANCES_LEVELS + l) * CELLS + i] - (i == blank ? -1 : level)) < 1e-2);
            }
        }
    }
    /* without a head: the joint distance */
    const gad_sight sight = gad_sight_make();
    ASSERT_OK(gad_sight_measure(&bank, &sight, &device, &picture, 1, distance, NULL, &err), &err);
    ASSERT_OK(gad_distances_make(&bank, &device, &picture, 1, map, &err), &err);
    for (int i = 0; i < CELLS; i++)
        assert_true(fabs((double)distance[i] - (double)map[i]) < 1e-5);
    gad_bank_free(&bank);
    gad_device_close(&device);
}

/* Scatter of the distances gives the head weight, its own takes it; it begins where good parts lie; a few say little. */
static void test_fit(void **state)
{
    (void)state;
    const double still[] = {0.1, 0.1, 0.1, 0.1}, wide[] = {0, 0.4, 0, 0.4}, low[] = {-1, -1, -1, -1}, high[] = {2, 6, 2, 6};
    gad_sight a = gad_sight_make(), b = a, c = a;
    float distance[] = {0.5f, -1, 0.5f};
    const float logit[] = {3, 3, -40};
    gad_sight_fit(&a, still, low, 4);
    gad_sight_fit(&b, wide, low, 4);
    gad_sight_fit(&c, still, high, 4);
    assert_true(b.slope > a.slope && a.slope > c.slope);
    assert_true(fabs(c.level - 4.0 / 3) < 1e-9); /* the mean counts as 4 of 12 */
    gad_sight_raise(&a, distance, logit, 3);
    assert_true(fabs((double)distance[0] - 0.5 - a.slope * log1p(exp(3 - a.level))) < 1e-6);
    assert_true(distance[1] == -1 && distance[2] == 0.5f);
}

/* ---- the head ------------------------------------------------------------------------------------------------------ */

static void test_golden(void **state)
{
    (void)state;
    const char *path = support_source("tests/fixtures/features/map_head.safetensors");
    gad_safetensors *file = NULL;
    gad_map_head head;
    gad_device device;
    gad_error err;
    float map[5 * 7 * 9], want[7 * 9], logit[7 * 9];
    ASSERT_OK(gad_safetensors_open(path, &file, &err), &err);
    ASSERT_OK(gad_map_head_read(file, path, &head, &err), &err);
    assert_true(gad_map_head_exists(&head));
    ASSERT_OK(gad_safetensors_copy_f32(gad_safetensors_find(file, "maps"), 0, 5 * 7 * 9, map, &err), &err);
    ASSERT_OK(gad_safetensors_copy_f32(gad_safetensors_find(file, "logit"), 0, 7 * 9, want, &err), &err);
    ASSERT_OK(gad_device_open_cpu(&device, 1, &err), &err);
    ASSERT_OK(gad_map_head_run(&head, &device, map, 7, 9, logit, &err), &err);
    support_assert_close("logit", logit, want, 7 * 9, 2e-5);
    gad_map_head_free(&head);
    gad_safetensors_free(file);
    gad_device_close(&device);
}

static void test_file(void **state)
{
    (void)state;
    const char *path = support_scratch(GAD_TEST_TMP, "head.safetensors");
    gad_map_head head, again;
    gad_error err;
    ASSERT_OK(gad_map_head_new(MAPS, (gad_hash){7, 9}, 3, &head, &err), &err);
    ASSERT_OK(gad_map_head_save(&head, path, &err), &err);
    ASSERT_OK(gad_map_head_open(path, &again, &err), &err);
    assert_true(gad_hash_equal(gad_map_head_hash(&head), gad_map_head_hash(&again)));
    ((float *)again.scale->owned)[3] = 0; /* what is divided by */
    ASSERT_OK(gad_map_head_save(&again, path, &err), &err);
    gad_map_head_free(&again);
    assert_int_equal(gad_map_head_open(path, &again, &err), GAD_E_FORMAT);
    ((float *)head.logit.weight->owned)[0] = NAN;
    ASSERT_OK(gad_map_head_save(&head, path, &err), &err);
    assert_int_equal(gad_map_head_open(path, &again, &err), GAD_E_FORMAT);
    gad_map_head_free(&head);
    assert_int_equal(gad_map_head_open(support_source("tests/fixtures/features/lite.safetensors"), &again, &err),
                     GAD_E_FORMAT);
}

/* ---- finite differences -------------------------------------------------------------------------------------------- */

static float weight_of(int64_t cell)
{
    return (float)((cell * 7) % 11 - 5) / 8;
}

/* Sum of weighted logits; with `back` gradients are added. */
static double loss_of(const gad_map_head *head, gad_device *device, const float *channel, bool back)
{
    gad_error err;
    const gad_pass pass = {.device = device};
    const size_t mark = device->ops->mark(device);
    gad_map_head_saved saved;
    gad_tensor x = device->ops->take(device, CELLS, head->channels), d_logit = device->ops->take(device, CELLS, 1);
    float weight[CELLS];
    double sum = 0;
    device->ops->fill(device, x, channel);
    gad_map_head_forward(&pass, head, x, ROWS, COLS, &saved);
    for (int i = 0; i < CELLS; i++) {
        weight[i] = weight_of(i);
        sum += (double)weight[i] * ((double *)saved.logit.data)[i];
    }
    device->ops->fill(device, d_logit, weight);
    if (back)
        ASSERT_OK(gad_map_head_backward(&pass, head, d_logit, &saved, &err), &err);
    device->ops->rewind(device, mark);
    return sum;
}

static void test_finite_differences(void **state)
{
    (void)state;
    gad_map_head head;
    gad_device device;
    gad_error err;
    gad_rng rng = gad_rng_make(2, 2);
    const double step = 1e-5;
    ASSERT_OK(gad_device_open_reference(&device, &err), &err);
    ASSERT_OK(gad_map_head_new(MAPS, (gad_hash){0}, 3, &head, &err), &err);
    float channel[CELLS * 2 * MAPS];
    for (int i = 0; i < CELLS * 2 * MAPS; i++)
        channel[i] = (float)gad_rng_normal(&rng);
    for (size_t p = 2; p < head.params.count; p++) /* behind mean and scale */
        ASSERT_OK(gad_param_train(head.params.item[p], true, &device, &err), &err);
    loss_of(&head, &device, channel, true);
    for (size_t p = 2; p < head.params.count; p++) {
        gad_param *param = head.params.item[p];
        double *value = param->owned, *gradient = param->gradient.data;
        const int64_t count = gad_param_count(param), stride = count > 40 ? count / 40 : 1;
        for (int64_t i = 0; i < count; i += stride) {
            const double kept = value[i];
            value[i] = kept + step;
            const double above = loss_of(&head, &device, channel, false);
            value[i] = kept - step;
            const double below = loss_of(&head, &device, channel, false), want = (above - below) / (2 * step);
            value[i] = kept;
            if (fabs(gradient[i] - want) > 1e-6 * fmax(1, fabs(want)))
                fail_msg("%s[%lld]: %g, by differences %g", param->name, (long long)i, gradient[i], want);
        }
    }
    gad_map_head_free(&head);
    gad_device_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
