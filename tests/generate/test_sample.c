/* sample: the processors against the reference's, the draw against its probabilities, generation_config.json. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "generate/sample.h"
#include "model/golden.h"

static const char *const families[] = {"qwen25", "qwen3"};

/* ---- processors
 * ---------------------------------------------------------------------------------------------------------- */

static gad_sampling read_case(const json_t *row)
{
    return (gad_sampling){.temperature = json_number_value(json_object_get(row, "temperature")),
                          .top_p = json_number_value(json_object_get(row, "top_p")),
                          .top_k = json_integer_value(json_object_get(row, "top_k")),
                          .repetition_penalty = json_number_value(json_object_get(row, "repetition_penalty"))};
}

/* The same entries are removed; those that stay differ by at most a rounding of each processor. */
static void check_processed(const char *title, const float *got, const float *expected, int64_t n)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(isinf(got[i]) && got[i] < 0, isinf(expected[i]) && expected[i] < 0);
        if (isinf(expected[i]))
            continue;
        assert_true(fabs((double)got[i] - (double)expected[i]) <= 3e-7 * fabs((double)expected[i]));
        kept++;
    }
    print_message("%s: %lld of %lld stay\n", title, (long long)kept, (long long)n);
    assert_true(kept >= 1);
}

static void test_processors(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_error err;
        json_t *root = NULL, *row;
        golden_case golden = {0};
        int64_t count = 0, vocab = 0, n = 0;
        size_t i;
        ASSERT_OK(gad_json_load(golden_path(families[f], "sampling.json"), &root, &err), &err);
        ASSERT_OK(gad_safetensors_open(golden_path(families[f], "sampling.safetensors"), &golden.values, &err), &err);
        float *ids = golden_values(&golden, "ids", &count), *logits = golden_values(&golden, "logits", &vocab);
        int32_t *seen = malloc((size_t)count * sizeof *seen), *scratch = malloc((size_t)vocab * sizeof *scratch);
        for (int64_t k = 0; k < count; k++)
            seen[k] = (int32_t)ids[k];
        float *work = malloc((size_t)vocab * sizeof *work);
        json_array_foreach (json_object_get(root, "cases"), i, row) {
            char name[32], title[64];
            gad_sampling sampling = read_case(row);
            memcpy(work, logits, (size_t)vocab * sizeof *work);
            gad_sample_process(&sampling, work, vocab, seen, count, scratch);
            snprintf(name, sizeof name, "%zu.processed", i);
            snprintf(title, sizeof title, "%s sampling case %zu", families[f], i);
            float *expected = golden_values(&golden, name, &n);
            assert_int_equal(n, vocab);
            check_processed(title, work, expected, vocab);
            free(expected);
        }
        assert_int_equal(i, 6);
        free(ids);
        free(logits);
        free(seen);
        free(scratch);
        free(work);
        json_decref(root);
        gad_safetensors_free(golden.values);
    }
}

/* By hand: temperature, ties at the k-th place, the penalty once per id and by sign, ids outside the vocabulary. */
static void test_processors_by_hand(void **state)
{
    (void)state;
    int32_t scratch[6];
    float z[6] = {4, 2, 2, -1, 0, 1};
    gad_sampling s = {.temperature = 2, .top_p = 1, .top_k = 2, .repetition_penalty = 1};
    gad_sample_process(&s, z, 6, NULL, 0, scratch);
    const float tied[6] = {2, 1, 1, -INFINITY, -INFINITY, -INFINITY};
    assert_memory_equal(z, tied, sizeof z);
    float y[6] = {4, 2, 2, -1, 0, 1};
    const int32_t seen[] = {0, 3, 0, 99, -1, 4, 3};
    s = (gad_sampling){.greedy = true, .temperature = 2, .top_p = 0.1, .top_k = 1, .repetition_penalty = 2};
    gad_sample_process(&s, y, 6, seen, 7, scratch);
    const float penalised[6] = {2, 2, 2, -2, 0, 1};
    assert_memory_equal(y, penalised, sizeof y);
    assert_int_equal(gad_sample_draw(&s, y, 6, NULL), 0); /* the first of the largest */
    /* probabilities 0.5, 0.25, 0.125, 0.125: the last two are within 1 - top_p together */
    float x[4] = {logf(4), logf(2), 0, 0};
    s = (gad_sampling){.temperature = 1, .top_p = 0.7, .repetition_penalty = 1};
    gad_sample_process(&s, x, 4, NULL, 0, scratch);
    assert_true(isfinite(x[0]) && isfinite(x[1]) && isinf(x[2]) && isinf(x[3]));
    /* a third of the most probable, or more, stays */
    float w[4] = {logf(9), logf(2.9f), logf(3.1f), 0};
    s = (gad_sampling){.temperature = 1, .top_p = 1, .min_p = 1 / 3.0, .repetition_penalty = 1};
    gad_sample_process(&s, w, 4, NULL, 0, scratch);
    assert_true(isfinite(w[0]) && isinf(w[1]) && isfinite(w[2]) && isinf(w[3]));
}

/* ---- draw
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_draw(void **state)
{
    (void)state;
    enum { N = 8, DRAWS = 200000 };
    const float z[N] = {1, 2, 0.5F, -INFINITY, 3, -2, 1, 2.5F};
    gad_sampling s = {.temperature = 1};
    gad_rng rng = gad_rng_make(11, 3), again = gad_rng_make(11, 3);
    int count[N] = {0};
    double total = gad_sample_logsumexp(z, N), chi2 = 0;
    for (int i = 0; i < DRAWS; i++) {
        int32_t id = gad_sample_draw(&s, z, N, &rng);
        assert_int_equal(id, gad_sample_draw(&s, z, N, &again));
        count[id]++;
    }
    assert_int_equal(count[3], 0);
    for (int i = 0; i < N; i++) {
        double expected = DRAWS * exp((double)z[i] - total);
        if (expected > 0)
            chi2 += (count[i] - expected) * (count[i] - expected) / expected;
    }
    print_message("chi^2 of %d draws over 7 kinds: %.1f\n", DRAWS, chi2);
    assert_true(chi2 < 22.5); /* 6 degrees of freedom: 1 in 1000 lies above; the seed is fixed */
}

/* ---- generation_config.json
 * -------------------------------------------------------------------------------------------------- */

static gad_status load(const char *json, gad_sampling *sampling, gad_error *err)
{
    const char *folder = support_scratch(GAD_TEST_TMP, "settings");
    gad_error ignored;
    const char *path = support_scratch(folder, "generation_config.json");
    ASSERT_OK(gad_file_make_directory(folder, &ignored), &ignored);
    ASSERT_OK(json ? gad_file_write(path, json, strlen(json), &ignored) : gad_file_remove(path, &ignored), &ignored);
    return gad_sampling_load(folder, 478, sampling, err);
}

static void test_settings(void **state)
{
    (void)state;
    gad_error err;
    gad_sampling s;
    ASSERT_OK(load(NULL, &s, &err), &err);
    assert_true(s.greedy && s.stop_count == 1 && gad_sampling_stops(&s, 478) && s.repetition_penalty == 1.0);
    ASSERT_OK(load("{\"do_sample\": true, \"temperature\": 0.7, \"top_p\": 0.8, \"top_k\": 20, \"eos_token_id\": [3, 4]}",
                   &s, &err),
              &err);
    assert_true(!s.greedy && s.temperature == 0.7 && s.top_p == 0.8 && s.top_k == 20);
    assert_true(gad_sampling_stops(&s, 3) && gad_sampling_stops(&s, 4) && !gad_sampling_stops(&s, 478));
    ASSERT_OK(
        load("{\"do_sample\": true, \"temperature\": 1e-6, \"repetition_penalty\": 1.05, \"eos_token_id\": 9}", &s, &err),
        &err);
    assert_true(s.greedy && s.repetition_penalty == 1.05 && s.stop_count == 1 && gad_sampling_stops(&s, 9));
    ASSERT_OK(load("{\"do_sample\": true, \"min_p\": 0.25, \"gad_drawn_tokens\": 12}", &s, &err), &err);
    assert_true(!s.greedy && s.min_p == 0.25 && s.drawn == 12);
    ASSERT_OK(load("{\"do_sample\": true}", &s, &err), &err);
    assert_true(!s.greedy && s.min_p == 0.0 && s.top_k == 50 && s.temperature == 1.0 && s.top_p == 1.0);
}

static void test_settings_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"temperature\": -1}",
                                      "{\"top_p\": 0}",
                                      "{\"top_p\": 1.5}",
                                      "{\"top_k\": -2}",
                                      "{\"min_p\": 2}",
                                      "{\"gad_drawn_tokens\": -1}",
                                      "{\"top_k\": \"20\"}",
                                      "{\"repetition_penalty\": 0}",
                                      "{\"eos_token_id\": -5}",
                                      "{\"eos_token_id\": \"x\"}",
                                      "{\"eos_token_id\": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
                                      "{\"do_sample\": 1}",
                                      "[]",
                                      "{"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        gad_error err = {0};
        gad_sampling s;
        gad_status status = load(bad[i], &s, &err);
        if (status != GAD_E_FORMAT || !strstr(err.cause, "generation_config.json"))
            fail_msg("%s: %s: %s", bad[i], gad_status_name(status), err.cause);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processors), cmocka_unit_test(test_processors_by_hand), cmocka_unit_test(test_draw),
        cmocka_unit_test(test_settings),   cmocka_unit_test(test_settings_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
