/* box: the matching vectors of the benchmark, conversions both ways, the mask IoU against drawn masks. */
#include "base/rng.h"
#include "support/support.h"
#include "task/box.h"

#include <math.h>
#include <string.h>

typedef struct counts {
    size_t tp, fp, fn;
} counts;

static counts match_one(const gad_box *truth, size_t truths, const gad_box *prediction, size_t predictions, double t)
{
    int64_t truth_of[8], prediction_of[8];
    size_t tp = gad_box_match_one(truth, truths, prediction, predictions, t, truth_of, prediction_of);
    for (size_t i = 0; i < predictions; i++)
        if (truth_of[i] >= 0)
            assert_int_equal(prediction_of[truth_of[i]], i);
    return (counts){tp, predictions - tp, truths - tp};
}

static void assert_counts(counts got, counts expected)
{
    assert_int_equal(got.tp, expected.tp);
    assert_int_equal(got.fp, expected.fp);
    assert_int_equal(got.fn, expected.fn);
}

/* The table "IoU and counts" of the benchmark specification. */
static void test_matching_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t truths, predictions;
        gad_box truth[2], prediction[2];
        double iou; /* of truth 0 and prediction 0 */
        counts at_01, at_05;
        size_t found, right; /* many, 0.1 */
    } rows[] = {
        {1, 1, {{100, 100, 200, 200}}, {{110, 110, 210, 210}}, .6807, {1, 0, 0}, {1, 0, 0}, 1, 1},
        {2, 1, {{0, 0, 100, 100}, {200, 0, 300, 100}}, {{0, 0, 300, 100}}, .3333, {1, 0, 1}, {0, 1, 2}, 2, 1},
        {1, 2, {{0, 0, 100, 100}}, {{0, 0, 100, 100}, {0, 0, 100, 100}}, 1, {1, 1, 0}, {1, 1, 0}, 1, 2},
        {1, 0, {{0, 0, 100, 100}}, {{0, 0, 0, 0}}, 0, {0, 0, 1}, {0, 0, 1}, 0, 0},
        {1, 1, {{0, 0, 100, 100}}, {{90, 90, 190, 190}}, .0050, {0, 1, 1}, {0, 1, 1}, 0, 0},
        {2,
         2,
         {{0, 0, 100, 100}, {50, 0, 150, 100}},
         {{40, 0, 140, 100}, {300, 300, 310, 310}},
         .4286,
         {1, 1, 1},
         {1, 1, 1},
         2,
         1},
        {1, 1, {{10, 10, 20, 20}}, {{20, 10, 30, 20}}, 0, {0, 1, 1}, {0, 1, 1}, 0, 0},
        {1, 1, {{0, 0, 100, 100}}, {{0, 0, 100, 10}}, .1, {1, 0, 0}, {0, 1, 1}, 1, 1},
        {2,
         2,
         {{0, 0, 100, 100}, {100, 0, 200, 100}},
         {{10, 0, 110, 100}, {0, 0, 60, 100}},
         .8182,
         {1, 1, 1},
         {1, 1, 1},
         1,
         2},
    };
    counts sum = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const gad_box *truth = rows[i].truth, *prediction = rows[i].prediction;
        size_t truths = rows[i].truths, predictions = rows[i].predictions;
        if (predictions)
            assert_true(fabs(gad_box_iou(truth[0], prediction[0]) - rows[i].iou) < 5e-5);
        counts got = match_one(truth, truths, prediction, predictions, 0.1);
        assert_counts(got, rows[i].at_01);
        assert_counts(match_one(truth, truths, prediction, predictions, 0.5), rows[i].at_05);
        size_t found, right;
        gad_box_match_many(truth, truths, prediction, predictions, 0.1, &found, &right);
        assert_int_equal(found, rows[i].found);
        assert_int_equal(right, rows[i].right);
        sum = (counts){sum.tp + got.tp, sum.fp + got.fp, sum.fn + got.fn};
    }
    assert_counts(sum, (counts){6, 5, 6});
    assert_true(fabs(gad_box_iou(rows[5].truth[1], rows[5].prediction[0]) - .8182) < 5e-5);
    assert_true(fabs(gad_box_iou(rows[8].truth[0], rows[8].prediction[1]) - .6) < 5e-5);
    assert_true(fabs(gad_box_iou(rows[8].truth[1], rows[8].prediction[0]) - .0526) < 5e-5);
}

/* Ties go to the lower truth, then the lower prediction; a box without area matches nothing, even at threshold 0. */
static void test_matching_ties(void **state)
{
    (void)state;
    const gad_box same[2] = {{0, 0, 10, 10}, {0, 0, 10, 10}};
    int64_t truth_of[2], prediction_of[2];
    assert_int_equal(gad_box_match_one(same, 2, same, 2, 0.5, truth_of, prediction_of), 2);
    assert_int_equal(truth_of[0], 0);
    assert_int_equal(truth_of[1], 1);
    const gad_box broken[2] = {{10, 10, 0, 0}, {5, 0, 5, 10}};
    assert_int_equal(gad_box_match_one(same, 2, broken, 2, 0, truth_of, prediction_of), 0);
    assert_true(gad_box_iou(same[0], broken[0]) == 0);
    size_t found, right;
    gad_box_match_many(same, 2, broken, 2, 0, &found, &right);
    assert_int_equal(found + right, 0);
    assert_false(gad_box_valid(broken[0]));
    assert_true(gad_box_best_iou(same[0], NULL, 0) == 0);
}

static void test_canvas(void **state)
{
    (void)state;
    static const int sizes[][4] = {{1500, 1000, 672, 448}, {1600, 1280, 560, 448}, {900, 900, 448, 448},
                                   {1600, 1200, 597, 448}, {1000, 1500, 448, 672}, {448, 448, 448, 448}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int width, height;
        gad_box_canvas(sizes[i][0], sizes[i][1], &width, &height);
        assert_int_equal(width, sizes[i][2]);
        assert_int_equal(height, sizes[i][3]);
    }
}

static void assert_box(gad_box box, double x1, double y1, double x2, double y2)
{
    if (fabs(box.x1 - x1) + fabs(box.y1 - y1) + fabs(box.x2 - x2) + fabs(box.y2 - y2) > 1e-9)
        fail_msg("%g %g %g %g, expected %g %g %g %g", box.x1, box.y1, box.x2, box.y2, x1, y1, x2, y2);
}

static void assert_model_box(gad_model_box box, double a, double b, double c, double d)
{
    assert_box((gad_box){box.value[0], box.value[1], box.value[2], box.value[3]}, a, b, c, d);
}

static void test_conventions(void **state)
{
    (void)state;
    /* 1500x1000: canvas 672x448, input of a processor 1484x1008 */
    gad_model_box box = {{67.2, 44.8, 336, 224}};
    gad_box_frame canvas = gad_box_frame_make(GAD_BOX_CANVAS, GAD_BOX_XY, 1500, 1000, 0, 0);
    assert_box(gad_box_from_model(&canvas, box), 150, 100, 750, 500);
    assert_model_box(gad_box_to_model(&canvas, (gad_box){150, 100, 750, 500}), 67, 45, 336, 224);
    gad_box_frame stated = gad_box_frame_make(GAD_BOX_CANVAS, GAD_BOX_XY, 1500, 1000, 750, 500);
    assert_box(gad_box_from_model(&stated, box), 134.4, 89.6, 672, 448);
    gad_box_frame input = gad_box_frame_make(GAD_BOX_INPUT, GAD_BOX_XY, 1500, 1000, 1484, 1008);
    assert_box(gad_box_from_model(&input, (gad_model_box){{742, 504, 1484, 1008}}), 750, 500, 1500, 1000);
    gad_box_frame rel1000 = gad_box_frame_make(GAD_BOX_REL1000, GAD_BOX_XY, 1500, 1000, 1484, 1008);
    assert_box(gad_box_from_model(&rel1000, (gad_model_box){{100, 200, 500, 1000}}), 150, 200, 750, 1000);
    assert_model_box(gad_box_to_model(&rel1000, (gad_box){150, 200, 750, 1000}), 100, 200, 500, 1000);
    gad_box_frame yx = gad_box_frame_make(GAD_BOX_REL1000, GAD_BOX_YX, 1500, 1000, 0, 0);
    assert_box(gad_box_from_model(&yx, (gad_model_box){{200, 100, 1000, 500}}), 150, 200, 750, 1000);
    assert_model_box(gad_box_to_model(&yx, (gad_box){150, 200, 750, 1000}), 200, 100, 1000, 500);
    gad_box_frame rel1 = gad_box_frame_make(GAD_BOX_REL1, GAD_BOX_XY, 1500, 1000, 0, 0);
    assert_box(gad_box_from_model(&rel1, (gad_model_box){{.1, .2, .5, 1}}), 150, 200, 750, 1000);
    assert_model_box(gad_box_to_model(&rel1, (gad_box){151, 200, 750, 1000}), .101, .2, .5, 1);
    gad_box_frame orig = gad_box_frame_make(GAD_BOX_ORIG, GAD_BOX_XY, 1500, 1000, 0, 0);
    assert_box(gad_box_from_model(&orig, box), 67.2, 44.8, 336, 224);
    for (int c = GAD_BOX_CANVAS; c <= GAD_BOX_ORIG; c++) {
        gad_box_convention back;
        assert_true(gad_box_convention_parse(gad_box_convention_name((gad_box_convention)c), &back));
        assert_int_equal(back, c);
    }
    gad_box_convention none;
    assert_false(gad_box_convention_parse("pixels", &none));
}

/* Every convention brings boxes back to within half a model unit (1.5 where a box thinner than a unit was widened), and
 * never writes an empty box. */
static void test_round_trip(void **state)
{
    (void)state;
    gad_rng rng = gad_rng_make(5, 0);
    for (int i = 0; i < 20000; i++) {
        int width = 1 + (int)gad_rng_below(&rng, 3000), height = 1 + (int)gad_rng_below(&rng, 3000);
        gad_box_convention convention = (gad_box_convention)(i % 5);
        gad_box_order order = i / 5 % 2 ? GAD_BOX_YX : GAD_BOX_XY;
        gad_box_frame frame = gad_box_frame_make(convention, order, width, height, convention == GAD_BOX_INPUT ? 980 : 0,
                                                 convention == GAD_BOX_INPUT ? 644 : 0);
        double x = gad_rng_below(&rng, (uint32_t)width), y = gad_rng_below(&rng, (uint32_t)height);
        gad_box box = {x, y, x + 1 + gad_rng_below(&rng, (uint32_t)(width - x)),
                       y + 1 + gad_rng_below(&rng, (uint32_t)(height - y))};
        gad_model_box model = gad_box_to_model(&frame, box);
        gad_box back = gad_box_from_model(&frame, model);
        assert_true(gad_box_valid(back));
        double moved;
        gad_box_clamp(back, width, height, &moved);
        assert_true(moved < 1e-6);
        double unit = convention == GAD_BOX_REL1 ? 0.001 : 1;
        double unit_x = unit * width / frame.width, unit_y = unit * height / frame.height;
        double slack_x = unit_x * (box.x2 - box.x1 > unit_x ? 0.5 : 1.5) + 1e-6;
        double slack_y = unit_y * (box.y2 - box.y1 > unit_y ? 0.5 : 1.5) + 1e-6;
        assert_true(fabs(back.x1 - box.x1) <= slack_x && fabs(back.x2 - box.x2) <= slack_x);
        assert_true(fabs(back.y1 - box.y1) <= slack_y && fabs(back.y2 - box.y2) <= slack_y);
    }
}

static void test_clamp(void **state)
{
    (void)state;
    double moved;
    assert_box(gad_box_clamp((gad_box){-3, 2, 11.5, 9}, 10, 8, &moved), 0, 2, 10, 8);
    assert_true(moved == 3);
    assert_box(gad_box_clamp((gad_box){1, 2, 3, 4}, 10, 8, &moved), 1, 2, 3, 4);
    assert_true(moved == 0);
    assert_box(gad_box_clamp((gad_box){20, 20, 30, 30}, 10, 8, NULL), 10, 8, 10, 8);
}

enum { SIDE = 40 };
static void draw(const gad_box *boxes, size_t count, bool *mask)
{
    memset(mask, 0, SIDE * SIDE * sizeof *mask);
    for (size_t i = 0; i < count; i++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                if (x + 0.5 >= boxes[i].x1 && x + 0.5 < boxes[i].x2 && y + 0.5 >= boxes[i].y1 && y + 0.5 < boxes[i].y2)
                    mask[y * SIDE + x] = true;
}

static void test_mask_iou(void **state)
{
    (void)state;
    gad_rng rng = gad_rng_make(6, 0);
    static bool mask[2][SIDE * SIDE];
    gad_error err;
    for (int round = 0; round < 3000; round++) {
        gad_box boxes[2][6];
        size_t count[2];
        for (int s = 0; s < 2; s++) {
            count[s] = gad_rng_below(&rng, 7);
            for (size_t i = 0; i < count[s]; i++) {
                gad_box *b = &boxes[s][i];
                *b = (gad_box){gad_rng_range(&rng, 0, SIDE), gad_rng_range(&rng, 0, SIDE), gad_rng_range(&rng, 0, SIDE),
                               gad_rng_range(&rng, 0, SIDE)}; /* half of them are inside out */
                if (round % 2)
                    *b = (gad_box){floor(b->x1), floor(b->y1), ceil(b->x2), ceil(b->y2)};
            }
            draw(boxes[s], count[s], mask[s]);
        }
        int common = 0, both = 0;
        for (int i = 0; i < SIDE * SIDE; i++) {
            common += mask[0][i] && mask[1][i];
            both += mask[0][i] || mask[1][i];
        }
        double iou = -1;
        ASSERT_OK(gad_box_mask_iou(boxes[0], count[0], boxes[1], count[1], &iou, &err), &err);
        assert_true(fabs(iou - (both ? (double)common / both : 0)) < 1e-12);
    }
}

static void test_order(void **state)
{
    (void)state;
    const gad_box ordered[] = {{5, 1, 6, 2}, {2, 3, 4, 5}, {3, 3, 4, 4}, {3, 3, 3.5, 5}, {3, 3, 4, 5}};
    enum { N = sizeof ordered / sizeof *ordered };
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            assert_int_equal(gad_box_compare(ordered[i], ordered[k]), (i > k) - (i < k));
    assert_true(gad_box_area((gad_box){1, 2, 4.5, 4}) == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching_vectors), cmocka_unit_test(test_matching_ties), cmocka_unit_test(test_canvas),
        cmocka_unit_test(test_conventions),      cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_clamp),
        cmocka_unit_test(test_mask_iou),         cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
