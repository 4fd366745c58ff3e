/* decode: what the engine says, against the reference: greedy ids, positions and logits of every step, text as it streams,
 * stop tokens, forced beginnings, the log-probability, and the probability of Yes computed by hand. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "generate/speaking.h"

enum { STEPS = SPEAKING_STEPS };
static const char *const families[] = {"qwen25", "qwen3"};
/* As for the logits of the whole prompt in tests/model: here the last rows come one by one through the cache. */
static const double tolerance = 8e-6;

static int32_t largest(const float *logits, int64_t vocab)
{
    int32_t best = 0;
    for (int64_t i = 1; i < vocab; i++)
        best = logits[i] > logits[best] ? (int32_t)i : best;
    return best;
}

/* ---- step by step ------------------------------------------------------------------------------------------------------
 */

/* Another word than the golden one is a tie when their logits differ by no more than `tie` of the largest; the golden word
 * goes on then, and *ties counts. Returns the worst error of logits. */
static double check_steps(gad_engine *engine, const speaking_case *c, double tie, int *ties)
{
    gad_error err;
    gad_timeline *t = &engine->timeline;
    int64_t n = 0, count = 0, vocab = engine->model.config.text.vocab;
    float *ids = golden_values(&c->golden, "decode.ids", &n), *logits = golden_values(&c->golden, "decode.logits", &count);
    float *positions = golden_values(&c->golden, "decode.positions", &n);
    double worst = 0;
    assert_int_equal(n, STEPS);
    ASSERT_OK(gad_timeline_feed(t, &c->prompt, STEPS, NULL, &err), &err);
    for (int step = 0; step < STEPS; step++) {
        int64_t row = speaking_golden_row(count / vocab, step);
        if (row >= 0) {
            support_difference d = support_compare(t->logits, logits + row * vocab, vocab);
            assert_true(!d.nonfinite);
            worst = fmax(worst, d.e);
        }
        int32_t id = largest(t->logits, vocab), wanted = (int32_t)ids[step];
        if (id != wanted) {
            assert_true((double)(t->logits[id] - t->logits[wanted]) <= tie * (double)fabsf(t->logits[id]));
            ++*ties;
            id = wanted;
        }
        assert_int_equal(t->next, (int32_t)positions[step]);
        ASSERT_OK(gad_timeline_append(t, id, &err), &err);
    }
    free(ids);
    free(logits);
    free(positions);
    return worst;
}

static void test_steps(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_engine *engine = speaking_open(families[f], 1);
        for (char letter = 'a'; letter <= 'f'; letter++) {
            speaking_case c;
            speaking_open_case(engine, families[f], letter, &c);
            int ties = 0;
            double e = check_steps(engine, &c, 0, &ties);
            print_message("%s case %c: %d ids and positions equal, logits e %.2g\n", families[f], letter, STEPS, e);
            assert_true(e < tolerance);
            speaking_close_case(&c);
        }
        gad_engine_free(engine);
    }
}

/* Products of bf16 choose the same words as the fp32 goldens. A factor is off by up to 2^-9 of itself, a sum of many of
 * them by less of its terms' size, and the layers of these models, few as they are, each add theirs: the bound is the
 * tolerance that the reference's own bf16 has in tests/model. */
static void test_bf16_words(void **state)
{
    (void)state;
    int ties = 0;
    for (size_t f = 0; f < 2; f++) {
        gad_engine *engine = speaking_open(families[f], 1);
        if (gad_device_use_products(&engine->device, GAD_BF16) != GAD_BF16)
            print_message("SKIPPED test_bf16_words: this processor does not multiply bf16\n");
        for (char letter = 'a'; engine->device.products == GAD_BF16 && letter <= 'f'; letter++) {
            speaking_case c;
            speaking_open_case(engine, families[f], letter, &c);
            double e = check_steps(engine, &c, 2e-2, &ties);
            print_message("%s case %c in bf16: %d ids equal, logits e %.2g\n", families[f], letter, STEPS - ties, e);
            assert_true(e > tolerance && e < 2e-2);
            speaking_close_case(&c);
        }
        gad_engine_free(engine);
    }
    /* without optimisation, as the sanitizers build, one word of 192 stands on an edge */
    assert_true(ties <= (support_is_short() ? 1 : 0));
}

/* Keys and values in 16 bits (11 of mantissa, where bf16 above has 8), or in 8 bits with a scale a head. */
static void test_cache_words(void **state)
{
    (void)state;
    static const struct {
        gad_dtype kept;
        double most, tie; /* of the logits' error; two words so near each other may change places */
        int ties;
    } caches[] = {{GAD_F16, 2e-2 / 8, 0, 0}, {GAD_S8, 1e-2, 1e-2, 2}};
    for (size_t f = 0; f < 2; f++)
        for (size_t k = 0; k < 2; k++) {
            gad_engine *engine = speaking_open(families[f], 1);
            engine->device.kept = caches[k].kept;
            int ties = 0;
            for (char letter = 'a'; letter <= 'f'; letter++) {
                speaking_case c;
                speaking_open_case(engine, families[f], letter, &c);
                double e = check_steps(engine, &c, caches[k].tie, &ties);
                print_message("%s case %c, cache %s: %d ids, logits e %.2g\n", families[f], letter,
                              gad_dtype_name(caches[k].kept), STEPS, e);
                assert_true(e > tolerance && e < caches[k].most);
                speaking_close_case(&c);
            }
            print_message("%s, cache %s: %d words on an edge\n", families[f], gad_dtype_name(caches[k].kept), ties);
            assert_true(ties <= caches[k].ties);
            gad_engine_free(engine);
        }
}

/* ---- whole answers
 * ------------------------------------------------------------------------------------------------------- */

/* Pieces of a stream, put together again; each must be whole characters. */
typedef struct listener {
    gad_string text;
    int pieces;
} listener;

static void listen(void *user, const char *piece)
{
    listener *l = user;
    size_t length = strlen(piece);
    assert_true(length > 0);
    for (size_t at = 0; at < length;) {
        int n = gad_string_utf8_length(piece + at, length - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
    gad_string_add(&l->text, piece);
    l->pieces++;
}

static const gad_decode_settings greedy = {
    .sampling = {.greedy = true, .temperature = 1, .top_p = 1, .repetition_penalty = 1},
    .max_tokens = STEPS,
    .ignore_stop = true};

static double log_probability(const golden_case *c, int64_t vocab)
{
    int64_t n = 0;
    float *ids = golden_values(c, "decode.ids", &n), *logits = golden_values(c, "decode.logits", &n);
    double sum = 0;
    for (int step = 0; step < STEPS; step++)
        sum += (double)logits[step * vocab + (int64_t)ids[step]] - gad_sample_logsumexp(logits + step * vocab, vocab);
    free(ids);
    free(logits);
    return sum;
}

static void check_answer(gad_engine *engine, const speaking_case *c, const char *expected, bool full)
{
    gad_error err;
    gad_decoded d;
    listener l = {0};
    gad_decode_settings settings = greedy;
    settings.on_text = listen;
    settings.user = &l;
    ASSERT_OK(gad_decode(&engine->timeline, engine->tokenizer, &c->prompt, NULL, &settings, NULL, &d, &err), &err);
    int64_t n = 0;
    float *ids = golden_values(&c->golden, "decode.ids", &n);
    assert_int_equal(d.ids.count, STEPS);
    for (int i = 0; i < STEPS; i++)
        assert_int_equal(d.ids.id[i], (int32_t)ids[i]);
    assert_int_equal(d.finish, GAD_FINISH_LENGTH);
    assert_string_equal(gad_string_text(&d.text), expected);
    assert_string_equal(gad_string_text(&l.text), expected);
    assert_true(l.pieces > 1 && l.pieces <= STEPS + 1);
    if (full)
        assert_true(fabs(d.logprob - log_probability(&c->golden, engine->model.config.text.vocab)) < 1e-3);
    gad_string whole = {0};
    ASSERT_OK(gad_tokenizer_decode(engine->tokenizer, d.ids.id, d.ids.count, true, &whole, &err), &err);
    assert_string_equal(gad_string_text(&whole), expected);
    gad_string_free(&whole);
    gad_string_free(&l.text);
    gad_decoded_free(&d);
    free(ids);
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_error err;
        gad_engine *engine = speaking_open(families[f], 1);
        json_t *cases = NULL;
        ASSERT_OK(gad_json_load(golden_path(families[f], "cases.json"), &cases, &err), &err);
        for (char letter = 'a'; letter <= 'f'; letter++) {
            const char key[2] = {letter, 0};
            const json_t *row = json_object_get(cases, key);
            speaking_case c;
            speaking_open_case(engine, families[f], letter, &c);
            check_answer(engine, &c, json_string_value(json_object_get(row, "decode_text")),
                         !strcmp(json_string_value(json_object_get(row, "detail")), "full"));
            speaking_close_case(&c);
        }
        json_decref(cases);
        gad_engine_free(engine);
    }
}

/* The sixth id of the golden answer as a stop token: five are said, and it is not shown. */
static void test_stop(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = speaking_open("qwen25", 1);
    speaking_case c;
    gad_decoded d;
    int64_t n = 0;
    speaking_open_case(engine, "qwen25", 'b', &c);
    float *ids = golden_values(&c.golden, "decode.ids", &n);
    gad_decode_settings settings = greedy;
    settings.ignore_stop = false;
    settings.sampling.stop[0] = 7;
    settings.sampling.stop[1] = (int32_t)ids[5];
    settings.sampling.stop_count = 2;
    ASSERT_OK(gad_decode(&engine->timeline, engine->tokenizer, &c.prompt, NULL, &settings, NULL, &d, &err), &err);
    assert_int_equal(d.finish, GAD_FINISH_STOP);
    assert_int_equal(d.ids.count, 5);
    gad_decoded_free(&d);
    settings.max_tokens = 3;
    ASSERT_OK(gad_decode(&engine->timeline, engine->tokenizer, &c.prompt, NULL, &settings, NULL, &d, &err), &err);
    assert_int_equal(d.finish, GAD_FINISH_LENGTH);
    assert_int_equal(d.ids.count, 3);
    gad_decoded_free(&d);
    free(ids);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

/* An answer that is made to begin with the first four golden ids goes on as the golden one; another beginning is kept. */
static void test_prefix(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = speaking_open("qwen3", 1);
    speaking_case c;
    gad_decoded d;
    int64_t n = 0;
    speaking_open_case(engine, "qwen3", 'd', &c);
    float *ids = golden_values(&c.golden, "decode.ids", &n);
    gad_tokenizer_ids prefix = {0};
    for (int i = 0; i < 4; i++)
        assert_true(gad_tokenizer_ids_add(&prefix, (int32_t)ids[i]));
    gad_decode_settings settings = greedy;
    settings.max_tokens = STEPS - 4;
    ASSERT_OK(gad_decode(&engine->timeline, engine->tokenizer, &c.prompt, &prefix, &settings, NULL, &d, &err), &err);
    assert_int_equal(d.ids.count, STEPS);
    for (int i = 0; i < STEPS; i++)
        assert_int_equal(d.ids.id[i], (int32_t)ids[i]);
    gad_decoded_free(&d);
    prefix.id[3] = prefix.id[3] == 40 ? 41 : 40;
    ASSERT_OK(gad_decode(&engine->timeline, engine->tokenizer, &c.prompt, &prefix, &settings, NULL, &d, &err), &err);
    assert_memory_equal(d.ids.id, prefix.id, 4 * sizeof *prefix.id);
    gad_decoded_free(&d);
    gad_tokenizer_ids_free(&prefix);
    free(ids);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

/* Sampling: the same seed says the same, another seed something else. */
static void test_seed(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = speaking_open("qwen25", 1);
    speaking_case c;
    gad_decoded d[5];
    enum { DRAWN = 4 };
    speaking_open_case(engine, "qwen25", 'b', &c);
    gad_decode_settings settings = greedy;
    settings.sampling = (gad_sampling){.temperature = 3, .top_p = 0.95, .top_k = 50, .repetition_penalty = 1.05};
    const uint64_t seeds[] = {1, 2, 1, 1, 2};
    for (int i = 0; i < 5; i++) {
        settings.sampling.drawn = i < 3 ? 0 : DRAWN;
        gad_rng rng = gad_rng_make(seeds[i], 0);
        ASSERT_OK(gad_decode(&engine->timeline, engine->tokenizer, &c.prompt, NULL, &settings, &rng, &d[i], &err), &err);
    }
    assert_string_equal(gad_string_text(&d[0].text), gad_string_text(&d[2].text));
    assert_memory_equal(d[0].ids.id, d[2].ids.id, STEPS * sizeof *d[0].ids.id);
    assert_memory_not_equal(d[0].ids.id, d[1].ids.id, STEPS * sizeof *d[0].ids.id);
    /* drawn openings: the same draws, then what the model holds most likely */
    for (int i = 3; i < 5; i++) {
        assert_memory_equal(d[i].ids.id, d[i - 3].ids.id, DRAWN * sizeof *d[0].ids.id);
        assert_memory_not_equal(d[i].ids.id, d[i - 3].ids.id, STEPS * sizeof *d[0].ids.id);
        assert_true(d[i].logprob > d[i - 3].logprob);
    }
    for (int i = 0; i < 5; i++)
        gad_decoded_free(&d[i]);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

/* ---- Yes or No
 * ------------------------------------------------------------------------------------------------------------- */

/* Whether the id's text, without one space before it, is `word` in any case. */
static bool says(const gad_engine *engine, int32_t id, const char *word)
{
    gad_error err;
    gad_string text = {0};
    ASSERT_OK(gad_tokenizer_decode(engine->tokenizer, &id, 1, false, &text, &err), &err);
    const char *at = gad_string_text(&text);
    at += *at == ' ';
    size_t i = 0;
    while (at[i] && word[i] && tolower((unsigned char)at[i]) == word[i])
        i++;
    bool same = !at[i] && !word[i];
    gad_string_free(&text);
    return same;
}

static void test_yes_by_hand(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_error err;
        gad_engine *engine = speaking_open(families[f], 1);
        speaking_case c;
        speaking_open_case(engine, families[f], 'e', &c);
        int64_t n = 0, vocab = engine->model.config.text.vocab;
        float *logits = golden_values(&c.golden, "decode.logits", &n); /* row 0: after the prompt */
        double yes = 0, no = 0, total = gad_sample_logsumexp(logits, vocab), got = -1;
        int spellings = 0;
        for (int32_t id = 0; id < gad_tokenizer_size(engine->tokenizer); id++) {
            double p = exp((double)logits[id] - total);
            yes += says(engine, id, "yes") ? p : 0;
            no += says(engine, id, "no") ? p : 0;
            spellings += says(engine, id, "yes") + says(engine, id, "no");
        }
        assert_int_equal(spellings, 4); /* "Yes", " Yes", "No", " No" */
        ASSERT_OK(gad_decode_yes(&engine->timeline, engine->tokenizer, &c.prompt, NULL, &got, &err), &err);
        print_message("%s: p(Yes) %.6f, by hand %.6f\n", families[f], got, yes / (yes + no));
        assert_true(fabs(got - yes / (yes + no)) < 1e-4);
        free(logits);
        speaking_close_case(&c);
        gad_engine_free(engine);
    }
}

/* log-probability of ids after the prompt, each from a feed of the whole prompt. */
static double sequence_by_hand(gad_engine *engine, const speaking_case *c, const int32_t *ids, int64_t count)
{
    gad_error err;
    int32_t *all = malloc((size_t)(c->prompt.count + count) * sizeof *all);
    memcpy(all, c->prompt.ids, (size_t)c->prompt.count * sizeof *all);
    gad_prompt prompt = c->prompt;
    prompt.ids = all;
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        gad_timeline_clear(&engine->timeline);
        ASSERT_OK(gad_timeline_feed(&engine->timeline, &prompt, 0, NULL, &err), &err);
        sum += (double)engine->timeline.logits[ids[i]] -
               gad_sample_logsumexp(engine->timeline.logits, engine->model.config.text.vocab);
        all[prompt.count++] = ids[i];
    }
    free(all);
    return sum;
}

/* The family's tokenizer without the token "Yes": its id spells another word. */
static gad_tokenizer *tokenizer_without_yes(void)
{
    gad_error err;
    json_t *root = NULL;
    gad_tokenizer *tokenizer = NULL;
    ASSERT_OK(gad_json_load(golden_path("qwen25", "model/tokenizer.json"), &root, &err), &err);
    json_t *model = json_object_get(root, "model"), *vocab = json_object_get(model, "vocab");
    json_t *merges = json_object_get(model, "merges");
    for (size_t i = json_array_size(merges); i-- > 0;) {
        const json_t *pair = json_array_get(merges, i);
        const char *left = json_string_value(json_array_get(pair, 0)), *right = json_string_value(json_array_get(pair, 1));
        if ((!strcmp(left, "Y") && !strcmp(right, "es")) || !strcmp(right, "Yes"))
            json_array_remove(merges, i);
    }
    const char *const gone[] = {"Yes", "\xC4\xA0Yes"}, *const other[] = {"Yfs", "\xC4\xA0Yfs"};
    for (int i = 0; i < 2; i++) {
        json_object_set(vocab, other[i], json_object_get(vocab, gone[i]));
        assert_int_equal(json_object_del(vocab, gone[i]), 0);
    }
    char *text = json_dumps(root, JSON_COMPACT);
    ASSERT_OK(gad_tokenizer_parse(text, strlen(text), "changed", &tokenizer, &err), &err);
    free(text);
    json_decref(root);
    return tokenizer;
}

/* A vocabulary that has no token for Yes compares the words token by token. */
static void test_yes_in_pieces(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = speaking_open("qwen25", 1);
    gad_tokenizer_free(engine->tokenizer);
    engine->tokenizer = tokenizer_without_yes();
    speaking_case c;
    speaking_open_case(engine, "qwen25", 'e', &c);
    double got = -1;
    ASSERT_OK(gad_decode_yes(&engine->timeline, engine->tokenizer, &c.prompt, NULL, &got, &err), &err);
    assert_int_equal(engine->timeline.length, c.prompt.count);
    const int32_t yes_ids[] = {gad_tokenizer_find(engine->tokenizer, "Y"), gad_tokenizer_find(engine->tokenizer, "es")};
    const int32_t no_ids[] = {gad_tokenizer_find(engine->tokenizer, "No")};
    assert_true(yes_ids[0] >= 0 && yes_ids[1] >= 0 && no_ids[0] >= 0);
    double yes = sequence_by_hand(engine, &c, yes_ids, 2), no = sequence_by_hand(engine, &c, no_ids, 1);
    print_message("p(Yes) in pieces %.6g, by hand %.6g\n", got, 1 / (1 + exp(no - yes)));
    assert_true(fabs(got * (1 + exp(no - yes)) - 1) < 1e-4);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),   cmocka_unit_test(test_bf16_words),  cmocka_unit_test(test_cache_words),
        cmocka_unit_test(test_answers), cmocka_unit_test(test_stop),        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_seed),    cmocka_unit_test(test_yes_by_hand), cmocka_unit_test(test_yes_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
