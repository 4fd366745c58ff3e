/* data: the built gad data commands as a user runs them, on small trees made here: what they print, write and return. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/fake.h"
#include "e2e/program.h"
#include "io/image.h"

static char store_path[1000];
#define STORE "--store", store_path

/* Runs gad, checks the exit code, and gives what it wrote to standard output (to be freed). */
static char *output(int code, const char *const *argument)
{
    program_result r = program_run(argument);
    if (r.code != code)
        fail_msg("gad %s %s: exit code %d, not %d\n%s%s", argument[0], argument[1], r.code, code, r.out, r.text);
    char *out = strdup(r.out);
    program_free(&r);
    return out;
}
#define OUTPUT(...) output(0, (const char *const[]){__VA_ARGS__, NULL})

static void expect_output(const char *expected, const char *const *argument)
{
    char *out = output(0, argument);
    assert_string_equal(out, expected);
    free(out);
}
#define EXPECT_OUTPUT(expected, ...) expect_output(expected, (const char *const[]){__VA_ARGS__, NULL})

static void assert_says(char *out, const char *words)
{
    if (!strstr(out, words))
        fail_msg("\"%s\" is not in:\n%s", words, out);
}

static const char *scratch(const char *name)
{
    gad_error err;
    const char *path = support_scratch(GAD_TEST_TMP, name);
    ASSERT_OK(gad_file_remove(path, &err), &err);
    return path;
}

/* A new store for each test. */
static int fresh_store(void **state)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    gad_error err;
    (void)state;
    ASSERT_OK(gad_file_make_directory(GAD_TEST_TMP, &err), &err);
    for (int i = 0; i < 3; i++) {
        snprintf(store_path, sizeof store_path, "%s/data.db%s", GAD_TEST_TMP, endings[i]);
        ASSERT_OK(gad_file_remove(store_path, &err), &err);
    }
    snprintf(store_path, sizeof store_path, "%s/data.db", GAD_TEST_TMP);
    return 0;
}

/* Two classes of woven cloth in the layout of WFDD, in the store, with references and text. */
static const char *make_cloth(void)
{
    const char *root = fake_root("cloth");
    fake_mvtec_class("grey_cloth", "png", "_mask", "long_hole");
    fake_mvtec_class("pink_flower", "jpg", "_mask", "line");
    return root;
}

static void import_cloth(void)
{
    free(OUTPUT("data", "import", STORE, "wfdd", make_cloth()));
    free(OUTPUT("data", "pair", STORE));
    free(OUTPUT("data", "reason", STORE, "--teacher", "template"));
}

/* ---- list, import, stats ------------------------------------------------------------------------------------------ */

static void test_list(void **state)
{
    (void)state;
    static const char *const names[] = {"mvtec_ad", "mvtec_3d",     "visa",       "mpdd",        "mvtec_loco",
                                        "goodsad",  "real_iad",     "manta",      "miad",        "real_iad_d3",
                                        "wfdd",     "3cad",         "texture_ad", "coco",        "mmr_ad",
                                        "plain",    "cableinspect", "gad-jsonl",  "label-studio"};
    char *out = OUTPUT("data", "list", STORE), line[64]; /* there is no store yet: the catalogue alone */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(line, sizeof line, "\n%s ", names[i]);
        assert_says(out, line);
    }
    free(out);
    fake_root("own");
    fake_image("good/a.png");
    fake_image("bad/b.png");
    EXPECT_OUTPUT("wfdd: 14 images (10 normal, 4 anomalous), 4 boxes; 14 added, 0 changed, 0 unchanged, 0 removed\n",
                  "data", "import", STORE, "wfdd", make_cloth());
    EXPECT_OUTPUT("bracket: 2 images (1 normal, 1 anomalous), 0 boxes; 2 added, 0 changed, 0 unchanged, 0 removed\n",
                  "data", "import", STORE, "--name", "bracket", "plain", support_scratch(GAD_TEST_TMP, "own"));
    out = OUTPUT("data", "list", STORE);
    assert_says(out, "\nwfdd             WFDD                                     4101         14  training     MIT");
    assert_says(out,
                "\nbracket          folder of good and bad parts                -          2  imported     your own\n");
    free(out);
    out = OUTPUT("data", "list", STORE, "--json");
    json_t *list = json_loads(out, 0, NULL);
    assert_int_equal(json_array_size(list), 20);
    json_decref(list);
    free(out);
}

static void test_import_again(void **state)
{
    (void)state;
    const char *root = make_cloth();
    char *stats, *again;
    free(OUTPUT("data", "import", STORE, "wfdd", root));
    stats = OUTPUT("data", "stats", STORE);
    assert_says(stats, "wfdd                      14        10         4         2         2         4         -         -"
                       "         -\n");
    assert_says(stats, "  used by MMR-AD         291                             4        10       252\n");
    EXPECT_OUTPUT("wfdd: 14 images (10 normal, 4 anomalous), 4 boxes; 0 added, 0 changed, 14 unchanged, 0 removed\n",
                  "data", "import", STORE, "wfdd", root);
    again = OUTPUT("data", "stats", STORE);
    assert_string_equal(again, stats);
    free(again);
    free(stats);
    /* One mask moves, one image goes: references and text of the others stay (test_export looks at them). */
    fake_mask("grey_cloth/ground_truth/long_hole/000_mask.png", 1, 1, 9, 9, 255);
    char path[1200];
    snprintf(path, sizeof path, "%s/pink_flower/train/good/002.jpg", root);
    assert_int_equal(unlink(path), 0);
    EXPECT_OUTPUT("wfdd: 13 images (9 normal, 4 anomalous), 4 boxes; 0 added, 1 changed, 12 unchanged, 1 removed\n", "data",
                  "import", STORE, "wfdd", root);
}

/* annotations.jsonl, the form of our own images: masks make the boxes, given boxes hold where there is no mask. */
static void test_import_lines(void **state)
{
    (void)state;
    const char *root = fake_root("lines");
    fake_image("images/a.png");
    fake_image("images/b.png");
    fake_image("images/c.png");
    fake_mask("masks/b.png", 4, 4, 12, 12, 1);
    fake_text("annotations.jsonl",
              "{\"image\":\"images/a.png\",\"category\":\"bolt\",\"split\":\"train\",\"label\":\"normal\"}\n"
              "{\"image\":\"images/b.png\",\"category\":\"bolt\",\"split\":\"train\",\"label\":\"anomalous\","
              "\"anomaly_type\":\"dent\",\"mask\":\"masks/b.png\",\"boxes\":[[0,0,1,1]],\"reference\":\"images/a.png\"}\n"
              "{\"image\":\"images/c.png\",\"category\":\"bolt\",\"split\":\"test\",\"label\":\"anomalous\","
              "\"anomaly_type\":\"rust\",\"mask\":null,\"boxes\":[[30,10,40,20],[1,2,3,4]]}\n");
    EXPECT_OUTPUT("bolts: 3 images (1 normal, 2 anomalous), 3 boxes; 3 added, 0 changed, 0 unchanged, 0 removed\n", "data",
                  "import", STORE, "--name", "bolts", "gad-jsonl", root);
    char *out = OUTPUT("data", "stats", STORE, "--json");
    json_t *list = json_loads(out, 0, NULL), *row = json_array_get(list, 0);
    assert_int_equal(json_integer_value(json_object_get(row, "boxes")), 3);
    assert_int_equal(json_integer_value(json_object_get(row, "with_reference")), 1);
    json_decref(list);
    free(out);
    const char *lines = scratch("lines.jsonl");
    free(OUTPUT("data", "export", STORE, "jsonl", lines));
    gad_error err;
    char *text;
    size_t length;
    ASSERT_OK(gad_file_read(lines, 1 << 20, &text, &length, &err), &err);
    assert_says(text, "\"boxes\":[{\"box\":[4,4,12,12],\"label\":\"dent\",\"source\":\"mask\",\"area\":64,");
    assert_says(text, "\"boxes\":[{\"box\":[1,2,3,4],\"label\":\"rust\",\"source\":\"boxes\",\"area\":0,");
    free(text);
}

/* ---- check, split ------------------------------------------------------------------------------------------------- */

static void test_check_and_split(void **state)
{
    (void)state;
    char path[1200];
    const char *root = make_cloth();
    free(OUTPUT("data", "import", STORE, "wfdd", root));
    EXPECT_OUTPUT("14 samples\n", "data", "check", STORE, "--files", "--hash");
    EXPECT_OUTPUT("train 12, val 2, test 0 (0 classes held out), benchmark 0 with 0 reference images\n", "data", "split",
                  STORE, "--val", "0.2");
    EXPECT_OUTPUT("train 7, val 0, test 7 (1 classes held out), benchmark 0 with 0 reference images\n", "data", "split",
                  STORE, "--val", "0", "--hold-classes", "1");
    EXPECT_OUTPUT("train 0, val 0, test 14 (0 classes held out), benchmark 0 with 0 reference images\n", "data", "split",
                  STORE, "--hold-datasets", "wfdd");
    EXPECT_OUTPUT("train 6, val 0, test 8 (0 classes held out), benchmark 0 with 0 reference images\n", "data", "split",
                  STORE, "--restore");
    /* A copy of a test image in training, an image that changed, one that went. */
    fake_root("leak");
    fake_image("good/x.png");
    gad_error err;
    char *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/cloth/grey_cloth/test/good/000.png", GAD_TEST_TMP);
    ASSERT_OK(gad_file_read(path, 1 << 20, &bytes, &size, &err), &err);
    snprintf(path, sizeof path, "%s/leak/good/copy.png", GAD_TEST_TMP);
    ASSERT_OK(gad_file_write(path, bytes, size, &err), &err);
    free(bytes);
    free(OUTPUT("data", "import", STORE, "--name", "leak", "plain", support_scratch(GAD_TEST_TMP, "leak")));
    snprintf(path, sizeof path, "%s/cloth/grey_cloth/train/good/000.png", GAD_TEST_TMP);
    ASSERT_OK(gad_file_write(path, "changed", 7, &err), &err);
    snprintf(path, sizeof path, "%s/cloth/grey_cloth/train/good/001.png", GAD_TEST_TMP);
    assert_int_equal(unlink(path), 0);
    char *out = output(1, (const char *const[]){"data", "check", STORE, "--files", "--hash", NULL});
    assert_says(out,
                "leak into training: leak/leak/train/good/copy: same content as wfdd/grey_cloth/test/good/000 (test)\n");
    assert_says(out, "changed image: wfdd/grey_cloth/train/good/000: its content is not what was imported\n");
    assert_says(out, "missing image: wfdd/grey_cloth/train/good/001: ");
    assert_says(out, "\n         1 leak into training\n");
    free(out);
}

/* A held-out benchmark stays out of training whatever the split. */
static void test_benchmark(void **state)
{
    (void)state;
    const char *root = fake_root("mvtec");
    fake_mvtec_class("bottle", "png", "_mask", "broken_large");
    free(OUTPUT("data", "import", STORE, "mvtec_ad", root));
    EXPECT_OUTPUT("train 0, val 0, test 0 (0 classes held out), benchmark 4 with 3 reference images\n", "data", "split",
                  STORE);
    EXPECT_OUTPUT("train 7, val 0, test 0 (0 classes held out), benchmark 0 with 0 reference images\n", "data", "split",
                  STORE, "--with-benchmarks", "--val", "0");
}

/* ---- pair, reason ------------------------------------------------------------------------------------------------- */

static void test_pair_and_reason(void **state)
{
    (void)state;
    free(OUTPUT("data", "import", STORE, "wfdd", make_cloth()));
    char *out = OUTPUT("data", "pair", STORE);
    assert_int_equal(strncmp(out, "14 samples: 14 paired, 0 kept, 0 without a normal image; 14 features measured (", 79),
                     0);
    free(out);
    out = OUTPUT("data", "pair", STORE);
    assert_says(out, "; 0 features measured (");
    assert_says(out, " 14 from the cache, 0 unreadable");
    free(out);
    out = OUTPUT("data", "pair", STORE, "--keep", "--method", "random", "--k", "2");
    assert_says(out, "14 samples: 0 paired, 14 kept");
    free(out);
    out = OUTPUT("data", "reason", STORE, "--teacher", "template", "--limit", "5");
    assert_int_equal(strncmp(out, "5 samples in ", 13), 0);
    assert_says(
        out,
        ": 5 answers accepted, 0 refused; 0 texts by the grammar instead, 0 kept, 0 without; 0 + 0 tokens, cost 0.00\n");
    free(out);
    out = OUTPUT("data", "reason", STORE, "--teacher", "template");
    assert_int_equal(strncmp(out, "9 samples in ", 13), 0); /* only those without text */
    free(out);
    out = OUTPUT("data", "stats", STORE);
    assert_says(out, "wfdd                      14        10         4         2         2         4        14        14");
    free(out);
    /* What was paired and written survives an import that changes nothing. */
    free(OUTPUT("data", "import", STORE, "wfdd", support_scratch(GAD_TEST_TMP, "cloth")));
    out = OUTPUT("data", "stats", STORE);
    assert_says(out, "wfdd                      14        10         4         2         2         4        14        14");
    free(out);
}

/* ---- synth, sheet ------------------------------------------------------------------------------------------------- */

static void test_synth_and_sheet(void **state)
{
    (void)state;
    gad_error err;
    const char *pairs = scratch("pairs"), *sheet = scratch("sheet.png");
    char *out = OUTPUT("data", "synth", STORE, "--count", "12", "--out", pairs, "--width", "64", "--height", "64", "--seed",
                       "7", "--normal", "0");
    assert_int_equal(strncmp(out, "synth: 12 pairs, 12 with a defect, ", 35), 0);
    free(out);
    out = OUTPUT("data", "check", STORE, "--files", "--hash");
    assert_says(out, "12 samples\n");
    free(out);
    char line[1200];
    snprintf(line, sizeof line, "%s: 6 samples\n", sheet);
    EXPECT_OUTPUT(line, "data", "sheet", STORE, "--count", "6", "--columns", "3", "--tile", "64", sheet);
    gad_image image;
    ASSERT_OK(gad_image_load(sheet, &image, &err), &err);
    assert_true(image.width > 3 * 128 && image.height > 2 * 64);
    int64_t red = 0;
    for (int64_t i = 0; i < image.width * image.height; i++)
        red += image.pixels[3 * i] == 255 && image.pixels[3 * i + 1] == 0 && image.pixels[3 * i + 2] == 0;
    assert_true(red > 6 * 20); /* each of the six has a frame around its defect */
    gad_image_free(&image);
    out = OUTPUT("data", "synth", "--list-names");
    assert_says(out, "kinds: ");
    assert_says(out, "missing part");
    free(out);
}

/* ---- export ------------------------------------------------------------------------------------------------------- */

/* The whole truth as lines, sorted, without what a way through files changes. */
static char *truth(const char *name, bool with_paths)
{
    gad_error err;
    const char *path = scratch(name);
    char *text, *lines[100], *all = NULL;
    size_t length, count = 0, used = 0;
    free(OUTPUT("data", "export", STORE, "jsonl", path));
    ASSERT_OK(gad_file_read(path, 1 << 24, &text, &length, &err), &err);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *o = json_loads(line, 0, NULL);
        assert_non_null(o);
        if (json_object_get(o, "root")) { /* of the dataset, not a sample */
            json_decref(o);
            continue;
        }
        if (!with_paths) {
            json_object_del(o, "references");
            json_object_del(o, "mask");
            json_object_del(json_object_get(o, "image"), "path");
        }
        lines[count++] = json_dumps(o, JSON_SORT_KEYS);
        json_decref(o);
    }
    free(text);
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++)
            if (strcmp(lines[i], lines[k]) > 0) {
                char *swap = lines[i];
                lines[i] = lines[k];
                lines[k] = swap;
            }
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(lines[i]);
        all = realloc(all, used + n + 2);
        memcpy(all + used, lines[i], n);
        memcpy(all + used + n, "\n", 2);
        used += n + 1;
        free(lines[i]);
    }
    return all;
}

/* Out in one format, into a fresh store, and everything is as it was. */
static void test_round_trips(void **state)
{
    static const struct {
        const char *format, *file, *adapter, *folder;
        bool with_paths;
    } ways[] = {{"jsonl", "all.jsonl", "mmrad-jsonl", "all.jsonl", true},
                {"coco", "cloth/coco.json", "coco", "cloth", true},
                {"label-studio", "cloth/studio.json", "label-studio", "cloth", true},
                {"mmr-ad", "mmr", "mmr_ad", "mmr/wfdd", false}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char line[1200], *before, *after;
        fresh_store(state);
        import_cloth();
        before = truth("before.jsonl", ways[i].with_paths);
        const char *file = scratch(ways[i].file);
        snprintf(line, sizeof line, "%s: 14 samples, 4 boxes\n", file);
        EXPECT_OUTPUT(line, "data", "export", STORE, "--dataset", "wfdd", ways[i].format, file);
        fresh_store(state);
        free(OUTPUT("data", "import", STORE, "--name", "wfdd", ways[i].adapter,
                    support_scratch(GAD_TEST_TMP, ways[i].folder)));
        after = truth("after.jsonl", ways[i].with_paths);
        if (strcmp(before, after) != 0)
            fail_msg("%s: \n%s\nbecame\n%s", ways[i].format, before, after);
        free(before);
        free(after);
    }
    fresh_store(state);
    import_cloth();
    const char *lines = scratch("again.jsonl");
    free(OUTPUT("data", "export", STORE, "jsonl", lines));
    EXPECT_OUTPUT("mmrad-jsonl: 14 images (10 normal, 4 anomalous), 4 boxes; 0 added, 0 changed, 14 unchanged, 0 removed\n",
                  "data", "import", STORE, "mmrad-jsonl", lines);
    fresh_store(state);
    EXPECT_OUTPUT("mmrad-jsonl: 14 images (10 normal, 4 anomalous), 4 boxes; 14 added, 0 changed, 0 unchanged, 0 removed\n",
                  "data", "import", STORE, "mmrad-jsonl", lines);
}

static void test_chat_formats(void **state)
{
    (void)state;
    gad_error err;
    static const char *const formats[] = {"trl", "ms-swift", "llama-factory", "llava"};
    import_cloth();
    for (int i = 0; i < 4; i++) {
        const char *file = scratch(formats[i]);
        char line[1200], *text;
        size_t length;
        snprintf(line, sizeof line, "%s: 14 samples, 4 boxes\n", file);
        EXPECT_OUTPUT(line, "data", "export", STORE, "--coords", "rel1000", formats[i], file);
        snprintf(line, sizeof line, i == 2 ? "%s/gad.jsonl" : "%s", file);
        ASSERT_OK(gad_file_read(line, 1 << 24, &text, &length, &err), &err);
        int records = 0;
        for (char *at = strtok(text, "\n"); at; at = strtok(NULL, "\n"), records++) {
            json_t *o = json_loads(at, 0, NULL);
            assert_non_null(o);
            json_decref(o);
        }
        assert_int_equal(records, 14);
        free(text);
    }
    char *out =
        OUTPUT("data", "export", STORE, "--label", "anomalous", "--limit", "3", "--prompts", "trl", scratch("grpo"));
    assert_says(out, "grpo: 3 samples, 3 boxes\n");
    free(out);
}

/* ---- usage -------------------------------------------------------------------------------------------------------- */

static void test_usage(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *says, *argument[9];
    } cases[] = {
        {2, "gad data list", {"data"}},
        {2, "unknown command \"data imprt\"", {"data", "imprt"}},
        {2, "gad data import: something is missing", {"data", "import", "wfdd"}},
        {2, "unexpected argument \"more\"", {"data", "import", "wfdd", "a", "more"}},
        {2, "did you mean --name?", {"data", "import", "--nmae", "x", "wfdd", "a"}},
        {2, "align|fixed|random|none", {"data", "pair", "--method", "best"}},
        {2, "whole number", {"data", "pair", "--k", "few"}},
        {2, "--endpoint", {"data", "reason"}},
        {1, "there is no such file", {"data", "stats", "--store", "/nonexistent/x.db"}},
        {1, "a folder, not a store", {"data", "stats", "--store", "/tmp"}},
        {1, "not a dataset that gad knows", {"data", "import", "--store", "data.db", "mvtec", "/tmp"}},
        {1, "not a folder", {"data", "import", "--store", "data.db", "wfdd", "/nonexistent"}},
    };
    assert_int_equal(chdir(GAD_TEST_TMP), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r = program_run(cases[i].argument);
        if (r.code != cases[i].code || !strstr(r.text, cases[i].says))
            fail_msg("case %zu: exit code %d, \"%s\" expected in: %s", i, r.code, cases[i].says, r.text);
        assert_string_equal(r.out, "");
        program_free(&r);
    }
    assert_int_equal(chdir(GAD_SOURCE_DIR), 0);
}

int main(void)
{
    if (chdir(GAD_SOURCE_DIR))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_list, fresh_store),
        cmocka_unit_test_setup(test_import_again, fresh_store),
        cmocka_unit_test_setup(test_import_lines, fresh_store),
        cmocka_unit_test_setup(test_check_and_split, fresh_store),
        cmocka_unit_test_setup(test_benchmark, fresh_store),
        cmocka_unit_test_setup(test_pair_and_reason, fresh_store),
        cmocka_unit_test_setup(test_synth_and_sheet, fresh_store),
        cmocka_unit_test_setup(test_round_trips, fresh_store),
        cmocka_unit_test_setup(test_chat_formats, fresh_store),
        cmocka_unit_test(test_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
