/* subset: a limit keeps labels, data sets, sub-tasks and categories in proportion wherever items stand in the list, by seed
 * only; filters keep what they name. */
#include "base/hash.h"
#include "base/memory.h"
#include "bench/item.h"
#include "bench/subset.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

/* Pairs in the order of their ids, as DeepPCB has them: normal, anomalous, normal, ...; `sizes[c]` items of category c. */
static gad_items make_items(const int *sizes, int categories)
{
    gad_items items = {0};
    gad_error err;
    for (int c = 0; c < categories; c++)
        for (int i = 0; i < sizes[c]; i++) {
            char id[64], category[16];
            snprintf(category, sizeof category, "c%d", c);
            snprintf(id, sizeof id, "d/%s/%05d", category, i);
            gad_item item = {.id = id,
                             .dataset = "d",
                             .category = category,
                             .image = "a.png",
                             .anomalous = i % 2,
                             .width = 1,
                             .height = 1};
            ASSERT_OK(gad_item_add(&items, &item, &err), &err);
        }
    return items;
}

static int count_of(const gad_items *items, const char *category, int label)
{
    int n = 0;
    for (size_t i = 0; i < items->count; i++)
        n += (!category || !strcmp(items->item[i].category, category)) && (int)items->item[i].anomalous == label;
    return n;
}

static void test_alternating_labels(void **state)
{
    (void)state;
    static const int sizes[] = {1600};
    gad_error err;
    for (uint64_t seed = 0; seed < 20; seed++) {
        gad_items items = make_items(sizes, 1);
        ASSERT_OK(gad_subset_draw(&items, 20, seed, &err), &err);
        assert_int_equal(items.count, 20);
        assert_int_equal(count_of(&items, NULL, 0), 10);
        for (size_t i = 1; i < items.count; i++) /* the order of the list stays */
            assert_true(strcmp(items.item[i - 1].id, items.item[i].id) < 0);
        gad_item_free(&items);
    }
}

static void test_proportion(void **state)
{
    (void)state;
    static const int sizes[] = {600, 300, 98, 2}; /* at a limit of 100: 60, 30, 9.8, 0.2 */
    gad_error err;
    for (uint64_t seed = 0; seed < 50; seed++) {
        gad_items items = make_items(sizes, 4);
        ASSERT_OK(gad_subset_draw(&items, 100, seed, &err), &err);
        assert_int_equal(items.count, 100);
        assert_int_equal(count_of(&items, NULL, 0), 50);
        for (int label = 0; label < 2; label++) {
            assert_in_range(count_of(&items, "c0", label), 29, 31);
            assert_in_range(count_of(&items, "c1", label), 14, 16);
            assert_in_range(count_of(&items, "c2", label), 4, 5);
            assert_int_equal(count_of(&items, "c3", label), 1); /* none is left out */
        }
        gad_item_free(&items);
    }
}

static void test_fewer_than_strata(void **state)
{
    (void)state;
    static const int sizes[] = {40, 40, 40, 40, 40, 40, 40, 40, 40, 40};
    gad_error err;
    for (uint64_t seed = 0; seed < 20; seed++) {
        gad_items items = make_items(sizes, 10);
        ASSERT_OK(gad_subset_draw(&items, 6, seed, &err), &err);
        assert_int_equal(items.count, 6);
        assert_int_equal(count_of(&items, NULL, 0), 3);
        gad_item_free(&items);
    }
}

/* Every item is taken with the same probability: over many seeds no item stands out, not even one at a stratum's end. */
static void test_fair(void **state)
{
    (void)state;
    enum { ITEMS = 30, SEEDS = 4000 };
    static const int sizes[] = {21, 9};
    gad_error err;
    int taken[ITEMS] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        gad_items items = make_items(sizes, 2);
        ASSERT_OK(gad_subset_draw(&items, 10, seed, &err), &err);
        for (size_t i = 0; i < items.count; i++) {
            int category, index;
            assert_int_equal(sscanf(items.item[i].id, "d/c%d/%d", &category, &index), 2);
            taken[category * 21 + index]++;
        }
        gad_item_free(&items);
    }
    for (int i = 0; i < ITEMS; i++) /* a third of the seeds; 5 deviations of sqrt(SEEDS / 3 * 2 / 3) = 30 */
        if (taken[i] < SEEDS / 3 - 150 || taken[i] > SEEDS / 3 + 150)
            fail_msg("item %d was taken %d times in %d draws of a third", i, taken[i], SEEDS);
}

static gad_hash hash_of(const gad_items *items)
{
    gad_hash hash = {0};
    for (size_t i = 0; i < items->count; i++)
        hash = gad_hash_combine(hash, gad_hash_bytes(items->item[i].id, strlen(items->item[i].id)));
    return hash;
}

static void test_seed_alone_decides(void **state)
{
    (void)state;
    static const int sizes[] = {50, 50};
    gad_error err;
    gad_hash hash[3];
    for (int k = 0; k < 3; k++) {
        gad_items items = make_items(sizes, 2);
        ASSERT_OK(gad_subset_draw(&items, 10, k < 2 ? 7 : 8, &err), &err);
        hash[k] = hash_of(&items);
        gad_item_free(&items);
    }
    assert_true(gad_hash_equal(hash[0], hash[1]));
    assert_false(gad_hash_equal(hash[0], hash[2]));
    gad_items items = make_items(sizes, 2);
    ASSERT_OK(gad_subset_draw(&items, 0, 1, &err), &err);
    assert_int_equal(items.count, 100);
    ASSERT_OK(gad_subset_draw(&items, 1000, 1, &err), &err);
    assert_int_equal(items.count, 100);
    assert_int_equal(gad_subset_draw(&items, -1, 1, &err), GAD_E_ARGUMENT);
    gad_item_free(&items);
}

static void test_filter(void **state)
{
    (void)state;
    static const int sizes[] = {4, 6, 8};
    static const char *const two[] = {"c2", "c0"}, *const other[] = {"e"};
    gad_error err;
    gad_items items = make_items(sizes, 3);
    int64_t index;
    ASSERT_OK(gad_item_find(&items, "d/c2/00000", &index, &err), &err);
    assert_int_equal(index, 10);
    gad_subset_filter(&items, NULL, 0, two, 2);
    assert_int_equal(items.count, 12);
    ASSERT_OK(gad_item_find(&items, "d/c2/00000", &index, &err), &err);
    assert_int_equal(index, 4); /* the index of ids was made anew */
    gad_subset_filter(&items, other, 1, NULL, 0);
    assert_int_equal(items.count, 0);
    gad_item_free(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alternating_labels), cmocka_unit_test(test_proportion),
        cmocka_unit_test(test_fewer_than_strata),  cmocka_unit_test(test_fair),
        cmocka_unit_test(test_seed_alone_decides), cmocka_unit_test(test_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
