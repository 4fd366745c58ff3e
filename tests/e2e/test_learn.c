/* learn: gad learn and gad inspect --product as a user runs them: good parts drawn here, a part with a hole, another
 * product; a product grows and shrinks; damaged files are refused. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "e2e/program.h"
#include "e2e/stripes.h"
#include "io/image.h"
#include "io/resize.h"

enum { SIDE = STRIPES_SIDE, GOOD = 5 };

static const char *scratch(const char *name)
{
    return support_scratch(GAD_TEST_TMP, name);
}

static const char *good_parts(void)
{
    const char *folder = scratch("good");
    gad_error err;
    char path[1200];
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    for (int i = 0; i < GOOD; i++) {
        snprintf(path, sizeof path, "%s/good%d.png", folder, i);
        stripes_draw(path, i + 1, false, false);
    }
    return folder;
}

static void expect(const program_result *r, int code, const char *said)
{
    if (r->code != code || (said && !strstr(r->out, said) && !strstr(r->text, said)))
        fail_msg("exit code %d, not %d, or \"%s\" is not said: %s%s", r->code, code, said ? said : "", r->out, r->text);
}

static void learn(const char *out)
{
    program_result r = RUN("learn", "--good", good_parts(), "--class", "stripes", "--out", out, "--threads", "1");
    expect(&r, 0, "stripes: 5 good parts");
    expect(&r, 0, "no guarantee: 5 % at 95 % confidence needs 59 good parts");
    expect(&r, 0, "ms a part");
    program_free(&r);
}

static json_t *inspect(const char *product, const char *part)
{
    program_result r = RUN("inspect", "--product", product, "--threads", "1", "--json", "--quiet", part);
    expect(&r, 0, NULL);
    json_t *root = json_loads(r.out, 0, NULL);
    assert_non_null(root);
    program_free(&r);
    return root;
}

static const char *verdict_of(const json_t *root)
{
    return json_string_value(json_object_get(root, "verdict"));
}

static void test_verdicts(void **state)
{
    (void)state;
    const char *product = scratch("stripes.gad"), *part = scratch("part.png");
    learn(product);
    stripes_draw(part, 20, false, false);
    json_t *good = inspect(product, part);
    assert_string_equal(verdict_of(good), "normal");
    assert_int_equal(json_array_size(json_object_get(good, "boxes")), 0);
    json_decref(good);
    stripes_draw(part, 21, true, false);
    json_t *bad = inspect(product, part);
    assert_string_equal(verdict_of(bad), "anomalous");
    const json_t *box = json_object_get(json_array_get(json_object_get(bad, "boxes"), 0), "bbox_2d");
    assert_true(json_number_value(json_array_get(box, 0)) < 160 && json_number_value(json_array_get(box, 2)) > 160);
    assert_true(json_number_value(json_array_get(box, 1)) < 96 && json_number_value(json_array_get(box, 3)) > 96);
    json_decref(bad);
    stripes_draw(part, 22, false, true);
    json_t *other = inspect(product, part);
    assert_string_equal(verdict_of(other), "unfamiliar");
    json_decref(other);
}

/* A picture of another size than the good parts' is compared, and it is said. */
static void test_other_size(void **state)
{
    (void)state;
    const char *product = scratch("sized.gad"), *part = scratch("sized.png");
    gad_image image = {0}, small = {0};
    gad_error err;
    learn(product);
    stripes_draw(part, 20, false, false);
    json_t *same = inspect(product, part);
    assert_null(strstr(json_string_value(json_object_get(same, "found")), "Compare with care"));
    json_decref(same);
    ASSERT_OK(gad_image_load(part, &image, &err), &err);
    ASSERT_OK(gad_resize_bicubic(&image, SIDE / 2, SIDE / 2, GAD_RESIZE_PIL, &small, &err), &err);
    ASSERT_OK(gad_image_save_png(&small, part, &err), &err);
    json_t *other = inspect(product, part);
    assert_non_null(strstr(json_string_value(json_object_get(other, "found")),
                           "the picture has 128 x 128 px, those of the good parts 256 x 256."));
    json_decref(other);
    gad_image_free(&image);
    gad_image_free(&small);
}

/* A folder with what cannot be read: a FIFO, no picture at all, a link that leads nowhere. Each is named, the rest is
 * enough, and the exit code says that not all is in; where nothing can be read, nothing is written. */
static void test_unread(void **state)
{
    (void)state;
    gad_error err;
    char good[900], fifo[1000], text[1000], away[1000], out[900], data[900], named_part[1000];
    snprintf(good, sizeof good, "%s", scratch("unread"));
    snprintf(out, sizeof out, "%s", scratch("unread.gad"));
    snprintf(data, sizeof data, "%s", scratch("unread-data"));
    const char *const made[] = {good, out, data};
    for (int i = 0; i < 3; i++)
        ASSERT_OK(gad_file_remove(made[i], &err), &err);
    ASSERT_OK(gad_file_make_directory(good, &err), &err);
    snprintf(fifo, sizeof fifo, "%s/a-fifo.png", good);
    snprintf(named_part, sizeof named_part, "%s/good1.png", good);
    snprintf(text, sizeof text, "%s/text.png", good);
    snprintf(away, sizeof away, "%s/z-away.png", good);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    ASSERT_OK(gad_file_write(text, "no picture", 10, &err), &err);
    assert_int_equal(symlink("nowhere", away), 0);
    program_result none = RUN("learn", "--good", good, "--out", out, "--threads", "1");
    expect(&none, 1, "none of the 3 files can be read");
    assert_false(gad_file_exists(out));
    program_free(&none);
    for (int i = 0; i < 2; i++) {
        char part[1000];
        snprintf(part, sizeof part, "%s/good%d.png", good, i);
        stripes_draw(part, i + 1, false, false);
    }
    program_result learnt = RUN("learn", "--good", good, "--class", "stripes", "--out", out, "--threads", "1");
    expect(&learnt, 1, "stripes: 2 good parts");
    expect(&learnt, 1, "3 files could not be read and left out");
    const char *const named[] = {fifo, text, away};
    for (int i = 0; i < 3; i++)
        expect(&learnt, 1, named[i]);
    program_free(&learnt);
    program_result more = RUN("learn", "--product", out, "--good", good, "--out", out, "--threads", "1");
    expect(&more, 1, "stripes: 4 good parts");
    program_free(&more);
    program_result chosen = RUN("inspect", "--reason", "never", "--threads", "1", "--ref", good, named_part);
    expect(&chosen, 1, "3 files could not be read and left out");
    expect(&chosen, 1, fifo);
    expect(&chosen, 1, "normal");
    program_free(&chosen);
    program_result one = RUN("inspect", "--reason", "never", "--threads", "1", "--ref", fifo, named_part);
    expect(&one, 1, "cannot be used");
    program_free(&one);
    program_result new = RUN("product", "new", "stripes", "--data", data);
    expect(&new, 0, NULL);
    program_free(&new);
    program_result added = RUN("product", "add", "stripes", good, "--data", data, "--threads", "1");
    expect(&added, 1, "2 good parts");
    expect(&added, 1, "3 files could not be read and left out");
    program_free(&added);
    program_result tested = RUN("product", "test", "stripes", "--good", good, "--data", data, "--threads", "1");
    expect(&tested, 1, "0 false alarms among 2 good ones, 3 failed");
    expect(&tested, 1, fifo);
    program_free(&tested);
}

/* Where there are enough good parts for a rate, it is kept only when that is wanted; else its bound is said. */
static void test_guarantee(void **state)
{
    (void)state;
    const char *out = scratch("kept.gad");
    program_result r = RUN("learn", "--good", good_parts(), "--out", out, "--rate", "0.5", "--confidence", "0.9",
                           "--guarantee", "--threads", "1");
    expect(&r, 0, "at most 50 % of good parts are rejected, with 96.9 % confidence");
    program_free(&r);
    r = RUN("learn", "--good", good_parts(), "--out", out, "--rate", "0.05", "--confidence", "0.95", "--guarantee",
            "--threads", "1");
    expect(&r, 0, "no guarantee: 5 % at 95 % confidence needs 59 good parts");
    program_free(&r);
}

/* The folder's name is the truth: a hole that is found, a hole that is no hole (missed), another product as a good part. */
static void test_truth(void **state)
{
    (void)state;
    const char *product = scratch("truth.gad"), *good = scratch("truth/good"), *hole = scratch("truth/hole");
    char path[3][1200];
    gad_error err;
    learn(product);
    ASSERT_OK(gad_file_make_directory(scratch("truth"), &err), &err);
    ASSERT_OK(gad_file_make_directory(good, &err), &err);
    ASSERT_OK(gad_file_make_directory(hole, &err), &err);
    snprintf(path[0], sizeof path[0], "%s/other.png", good);
    snprintf(path[1], sizeof path[1], "%s/seen.png", hole);
    snprintf(path[2], sizeof path[2], "%s/unseen.png", hole);
    stripes_draw(path[0], 22, false, true);
    stripes_draw(path[1], 21, true, false);
    stripes_draw(path[2], 20, false, false);
    const char *page = scratch("truth.html");
    program_result r =
        RUN("inspect", "--product", product, "--threads", "1", "--quiet", "--truth", "--html", page, good, hole);
    expect(&r, 0, "truth: found 1 of 2, 1 false alarms of 1, ");
    expect(&r, 0, "truth: good: false alarm\n");
    expect(&r, 0, "truth: hole\n");
    expect(&r, 0, "truth: hole: missed\n");
    program_free(&r);
    char *html;
    size_t length;
    ASSERT_OK(gad_file_read(page, 1 << 24, &html, &length, &err), &err);
    assert_non_null(strstr(html, "normal wrong\"><h3><b>normal</b>unseen.png"));
    assert_non_null(strstr(html, "truth: hole: <strong>missed</strong>"));
    assert_non_null(strstr(html, "anomalous\"><h3><b>anomalous</b>seen.png"));
    gad_memory_free(html);
}

/* A product before a model: with --reason rejects a good part costs the fast stage only, and no id is read; a bad one is
 * explained, with hints when these are wanted, and keeps the product's verdict and boxes. */
static void test_explained(void **state)
{
    (void)state;
    static const char model[] = GAD_SOURCE_DIR "/tests/fixtures/qwen25/model";
    const char *product = scratch("explained.gad"), *part = scratch("part.png");
    json_int_t tokens[2];
    learn(product);
    for (int hints = 0; hints < 2; hints++)
        for (int bad = 0; bad < 2; bad++) {
            stripes_draw(part, 20, bad, false);
            program_result r = RUN("inspect", "--product", product, "--model", model, "--reason", "rejects", "--max-tokens",
                                   "4", "--threads", "1", "--image-size", "112", "--json", "--quiet", "--evidence",
                                   hints ? "both" : "none", part);
            expect(&r, 0, NULL);
            json_t *root = json_loads(r.out, 0, NULL);
            assert_non_null(root);
            assert_string_equal(verdict_of(root), bad ? "anomalous" : "normal");
            assert_int_equal(json_is_true(json_object_get(root, "reasoned")), bad);
            json_int_t read = json_integer_value(json_object_get(root, "prompt_tokens"));
            assert_int_equal(read > 0, bad);
            assert_int_equal(json_integer_value(json_object_get(root, "computed_tokens")) > 0, bad);
            tokens[hints] = read;
            if (bad) {
                const json_t *box = json_array_get(json_object_get(root, "boxes"), 0);
                assert_true(json_number_value(json_object_get(json_object_get(box, "measured"), "lightness")) < -20);
            }
            json_decref(root);
            program_free(&r);
        }
    assert_true(tokens[1] > tokens[0] + 20);
}

static void test_more_and_less(void **state)
{
    (void)state;
    const char *product = scratch("grows.gad"), *late = scratch("late.png");
    learn(product);
    stripes_draw(late, 30, false, false);
    program_result r = RUN("learn", "--product", product, "--good", late, "--out", product, "--threads", "1");
    expect(&r, 0, "stripes: 6 good parts");
    program_free(&r);
    r = RUN("learn", "--product", product, "--forget", "good2.png", "--out", product, "--threads", "1");
    expect(&r, 0, "stripes: 5 good parts");
    program_free(&r);
    r = RUN("learn", "--product", product, "--forget", "good2.png", "--out", product, "--threads", "1");
    expect(&r, 1, "no such good part");
    program_free(&r);
    r = RUN("model", "info", product, "--width", "256", "--height", "256");
    expect(&r, 0, "stripes: 5 good parts");
    expect(&r, 0, "picture 256x256");
    program_free(&r);
    r = RUN("inspect", "--product", product, "--ref", late, late);
    expect(&r, 2, "--product or --ref");
    program_free(&r);
}

/* Equal pictures give an equal file; one that was cut or written over is refused. */
static void test_files(void **state)
{
    (void)state;
    const char *product = scratch("a.gad"), *again = scratch("b.gad"), *part = scratch("any.png");
    char *first, *second;
    size_t length, length_again;
    gad_error err;
    learn(product);
    learn(again);
    stripes_draw(part, 40, false, false);
    ASSERT_OK(gad_file_read(product, 1 << 28, &first, &length, &err), &err);
    ASSERT_OK(gad_file_read(again, 1 << 28, &second, &length_again, &err), &err);
    assert_int_equal(length, length_again);
    assert_memory_equal(first, second, length);
    ASSERT_OK(gad_file_write(product, first, length - 1000, &err), &err);
    program_result r = RUN("inspect", "--product", product, "--threads", "1", part);
    expect(&r, 1, NULL);
    program_free(&r);
    char *views = NULL;
    for (size_t i = 0; !views && i + 9 < length; i++)
        views = !memcmp(first + i, "\"views\":1", 9) ? first + i : NULL;
    assert_non_null(views);
    views[8] = '3';
    ASSERT_OK(gad_file_write(product, first, length, &err), &err);
    r = RUN("inspect", "--product", product, "--threads", "1", part);
    expect(&r, 1, "its settings make no sense");
    program_free(&r);
    r = RUN("inspect", "--product", "models/backbone/lite0.safetensors", "--threads", "1", part);
    expect(&r, 1, "it is not a product");
    program_free(&r);
    gad_memory_free(first);
    gad_memory_free(second);
}

static void test_smallest(void **state)
{
    (void)state;
    const char *out = scratch("small.gad"), *folder = good_parts();
    program_result r =
        RUN("learn", "--good", folder, "--smallest", "8px", "--out", out, "--threads", "1"); /* 16 of 512 px */
    expect(&r, 0, "at 512 px");
    program_free(&r);
    r = RUN("learn", "--good", folder, "--smallest", "1%", "--out", out, "--threads", "1");
    expect(&r, 0, "at 160 px");
    program_free(&r);
    r = RUN("learn", "--good", folder, "--smallest", "small", "--out", out, "--threads", "1");
    expect(&r, 2, "give a share of the area");
    program_free(&r);
}

static void add_item(FILE *file, int i, const char *image, bool anomalous, const char *good)
{
    fprintf(file,
            "{\"id\": \"part %d\", \"dataset\": \"drawn\", \"category\": \"stripes\", \"image\": \"%s\", \"width\": %d, "
            "\"height\": %d, \"anomalous\": %s, \"boxes_known\": true, \"boxes\": %s, \"labels\": %s, \"references\": [",
            i, image, SIDE, SIDE, anomalous ? "true" : "false", anomalous ? "[[136, 72, 184, 120]]" : "[]",
            anomalous ? "[\"hole\"]" : "[]");
    for (int k = 0; k < GOOD; k++)
        fprintf(file, "%s\"%s/good%d.png\"", k ? ", " : "", good, k);
    fprintf(file, "]}\n");
}

/* The benchmark learns each item's references and answers with boxes, score and heat map. */
static void test_benchmark(void **state)
{
    (void)state;
    const char *good = good_parts(), *list = scratch("items.jsonl"), *out = scratch("run");
    char image[4][1200], report[1200], *text;
    size_t length;
    gad_error err;
    ASSERT_OK(gad_file_remove(out, &err), &err);
    FILE *file = fopen(list, "w");
    assert_non_null(file);
    for (int i = 0; i < 4; i++) {
        snprintf(image[i], sizeof image[i], "%s%d.png", scratch("bench"), i);
        stripes_draw(image[i], 50 + i, i % 2 == 1, false);
        add_item(file, i, image[i], i % 2 == 1, good);
    }
    fclose(file);
    program_result r = RUN("bench", "run", "--items", list, "--learn", "all", "--out", out, "--threads", "1");
    expect(&r, 0, "memory-all (efficientnet-lite0)");
    program_free(&r);
    snprintf(report, sizeof report, "%s/report.csv", out);
    ASSERT_OK(gad_file_read(report, 1 << 20, &text, &length, &err), &err);
    assert_non_null(strstr(text, "memory-all"));
    gad_memory_free(text);
    snprintf(report, sizeof report, "%s/report.html", out);
    ASSERT_OK(gad_file_read(report, 1 << 24, &text, &length, &err), &err);
    assert_non_null(strstr(text, "<tr><th>AnomalyDINO-S</th>")); /* published, of detectors that learn too */
    gad_memory_free(text);
    snprintf(report, sizeof report, "%s/report.json", out);
    json_t *root = json_load_file(report, 0, NULL);
    assert_non_null(root);
    json_decref(root);
    r = RUN("bench", "run", "--items", list, "--learn", "some", "--out", out);
    expect(&r, 2, "give how many good parts, or all");
    program_free(&r);
}

/* What lies outside of what is looked at is not a defect; inside it is. */
static void test_area(void **state)
{
    (void)state;
    const char *product = scratch("area.gad"), *part = scratch("area.png");
    stripes_draw(part, 21, true, false); /* the hole is at 0.53 to 0.72, 0.28 to 0.47 */
    for (int inside = 0; inside < 2; inside++) {
        program_result r = RUN("learn", "--good", good_parts(), "--roi", inside ? "0.4,0.1,0.6,0.6" : "0,0.5,1,0.5",
                               "--out", product, "--threads", "1");
        expect(&r, 0, NULL);
        program_free(&r);
        json_t *seen = inspect(product, part);
        assert_string_equal(verdict_of(seen), inside ? "anomalous" : "normal");
        json_decref(seen);
    }
    program_result r = RUN("learn", "--good", good_parts(), "--roi", "0.5,0.5,0.6,0.5", "--out", product);
    expect(&r, 1, "are shares of the picture");
    program_free(&r);
    r = RUN("learn", "--good", good_parts(), "--roi", "middle", "--out", product);
    expect(&r, 2, "--roi is X,Y,W,H");
    program_free(&r);
}

/* A head of one's own: trained on drawn defects, kept in the product; one for other features is refused. */
static void test_head(void **state)
{
    (void)state;
    const char *store = scratch("drawn.db"), *head = scratch("own.safetensors"), *product = scratch("headed.gad"),
               *part = scratch("headed.png");
    program_result r = RUN("data", "synth", "--store", store, "--out", scratch("drawn"), "--name", "drawn", "--count", "16",
                           "--width", "96", "--height", "96", "--force");
    expect(&r, 0, NULL);
    program_free(&r);
    r = RUN("train", "head", "--store", store, "--steps", "3", "--batch", "2", "--out", head, "--force", "--threads", "1");
    expect(&r, 0, "trained on 14 pictures");
    program_free(&r);
    r = RUN("learn", "--good", good_parts(), "--head", head, "--out", product, "--threads", "1");
    expect(&r, 0, "judged by a head");
    program_free(&r);
    stripes_draw(part, 20, false, false);
    json_decref(inspect(product, part));
    r = RUN("learn", "--good", good_parts(), "--head", "none", "--out", product, "--threads", "1");
    expect(&r, 0, "5 good parts");
    assert_null(strstr(r.out, "judged by a head"));
    program_free(&r);
    r = RUN("learn", "--good", good_parts(), "--head", "tests/fixtures/features/map_head.safetensors", "--out", product);
    expect(&r, 1, "was trained on other features");
    program_free(&r);
    r = RUN("train", "head", "--store", store, "--good", "others", "--out", head, "--force");
    expect(&r, 1, "\"others\" has no normal pictures in the split train");
    program_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),      cmocka_unit_test(test_truth),      cmocka_unit_test(test_explained),
        cmocka_unit_test(test_more_and_less), cmocka_unit_test(test_files),      cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_benchmark),     cmocka_unit_test(test_other_size), cmocka_unit_test(test_guarantee),
        cmocka_unit_test(test_area),          cmocka_unit_test(test_head),       cmocka_unit_test(test_unread),
    };
    return cmocka_run_group_tests_name("e2e/learn", tests, NULL, NULL);
}
