/* model_engine: gad bench run with tiny random checkpoints: the rows it stores, reasoned and fast, against gad_inspect on
 * the same pictures; a stopped run goes on and ends in the same answers as one in one go. */
#include "base/file.h"
#include "base/memory.h"
#include "base/string.h"
#include "bench/record.h"
#include "gad_bench.h"
#include "gad_train.h"
#include "support/support.h"
#include "task/answer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ITEMS = 12, WORDS = 10 };
#define QWEN25 GAD_SOURCE_DIR "/tests/fixtures/qwen25/model"
#define QWEN3 GAD_SOURCE_DIR "/tests/fixtures/qwen3/model"
#define OWN GAD_TEST_TMP "/own"
static const char *const families[] = {QWEN25, QWEN3, OWN};

#define PICTURES GAD_SOURCE_DIR "/tests/fixtures/images/"
static const char *picture(int i)
{
    static const char *const pictures[] = {PICTURES "bolt.png", PICTURES "coin.png", PICTURES "strip.png",
                                           PICTURES "plate.png"};
    return pictures[i % 4];
}

/* Pictures beside others of the four as their reference, which changes from item to item and sometimes does not. */
static int reference_of(int i)
{
    return i / 5 + 1;
}

static const char *write_items(void)
{
    gad_string lines = {0};
    gad_error err;
    for (int i = 0; i < ITEMS; i++) {
        int64_t width, height;
        bool anomalous = i % 2;
        gad_picture *p = NULL;
        ASSERT_OK(gad_picture_load(picture(i), &p, &err), &err);
        width = gad_picture_width_px(p);
        height = gad_picture_height_px(p);
        gad_picture_free(p);
        gad_string_addf(&lines,
                        "{\"id\":\"d/c/%02d\",\"dataset\":\"d\",\"category\":\"c\",\"title\":\"thing\",\"anomalous\":%s,"
                        "\"width\":%lld,\"height\":%lld,\"image\":\"%s\",\"references\":[\"%s\"],\"boxes_known\":%s,"
                        "\"boxes\":[%s],\"labels\":[%s]}\n",
                        i, anomalous ? "true" : "false", (long long)width, (long long)height, picture(i),
                        picture(reference_of(i)), anomalous ? "true" : "false", anomalous ? "[0,0,4,4]" : "",
                        anomalous ? "\"x\"" : "");
    }
    const char *path = support_scratch(GAD_TEST_TMP, "items.jsonl");
    ASSERT_OK(gad_file_write(path, lines.data, lines.length, &err), &err);
    gad_string_free(&lines);
    return path;
}

/* How good parts are learnt for hints, and which are given. */
static gad_hints hints = GAD_HINTS_NONE;
static gad_learn_settings learning(void)
{
    gad_learn_settings s = gad_learn_settings_default();
    s.threads = 1;
    return s;
}

static gad_bench_settings settings_for(const gad_engine_options *engine, const char *out, bool fast)
{
    static gad_learn_settings evidence;
    evidence = learning();
    gad_bench_settings s = gad_bench_settings_default();
    s.hints = hints;
    s.evidence = &evidence;
    s.out = out;
    s.questions.items = write_items();
    s.engine = engine;
    s.answers.fast = fast;
    s.answers.max_tokens = WORDS;
    s.image_size = "original";
    s.without_difference = true;
    return s;
}

static const char *empty_folder(const char *name)
{
    gad_error err;
    const char *path = support_scratch(GAD_TEST_TMP, name);
    ASSERT_OK(gad_file_remove(path, &err), &err);
    return path;
}

static gad_record open_record(const char *run)
{
    gad_error err;
    gad_record record;
    ASSERT_OK(gad_record_open(run, &record, &err), &err);
    return record;
}

/* What gad_inspect says about item i with an engine that saw nothing before. */
static gad_inspection inspect(const gad_engine_options *options, int i, bool fast)
{
    gad_error err;
    gad_engine *engine = NULL;
    gad_picture *good = NULL, *part = NULL;
    gad_inspection result = {0};
    gad_inspect_settings settings = gad_inspect_settings_default();
    settings.class_name = "thing";
    settings.reason = fast ? GAD_REASON_NEVER : GAD_REASON_ALWAYS;
    settings.max_tokens = WORDS;
    settings.greedy = true;
    settings.hints = hints;
    if (hints != GAD_HINTS_NONE) {
        const char *files[] = {picture(reference_of(i))};
        gad_learn_settings evidence = learning();
        ASSERT_OK(gad_product_learn(files, 1, &evidence, NULL, &settings.product, &err), &err);
    }
    ASSERT_OK(gad_engine_open(options, &engine, &err), &err);
    ASSERT_OK(gad_picture_load(picture(reference_of(i)), &good, &err), &err);
    ASSERT_OK(gad_picture_load(picture(i), &part, &err), &err);
    ASSERT_OK(gad_inspect(engine, &good, 1, part, &settings, &result, &err), &err);
    gad_picture_free(good);
    gad_picture_free(part);
    gad_engine_free(engine);
    gad_product_free(settings.product);
    return result;
}

/* The boxes of a fast answer are those of gad inspect, as its JSON line writes them. */
static void check_boxes(const char *text, const gad_inspection *seen)
{
    gad_error err;
    gad_answer answer;
    gad_box_frame frame =
        gad_box_frame_make(GAD_BOX_REL1000, GAD_BOX_XY, seen->width_px, seen->height_px, seen->width_px, seen->height_px);
    ASSERT_OK(gad_answer_read(text, strlen(text), &frame, &answer, &err), &err);
    assert_int_equal(answer.count, seen->defect_count);
    for (int i = 0; i < seen->defect_count; i++) {
        char scored[160], said[160];
        const gad_box *b = &answer.boxes[i].box;
        const gad_defect *d = &seen->defect[i];
        snprintf(scored, sizeof scored, "%.2f %.2f %.2f %.2f", b->x1, b->y1, b->x2, b->y2);
        snprintf(said, sizeof said, "%.2f %.2f %.2f %.2f", d->x1, d->y1, d->x2, d->y2);
        assert_string_equal(scored, said);
    }
    gad_answer_free(&answer);
}

static void check_map(const char *run, const gad_row *row, const gad_inspection *seen)
{
    gad_error err;
    float *map;
    if (!seen->heat || hints != GAD_HINTS_NONE) { /* hints bring a map of their own to an inspection, not to a score */
        assert_int_equal(row->map_offset, -1);
        return;
    }
    assert_int_equal(row->map_width, seen->heat_width);
    assert_int_equal(row->map_height, seen->heat_height);
    ASSERT_OK(gad_row_map(run, row, &map, &err), &err);
    assert_memory_equal(map, seen->heat, (size_t)(seen->heat_width * seen->heat_height) * sizeof *map);
    gad_memory_free(map);
}

static void check_row(const gad_engine_options *options, const char *run, const gad_row *row, int i, bool fast)
{
    gad_inspection seen = inspect(options, i, fast);
    assert_true(row->id && row->answered);
    assert_int_equal(row->prompt_tokens, seen.prompt_tokens);
    assert_int_equal(row->input_width, seen.input_width_px);
    assert_int_equal(row->input_height, seen.input_height_px);
    assert_true(row->latency_s > 0);
    check_map(run, row, &seen);
    if (fast) {
        /* to the bit, whatever the engine was asked before; behind a longer text what is reused ends in the middle of the
         * rows that are computed at a time */
        assert_true(row->score == seen.score || (hints != GAD_HINTS_NONE && fabs(row->score - seen.score) < 1e-6));
        assert_int_equal(row->answer_tokens, 0);
        assert_non_null(strstr(row->text, seen.verdict == GAD_VERDICT_NORMAL ? "<answer>No" : "<answer>Yes"));
        check_boxes(row->text, &seen);
    } else {
        assert_string_equal(row->text, seen.raw);
        assert_int_equal(row->answer_tokens, seen.answer_tokens);
        assert_string_equal(row->finish, seen.truncated ? "length" : "stop");
        assert_true(seen.score < 0 ? isnan(row->score)
                                   : fabs(row->score - seen.score) <= (hints == GAD_HINTS_NONE ? 0 : 1e-6));
    }
    gad_inspection_clear(&seen);
}

static void check_run(const char *family, bool fast)
{
    gad_error err;
    gad_bench_result result;
    gad_engine_options options = {.model = family, .compute.threads = 2};
    const char *out = empty_folder("run");
    gad_bench_settings settings = settings_for(&options, out, fast);
    ASSERT_OK(gad_bench_run(&settings, &result, &err), &err);
    assert_int_equal(result.asked, ITEMS);
    assert_int_equal(result.answered, ITEMS);
    gad_record record = open_record(out);
    assert_string_equal(gad_record_text(&record, "model.kind", ""), "engine");
    assert_int_equal(strlen(gad_record_text(&record, "model.weights", "")), 32);
    assert_string_equal(gad_record_text(&record, "adapter.coordinates", ""), strcmp(family, QWEN25) ? "rel1000" : "input");
    if (!strcmp(family, OWN))
        assert_true(record.rows.of[0].map_offset == 0); /* this one has heat maps */
    for (int i = 0; i < ITEMS; i++)
        check_row(&options, out, &record.rows.of[i], i, fast);
    gad_record_free(&record);
    ASSERT_OK(gad_bench_run(&settings, &result, &err), &err); /* nothing is left to ask */
    assert_int_equal(result.asked, 0);
    settings.answers.fast = !fast; /* another way to answer is another run */
    assert_int_equal(gad_bench_run(&settings, &result, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "model.fast"));
}

static void test_reasoned(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++)
        check_run(families[f], false);
}

static void test_fast(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++)
        check_run(families[f], true);
}

/* Hints reach the model as the same bytes through both: the same number of ids, the same words, the same score.
 * They are part of what a run is; a model that compares by itself gets none. */
static void test_hints(void **state)
{
    (void)state;
    gad_error err;
    gad_bench_result result;
    for (hints = GAD_HINTS_TEXT; hints <= GAD_HINTS_BOTH; hints++)
        for (int f = 0; f < 2; f++)
            check_run(families[f], f == 0);
    gad_engine_options options = {.model = QWEN3, .compute.threads = 2};
    gad_bench_settings settings = settings_for(&options, support_scratch(GAD_TEST_TMP, "run"), false);
    settings.hints = GAD_HINTS_TEXT;
    assert_int_equal(gad_bench_run(&settings, &result, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "prompt.evidence"));
    settings.hints = GAD_HINTS_NONE;
    assert_int_equal(gad_bench_run(&settings, &result, &err), GAD_E_ARGUMENT);
    gad_engine_options own = {.model = OWN, .compute.threads = 2};
    settings = settings_for(&own, empty_folder("refused"), true);
    settings.hints = GAD_HINTS_IMAGE;
    assert_int_equal(gad_bench_run(&settings, &result, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "compares by itself"));
    hints = GAD_HINTS_NONE;
}

static bool stop_after(void *user, const gad_progress_state *now)
{
    return now->done < *(const int *)user;
}

static char *read_report(const char *run)
{
    gad_error err;
    char *text;
    size_t length;
    gad_bench_choices choices = gad_bench_choices_default();
    const char *scored = support_scratch(GAD_TEST_TMP, "scored.jsonl");
    choices.timing = false;
    gad_bench_outputs outputs = {.scored = scored};
    ASSERT_OK(gad_bench_report(run, NULL, 0, &choices, &outputs, NULL, NULL, &err), &err);
    ASSERT_OK(gad_file_read(scored, 1 << 20, &text, &length, &err), &err);
    return text;
}

/* In one go, and stopped after every second answer: the same words and the same scores, sampling included. */
static void check_resume(bool fast, bool sample)
{
    gad_error err;
    gad_bench_result result;
    gad_engine_options options = {.model = OWN, .compute.threads = 1};
    gad_bench_settings whole = settings_for(&options, empty_folder("whole"), fast);
    whole.answers.sample = sample;
    ASSERT_OK(gad_bench_run(&whole, &result, &err), &err);
    int most = 2, calls = 0;
    gad_progress progress = {stop_after, &most};
    gad_bench_settings parts = settings_for(&options, empty_folder("parts"), fast);
    parts.answers.sample = sample;
    parts.progress = &progress;
    gad_status status;
    while ((status = gad_bench_run(&parts, &result, &err)) == GAD_E_CANCELLED && calls < ITEMS)
        calls++;
    ASSERT_OK(status, &err);
    assert_int_equal(calls, ITEMS / 2);
    gad_record a = open_record(whole.out), b = open_record(parts.out);
    for (int i = 0; i < ITEMS; i++) {
        const gad_row *p = &a.rows.of[i], *q = &b.rows.of[i];
        assert_string_equal(p->text, q->text);
        assert_true(p->score == q->score || (isnan(p->score) && isnan(q->score)));
        assert_int_equal(p->answer_tokens, q->answer_tokens);
    }
    assert_int_equal(b.rows.repeated, 0);
    gad_record_free(&a);
    gad_record_free(&b);
    char *text[2] = {read_report(whole.out), read_report(parts.out)};
    assert_string_equal(text[0], text[1]);
    gad_memory_free(text[0]);
    gad_memory_free(text[1]);
}

static void test_resume(void **state)
{
    (void)state;
    check_resume(true, false);
    check_resume(false, false);
    check_resume(false, true);
}

/* A threshold from a run's normal images, which says when its scores are not those that gad inspect will see. */
static void test_calibrate(void **state)
{
    (void)state;
    gad_error err;
    gad_bench_result result;
    gad_threshold threshold;
    static const char *const sizes[] = {"original", "canvas"};
    for (int k = 0; k < 2; k++) {
        gad_engine_options options = {.model = OWN, .compute.threads = 1};
        gad_bench_settings settings = settings_for(&options, empty_folder("normals"), true);
        settings.image_size = sizes[k];
        ASSERT_OK(gad_bench_run(&settings, &result, &err), &err);
        ASSERT_OK(gad_calibrate_run(settings.out, "d", "c", .5, .9, NULL, &threshold, &err), &err);
        assert_int_equal(threshold.normals, ITEMS / 2);
        assert_true(threshold.supported);
        assert_true((threshold.note[0] == 0) == (k == 0));
    }
    assert_int_equal(gad_calibrate_run(support_scratch(GAD_TEST_TMP, "normals"), "e", NULL, .5, .9, NULL, &threshold, &err),
                     GAD_E_ARGUMENT);
}

/* A multiple-choice question is answered in words even with fast, since its answer is a letter. */
static void test_choice(void **state)
{
    (void)state;
    gad_error err;
    gad_bench_result result;
    char line[1024];
    const char *path = support_scratch(GAD_TEST_TMP, "choice.jsonl");
    int n = snprintf(line, sizeof line,
                     "{\"id\":\"q\",\"dataset\":\"d\",\"category\":\"c\",\"image\":\"%s\",\"references\":[\"%s\"],"
                     "\"task\":\"Anomaly Detection\",\"question\":\"Is there a defect?\",\"options\":[\"Yes.\",\"No.\"],"
                     "\"answer\":\"A\"}\n",
                     picture(0), picture(1));
    ASSERT_OK(gad_file_write(path, line, (size_t)n, &err), &err);
    gad_engine_options options = {.model = OWN, .compute.threads = 1};
    gad_bench_settings settings = settings_for(&options, empty_folder("choice"), true);
    settings.questions.items = path;
    ASSERT_OK(gad_bench_run(&settings, &result, &err), &err);
    gad_record record = open_record(settings.out);
    assert_in_range(record.rows.of[0].answer_tokens, 1, WORDS);
    gad_record_free(&record);
}

static void test_bad_checkpoint(void **state)
{
    (void)state;
    gad_error err;
    gad_bench_result result;
    gad_engine_options options = {.model = PICTURES, .compute.threads = 1};
    gad_bench_settings settings = settings_for(&options, empty_folder("bad"), true);
    assert_int_not_equal(gad_bench_run(&settings, &result, &err), GAD_OK);
    assert_non_null(strstr(err.cause, "config.json"));
    assert_false(gad_file_exists(settings.out)); /* no folder of a run that never began */
}

/* A small model of our own with the module that compares part and reference; its words from a tokenizer that is there. */
static int make_own(void **state)
{
    (void)state;
    gad_error err;
    gad_new_settings settings = {.preset = "xs", .vocab = QWEN25, .out = OWN, .difference = true, .seed = 1};
    if (gad_file_remove(OWN, &err) || gad_model_new(&settings, &err)) {
        print_error("%s\n", err.cause);
        return 1;
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasoned),       cmocka_unit_test(test_fast),      cmocka_unit_test(test_hints),
        cmocka_unit_test(test_resume),         cmocka_unit_test(test_calibrate), cmocka_unit_test(test_choice),
        cmocka_unit_test(test_bad_checkpoint),
    };
    return cmocka_run_group_tests(tests, make_own, NULL);
}
