/* golden: every stage of both families against the reference's activations (tests/fixtures, made by
 * reference/make_fixtures.py), on all cases: end to end, and each stage from the reference's own input. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/stages.h"

static const char *const families[] = {"qwen25", "qwen3"};

/* ---- end to end ---------------------------------------------------------------------------------------------------- */

static void test_stages(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        stages s = stages_open(families[f]);
        for (char letter = 'a'; letter <= 'f'; letter++) {
            char title[32];
            snprintf(title, sizeof title, "%s case %c", families[f], letter);
            golden_case c = golden_open(families[f], &s.model.config, letter);
            stage_report r = stages_run(&s, &c, NULL);
            stages_print(title, &r);
            assert_int_equal(r.failed, 0);
            golden_close(&c);
        }
        stages_close(&s);
    }
}

/* Not seen alone: patch, pos, embed, inserted, cos, sin, the DeepStack sums, and (with windows) vis.out, which is
 * merged_permuted in another order. */
static void test_stages_alone(void **state)
{
    (void)state;
    static const int not_alone[] = {6, 8};
    for (size_t f = 0; f < 2; f++) {
        stages s = stages_open(families[f]);
        for (char letter = 'b'; letter <= 'c'; letter++) {
            char title[32];
            snprintf(title, sizeof title, "%s case %c, alone", families[f], letter);
            golden_case c = golden_open(families[f], &s.model.config, letter);
            stage_report r = stages_run_alone(&s, &c), whole = stages_run(&s, &c, NULL);
            stages_print(title, &r);
            assert_int_equal(r.failed, 0);
            assert_int_equal(r.compared, whole.compared - not_alone[f]);
            golden_close(&c);
        }
        stages_close(&s);
    }
}

/* golden_open compares the hash of all cases' pixel values; this one holds them. */
static void test_pixel_values(void **state)
{
    (void)state;
    stages s = stages_open("qwen25");
    golden_case c = golden_open("qwen25", &s.model.config, 'e');
    int64_t n = 0;
    float *expected = golden_values(&c, "pixel_values", &n);
    assert_int_equal(n, c.patch_rows * c.patch_cols);
    assert_memory_equal(expected, c.patches, (size_t)n * sizeof *expected);
    free(expected);
    golden_close(&c);
    stages_close(&s);
}

/* ---- positions and layout: exact ----------------------------------------------------------------------------------- */

static void check_positions(const gad_config *config, const golden_case *c)
{
    gad_error err;
    int64_t n = 0, one = 0;
    int32_t next = 0, *position = malloc((size_t)(3 * c->count) * sizeof *position);
    ASSERT_OK(gad_position_make(c->ids, c->count, config->image_token, c->grid, c->image_count, position, &next, &err),
              &err);
    float *expected = golden_values(c, "input.position_ids", &n), *delta = golden_values(c, "input.delta", &one);
    assert_int_equal(n, 3 * c->count);
    for (int64_t t = 0; t < c->count; t++)
        for (int64_t axis = 0; axis < 3; axis++)
            assert_int_equal(position[3 * t + axis], (int32_t)expected[axis * c->count + t]);
    assert_int_equal(next, c->count + (int64_t)delta[0]);
    free(position);
    free(expected);
    free(delta);
}

/* Segments as the reference has them: where each starts, and where the last ends. */
static void check_segments(const golden_case *c, const char *name, const gad_attention_span *span, int64_t count)
{
    int64_t n = 0;
    float *expected = golden_values(c, name, &n);
    if (!expected)
        return;
    assert_int_equal(n, count + 1);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(span[i].q0, (int64_t)expected[i]);
        assert_int_equal(span[i].q1, (int64_t)expected[i + 1]);
        assert_int_equal(span[i].k0, span[i].q0);
        assert_int_equal(span[i].k1, span[i].q1);
        assert_true(span[i].p0 == span[i].p1 && !span[i].causal);
    }
    free(expected);
}

/* The golden angles are in raster order, ours in working order, as cos and sin. */
static void check_angles(const golden_case *c, const gad_vision_layout *layout)
{
    int64_t n = 0;
    float *angle = golden_values(c, "vis.angles", &n);
    if (!angle)
        return;
    int64_t half = n / layout->patches;
    for (int64_t i = 0; i < layout->patches; i++)
        for (int64_t j = 0; j < half; j++) {
            double a = (double)angle[layout->patch_order[i] * half + j];
            assert_true(fabs(cos(a) - (double)layout->cos[i * half + j]) < 1e-7);
            assert_true(fabs(sin(a) - (double)layout->sin[i * half + j]) < 1e-7);
        }
    free(angle);
}

static void check_layout(const gad_config *config, const golden_case *c)
{
    gad_error err;
    gad_vision_layout layout;
    int64_t n = 0;
    ASSERT_OK(gad_vision_layout_make(&config->vision, c->grid, c->image_count, &layout, &err), &err);
    float *order = golden_values(c, "vis.window_index", &n);
    if (order)
        assert_int_equal(n, layout.tokens);
    for (int64_t i = 0; i < layout.tokens; i++)
        assert_int_equal(layout.token_order[i], order ? (int64_t)order[i] : config->vision.window ? -1 : i);
    for (int64_t i = 0; i < layout.patches; i++)
        assert_int_equal(layout.patch_order[i], 4 * layout.token_order[i / 4] + i % 4);
    if (config->vision.window)
        check_segments(c, "vis.cu_window", layout.window, layout.window_count);
    check_segments(c, "vis.cu_full", layout.full, layout.full_count);
    check_angles(c, &layout);
    free(order);
    gad_vision_layout_free(&layout);
}

static void test_positions(void **state)
{
    (void)state;
    int layouts = 0;
    for (size_t f = 0; f < 2; f++) {
        stages s = stages_open(families[f]);
        for (char letter = 'a'; letter <= 'f'; letter++) {
            golden_case c = golden_open(families[f], &s.model.config, letter);
            check_positions(&s.model.config, &c);
            bool held = gad_safetensors_find(c.values, "vis.cu_full") != NULL;
            if (held)
                check_layout(&s.model.config, &c);
            layouts += held;
            golden_close(&c);
        }
        stages_close(&s);
    }
    assert_int_equal(layouts, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_stages_alone),
        cmocka_unit_test(test_pixel_values),
        cmocka_unit_test(test_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
