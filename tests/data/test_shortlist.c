/* shortlist: of very many candidates the most alike are listed, in their order, whatever the exposure. */
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "data/shortlist.h"
#include "support/support.h"

enum { BLOCKS = 64, NUMBERS = 3 * BLOCKS, MANY = 40000 };

static float *random_means(size_t count, uint64_t seed)
{
    gad_rng rng = gad_rng_make(seed, 0);
    float *means = malloc(count * NUMBERS * sizeof *means), one[NUMBERS];
    for (size_t i = 0; i < count; i++) {
        for (int b = 0; b < NUMBERS; b++)
            one[b] = (float)gad_rng_uniform(&rng) * (b < BLOCKS ? 8 : 200);
        gad_shortlist_centre(one, BLOCKS, means + i * NUMBERS);
    }
    return means;
}

static bool is_listed(const size_t *list, size_t n, size_t candidate)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == candidate)
            return true;
    return false;
}

static void assert_ascending(const size_t *list, size_t n)
{
    for (size_t i = 1; i < n; i++)
        assert_true(list[i - 1] < list[i]);
}

static void test_exposure(void **state)
{
    (void)state;
    float plain[NUMBERS], other[NUMBERS], a[NUMBERS], b[NUMBERS];
    gad_rng rng = gad_rng_make(3, 0);
    for (int i = 0; i < NUMBERS; i++) {
        plain[i] = (float)gad_rng_uniform(&rng);
        other[i] = plain[i] + (i < BLOCKS ? 0.75f : -4); /* a brighter picture with another white balance */
    }
    gad_shortlist_centre(plain, BLOCKS, a);
    gad_shortlist_centre(other, BLOCKS, b);
    for (int i = 0; i < NUMBERS; i++)
        assert_float_equal(a[i], b[i], 1e-5);
}

/* The nearest by full sorting, but for those left out. */
static void test_nearest(void **state)
{
    (void)state;
    const size_t count = 3000;
    float *candidates = random_means(count, 1), *query = random_means(1, 2);
    unsigned char *allowed = malloc(count);
    size_t list[GAD_SHORTLIST_MOST];
    for (size_t i = 0; i < count; i++)
        allowed[i] = i % 4 != 3;
    const size_t n = gad_shortlist_make(query, candidates, count, BLOCKS, allowed, list);
    assert_int_equal(n, GAD_SHORTLIST_MOST);
    assert_ascending(list, n);
    double farthest = 0, *distance = calloc(count, sizeof *distance);
    for (size_t i = 0; i < count; i++)
        for (int b = 0; b < NUMBERS; b++)
            distance[i] += fabs((double)query[b] - (double)candidates[i * NUMBERS + (size_t)b]);
    for (size_t i = 0; i < n; i++)
        farthest = fmax(farthest, distance[list[i]]);
    size_t nearer = 0;
    for (size_t i = 0; i < count; i++) {
        nearer += allowed[i] && distance[i] < farthest * (1 - 1e-5);
        assert_true(allowed[i] || !is_listed(list, n, i));
    }
    assert_in_range(nearer, GAD_SHORTLIST_MOST - 3, GAD_SHORTLIST_MOST - 1);
    free(distance);
    free(allowed);
    free(candidates);
    free(query);
}

/* Of more than are looked at, every part of the list has its share; a double that is looked at is found. */
static void test_very_many(void **state)
{
    (void)state;
    float *candidates = random_means(MANY, 4);
    size_t list[GAD_SHORTLIST_MOST], found = 0, early = 0;
    for (size_t i = 0; i < 200; i++) {
        const size_t planted = i * MANY / 200;
        const size_t n = gad_shortlist_make(candidates + planted * NUMBERS, candidates, MANY, BLOCKS, NULL, list);
        assert_int_equal(n, GAD_SHORTLIST_MOST);
        assert_ascending(list, n);
        found += is_listed(list, n, planted);
        for (size_t k = 0; k < n; k++)
            early += list[k] < MANY / 2;
    }
    assert_in_range(found, 200 * GAD_SHORTLIST_LOOKED / MANY - 60, 200);
    assert_in_range(early, 200 * GAD_SHORTLIST_MOST * 4 / 10, 200 * GAD_SHORTLIST_MOST * 6 / 10);
    assert_int_equal(gad_shortlist_make(candidates, candidates, 0, BLOCKS, NULL, list), 0);
    assert_int_equal(gad_shortlist_make(candidates, candidates, 5, BLOCKS, NULL, list), 5);
    free(candidates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exposure), cmocka_unit_test(test_nearest),
                                       cmocka_unit_test(test_very_many)};
    return cmocka_run_group_tests_name("shortlist", tests, NULL, NULL);
}
