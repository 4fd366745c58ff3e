/* inspect: the files that it writes: drawings, the page, lists, sorted folders, the log. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "e2e/asking.h"

static void test_overlay(void **state)
{
    (void)state;
    gad_error err;
    const char *folder = support_scratch(GAD_TEST_TMP, "overlay"), *path = support_scratch(folder, "bolt.png");
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    program_result r =
        RUN(COMMON, "--reason", "never", "--overlay", folder, "--ref", IMAGES "plate.png", IMAGES "bolt.png");
    assert_int_equal(r.code, 0);
    gad_picture *drawn = NULL, *part = NULL;
    ASSERT_OK(gad_picture_load(path, &drawn, &err), &err);
    ASSERT_OK(gad_picture_load(IMAGES "bolt.png", &part, &err), &err);
    assert_int_equal(gad_picture_width_px(drawn), gad_picture_width_px(part));
    assert_int_equal(gad_picture_height_px(drawn), gad_picture_height_px(part));
    assert_string_not_equal(gad_picture_hash(drawn), gad_picture_hash(part));
    gad_picture_free(drawn);
    gad_picture_free(part);
    program_free(&r);
    r = RUN(COMMON, "--reason", "never", "--overlay", "/proc/nowhere", "--ref", IMAGES "plate.png", IMAGES "bolt.png");
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(r.text, "/proc/nowhere"));
    assert_string_equal(r.out, "");
    program_free(&r);
}

static void test_heatmap(void **state)
{
    (void)state;
    gad_error err;
    char model[1024];
    snprintf(model, sizeof model, "%s", support_scratch(GAD_TEST_TMP, "heat-model"));
    const char *folder = support_scratch(GAD_TEST_TMP, "heat"), *path = support_scratch(folder, "bolt.png");
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    program_result r = RUN("model", "new", "--preset", "xs", "--force", "--out", model);
    assert_int_equal(r.code, 0);
    program_free(&r);
    r = RUN("inspect", "--model", model, "--reason", "never", "--threshold", "0", "--json", "--heatmap", folder, "--ref",
            IMAGES "plate.png", IMAGES "bolt.png");
    assert_int_equal(r.code, 0);
    json_t *line = asking_line(r.out, 0, 1);
    double difference = json_number_value(json_object_get(line, "difference"));
    assert_true(difference > 0 && difference < 1);
    json_decref(line);
    gad_picture *drawn = NULL, *part = NULL;
    ASSERT_OK(gad_picture_load(path, &drawn, &err), &err);
    ASSERT_OK(gad_picture_load(IMAGES "bolt.png", &part, &err), &err);
    assert_int_equal(gad_picture_width_px(drawn), gad_picture_width_px(part));
    assert_int_equal(gad_picture_height_px(drawn), gad_picture_height_px(part));
    gad_picture_free(drawn);
    gad_picture_free(part);
    program_free(&r);
    r = RUN(COMMON, "--reason", "never", "--heatmap", folder, "--ref", IMAGES "plate.png", IMAGES "bolt.png");
    assert_int_equal(r.code, 1); /* a model without the module */
    assert_non_null(strstr(r.text, "no heat map"));
    program_free(&r);
}

static void test_html(void **state)
{
    (void)state;
    gad_error err;
    char *page = NULL;
    size_t length = 0;
    const char *path = support_scratch(GAD_TEST_TMP, "page.html");
    ASSERT_OK(gad_file_remove(path, &err), &err);
    program_result r = RUN(COMMON, "--html", path, "--threshold", "0.25", "--ref", IMAGES "plate.png", IMAGES "bolt.png",
                           IMAGES "coin.png", "/nonexistent/x.png");
    assert_int_equal(r.code, 1);
    ASSERT_OK(gad_file_read(path, 1 << 22, &page, &length, &err), &err);
    int cards = 0, pictures = 0;
    for (const char *at = page; (at = strstr(at, "<article")); at++)
        cards++;
    for (const char *at = page; (at = strstr(at, "data:image/jpeg;base64,")); at++)
        pictures++;
    assert_int_equal(cards, 3); /* the one that failed is there too */
    assert_non_null(strstr(page, "<article class=\"failed wide\">"));
    assert_non_null(strstr(page, "3 parts"));
    assert_non_null(strstr(page, "1 failed"));
    assert_non_null(strstr(page, "Threshold 0.250 (given)"));
    assert_int_equal(pictures, 4); /* no heat maps from this model */
    assert_non_null(strstr(page, "coin.png"));
    assert_null(strstr(page, "http"));
    free(page);
    program_free(&r);
    r = RUN(COMMON, "--reason", "never", "--html", "/nonexistent/p.html", "--ref", IMAGES "plate.png", IMAGES "bolt.png");
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(r.text, "/nonexistent/p.html"));
    program_free(&r);
}

/* A threshold between the fast answers' scores of the two parts; *first: the first part is the one that is rejected. */
static const char *threshold_between(const char *a, const char *b, bool *first)
{
    static char text[32];
    double score[2];
    program_result r = RUN(FAST, "--json", a, b);
    for (int i = 0; i < 2; i++) {
        json_t *line = asking_line(r.out, i, 2);
        score[i] = json_number_value(json_object_get(line, "score"));
        json_decref(line);
    }
    program_free(&r);
    assert_true(score[0] != score[1]);
    *first = score[0] > score[1];
    snprintf(text, sizeof text, "%.9f", (score[0] + score[1]) / 2);
    return text;
}

static bool is_there(const char *folder, const char *name)
{
    return gad_file_exists(support_scratch(folder, name));
}

/* A line of CSV, a file of JSON, a place in a sorted folder for each part; a second run replaces them. */
static void test_lists(void **state)
{
    (void)state;
    gad_error err;
    bool first;
    char *text = NULL;
    size_t size = 0;
    static const char *const two[][2] = {{"=bolt.png", IMAGES "bolt.png"}, {"coin.png", IMAGES "coin.png"}};
    const char *in = asking_folder("two", two, 2), *out = asking_folder("lists", NULL, 0);
    const char *csv = support_scratch(out, "parts.csv"), *lines = support_scratch(out, "json"),
               *sorted = support_scratch(out, "sorted");
    const char *bad = support_scratch(in, "broken.png");
    const char *threshold = threshold_between(IMAGES "bolt.png", IMAGES "coin.png", &first);
    ASSERT_OK(gad_file_write(bad, "no image", 8, &err), &err);
    for (int run = 0; run < 2; run++) {
        program_result r = RUN(FAST, "--threshold", threshold, "--csv", csv, "--json-dir", lines, "--sorted", sorted, in);
        assert_int_equal(r.code, 1); /* one cannot be read */
        assert_non_null(strstr(r.text, "1 ok, 1 rejected, 1 failed; threshold 0."));
        program_free(&r);
    }
    ASSERT_OK(gad_file_read(csv, 1 << 20, &text, &size, &err), &err);
    assert_non_null(strstr(text, "part,verdict,score,threshold,boxes,labels,x1,y1,x2,y2,disagreement,ms,error\n"));
    assert_non_null(strstr(text, first ? "bolt.png\",anomalous,0." : "coin.png\",anomalous,0."));
    assert_non_null(strstr(text, "broken.png\",failed,,,,,,,,,,,\""));
    free(text);
    ASSERT_OK(gad_file_read(support_scratch(lines, "coin.json"), 1 << 20, &text, &size, &err), &err);
    json_t *line = asking_line(text, 0, 1);
    assert_string_equal(asking_string(line, "verdict"), first ? "normal" : "anomalous");
    json_decref(line);
    free(text);
    assert_true(is_there(lines, "broken.json"));
    assert_true(is_there(sorted, first ? "ng/=bolt.png" : "ok/=bolt.png"));
    assert_true(is_there(sorted, first ? "ok/coin.png" : "ng/coin.png") && is_there(sorted, "failed/broken.png"));
    assert_false(is_there(sorted, "failed/broken (2).png") || is_there(sorted, "ok/coin (2).png") ||
                 is_there(sorted, "ng/coin (2).png"));
    program_result linked = RUN(FAST, "--sorted", support_scratch(out, "links"), "--sort", "link", IMAGES "coin.png");
    assert_int_equal(linked.code, 0);
    program_free(&linked);
    ssize_t n = readlink(support_scratch(out, "links/ng/coin.png"), (char[512]){0}, 512);
    assert_true(n > 0 || readlink(support_scratch(out, "links/ok/coin.png"), (char[512]){0}, 512) > 0);
    EXPECT(1, "gad did not write it", FAST, "--csv", "README.md", IMAGES "coin.png");
}

/* Rejected parts come first on the page; thumbnails open pictures beside it; drawings are JPEG where that is wanted, and
 * are replaced. */
static void test_links(void **state)
{
    (void)state;
    gad_error err;
    bool first;
    char *page = NULL;
    size_t size = 0;
    const char *out = asking_folder("linked", NULL, 0), *html = support_scratch(out, "all & more/page.html");
    const char *threshold = threshold_between(IMAGES "bolt.png", IMAGES "coin.png", &first);
    const char *passed = first ? IMAGES "coin.png" : IMAGES "bolt.png",
               *rejected = first ? IMAGES "bolt.png" : IMAGES "coin.png";
    ASSERT_OK(gad_file_make_directory(support_scratch(out, "all & more"), &err), &err);
    for (int run = 0; run < 2; run++)
        EXPECT(0, NULL, FAST, "--threshold", threshold, "--html", html, "--overlay", support_scratch(out, "drawn"),
               "--picture", "jpg", passed, rejected);
    ASSERT_OK(gad_file_read(html, 1 << 22, &page, &size, &err), &err);
    const char *bad = strstr(page, "class=\"anomalous"), *good = strstr(page, "class=\"normal");
    assert_true(bad && good && bad < good);
    assert_non_null(strstr(page, "<h2>Rejected (1)</h2>"));
    assert_non_null(strstr(page, "<h2>Passed (1)</h2>"));
    assert_non_null(strstr(page, first ? "<a href=\"../drawn/bolt.jpg\">" : "<a href=\"../drawn/coin.jpg\">"));
    assert_non_null(strstr(page, "tests/fixtures/images/plate.png\">")); /* the good part */
    assert_non_null(strstr(page, "model " MODEL));
    assert_non_null(strstr(page, "<summary>Settings</summary>"));
    free(page);
    gad_picture *drawn = NULL;
    ASSERT_OK(gad_picture_load(support_scratch(out, "drawn/coin.jpg"), &drawn, &err), &err);
    gad_picture_free(drawn);
    /* the part's own file, from a page beside it */
    EXPECT(0, NULL, FAST, "--html", support_scratch(out, "plain.html"), rejected);
    ASSERT_OK(gad_file_read(support_scratch(out, "plain.html"), 1 << 22, &page, &size, &err), &err);
    assert_non_null(strstr(page, "<a href=\"../"));
    free(page);
}

/* What the record says is enough to ask again and get the same answer. */
static void test_log_replay(void **state)
{
    (void)state;
    gad_error err;
    const char *log = support_scratch(GAD_TEST_TMP, "log.jsonl");
    ASSERT_OK(gad_file_remove(log, &err), &err);
    program_result r = RUN(COMMON, "--json", "--seed", "7", "--log", log, "--ref", IMAGES "plate.png", IMAGES "bolt.png",
                           IMAGES "coin.png");
    assert_int_equal(r.code, 0);
    char *text = NULL;
    size_t size = 0;
    ASSERT_OK(gad_file_read(log, 1 << 20, &text, &size, &err), &err);
    json_t *record = asking_line(text, 0, 2), *printed = asking_line(r.out, 0, 2);
    assert_true(json_equal(json_object_get(record, "result"), printed));
    gad_picture *part = NULL;
    ASSERT_OK(gad_picture_load(IMAGES "bolt.png", &part, &err), &err);
    assert_string_equal(asking_string(record, "part_hash"), gad_picture_hash(part));
    gad_picture_free(part);
    assert_int_equal(strlen(asking_string(record, "model_hash")), 32);
    assert_int_equal(json_array_size(json_object_get(record, "reference_hashes")), 1);
    char seed[32], tokens[32], pixels[32];
    snprintf(seed, sizeof seed, "%lld", (long long)json_integer_value(json_object_get(record, "seed")));
    snprintf(tokens, sizeof tokens, "%lld", (long long)json_integer_value(json_object_get(record, "max_tokens")));
    snprintf(pixels, sizeof pixels, "%lld", (long long)json_integer_value(json_object_get(record, "max_pixels")));
    program_result again =
        RUN("inspect", "--model", MODEL, "--json", "--seed", seed, "--max-tokens", tokens, "--max-pixels", pixels,
            "--quant", asking_string(record, "quant"), "--reason", asking_string(record, "reason"), "--ref",
            json_string_value(json_array_get(json_object_get(printed, "references"), 0)), asking_string(printed, "part"));
    json_t *replayed = asking_line(again.out, 0, 1);
    assert_string_equal(asking_string(replayed, "raw"), asking_string(printed, "raw"));
    assert_true(json_equal(json_object_get(replayed, "score"), json_object_get(printed, "score")));
    json_decref(record);
    json_decref(printed);
    json_decref(replayed);
    free(text);
    program_free(&r);
    program_free(&again);
}

int main(void)
{
    if (chdir(GAD_SOURCE_DIR))
        return 1;
    unsetenv("GAD_MODEL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlay), cmocka_unit_test(test_heatmap), cmocka_unit_test(test_html),
        cmocka_unit_test(test_lists),   cmocka_unit_test(test_links),   cmocka_unit_test(test_log_replay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
