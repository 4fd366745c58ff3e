/* area: rectangles and masks agree with what is asked of them, pixel by pixel; pictures are painted where nothing is looked
 * at, and nowhere else. */
#include <string.h>

#include "inspect/area.h"
#include "support/support.h"

static void test_rectangle(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_image area = {0}, mask = {0}, picture = {0}, painted = {0};
    const double left[4] = {0, 0, 0.5, 1}, nowhere[4] = {0, 0, 0.0001, 1}, outside[4] = {0.5, 0, 0.6, 1};
    ASSERT_OK(gad_area_make(left, NULL, &area, &err), &err);
    assert_true(gad_area_holds(&area, 0.1, 0.9) && !gad_area_holds(&area, 0.6, 0.1) && !gad_area_holds(&area, 1, 1));
    gad_image_free(&area);
    assert_int_equal(gad_area_make(nowhere, NULL, &area, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_area_make(outside, NULL, &area, &err), GAD_E_ARGUMENT);
    /* a mask of 4 x 2: its upper row is left out; with the left half two of its eight places remain */
    ASSERT_OK(gad_image_new(4, 2, 1, &mask, &err), &err);
    memcpy(mask.pixels, "\0\0\0\0\1\1\1\1", 8);
    ASSERT_OK(gad_area_make(left, &mask, &area, &err), &err);
    assert_memory_equal(area.pixels, "\0\0\0\0\xff\xff\0\0", 8);
    ASSERT_OK(gad_image_new(8, 8, 3, &picture, &err), &err);
    memset(picture.pixels, 7, 8 * 8 * 3);
    ASSERT_OK(gad_area_paint(&area, &picture, &painted, &err), &err);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(gad_image_row(&painted, y)[3 * x + c], y >= 4 && x < 4 ? 7 : 128);
    gad_image_free(&area);
    gad_image_free(&mask);
    gad_image_free(&picture);
    gad_image_free(&painted);
    assert_true(gad_area_holds(&area, 0.5, 0.5)); /* without an area everything is looked at */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rectangle)};
    return cmocka_run_group_tests_name("area", tests, NULL, NULL);
}
