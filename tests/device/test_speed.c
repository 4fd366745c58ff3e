/* test_speed: gad speed on a device: the CPU's output where the arithmetic is the CPU's, all rows, against what the device
 * reaches at best. */
#include <string.h>

#include "device/far.h"
#include "gad_bench.h"
#include "support/support.h"

static const gad_speed_row *row_of(const gad_speed_report *r, const char *name)
{
    for (int i = 0; i < r->rows; i++)
        if (!strcmp(r->row[i].name, name))
            return &r->row[i];
    fail_msg("there is no row \"%s\"", name);
    return NULL;
}

static void test_answers(void **state)
{
    (void)state;
    gad_error err;
    gad_speed_report cpu, far, half;
    gad_speed_settings s = {.shape = "gad-xs",
                            .compute.device = "cpu",
                            .compute.precision = GAD_PRECISION_FP32,
                            .compute.threads = 1,
                            .prompt_tokens = 20,
                            .answer_tokens = 4,
                            .image_side_px = 56,
                            .repeats = 1,
                            .batch = 3};
    ASSERT_OK(gad_speed_measure(&s, &cpu, &err), &err);
    far_have((size_t)128 << 20);
    s.compute.device = "far";
    s.limits = true;
    ASSERT_OK(gad_speed_measure(&s, &far, &err), &err);
    assert_string_equal(far.level, "far");
    assert_string_equal(far.output_hash, cpu.output_hash);
    s.compute.device = "half";
    s.compute.precision = GAD_PRECISION_CHECKPOINT;
    ASSERT_OK(gad_speed_measure(&s, &half, &err), &err);
    assert_string_not_equal(half.output_hash, cpu.output_hash);
    assert_string_equal(half.products, "BF16");
    static const char *const rows[] = {"image encode", "prefill", "decode", "decode, batch 3"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(row_of(&far, rows[i])->limit > 0 && row_of(&far, rows[i])->rate > 0);
        assert_true(row_of(&half, rows[i])->median > 0);
    }
    assert_int_equal(far_held_bytes(), 0);
}

static void test_training(void **state)
{
    (void)state;
    gad_error err;
    gad_speed_report cpu, far;
    for (int lora = 0; lora <= 4; lora += 4) {
        gad_training_benchmark_settings s = {.of.shape = "gad-xs",
                                             .of.compute.device = "cpu",
                                             .of.compute.precision = GAD_PRECISION_FP32,
                                             .lora_rank = lora,
                                             .step = true,
                                             .grpo = true,
                                             .rollouts = true,
                                             .checkpointing = true,
                                             .of.compute.threads = 1,
                                             .samples = 1,
                                             .group = 3,
                                             .of.prompt_tokens = 4,
                                             .of.answer_tokens = 5,
                                             .of.image_side_px = 56,
                                             .of.repeats = 1};
        ASSERT_OK(gad_training_benchmark_measure(&s, &cpu, &err), &err);
        s.of.compute.device = "far";
        ASSERT_OK(gad_training_benchmark_measure(&s, &far, &err), &err);
        assert_string_equal(far.output_hash, cpu.output_hash);
        static const char *const rows[] = {"SFT step", "language back", "GRPO step", "answers", "update", "prefix shared"};
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            assert_true(row_of(&far, rows[i])->median > 0);
        s.of.compute.device = "half";
        s.of.compute.precision = GAD_PRECISION_CHECKPOINT;
        ASSERT_OK(gad_training_benchmark_measure(&s, &far, &err), &err);
        assert_int_equal(far_held_bytes(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_training),
    };
    return cmocka_run_group_tests_name("device/speed", tests, NULL, NULL);
}
