/* mask: every rule of mask -> boxes on masks small enough to draw. */
#include "support/support.h"
#include "task/mask.h"

#include <string.h>

enum { W = 64, H = 48 };

static unsigned char mask[W * H];
static gad_mask_box boxes[GAD_MASK_BOX_LIMIT];
static int count;
static bool reduced;

static void clear(void)
{
    memset(mask, 0, sizeof mask);
}

static void fill(int x1, int y1, int x2, int y2)
{
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++)
            mask[y * W + x] = 255;
}

static void find(void)
{
    gad_error err;
    gad_mask_rule rule = gad_mask_rule_default();
    ASSERT_OK(gad_mask_boxes(mask, W, H, &rule, boxes, &count, &reduced, &err), &err);
}

static void assert_box(int i, int x1, int y1, int x2, int y2, int area)
{
    assert_int_equal(boxes[i].box.x1, x1);
    assert_int_equal(boxes[i].box.y1, y1);
    assert_int_equal(boxes[i].box.x2, x2);
    assert_int_equal(boxes[i].box.y2, y2);
    assert_int_equal(boxes[i].area, area);
}

static void test_simple(void **state)
{
    (void)state;
    clear();
    find();
    assert_int_equal(count, 0);
    fill(5, 6, 6, 7); /* one pixel: kept, as nothing else is there */
    find();
    assert_int_equal(count, 1);
    assert_box(0, 5, 6, 6, 7, 1);
    clear();
    fill(0, 0, W, H); /* touches all borders */
    find();
    assert_int_equal(count, 1);
    assert_box(0, 0, 0, W, H, W * H);
    clear();
    fill(10, 10, 30, 30);
    for (int y = 15; y < 25; y++)
        memset(mask + y * W + 15, 0, 10); /* a ring */
    find();
    assert_int_equal(count, 1);
    assert_box(0, 10, 10, 30, 30, 300);
}

/* Radius is 1 at this size: a gap of 2 empty pixels joins, one of 3 does not. */
static void test_gap(void **state)
{
    (void)state;
    clear();
    fill(10, 10, 14, 14);
    fill(16, 10, 20, 14);
    find();
    assert_int_equal(count, 1);
    assert_box(0, 10, 10, 20, 14, 32);
    assert_int_equal(boxes[0].components, 2);
    clear();
    fill(10, 10, 14, 14);
    fill(17, 10, 21, 14);
    find();
    assert_int_equal(count, 2);
    assert_box(0, 10, 10, 14, 14, 16);
    assert_box(1, 17, 10, 21, 14, 16);
}

static void test_diagonal_is_connected(void **state)
{
    (void)state;
    clear();
    for (int i = 0; i < 12; i++)
        mask[(5 + i) * W + 5 + i] = 1;
    find();
    assert_int_equal(count, 1);
    assert_box(0, 5, 5, 17, 17, 12);
    assert_int_equal(boxes[0].components, 1);
}

static void test_small_groups_are_dropped(void **state)
{
    (void)state;
    clear();
    fill(10, 10, 20, 20);
    fill(40, 40, 41, 43); /* 3 pixels */
    find();
    assert_int_equal(count, 1);
    fill(40, 40, 42, 42); /* 4 + 1 */
    find();
    assert_int_equal(count, 2);
}

/* A small blob inside the box of a big hook is joined with it. */
static void test_inside_is_merged(void **state)
{
    (void)state;
    clear();
    fill(10, 5, 40, 8);
    fill(10, 8, 13, 40);
    fill(25, 20, 30, 25);
    find();
    assert_int_equal(count, 1);
    assert_box(0, 10, 5, 40, 40, 90 + 96 + 25);
}

static void test_order_and_limit(void **state)
{
    (void)state;
    clear();
    for (int i = 0; i < 12; i++)
        fill(2 + i % 4 * 15, 30 - i / 4 * 12, 6 + i % 4 * 15, 34 - i / 4 * 12);
    find();
    assert_int_equal(count, 8);
    assert_true(reduced);
    int64_t area = 0;
    for (int i = 0; i < count; i++) {
        area += boxes[i].area;
        assert_true(i == 0 || gad_box_compare(boxes[i - 1].box, boxes[i].box) < 0);
    }
    assert_int_equal(area, 12 * 16);
}

/* Thousands of specks end in time and lose no pixel. */
static void test_noise_mask(void **state)
{
    (void)state;
    enum { N = 600 };
    static unsigned char noise[N * N];
    int64_t set = 0;
    for (int y = 0; y < N; y += 15)
        for (int x = 0; x < N; x += 15) {
            for (int k = 0; k < 4; k++)
                noise[(y + k / 2) * N + x + k % 2] = 1;
            set += 4;
        }
    gad_error err;
    gad_mask_rule rule = gad_mask_rule_default();
    ASSERT_OK(gad_mask_boxes(noise, N, N, &rule, boxes, &count, &reduced, &err), &err);
    int64_t area = 0;
    for (int i = 0; i < count; i++)
        area += boxes[i].area;
    assert_int_equal(area, set);
    assert_in_range(count, 1, 8);
}

static void test_rule_text(void **state)
{
    (void)state;
    char text[160];
    gad_mask_rule rule = gad_mask_rule_default();
    gad_mask_rule_text(&rule, text, sizeof text);
    assert_string_equal(text, "components8:dilate=0.01,min_px=4,min_frac=2e-06,inside=0.8,iou=0.5,max=8,v1");
    gad_error err;
    rule.max_boxes = 0;
    assert_int_equal(gad_mask_boxes(mask, W, H, &rule, boxes, &count, NULL, &err), GAD_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_diagonal_is_connected),
        cmocka_unit_test(test_small_groups_are_dropped),
        cmocka_unit_test(test_inside_is_merged),
        cmocka_unit_test(test_order_and_limit),
        cmocka_unit_test(test_noise_mask),
        cmocka_unit_test(test_rule_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
