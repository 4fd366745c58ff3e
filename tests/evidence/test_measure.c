/* measure, measurement: places drawn with known size, direction, tone and content, and what is said of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "evidence/measure.h"
#include "support/support.h"

enum { WIDTH = 96, HEIGHT = 64, AREA = WIDTH * HEIGHT };

typedef struct scene {
    float part[3 * AREA], reference[3 * AREA];
    gad_measure_pictures pictures;
} scene;

/* The same grained surface twice, with fresh noise of the camera. */
static void draw_surface(scene *s, uint64_t seed)
{
    gad_rng grain = gad_rng_make(seed, 1), noise = gad_rng_make(seed, 2);
    for (int i = 0; i < 3 * AREA; i++) {
        float base = 0.5f + 0.2f * (float)gad_rng_uniform(&grain) - 0.1f;
        s->part[i] = base + 0.01f * (float)gad_rng_uniform(&noise);
        s->reference[i] = base + 0.01f * (float)gad_rng_uniform(&noise);
    }
    s->pictures = (gad_measure_pictures){s->part, s->reference, WIDTH, HEIGHT};
}

/* A bar of that length and breadth about (x, y), turned by `degrees` (up is positive). */
static void draw_bar(float *planes, double x, double y, double length, double breadth, double degrees, float r, float g,
                     float b)
{
    double turn = degrees * acos(-1) / 180;
    const float colour[3] = {r, g, b};
    for (int v = 0; v < HEIGHT; v++)
        for (int u = 0; u < WIDTH; u++) {
            double along = ((double)u - x) * cos(turn) - ((double)v - y) * sin(turn),
                   across = ((double)u - x) * sin(turn) + ((double)v - y) * cos(turn);
            for (int c = 0; c < 3 && fabs(along) <= length / 2 && fabs(across) <= breadth / 2; c++)
                planes[c * AREA + v * WIDTH + u] = colour[c];
        }
}

static gad_measurement measure_one(const scene *s, gad_box box)
{
    gad_error err = {0};
    gad_measurement m;
    ASSERT_OK(gad_measure_places(&s->pictures, &box, 1, WIDTH, HEIGHT, &m, &err), &err);
    return m;
}

static void assert_says(const gad_measurement *m, const char *wanted)
{
    gad_string text = {0};
    gad_measurement_write_look(m, &text);
    assert_non_null(strstr(gad_string_text(&text), wanted));
    gad_string_free(&text);
}

static void assert_near(double value, double wanted, double tolerance)
{
    if (fabs(value - wanted) > tolerance)
        fail_msg("%g, not %g within %g", value, wanted, tolerance);
}

static void test_direction(void **state)
{
    (void)state;
    static const double angles[] = {0, 30, 60, 90, 135, 165};
    static const char *const words[] = {"along the horizontal", "rising to the right",  "rising to the right",
                                        "along the vertical",   "falling to the right", "along the horizontal"};
    for (int i = 0; i < 6; i++) {
        scene s;
        draw_surface(&s, 3);
        draw_bar(s.part, 40, 32, 30, 3, angles[i], 0.1f, 0.1f, 0.1f);
        gad_measurement m = measure_one(&s, (gad_box){22, 14, 58, 50});
        double off = fabs(m.direction_deg - angles[i]);
        assert_near(fmin(off, 180 - off), 0, 3);
        assert_near(m.length_px, 31, 3);
        assert_near(m.breadth_px, 3.5, 1.5);
        assert_near(m.area_px, 31 * 3, 31);
        assert_says(&m, words[i]);
        assert_says(&m, "thin line");
    }
}

static void test_tone(void **state)
{
    (void)state;
    scene s;
    draw_surface(&s, 5);
    draw_bar(s.part, 20, 20, 12, 12, 0, 0.25f, 0.25f, 0.25f);
    gad_measurement m = measure_one(&s, (gad_box){12, 12, 28, 28});
    /* L* of sRGB 0.5 is 53.4, of 0.25 is 26.9 (the grain averages to 0.5) */
    assert_near(m.lightness, 26.9 - 53.4, 3);
    assert_near(m.red_green, 0, 3);
    assert_near(m.yellow_blue, 0, 3);
    assert_true(m.roughness < -1); /* the bar has no grain */
    gad_string text = {0};
    gad_measurement_write(&m, &(gad_box){12, 12, 28, 28}, WIDTH, HEIGHT, &text);
    assert_int_equal(strncmp(gad_string_text(&text), "upper left, 16 x 16 px", 22), 0);
    gad_string_free(&text);
    assert_says(&m, "% darker than the good part");
    assert_says(&m, "smoother than it");

    draw_surface(&s, 5);
    draw_bar(s.part, 48, 32, 10, 10, 0, 0.75f, 0.42f, 0.42f);
    m = measure_one(&s, (gad_box){40, 24, 56, 40});
    assert_true(m.red_green > 20);
    assert_says(&m, "redder than the good part");
}

static void test_content(void **state)
{
    (void)state;
    scene s;
    draw_surface(&s, 7);
    draw_bar(s.part, 20, 20, 10, 10, 0, 0.9f, 0.9f, 0.1f);
    gad_box place = {14, 14, 26, 26};
    gad_measurement m = measure_one(&s, place);
    assert_int_equal(m.content, GAD_MEASUREMENT_ADDED);
    assert_says(&m, "something was added");

    draw_surface(&s, 7);
    draw_bar(s.reference, 20, 20, 10, 10, 0, 0.9f, 0.9f, 0.1f);
    m = measure_one(&s, place);
    assert_int_equal(m.content, GAD_MEASUREMENT_MISSING);
    assert_says(&m, "something is missing");

    draw_bar(s.part, 20, 20, 10, 10, 0, 0.1f, 0.2f, 0.9f);
    m = measure_one(&s, place);
    assert_int_equal(m.content, GAD_MEASUREMENT_CHANGED);
    assert_says(&m, "bluer");
}

static void test_moved(void **state)
{
    (void)state;
    scene s;
    gad_error err = {0};
    gad_measurement m[3];
    const gad_box box[3] = {{14, 14, 26, 26}, {64, 40, 76, 52}, {64, 6, 76, 18}};
    draw_surface(&s, 9);
    draw_bar(s.reference, 20, 20, 10, 10, 0, 0.9f, 0.9f, 0.1f);
    draw_bar(s.part, 70, 46, 10, 10, 0, 0.9f, 0.9f, 0.1f);
    draw_bar(s.part, 70, 12, 10, 10, 0, 0.9f, 0.1f, 0.1f); /* of another colour: not what is missing */
    ASSERT_OK(gad_measure_places(&s.pictures, box, 3, WIDTH, HEIGHT, m, &err), &err);
    assert_int_equal(m[0].content, GAD_MEASUREMENT_MOVED);
    assert_int_equal(m[0].other, 1);
    assert_int_equal(m[1].content, GAD_MEASUREMENT_MOVED);
    assert_int_equal(m[1].other, 0);
    assert_int_equal(m[2].content, GAD_MEASUREMENT_ADDED);
    assert_says(&m[0], "moved (region 2 shows the same content)");
}

/* An outline that lies three px farther out differs along a contour; a spot on a surface does not. */
static void test_contour(void **state)
{
    (void)state;
    scene s;
    draw_surface(&s, 15);
    for (int i = 0; i < 3 * AREA; i++) {
        s.reference[i] = i % WIDTH < 40 ? 0.2f : 0.8f;
        s.part[i] = i % WIDTH < 40 || (i % WIDTH < 43 && i % AREA / WIDTH > 20 && i % AREA / WIDTH < 40) ? 0.2f : 0.8f;
    }
    gad_measurement m = measure_one(&s, (gad_box){36, 18, 47, 43});
    assert_true(m.contour > 0.6);
    assert_says(&m, "along a contour");
    draw_surface(&s, 15);
    draw_bar(s.part, 60, 30, 12, 12, 0, 0.1f, 0.1f, 0.1f);
    m = measure_one(&s, (gad_box){52, 22, 68, 38});
    assert_true(m.contour < 0.2);
}

/* A dot too many is like those that the good part has; one of another colour is not. */
static void test_like(void **state)
{
    (void)state;
    scene s;
    const gad_box place = {62, 38, 78, 54};
    for (int same = 0; same < 2; same++) {
        draw_surface(&s, 17);
        draw_bar(s.reference, 20, 20, 10, 10, 0, 0.9f, 0.9f, 0.1f);
        draw_bar(s.part, 20, 20, 10, 10, 0, 0.9f, 0.9f, 0.1f);
        draw_bar(s.part, 70, 46, 10, 10, 0, 0.9f, same ? 0.9f : 0.1f, 0.1f);
        gad_measurement m = measure_one(&s, place);
        assert_int_equal(m.content, GAD_MEASUREMENT_ADDED);
        assert_near(m.like_x, same ? 20 : -1, 2);
        assert_near(m.like_y, same ? 20 : -1, 2);
    }
}

/* Another piece of the same material: its grain is its own, so a place is compared with what lies around it. */
static void test_other_piece(void **state)
{
    (void)state;
    scene s, other;
    draw_surface(&s, 11);
    draw_surface(&other, 12);
    memcpy(s.reference, other.reference, sizeof s.reference);
    draw_bar(s.part, 60, 30, 20, 4, 0, 0.95f, 0.95f, 0.95f);
    gad_box box = {48, 26, 72, 34};
    assert_false(gad_measure_aligned(&s.pictures, &box, 1));
    gad_measurement m = measure_one(&s, box);
    assert_int_equal(m.basis, GAD_MEASUREMENT_SURROUNDINGS);
    assert_near(m.length_px, 21, 3);
    assert_says(&m, "lighter than its surroundings");
    s.pictures.reference = NULL;
    m = measure_one(&s, box);
    assert_int_equal(m.basis, GAD_MEASUREMENT_SURROUNDINGS);
}

/* Sizes are those of the original picture; a place may touch the edge, be empty, or be all of the picture. */
static void test_frame(void **state)
{
    (void)state;
    scene s;
    gad_error err = {0};
    gad_measurement m[3];
    const gad_box box[3] = {{0, 0, 10, 10}, {50, 20, 50, 20}, {-5, -5, 200, 200}};
    draw_surface(&s, 13);
    draw_bar(s.part, 4, 4, 6, 6, 0, 0, 0, 0);
    ASSERT_OK(gad_measure_places(&s.pictures, box, 1, 10 * WIDTH, 10 * HEIGHT, m, &err), &err);
    assert_near(m[0].area_px, 4900, 1300);
    assert_near(m[0].share, 49.0 / AREA, 0.003);
    ASSERT_OK(gad_measure_places(&s.pictures, box, 3, WIDTH, HEIGHT, m, &err), &err);
    for (int i = 0; i < 3; i++)
        assert_true(isfinite(m[i].length_px) && isfinite(m[i].lightness) && isfinite(m[i].roughness) && m[i].area_px > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_direction),   cmocka_unit_test(test_tone),    cmocka_unit_test(test_content),
        cmocka_unit_test(test_moved),       cmocka_unit_test(test_contour), cmocka_unit_test(test_like),
        cmocka_unit_test(test_other_piece), cmocka_unit_test(test_frame),
    };
    return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
