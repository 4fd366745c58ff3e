/* handcrafted: a cell that has its like elsewhere is near, one that has none is far; a million pixels take less than a
 * second. */
#include <omp.h>
#include <time.h>

#include "base/memory.h"
#include "base/rng.h"
#include "evidence/handcrafted.h"
#include "support/support.h"

enum { CELL = 4, ALIKE = 11 };

/* Seconds of a thread to compare noise with the same picture that has a square which occurs nowhere else. */
static double compare(int64_t side, float *inside, float *outside)
{
    int64_t area = side * side, across = side / CELL, cells = across * across;
    float *planes = gad_memory_alloc((size_t)(6 * area), sizeof *planes), *reference = planes + 3 * area;
    float *scratch = gad_memory_zero((size_t)gad_handcrafted_scratch(side, side, CELL), sizeof *scratch);
    float *low = gad_memory_zero((size_t)cells * GAD_EVIDENCE_CHANNELS, sizeof *low);
    float *gap = gad_memory_zero((size_t)area, sizeof *gap);
    gad_rng rng = gad_rng_make(3, 0);
    for (int64_t i = 0; i < 3 * area; i++)
        planes[i] = reference[i] = 0.1f * (float)gad_rng_normal(&rng);
    int64_t at = side / 2 / CELL * CELL;
    for (int c = 0; c < 3; c++)
        for (int64_t y = at; y < at + 4 * CELL; y++)
            for (int64_t x = at; x < at + 4 * CELL; x++)
                planes[c * area + y * side + x] = 5;
    gad_handcrafted_planes both = {planes, reference, reference, side, side};
    clock_t start = clock(); /* of all threads: others may use the machine too */
    gad_handcrafted_compare(&both, CELL, false, scratch, low, gap);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC / omp_get_max_threads();
    *inside = low[((at / CELL + 1) * across + at / CELL + 1) * GAD_EVIDENCE_CHANNELS + ALIKE];
    *outside = low[2 * GAD_EVIDENCE_CHANNELS + ALIKE];
    gad_memory_free(planes);
    gad_memory_free(scratch);
    gad_memory_free(low);
    gad_memory_free(gap);
    return seconds;
}

static void test_without_like(void **state)
{
    (void)state;
    float inside, outside;
    static const int64_t sides[] = {64, 256, 512}; /* all cells with all, and not */
    for (int i = 0; i < 3; i++) {
        compare(sides[i], &inside, &outside);
        assert_true(inside > 3 && outside < 1e-3f); /* the reference has every other cell itself */
    }
}

static void test_million_pixels(void **state)
{
    (void)state;
    float inside, outside;
    double seconds = compare(1024, &inside, &outside);
    print_message("1024 x 1024 px: %.2f s\n", seconds);
    assert_true(inside > 3 && outside < 1e-3f);
    assert_true(support_is_short() || seconds < 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_like),
        cmocka_unit_test(test_million_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
