/* inspect: the built program on the tiny checkpoints: what it prints and returns, against gad.h. */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "e2e/asking.h"
#include "gad_bench.h"

/* ---- one part
 * ------------------------------------------------------------------------------------------------------------- */

static void test_text(void **state)
{
    (void)state;
    program_result r = RUN(COMMON, "--ref", IMAGES "plate.png", IMAGES "bolt.png");
    assert_int_equal(r.code, 0);
    assert_int_equal(strncmp(r.out, IMAGES "bolt.png: ", strlen(IMAGES "bolt.png: ")), 0);
    assert_non_null(strstr(r.out, "--max-tokens")); /* cut off, and says how to avoid that */
    assert_true(r.text[0] != 0);                    /* the reasoning, on standard error only */
    program_result quiet = RUN(COMMON, "--quiet", "--ref", IMAGES "plate.png", IMAGES "bolt.png");
    assert_int_equal(quiet.code, 0);
    assert_string_equal(quiet.out, r.out);
    assert_string_equal(quiet.text, "");
    program_free(&r);
    program_free(&quiet);
}

/* Standard output and error are a terminal. */
static char terminal_name[64];

static bool on_terminal(void)
{
    int terminal = open(terminal_name, O_RDWR | O_NOCTTY);
    return terminal >= 0 && !setenv("TERM", "xterm", 1) && !unsetenv("NO_COLOR") && dup2(terminal, STDOUT_FILENO) >= 0 &&
           dup2(terminal, STDERR_FILENO) >= 0;
}

static bool on_terminal_without_colour(void)
{
    return on_terminal() && !setenv("NO_COLOR", "1", 1);
}

/* What the terminal got. */
static void show(const char *const *argument, bool (*prepare)(void), char *text, size_t size)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0 && !grantpt(terminal) && !unlockpt(terminal));
    snprintf(terminal_name, sizeof terminal_name, "%s", ptsname(terminal));
    int kept = open(terminal_name, O_RDWR | O_NOCTTY); /* or what was written is lost with its last writer */
    program_result r = program_run_prepared(argument, prepare);
    assert_int_equal(r.code, 0);
    ssize_t n = read(terminal, text, size - 1);
    size_t length = n > 0 ? (size_t)n : 0;
    close(kept);
    while (length < size - 1 && (n = read(terminal, text + length, size - 1 - length)) > 0)
        length += (size_t)n;
    text[length] = 0;
    close(terminal);
    program_free(&r);
}

/* A terminal gets colours unless they are refused, and results in place of the progress line; a file gets neither. */
static void test_on_terminal(void **state)
{
    (void)state;
    char text[8192];
    const char *const argument[] = {COMMON,  "--reason",         "never",           "--threshold",     "0",
                                    "--ref", IMAGES "plate.png", IMAGES "bolt.png", IMAGES "coin.png", NULL};
    show(argument, on_terminal, text, sizeof text);
    assert_non_null(strstr(text, "bolt.png: \033[31mANOMALOUS\033[0m, score"));
    assert_null(strstr(text, "left" IMAGES));
    show(argument, on_terminal_without_colour, text, sizeof text);
    assert_non_null(strstr(text, "bolt.png: ANOMALOUS, score"));
    program_result file = program_run(argument);
    assert_non_null(strstr(file.out, "bolt.png: ANOMALOUS, score"));
    assert_null(strchr(file.out, 033));
    assert_null(strchr(file.text, 033));
    assert_non_null(strstr(file.text, "0 ok, 2 rejected; threshold 0.000; "));
    assert_non_null(strstr(file.text, " parts/s\n"));
    program_free(&file);
}

/* The JSON line that gad.h gives for the same settings, without what depends on time. */
static json_t *ask_library(gad_reason reason)
{
    gad_error err;
    gad_engine *engine = NULL;
    gad_picture *good = NULL, *part = NULL;
    gad_inspection result;
    char *text = NULL;
    const char *good_name = IMAGES "plate.png";
    const gad_engine_options options = {
        .model = MODEL, .compute.threads = 1, .image_size = "canvas", .max_pixels = 1003520};
    gad_inspect_settings settings = gad_inspect_settings_default();
    settings.class_name = "gear";
    settings.knowledge = "scratch, dent";
    settings.reason = reason;
    settings.max_tokens = 12;
    settings.greedy = false;
    ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
    ASSERT_OK(gad_picture_load(good_name, &good, &err), &err);
    ASSERT_OK(gad_picture_load(IMAGES "bolt.png", &part, &err), &err);
    ASSERT_OK(gad_inspect(engine, &good, 1, part, &settings, &result, &err), &err);
    ASSERT_OK(gad_inspection_json(&result, IMAGES "bolt.png", &good_name, 1, &text, &err), &err);
    json_t *root = asking_read(text);
    gad_text_free(text);
    gad_inspection_clear(&result);
    gad_picture_free(good);
    gad_picture_free(part);
    gad_engine_free(engine);
    return root;
}

static void drop_times(json_t *root)
{
    static const char *const times[] = {"encode_ms", "prompt_ms", "answer_ms"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(json_number_value(json_object_get(root, times[i])) >= 0);
        assert_int_equal(json_object_del(root, times[i]), 0);
    }
}

static void test_json_equals_library(void **state)
{
    (void)state;
    static const char *const reasons[] = {"always", "rejects", "never"};
    for (int i = 0; i < 3; i++) {
        program_result r = RUN(COMMON, "--json", "--class", "gear", "--knowledge", "scratch, dent", "--reason", reasons[i],
                               "--ref", IMAGES "plate.png", IMAGES "bolt.png");
        assert_int_equal(r.code, 0);
        json_t *got = asking_line(r.out, 0, 1), *expected = ask_library((gad_reason)i);
        drop_times(got);
        drop_times(expected);
        if (!json_equal(got, expected))
            fail_msg("--reason %s: %s", reasons[i], r.out);
        const json_t *score = json_object_get(got, "score");
        /* random words decide nothing, and an answer without decision has no score; a fast answer has one */
        assert_true(i < 1 ? json_is_null(score) : json_number_value(score) > 0 && json_number_value(score) < 1);
        json_decref(got);
        json_decref(expected);
        program_free(&r);
    }
}

/* ---- folders and references
 * -------------------------------------------------------------------------------------------------- */

static const char *const parts[][2] = {{"c.png", IMAGES "coin.png"},
                                       {"a.png", IMAGES "bolt.png"},
                                       {"b.PNG", IMAGES "strip.png"},
                                       {".hidden.png", IMAGES "dot.png"},
                                       {"notes.txt", FIXTURES "metrics.json"}};

static void test_folder(void **state)
{
    (void)state;
    static const char *const order[] = {"a.png", "b.PNG", "c.png"};
    const char *folder = asking_folder("parts", parts, 5);
    program_result r =
        RUN(COMMON, "--json", "--reason", "never", "--ref", IMAGES "plate.png", "--ref", IMAGES "dot.png", folder);
    assert_int_equal(r.code, 0);
    for (int i = 0; i < 3; i++) {
        json_t *line = asking_line(r.out, i, 3);
        assert_string_equal(asking_string(line, "part"), support_scratch(folder, order[i]));
        const json_t *refs = json_object_get(line, "references");
        assert_int_equal(json_array_size(refs), 2);
        assert_string_equal(json_string_value(json_array_get(refs, 1)), IMAGES "dot.png");
        json_int_t prompt = json_integer_value(json_object_get(line, "prompt_tokens"));
        json_int_t computed = json_integer_value(json_object_get(line, "computed_tokens"));
        assert_true(i ? computed < prompt : computed >= prompt); /* the references are read once */
        json_decref(line);
    }
    assert_non_null(strstr(r.text, "3/3"));
    program_free(&r);
}

/* A folder of good parts: one is chosen, the one that is the part itself. */
static void test_reference_folder(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"1.png", IMAGES "coin.png"}, {"2.png", IMAGES "bolt.png"}, {"3.png", IMAGES "plate.png"}};
    const char *folder = asking_folder("good", good, 3);
    program_result r = RUN(COMMON, "--json", "--reason", "never", "--ref", folder, IMAGES "bolt.png");
    assert_int_equal(r.code, 0);
    json_t *line = asking_line(r.out, 0, 1);
    const json_t *refs = json_object_get(line, "references");
    assert_int_equal(json_array_size(refs), 1);
    /* 2.png is the part's own picture, which is never its reference */
    assert_string_not_equal(json_string_value(json_array_get(refs, 0)), support_scratch(folder, "2.png"));
    json_decref(line);
    program_free(&r);
}

static void test_unreadable_part(void **state)
{
    (void)state;
    gad_error err;
    const char *folder = asking_folder("some_bad", parts, 3), *bad = support_scratch(folder, "aa.png");
    ASSERT_OK(gad_file_write(bad, "no image", 8, &err), &err);
    program_result r =
        RUN(COMMON, "--json", "--reason", "never", "--ref", IMAGES "plate.png", folder, "/nonexistent/x.png");
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(r.text, bad));
    assert_non_null(strstr(r.text, "/nonexistent/x.png"));
    json_t *failed = asking_line(r.out, 1, 5), *last = asking_line(r.out, 4, 5); /* between the three good ones, and last */
    assert_string_equal(asking_string(failed, "part"), bad);
    assert_true(asking_string(failed, "error")[0] && !json_object_get(failed, "verdict"));
    assert_string_equal(asking_string(last, "part"), "/nonexistent/x.png");
    assert_non_null(strstr(r.text, "2 failed"));
    json_decref(failed);
    json_decref(last);
    program_free(&r);
}

/* ---- exit codes and options
 * ------------------------------------------------------------------------------------------------------ */

static void test_exit_codes(void **state)
{
    (void)state;
    EXPECT(0, NULL, FAST, "--threshold", "0", IMAGES "bolt.png");
    EXPECT(3, NULL, FAST, "--threshold", "0", "--fail-on", "anomaly", IMAGES "bolt.png");
    EXPECT(0, NULL, FAST, "--threshold", "1", "--fail-on", "anomaly", IMAGES "bolt.png");
    /* an anomaly wins over a part that failed */
    EXPECT(3, "/nonexistent", FAST, "--threshold", "0", "--fail-on", "anomaly", IMAGES "bolt.png", "/nonexistent/x.png");
    EXPECT(1, "/nonexistent", FAST, "--threshold", "1", "--fail-on", "anomaly", IMAGES "bolt.png", "/nonexistent/x.png");
    EXPECT(1, "/nonexistent", FAST, "--threshold", "0", IMAGES "bolt.png", "/nonexistent/x.png");
    EXPECT(1, "/nonexistent", "inspect", "--model", "/nonexistent", IMAGES "bolt.png");
    EXPECT(1, "/nonexistent/good.png", "inspect", "--model", MODEL, "--ref", "/nonexistent/good.png", IMAGES "bolt.png");
    EXPECT(1, "/nonexistent/log", FAST, "--log", "/nonexistent/log", IMAGES "bolt.png");
    EXPECT(1, "adapter", FAST, "--adapter", FIXTURES "malformed/adapter/n_r_zero", IMAGES "bolt.png");
}

static void test_usage(void **state)
{
    (void)state;
    EXPECT(2, "did you mean --max-tokens?", "inspect", "--max-token", "5", IMAGES "bolt.png");
    EXPECT(2, "did you mean --threshold?", "inspect", "--treshold=0.5", IMAGES "bolt.png");
    EXPECT(2, "always|rejects|never", "inspect", "--reason", "sometimes", IMAGES "bolt.png");
    EXPECT(2, "whole number", "inspect", "--max-tokens", "many", IMAGES "bolt.png");
    EXPECT(2, "whole number", "inspect", "--max-tokens", "0", IMAGES "bolt.png");
    EXPECT(2, "between 0 and 1", FAST, "--threshold", "nan", IMAGES "bolt.png");
    EXPECT(2, "between 0 and 1", FAST, "--threshold", "inf", IMAGES "bolt.png");
    EXPECT(2, "between 0 and 1", FAST, "--threshold", "-0.1", IMAGES "bolt.png");
    EXPECT(2, "between 0 and 1", FAST, "--threshold", "1.01", IMAGES "bolt.png");
    EXPECT(2, "wants", "inspect", IMAGES "bolt.png", "--ref");
    EXPECT(2, "Usage", "inspect");
    EXPECT(2, "takes no argument", "inspect", "--json=yes", IMAGES "bolt.png");
    EXPECT(2, "unknown command", "inspekt");
    EXPECT(2, "Usage", NULL);
}

static void test_help(void **state)
{
    (void)state;
    program_result r = RUN("inspect", "--help"), all = RUN("--help"), version = RUN("--version");
    assert_true(r.code == 0 && all.code == 0 && version.code == 0);
    assert_true(strstr(r.out, "--fail-on") && strstr(r.out, "Exit code") && strstr(all.out, "inspect"));
    assert_string_equal(version.out, "gad " GAD_VERSION "\n");
    program_free(&r);
    program_free(&all);
    program_free(&version);
    program_result one = RUN("help", "inspect"), two = RUN("help", "data", "import"), group = RUN("help", "data"),
                   none = RUN("help", "inspekt"), brief = RUN("-V"), asked = RUN("data", "import", "--help");
    assert_true(one.code == 0 && two.code == 0 && group.code == 0 && none.code == 2 && brief.code == 0);
    assert_non_null(strstr(one.out, "--fail-on"));
    assert_string_equal(two.out, asked.out);
    assert_non_null(strstr(group.out, "gad data import"));
    assert_non_null(strstr(none.text, "unknown command \"inspekt\""));
    assert_string_equal(brief.out, "gad " GAD_VERSION "\n");
    program_result *const all_of[] = {&one, &two, &group, &none, &brief, &asked};
    for (size_t i = 0; i < sizeof all_of / sizeof all_of[0]; i++)
        program_free(all_of[i]);
}

/* Other ways to run the same question. */
static void test_variants(void **state)
{
    (void)state;
    EXPECT(0, NULL, FAST, "--quant", "q8", IMAGES "bolt.png");
    EXPECT(0, NULL, FAST, "--quant", "q8-all", "--cpu", "portable", IMAGES "bolt.png");
    EXPECT(0, NULL, FAST, "--adapter", FIXTURES "qwen25/lora_gate", IMAGES "bolt.png");
    EXPECT(0, NULL, FAST, "--adapter", FIXTURES "qwen25/lora_save", "--merge-adapter", IMAGES "bolt.png");
    EXPECT(0, NULL, "inspect", "--model", FIXTURES "qwen3/model", "--max-tokens", "4", IMAGES "bolt.png");
    setenv("GAD_MODEL", MODEL, 1);
    EXPECT(0, NULL, "inspect", "--max-tokens", "2", IMAGES "bolt.png");
    unsetenv("GAD_MODEL");
}

/* ---- Ctrl-C
 * -----------------------------------------------------------------------------------------------------------------------
 */

/* It stops with exit code 1, and what was printed is whole lines. */
static void test_interrupt(void **state)
{
    (void)state;
    const char *const argument[] = {"inspect",
                                    "--model",
                                    MODEL,
                                    "--threads",
                                    "1",
                                    "--json",
                                    "--max-tokens",
                                    "1500",
                                    "--ref",
                                    IMAGES "plate.png",
                                    IMAGES "bolt.png",
                                    IMAGES "coin.png",
                                    IMAGES "dot.png",
                                    IMAGES "strip.png",
                                    NULL};
    const int signals[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        program_result r = program_interrupt(argument, signals[i]);
        assert_int_equal(r.code, 1);
        int lines = 0;
        for (const char *at = r.out; *at; at++)
            lines += *at == '\n';
        assert_true(lines < 4);
        for (int line = 0; line < lines; line++)
            json_decref(asking_line(r.out, line, lines));
        program_free(&r);
    }
}

/* A checkpoint that brings its threshold decides by it; one of other weights is left aside with a warning. */
static void test_threshold_of_checkpoint(void **state)
{
    (void)state;
    const char *const names[] = {
        "chat_template.json",       "config.json",    "generation_config.json", "model.safetensors",
        "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"};
    gad_error err;
    gad_engine *engine;
    gad_threshold threshold;
    const char *folder = asking_folder("own_threshold", NULL, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char source[256];
        snprintf(source, sizeof source, MODEL "/%s", names[i]);
        assert_int_equal(symlink(support_source(source), support_scratch(folder, names[i])), 0);
    }
    ASSERT_OK(gad_engine_open(&(gad_engine_options){.model = folder, .compute.threads = 1}, &engine, &err), &err);
    const char *file = support_scratch(folder, "threshold.json");
    gad_threshold_basis mine = {{"", "fast"}}, another = {{"another", "fast"}};
    snprintf(mine.member[0], sizeof mine.member[0], "%s", gad_engine_hash(engine));
    double low[20] = {0}, high[20];
    for (int i = 0; i < 20; i++)
        high[i] = 1;
#define OWN "inspect", "--model", folder, "--threads", "1", "--reason", "never", "--fail-on", "anomaly", "--ref"
    ASSERT_OK(gad_calibrate(low, 20, 0.1, 0.5, &mine, file, &threshold, &err), &err);
    EXPECT(3, NULL, OWN, IMAGES "plate.png", IMAGES "bolt.png");
    EXPECT(0, NULL, OWN, IMAGES "plate.png", "--threshold", "1", IMAGES "bolt.png");
    ASSERT_OK(gad_calibrate(high, 20, 0.1, 0.5, &mine, file, &threshold, &err), &err);
    EXPECT(0, NULL, OWN, IMAGES "plate.png", IMAGES "bolt.png");
    ASSERT_OK(gad_calibrate(high, 20, 0.1, 0.5, &another, file, &threshold, &err), &err);
    EXPECT(3, "left aside", OWN, IMAGES "plate.png", IMAGES "bolt.png"); /* its score is above 0.5 */
    gad_engine_free(engine);
}

int main(void)
{
    if (chdir(GAD_SOURCE_DIR))
        return 1;
    unsetenv("GAD_MODEL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_on_terminal),
        cmocka_unit_test(test_json_equals_library),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_reference_folder),
        cmocka_unit_test(test_unreadable_part),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_threshold_of_checkpoint),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
