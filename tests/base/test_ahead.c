/* ahead: items made by another thread come in the caller's order, as they would have been made at once, errors in their
 * place; what nobody took is freed. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/ahead.h"
#include "base/error.h"
#include "support/support.h"

enum { END = 1000, FAILS_AT = 7 };

typedef struct thing {
    int64_t *number;
} thing;

static int alive, running, most_running;

static gad_status make(void *user, int64_t n, void *item, gad_error *err)
{
    int64_t *wanted = user;
    thing *t = item;
    int now = __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
    most_running = now > most_running ? now : most_running;
    assert_null(t->number);
    usleep((useconds_t)(n % 3 * 200));
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    if (n % 10 == FAILS_AT)
        return gad_error_set(err, GAD_E_FORMAT, "make", NULL, "item %lld", (long long)n);
    t->number = malloc(sizeof *t->number);
    *t->number = n * *wanted;
    __atomic_add_fetch(&alive, 1, __ATOMIC_SEQ_CST);
    return GAD_OK;
}

static void drop(void *item)
{
    thing *t = item;
    free(t->number);
    __atomic_sub_fetch(&alive, 1, __ATOMIC_SEQ_CST);
}

static void take(gad_ahead *ahead, int64_t n, int64_t factor)
{
    gad_error err;
    thing t = {0};
    char cause[32];
    gad_status status = gad_ahead_take(ahead, n, &t, &err);
    if (n % 10 == FAILS_AT) {
        snprintf(cause, sizeof cause, "item %lld", (long long)n);
        assert_int_equal(status, GAD_E_FORMAT);
        assert_string_equal(err.cause, cause);
        return;
    }
    ASSERT_OK(status, &err);
    assert_int_equal(*t.number, n * factor);
    drop(&t);
}

static gad_ahead *open_ahead(int64_t *factor, int capacity, int64_t stride)
{
    gad_error err;
    gad_ahead *ahead;
    const gad_ahead_sequence sequence = {.make = make,
                                         .drop = drop,
                                         .user = factor,
                                         .item_bytes = sizeof(thing),
                                         .capacity = capacity,
                                         .stride = stride,
                                         .end = END};
    ASSERT_OK(gad_ahead_open(&sequence, &ahead, &err), &err);
    return ahead;
}

static void test_in_order(void **state)
{
    (void)state;
    static const int capacities[] = {1, 2, 5};
    for (size_t c = 0; c < 3; c++)
        for (int64_t stride = 1; stride <= 3; stride++) {
            int64_t factor = 3;
            gad_ahead *ahead = open_ahead(&factor, capacities[c], stride);
            for (int64_t n = 2; n < 60; n += stride)
                take(ahead, n, factor);
            gad_ahead_free(ahead);
            assert_int_equal(alive, 0);
        }
    assert_int_equal(most_running, 1);
}

static void test_out_of_order(void **state)
{
    (void)state;
    int64_t factor = 5;
    static const int64_t order[] = {0, 1, 2, 10, 11, 3, 4, 5, 5, 998, 999, 1000, 1001, 0, 1};
    gad_ahead *ahead = open_ahead(&factor, 4, 1);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        take(ahead, order[i], factor);
    gad_ahead_free(ahead);
    gad_ahead_free(open_ahead(&factor, 4, 1)); /* never asked */
    gad_ahead_free(NULL);
    assert_int_equal(alive, 0);
    assert_int_equal(most_running, 1);
}

/* The next item is made while the caller is busy, and no more than fit. */
static void test_ahead(void **state)
{
    (void)state;
    int64_t factor = 1;
    gad_ahead *ahead = open_ahead(&factor, 3, 1);
    take(ahead, 0, 1);
    for (int i = 0; i < 2000 && __atomic_load_n(&alive, __ATOMIC_SEQ_CST) < 3; i++)
        usleep(1000);
    usleep(20000);
    assert_int_equal(alive, 3);
    gad_ahead_free(ahead);
    assert_int_equal(alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_in_order), cmocka_unit_test(test_out_of_order),
                                       cmocka_unit_test(test_ahead)};
    return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
