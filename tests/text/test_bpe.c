/* Merging against the definition, carried out naively, on random tables; the table; time on long pieces. */
#include "text/small.h"

#include "base/clock.h"
#include "base/memory.h"
#include "text/bpe.h"

/* The definition: merge the leftmost pair of lowest rank until there is none. */
static size_t merge_naively(const gad_bpe *bpe, int32_t *symbol, size_t count)
{
    for (;;) {
        const gad_bpe_slot *best = NULL;
        size_t at = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            const gad_bpe_slot *slot = gad_bpe_find(bpe, symbol[i], symbol[i + 1]);
            if (slot && (!best || slot->rank < best->rank)) {
                best = slot;
                at = i;
            }
        }
        if (!best)
            return count;
        symbol[at] = best->merged;
        memmove(symbol + at + 1, symbol + at + 2, (count - at - 2) * sizeof *symbol);
        count--;
    }
}

static void against_definition(void **state)
{
    (void)state;
    gad_rng rng = gad_rng_make(13, 0);
    gad_bpe_scratch scratch = {0};
    for (int round = 0; round < 3000; round++) {
        gad_bpe bpe;
        uint32_t symbols = 2 + gad_rng_below(&rng, 4), merges = gad_rng_below(&rng, 30);
        assert_true(gad_bpe_make(&bpe, merges));
        uint32_t rank = 0;
        for (uint32_t m = 0; m < merges; m++) {
            int32_t left = (int32_t)gad_rng_below(&rng, symbols + m), right = (int32_t)gad_rng_below(&rng, symbols + m);
            rank += gad_bpe_add(&bpe, left, right, rank, (int32_t)(symbols + m));
        }
        int32_t naive[64];
        size_t count = gad_rng_below(&rng, 64);
        assert_true(gad_bpe_reserve(&scratch, count));
        for (size_t i = 0; i < count; i++)
            naive[i] = scratch.symbol[i] = (int32_t)gad_rng_below(&rng, symbols);
        size_t expected = merge_naively(&bpe, naive, count);
        assert_int_equal(gad_bpe_merge(&bpe, &scratch, count), expected);
        if (expected)
            assert_memory_equal(scratch.symbol, naive, expected * sizeof *naive);
        gad_bpe_free(&bpe);
    }
    gad_bpe_scratch_free(&scratch);
}

static void table(void **state)
{
    (void)state;
    gad_bpe bpe;
    assert_true(gad_bpe_make(&bpe, 1000));
    for (int32_t i = 0; i < 1000; i++)
        assert_true(gad_bpe_add(&bpe, i % 40, i / 40 * 65536, (uint32_t)i, 5000 + i));
    assert_false(gad_bpe_add(&bpe, 3, 65536, 9999, 1)); /* there already */
    for (int32_t i = 0; i < 1000; i++) {
        const gad_bpe_slot *slot = gad_bpe_find(&bpe, i % 40, i / 40 * 65536);
        assert_non_null(slot);
        assert_int_equal(slot->rank, i);
        assert_int_equal(slot->merged, 5000 + i);
    }
    assert_null(gad_bpe_find(&bpe, 40, 0));
    assert_null(gad_bpe_find(&bpe, 65536, 1));
    gad_bpe_free(&bpe);
}

/* One piece of a million symbols that all merge, pairwise, twenty times over. */
static void long_piece(void **state)
{
    (void)state;
    enum { COUNT = 1 << 20 };
    gad_bpe bpe;
    gad_bpe_scratch scratch = {0};
    assert_true(gad_bpe_make(&bpe, 20));
    for (int32_t i = 0; i < 20; i++)
        gad_bpe_add(&bpe, i, i, (uint32_t)i, i + 1);
    assert_true(gad_bpe_reserve(&scratch, COUNT));
    memset(scratch.symbol, 0, COUNT * sizeof *scratch.symbol);
    double begin = gad_clock_seconds();
    assert_int_equal(gad_bpe_merge(&bpe, &scratch, COUNT), 1);
    assert_int_equal(scratch.symbol[0], 20);
    assert_true(gad_clock_seconds() - begin < 10);
    gad_bpe_scratch_free(&scratch);
    gad_bpe_free(&bpe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_definition), cmocka_unit_test(table),
                                       cmocka_unit_test(long_piece)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
