/* findings: a drawn spot is described by its place, size and tone; a normal part by where it came nearest to a reject. */
#include <string.h>

#include "base/memory.h"
#include "inspect/findings.h"
#include "support/support.h"

enum { SIDE = 200, CELLS = 10 };

static void look(gad_verdict verdict, bool bad, gad_inspection *r)
{
    gad_error err = {0};
    gad_image image;
    float distance[CELLS * CELLS];
    ASSERT_OK(gad_image_new(SIDE, SIDE, 3, &image, &err), &err);
    memset(image.pixels, 150, 3 * SIDE * SIDE);
    for (int i = 0; i < CELLS * CELLS; i++)
        distance[i] = 0.01f;
    distance[8 * CELLS + 8] = bad ? 0.15f : 0.03f;
    for (int y = 165; bad && y < 175; y++)
        memset(image.pixels + 3 * (y * SIDE + 165), 20, 3 * 10);
    gad_defect defect = {.x1 = 160, .y1 = 160, .x2 = 180, .y2 = 180, .valid = true};
    *r = (gad_inspection){.verdict = verdict, .width_px = SIDE, .height_px = SIDE, .distance = 0.5, .distance_limit = 0.2};
    if (bad) {
        r->defect = &defect;
        r->defect_count = 1;
    }
    ASSERT_OK(gad_findings_write(&image, &(gad_findings_map){distance, CELLS, CELLS, 0.05}, r, &err), &err);
    gad_image_free(&image);
}

static void assert_found(const gad_inspection *r, const char *text)
{
    if (!strstr(r->found, text))
        fail_msg("\"%s\" is not in: %s", text, r->found);
}

static void test_found(void **state)
{
    (void)state;
    gad_inspection r;
    look(GAD_VERDICT_ANOMALOUS, true, &r);
    assert_found(&r, "1: lower right, 20 x 20 px");
    assert_found(&r, "% darker than its surroundings");
    assert_found(&r, "; 3.0 times what rejects a part");
    gad_memory_free(r.found);
    look(GAD_VERDICT_NORMAL, false, &r);
    assert_found(&r, "the largest deviation, in the lower right, is 0.60 of what rejects a part");
    gad_memory_free(r.found);
    look(GAD_VERDICT_UNFAMILIAR, true, &r);
    assert_found(&r, "does not look like the good parts at all (distance 0.500, limit 0.200)");
    gad_memory_free(r.found);
}

/* A model's own regions: each box gets the measurements of its region in px of the picture, moved content the number of
 * the box where it is found, a box of the text's own nothing. */
static void test_taken(void **state)
{
    (void)state;
    gad_error err = {0};
    float heat = 0;
    gad_turn turn = {.heat = &heat, .region_count = 2, .view = {.width = 100, .height = 100}};
    turn.region[0] = (gad_region){0, 0, 0.5f, 0.5f, 1, 3};
    turn.region[1] = (gad_region){0.5f, 0.5f, 1, 1, 1, 3};
    for (int i = 0; i < 2; i++)
        turn.measurement[i] = (gad_measurement){.length_px = 10 + i,
                                                .breadth_px = 5,
                                                .area_px = 40,
                                                .share = 0.004,
                                                .content = GAD_MEASUREMENT_MOVED,
                                                .other = 1 - i,
                                                .like_x = -1};
    gad_defect defect[] = {{.x1 = 101, .y1 = 100, .x2 = 200, .y2 = 200, .valid = true},
                           {.x1 = 30, .y1 = 150, .x2 = 60, .y2 = 180, .valid = true},
                           {.x1 = 0, .y1 = 0, .x2 = 100, .y2 = 99, .valid = true}};
    gad_inspection r = {
        .verdict = GAD_VERDICT_ANOMALOUS, .width_px = SIDE, .height_px = SIDE, .defect = defect, .defect_count = 3};
    ASSERT_OK(gad_findings_take(&turn, &r, &err), &err);
    assert_true(defect[0].measured && !defect[1].measured && defect[2].measured);
    assert_true(defect[0].measurement.length_px == 22 && defect[2].measurement.length_px == 20);
    assert_true(defect[0].measurement.area_px == 160);
    assert_int_equal(defect[0].measurement.other, 2);
    assert_int_equal(defect[2].measurement.other, 0);
    assert_found(
        &r,
        "1: lower right, 99 x 100 px (0.4 % of the picture differs), a patch, moved (region 3 shows the same content)\n3: "
        "upper left");
    gad_memory_free(r.found);
    r = (gad_inspection){.verdict = GAD_VERDICT_NORMAL, .width_px = SIDE, .height_px = SIDE};
    turn.region_count = 0;
    turn.words[0].of[GAD_WORD_LEVEL] = 1;
    turn.measurement[0].content = GAD_MEASUREMENT_CHANGED;
    ASSERT_OK(gad_findings_take(&turn, &r, &err), &err);
    assert_found(&r, "the largest deviation is below what good parts show: upper left, 100 x 100 px");
    gad_memory_free(r.found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_found), cmocka_unit_test(test_taken)};
    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
