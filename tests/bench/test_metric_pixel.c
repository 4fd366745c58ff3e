/* metric_pixel: regions, and AUROC, AP and AUPRO against slow definitions; the binned result stays within its own bound. */
#include "base/memory.h"
#include "base/rng.h"
#include "bench/components.h"
#include "bench/metric_pixel.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { W = 23, H = 17, IMAGES = 5, N = W * H * IMAGES };

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.17g is not within %g of %.17g", a, tolerance, b);
}

static void test_regions(void **state)
{
    (void)state;
    /* a U whose arms join below, a pixel that touches it by a corner, a lone pixel */
    const char *picture[] = {"#.#....", "#.#....", "###....", "...#..#", "......."};
    uint8_t mask[5 * 7];
    for (int i = 0; i < 35; i++)
        mask[i] = picture[i / 7][i % 7] == '#';
    gad_components r;
    gad_error err;
    ASSERT_OK(gad_components_find(mask, 7, 5, &r, &err), &err);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.pixels[0], 8);
    assert_int_equal(r.pixels[1], 1);
    gad_components_free(&r);
    memset(mask, 0, sizeof mask);
    ASSERT_OK(gad_components_find(mask, 7, 5, &r, &err), &err);
    assert_int_equal(r.count, 0);
    gad_components_free(&r);
}

/* Label by repeated flooding: slow and obviously right. Labels start at `next`; returns the next free label. */
static int flood(const uint8_t *mask, int *label, int next)
{
    memset(label, 0, sizeof(int) * W * H);
    for (int start = 0; start < W * H; start++) {
        if (!mask[start] || label[start])
            continue;
        label[start] = next;
        for (bool changed = true; changed;) {
            changed = false;
            for (int i = 0; i < W * H; i++)
                for (int dy = -1; dy <= 1 && mask[i] && !label[i]; dy++)
                    for (int dx = -1; dx <= 1 && !label[i]; dx++) {
                        int x = i % W + dx, y = i / W + dy;
                        if (x >= 0 && x < W && y >= 0 && y < H && label[y * W + x] == next) {
                            label[i] = next;
                            changed = true;
                        }
                    }
        }
        next++;
    }
    return next;
}

typedef struct scene {
    float map[N];
    uint8_t mask[N];
    int label[N], regions;
} scene;

static void make_scene(scene *s, uint64_t seed, bool ties)
{
    gad_rng rng = gad_rng_make(seed, 0);
    int next = 1;
    for (int k = 0; k < IMAGES; k++) {
        uint8_t *mask = s->mask + k * W * H;
        memset(mask, 0, W * H);
        for (int b = 0; k && b < 3; b++) { /* image 0 is normal */
            int x0 = (int)gad_rng_below(&rng, W - 4), y0 = (int)gad_rng_below(&rng, H - 4);
            for (int i = 0; i < 12; i++)
                mask[(y0 + i / 4) * W + x0 + i % 4] = 1;
        }
        for (int i = 0; i < W * H; i++) {
            double v = gad_rng_normal(&rng) + (mask[i] ? 1.2 : 0);
            s->map[k * W * H + i] = (float)(ties ? round(v * 4) / 4 : v);
        }
        next = flood(mask, s->label + k * W * H, next);
    }
    s->regions = next - 1;
}

/* PRO and FPR at "score >= t" by definition. */
static void point_at(const scene *s, float t, double *fpr, double *pro, double *tpr, double *precision)
{
    double inside[64] = {0}, size[64] = {0}, fp = 0, negatives = 0, tp = 0;
    for (int i = 0; i < N; i++) {
        int l = s->label[i];
        size[l]++;
        inside[l] += s->map[i] >= t;
    }
    fp = inside[0];
    negatives = size[0];
    *pro = 0;
    for (int l = 1; l <= s->regions; l++) {
        *pro += inside[l] / size[l] / s->regions;
        tp += inside[l];
    }
    *fpr = fp / negatives;
    *tpr = tp / (N - negatives);
    *precision = tp / (tp + fp);
}

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y); /* falls */
}

static gad_metric_pixel_result slow_result(const scene *s, double limit)
{
    float t[N];
    memcpy(t, s->map, sizeof t);
    qsort(t, N, sizeof *t, rising);
    double fpr = 0, pro = 0, tpr = 0;
    gad_metric_pixel_result r = {0};
    for (int i = 0; i < N; i++) {
        if (i && t[i] == t[i - 1])
            continue;
        double f, p, q, precision;
        point_at(s, t[i], &f, &p, &q, &precision);
        r.auroc += (f - fpr) * (q + tpr) / 2;
        r.ap += (q - tpr) * precision;
        if (fpr < limit && f > fpr) {
            double end = fmin(f, limit), end_pro = pro + (p - pro) * (end - fpr) / (f - fpr);
            r.aupro += (end - fpr) * (pro + end_pro) / 2 / limit;
        }
        fpr = f, pro = p, tpr = q;
    }
    return r;
}

static gad_metric_pixel_result fast_result(const scene *s, size_t exact_pixels)
{
    gad_error err;
    gad_metric_pixels *p = gad_metric_pixel_new(exact_pixels);
    gad_metric_pixel_result r;
    for (int again = 0; again < 2; again++) { /* the second time after a reset: nothing may be left over */
        for (int k = 0; k < IMAGES; k++) {
            gad_metric_map map = {s->map + k * W * H, W, H};
            ASSERT_OK(gad_metric_pixel_add(p, map, k ? s->mask + k * W * H : NULL, W, H, &err), &err);
        }
        ASSERT_OK(gad_metric_pixel_result_of(p, .3, &r, &err), &err);
        gad_metric_pixel_reset(p);
    }
    gad_metric_pixel_free(p);
    return r;
}

static void test_against_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        scene s;
        make_scene(&s, seed, seed % 2);
        gad_metric_pixel_result slow = slow_result(&s, .3), exact = fast_result(&s, GAD_METRIC_EXACT_PIXELS);
        assert_int_equal(exact.regions, s.regions);
        assert_int_equal(exact.pixels, N);
        assert_near(exact.auroc, slow.auroc, 1e-12);
        assert_near(exact.ap, slow.ap, 1e-12);
        assert_near(exact.aupro, slow.aupro, 1e-12);
        assert_true(exact.auroc_bound == 0 && exact.aupro_bound == 0);
        gad_metric_pixel_result binned = fast_result(&s, 500);
        assert_int_equal(binned.positives, exact.positives);
        assert_true(seed % 2 || (binned.auroc_bound < 1e-3 && binned.aupro_bound < 5e-3));
        assert_near(binned.auroc, slow.auroc, binned.auroc_bound + 1e-12);
        assert_near(binned.aupro, slow.aupro, binned.aupro_bound + 1e-12);
        if (seed % 2) /* quarters are exact in eleven bits: binning loses nothing */
            assert_near(binned.auroc, slow.auroc, 1e-12);
    }
}

static void test_perfect_and_enlarged(void **state)
{
    (void)state;
    /* a 2x2 map enlarged to 4x4: values at pixel centres .25 and .75 of the way between the map's centres */
    float map[] = {0, 1, 0, 1};
    uint8_t mask[16] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    gad_error err;
    gad_metric_pixels *p = gad_metric_pixel_new(100);
    gad_metric_pixel_result r;
    ASSERT_OK(gad_metric_pixel_add(p, (gad_metric_map){map, 2, 2}, mask, 4, 4, &err), &err);
    ASSERT_OK(gad_metric_pixel_result_of(p, .3, &r, &err), &err);
    assert_near(r.auroc, 1, 0);
    assert_near(r.aupro, 1, 0);
    gad_metric_pixel_reset(p);
    ASSERT_OK(gad_metric_pixel_add(p, (gad_metric_map){map, 2, 2}, NULL, 4, 4, &err), &err);
    ASSERT_OK(gad_metric_pixel_result_of(p, .3, &r, &err), &err);
    assert_true(isnan(r.auroc) && isnan(r.aupro));
    map[2] = NAN;
    assert_int_equal(gad_metric_pixel_add(p, (gad_metric_map){map, 2, 2}, NULL, 4, 4, &err), GAD_E_FORMAT);
    gad_metric_pixel_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_against_definition),
        cmocka_unit_test(test_perfect_and_enlarged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
