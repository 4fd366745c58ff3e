/* test_map_trainer: a head learns what a defect looks like in maps that are made up here, does not depend on the number of
 * threads, and says what it is worth on the samples kept back. */
#include "train/map_trainer.h"

#include "base/memory.h"
#include "base/rng.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

enum { ROWS = 9, COLS = 12, CELLS = ROWS * COLS, MAPS = 3, CHANNELS = 2 * MAPS, SAMPLES = 60 };

/* Noise in every map; a defect is a square in the third, which the distances alone (the first) do not show. */
static void make_samples(gad_map_samples *samples)
{
    *samples = (gad_map_samples){.item = gad_memory_zero(SAMPLES, sizeof *samples->item), .count = SAMPLES, .maps = MAPS};
    assert_non_null(samples->item);
    for (int i = 0; i < SAMPLES; i++) {
        gad_map_sample *s = &samples->item[i];
        gad_rng rng = gad_rng_make(4, (uint64_t)i);
        float map[MAPS * CELLS], spare[CELLS];
        *s = (gad_map_sample){.rows = ROWS, .cols = COLS, .anomalous = i % 2 == 0, .distance = gad_rng_uniform(&rng)};
        s->channel = gad_memory_alloc(CELLS * CHANNELS, sizeof *s->channel);
        s->target = gad_memory_zero(CELLS, sizeof *s->target);
        assert_true(s->channel && s->target);
        for (int k = 0; k < MAPS * CELLS; k++)
            map[k] = (float)gad_rng_range(&rng, 0.1, 0.2);
        const int64_t y = gad_rng_below(&rng, ROWS - 2), x = gad_rng_below(&rng, COLS - 2);
        for (int64_t k = 0; s->anomalous && k < 9; k++) {
            const int64_t cell = (y + k / 3) * COLS + x + k % 3;
            s->target[cell] = 1;
            map[2 * CELLS + cell] += 0.1f;
        }
        gad_map_head_prepare(map, MAPS, CELLS, spare, s->channel);
    }
}

static void train(const gad_map_samples *samples, int threads, gad_map_head *head, gad_head_report *report)
{
    gad_error err;
    gad_head_settings settings = gad_head_settings_default();
    settings.batch = 8;
    settings.schedule.steps = support_is_short() ? 60 : 200;
    settings.eval_share = 0.25;
    settings.threads = threads;
    ASSERT_OK(gad_map_head_new(MAPS, (gad_hash){1, 2}, 1, head, &err), &err);
    gad_map_trainer_normalise(samples, head);
    ASSERT_OK(gad_map_trainer_run(&settings, samples, head, report, &err), &err);
}

static void test_learns(void **state)
{
    (void)state;
    gad_map_samples samples;
    gad_map_head head, again;
    gad_head_report report;
    make_samples(&samples);
    train(&samples, 1, &head, &report);
    assert_int_equal(report.trained, 45);
    assert_int_equal(report.evaluated, 15);
    assert_true(report.auroc_head > 95);
    assert_true(report.auroc_distances < 80);
    train(&samples, 2, &again, &report);
    assert_true(gad_hash_equal(gad_map_head_hash(&head), gad_map_head_hash(&again)));
    gad_map_head_free(&head);
    gad_map_head_free(&again);
    gad_map_samples_free(&samples);
}

static void test_normalises(void **state)
{
    (void)state;
    gad_map_samples samples;
    gad_map_head head;
    gad_error err;
    make_samples(&samples);
    ASSERT_OK(gad_map_head_new(MAPS, (gad_hash){1, 2}, 1, &head, &err), &err);
    gad_map_trainer_normalise(&samples, &head);
    double sum[CHANNELS] = {0}, squares[CHANNELS] = {0};
    for (int i = 0; i < SAMPLES; i++) {
        float channel[CELLS * CHANNELS];
        memcpy(channel, samples.item[i].channel, sizeof channel);
        gad_map_head_normalise(&head, CELLS, channel);
        for (int k = 0; k < CELLS * CHANNELS; k++) {
            sum[k % CHANNELS] += (double)channel[k] / (CELLS * SAMPLES);
            squares[k % CHANNELS] += (double)channel[k] * (double)channel[k] / (CELLS * SAMPLES);
        }
    }
    for (int c = 0; c < CHANNELS; c++) {
        assert_true(fabs(sum[c]) < 1e-3);
        assert_true(fabs(squares[c] - 1) < 0.1); /* a little is added to the deviation */
    }
    gad_map_head_free(&head);
    gad_map_samples_free(&samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_learns), cmocka_unit_test(test_normalises)};
    return cmocka_run_group_tests_name("train/map_trainer", tests, NULL, NULL);
}
