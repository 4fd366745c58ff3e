/* share: data commands under --shard: four processes and the command that puts their parts together give the bytes of one;
 * a killed process loses the item it was at. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/fake.h"
#include "e2e/program.h"

enum { SHARES = 4, MAX_ARGUMENTS = 24 };

static void run(const char *const *argument, const char *more, const char *shard)
{
    const char *list[MAX_ARGUMENTS] = {NULL};
    int n = 0;
    for (; argument[n]; n++)
        list[n] = argument[n];
    list[n++] = "--store";
    list[n++] = more;
    if (shard) {
        list[n++] = "--shard";
        list[n++] = shard;
    }
    program_result r = program_run(list);
    if (r.code)
        fail_msg("gad %s %s: exit code %d\n%s%s", argument[0], argument[1], r.code, r.out, r.text);
    if (shard)
        assert_non_null(strstr(r.out, ".parts until this command runs without"));
    program_free(&r);
}

static void run_shares(const char *const *argument, const char *store)
{
    for (int k = SHARES; k >= 1; k--) {
        char shard[16];
        snprintf(shard, sizeof shard, "%d/%d", k, SHARES);
        run(argument, store, shard);
    }
}

/* As one process, and as four and one that puts together. */
static void run_both(const char *one, const char *four, const char *const *argument)
{
    char parts[1100];
    run(argument, one, NULL);
    run_shares(argument, four);
    snprintf(parts, sizeof parts, "%s.parts", four);
    assert_true(gad_file_is_directory(parts));
    run(argument, four, NULL);
    assert_false(gad_file_exists(parts));
}
#define BOTH(...) run_both(one, four, (const char *const[]){__VA_ARGS__, NULL})

static const char *fresh(const char *name)
{
    char other[1100];
    gad_error err;
    static const char *const endings[] = {"", "-wal", "-shm", ".parts", ".jsonl"};
    const char *path = support_scratch(GAD_TEST_TMP, name);
    ASSERT_OK(gad_file_make_directory(GAD_TEST_TMP, &err), &err);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(other, sizeof other, "%s%s", path, endings[i]);
        ASSERT_OK(gad_file_remove(other, &err), &err);
    }
    return path;
}

/* A share left matches, not features alone. */
static void assert_has_matches(const char *store)
{
    gad_error err;
    char path[1100], *text;
    size_t bytes;
    snprintf(path, sizeof path, "%s.parts/pair.1-of-%d.lines", store, SHARES);
    ASSERT_OK(gad_file_read(path, 1 << 26, &text, &bytes, &err), &err);
    assert_non_null(strstr(text, " [["));
    gad_memory_free(text);
}

static void assert_same_file(const char *a, const char *b)
{
    gad_error err;
    char *text[2];
    size_t bytes[2];
    ASSERT_OK(gad_file_read(a, 1 << 26, &text[0], &bytes[0], &err), &err);
    ASSERT_OK(gad_file_read(b, 1 << 26, &text[1], &bytes[1], &err), &err);
    if (bytes[0] != bytes[1] || memcmp(text[0], text[1], bytes[0]) != 0)
        fail_msg("%s and %s differ", a, b);
    gad_memory_free(text[0]);
    gad_memory_free(text[1]);
}

/* The whole truth of both stores. */
static void assert_same_store(const char *one, const char *four)
{
    char file[2][1100];
    const char *const stores[] = {one, four};
    for (int i = 0; i < 2; i++) {
        snprintf(file[i], sizeof file[i], "%s.jsonl", stores[i]);
        run((const char *const[]){"data", "export", "jsonl", file[i], "--force", NULL}, stores[i], NULL);
    }
    assert_same_file(file[0], file[1]);
}

static void assert_same_folder(const char *a, const char *b, size_t least)
{
    gad_error err;
    gad_file_names names[2];
    ASSERT_OK(gad_file_list(a, &names[0], &err), &err);
    ASSERT_OK(gad_file_list(b, &names[1], &err), &err);
    assert_int_equal(names[0].count, names[1].count);
    assert_true(names[0].count >= least);
    for (size_t i = 0; i < names[0].count; i++) {
        char path[2][1400];
        assert_string_equal(names[0].name[i], names[1].name[i]);
        snprintf(path[0], sizeof path[0], "%s/%s", a, names[0].name[i]);
        snprintf(path[1], sizeof path[1], "%s/%s", b, names[1].name[i]);
        assert_same_file(path[0], path[1]);
    }
    gad_file_names_free(&names[0]);
    gad_file_names_free(&names[1]);
}

/* With a broken image, a mask of another size and an image that is there twice: what is wrong is told as by one process. */
static const char *make_cloth(void)
{
    const char *root = fake_root("share_cloth");
    fake_mvtec_class("grey_cloth", "png", "_mask", "long_hole");
    fake_mvtec_class("pink_flower", "jpg", "_mask", "line");
    fake_text("grey_cloth/train/good/broken.png", "no picture");
    return root;
}

static void test_import_pair_reason(void **state)
{
    (void)state;
    const char *one = fresh("share_one.db"), *four = fresh("share_four.db"), *root = make_cloth();
    BOTH("data", "import", "wfdd", root);
    assert_same_store(one, four);
    BOTH("data", "import", "wfdd", root); /* again: nothing changed */
    BOTH("data", "pair");
    assert_same_store(one, four);
    static const char *const methods[] = {"align", "random", "none"};
    for (size_t i = 0; i < 3; i++) { /* a second round finds who goes with whom, as the features are known */
        const char *const again[] = {"data", "pair", "--k", "3", "--method", methods[i], "--tau", "0.3", NULL};
        run_shares(again, four);
        run_shares(again, four);
        if (strcmp(methods[i], "none") != 0)
            assert_has_matches(four);
        run_both(one, four, again);
        assert_same_store(one, four);
    }
    BOTH("data", "reason", "--teacher", "template");
    assert_same_store(one, four);
}

static void test_synth(void **state)
{
    (void)state;
    const char *one = fresh("share_synth_one.db"), *four = fresh("share_synth_four.db");
    const char *a = fresh("share_synth_one"), *b = fresh("share_synth_four");
    char file[2][1400];
    const char *const same[] = {"data", "synth", "--count", "66", "--width", "64", "--height", "64", "--out", a, NULL};
    const char *const shared[] = {"data", "synth", "--count", "66", "--width", "64", "--height", "64", "--out", b, NULL};
    run(same, one, NULL);
    run_shares(shared, four);
    run(shared, four, NULL);
    static const char *const subs[] = {"images", "references", "masks"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(file[0], sizeof file[0], "%s/%s", a, subs[i]);
        snprintf(file[1], sizeof file[1], "%s/%s", b, subs[i]);
        assert_same_folder(file[0], file[1], 10);
    }
    snprintf(file[0], sizeof file[0], "%s/samples.jsonl", a);
    snprintf(file[1], sizeof file[1], "%s/samples.jsonl", b);
    assert_same_file(file[0], file[1]);
    run((const char *const[]){"data", "check", "--files", "--hash", NULL}, four, NULL);
}

static size_t lines_of(const char *path)
{
    size_t count = 0;
    FILE *file = fopen(path, "rb");
    for (int c; file && (c = getc(file)) != EOF;)
        count += c == '\n';
    if (file)
        fclose(file);
    return count;
}

/* A share killed in the middle: all pairs whose images are there but one have their line. */
static void test_kill(void **state)
{
    (void)state;
    const char *one = fresh("share_kill_one.db"), *two = fresh("share_kill_two.db");
    const char *a = fresh("share_kill_one"), *b = fresh("share_kill_two");
    char lines[1100], folder[1100], file[2][1400];
    snprintf(lines, sizeof lines, "%s.parts/synth-synth.1-of-2.lines", two);
    snprintf(folder, sizeof folder, "%s/images", b);
    setenv("OMP_NUM_THREADS", "1", 1);
    const char *const shared[] = {"data", "synth", "--count", "240", "--width", "64", "--height", "64", "--out", b, NULL};
    pid_t child = fork();
    if (!child) {
        execl(GAD_BINARY_DIR "/gad", "gad", "data", "synth", "--count", "240", "--width", "64", "--height", "64", "--out",
              b, "--store", two, "--shard", "1/2", (char *)NULL);
        _exit(127);
    }
    while (lines_of(lines) < 20 && waitpid(child, NULL, WNOHANG) == 0)
        usleep(1000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    gad_error err;
    gad_file_names names;
    ASSERT_OK(gad_file_list(folder, &names, &err), &err);
    const size_t done = lines_of(lines);
    print_message("killed after %zu lines, %zu images\n", done, names.count);
    assert_in_range(done, 20, 119);
    assert_in_range(names.count, done, done + 1);
    gad_file_names_free(&names);
    run(shared, two, "2/2");
    run(shared, two, NULL); /* makes what the killed one had not */
    const char *const same[] = {"data", "synth", "--count", "240", "--width", "64", "--height", "64", "--out", a, NULL};
    run(same, one, NULL);
    snprintf(file[0], sizeof file[0], "%s/images", a);
    assert_same_folder(file[0], folder, 240);
    snprintf(file[0], sizeof file[0], "%s/samples.jsonl", a);
    snprintf(file[1], sizeof file[1], "%s/samples.jsonl", b);
    assert_same_file(file[0], file[1]);
}

/* mpirun's and srun's environment is a share as well. */
static void test_launcher(void **state)
{
    (void)state;
    const char *one = fresh("share_mpi_one.db"), *four = fresh("share_mpi_four.db"), *root = make_cloth();
    const char *const argument[] = {"data", "import", "wfdd", root, NULL};
    run(argument, one, NULL);
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    for (int k = 0; k < 2; k++) {
        setenv("OMPI_COMM_WORLD_RANK", k ? "1" : "0", 1);
        run(argument, four, NULL);
        assert_false(gad_file_exists(four));
    }
    unsetenv("OMPI_COMM_WORLD_SIZE");
    run(argument, four, NULL);
    assert_same_store(one, four);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_import_pair_reason), cmocka_unit_test(test_synth),
                                       cmocka_unit_test(test_launcher), cmocka_unit_test(test_kill)};
    return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
