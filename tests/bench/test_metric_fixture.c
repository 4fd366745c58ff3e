/* Image and pixel metrics against tests/fixtures/metrics.json (scikit-learn and the field's AUPRO procedure), to 1e-9. */
#include "base/json.h"
#include "base/memory.h"
#include "bench/metric_image.h"
#include "bench/metric_pixel.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 4096 };

static json_t *load(void)
{
    json_t *root;
    gad_error err;
    ASSERT_OK(gad_json_load(support_source("tests/fixtures/metrics.json"), &root, &err), &err);
    return root;
}

/* `expected` null means undefined. */
static void check(const char *name, const char *metric, double value, const json_t *expected)
{
    double wanted = json_is_number(expected) ? json_number_value(expected) : NAN;
    bool good = isnan(wanted) ? isnan(value) : fabs(value - wanted) <= 1e-9;
    if (!good)
        fail_msg("%s, %s: %.17g, not %.17g", name, metric, value, wanted);
}

/* Every point of the published curve lies on ours, and the areas agree (checked through auroc). */
static void check_roc(const char *name, const json_t *roc, const double *fpr, const double *tpr, size_t corners)
{
    const json_t *x = json_object_get(roc, "fpr"), *y = json_object_get(roc, "tpr");
    for (size_t i = 0; i < json_array_size(x); i++) {
        double px = json_number_value(json_array_get(x, i)), py = json_number_value(json_array_get(y, i)), nearest = 9;
        for (size_t k = 1; k < corners; k++) {
            double dx = fpr[k] - fpr[k - 1], dy = tpr[k] - tpr[k - 1], l = dx * dx + dy * dy;
            double t = ((px - fpr[k - 1]) * dx + (py - tpr[k - 1]) * dy) / l;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            nearest = fmin(nearest, hypot(px - fpr[k - 1] - t * dx, py - tpr[k - 1] - t * dy));
        }
        if (nearest > 1e-12)
            fail_msg("%s: ROC point %zu is off by %g", name, i, nearest);
    }
}

static void check_scores(const json_t *c)
{
    static gad_metric_point p[MANY];
    static double fpr[MANY + 1], tpr[MANY + 1];
    const char *name = json_string_value(json_object_get(c, "name"));
    const json_t *scores = json_object_get(c, "scores"), *labels = json_object_get(c, "labels");
    size_t n = json_array_size(scores);
    for (size_t i = 0; i < n; i++)
        p[i] = (gad_metric_point){json_number_value(json_array_get(scores, i)), 1,
                                  json_integer_value(json_array_get(labels, i)) != 0};
    gad_metric_image_sort(p, n);
    gad_metric_rank rank = gad_metric_image_rank(p, n);
    check(name, "auroc", rank.auroc, json_object_get(c, "auroc"));
    check(name, "ap", rank.ap, json_object_get(c, "ap"));
    check(name, "f1_max", rank.f1_max, json_object_get(c, "f1_max"));
    check(name, "f1_threshold", rank.f1_threshold, json_object_get(c, "f1_threshold"));
    gad_metric_calibration c10 = gad_metric_image_calibration(p, n, 10), c15 = gad_metric_image_calibration(p, n, 15);
    if (json_is_number(json_object_get(c, "ece_10"))) { /* null: not probabilities */
        check(name, "ece_10", c10.error, json_object_get(c, "ece_10"));
        check(name, "ece_15", c15.error, json_object_get(c, "ece_15"));
    } else {
        assert_true(c15.outside > 0);
    }
    if (json_is_number(json_object_get(c, "brier"))) /* null with one kind only, where ours is still the mean */
        check(name, "brier", c15.brier, json_object_get(c, "brier"));
    if (json_is_object(json_object_get(c, "roc")))
        check_roc(name, json_object_get(c, "roc"), fpr, tpr, gad_metric_image_roc(p, n, fpr, tpr));
}

static void test_scores(void **state)
{
    (void)state;
    json_t *root = load();
    size_t i;
    json_t *c;
    assert_true(json_array_size(json_object_get(root, "scores")) > 10);
    json_array_foreach (json_object_get(root, "scores"), i, c)
        check_scores(c);
    json_decref(root);
}

static void add_image(gad_metric_pixels *pixels, const json_t *image)
{
    static float map[MANY];
    static uint8_t mask[MANY];
    const char *bits = json_string_value(json_object_get(image, "mask"));
    const json_t *values = json_object_get(image, "map");
    int width = (int)json_integer_value(json_object_get(image, "width"));
    int height = (int)json_integer_value(json_object_get(image, "height"));
    assert_int_equal(strlen(bits), width * height);
    for (int i = 0; i < width * height; i++)
        mask[i] = bits[i] == '1';
    for (size_t i = 0; i < json_array_size(values); i++)
        map[i] = (float)json_number_value(json_array_get(values, i));
    gad_metric_map m = {map, (int)json_integer_value(json_object_get(image, "map_width")),
                        (int)json_integer_value(json_object_get(image, "map_height"))};
    gad_error err;
    ASSERT_OK(gad_metric_pixel_add(pixels, m, mask, width, height, &err), &err);
}

/* Exact, and binned from the first pixel on: the fixtures' values fit the bins. */
static void check_pixels(const json_t *c, size_t exact_pixels)
{
    const char *name = json_string_value(json_object_get(c, "name")), *limit;
    gad_metric_pixels *pixels = gad_metric_pixel_new(exact_pixels);
    gad_metric_pixel_result r;
    gad_error err;
    size_t i;
    json_t *image, *aupro;
    json_array_foreach (json_object_get(c, "images"), i, image)
        add_image(pixels, image);
    json_object_foreach (json_object_get(c, "aupro"), limit, aupro) {
        ASSERT_OK(gad_metric_pixel_result_of(pixels, atof(limit), &r, &err), &err);
        check(name, "aupro", r.aupro, aupro);
    }
    check(name, "pixel_auroc", r.auroc, json_object_get(c, "pixel_auroc"));
    check(name, "pixel_ap", r.ap, json_object_get(c, "pixel_ap"));
    assert_int_equal(r.regions, json_integer_value(json_object_get(c, "regions")));
    gad_metric_pixel_free(pixels);
}

static void test_pixels(void **state)
{
    (void)state;
    json_t *root = load();
    size_t i;
    json_t *c;
    assert_true(json_array_size(json_object_get(root, "pixels")) > 5);
    json_array_foreach (json_object_get(root, "pixels"), i, c) {
        check_pixels(c, GAD_METRIC_EXACT_PIXELS);
        check_pixels(c, 0);
    }
    json_decref(root);
}

static void test_quantiles(void **state)
{
    (void)state;
    json_t *root = load();
    size_t i;
    json_t *c;
    json_array_foreach (json_object_get(root, "quantiles"), i, c) {
        double sorted[64];
        const json_t *values = json_object_get(c, "values");
        size_t n = json_array_size(values);
        for (size_t k = 0; k < n; k++)
            sorted[k] = json_number_value(json_array_get(values, k));
        double q = json_number_value(json_object_get(c, "q"));
        check("quantile", "type 7", gad_metric_image_quantile(sorted, n, q), json_object_get(c, "quantile"));
    }
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_quantiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
