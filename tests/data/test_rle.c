/* rle: COCO's run lengths, plain and packed, against strings made by an independent encoder; boxes and exports made of
 * them. */
#include "base/file.h"
#include "base/memory.h"
#include "data/export.h"
#include "data/fake.h"
#include "data/rle.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = FAKE_WIDTH, H = FAKE_HEIGHT };

/* [10,5,14,9); two columns; [3,30,6,33) with [40,0,43,20) */
static const struct {
    const char *plain, *packed;
    int set, first; /* set pixels; row-major place of the first */
} CASES[] = {
    {"[405,4,36,4,36,4,36,4,1871]", "e<4T100000[i1", 16, 5 * W + 10},
    {"[0,80,2320]", "0`2`X2", 80, 0},
    {"[150,3,37,3,37,3,1367,20,20,20,20,20,700]", "f43U1000bY1a0meN000Xe0", 69, 40},
};

static gad_status decode(const char *counts, bool packed, int width, int height, unsigned char *mask, gad_error *err)
{
    char text[256];
    json_t *o;
    snprintf(text, sizeof text, packed ? "{\"size\":[40,60],\"counts\":\"%s\"}" : "{\"size\":[40,60],\"counts\":%s}",
             counts);
    ASSERT_OK(gad_json_parse(text, strlen(text), "test", &o, err), err);
    assert_true(gad_rle_is(o));
    gad_status status = gad_rle_read(o, width, height, "a.png", mask, err);
    json_decref(o);
    return status;
}

static void test_read(void **state)
{
    (void)state;
    gad_error err;
    static unsigned char plain[W * H], packed[W * H];
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        int set = 0, first = -1;
        ASSERT_OK(decode(CASES[i].plain, false, W, H, plain, &err), &err);
        ASSERT_OK(decode(CASES[i].packed, true, W, H, packed, &err), &err);
        assert_memory_equal(plain, packed, sizeof plain);
        for (int k = 0; k < W * H; k++) {
            set += plain[k];
            first = plain[k] && first < 0 ? k : first;
        }
        assert_int_equal(set, CASES[i].set);
        assert_int_equal(first, CASES[i].first);
        /* And back. */
        gad_string text = {0};
        char expected[200];
        gad_rle_write(plain, W, H, (gad_box){0, 0, W, H}, &text);
        snprintf(expected, sizeof expected, "{\"size\":[40,60],\"counts\":%s}", CASES[i].plain);
        assert_string_equal(text.data, expected);
        gad_string_free(&text);
    }
}

static void test_wrong(void **state)
{
    (void)state;
    gad_error err;
    static unsigned char mask[W * H];
    static const char *const plain[] = {"[2399]", "[2401]", "[10,-5,2395]", "[]", "[1.5,2398]", "[9223372036854775807,1]"},
                             *const packed[] = {"", "0", "oooooooooooo", "!", "PPPPPPPPPPPPPPPPPPPP"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        assert_int_equal(decode(plain[i], false, W, H, mask, &err), GAD_E_FORMAT);
        assert_string_equal(err.cause, "a.png: the run lengths do not fill 60 x 40 pixels");
    }
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
        assert_int_equal(decode(packed[i], true, W, H, mask, &err), GAD_E_FORMAT);
    assert_int_equal(decode("[2400]", false, H, W, mask, &err), GAD_E_FORMAT);
    assert_string_equal(err.cause, "a.png: run lengths for 60 x 40 pixels, the image is 40 x 60");
    assert_false(gad_rle_is(NULL));
    json_t *polygon = json_pack("[[i,i,i,i]]", 1, 2, 3, 4);
    assert_false(gad_rle_is(polygon));
    json_decref(polygon);
}

static void check_samples(gad_store *store, const char *source)
{
    gad_sample s = {0};
    fake_get(store, "coco/runs/train/Scratch/images/a", &s);
    assert_int_equal(s.box_count, 2); /* one annotation, two places: the box rule */
    assert_int_equal(s.boxes[0].box.x1, 40);
    assert_int_equal(s.boxes[0].box.x2, 43);
    assert_int_equal(s.boxes[0].box.y2, 20);
    assert_int_equal(s.boxes[0].area, 60);
    assert_int_equal(s.boxes[1].area, 9);
    assert_string_equal(s.boxes[1].source, source);
    assert_non_null(strstr(s.box_rule, "components8"));
    fake_get(store, "coco/runs/train/Dent/images/b", &s);
    assert_int_equal(s.box_count, 1);
    assert_int_equal(s.boxes[0].box.x1, 10);
    assert_int_equal(s.boxes[0].box.y2, 9);
    assert_int_equal(s.boxes[0].area, 16);
    gad_sample_free(&s);
}

/* Import makes boxes of the runs; an export for other programs holds them, and without gad's own key they come back. */
static void test_import_and_export(void **state)
{
    (void)state;
    gad_error err;
    gad_import_report report;
    gad_export_report out;
    gad_store *store = fake_store("rle.db");
    const char *root = strdup(fake_root("runs"));
    fake_image("images/a.png");
    fake_image("images/b.png");
    fake_image("images/c.png");
    fake_text(
        "train.json",
        "{\"images\":[{\"id\":1,\"file_name\":\"a.png\",\"width\":60,\"height\":40},{\"id\":2,\"file_name\":\"b.png\","
        "\"width\":60,\"height\":40},{\"id\":3,\"file_name\":\"c.png\",\"width\":60,\"height\":40}],"
        "\"categories\":[{\"id\":1,\"name\":\"Scratch\"},{\"id\":2,\"name\":\"Dent\"}],\"annotations\":["
        "{\"image_id\":1,\"category_id\":1,\"segmentation\":{\"size\":[40,60],\"counts\":\"%s\"}},"
        "{\"image_id\":2,\"category_id\":2,\"bbox\":[0,0,60,40],\"iscrowd\":1,\"segmentation\":{\"size\":[40,60],"
        "\"counts\":%s}},"
        "{\"image_id\":3,\"category_id\":2,\"bbox\":[1,2,3,4],\"segmentation\":{\"size\":[40,60],\"counts\":[7]}}]}",
        CASES[2].packed, CASES[0].plain);
    fake_import(store, "coco", &report);
    assert_int_equal(report.boxes, 4);
    assert_int_equal(report.problems[GAD_IMPORT_UNREADABLE_MASK], 1); /* c: its bbox holds */
    check_samples(store, "mask");
    gad_export_settings settings = gad_data_export_default();
    settings.force = true;
    char path[1200];
    settings.format = GAD_EXPORT_COCO;
    settings.masks = true;
    snprintf(path, sizeof path, "%s/train.json", root);
    settings.path = path;
    settings.filter.dataset = "coco";
    ASSERT_OK(gad_export_run(store, &settings, &out, &err), &err);
    assert_int_equal(out.boxes, 4);
    for (int whole = 1; whole >= 0; whole--) {
        json_t *file, *image;
        size_t i;
        ASSERT_OK(gad_json_load(path, &file, &err), &err);
        json_array_foreach (json_object_get(file, "images"), i, image) {
            if (!whole) /* another program has dropped what it does not know */
                json_object_del(image, "mmrad");
        }
        ASSERT_OK(gad_json_write(path, file, &err), &err);
        json_decref(file);
        gad_store *other = fake_store("rle_again.db");
        fake_import(other, "coco", &report);
        assert_int_equal(report.images, 3);
        assert_int_equal(report.boxes, 4);
        if (whole) {
            check_samples(other, "mask");
        } else {
            gad_sample s = {0};
            fake_get(other, "coco/runs/train/scratch/images/a", &s);
            assert_int_equal(s.box_count, 2);
            assert_int_equal(s.boxes[0].area, 60);
            assert_int_equal(s.boxes[1].area, 9);
            gad_sample_free(&s);
        }
        gad_store_close(other);
    }
    gad_store_close(store);
    free((char *)(uintptr_t)root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_import_and_export),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
