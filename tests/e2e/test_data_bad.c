/* data_bad: what the gad data commands say about every bad input: wrong folders, masks, JSON, disks and stores. Exit codes
 * and messages are those that a user sees. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "data/fake.h"
#include "e2e/program.h"

static char store_path[1000];
#define STORE "--store", store_path

static void remove_store(void)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    gad_error err;
    ASSERT_OK(gad_file_make_directory(GAD_TEST_TMP, &err), &err);
    for (int i = 0; i < 3; i++) {
        snprintf(store_path, sizeof store_path, "%s/bad.db%s", GAD_TEST_TMP, endings[2 - i]);
        ASSERT_OK(gad_file_remove(store_path, &err), &err);
    }
}

static int fresh_store(void **state)
{
    (void)state;
    remove_store();
    return 0;
}

/* Runs gad and checks the exit code and that each of `words` (to a NULL) is in what it wrote to either stream. */
static void expect(int code, const char *const *words, const char *const *argument)
{
    program_result r = program_run(argument);
    if (r.code != code)
        fail_msg("%s %s: exit code %d, not %d\n%s%s", argument[1], argument[2], r.code, code, r.out, r.text);
    for (int i = 0; words[i]; i++)
        if (!strstr(r.text, words[i]) && !strstr(r.out, words[i]))
            fail_msg("\"%s\" is not said:\n%s%s", words[i], r.out, r.text);
    if (code)
        assert_string_equal(r.out, "");
    program_free(&r);
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define EXPECT(code, words, ...) expect(code, words, (const char *const[]){__VA_ARGS__, NULL})
#define IMPORT(code, words, name, folder) EXPECT(code, words, "data", "import", STORE, name, folder)

/* ---- the wrong folder --------------------------------------------------------------------------------------------- */

static void test_wrong_dataset(void **state)
{
    (void)state;
    const char *visa = strdup(fake_root("visa")), *other;
    char inner[1200];
    static const char *const classes[] = {"candle", "capsules", "cashew", "pcb1"};
    for (int i = 0; i < 4; i++)
        fake_mvtec_class(classes[i], "png", "_mask", "bad");
    IMPORT(1,
           WORDS("visa: not MVTec AD: none of its class folders is there, but candle, capsules, cashew, pcb1",
                 "it looks like VisA: gad data import visa "),
           "mvtec_ad", visa);
    IMPORT(1, WORDS("not MPDD", "it looks like VisA"), "mpdd", visa);
    IMPORT(1, WORDS("not Real-IAD: there is no realiad_jsons folder", "it looks like VisA"), "real_iad", visa);
    IMPORT(1, WORDS("not a folder of good and bad parts", "it looks like VisA"), "plain", visa);
    IMPORT(1, WORDS("not a folder with COCO JSON: no JSON file", "it looks like VisA"), "coco", visa);
    IMPORT(1, WORDS("not MMR-AD", "no class folder with bbox_annos.json"), "mmr_ad", visa);
    /* One folder too high, one too low. */
    snprintf(inner, sizeof inner, "the class folders are in %s/visa: give that one", GAD_TEST_TMP);
    IMPORT(1, WORDS("not VisA", inner), "visa", GAD_TEST_TMP);
    IMPORT(1, WORDS("not VisA", "candle is one of its classes: give the folder above it"), "visa",
           support_scratch(visa, "candle"));
    /* Two class names are shared, but the folder is plainly another dataset's. */
    other = fake_root("manta");
    static const char *const small[] = {"capsule",  "screw",       "gear",       "nut",        "led",
                                        "button",   "maize",       "wheat",      "paddy",      "type_c",
                                        "terminal", "nut_cap",     "soybean",    "wire_cap",   "led_pad",
                                        "flat_nut", "pink_tablet", "red_tablet", "red_washer", "long_button"};
    for (int i = 0; i < 20; i++) {
        snprintf(inner, sizeof inner, "%s/train/good/0.png", small[i]);
        fake_image(inner);
    }
    IMPORT(1, WORDS("not MVTec AD: the class folders are those of MANTA", "gad data import manta "), "mvtec_ad", other);
    IMPORT(1, WORDS("not Texture-AD: the class folders are those of MANTA"), "texture_ad", other);
    other = fake_root("lines");
    fake_text("annotations.jsonl", "{}\n");
    IMPORT(1, WORDS("not MVTec AD", "it looks like folder with annotations.jsonl: gad data import gad-jsonl "), "mvtec_ad",
           other);
    IMPORT(1,
           WORDS("not a folder with annotations.jsonl: not one image was found: 1 bad record",
                 "bad record: annotations.jsonl: line 1: expected image, category, and a label"),
           "gad-jsonl", other);
    IMPORT(1, WORDS("not a folder with annotations.jsonl: annotations.jsonl: No such file or directory"), "gad-jsonl",
           visa);
    other = fake_root("empty");
    IMPORT(1,
           WORDS("not MVTec AD: none of its class folders is there, but nothing", "give the folder that holds the class "
                                                                                  "folders (bottle, cable, "),
           "mvtec_ad", other);
    /* Nothing of all that is in the store. */
    program_result r = RUN("data", "stats", STORE);
    assert_null(strstr(r.out, "visa"));
    program_free(&r);
    free((char *)(uintptr_t)visa);
}

/* ---- masks -------------------------------------------------------------------------------------------------------- */

static void test_masks(void **state)
{
    (void)state;
    gad_error err;
    const char *root = fake_root("masks");
    fake_mvtec_class("bottle", "png", "_mask", "broken");
    ASSERT_OK(gad_file_remove(support_scratch(root, "bottle/ground_truth/broken/000_mask.png"), &err), &err);
    fake_mask_sized("bottle/ground_truth/broken/001_mask.png", 30, 20, 5, 5, 15, 10, 255);
    fake_image("bottle/test/broken/002.png");
    fake_mask("bottle/ground_truth/broken/002_mask.png", 5, 5, 15, 15, 190);
    fake_image("bottle/test/broken/003.png");
    fake_mask("bottle/ground_truth/broken/003_mask.png", 0, 0, 0, 0, 0);
    fake_image("bottle/test/broken/004.png");
    fake_text("bottle/ground_truth/broken/004_mask.png", "no picture");
    fake_mask("bottle/ground_truth/broken/777_mask.png", 5, 5, 15, 15, 255);
    fake_text("bottle/test/good/broken.png", "no picture");
    IMPORT(
        0,
        WORDS(
            "mvtec_ad: 10 images (5 normal, 5 anomalous), 2 boxes",
            "warning: missing mask: bottle/test/broken/000.png: expected bottle/ground_truth/broken/000_mask.png or "
            "000.png",
            "warning: mask of another size: bottle/ground_truth/broken/001_mask.png: 30 x 20, but "
            "bottle/test/broken/001.png is 60 x 40; the mask was resized",
            "warning: mask with unexpected values: bottle/ground_truth/broken/002_mask.png: 100 of 100 set pixels are "
            "neither 1 nor 255; everything over 127 counts as defect",
            "warning: empty mask: bottle/ground_truth/broken/003_mask.png: no pixel is set, but "
            "bottle/test/broken/003.png is in broken",
            "warning: unreadable mask: bottle/ground_truth/broken/004_mask.png: ",
            "warning: mask without image: bottle/ground_truth/broken/777_mask.png: no image in bottle/test/broken has this "
            "stem",
            "warning: unreadable image: bottle/test/good/broken.png: ", "       1 missing mask\n",
            "       1 mask of another size\n", "       1 mask with unexpected values\n", "       1 empty mask\n",
            "       1 unreadable mask\n", "       1 mask without image\n", "       1 unreadable image\n"),
        "mvtec_ad", root);
    /* They stay on record. */
    EXPECT(0, WORDS("noted by the import: mvtec_ad: bottle/test/broken/000.png: missing mask: ", "7 noted by the import"),
           "data", "check", STORE, "--examples", "20");
    EXPECT(
        0,
        WORDS(
            "mvtec_ad                  10         5         5         1         1         2         -         -         7"),
        "data", "stats", STORE);
}

/* A second folder does not take the place of the first one unasked. */
static void test_second_folder(void **state)
{
    (void)state;
    char *first = strdup(fake_root("first")), *second;
    fake_image("good/a.png");
    fake_image("bad/b.png");
    second = strdup(fake_root("second"));
    fake_image("good/c.png");
    fake_image("bad/d.png");
    IMPORT(0, WORDS("2 added"), "plain", first);
    IMPORT(1, WORDS("is the dataset in", first, "--name"), "plain", second);
    IMPORT(0, WORDS("2 unchanged, 0 removed"), "plain", first);
    EXPECT(0, WORDS("2 added, 0 changed, 0 unchanged, 0 removed"), "data", "import", STORE, "--name", "more", "plain",
           second);
    free(first);
    free(second);
}

/* ---- JSON --------------------------------------------------------------------------------------------------------- */

static void test_broken_json(void **state)
{
    (void)state;
    const char *root = fake_root("json");
    fake_image("a.png");
    fake_text("annotations.jsonl",
              "{\"image\":\"a.png\",\"category\":\"x\",\"label\":\"normal\"}\n{\"image\": \"a.png\",,}\n");
    IMPORT(1, WORDS("annotations.jsonl: line 2, column 19: ", "each line is one JSON object"), "gad-jsonl", root);
    fake_text("coco.json", "{\n  \"images\": [],\n  \"annotations\": [}\n");
    IMPORT(1, WORDS("coco.json: line 3, column 19: "), "coco", root);
    IMPORT(1, WORDS("coco.json: line 3, column 19: "), "label-studio", root);
    fake_text("coco.json", "{\"images\":[{\"id\":1,\"file_name\":\"a.png\"}],\"annotations\":[{\"image_id\":1}]}");
    IMPORT(1, WORDS("coco.json: an annotation of image 1 has no bbox of four numbers"), "coco", root);
    fake_text("coco.json", "[1, 2]");
    IMPORT(1, WORDS("coco.json: not a COCO file", "expected the keys images and annotations"), "coco", root);
    fake_text("coco.json", "{}");
    IMPORT(1, WORDS("coco.json: not a list of tasks"), "label-studio", root);
    root = fake_root("index");
    fake_text("realiad_jsons/usb.json", "{\n\"meta\": {\"prefix\": 7},\n\"train\": []}\n");
    IMPORT(1, WORDS("realiad_jsons/usb.json: \"prefix\" is not a string"), "real_iad", root);
    fake_text("realiad_jsons/usb.json", "{\n\"meta\" {}}\n");
    IMPORT(1, WORDS("realiad_jsons/usb.json: line 2, column "), "real_iad", root);
    root = fake_root("released");
    fake_text("wfdd/grey_cloth/bbox_annos.json", "[{\"name\": \"a\"},\n {\"bboxes\": []}]");
    IMPORT(1, WORDS("bbox_annos.json: entry 1 has no name"), "mmr_ad", root);
    root = fake_root("exported");
    fake_text("x.jsonl", "{\"schema\":\"mmrad/1\",\"id\":\"a/b/c/d/e\"\n");
    IMPORT(1, WORDS("x.jsonl: line 1, column "), "mmrad-jsonl", support_scratch(root, "x.jsonl"));
    fake_text("x.jsonl", "\n{\"schema\":\"mmrad/9\"}\n");
    IMPORT(1, WORDS("x.jsonl: line 2"), "mmrad-jsonl", support_scratch(root, "x.jsonl"));
}

/* ---- disks and stores ----------------------------------------------------------------------------------------------- */

static char disk[1000];

/* A disk of 180 kB that only this process sees. */
static bool mount_small_disk(void)
{
    return !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
           !mount("tmpfs", disk, "tmpfs", 0, "size=180k");
}

static void expect_prepared(const char *name, bool (*prepare)(void), int code, const char *const *words,
                            const char *const *argument)
{
    program_result r = program_run_prepared(argument, prepare);
    if (r.code == PROGRAM_UNPREPARED) {
        program_free(&r);
        SKIP_TEST(name, "mounting or changing the user is not allowed here");
    }
    if (r.code != code)
        fail_msg("%s: exit code %d, not %d\n%s%s", name, r.code, code, r.out, r.text);
    for (int i = 0; words[i]; i++)
        if (!strstr(r.text, words[i]) && !strstr(r.out, words[i]))
            fail_msg("\"%s\" is not said:\n%s%s", words[i], r.out, r.text);
    program_free(&r);
}
#define PREPARED(name, prepare, code, words, ...)                                                                          \
    expect_prepared(name, prepare, code, words, (const char *const[]){__VA_ARGS__, NULL})

static void test_full_disk(void **state)
{
    (void)state;
    gad_error err;
    char on_disk[1100], file[1100];
    snprintf(disk, sizeof disk, "%s/disk", GAD_TEST_TMP);
    ASSERT_OK(gad_file_make_directory(disk, &err), &err);
    snprintf(on_disk, sizeof on_disk, "%s/a.db", disk);
    const char *root = fake_root("many");
    fake_image_sized("part/good/first.png", 8, 8);
    for (int i = 0; i < 500; i++) {
        char path[1200];
        snprintf(path, sizeof path, "%s/part/good/%04d.png", root, i);
        assert_int_equal(link(support_scratch(root, "part/good/first.png"), path), 0);
    }
    PREPARED("import", mount_small_disk, 1, WORDS("a.db: the disk is full", "free some space"), "data", "import", "--store",
             on_disk, "plain", root);
    IMPORT(0, WORDS("plain: 501 images"), "plain", root);
    static const char *const formats[] = {"jsonl", "coco", "label-studio", "mmr-ad"};
    for (int i = 0; i < 4; i++) {
        snprintf(file, sizeof file, "%s/out", disk);
        PREPARED(formats[i], mount_small_disk, 1, WORDS("No space left on device", "free some space on that disk"), "data",
                 "export", STORE, "--copy", formats[i], file);
    }
    snprintf(file, sizeof file, "%s/sheet.png", disk);
    PREPARED("sheet", mount_small_disk, 1, WORDS("sheet.png: No space left on device"), "data", "sheet", STORE, file);
    snprintf(file, sizeof file, "%s/pairs", disk);
    PREPARED("synth", mount_small_disk, 1, WORDS("No space left on device"), "data", "synth", STORE, "--count", "50",
             "--out", file);
}

/* What is printed counts too. */
static bool print_to_full_device(void)
{
    int fd = open("/dev/full", O_WRONLY);
    return fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0;
}

static void test_full_output(void **state)
{
    (void)state;
    PREPARED("list", print_to_full_device, 1, WORDS("cannot write to standard output: No space left on device"), "data",
             "list");
}

/* A user without rights: root would be allowed everything. */
static bool become_nobody(void)
{
    return geteuid() != 0 || (!setgid(65534) && !setuid(65534) && !access(GAD_BINARY_DIR "/gad", X_OK));
}

static void test_read_only_store(void **state)
{
    (void)state;
    gad_error err;
    char folder[1100], file[1200];
    snprintf(folder, sizeof folder, "%s/locked", GAD_TEST_TMP);
    chmod(folder, 0755);
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    snprintf(file, sizeof file, "%s/a.db", folder);
    const char *root = fake_root("locked_images");
    fake_image("good/a.png");
    fake_image("bad/b.png");
    EXPECT(0, WORDS("plain: 2 images"), "data", "import", "--store", file, "plain", root);
    chmod(file, 0444);
    chmod(folder, 0555);
    /* Reading works, though there is no place for SQLite's second file. */
    PREPARED("stats", become_nobody, 0, WORDS("plain                      2"), "data", "stats", "--store", file);
    PREPARED("list", become_nobody, 0, WORDS("\nplain            folder of good and bad parts                -          2"),
             "data", "list", "--store", file);
    PREPARED("import", become_nobody, 1, WORDS("a.db: it cannot be written (read-only)", "check the permissions"), "data",
             "import", "--store", file, "plain", root);
    PREPARED("pair", become_nobody, 1, WORDS("a.db: it cannot be written (read-only)"), "data", "pair", "--store", file);
    snprintf(file, sizeof file, "%s/new.db", folder);
    PREPARED("new store", become_nobody, 1,
             WORDS("new.db: cannot be opened", "check that the folder exists and may be written"), "data", "import",
             "--store", file, "plain", root);
    snprintf(file, sizeof file, "%s/a.db", folder);
    char out[1200];
    snprintf(out, sizeof out, "%s/out.jsonl", folder);
    PREPARED("export", become_nobody, 1, WORDS("out.jsonl", "Permission denied", "check the permissions"), "data", "export",
             "--store", file, "jsonl", out);
    chmod(folder, 0755);
}

static void test_bad_stores(void **state)
{
    (void)state;
    gad_error err;
    const char *path = support_scratch(GAD_TEST_TMP, "text.db");
    ASSERT_OK(gad_file_write(path, "not a database but some text that is long enough to look at", 59, &err), &err);
    EXPECT(1, WORDS("text.db: not an SQLite file, or a damaged one"), "data", "stats", "--store", path);
    EXPECT(1, WORDS("nope.db: there is no such file", "import a dataset first, or check --store"), "data", "pair",
           "--store", support_scratch(GAD_TEST_TMP, "nope.db"));
    fake_root("little");
    fake_image("good/a.png");
    IMPORT(0, WORDS("plain: 1 images"), "plain", support_scratch(GAD_TEST_TMP, "little"));
    EXPECT(1, WORDS("no samples fit", "gad data stats"), "data", "export", STORE, "--dataset", "x", "coco",
           support_scratch(GAD_TEST_TMP, "x.json"));
    assert_false(gad_file_exists(support_scratch(GAD_TEST_TMP, "x.json")));
    EXPECT(1, WORDS("no samples fit"), "data", "sheet", STORE, "--class", "x", support_scratch(GAD_TEST_TMP, "x.png"));
    EXPECT(1, WORDS("no samples of x"), "data", "pair", STORE, "--dataset", "x");
    EXPECT(2, WORDS("unknown format \"excel\"", "jsonl, mmr-ad, coco"), "data", "export", STORE, "excel", "x");
}

int main(void)
{
    if (chdir(GAD_SOURCE_DIR))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_wrong_dataset, fresh_store), cmocka_unit_test_setup(test_masks, fresh_store),
        cmocka_unit_test_setup(test_broken_json, fresh_store),   cmocka_unit_test_setup(test_full_disk, fresh_store),
        cmocka_unit_test_setup(test_full_output, fresh_store),   cmocka_unit_test_setup(test_read_only_store, fresh_store),
        cmocka_unit_test_setup(test_bad_stores, fresh_store),    cmocka_unit_test_setup(test_second_folder, fresh_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
