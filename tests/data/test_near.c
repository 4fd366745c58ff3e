/* near: copies in another size and compression are found, other pictures and even ones are not; in a store, a training
 * image that is a smaller copy of a benchmark's. */
#include "base/file.h"
#include "data/check.h"
#include "data/fake.h"
#include "data/near.h"
#include "io/resize.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 240 };

/* Coloured plates that `seed` places. */
static void draw(gad_image *image, unsigned seed)
{
    gad_error err;
    ASSERT_OK(gad_image_new(SIDE, SIDE, 3, image, &err), &err);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            unsigned cell = (unsigned)(x / 24 + y / 24 * 10) * 2654435761u + seed * 40503u;
            uint8_t *p = gad_image_row(image, y) + x * 3;
            p[0] = (uint8_t)(cell >> 8);
            p[1] = (uint8_t)(cell >> 13);
            p[2] = (uint8_t)((cell >> 17) + (unsigned)(x & 7));
        }
}

static gad_near_print print_of(const gad_image *image)
{
    gad_error err;
    gad_near_print print;
    ASSERT_OK(gad_near_measure(image, &print, &err), &err);
    return print;
}

static void test_copies(void **state)
{
    (void)state;
    gad_error err;
    gad_image a, b, small, even;
    draw(&a, 1);
    draw(&b, 2);
    ASSERT_OK(gad_resize_bicubic(&a, 101, 101, GAD_RESIZE_PIL, &small, &err), &err);
    ASSERT_OK(gad_image_new(SIDE, SIDE, 3, &even, &err), &err);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        even.pixels[i] = (uint8_t)(120 + i % 3);
    gad_near_print pa = print_of(&a), pb = print_of(&b), ps = print_of(&small), pe = print_of(&even);
    assert_true(gad_near_same(&pa, &pa) && gad_near_same(&pa, &ps) && gad_near_same(&ps, &pa));
    assert_false(gad_near_same(&pa, &pb) || gad_near_same(&ps, &pb));
    assert_false(pe.telling || gad_near_same(&pe, &pe));
    gad_image_free(&a);
    gad_image_free(&b);
    gad_image_free(&small);
    gad_image_free(&even);
}

static void test_check(void **state)
{
    (void)state;
    gad_error err;
    gad_import_report imported;
    gad_image image, small;
    char path[1200];
    gad_store *store = fake_store("near.db");
    const char *root = fake_root("near_benchmark");
    fake_mvtec_class("bottle", "png", "_mask", "broken");
    draw(&image, 3);
    snprintf(path, sizeof path, "%s/bottle/test/good/000.png", root);
    ASSERT_OK(gad_image_save_png(&image, path, &err), &err);
    fake_import(store, "mvtec_ad", &imported);
    root = fake_root("near_training");
    fake_image("good/a.png");
    ASSERT_OK(gad_resize_bicubic(&image, 120, 120, GAD_RESIZE_PIL, &small, &err), &err);
    snprintf(path, sizeof path, "%s/good/copy.jpg", root);
    ASSERT_OK(gad_image_save_jpeg(&small, 80, path, &err), &err);
    fake_import(store, "plain", &imported);
    gad_check_settings settings = {.similar = true, .examples = 5};
    gad_check_report report;
    gad_string text = {0};
    ASSERT_OK(gad_check_run(store, &settings, &report, &text, &err), &err);
    assert_int_equal(report.found[GAD_CHECK_RESIZED], 1);
    assert_int_equal(report.found[GAD_CHECK_LEAK], 0);
    assert_int_equal(gad_check_errors(&report), 1);
    assert_non_null(strstr(text.data, "resized copy in training: plain/near_training/train/good/copy: mvtec_ad/bottle/test/"
                                      "good/000\n"));
    gad_string_free(&text);
    gad_image_free(&image);
    gad_image_free(&small);
    gad_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copies), cmocka_unit_test(test_check)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
