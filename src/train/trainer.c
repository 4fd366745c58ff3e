/* trainer: see trainer.h */
#include "train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"

static const char operation[] = "train";

/* Whether the ranks' devices add among themselves: where they can, and GAD_NCCL=1 in the environment asks for it. */
static gad_status join_devices(gad_trainer *t, gad_error *err)
{
    const gad_ops *op = t->device->ops;
    const char *wish = getenv("GAD_NCCL");
    char id[GAD_MEETING_BYTES] = {0};
    double sum[GAD_MEETING_BYTES + 1] = {0}; /* the bytes and how many ranks are ready: sums are all that ranks share */
    if (t->dist->size < 2 || !op->join || !wish || strcmp(wish, "1") != 0)
        return GAD_OK;
    sum[GAD_MEETING_BYTES] = t->dist->rank || op->meet(t->device, id) ? 1 : 0;
    for (int i = 0; i < GAD_MEETING_BYTES && t->dist->rank == 0; i++)
        sum[i] = (double)(unsigned char)id[i];
    gad_status status = gad_dist_sum(t->dist, sum, GAD_F64, GAD_MEETING_BYTES + 1, err);
    if (status || sum[GAD_MEETING_BYTES] < t->dist->size)
        return status;
    for (int i = 0; i < GAD_MEETING_BYTES; i++)
        id[i] = (char)(unsigned char)sum[i];
    double joined = op->join(t->device, id, t->dist->rank, t->dist->size) ? 1 : 0;
    status = gad_dist_sum(t->dist, &joined, GAD_F64, 1, err);
    t->joined = !status && joined == t->dist->size;
    gad_log_info(t->log, "gradients are added %s", t->joined ? "by NCCL" : "on the host: NCCL does not serve");
    return status;
}

/* By way of the host, where the device has memory of its own and the devices have not met. */
static gad_status sum_gradient(gad_trainer *t, gad_tensor g, gad_error *err)
{
    const gad_ops *op = t->device->ops;
    if (t->joined) {
        op->sum_ranks(t->device, g);
        return GAD_OK;
    }
    if (!t->device->memory_bytes)
        return gad_dist_sum(t->dist, g.data, g.dtype, g.rows * g.cols, err);
    float *host = gad_memory_alloc((size_t)(g.rows * g.cols), sizeof *host);
    if (!host)
        return gad_error_memory(err, operation, (size_t)(g.rows * g.cols) * sizeof *host);
    op->download(t->device, host, g);
    gad_status status = gad_dist_sum(t->dist, host, GAD_F32, g.rows * g.cols, err);
    op->fill(t->device, g, host);
    gad_memory_free(host);
    return status;
}

static gad_status sum_gradients(gad_trainer *t, double *divisor, gad_error *err)
{
    gad_status status = gad_dist_sum(t->dist, divisor, GAD_F64, 1, err);
    for (size_t i = 0; i < t->optimizer.count && t->dist->size > 1 && !status; i++)
        status = sum_gradient(t, t->optimizer.slot[i].param->gradient, err);
    return status;
}

static double peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) ? 0 : (double)usage.ru_maxrss * 1024;
}

/* One update with the gradients of all ranks. */
static gad_status run_update(gad_trainer *t, const gad_trainer_task *task, double rate, gad_metrics *metrics,
                             gad_error *err)
{
    double divisor = 0, norm = 0;
    gad_status status = task->accumulate(task->user, t, t->step, &divisor, metrics, err);
    status = gad_dist_agree(t->dist, status, err);
    if (!status)
        status = sum_gradients(t, &divisor, err);
    if (status)
        return status;
    bool updated = true;
    if (divisor != 0)
        updated = gad_optimizer_update(&t->optimizer, rate, divisor, &norm);
    else
        gad_optimizer_zero(&t->optimizer);
    if (!updated)
        gad_log_warning(t->log, "step %lld: the gradient is not finite; the update was left out (%lld so far)",
                        (long long)t->step + 1, (long long)t->optimizer.skipped);
    /* every rank has the same norm */
    gad_metrics_add(metrics, "grad_norm", norm, updated && divisor != 0 ? 1 : 0);
    return GAD_OK;
}

/* One step: its updates, one line. */
static gad_status run_step(const gad_train_settings *settings, gad_trainer *t, const gad_trainer_task *task,
                           double started_s, int64_t first, gad_error *err)
{
    gad_metrics metrics = {0};
    double rate = gad_schedule_rate(&settings->schedule, t->step), step_s = gad_clock_seconds();
    gad_status status = GAD_OK;
    for (t->update = 0; t->update < (task->updates > 1 ? task->updates : 1) && !status; t->update++)
        status = run_update(t, task, rate, &metrics, err);
    if (!status)
        status = gad_metrics_reduce(&metrics, t->dist, err);
    if (status)
        return status;
    t->step++;
    double now = gad_clock_seconds(), done = (double)(t->step - first);
    gad_metrics_add(&metrics, "lr", rate, 1);
    gad_metrics_add(&metrics, "skipped", (double)t->optimizer.skipped, 1);
    gad_metrics_add(&metrics, "step_time", now - step_s, 1);
    for (int i = 0; i < metrics.count; i++)
        if (!strcmp(metrics.item[i].name, "tokens"))
            gad_metrics_add(&metrics, "tokens_per_s", metrics.item[i].sum, now - step_s);
    gad_metrics_add(&metrics, "memory_peak", peak_bytes(), 1);
    status = gad_device_check(t->device, err);
    if (!status && t->dist->rank == 0)
        status = gad_runlog_step(&t->runlog, t->step, settings->schedule.steps, &metrics,
                                 (now - started_s) / done * (double)(settings->schedule.steps - t->step), err);
    return gad_dist_agree(t->dist, status, err);
}

/* How good a checkpoint is: larger is better. */
static gad_status choose_score(const char *name, const gad_metrics *metrics, double *score, gad_error *err)
{
    bool less = strstr(name, "loss") || strstr(name, "fail_rate") || strstr(name, "length");
    for (int i = 0; i < metrics->count; i++)
        if (!strcmp(metrics->item[i].name, name)) {
            *score = (less ? -1 : 1) * gad_metrics_value(metrics, name);
            return GAD_OK;
        }
    char known[160];
    size_t used = 0;
    for (int i = 0; i < metrics->count && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", metrics->item[i].name);
    return gad_error_set(err, GAD_E_ARGUMENT, operation, known, "--best-metric %s: an evaluation has no such metric", name);
}

static gad_status evaluate(const gad_train_settings *settings, gad_trainer *t, const gad_trainer_task *task, double *score,
                           gad_error *err)
{
    gad_metrics metrics = {0};
    gad_optimizer_swap_average(&t->optimizer);
    gad_status status = task->evaluate(task->user, t, &metrics, err);
    gad_optimizer_swap_average(&t->optimizer);
    status = gad_dist_agree(t->dist, status, err);
    if (!status)
        status = gad_metrics_reduce(&metrics, t->dist, err);
    if (!status)
        status = choose_score(settings->best_metric ? settings->best_metric : task->best, &metrics, score, err);
    if (!status && t->dist->rank == 0)
        status = gad_runlog_step(&t->runlog, t->step, settings->schedule.steps, &metrics, -1, err);
    return gad_dist_agree(t->dist, status, err);
}

static gad_status save(gad_trainer *t, double score, gad_error *err)
{
    gad_status status = GAD_OK;
    if (t->checkpoint->out && t->dist->rank == 0) {
        status = gad_checkpoint_save(t->checkpoint, t->model, &t->optimizer, t->step, score, err);
        if (!status)
            gad_log_info(t->log, "saved %s/step-%06lld", t->checkpoint->out, (long long)t->step);
    }
    return gad_dist_agree(t->dist, status, err);
}

static bool is_due(int64_t step, int64_t every, int64_t steps)
{
    return every >= 0 && (step == steps || (every > 0 && step % every == 0));
}

/* Any rank's wish to stop stops all at the same step. */
static gad_status ask_cancelled(gad_trainer *t, gad_progress_meter *meter, bool *cancelled, gad_error *err)
{
    double wish = gad_progress_update(meter, t->step) ? 0 : 1;
    gad_status status = gad_dist_sum(t->dist, &wish, GAD_F64, 1, err);
    *cancelled = wish > 0;
    return status;
}

static gad_status run_loop(const gad_train_settings *settings, gad_trainer *t, const gad_trainer_task *task, gad_error *err)
{
    gad_status status = GAD_OK;
    gad_progress_meter meter = gad_progress_start(t->progress, "training", settings->schedule.steps);
    double started_s = gad_clock_seconds(), score = (double)NAN;
    int64_t first = t->step;
    if (task->evaluate && settings->eval_every > 0 && t->step == 0)
        status = evaluate(settings, t, task, &score, err);
    while (!status && t->step < settings->schedule.steps) {
        bool cancelled = false;
        status = run_step(settings, t, task, started_s, first, err);
        if (!status)
            status = ask_cancelled(t, &meter, &cancelled, err);
        bool last = cancelled || t->step == settings->schedule.steps;
        score = (double)NAN;
        if (!status && task->evaluate && !cancelled && is_due(t->step, settings->eval_every, settings->schedule.steps))
            status = evaluate(settings, t, task, &score, err);
        if (!status && (last || !isnan(score) || is_due(t->step, settings->save_every, settings->schedule.steps)))
            status = save(t, score, err);
        if (!status && cancelled)
            status = gad_error_set(err, GAD_E_CANCELLED, operation, "go on with --resume", "stopped after step %lld",
                                   (long long)t->step);
    }
    return status;
}

static gad_status start(const gad_train_settings *settings, gad_trainer *t, gad_error *err)
{
    const char *out = t->checkpoint->out;
    gad_status status = gad_optimizer_open(&t->model->params, t->device, &settings->optimizer, &t->optimizer, err);
    if (!status && !t->optimizer.count)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "use --lora, or name what to train", "nothing is trainable");
    if (!status && settings->difference_rate > 0)
        gad_optimizer_rate(&t->optimizer, gad_param_is_evidence, settings->difference_rate);
    if (!status && out && t->dist->rank == 0)
        status = gad_file_make_directory(out, err);
    int64_t latest = -1, best;
    if (!status && out)
        status = gad_checkpoint_find(out, &latest, &best, err);
    if (!status && latest >= 0 && !settings->resume)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "go on with --resume, or choose another --out",
                               "%s holds checkpoints of an earlier run", out);
    if (!status && latest >= 0) {
        status = gad_checkpoint_restore(t->checkpoint, &t->optimizer, latest, err);
        t->step = latest;
        gad_log_info(t->log, "resumed at step %lld", (long long)latest);
    }
    char *path = out && t->dist->rank == 0 ? gad_file_join(out, "log.jsonl") : NULL;
    if (!status)
        status = gad_runlog_open(path, t->dist->rank == 0 ? t->log : NULL, &t->runlog, err);
    gad_memory_free(path);
    return gad_dist_agree(t->dist, status, err);
}

gad_status gad_trainer_run(const gad_train_settings *settings, const gad_checkpoint_settings *checkpoint, gad_model *model,
                           gad_device *device, const gad_dist *dist, const gad_trainer_task *task, const gad_log *log,
                           const gad_progress *progress, gad_error *err)
{
    gad_trainer t = {
        .model = model, .device = device, .dist = dist, .checkpoint = checkpoint, .log = log, .progress = progress};
    gad_status status = start(settings, &t, err);
    if (!status)
        status = join_devices(&t, err);
    if (!status)
        status = run_loop(settings, &t, task, err);
    gad_runlog_close(&t.runlog);
    gad_optimizer_close(&t.optimizer);
    return status;
}
