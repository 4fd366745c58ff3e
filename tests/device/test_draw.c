/* test_draw: ids that the CUDA filling draws on the device (its kernel on the processor) are those that generate/sample.c
 * draws from the same logits with the same numbers, whatever the settings. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device/far.h"
#include "generate/sample.h"
#include "support/support.h"

enum { ROWS = 4, ROUNDS = 3, SEEN = 9 };

/* The CUDA kernels on the processor, or the GPU that a run by hand names in GAD_TEST_DEVICE. */
static const char *drawing_device(void)
{
    const char *name = getenv("GAD_TEST_DEVICE");
    return name ? name : "kernels";
}

/* Logits like a model's; in the second half of the rows many are equal. */
static void fill(float *logits, int64_t vocab, gad_rng *rng)
{
    for (int64_t row = 0; row < ROWS; row++)
        for (int64_t i = 0; i < vocab; i++) {
            const double z = 3 * gad_rng_normal(rng);
            logits[row * vocab + i] = (float)(row < ROWS / 2 ? z : round(z));
        }
    for (int64_t i = 0; i < 3 && i < vocab; i++) /* zeros of both signs are equals */
        logits[(ROWS - 1) * vocab + i] = i % 2 ? -0.0f : 0;
}

static int32_t draw_on_host(const gad_sampling *sampling, const float *logits, int64_t vocab, const int32_t *seen,
                            gad_rng *rng)
{
    float *z = malloc((size_t)vocab * sizeof *z);
    int32_t *scratch = malloc((size_t)vocab * sizeof *scratch);
    memcpy(z, logits, (size_t)vocab * sizeof *z);
    gad_sample_process(sampling, z, vocab, seen, SEEN, scratch);
    const int32_t id = gad_sample_draw(sampling, z, vocab, rng);
    free(z);
    free(scratch);
    return id;
}

/* ROUNDS times ROWS draws; how many different ids. */
static int check(gad_device *device, const gad_sampling *sampling, int64_t vocab, uint64_t seed)
{
    gad_rng rng = gad_rng_make(seed, 0), device_rng = gad_rng_make(seed, 1), host_rng = device_rng;
    float *logits = malloc((size_t)(ROWS * vocab) * sizeof *logits);
    int32_t seen[SEEN], first = -1;
    int different = 0;
    for (int round = 0; round < ROUNDS; round++) {
        gad_draw draw[ROWS];
        gad_drawn drawn[ROWS];
        fill(logits, vocab, &rng);
        for (int i = 0; i < SEEN; i++) /* some of them twice */
            seen[i] = (int32_t)gad_rng_below(&rng, (uint32_t)(vocab < SEEN ? vocab : SEEN - 2));
        for (int row = 0; row < ROWS; row++)
            draw[row] = gad_sample_order(sampling, seen, SEEN, &device_rng);
        const size_t mark = device->ops->mark(device);
        gad_tensor z = device->ops->take_exact(device, ROWS, vocab + 3);
        z.cols = vocab; /* rows are further apart than they are long */
        device->ops->fill(device, z, logits);
        device->ops->draw(device, drawn, z, draw);
        device->ops->rewind(device, mark);
        assert_int_equal(gad_device_check(device, NULL), GAD_OK);
        for (int64_t row = 0; row < ROWS; row++) {
            const float *mine = logits + row * vocab;
            const int32_t id = draw_on_host(sampling, mine, vocab, seen, &host_rng);
            assert_true(drawn[row].finite);
            assert_int_equal(drawn[row].id, id);
            assert_true(fabs(drawn[row].logp - ((double)mine[id] - gad_sample_logsumexp(mine, vocab))) < 1e-5);
            different += id != first;
            first = id;
        }
    }
    assert_memory_equal(&device_rng, &host_rng, sizeof host_rng);
    free(logits);
    return different;
}

static void test_equal_draws(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_equal_draws");
    static const gad_sampling sampling[] = {
        {.greedy = true, .temperature = 1, .top_p = 1, .repetition_penalty = 1},
        {.greedy = true, .temperature = 1, .top_p = 1, .repetition_penalty = 1.3},
        {.temperature = 1, .top_p = 1, .repetition_penalty = 1},
        {.temperature = 0.3, .top_p = 1, .top_k = 4, .repetition_penalty = 1},
        {.temperature = 2, .top_p = 0.8, .repetition_penalty = 1},
        {.temperature = 1, .top_p = 1e-9, .repetition_penalty = 1},
        {.temperature = 1.5, .top_p = 1, .min_p = 0.05, .repetition_penalty = 1},
        {.temperature = 3, .top_p = 0.95, .top_k = 50, .min_p = 0.01, .repetition_penalty = 1.05},
    };
    static const int64_t vocab[] = {5, 515, 3000};
    gad_device device;
    gad_error err;
    ASSERT_OK(gad_device_open(&device, drawing_device(), 1, &err), &err);
    for (size_t s = 0; s < sizeof sampling / sizeof *sampling; s++)
        for (size_t v = 0; v < sizeof vocab / sizeof *vocab; v++) {
            const int different = check(&device, &sampling[s], vocab[v], 100 * s + v);
            assert_true(vocab[v] < 100 || different > ROUNDS * ROWS / 2);
        }
    gad_device_close(&device);
}

/* The temperature at which the log-probability is told is its own; logits that are no numbers are told of. */
static void test_told(void **state)
{
    (void)state;
    const float logits[2][4] = {{1, 3, -2, 0.5f}, {1, NAN, 0, 2}};
    const gad_draw draw = {.greedy = true, .temperature = 1, .top_p = 1, .penalty = 1, .told = 2}, both[] = {draw, draw};
    gad_drawn drawn[2];
    gad_device device;
    gad_error err;
    ASSERT_OK(gad_device_open(&device, drawing_device(), 1, &err), &err);
    gad_tensor z = device.ops->take_exact(&device, 2, 4);
    device.ops->fill(&device, z, logits[0]);
    device.ops->draw(&device, drawn, z, both);
    assert_int_equal(gad_device_check(&device, NULL), GAD_OK);
    assert_int_equal(drawn[0].id, 1);
    assert_true(fabs(drawn[0].logp - (1.5 - log(exp(0.5) + exp(1.5) + exp(-1) + exp(0.25)))) < 1e-6);
    assert_true(drawn[0].finite && !drawn[1].finite);
    gad_device_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_equal_draws), cmocka_unit_test(test_told)};
    return cmocka_run_group_tests_name("device/draw", tests, NULL, NULL);
}
