/* chorus: answers that decode together, against the reference's logits and against the same answers one after the other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "generate/chorus.h"
#include "generate/speaking.h"

enum { STEPS = SPEAKING_STEPS, CASES = 3, EACH = 3, PARTS = CASES * EACH };
static const char *const families[] = {"qwen25", "qwen3"};
static const char letters[CASES] = {'a', 'b', 'd'};

/* ---- logits -------------------------------------------------------------------------------------------------------- */

/* Voices of one prompt say the golden words; the second one is quiet at first and is then two words behind. */
static void check_logits(gad_engine *engine, const speaking_case *c)
{
    enum { VOICES = 3, BEHIND = 2 };
    gad_error err;
    gad_chorus chorus;
    gad_chorus_prompt prompt;
    const gad_pass pass = {.device = &engine->device, .adapters = true};
    int64_t n = 0, count = 0, vocab = engine->model.config.text.vocab;
    float *ids = golden_values(&c->golden, "decode.ids", &n), *logits = golden_values(&c->golden, "decode.logits", &count);
    ASSERT_OK(gad_timeline_feed(&engine->timeline, &c->prompt, STEPS, NULL, &err), &err);
    ASSERT_OK(gad_chorus_open(&pass, &engine->model, c->prompt.count + VOICES * STEPS, VOICES, &chorus, &err), &err);
    ASSERT_OK(gad_chorus_add_prompt(&chorus, &engine->timeline, &prompt, &err), &err);
    for (int i = 0; i < VOICES; i++) {
        ASSERT_OK(gad_chorus_add_voice(&chorus, prompt, STEPS, engine->timeline.logits, &err), &err);
        assert_memory_equal(chorus.voice[i].logits, engine->timeline.logits, (size_t)vocab * sizeof(float));
    }
    double worst = 0;
    for (int step = 0; step < STEPS - 1; step++) {
        for (int i = 0; i < VOICES; i++) {
            const int at = i == 1 ? step - BEHIND : step;
            chorus.voice[i].done = at < 0;
            chorus.voice[i].id = at < 0 ? 0 : (int32_t)ids[at];
        }
        ASSERT_OK(gad_chorus_step(&chorus, &err), &err);
        for (int i = 0; i < VOICES; i++) {
            const int at = i == 1 ? step - BEHIND : step;
            const int64_t row = speaking_golden_row(count / vocab, at + 1);
            if (at < 0 || row < 0)
                continue;
            support_difference d = support_compare(chorus.voice[i].logits, logits + row * vocab, vocab);
            assert_true(!d.nonfinite);
            worst = fmax(worst, d.e);
        }
    }
    print_message("case of %d rows: logits e %.2g\n", (int)c->prompt.count, worst);
    assert_true(worst < 1e-5);
    gad_chorus_close(&chorus);
    free(ids);
    free(logits);
}

static void test_logits(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_engine *engine = speaking_open(families[f], 1);
        speaking_case c;
        speaking_open_case(engine, families[f], 'b', &c);
        check_logits(engine, &c);
        speaking_close_case(&c);
        gad_engine_free(engine);
    }
}

/* More than was reserved is refused, not written. */
static void test_no_room(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = speaking_open("qwen25", 1);
    gad_chorus chorus;
    int64_t first, place;
    const gad_pass pass = {.device = &engine->device, .adapters = true};
    ASSERT_OK(gad_chorus_open(&pass, &engine->model, 4, 2, &chorus, &err), &err);
    ASSERT_OK(gad_chorus_reserve(&chorus, 2, &first, &place, &err), &err);
    assert_int_equal(gad_chorus_reserve(&chorus, 3, &first, &place, &err), GAD_E_INTERNAL);
    gad_chorus_close(&chorus);
    gad_chorus_close(&chorus);
    gad_engine_free(engine);
}

/* A voice whose logits are no numbers is refused, though the others are well. */
static void test_no_number(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = speaking_open("qwen25", 1);
    speaking_case c;
    gad_chorus chorus;
    gad_chorus_prompt prompt;
    const gad_pass pass = {.device = &engine->device, .adapters = true};
    speaking_open_case(engine, "qwen25", 'b', &c);
    ASSERT_OK(gad_timeline_feed(&engine->timeline, &c.prompt, 2, NULL, &err), &err);
    ASSERT_OK(gad_chorus_open(&pass, &engine->model, 2 * c.prompt.count + 4, 2, &chorus, &err), &err);
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(gad_chorus_add_prompt(&chorus, &engine->timeline, &prompt, &err), &err);
        ASSERT_OK(gad_chorus_add_voice(&chorus, prompt, 2, NULL, &err), &err);
    }
    ASSERT_OK(gad_chorus_step(&chorus, &err), &err);
    const gad_tensor row = gad_tensor_rows(chorus.cache.v[0], 0, 1);
    float *value = malloc((size_t)row.cols * sizeof *value);
    for (int64_t i = 0; i < row.cols; i++)
        value[i] = NAN;
    engine->device.ops->fill(&engine->device, row, value);
    assert_int_equal(gad_chorus_step(&chorus, &err), GAD_E_FORMAT);
    chorus.voice[0].done = true;
    chorus.voice[1].length--; /* it said one in the refused step */
    ASSERT_OK(gad_chorus_step(&chorus, &err), &err);
    assert_int_equal(gad_chorus_step(&chorus, &err), GAD_E_INTERNAL); /* a third id where there is room for two */
    free(value);
    gad_chorus_close(&chorus);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

/* Memory grows with what is written, not with what may be; pages go from voices that are done to those that go on. Words
 * that cross pages are those of a timeline. */
static void test_memory(void **state)
{
    (void)state;
    enum { VOICES = 3, MOST = 1 << 20, FIRST = 40, ALL = 70, PAGE = GAD_PAGE_ROWS };
    gad_error err;
    gad_engine *engine = speaking_open("qwen25", 1);
    speaking_case c;
    gad_chorus chorus;
    gad_chorus_prompt prompt;
    const gad_pass pass = {.device = &engine->device, .adapters = true};
    speaking_open_case(engine, "qwen25", 'b', &c);
    const int64_t prompt_pages = (c.prompt.count + PAGE - 1) / PAGE, vocab = engine->model.config.text.vocab;
    ASSERT_OK(gad_timeline_feed(&engine->timeline, &c.prompt, ALL, NULL, &err), &err);
    ASSERT_OK(gad_chorus_open(&pass, &engine->model, c.prompt.count + VOICES * (int64_t)MOST, VOICES, &chorus, &err), &err);
    ASSERT_OK(gad_chorus_add_prompt(&chorus, &engine->timeline, &prompt, &err), &err);
    for (int i = 0; i < VOICES; i++)
        ASSERT_OK(gad_chorus_add_voice(&chorus, prompt, MOST, NULL, &err), &err);
    assert_int_equal(chorus.held, prompt_pages);
    for (int step = 0; step < ALL; step++) {
        const int32_t id = (int32_t)(step * 7 + 3) % 100;
        if (step == FIRST) { /* two pages each by now */
            assert_int_equal(chorus.held, prompt_pages + VOICES * 2);
            chorus.voice[0].done = true;
        }
        for (int i = 0; i < VOICES; i++)
            chorus.voice[i].id = id;
        ASSERT_OK(gad_chorus_step(&chorus, &err), &err);
        ASSERT_OK(gad_timeline_append(&engine->timeline, id, &err), &err);
        for (int i = step < FIRST ? 0 : 1; i < VOICES; i++) {
            support_difference d = support_compare(chorus.voice[i].logits, engine->timeline.logits, vocab);
            assert_true(!d.nonfinite && d.e < 1e-5);
        }
    }
    assert_int_equal(chorus.held, prompt_pages + VOICES * 2); /* the third pages were the first voice's */
    assert_int_equal(chorus.spares, 0);
    assert_true(chorus.cache.capacity <= (chorus.held + chorus.held / 2 + 1) * PAGE);
    chorus.voice[0].done = false;
    assert_int_equal(gad_chorus_step(&chorus, &err), GAD_E_INTERNAL); /* its rows are others' now */
    gad_chorus_close(&chorus);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

static void check_same(const gad_decoded *together, const gad_decoded *alone)
{
    assert_int_equal(together->ids.count, alone->ids.count);
    if (alone->ids.count)
        assert_memory_equal(together->ids.id, alone->ids.id, alone->ids.count * sizeof *alone->ids.id);
    assert_string_equal(gad_string_text(&together->text), gad_string_text(&alone->text));
    assert_int_equal(together->finish, alone->finish);
    assert_true(fabs(together->logprob - alone->logprob) < 1e-4);
}

/* Three prompts, three answers each, of different lengths; every third is greedy, the others draw. */
static void check_answers(const char *family, int threads, int32_t stop)
{
    gad_error err;
    gad_engine *engine = speaking_open(family, threads);
    speaking_case c[CASES];
    gad_decode_settings settings[PARTS];
    gad_decode_part part[PARTS];
    gad_rng rng[PARTS];
    gad_decoded together[PARTS], alone;
    size_t least = STEPS, most = 0;
    for (int i = 0; i < CASES; i++)
        speaking_open_case(engine, family, letters[i], &c[i]);
    for (int i = 0; i < PARTS; i++) {
        settings[i] = (gad_decode_settings){.max_tokens = STEPS - i % 2, .ignore_stop = stop < 0};
        settings[i].sampling = (gad_sampling){.greedy = i % EACH == 0,
                                              .temperature = 2,
                                              .top_p = 0.95,
                                              .top_k = 50,
                                              .repetition_penalty = 1.05,
                                              .stop = {stop},
                                              .stop_count = 1};
        rng[i] = gad_rng_make(7, (uint64_t)i);
        part[i] = (gad_decode_part){&c[i / EACH].prompt, &settings[i], &rng[i], NULL};
    }
    ASSERT_OK(gad_decode_together(&engine->timeline, engine->tokenizer, part, PARTS, together, &err), &err);
    for (int i = 0; i < PARTS; i++) {
        gad_rng again = gad_rng_make(7, (uint64_t)i);
        ASSERT_OK(
            gad_decode(&engine->timeline, engine->tokenizer, part[i].prompt, NULL, &settings[i], &again, &alone, &err),
            &err);
        check_same(&together[i], &alone);
        assert_memory_equal(&rng[i], &again, sizeof again);
        least = alone.ids.count < least ? alone.ids.count : least;
        most = alone.ids.count > most ? alone.ids.count : most;
        gad_decoded_free(&alone);
    }
    assert_memory_not_equal(together[1].ids.id, together[2].ids.id, 8 * sizeof(int32_t));
    assert_true(stop < 0 ? least == STEPS - 1 && most == STEPS : least < STEPS - 1 && most >= STEPS - 1);
    for (int i = 0; i < PARTS; i++)
        gad_decoded_free(&together[i]);
    for (int i = 0; i < CASES; i++)
        speaking_close_case(&c[i]);
    gad_engine_free(engine);
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++)
        for (int threads = 1; threads <= 2; threads++)
            check_answers(families[f], threads, -1);
}

/* The fourth word of the golden answer ends answers: they leave, the others go on. */
static void test_some_end_early(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_engine *engine = speaking_open(families[f], 1);
        speaking_case c;
        int64_t n = 0;
        speaking_open_case(engine, families[f], 'b', &c);
        float *ids = golden_values(&c.golden, "decode.ids", &n);
        check_answers(families[f], 1, (int32_t)ids[3]);
        free(ids);
        speaking_close_case(&c);
        gad_engine_free(engine);
    }
}

static bool always(void *user)
{
    (void)user;
    return true;
}

static void test_cancelled(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = speaking_open("qwen25", 1);
    speaking_case c;
    gad_decoded decoded[2];
    const gad_cancel cancel = {.is_cancelled = always};
    const gad_decode_settings settings = {.sampling = {.greedy = true}, .max_tokens = STEPS, .cancel = &cancel};
    speaking_open_case(engine, "qwen25", 'b', &c);
    const gad_decode_part part[2] = {{&c.prompt, &settings, NULL, NULL}, {&c.prompt, &settings, NULL, NULL}};
    assert_int_equal(gad_decode_together(&engine->timeline, engine->tokenizer, part, 2, decoded, &err), GAD_E_CANCELLED);
    assert_null(decoded[0].ids.id);
    speaking_close_case(&c);
    gad_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits),    cmocka_unit_test(test_no_room), cmocka_unit_test(test_no_number),
        cmocka_unit_test(test_memory),    cmocka_unit_test(test_answers), cmocka_unit_test(test_some_end_early),
        cmocka_unit_test(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
