/* sft: eight samples are learned by heart; micro-batches of any size give the same update; a stopped run goes on bit for
 * bit; a NaN costs one step and is counted; checkpoints are refused when they do not fit, and load elsewhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/adapter.h"
#include "model/shape.h"
#include "model/weights.h"
#include "train/quadrant.h"
#include "train/sft.h"
#include "train/tiny.h"

typedef struct pupil {
    gad_model model;
    gad_device device;
    gad_dist dist;
    quadrant task;
    gad_source source;
} pupil;

static void open_pupil(pupil *p, int64_t samples, bool lora)
{
    gad_error err;
    gad_config config;
    *p = (pupil){.dist = {.size = 1}};
    ASSERT_OK(gad_shape_find("gad-xs", &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &p->model, &err), &err);
    ASSERT_OK(gad_weights_random(&p->model, 1, GAD_F32, &err), &err);
    ASSERT_OK(gad_device_open_cpu(&p->device, 1, &err), &err);
    p->task = quadrant_make(&config, 3);
    p->source = quadrant_source(&p->task, samples);
    gad_adapter_settings adapter = {.rank = 4, .alpha = 8, .targets = "all-linear", .seed = 9};
    if (lora)
        ASSERT_OK(gad_adapter_create(&p->model, &adapter, &err), &err);
    for (size_t i = 0; i < p->model.params.count; i++) {
        gad_param *param = p->model.params.item[i];
        ASSERT_OK(gad_param_train(param, !lora || strstr(param->name, ".lora_"), &p->device, &err), &err);
    }
}

static void close_pupil(pupil *p)
{
    gad_model_free(&p->model);
    gad_device_close(&p->device);
}

static const gad_train_settings plain = {
    .batch = 8, .micro_tokens = 4096, .checkpointing = false, .text_weight = 1, .seed = 7};

static const char *signature = "sft test";

static gad_train_settings trainer_settings(int64_t steps, const char *out)
{
    return (gad_train_settings){
        .out = out,
        .save_every = -1,
        .eval_every = -1,
        .schedule = {.kind = GAD_SCHEDULE_COSINE, .peak = 3e-3, .floor = 0.1, .warmup = 5, .steps = steps},
        .optimizer = {.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.01, .clip = 1},
        .keep = 2};
}

static gad_checkpoint_settings checkpoint_of(const gad_train_settings *trainer)
{
    return (gad_checkpoint_settings){.out = trainer->out, .dtype = GAD_F32, .keep = trainer->keep, .signature = signature};
}

static gad_status train(pupil *p, const gad_train_settings *settings, const gad_train_settings *trainer,
                        const gad_progress *progress, gad_error *err)
{
    gad_sft sft;
    ASSERT_OK(gad_sft_open(settings, &(gad_answering){0}, &p->source, NULL, &p->model, &p->device, &sft, err), err);
    gad_trainer_task task = gad_sft_task(&sft);
    const gad_checkpoint_settings checkpoint = checkpoint_of(trainer);
    gad_status status = gad_trainer_run(trainer, &checkpoint, &p->model, &p->device, &p->dist, &task, NULL, progress, err);
    gad_sft_close(&sft);
    return status;
}

static double loss_of(pupil *p, int64_t samples)
{
    gad_error err;
    double sum = 0, labels = 0;
    gad_step step = gad_step_make(&p->model, &p->device, false);
    for (int64_t i = 0; i < samples; i++) {
        gad_example example;
        gad_batch batch;
        ASSERT_OK(p->source.get(p->source.user, i, &example, &err), &err);
        gad_segment segment = gad_example_segment(&example);
        ASSERT_OK(gad_batch_make(&p->model.config, &segment, 1, &batch, &err), &err);
        sum -= tiny_linear_loss(&step, &batch, 1);
        labels += (double)batch.labels;
        gad_batch_free(&batch);
        gad_example_free(&example);
    }
    return sum / labels;
}

static float *weights_of(const pupil *p, int64_t *n)
{
    *n = 0;
    for (size_t i = 0; i < p->model.params.count; i++)
        *n += gad_param_count(p->model.params.item[i]);
    float *all = malloc((size_t)*n * sizeof *all), *at = all;
    for (size_t i = 0; i < p->model.params.count; i++) {
        int64_t count = gad_param_count(p->model.params.item[i]);
        memcpy(at, p->model.params.item[i]->value.data, (size_t)count * sizeof *at);
        at += count;
    }
    return all;
}

static void test_eight_samples_by_heart(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_eight_samples_by_heart");
    gad_error err;
    pupil p;
    open_pupil(&p, 8, false);
    double before = loss_of(&p, 8);
    gad_train_settings trainer = trainer_settings(120, NULL);
    ASSERT_OK(train(&p, &plain, &trainer, NULL, &err), &err);
    double after = loss_of(&p, 8);
    print_message("8 samples: loss %.3f, after 120 steps %.5f\n", before, after);
    assert_true(after < 0.01);
    close_pupil(&p);
}

static void test_micro_batches_do_not_matter(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_micro_batches_do_not_matter");
    gad_error err;
    float *first = NULL;
    int64_t n;
    static const int64_t rows[] = {4096, 160, 45}; /* 8, 4 and 1 samples a pass */
    for (int k = 0; k < 3; k++) {
        pupil p;
        open_pupil(&p, 24, false);
        gad_train_settings settings = plain;
        settings.micro_tokens = rows[k];
        gad_train_settings trainer = trainer_settings(1, NULL);
        ASSERT_OK(train(&p, &settings, &trainer, NULL, &err), &err);
        float *weights = weights_of(&p, &n);
        if (first) {
            /* AdamW's first step is lr * sign(g): compare where it says anything, by the mean */
            double apart = 0;
            for (int64_t i = 0; i < n; i++)
                apart += fabs((double)weights[i] - (double)first[i]);
            assert_true(apart / (double)n < 1e-6);
            free(weights);
        } else {
            first = weights;
        }
        close_pupil(&p);
    }
    free(first);
}

static int64_t latest_in(const char *out)
{
    int64_t latest, best;
    gad_error err;
    ASSERT_OK(gad_checkpoint_find(out, &latest, &best, &err), &err);
    return latest;
}

static bool stop_at_four(void *user, const gad_progress_state *state)
{
    (void)user;
    return state->done < 4;
}

static void test_resume_is_bit_for_bit(void **state)
{
    (void)state;
    for (int lora = 0; lora < 2; lora++) {
        gad_error err;
        int64_t n;
        const char *out = support_scratch(GAD_TEST_TMP, lora ? "resume_lora" : "resume");
        gad_file_remove(out, NULL);
        pupil whole, parts;
        gad_train_settings trainer = trainer_settings(9, NULL);
        trainer.optimizer.average = 0.9;
        open_pupil(&whole, 24, lora);
        ASSERT_OK(train(&whole, &plain, &trainer, NULL, &err), &err);
        trainer.out = out;
        gad_progress stop = {stop_at_four, NULL};
        open_pupil(&parts, 24, lora);
        assert_int_equal(train(&parts, &plain, &trainer, &stop, &err), GAD_E_CANCELLED);
        close_pupil(&parts);
        assert_int_equal(latest_in(out), 4);
        open_pupil(&parts, 24, lora);
        assert_int_equal(train(&parts, &plain, &trainer, NULL, &err), GAD_E_ARGUMENT); /* --resume was not said */
        trainer.resume = true;
        ASSERT_OK(train(&parts, &plain, &trainer, NULL, &err), &err);
        float *a = weights_of(&whole, &n), *b = weights_of(&parts, &n);
        assert_memory_equal(a, b, (size_t)n * sizeof *a);
        free(a);
        free(b);
        signature = "another run";
        assert_int_equal(train(&parts, &plain, &trainer, NULL, &err), GAD_E_ARGUMENT);
        signature = "sft test";
        close_pupil(&whole);
        close_pupil(&parts);
    }
}

/* ---- faults -------------------------------------------------------------------------------------------------------- */

static gad_trainer_task inner;
static gad_status poisoned(void *user, gad_trainer *trainer, int64_t step, double *divisor, gad_metrics *metrics,
                           gad_error *err)
{
    gad_status status = inner.accumulate(user, trainer, step, divisor, metrics, err);
    if (step == 1)
        ((float *)trainer->optimizer.slot[3].param->gradient.data)[0] = NAN;
    return status;
}

static void test_a_nan_costs_one_step(void **state)
{
    (void)state;
    gad_error err;
    pupil p;
    gad_sft sft;
    const char *out = support_scratch(GAD_TEST_TMP, "nan");
    gad_file_remove(out, NULL);
    open_pupil(&p, 24, false);
    ASSERT_OK(gad_sft_open(&plain, &(gad_answering){0}, &p.source, NULL, &p.model, &p.device, &sft, &err), &err);
    inner = gad_sft_task(&sft);
    gad_trainer_task task = {.accumulate = poisoned, .user = &sft};
    gad_train_settings trainer = trainer_settings(3, out);
    trainer.save_every = 0;
    const gad_checkpoint_settings checkpoint = checkpoint_of(&trainer);
    ASSERT_OK(gad_trainer_run(&trainer, &checkpoint, &p.model, &p.device, &p.dist, &task, NULL, NULL, &err), &err);
    gad_sft_close(&sft);
    assert_true(isfinite(loss_of(&p, 2)));
    char *text = NULL;
    size_t size;
    ASSERT_OK(gad_file_read(support_scratch(out, "step-000003/trainer.json"), 1 << 20, &text, &size, &err), &err);
    assert_non_null(strstr(text, "\"skipped\": 1"));
    assert_non_null(strstr(text, "\"updates\": 2"));
    gad_memory_free(text);
    close_pupil(&p);
}

static void test_checkpoints(void **state)
{
    (void)state;
    gad_error err;
    pupil p;
    const char *out = support_scratch(GAD_TEST_TMP, "keep");
    gad_file_remove(out, NULL);
    open_pupil(&p, 24, true);
    gad_train_settings trainer = trainer_settings(1, out);
    const gad_checkpoint_settings checkpoint = checkpoint_of(&trainer);
    gad_optimizer optimizer;
    ASSERT_OK(gad_optimizer_open(&p.model.params, &p.device, &trainer.optimizer, &optimizer, &err), &err);
    static const double scores[] = {1, 5, 2, 3, 4};
    for (int step = 1; step <= 5; step++)
        ASSERT_OK(gad_checkpoint_save(&checkpoint, &p.model, &optimizer, step, scores[step - 1], &err), &err);
    int64_t latest, best;
    ASSERT_OK(gad_checkpoint_find(out, &latest, &best, &err), &err);
    assert_int_equal(best, 2); /* kept, though only the last two stay else */
    assert_int_equal(latest, 5);
    assert_false(gad_file_exists(support_scratch(out, "step-000001/DONE")));
    assert_false(gad_file_exists(support_scratch(out, "step-000003/DONE")));
    assert_true(gad_file_exists(support_scratch(out, "step-000004/DONE")));
    /* without DONE it does not exist */
    ASSERT_OK(gad_file_remove(support_scratch(out, "step-000005/DONE"), &err), &err);
    assert_int_equal(latest_in(out), 4);
    /* a state cut short is refused */
    const char *file = support_scratch(out, "step-000004/state.safetensors");
    char *data = NULL;
    size_t size;
    ASSERT_OK(gad_file_read(file, 1 << 28, &data, &size, &err), &err);
    ASSERT_OK(gad_file_write(file, data, size / 2, &err), &err);
    gad_memory_free(data);
    assert_int_equal(gad_checkpoint_restore(&checkpoint, &optimizer, 4, &err), GAD_E_FORMAT);
    gad_optimizer_close(&optimizer);
    close_pupil(&p);
}

/* A saved adapter on a fresh base gives the trained model's loss, bit for bit; so does a saved whole model. */
static void test_saved_models_load(void **state)
{
    (void)state;
    for (int lora = 0; lora < 2; lora++) {
        gad_error err;
        pupil trained, loaded;
        gad_tensor_source *files = NULL;
        const char *out = support_scratch(GAD_TEST_TMP, lora ? "load_lora" : "load");
        gad_file_remove(out, NULL);
        open_pupil(&trained, 24, lora);
        gad_train_settings trainer = trainer_settings(3, out);
        trainer.save_every = 0;
        ASSERT_OK(train(&trained, &plain, &trainer, NULL, &err), &err);
        open_pupil(&loaded, 24, false);
        const char *folder = support_scratch(out, "step-000003");
        if (lora)
            ASSERT_OK(gad_lora_load(folder, &loaded.model, &err), &err);
        else
            ASSERT_OK(gad_weights_load(folder, &(gad_weights_options){0}, &loaded.model, &files, NULL, &err), &err);
        assert_true(loss_of(&trained, 4) == loss_of(&loaded, 4));
        close_pupil(&trained);
        close_pupil(&loaded);
        gad_tensor_source_free(files);
    }
}

static void test_plot(void **state)
{
    (void)state;
    gad_error err;
    const char *log = support_scratch(GAD_TEST_TMP, "plot.jsonl"), *page = support_scratch(GAD_TEST_TMP, "plot.html");
    static const char lines[] =
        "{\"step\":1,\"loss\":3.5}\n{\"step\":2,\"loss\":2.5}\n{\"step\":3,\"loss\":9}\n"
        "{\"step\":3,\"loss\":1.25}\n{\"step\":3,\"event\":\"answer\",\"value\":1,\"text\":\"<b>\"}\n{\"st";
    ASSERT_OK(gad_file_write(log, lines, sizeof lines - 1, &err), &err);
    ASSERT_OK(gad_runlog_plot(log, page, &err), &err);
    char *html = NULL;
    size_t size;
    ASSERT_OK(gad_file_read(page, 1 << 20, &html, &size, &err), &err);
    assert_non_null(strstr(html, "1.25 to 3.5, step 1 to 3")); /* the replayed step counts once */
    assert_non_null(strstr(html, "&lt;b&gt;"));
    assert_null(strstr(html, "http"));
    gad_memory_free(html);
}

/* A file that is not gad's stays as it is; of gad's own a torn line goes. */
static void test_log_is_own(void **state)
{
    (void)state;
    gad_error err;
    const char *log = support_scratch(GAD_TEST_TMP, "own.jsonl");
    static const struct {
        const char *before, *after; /* after NULL: refused */
    } logs[] = {{"epoch,loss\n1,2\n2,1", NULL},
                {"{\"loss\": 3}\n", NULL},
                {"{\"step\": 1}\n", NULL},
                {"\n", NULL},
                {"x", NULL},
                {"", ""},
                {"{\"st", ""},
                {"{\"step\":1,\"loss\":3}\n{\"ste", "{\"step\":1,\"loss\":3}\n"}};
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        gad_runlog opened = {0};
        char *text = NULL;
        size_t size;
        const char *expected = logs[i].after ? logs[i].after : logs[i].before;
        ASSERT_OK(gad_file_write(log, logs[i].before, strlen(logs[i].before), &err), &err);
        assert_int_equal(gad_runlog_open(log, NULL, &opened, &err), logs[i].after ? GAD_OK : GAD_E_ARGUMENT);
        gad_runlog_close(&opened);
        ASSERT_OK(gad_file_read(log, 1 << 20, &text, &size, &err), &err);
        assert_string_equal(text, expected);
        gad_memory_free(text);
    }
    gad_file_remove(log, NULL);
    assert_int_equal(mkfifo(log, 0600), 0);
    assert_int_equal(gad_runlog_open(log, NULL, &(gad_runlog){0}, &err), GAD_E_IO);
    gad_file_remove(log, NULL);
}

static void test_schedule(void **state)
{
    (void)state;
    gad_schedule s = {.kind = GAD_SCHEDULE_COSINE, .peak = 2, .floor = 0.1, .warmup = 4, .steps = 104};
    assert_true(fabs(gad_schedule_rate(&s, 0) - 0.5) < 1e-12 && fabs(gad_schedule_rate(&s, 3) - 2) < 1e-12);
    assert_true(fabs(gad_schedule_rate(&s, 54) - 2 * 0.55) < 1e-12 && fabs(gad_schedule_rate(&s, 104) - 0.2) < 1e-12);
    gad_schedule short_run = {.kind = GAD_SCHEDULE_CONSTANT, .peak = 2, .warmup = -1, .steps = 30};
    assert_true(fabs(gad_schedule_rate(&short_run, 0) - 2.0 / 3) < 1e-12 &&
                fabs(gad_schedule_rate(&short_run, 2) - 2) < 1e-12);
    short_run.steps = 1000; /* 20 at most */
    assert_true(fabs(gad_schedule_rate(&short_run, 18) - 1.9) < 1e-12 &&
                fabs(gad_schedule_rate(&short_run, 19) - 2) < 1e-12);
    s.kind = GAD_SCHEDULE_LINEAR;
    assert_true(fabs(gad_schedule_rate(&s, 54) - 2 * 0.55) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_plot),
        cmocka_unit_test(test_log_is_own),
        cmocka_unit_test(test_eight_samples_by_heart),
        cmocka_unit_test(test_micro_batches_do_not_matter),
        cmocka_unit_test(test_resume_is_bit_for_bit),
        cmocka_unit_test(test_a_nan_costs_one_step),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_saved_models_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
