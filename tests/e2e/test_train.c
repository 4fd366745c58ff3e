/* train: the built program trains a tiny model: settings and plan, bad settings, Ctrl-C, a full disk, adapters with the
 * difference module, resuming, and several processes under mpirun. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_resume.h"
#include "base/json.h"
#include "base/memory.h"
#include "e2e/program.h"
#include "io/safetensors.h"
#include "model/lora.h"
#include "model/weights.h"
#include "train/checkpoint.h"

#define MODEL GAD_TEST_TMP "/model"
#define SMALL "--synth-side", "64", "--threads", "1", "--max-new-tokens", "12"
#define SFT "train", "sft", MODEL, SMALL, "--batch", "4", "--eval-every", "-1"
#define GRPO "train", "grpo", MODEL, SMALL, "--batch", "4", "--group", "4", "--eval-every", "-1"

static void assert_has(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text ? text : "nothing");
}

/* A folder of this test's that does not exist yet. */
static const char *fresh(const char *name)
{
    gad_error err;
    const char *folder = support_scratch(GAD_TEST_TMP, name);
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    return folder;
}

static void expect(program_result r, int code, const char *part)
{
    if (r.code != code)
        fail_msg("exit code %d instead of %d:\n%s", r.code, code, r.text);
    assert_has(r.text, part);
    program_free(&r);
}

static int64_t latest_in(const char *out)
{
    int64_t latest = -1, best;
    gad_checkpoint_find(out, &latest, &best, NULL);
    return latest;
}

static int make_model(void **state)
{
    (void)state;
    fresh("model");
    expect(RUN("model", "new", "--preset", "xs", "--force", "--out", MODEL), 0, "parameters");
    return 0;
}

/* ---- settings ------------------------------------------------------------------------------------------------------ */

static void test_dry_run(void **state)
{
    (void)state;
    const char *out = fresh("dry");
    expect(RUN(SFT, "--out", out, "--dry-run"), 0, "memory: ");
    expect(RUN(GRPO, "--out", out, "--dry-run"), 0, "rollouts ");
    assert_false(gad_file_exists(out));
    /* a plan that does not fit says what to do */
    expect(RUN(SFT, "--out", out, "--dry-run", "--micro-tokens", "2000000000"), 1, "MiB are free");
}

static void test_bad_settings(void **state)
{
    (void)state;
    const char *out = fresh("bad");
    static const struct {
        const char *kind, *name, *value, *message;
        int code;
    } cases[] = {
        {"sft", "--steps", "0", "at least 1", 1},
        {"sft", "--batch", "0", "at least 1", 1},
        {"sft", "--micro-tokens", "-3", "wants a whole number", 2},
        {"sft", "--lr", "0", "learning rate", 1},
        {"sft", "--lr", "nan", "wants a number", 2},
        {"sft", "--lr", "2", "learning rate", 1},
        {"sft", "--lr-floor", "1.5", "floor", 1},
        {"sft", "--warmup", "-2", "wants a whole number", 2},
        {"sft", "--warmup", "1000", "takes all steps", 1},
        {"sft", "--ema", "1", "below 1", 1},
        {"sft", "--beta2", "1", "below 1", 1},
        {"sft", "--weight-decay", "-1", "wants a number", 2},
        {"sft", "--clip", "nan", "wants a number", 2},
        {"sft", "--keep", "0", "at least one checkpoint", 1},
        {"sft", "--lora-rank", "0", "rank", 1},
        {"sft", "--lora-alpha", "0", "alpha", 1},
        {"sft", "--lora-targets", "nothing", "no layer", 1},
        {"sft", "--train", "wheels", "nothing is called so", 1},
        {"sft", "--train", "lora,vision", "only difference trains", 1},
        {"sft", "--eval-examples", "0", "eval-examples", 1},
        {"sft", "--references", "-1", "wants a whole number", 2},
        {"sft", "--schedule", "often", "often", 2},
        {"sft", "--stepz", "3", "--steps", 2},
        {"sft", "--steps", "many", "many", 2},
        {"sft", "--data", "nowhere.jsonl", "nowhere.jsonl", 1},
        {"sft", "--adapter", "nowhere", "nowhere", 1},
        {"sft", "--synth-kinds", "gremlins", "gremlins", 1},
        {"grpo", "--group", "0", "group", 1},
        {"grpo", "--group", "100000", "group", 1},
        {"grpo", "--temperature", "0", "temperature", 1},
        {"grpo", "--clip-low", "1", "clip-low", 1},
        {"grpo", "--kl", "-1", "wants a number", 2},
        {"grpo", "--iterations", "0", "iterations", 1},
        {"grpo", "--refill", "100", "refill", 1},
        {"grpo", "--aggregation", "lots", "lots", 2},
        {"grpo", "--reward-command", "exit 3", "reward command", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        program_result r = RUN("train", cases[i].kind, MODEL, SMALL, "--steps", "1", "--batch", "2", "--out", out,
                               cases[i].name, cases[i].value);
        const bool known_late = !strcmp(cases[i].name, "--reward-command"); /* when it is run */
        if (!known_late && strstr(r.text, "lr-floor   "))
            fail_msg("%s %s: the settings come before the error:\n%s", cases[i].name, cases[i].value, r.text);
        expect(r, cases[i].code, cases[i].message);
    }
    expect(RUN("train", "sft", MODEL), 1, "--out");
    expect(RUN("train", "sft", "nowhere", "--out", out), 1, "nowhere");
    expect(RUN("train", "sft"), 2, "Try");
    expect(RUN(SFT, "--out", out, "--eval-every", "1", "--steps", "1", "--eval-examples", "1", "--eval-answers", "1",
               "--best-metric", "eval_luck"),
           1, "eval_luck");
}

/* ---- stopping and going on ----------------------------------------------------------------------------------------- */

static void test_interrupt(void **state)
{
    (void)state;
    const char *out = fresh("interrupt");
    const char *const argument[] = {SFT, "--out", out, "--steps", "100000", NULL};
    program_result r = program_interrupt(argument, SIGINT);
    assert_int_not_equal(r.code, 0);
    assert_int_not_equal(r.code, -1);
    assert_has(r.text, "--resume");
    char *saved = strstr(r.text, "saved ");
    assert_non_null(saved);
    int64_t step = strtoll(strstr(saved, "step-") + 5, NULL, 10);
    program_free(&r);
    char done[64], steps[32];
    snprintf(done, sizeof done, "step-%06lld/DONE", (long long)step);
    snprintf(steps, sizeof steps, "%lld", (long long)step + 1);
    assert_true(gad_file_exists(support_scratch(out, done)));
    expect(RUN(SFT, "--out", out, "--steps", steps, "--resume"), 0, "resumed at step");
}

/* What a killed run leaves: half a checkpoint, half a line, temporary files. And a folder serves one run at a time. */
static void test_killed(void **state)
{
    (void)state;
    gad_error err;
    int held;
    gad_json_lines lines;
    json_t *line = NULL;
    const char *out = fresh("killed"), *log = support_scratch(out, "log.jsonl"),
               *half = support_scratch(out, "step-000007");
    expect(RUN(SFT, "--out", out, "--steps", "2"), 0, "saved");
    ASSERT_OK(gad_file_make_directory(half, &err), &err);
    ASSERT_OK(gad_file_write(support_scratch(half, "state.safetensors"), "x", 1, &err), &err);
    ASSERT_OK(gad_file_write(support_scratch(out, "page.html.abcdef.gad-tmp"), "x", 1, &err), &err);
    ASSERT_OK(gad_file_write(support_scratch(out, "mine.txt"), "x", 1, &err), &err);
    FILE *file = fopen(log, "a");
    assert_non_null(file);
    fputs("{\"step\":3,\"lo", file);
    fclose(file);
    ASSERT_OK(gad_file_resume_hold(out, &held, &err), &err);
    expect(RUN(SFT, "--out", out, "--steps", "3", "--resume"), 1, "another run is writing here");
    close(held);
    expect(RUN(SFT, "--out", out, "--steps", "3", "--resume"), 0, "resumed at step 2");
    assert_false(gad_file_exists(half));
    assert_false(gad_file_exists(support_scratch(out, "page.html.abcdef.gad-tmp")));
    assert_true(gad_file_exists(support_scratch(out, "mine.txt")));
    ASSERT_OK(gad_json_lines_open(&lines, log, &err), &err);
    int count = 0;
    for (gad_status status = GAD_OK; !status && !(status = gad_json_lines_next(&lines, &line, &err)) && line; count++) {
        assert_int_equal(json_integer_value(json_object_get(line, "step")), count + 1);
        json_decref(line);
    }
    assert_int_equal(count, 3);
    gad_json_lines_close(&lines);
}

static bool limit_file_size(void)
{
    struct rlimit limit = {150000, 150000};
    signal(SIGXFSZ, SIG_IGN);
    return !setrlimit(RLIMIT_FSIZE, &limit);
}

static void test_full_disk(void **state)
{
    (void)state;
    const char *out = fresh("full");
    expect(RUN(SFT, "--train", "all", "--out", out, "--steps", "2"), 0, "saved");
    program_result r = program_run_prepared(
        (const char *const[]){SFT, "--train", "all", "--out", out, "--steps", "4", "--resume", NULL}, limit_file_size);
    assert_int_equal(r.code, 1);
    assert_has(r.text, "step-000004");
    program_free(&r);
    assert_true(gad_file_exists(support_scratch(out, "step-000002/DONE")));
    assert_false(gad_file_exists(support_scratch(out, "step-000004")));
    expect(RUN(SFT, "--train", "all", "--out", out, "--steps", "4", "--resume"), 0, "resumed at step 2");
    assert_true(gad_file_exists(support_scratch(out, "step-000004/DONE")));
    /* the page of such a run */
    const char *page = support_scratch(GAD_TEST_TMP, "page.html");
    program_result plot = RUN("train", "plot", support_scratch(out, "log.jsonl"), page);
    assert_int_equal(plot.code, 0);
    program_free(&plot);
    char *html = NULL;
    size_t size;
    gad_error err;
    ASSERT_OK(gad_file_read(page, 1 << 22, &html, &size, &err), &err);
    assert_has(html, "step 1 to 4");
    gad_memory_free(html);
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static gad_safetensors *open_state(const char *out, const char *step)
{
    gad_error err;
    gad_safetensors *set = NULL;
    char name[64];
    snprintf(name, sizeof name, "%s/state.safetensors", step);
    ASSERT_OK(gad_safetensors_open(support_scratch(out, name), &set, &err), &err);
    return set;
}

/* |a - b| / |a| over all weights of two states; 0 only when they are the same bits. */
static double distance(const char *a, const char *b, const char *step)
{
    gad_error err;
    gad_safetensors *one = open_state(a, step), *other = open_state(b, step);
    double apart = 0, length = 0;
    for (size_t i = 0; i < gad_safetensors_count(one); i++) {
        const gad_safetensors_tensor *x = gad_safetensors_at(one, i), *y = gad_safetensors_find(other, x->name);
        if (strncmp(x->name, "w.", 2) != 0)
            continue;
        assert_non_null(y);
        assert_int_equal(x->count, y->count);
        float *u = malloc(2 * x->count * sizeof *u), *v = u + x->count;
        ASSERT_OK(gad_safetensors_copy_f32(x, 0, x->count, u, &err), &err);
        ASSERT_OK(gad_safetensors_copy_f32(y, 0, y->count, v, &err), &err);
        for (size_t k = 0; k < x->count; k++) {
            apart += ((double)u[k] - (double)v[k]) * ((double)u[k] - (double)v[k]);
            length += (double)u[k] * (double)u[k];
        }
        free(u);
    }
    gad_safetensors_free(one);
    gad_safetensors_free(other);
    assert_true(length > 0);
    return sqrt(apart / length);
}

/* An adapter that was trained with the difference module carries it, loads back, and a stopped run goes on as if it had
 * not stopped. */
static void test_adapter_with_difference(void **state)
{
    (void)state;
    gad_error err;
    const char *whole = fresh("whole"), *parts = fresh("parts"), *grpo = fresh("continued");
#define LORA SFT, "--train", "lora,difference"
    expect(RUN(LORA, "--out", whole, "--steps", "3", "--save-every", "2", "--schedule", "constant"), 0, "saved");
    expect(RUN(LORA, "--out", parts, "--steps", "2", "--schedule", "constant"), 0, "saved");
    expect(RUN(LORA, "--out", parts, "--steps", "3", "--schedule", "constant", "--resume"), 0, "resumed");
    assert_true(distance(whole, parts, "step-000003") == 0);
    gad_config config;
    gad_model model;
    gad_tensor_source *files = NULL;
    gad_safetensors *set = open_state(parts, "step-000003");
    ASSERT_OK(gad_config_load(MODEL, &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &model, &err), &err);
    ASSERT_OK(gad_weights_load(MODEL, &(gad_weights_options){0}, &model, &files, NULL, &err), &err);
    ASSERT_OK(gad_lora_load(support_scratch(parts, "step-000003"), &model, &err), &err);
    int compared = 0, changed = 0;
    for (size_t i = 0; i < model.params.count; i++) {
        const gad_param *param = model.params.item[i];
        char name[160];
        snprintf(name, sizeof name, "w.%s", param->name);
        const gad_safetensors_tensor *trained = gad_safetensors_find(set, name);
        bool difference = !strncmp(param->name, "difference.", 11);
        assert_true((trained != NULL) == (difference || strstr(param->name, ".lora_") != NULL));
        for (int64_t k = 0; trained && k < gad_param_count(param); k++) {
            float value;
            ASSERT_OK(gad_safetensors_copy_f32(trained, (size_t)k, 1, &value, &err), &err);
            assert_true((float)gad_param_get(param, k) == value);
            compared++;
        }
    }
    gad_lora_switch(&model, false); /* the base's own values come back */
    for (size_t i = 0; i < model.params.count; i++) {
        char name[160];
        snprintf(name, sizeof name, "w.%s", model.params.item[i]->name);
        const gad_safetensors_tensor *trained = gad_safetensors_find(set, name);
        float value;
        if (!trained || strncmp(model.params.item[i]->name, "difference.", 11) != 0)
            continue;
        ASSERT_OK(gad_safetensors_copy_f32(trained, 0, 1, &value, &err), &err);
        changed += (float)gad_param_get(model.params.item[i], 0) != value;
    }
    assert_true(compared > 1000 && changed > 10);
    gad_safetensors_free(set);
    gad_model_free(&model);
    gad_tensor_source_free(files);
    /* and reinforcement goes on from it: the reference policy is the adapter's */
    expect(RUN(GRPO, "--train", "lora,difference", "--adapter", support_scratch(parts, "step-000003"), "--out", grpo,
               "--steps", "2", "--iterations", "2"),
           0, "step 2/2");
}

/* Supervised adapters, then reinforcement: the second adapter names a base that lies beside the run and fits it;
 * inspection, merging and other number formats go on from there. */
static void test_second_adapter(void **state)
{
    (void)state;
    gad_error err;
    json_t *config = NULL;
    const char *first = fresh("first"), *second = fresh("second"), *merged = fresh("merged"), *half = fresh("half");
    const char *base = support_scratch(second, "base"), *adapter = support_scratch(second, "step-000001");
    const char *good = GAD_SOURCE_DIR "/tests/fixtures/images/plate.png";
    expect(RUN(SFT, "--train", "lora", "--out", first, "--steps", "1"), 0, "saved");
    expect(
        RUN(GRPO, "--train", "lora", "--adapter", support_scratch(first, "step-000001"), "--out", second, "--steps", "1"),
        0, "second/base");
    ASSERT_OK(gad_json_load(support_scratch(adapter, "adapter_config.json"), &config, &err), &err);
    const char *named = json_string_value(json_object_get(config, "base_model_name_or_path"));
    assert_true(named && named[0] == '/' && strlen(named) > 12 && !strcmp(named + strlen(named) - 12, "/second/base"));
    json_decref(config);
    expect(RUN("inspect", "--model", base, "--adapter", adapter, "--ref", good, good), 0, "");
    expect(RUN("model", "merge", "--adapter", adapter, "--out", merged, base), 0, "merged");
    expect(RUN("model", "merge", "--adapter", adapter, "--out", merged, base), 1, "--force");
    expect(RUN("model", "convert", "--type", "bf16", "--out", half, merged), 0, "half");
    expect(RUN("inspect", "--model", half, "--ref", good, good), 0, "");
    expect(RUN("model", "convert", "--type", "q8", "--out", fresh("none"), merged), 1, "--quant q8");
    expect(RUN("model", "convert", "--out", merged, "--force", merged), 1, "is the checkpoint that is read");
    expect(RUN(GRPO, "--train", "lora", "--adapter", support_scratch(first, "step-000001"), "--out", second, "--steps", "2",
               "--resume"),
           0, "resumed");
}

/* The words of the reward on the command line, and questions that name what may be wrong. */
static void test_reward_words(void **state)
{
    (void)state;
    expect(RUN(GRPO, "--out", fresh("words"), "--steps", "1", "--reward-iou", "0.1", "--reward-miss", "0.4",
               "--reward-false-box", "0.1", "--reward-floor", "0", "--dual-clip", "3", "--no-think", "--knowledge"),
           0, "step 1/1");
    static const struct {
        const char *name, *value;
    } bad[] = {{"--reward-iou", "0"}, {"--reward-iou", "1"}, {"--reward-floor", "2"}, {"--dual-clip", "0.5"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect(RUN(GRPO, "--out", fresh("words"), "--steps", "1", bad[i].name, bad[i].value), 1, bad[i].name + 2);
}

/* Large photographs fit by default; a set of which nothing fits is an error, and what is left out is counted. */
static void test_large_pictures(void **state)
{
    (void)state;
    gad_error err;
    const char *folder = fresh("large"), *store = support_scratch(GAD_TEST_TMP, "large.db"), *out = fresh("from_large");
    ASSERT_OK(gad_file_remove(store, &err), &err);
    expect(RUN("data", "synth", "--store", store, "--out", folder, "--count", "4", "--width", "1500", "--height", "1000"),
           0, "");
    const char *lines = support_scratch(folder, "samples.jsonl");
    const char *const common[] = {"train",
                                  "sft",
                                  GAD_SOURCE_DIR "/tests/fixtures/qwen25/model",
                                  "--data",
                                  lines,
                                  "--out",
                                  out,
                                  "--eval-every",
                                  "-1",
                                  "--batch",
                                  "1",
                                  "--steps",
                                  "4",
                                  "--train",
                                  "lora",
                                  "--threads",
                                  "1",
                                  NULL};
    expect(program_run(common), 0, "step 4/4");
    ASSERT_OK(gad_file_remove(out, &err), &err);
    const char *narrow[32] = {0};
    size_t n = 0;
    for (; common[n]; n++)
        narrow[n] = common[n];
    narrow[n] = "--micro-tokens";
    narrow[n + 1] = "100";
    expect(program_run(narrow), 1, "none of 4 samples fits into a pass of 100 rows");
}

/* Samples from files: a store, its lines, its export with stated roots; and files that must be refused with their line. */
static void test_samples_from_files(void **state)
{
    (void)state;
    gad_error err;
    const char *folder = fresh("samples"), *store = support_scratch(GAD_TEST_TMP, "samples.db");
    const char *lines = support_scratch(GAD_TEST_TMP, "export.jsonl"), *out = support_scratch(GAD_TEST_TMP, "from_files");
    ASSERT_OK(gad_file_remove(store, &err), &err);
    expect(RUN("data", "synth", "--store", store, "--out", folder, "--count", "6"), 0, "");
    expect(RUN("data", "export", "--store", store, "jsonl", lines), 0, "");
    const char *const files[] = {store, support_scratch(folder, "samples.jsonl"), lines};
    for (int i = 0; i < 3; i++) {
        ASSERT_OK(gad_file_remove(out, &err), &err);
        expect(RUN(SFT, "--data", files[i], "--out", out, "--steps", "2"), 0, "epoch 1.333");
        expect(RUN(SFT, "--data", files[i], "--out", out, "--steps", "2", "--split", "moon"), 1, "moon");
    }
    static const struct {
        const char *text, *message;
    } bad[] = {{"{\"schema\":\"mmrad/1\"}\n", "line 1"},
               {"\n\n{\"schema\":", "line 3"},
               {"[]\n", "line 1"},
               {"{\"schema\":\"mmrad/9\"}\n", "mmrad/9"},
               {"\n", "holds no sample"},
               {"{\"schema\":\"mmrad/1\",\"id\":\"a/b/train/good/1\",\"dataset\":\"a\",\"class\":\"b\",\"split\":\"train\","
                "\"label\":0,\"think\":\"t\",\"image\":{\"path\":\"gone.png\",\"width\":8,\"height\":8}}\n",
                "gone.png"}};
    const char *broken = support_scratch(GAD_TEST_TMP, "broken.jsonl");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ASSERT_OK(gad_file_remove(out, &err), &err);
        ASSERT_OK(gad_file_write(broken, bad[i].text, strlen(bad[i].text), &err), &err);
        expect(RUN(SFT, "--data", broken, "--out", out, "--steps", "1", "--batch", "1"), 1, bad[i].message);
    }
    /* own samples: more in a step than there are is refused; without held-out ones nothing is measured on others */
    ASSERT_OK(gad_file_remove(out, &err), &err);
    expect(RUN(SFT, "--data", store, "--out", out, "--steps", "1", "--batch", "7"), 1,
           "a step of 7 samples, and there are 6");
    expect(RUN(SFT, "--data", store, "--out", out, "--steps", "1", "--eval-every", "0", "--eval-split", "none"), 0,
           "has no samples of the split none: nothing is evaluated");
    ASSERT_OK(gad_file_remove(out, &err), &err);
    expect(RUN(SFT, "--data", store, "--out", out, "--steps", "1", "--eval-every", "0", "--eval-split", "train",
               "--eval-examples", "2", "--eval-answers", "0"),
           0, "eval_loss");
}

/* ---- several processes --------------------------------------------------------------------------------------------- */

static bool has_mpi(void)
{
    return system("command -v mpirun >/dev/null 2>&1") == 0;
}

/* Under the sanitizer: Open MPI itself keeps memory until the end. */
static const char mpi_environment[] =
    "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 "
    "OMPI_MCA_btl_base_warn_component_unused=0 OMP_WAIT_POLICY=passive ASAN_OPTIONS=detect_leaks=0; ";

/* `gad` with the words of `arguments` on so many processes; each one's id goes to OUT.pid.RANK. What they write comes back
 * in memory of the caller's. */
static int run_ranks(int ranks, const char *out, const char *arguments, char **text)
{
    char *line = NULL;
    const char *log = support_scratch(GAD_TEST_TMP, "mpi.txt");
    assert_true(asprintf(&line,
                         "%s exec timeout 120 mpirun -n %d sh -c 'echo $$ >%s.pid.$OMPI_COMM_WORLD_RANK; exec %s/gad %s' "
                         ">%s 2>&1",
                         mpi_environment, ranks, out, GAD_BINARY_DIR, arguments, log) > 0);
    int code = system(line);
    free(line);
    gad_error err;
    size_t size;
    ASSERT_OK(gad_file_read(log, 1 << 24, text, &size, &err), &err);
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static void test_ranks_agree(void **state)
{
    (void)state;
    if (!has_mpi())
        SKIP_TEST("test_ranks_agree", "mpirun is not installed");
    static const char *const kinds[] = {"sft", "grpo"};
    for (int k = 0; k < 2; k++) {
        const char *first = NULL;
        for (int ranks = 1; ranks <= 4; ranks *= 2) {
            char name[32], arguments[600], *text = NULL;
            snprintf(name, sizeof name, "%s_%d", kinds[k], ranks);
            const char *out = fresh(name);
            snprintf(arguments, sizeof arguments,
                     "train %s %s --synth-side 64 --threads 1 --max-new-tokens 12 --batch 8 --eval-every -1 --train all "
                     "--out %s --steps 2 --lr 1e-5 --warmup 0 %s",
                     kinds[k], MODEL, out, k ? "--group 4" : "");
            int code = run_ranks(ranks, out, arguments, &text);
            if (code)
                fail_msg("%d ranks ended with %d:\n%s", ranks, code, text);
            gad_memory_free(text);
            if (!first) {
                first = out;
                continue;
            }
            double apart = distance(first, out, "step-000002");
            print_message("%s: %d ranks are %.2g from one\n", kinds[k], ranks, apart);
            assert_true(apart < 1e-6);
        }
    }
}

/* One rank is killed in the middle: the job ends and says so; a new one goes on from its last checkpoint. */
static void test_killed_rank(void **state)
{
    (void)state;
    if (!has_mpi())
        SKIP_TEST("test_killed_rank", "mpirun is not installed");
    const char *out = fresh("killed");
    char arguments[600], *text = NULL;
    const char *form = "train sft %s --synth-side 64 --threads 1 --batch 4 --eval-every -1 --train all --out %s --steps %s "
                       "--schedule constant --save-every 1 --resume";
    snprintf(arguments, sizeof arguments, form, MODEL, out, "100000");
    pid_t killer = fork();
    assert_true(killer >= 0);
    if (!killer) { /* waits for the third checkpoint, then kills the second rank */
        const struct timespec moment = {0, 20000000};
        char pid_file[256];
        snprintf(pid_file, sizeof pid_file, "%s.pid.1", out);
        for (int i = 0; i < 3000 && latest_in(out) < 3; i++)
            nanosleep(&moment, NULL);
        FILE *file = fopen(pid_file, "r");
        int pid = 0;
        if (file && fscanf(file, "%d", &pid) == 1 && pid > 1)
            kill(pid, SIGKILL);
        _exit(0);
    }
    int code = run_ranks(2, out, arguments, &text);
    waitpid(killer, NULL, 0);
    assert_int_not_equal(code, 0);
    assert_int_not_equal(code, 124); /* the time limit: they hung */
    assert_has(text, "rank 1");
    assert_has(text, "signal 9");
    gad_memory_free(text);
    char goal[32];
    snprintf(goal, sizeof goal, "%lld", (long long)latest_in(out) + 2);
    snprintf(arguments, sizeof arguments, form, MODEL, out, goal);
    code = run_ranks(2, out, arguments, &text);
    if (code)
        fail_msg("the resumed job ended with %d:\n%s", code, text);
    assert_has(text, "resumed at step");
    gad_memory_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dry_run),        cmocka_unit_test(test_bad_settings),
        cmocka_unit_test(test_interrupt),      cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_killed),         cmocka_unit_test(test_adapter_with_difference),
        cmocka_unit_test(test_second_adapter), cmocka_unit_test(test_reward_words),
        cmocka_unit_test(test_large_pictures), cmocka_unit_test(test_samples_from_files),
        cmocka_unit_test(test_ranks_agree),    cmocka_unit_test(test_killed_rank),
    };
    return cmocka_run_group_tests(tests, make_model, NULL);
}
