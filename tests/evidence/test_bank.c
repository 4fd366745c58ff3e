/* test_bank: distances, scores and coresets of a small memory against plain loops; parts come and go. */
#include "evidence/bank.h"

#include "base/rng.h"
#include "evidence/coreset.h"
#include "evidence/holdout.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 24, CELLS = 30, PARTS = 9 };

/* A part of CELLS rows of length 1 around a few directions; the last part's first cell points elsewhere. */
static gad_descriptors make_part(int seed, bool odd)
{
    static float data[PARTS + 1][CELLS * WIDTH], whole[PARTS + 1][WIDTH];
    gad_descriptors d = {.rows = 5, .cols = 6, .width = WIDTH, .stride = 16, .data = data[seed], .whole = whole[seed]};
    gad_rng rng = gad_rng_make((uint64_t)seed, 1);
    memset(d.whole, 0, sizeof whole[0]);
    for (int i = 0; i < CELLS; i++) {
        double length = 0;
        float *row = d.data + i * WIDTH;
        for (int c = 0; c < WIDTH; c++)
            row[c] = (float)((c == i % 6 ? 3.0 : 0.0) + 0.3 * gad_rng_normal(&rng));
        if (odd && i == 0)
            for (int c = 0; c < WIDTH; c++)
                row[c] = c == 20 ? 1.0f : 0.0f;
        for (int c = 0; c < WIDTH; c++)
            length += (double)row[c] * (double)row[c];
        for (int c = 0; c < WIDTH; c++) {
            row[c] = (float)((double)row[c] / sqrt(length));
            d.whole[c] += row[c] / CELLS;
        }
    }
    double length = 0;
    for (int c = 0; c < WIDTH; c++)
        length += (double)d.whole[c] * (double)d.whole[c];
    for (int c = 0; c < WIDTH; c++)
        d.whole[c] = (float)((double)d.whole[c] / sqrt(length));
    return d;
}

static void fill(gad_bank *bank, int parts)
{
    gad_error err;
    for (int i = 0; i < parts; i++) {
        char name[32];
        snprintf(name, sizeof name, "part %d", i);
        const gad_descriptors d = make_part(i, false);
        ASSERT_OK(gad_bank_add(bank, name, &d, 1, &err), &err);
    }
}

static double plain_distance(const gad_descriptors *query, int cell, int parts, int except)
{
    double best = 0;
    for (int p = 0; p < parts; p++) {
        const gad_descriptors d = make_part(p, false);
        for (int i = 0; p != except && i < CELLS; i++) {
            double cosine = 0;
            for (int c = 0; c < WIDTH; c++)
                cosine += (double)query->data[cell * WIDTH + c] * (double)d.data[i * WIDTH + c];
            best = cosine > best ? cosine : best;
        }
    }
    return 1 - best;
}

static void test_compare(void **state)
{
    (void)state;
    gad_bank bank = {0};
    gad_device device;
    gad_error err;
    float distance[CELLS];
    int64_t nearest = -1;
    ASSERT_OK(gad_device_open_cpu(&device, 1, &err), &err);
    fill(&bank, PARTS);
    const gad_descriptors query = make_part(PARTS, true);
    for (int except = -1; except < PARTS; except += 4) {
        ASSERT_OK(gad_bank_compare(&bank, &device, query.data, CELLS, except, distance, &err), &err);
        for (int i = 0; i < CELLS; i++) /* rows of 16 bits */
            assert_true(fabs((double)distance[i] - plain_distance(&query, i, PARTS, except)) < 4e-3);
    }
    assert_true(gad_bank_score(distance, CELLS, NULL) > 0.5); /* the odd cell decides */
    assert_true(gad_bank_unfamiliar(&bank, make_part(3, false).whole, -1, &nearest) < 1e-5);
    assert_int_equal(nearest, 3);
    assert_true(gad_bank_unfamiliar(&bank, make_part(3, false).whole, 3, NULL) > 1e-5);
    gad_bank_free(&bank);
    gad_device_close(&device);
}

static void test_score(void **state)
{
    (void)state;
    static float value[1000];
    for (int i = 0; i < 1000; i++)
        value[i] = (float)((i * 617) % 1000);
    /* the mean of 990 to 999, less half of 500 */
    assert_true(fabs(gad_bank_score(value, 1000, NULL) - (994.5 - 250)) < 1e-9);
    assert_true(fabs(gad_bank_score((float[]){1, 5, 3}, 3, NULL) - 3.5) < 1e-9);
    assert_true(fabs(gad_bank_score((float[]){4}, 1, NULL) - 2) < 1e-9);
}

static void test_parts(void **state)
{
    (void)state;
    gad_bank bank = {0}, copy = {0};
    gad_error err;
    fill(&bank, 4);
    gad_descriptors narrow = make_part(0, false);
    narrow.width = WIDTH - 1;
    assert_int_equal(gad_bank_add(&bank, "narrow", &narrow, 1, &err), GAD_E_ARGUMENT);
    ASSERT_OK(gad_bank_copy(&bank, (const int64_t[]){3, 1}, 2, &copy, &err), &err);
    ASSERT_OK(gad_bank_remove(&bank, 1, &err), &err);
    assert_int_equal(bank.parts, 3);
    assert_int_equal(bank.count, 3 * CELLS);
    assert_string_equal(bank.part[1].name, "part 2");
    assert_memory_equal(bank.rows + bank.part[2].first * WIDTH, copy.rows, CELLS * WIDTH * sizeof *copy.rows);
    assert_string_equal(copy.part[1].name, "part 1");
    gad_bank_free(&bank);
    gad_bank_free(&copy);
    gad_bank_free(NULL);
}

/* What is left covers what was taken: no row is far from one that was kept. */
static void test_thin(void **state)
{
    (void)state;
    gad_bank bank = {0};
    gad_device device;
    gad_error err;
    float distance[CELLS];
    ASSERT_OK(gad_device_open_cpu(&device, 1, &err), &err);
    fill(&bank, PARTS);
    ASSERT_OK(gad_bank_thin(&bank, 60, &err), &err);
    assert_int_equal(bank.count, 60);
    int64_t rows = 0;
    for (int p = 0; p < PARTS; p++) {
        assert_int_equal(bank.part[p].first, rows);
        rows += bank.part[p].count;
    }
    assert_int_equal(rows, 60);
    for (int p = 0; p < PARTS; p++) {
        ASSERT_OK(gad_bank_compare(&bank, &device, make_part(p, false).data, CELLS, -1, distance, &err), &err);
        for (int i = 0; i < CELLS; i++)
            assert_true(distance[i] < 0.35f);
    }
    int64_t kept[3];
    assert_int_equal(gad_coreset_choose(bank.rows, 3, WIDTH, 3, kept, &err), GAD_E_ARGUMENT);
    gad_bank_free(&bank);
    gad_device_close(&device);
}

static void test_holdout(void **state)
{
    (void)state;
    gad_bank bank = {0};
    gad_device device;
    gad_holdout all = {0}, thinned = {0};
    gad_sight sight = gad_sight_make();
    gad_error err;
    ASSERT_OK(gad_device_open_cpu(&device, 1, &err), &err);
    fill(&bank, PARTS);
    ASSERT_OK(gad_holdout_measure(&bank, &sight, &device, 1, 100000, &all, &err), &err);
    assert_int_equal(all.cells, PARTS * CELLS);
    const gad_descriptors fifth = make_part(4, false);
    float distance[CELLS];
    for (int i = 0; i < CELLS; i++)
        distance[i] = (float)plain_distance(&fifth, i, PARTS, 4);
    assert_true(fabs(all.score[4] - gad_bank_score(distance, CELLS, NULL)) < 5e-3);
    ASSERT_OK(gad_holdout_measure(&bank, &sight, &device, 1, 90, &thinned, &err), &err);
    for (int i = 0; i < PARTS * CELLS; i++) /* fewer rows lie farther away */
        assert_true(thinned.distance[i] > all.distance[i] - 5e-3f);
    gad_holdout_free(&all);
    gad_holdout_free(&thinned);
    gad_bank_free(&bank);
    gad_device_close(&device);
}

/* Six cells in a row: two pairs of places and one more are four cells apart or farther; the two in the middle have none. */
static void test_part_alone(void **state)
{
    (void)state;
    float cell[] = {1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0.6f, 0.8f};
    gad_descriptors part = {.rows = 1, .cols = 6, .width = 2, .data = cell};
    gad_error err;
    double score;
    ASSERT_OK(gad_holdout_alone(&part, &score, &err), &err);
    assert_true(fabs(score - (1 - 0.4 / 2)) < 1e-6); /* distances 0.4, 0.4, 1, 0.4 */
    part.cols = 4;
    ASSERT_OK(gad_holdout_alone(&part, &score, &err), &err);
    assert_true(isnan(score));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare), cmocka_unit_test(test_score),      cmocka_unit_test(test_parts),
        cmocka_unit_test(test_thin),    cmocka_unit_test(test_part_alone), cmocka_unit_test(test_holdout),
    };
    return cmocka_run_group_tests_name("evidence/bank", tests, NULL, NULL);
}
