/* timeline: reuse changes nothing: whatever the timeline held before, the logits after a prompt are those of a fresh one,
 * bit for bit; images count by content, not by size; forks, cancelling, limits, threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate/speaking.h"

static const char *const families[] = {"qwen25", "qwen3"};

typedef struct memory {
    float *logits;
    int64_t vocab;
} memory;

static memory remember(const gad_timeline *t)
{
    int64_t vocab = t->model->config.text.vocab;
    memory m = {malloc((size_t)vocab * sizeof(float)), vocab};
    memcpy(m.logits, t->logits, (size_t)vocab * sizeof(float));
    return m;
}

static bool same_bits(const gad_timeline *t, const memory *m)
{
    return !memcmp(t->logits, m->logits, (size_t)m->vocab * sizeof(float));
}

/* Rows that go together give the same bits however many they are, but a row that comes alone (a prompt's last row when all
 * before it is reused, a decoded id) goes through the matrix-vector kernel, which adds its products in another order:
 * measured up to 6e-7. */
static const double reuse_tolerance = 2e-6;

static double difference(const gad_timeline *t, const memory *m)
{
    support_difference d = support_compare(t->logits, m->logits, m->vocab);
    assert_true(!d.nonfinite);
    return d.e;
}

/* What a timeline of its own, that never held anything, gives. */
static memory fresh(gad_engine *engine, const gad_prompt *prompt)
{
    gad_error err;
    gad_timeline t;
    ASSERT_OK(gad_timeline_open(&engine->model, &engine->device, &t, &err), &err);
    ASSERT_OK(gad_timeline_feed(&t, prompt, 0, NULL, &err), &err);
    assert_int_equal(t.computed, prompt->count);
    memory m = remember(&t);
    gad_timeline_close(&t);
    return m;
}

/* ---- reuse -------------------------------------------------------------------------------------------------------------
 */

/* All cases one after the other, forwards and backwards, through one timeline: they share their beginnings. */
static void test_reuse_over_cases(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_error err;
        gad_engine *engine = speaking_open(families[f], 1);
        gad_timeline *t = &engine->timeline;
        static const char order[] = "abcdeffedcbabadbecffa";
        int64_t fed = 0;
        double worst = 0;
        for (const char *letter = order; *letter; letter++) {
            speaking_case c;
            speaking_open_case(engine, families[f], *letter, &c);
            ASSERT_OK(gad_timeline_feed(t, &c.prompt, 0, NULL, &err), &err);
            assert_int_equal(t->length, c.prompt.count);
            memory expected = fresh(engine, &c.prompt);
            worst = fmax(worst, difference(t, &expected));
            free(expected.logits);
            fed += c.prompt.count;
            speaking_close_case(&c);
        }
        print_message("%s: %lld rows asked for, %lld computed, logits e at most %.2g\n", families[f], (long long)fed,
                      (long long)t->computed, worst);
        assert_true(worst <= reuse_tolerance);
        assert_true(t->computed < fed * 9 / 10);
        gad_engine_free(engine);
    }
}

/* The same prompt again costs one row, the last, and gives the same. */
static void test_same_again(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = speaking_open("qwen3", 1);
    gad_timeline *t = &engine->timeline;
    speaking_case c;
    speaking_open_case(engine, "qwen3", 'c', &c);
    ASSERT_OK(gad_timeline_feed(t, &c.prompt, 0, NULL, &err), &err);
    memory first = remember(t);
    ASSERT_OK(gad_timeline_feed(t, &c.prompt, 0, NULL, &err), &err);
    assert_int_equal(t->computed, c.prompt.count + 1);
    assert_true(difference(t, &first) <= reuse_tolerance);
    ASSERT_OK(gad_timeline_append(t, 40, &err), &err);
    memory longer = remember(t);
    ASSERT_OK(gad_timeline_feed(t, &c.prompt, 0, NULL, &err), &err); /* what was appended is forgotten */
    assert_true(difference(t, &first) <= reuse_tolerance);
    assert_int_equal(t->length, c.prompt.count);
    ASSERT_OK(gad_timeline_append(t, 40, &err), &err);
    assert_true(difference(t, &longer) <= reuse_tolerance);
    free(first.logits);
    free(longer.logits);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

/* ---- images ------------------------------------------------------------------------------------------------------------
 */

/* One changed pixel makes another image: its rows and all after them are computed, those before are not. */
static void test_image_content(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_error err;
        gad_engine *engine = speaking_open(families[f], 1);
        gad_timeline *t = &engine->timeline;
        speaking_case c;
        speaking_open_case(engine, families[f], 'c', &c);
        ASSERT_OK(gad_timeline_feed(t, &c.prompt, 0, NULL, &err), &err);
        memory original = remember(t);
        gad_prompt_image image[2] = {c.image[0], c.image[1]};
        gad_prompt other = c.prompt;
        other.image = image;
        for (int changed = 1; changed >= 0; changed--) {
            image[0] = c.image[0];
            image[1] = c.image[1];
            image[changed].rows = speaking_encode(engine, changed ? "strip" : "bolt", true);
            assert_int_equal(image[changed].rows->tokens, c.image[changed].rows->tokens);
            assert_false(gad_hash_equal(image[changed].rows->hash, c.image[changed].rows->hash));
            ASSERT_OK(gad_timeline_feed(t, &c.prompt, 0, NULL, &err), &err);
            int64_t before = t->computed;
            ASSERT_OK(gad_timeline_feed(t, &other, 0, NULL, &err), &err);
            assert_int_equal(t->computed - before, c.prompt.count - image[changed].first);
            memory expected = fresh(engine, &other);
            assert_true(difference(t, &expected) <= reuse_tolerance);
            assert_true(difference(t, &original) > 1e-5);
            free(expected.logits);
        }
        free(original.logits);
        speaking_close_case(&c);
        gad_engine_free(engine);
    }
}

/* Text that happens to have the same ids as an image's places is no image: the prompt is refused, the timeline stays. */
static void test_image_tokens_without_image(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_engine *engine = speaking_open("qwen25", 1);
    speaking_case c;
    speaking_open_case(engine, "qwen25", 'b', &c);
    ASSERT_OK(gad_timeline_feed(&engine->timeline, &c.prompt, 0, NULL, &err), &err);
    gad_prompt without = c.prompt;
    without.image_count = 0;
    assert_int_equal(gad_timeline_feed(&engine->timeline, &without, 0, NULL, &err), GAD_E_ARGUMENT);
    assert_int_equal(engine->timeline.length, c.prompt.count);
    gad_prompt empty = {.ids = c.prompt.ids};
    assert_int_equal(gad_timeline_feed(&engine->timeline, &empty, 0, NULL, &err), GAD_E_ARGUMENT);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

/* ---- forks -------------------------------------------------------------------------------------------------------------
 */

static void test_fork(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = speaking_open("qwen25", 1);
    gad_timeline *t = &engine->timeline, fork, empty;
    speaking_case c;
    speaking_open_case(engine, "qwen25", 'c', &c);
    ASSERT_OK(gad_timeline_fork(t, &empty, &err), &err);
    assert_int_equal(empty.length, 0);
    gad_timeline_close(&empty);
    ASSERT_OK(gad_timeline_feed(t, &c.prompt, 8, NULL, &err), &err);
    ASSERT_OK(gad_timeline_fork(t, &fork, &err), &err);
    memory start = remember(t);
    assert_true(same_bits(&fork, &start));
    for (int32_t i = 0; i < 4; i++)
        ASSERT_OK(gad_timeline_append(t, 30 + i, &err), &err);
    memory one = remember(t);
    for (int32_t i = 0; i < 4; i++)
        ASSERT_OK(gad_timeline_append(&fork, 60 + i, &err), &err);
    assert_false(same_bits(&fork, &one));
    assert_true(same_bits(t, &one)); /* the fork does not write into what it came from */
    gad_timeline_close(&fork);
    gad_timeline_clear(t);
    ASSERT_OK(gad_timeline_feed(t, &c.prompt, 8, NULL, &err), &err);
    ASSERT_OK(gad_timeline_fork(t, &fork, &err), &err);
    for (int32_t i = 0; i < 4; i++)
        ASSERT_OK(gad_timeline_append(&fork, 30 + i, &err), &err);
    assert_true(same_bits(&fork, &one));
    ASSERT_OK(gad_timeline_feed(&fork, &c.prompt, 0, NULL, &err), &err); /* and it reuses what it was given */
    assert_int_equal(fork.computed, 5);
    gad_timeline_close(&fork);
    free(start.logits);
    free(one.logits);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

/* ---- cancelling and limits
 * ------------------------------------------------------------------------------------------------ */

typedef struct patience {
    int left;
} patience;

static bool run_out(void *user)
{
    patience *p = user;
    return p->left-- <= 0;
}

/* Ids of a long text without images. */
static int32_t *long_text(int64_t count)
{
    int32_t *ids = malloc((size_t)count * sizeof *ids);
    for (int64_t i = 0; i < count; i++)
        ids[i] = (int32_t)(i * 7919 % 400);
    return ids;
}

static void test_cancel(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_engine *engine = speaking_open("qwen25", 1);
    gad_timeline *t = &engine->timeline;
    int32_t *ids = long_text(1300);
    gad_prompt prompt = {.ids = ids, .count = 1300};
    for (int pieces = 0; pieces < 3; pieces++) {
        patience p = {pieces};
        gad_cancel cancel = {run_out, &p};
        gad_timeline_clear(t);
        assert_int_equal(gad_timeline_feed(t, &prompt, 0, &cancel, &err), GAD_E_CANCELLED);
        assert_true(t->length < prompt.count && (t->length > 0) == (pieces > 0));
        int64_t done = t->length, before = t->computed;
        ASSERT_OK(gad_timeline_feed(t, &prompt, 0, NULL, &err), &err);
        assert_int_equal(t->computed - before, prompt.count - done); /* what was done is not done again */
        memory expected = fresh(engine, &prompt);
        assert_true(difference(t, &expected) <= reuse_tolerance);
        free(expected.logits);
    }
    free(ids);
    gad_engine_free(engine);
}

/* A cancelled answer leaves nothing behind, and the next one is right. */
static void test_cancel_answer(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_engine *engine = speaking_open("qwen3", 1);
    speaking_case c;
    gad_decoded d;
    int64_t n = 0;
    speaking_open_case(engine, "qwen3", 'b', &c);
    float *ids = golden_values(&c.golden, "decode.ids", &n);
    gad_decode_settings settings = {.sampling = {.greedy = true, .temperature = 1, .top_p = 1, .repetition_penalty = 1},
                                    .max_tokens = n,
                                    .ignore_stop = true};
    for (int words = 0; words < 8; words++) {
        patience p = {words};
        gad_cancel cancel = {run_out, &p};
        settings.cancel = &cancel;
        assert_int_equal(gad_decode(&engine->timeline, engine->tokenizer, &c.prompt, NULL, &settings, NULL, &d, &err),
                         GAD_E_CANCELLED);
        assert_true(!d.text.data && !d.ids.id);
        settings.cancel = NULL;
        ASSERT_OK(gad_decode(&engine->timeline, engine->tokenizer, &c.prompt, NULL, &settings, NULL, &d, &err), &err);
        for (int64_t i = 0; i < n; i++)
            assert_int_equal(d.ids.id[i], (int32_t)ids[i]);
        gad_decoded_free(&d);
    }
    free(ids);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

static void test_context_limit(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_engine *engine = speaking_open("qwen25", 1);
    gad_timeline *t = &engine->timeline;
    int64_t limit = engine->model.config.text.max_position;
    assert_int_equal(limit, 2048);
    int32_t *ids = long_text(limit + 1);
    gad_prompt prompt = {.ids = ids, .count = 100};
    ASSERT_OK(gad_timeline_feed(t, &prompt, 0, NULL, &err), &err);
    memory before = remember(t);
    prompt.count = limit + 1;
    assert_int_equal(gad_timeline_feed(t, &prompt, 0, NULL, &err), GAD_E_LIMIT);
    assert_non_null(strstr(err.cause, "2049"));
    assert_non_null(strstr(err.cause, "2048"));
    prompt.count = limit - 9;
    assert_int_equal(gad_timeline_feed(t, &prompt, 10, NULL, &err), GAD_E_LIMIT);
    assert_int_equal(t->length, 100);
    assert_true(same_bits(t, &before));
    ASSERT_OK(gad_timeline_feed(t, &prompt, 9, NULL, &err), &err);
    for (int i = 0; i < 9; i++)
        ASSERT_OK(gad_timeline_append(t, 40 + i, &err), &err);
    assert_int_equal(gad_timeline_append(t, 50, &err), GAD_E_INTERNAL);
    assert_int_equal(t->length, limit);
    free(before.logits);
    free(ids);
    gad_engine_free(engine);
}

/* The cache grows while rows are kept. */
static void test_growth(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = speaking_open("qwen25", 1);
    int32_t *ids = long_text(1000);
    double worst = 0;
    for (int64_t count = 50; count <= 1000; count += 190) {
        gad_prompt prompt = {.ids = ids, .count = count};
        ASSERT_OK(gad_timeline_feed(&engine->timeline, &prompt, 0, NULL, &err), &err);
        memory expected = fresh(engine, &prompt);
        worst = fmax(worst, difference(&engine->timeline, &expected));
        free(expected.logits);
    }
    assert_int_equal(engine->timeline.computed, 1000);
    print_message("growing to 1000 rows in six feeds: logits e %.2g\n", worst);
    assert_true(worst <= reuse_tolerance);
    free(ids);
    gad_engine_free(engine);
}

/* ---- threads
 * ------------------------------------------------------------------------------------------------------------- */

static void test_threads(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        memory first = {0};
        for (int threads = 1; threads <= 3; threads++) {
            gad_error err;
            gad_engine *engine = speaking_open(families[f], threads);
            speaking_case c;
            speaking_open_case(engine, families[f], 'c', &c);
            ASSERT_OK(gad_timeline_feed(&engine->timeline, &c.prompt, 1, NULL, &err), &err);
            ASSERT_OK(gad_timeline_append(&engine->timeline, 40, &err), &err);
            if (first.logits)
                assert_true(same_bits(&engine->timeline, &first));
            else
                first = remember(&engine->timeline);
            speaking_close_case(&c);
            gad_engine_free(engine);
        }
        free(first.logits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reuse_over_cases),
        cmocka_unit_test(test_same_again),
        cmocka_unit_test(test_image_content),
        cmocka_unit_test(test_image_tokens_without_image),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_answer),
        cmocka_unit_test(test_context_limit),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
