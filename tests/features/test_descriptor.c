/* test_descriptor: rows of unit length on one grid: what a finer and a coarser map become, checked against a plain reading
 * of descriptor.h. */
#include "features/descriptor.h"

#include "support/support.h"

#include <math.h>

static gad_feature_map *add(gad_features *features, int64_t rows, int64_t cols, int64_t width, int64_t stride)
{
    gad_error err;
    ASSERT_OK(gad_feature_add(features, rows, cols, width, stride, &err), &err);
    gad_feature_map *map = &features->map[features->count - 1];
    for (int64_t i = 0; i < rows * cols * width; i++)
        map->data[i] = (float)((i * 7919) % 101) / 101 - 0.3f;
    return map;
}

/* The mean of channel c over the cells around (y, x) that exist. */
static double smooth(const gad_feature_map *map, int64_t y, int64_t x, int64_t c)
{
    double sum = 0;
    int count = 0;
    for (int64_t v = y - 1; v <= y + 1; v++)
        for (int64_t u = x - 1; u <= x + 1; u++)
            if (v >= 0 && v < map->rows && u >= 0 && u < map->cols) {
                sum += (double)gad_feature_cell(map, v, u)[c];
                count++;
            }
    return sum / count;
}

static void check_row(const float *row, const double *want, int64_t width, double length)
{
    double sum = 0;
    for (int64_t c = 0; c < width; c++)
        sum += want[c] * want[c];
    for (int64_t c = 0; c < width; c++)
        assert_true(fabs((double)row[c] - want[c] / sqrt(sum) * length) < 1e-5);
}

static void test_grid(void **state)
{
    (void)state;
    gad_features features = {0};
    gad_descriptors d = {0};
    gad_error err;
    add(&features, 6, 8, 3, 8);
    add(&features, 3, 4, 5, 16);
    add(&features, 3, 2, 2, 32);
    ASSERT_OK(gad_descriptor_make(&features, 16, &d, &err), &err);
    assert_int_equal(d.rows, 3);
    assert_int_equal(d.cols, 4);
    assert_int_equal(d.width, 10);
    const double length = 1 / sqrt(3.0);
    const float *row = d.data + (1 * 4 + 2) * 10; /* cell (1, 2) */
    double fine[3], same[5], coarse[2];
    for (int c = 0; c < 3; c++)
        fine[c] = (smooth(&features.map[0], 2, 4, c) + smooth(&features.map[0], 2, 5, c) +
                   smooth(&features.map[0], 3, 4, c) + smooth(&features.map[0], 3, 5, c)) /
                  4;
    for (int c = 0; c < 5; c++)
        same[c] = smooth(&features.map[1], 1, 2, c);
    for (int c = 0; c < 2; c++) /* centre 2.5 of 4 cells lies at 0.75 of 2 */
        coarse[c] = 0.25 * smooth(&features.map[2], 1, 0, c) + 0.75 * smooth(&features.map[2], 1, 1, c);
    check_row(row, fine, 3, length);
    check_row(row + 3, same, 5, length);
    check_row(row + 8, coarse, 2, length);
    double whole = 0;
    for (int c = 0; c < 10; c++)
        whole += (double)d.whole[c] * (double)d.whole[c];
    assert_true(fabs(whole - 1) < 1e-5);
    gad_descriptor_free(&d);
    gad_feature_free(&features);
}

static void test_refusals(void **state)
{
    (void)state;
    gad_features features = {0};
    gad_descriptors d = {0};
    gad_error err;
    add(&features, 2, 2, 3, 8);
    assert_int_equal(gad_descriptor_make(&features, 16, &d, &err), GAD_E_ARGUMENT);
    gad_descriptor_free(NULL);
    gad_feature_free(&features);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_grid), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests_name("features/descriptor", tests, NULL, NULL);
}
