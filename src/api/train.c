/* train: the public calls of training: settings in, a run out. */
#include "api/train_setup.h"
#include "train/sft.h"

gad_status gad_train_sft(const gad_train_settings *settings, gad_error *err)
{
    gad_train_setup t;
    bool ready = false;
    gad_status status = gad_train_setup_open(settings, "sft", &t, &ready, err);
    if (status)
        return status;
    gad_sft sft = {0};
    gad_sft_settings own = {.batch = settings->batch,
                            .micro_tokens = settings->micro_tokens,
                            .checkpointing = settings->checkpointing,
                            .seed = settings->seed,
                            .cache_bytes = (size_t)settings->cache_mib << 20,
                            .mask_weight = settings->mask_weight,
                            .eval_examples = settings->eval_examples};
    if (ready)
        status = gad_sft_open(&own, &t.train, t.has_eval ? &t.eval : NULL, &t.engine->model, &t.engine->device, &sft, err);
    if (ready && !status) {
        gad_trainer_task task = gad_sft_task(&sft);
        status = gad_trainer_run(&t.trainer, &t.engine->model, &t.engine->device, &t.dist, &task, settings->log,
                                 settings->progress, err);
        gad_sft_close(&sft);
    }
    gad_train_setup_close(&t);
    return status;
}

gad_status gad_train_plot(const char *log_file, const char *html_file, gad_error *err)
{
    return gad_runlog_plot(log_file, html_file, err);
}
