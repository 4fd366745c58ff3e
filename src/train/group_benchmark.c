/* group_benchmark: see group_benchmark.h */
#include "train/group_benchmark.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "measure training speed";

/* dL/dlogp of the policy gradient at ratio 1: advantages from -1 to 1 over the group. */
static void policy_gradient(void *user, const gad_batch *batch, int64_t first, int64_t n, const float *logp,
                            const float *entropy, float *g)
{
    const int group = *(const int *)user;
    (void)logp, (void)entropy;
    for (int64_t i = 0; i < n; i++) {
        const int64_t answer = batch->label_segment[first + i] - 1;
        g[i] = group > 1 ? -(2 * (float)answer / (float)(group - 1) - 1) : -1;
    }
}

/* The prompt without its last id, and the answers, each opening with that id. */
static gad_status make_segments(const gad_segment *prompt, const gad_rollout_answer *answer, int group, gad_arena *arena,
                                gad_segment *segment, gad_error *err)
{
    segment[0] = *prompt;
    segment[0].count--;
    segment[0].weight = NULL;
    segment[0].prefix = -1;
    for (int a = 0; a < group; a++) {
        const size_t count = (size_t)answer[a].count + 1;
        int32_t *id = gad_arena_take(arena, count, sizeof *id);
        float *weight = gad_arena_take(arena, count, sizeof *weight);
        if (!id || !weight)
            return gad_error_memory(err, operation, count * (sizeof *id + sizeof *weight));
        id[0] = prompt->ids[prompt->count - 1];
        memcpy(id + 1, answer[a].id, (count - 1) * sizeof *id);
        for (size_t i = 0; i < count; i++)
            weight[i] = i ? 1 : 0;
        segment[1 + a] = (gad_segment){.ids = id, .count = (int64_t)count, .weight = weight, .prefix = 0};
    }
    return GAD_OK;
}

static gad_status update(const gad_step *step, const gad_segment *prompt, const gad_rollout_answer *answer,
                         gad_optimizer *optimizer, int group, int64_t *rows, gad_error *err)
{
    gad_arena arena = {0};
    gad_batch batch = {0};
    double norm;
    gad_segment *segment = gad_arena_take(&arena, (size_t)group + 1, sizeof *segment);
    gad_status status = segment ? make_segments(prompt, answer, group, &arena, segment, err)
                                : gad_error_memory(err, operation, (size_t)(group + 1) * sizeof *segment);
    if (!status)
        status = gad_batch_make(&step->model->config, segment, group + 1, &batch, err);
    const gad_objective objective = {.gradient = policy_gradient, .user = &group, .temperature = 1};
    if (!status)
        status = gad_step_run(step, &batch, &objective, err);
    if (!status) {
        gad_optimizer_update(optimizer, 1e-6, (double)batch.labels, &norm);
        status = gad_device_check(optimizer->device, err);
    }
    *rows = batch.rows;
    gad_batch_free(&batch);
    gad_arena_free(&arena);
    return status;
}

gad_status gad_group_benchmark_run(const gad_step *step, const gad_segment *prompt, gad_optimizer *optimizer, int group,
                                   int64_t tokens, gad_group_time *time, gad_error *err)
{
    const gad_rollout_settings settings = {.group = group, .max_tokens = tokens, .temperature = 1, .share_prefix = true};
    gad_rollout_answer *answer = gad_memory_zero((size_t)group, sizeof *answer);
    if (!answer)
        return gad_error_memory(err, operation, (size_t)group * sizeof *answer);
    const double start = gad_clock_seconds();
    gad_status status = gad_rollout_run(step, prompt, &settings, 1, answer, err);
    const double middle = gad_clock_seconds();
    if (!status)
        status = update(step, prompt, answer, optimizer, group, &time->rows, err);
    time->answers_s = middle - start;
    time->update_s = gad_clock_seconds() - middle;
    gad_rollout_free(answer, group);
    gad_memory_free(answer);
    return status;
}
