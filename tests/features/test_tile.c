/* test_tile: a picture seen in tiles has the maps of the picture seen at once, but for what the margin cannot show. */
#include "features/tile.h"

#include "support/support.h"

#include <math.h>

enum { WIDTH = 960, HEIGHT = 640 };

static void test_seams(void **state)
{
    (void)state;
    SKIP_IF_SHORT("features/tile");
    gad_backbone *backbone = NULL;
    gad_image image = {0};
    gad_features whole = {0}, tiled = {0};
    gad_error err;
    ASSERT_OK(gad_backbone_open(support_source("models/backbone/lite0.safetensors"), 1, &backbone, &err), &err);
    ASSERT_OK(gad_image_new(WIDTH, HEIGHT, 3, &image, &err), &err);
    for (int64_t y = 0; y < HEIGHT; y++)
        for (int64_t x = 0; x < WIDTH * 3; x++)
            gad_image_row(&image, y)[x] = (uint8_t)((x / 40 * 37 + y / 25 * 61 + x * y / 700) % 256);
    assert_int_equal(gad_tile_count(WIDTH, HEIGHT), 6);
    assert_int_equal(gad_tile_count(768, 768), 1);
    ASSERT_OK(gad_backbone_run(backbone, &image, WIDTH, HEIGHT, &whole, &err), &err);
    ASSERT_OK(gad_tile_run(backbone, &image, WIDTH, HEIGHT, &tiled, &err), &err);
    assert_int_equal(tiled.count, whole.count);
    for (int i = 0; i < whole.count; i++) {
        const gad_feature_map *a = &tiled.map[i], *b = &whole.map[i];
        assert_int_equal(a->rows, b->rows);
        assert_int_equal(a->cols, b->cols);
        double apart = 0, size = 0;
        for (int64_t k = 0; k < a->rows * a->cols * a->width; k++) {
            apart += pow((double)a->data[k] - (double)b->data[k], 2);
            size += pow((double)b->data[k], 2);
        }
        assert_true(sqrt(apart / size) < 0.05);
        /* the middle of the first tile saw the same pixels */
        const int64_t middle = 160 / a->stride;
        support_assert_close("middle of a tile", gad_feature_cell(a, middle, middle), gad_feature_cell(b, middle, middle),
                             a->width, 1e-3);
    }
    gad_feature_free(&whole);
    gad_feature_free(&tiled);
    gad_image_free(&image);
    gad_backbone_free(backbone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_seams)};
    return cmocka_run_group_tests_name("features/tile", tests, NULL, NULL);
}
