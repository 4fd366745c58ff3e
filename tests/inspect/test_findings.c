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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_found)};
    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
