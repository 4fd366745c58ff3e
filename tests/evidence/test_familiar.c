/* familiar: pictures that are no picture of the product are far, the product's own variation is near, and several good
 * parts set the limit; with the backbone every other product of samples/ is told. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evidence/familiar.h"
#include "support/support.h"

static gad_image load(const char *path)
{
    gad_error err;
    gad_image image;
    ASSERT_OK(gad_image_load(support_source(path), &image, &err), &err);
    return image;
}

static gad_backbone *backbone; /* NULL: looks alone */

static gad_look look_at(gad_image *image)
{
    gad_error err;
    gad_look look = gad_familiar_look(image);
    if (backbone)
        ASSERT_OK(gad_familiar_see(backbone, image, &look, &err), &err);
    gad_image_free(image);
    return look;
}

static gad_look look_of(const char *path)
{
    gad_image image = load(path);
    return look_at(&image);
}

/* Every value times gain. */
static gad_look exposed(const char *path, double gain)
{
    gad_image image = load(path);
    for (int64_t i = 0; i < image.width * image.height * image.channels; i++)
        image.pixels[i] = (unsigned char)fmin(255, image.pixels[i] * gain);
    return look_at(&image);
}

/* Means of squares of 32 px, over the whole square: far out of focus. */
static gad_look blurred(const char *path)
{
    enum { SQUARE = 32 };
    gad_image image = load(path);
    for (int64_t y = 0; y < image.height; y += SQUARE)
        for (int64_t x = 0; x < image.width; x += SQUARE)
            for (int c = 0; c < 3; c++) {
                int64_t sum = 0, n = 0;
                for (int pass = 0; pass < 2; pass++)
                    for (int64_t v = y; v < y + SQUARE && v < image.height; v++)
                        for (int64_t u = x; u < x + SQUARE && u < image.width; u++) {
                            unsigned char *p = &image.pixels[(v * image.width + u) * image.channels + c];
                            sum += pass ? 0 : *p;
                            n += !pass;
                            *p = (unsigned char)(pass ? sum / n : *p);
                        }
            }
    return look_at(&image);
}

/* Of each product: a good part that is shown, and parts of its test split, one of them with a defect. */
static const char *const products[][3] = {
    {"samples/board/train/good/good.jpg", "samples/board/test/good/part_1.jpg",
     "samples/board/test/deformation/part_2.jpg"},
    {"samples/bottle/train/good/good.jpg", "samples/bottle/test/good/part_1.jpg",
     "samples/bottle/test/texture_defect/part_2.jpg"},
    {"samples/cloth/train/good/good.jpg", "samples/cloth/test/good/part_1.jpg",
     "samples/cloth/test/misplaced_part/part_2.jpg"},
    {"samples/connector/train/good/good.jpg", "samples/connector/test/good/part_1.jpg",
     "samples/connector/test/misplaced_part/part_2.jpg"},
    {"samples/alien/train/good/normal_10.jpg", "samples/alien/test/good/normal_1.jpg",
     "samples/alien/test/defect/anomaly_1.jpg"},
    {"samples/cookie/train/good/normal-1.jpg", "samples/cookie/test/good/test-normal-1.jpg",
     "samples/cookie/test/broken/test-anomaly-1.jpg"},
    {"samples/cubes/train/good/test_good_100.jpg", "samples/cubes/test/good/test_good_060.jpg",
     "samples/cubes/test/defect/test_abnormal_119.jpg"},
    {"samples/screws/train/good/11_1111.jpg", "samples/screws/test/good/26_1111.jpg",
     "samples/screws/test/missing_screw/10_0000.jpg"},
};
enum { PRODUCTS = sizeof products / sizeof *products };

static void test_samples(void **state)
{
    (void)state;
    int others = 0;
    for (int p = 0; p < PRODUCTS; p++) {
        gad_look good = look_of(products[p][0]), black = exposed(products[p][0], 0), dark = exposed(products[p][1], 0.1),
                 blur = blurred(products[p][1]);
        assert_true(gad_familiar_distance(&good, &good) == 0);
        for (int i = 1; i <= 2; i++) {
            gad_look part = look_of(products[p][i]);
            gad_familiarity f = gad_familiar_measure(&part, &good, 1);
            assert_true(f.distance < f.limit); /* defects and all */
        }
        gad_familiarity of_black = gad_familiar_measure(&black, &good, 1), of_dark = gad_familiar_measure(&dark, &good, 1);
        assert_true(of_black.distance > of_black.limit);
        assert_true(of_dark.distance > of_dark.limit);
        assert_true(gad_familiar_distance(&blur, &good) > gad_familiar_distance(&good, &good));
        gad_look other = look_of(products[(p + 1) % PRODUCTS][1]);
        gad_familiarity of_other = gad_familiar_measure(&other, &good, 1);
        others += of_other.distance > of_other.limit;
    }
    assert_true(others >= PRODUCTS / 2); /* of one good part little is known */
}

static void assert_told(bool expected, const gad_look *part, const gad_look *good, const char *what, const char *of)
{
    gad_familiarity f = gad_familiar_measure(part, good, 1);
    if ((f.distance > f.limit) != expected)
        fail_msg("%s beside %s: distance %.3f, limit %.3f", what, of, f.distance, f.limit);
}

/* Every ordered pair of products, and what a camera may do to one. */
static void test_seen(void **state)
{
    (void)state;
    gad_error err;
    gad_look good[PRODUCTS], part[PRODUCTS];
    ASSERT_OK(gad_backbone_open(support_source("models/backbone/lite0.safetensors"), 1, &backbone, &err), &err);
    for (int p = 0; p < PRODUCTS; p++) {
        good[p] = look_of(products[p][0]);
        part[p] = look_of(products[p][1]);
    }
    for (int p = 0; p < PRODUCTS; p++) {
        gad_look defective = look_of(products[p][2]), black = exposed(products[p][1], 0),
                 dark = exposed(products[p][1], 0.1), blur = blurred(products[p][1]), dimmer = exposed(products[p][1], 0.8);
        for (int other = 0; other < PRODUCTS; other++)
            assert_told(other != p, &part[other], &good[p], products[other][1], products[p][0]);
        assert_told(false, &defective, &good[p], products[p][2], products[p][0]);
        assert_told(false, &dimmer, &good[p], "a little less light", products[p][0]);
        assert_told(true, &black, &good[p], "black", products[p][0]);
        assert_told(true, &dark, &good[p], "a tenth of the light", products[p][0]);
        assert_told(true, &blur, &good[p], "far out of focus", products[p][0]);
    }
    gad_look unseen = good[0];
    unseen.seen_width = 0; /* no backbone has seen it: the look decides */
    gad_familiarity f = gad_familiar_measure(&part[1], &unseen, 1);
    assert_true(f.limit == 0.9 && f.distance == gad_familiar_distance(&part[1], &unseen));
    gad_backbone_free(backbone);
    backbone = NULL;
}

/* Constants whose distance is known: half of the colours move. */
static void test_distance(void **state)
{
    (void)state;
    gad_error err;
    gad_image image[2];
    gad_look look[2];
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(gad_image_new(512, 512, 3, &image[i], &err), &err);
        memset(image[i].pixels, 51, 512 * 512 * 3);               /* a bin's colour */
        memset(image[i].pixels, i ? 102 : 51, 512 * 512 * 3 / 2); /* the next bin's, in the upper half */
        look[i] = gad_familiar_look(&image[i]);
        gad_image_free(&image[i]);
    }
    double moved = 0, sum = 0;
    for (int i = 0; i < GAD_LOOK_BINS * GAD_LOOK_BINS * GAD_LOOK_BINS; i++) {
        moved += 0.5 * fabs((double)(look[0].colours[i] - look[1].colours[i]));
        sum += (double)look[1].colours[i];
    }
    assert_true(fabs(sum - 1) < 1e-4 && fabs(moved - 0.5) < 1e-4);
    assert_true(look[0].contrast < 1e-6 && fabs(look[1].contrast - 0.1) < 1e-4);
    assert_true(look[0].detail < 1e-6);
    assert_true(fabs(look[1].detail - 0.2 / 255) < 1e-5); /* one step of 0.2 down each of 256 columns */
}

/* Good parts that are alike narrow the limit; a part like one of them is near, whichever it is. */
static void test_limit(void **state)
{
    (void)state;
    gad_look good[3] = {look_of(products[3][0]), look_of(products[3][1]), look_of(products[0][0])};
    gad_familiarity one = gad_familiar_measure(&good[0], good, 1), two = gad_familiar_measure(&good[1], good, 2),
                    mixed = gad_familiar_measure(&good[2], good, 3);
    assert_true(one.limit > two.limit && two.limit < mixed.limit);
    assert_true(two.distance == 0 && mixed.distance == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_seen),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
