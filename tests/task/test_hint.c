/* hint: what a comparison found, as text in the coordinates of each family. */
#include <string.h>

#include "support/support.h"
#include "task/hint.h"

static gad_inspection seen_with(gad_defect *defect, int count)
{
    return (gad_inspection){
        .width_px = 400, .height_px = 200, .defect = defect, .defect_count = count, .found = (char *)""};
}

static void assert_writes(const gad_inspection *seen, gad_box_convention convention, bool pictured, const char *wanted)
{
    gad_string text = {0};
    gad_box_frame frame = gad_box_frame_make(convention, GAD_BOX_XY, 400, 200, 800, 400);
    gad_hint_write(seen, &frame, pictured, &text);
    if (!strstr(gad_string_text(&text), wanted))
        fail_msg("\"%s\" is not in: %s", wanted, gad_string_text(&text));
    gad_string_free(&text);
}

static void test_regions(void **state)
{
    (void)state;
    gad_defect defect[] = {{.x1 = 40, .y1 = 20, .x2 = 80, .y2 = 60, .valid = true, .measured = true},
                           {.x1 = 100, .y1 = 50, .x2 = 100, .y2 = 50},
                           {.x1 = 200, .y1 = 100, .x2 = 400, .y2 = 200, .valid = true}};
    defect[0].measurement = (gad_measurement){.length_px = 20,
                                              .breadth_px = 15,
                                              .share = 0.01,
                                              .lightness = -31,
                                              .unusual = 2.3,
                                              .like_x = -1,
                                              .basis = GAD_MEASUREMENT_SURROUNDINGS};
    gad_inspection seen = seen_with(defect, 3);
    assert_writes(&seen, GAD_BOX_REL1000, false,
                  "finds 2 unusual regions:\n1. [100, 100, 200, 300], 2.0 % of the image, "
                  "a patch, 31 % darker than its surroundings; 2.3 times what rejects a "
                  "part.\n2. [500, 500, 1000, 1000], 25.0 % of the image.");
    assert_writes(&seen, GAD_BOX_INPUT, false, "1. [80, 40, 160, 120]");
    assert_writes(&seen, GAD_BOX_REL1, false, "1. [0.100, 0.100, 0.200, 0.300]");
    assert_writes(&seen, GAD_BOX_INPUT, true, "The further image is a heat map");
    assert_writes(&seen, GAD_BOX_INPUT, false, "may be wrong");
}

/* A part in which nothing stands out: how far the largest deviation is from a reject. */
static void test_nothing(void **state)
{
    (void)state;
    gad_inspection seen = seen_with(NULL, 0);
    char found[] = "Nothing stands out: the largest deviation, in the centre, is 0.41 of what rejects a part.";
    seen.found = found;
    assert_writes(&seen, GAD_BOX_INPUT, false, "finds no unusual region. Nothing stands out");
    assert_writes(&seen, GAD_BOX_INPUT, false, "0.41 of what rejects a part");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_regions), cmocka_unit_test(test_nothing)};
    return cmocka_run_group_tests_name("hint", tests, NULL, NULL);
}
