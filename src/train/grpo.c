/* grpo: see grpo.h */
#include "train/grpo.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/lora.h"
#include "train/evaluation.h"
#include "train/group.h"

static const char operation[] = "train by rewards";
/* An injected wrong answer's ids below this log-probability are improbable enough: pushing them further has no bound. */
static const double improbable = -8;
enum { MAX_GROUP = 256 };

/* A copy of what trains in full: adapters need none, they are switched off. */
static gad_status keep_start(gad_grpo *g, gad_error *err)
{
    gad_model *model = g->model;
    gad_device *device = g->step.pass.device;
    const gad_ops *op = device->ops;
    g->start = gad_memory_zero(model->params.count, sizeof *g->start);
    if (!g->start)
        return gad_error_memory(err, operation, model->params.count * sizeof *g->start);
    for (size_t i = 0; i < model->params.count; i++) {
        const gad_param *param = model->params.item[i];
        if (!param->trainable || strstr(param->name, ".lora_"))
            continue;
        const gad_tensor w = gad_param_trained(param);
        g->start[i] = op->allocate_exact(device, w.rows, w.cols);
        op->axpby(device, g->start[i], 1, w, 0);
    }
    return gad_device_check(device, err);
}

gad_status gad_grpo_open(const gad_train_settings *settings, const gad_answering *answering, const gad_source *train,
                         const gad_source *eval, gad_model *model, gad_device *device, gad_grpo *grpo, gad_error *err)
{
    gad_grpo g = {.settings = *settings, .answering = *answering, .train = train, .eval = eval, .model = model};
    if (settings->batch < 1 || settings->group < 1 || settings->group > MAX_GROUP || settings->max_new_tokens < 1 ||
        !(settings->temperature > 0))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             "prompts and longest answer must be at least 1, the group 1 to %d, the temperature over 0",
                             MAX_GROUP);
    g.step = gad_step_make(model, device, settings->checkpointing);
    g.cache.limit_bytes = (size_t)settings->cache_mib << 20;
    gad_status status = gad_source_order_open(train, settings->seed, &g.order, err);
    if (!status && settings->loss.kl != 0)
        status = keep_start(&g, err);
    *grpo = g;
    if (status)
        gad_grpo_close(grpo);
    return status;
}

static void drop_groups(gad_grpo *g)
{
    for (int64_t i = 0; i < g->held_count; i++)
        gad_group_free(&g->held[i]);
    g->held_count = 0;
    gad_vision_cache_release(&g->cache);
}

void gad_grpo_close(gad_grpo *grpo)
{
    for (size_t i = 0; grpo->start && i < grpo->model->params.count; i++)
        grpo->step.pass.device->ops->release(grpo->step.pass.device, grpo->start[i]);
    gad_memory_free(grpo->start);
    drop_groups(grpo);
    gad_memory_free(grpo->held);
    gad_source_order_close(&grpo->order);
    gad_vision_cache_free(&grpo->cache);
    *grpo = (gad_grpo){0};
}

/* The policy of the start and back: adapters off, or the kept weights in place of the trained ones. */
static void swap_start(gad_grpo *g)
{
    g->step.pass.adapters = !g->step.pass.adapters;
    if (g->model->lora_count)
        gad_lora_switch(g->model, g->step.pass.adapters);
    for (size_t i = 0; g->start && i < g->model->params.count; i++) {
        if (g->start[i].data)
            gad_param_swap(g->model->params.item[i], &g->start[i]);
    }
}

/* ---- the update of one group --------------------------------------------------------------------------------------- */

/* What the objective needs of every label of the batch, and what it adds up. */
typedef struct update {
    const gad_grpo *grpo;
    gad_group *p;
    bool first_update; /* of these answers */
    double *weight;    /* [size]: of one id of an answer */
    double *shift;     /* [size]: mean log ratio of an answer, when one ratio serves all its ids */
    int64_t *first;    /* [size]: first label of an answer */
    double loss, kl, entropy, tokens, clipped, ratio, improbable;
} update;

/* The log-probability that an id is compared with. An answer that nobody sampled starts at ratio 1: what it has at the
 * first update is kept for the others. */
static double old_logp(const update *u, int a, int64_t id, double l)
{
    float *old = &u->p->answer[a].logp[id];
    if (u->first_update && u->p->injected[a] != GAD_GROUP_SAMPLED)
        *old = (float)l;
    return (double)*old;
}

static void token_gradient(void *user, const gad_batch *batch, int64_t first, int64_t n, const float *logp,
                           const float *entropy, float *g)
{
    update *u = user;
    for (int64_t i = 0; i < n; i++) {
        int64_t label = first + i;
        int a = (int)batch->label_segment[label] - 1; /* segment 0 is the prompt */
        double l = (double)logp[i], d_l = 0, reference = u->p->reference ? (double)u->p->reference[label] : l;
        double old = old_logp(u, a, label - u->first[a], l), compared = u->shift ? l - u->shift[a] : old;
        bool clipped = false;
        g[i] = 0;
        if (u->p->injected[a] == GAD_GROUP_WRONG && old < improbable) {
            u->improbable++;
            continue;
        }
        u->loss += u->weight[a] *
                   gad_advantage_token(&u->grpo->settings.loss, u->p->advantage[a], l, compared, reference, &d_l, &clipped);
        u->loss -= u->weight[a] * u->grpo->settings.entropy_bonus * (double)entropy[i];
        g[i] = (float)(u->weight[a] * d_l);
        u->kl += exp(fmax(-20, fmin(20, reference - l))) - (reference - l) - 1;
        u->entropy += (double)entropy[i];
        u->clipped += clipped;
        u->ratio = fmax(u->ratio, fabs(l - old));
        u->tokens++;
    }
}

/* Segments: the prompt but its last id, then every answer behind that last id. Returns ids that count. */
static double make_segments(const gad_grpo *g, const gad_group *p, gad_segment *segment, int32_t *ids, float *weights,
                            int64_t *first)
{
    double total = 0;
    int64_t at = 0, labels = 0;
    segment[0] = gad_group_prompt(p);
    segment[0].count--;
    for (int a = 0; a < p->size; a++) {
        const gad_rollout_answer *answer = &p->answer[a];
        bool used = answer->count && !(answer->truncated && g->settings.mask_truncated);
        ids[at] = p->example.ids[p->example.prompt_count - 1];
        weights[at] = 0;
        memcpy(ids + at + 1, answer->id, (size_t)answer->count * sizeof *ids);
        for (int64_t i = 1; i <= answer->count; i++)
            weights[at + i] = used ? 1 : 0;
        segment[1 + a] = (gad_segment){.ids = ids + at, .count = answer->count + 1, .weight = weights + at, .prefix = 0};
        first[a] = labels;
        labels += used ? answer->count : 0;
        total += used ? (double)answer->count : 0;
        at += answer->count + 1;
    }
    return total;
}

/* Log-probabilities under the start's policy, once for all updates of these answers. */
static gad_status reference_logp(gad_grpo *g, const gad_batch *batch, gad_group *p, gad_error *err)
{
    if (g->settings.loss.kl == 0 || p->reference)
        return GAD_OK;
    p->reference = gad_memory_alloc((size_t)batch->labels, sizeof *p->reference);
    if (!p->reference)
        return gad_error_memory(err, operation, (size_t)batch->labels * sizeof *p->reference);
    swap_start(g);
    gad_status status = gad_step_logprob(&g->step, batch, (float)g->settings.temperature, p->reference, NULL, err);
    swap_start(g);
    return status;
}

/* Mean log ratio of each answer under the policy as it is now; `logp` [labels] is scratch. At the first update it is 0. */
static gad_status measure_shift(gad_grpo *g, const gad_batch *batch, update *u, float *logp, gad_error *err)
{
    gad_group *p = u->p;
    memset(u->shift, 0, (size_t)p->size * sizeof *u->shift);
    if (u->first_update)
        return GAD_OK;
    gad_status status = gad_step_logprob(&g->step, batch, (float)g->settings.temperature, logp, NULL, err);
    for (int64_t i = 0; i < batch->labels && !status; i++) {
        int64_t a = batch->label_segment[i] - 1;
        u->shift[a] += ((double)logp[i] - (double)p->answer[a].logp[i - u->first[a]]) / (double)p->answer[a].count;
    }
    return status;
}

/* The batch is made: what it is compared with, then one pass forward and back. */
static gad_status run_update(gad_grpo *g, const gad_batch *batch, update *u, float *scratch, gad_error *err)
{
    gad_status status = reference_logp(g, batch, u->p, err);
    if (!status && u->shift)
        status = measure_shift(g, batch, u, scratch, err);
    gad_objective objective = {.gradient = token_gradient,
                               .user = u,
                               .temperature = (float)g->settings.temperature,
                               .entropy_bonus = g->settings.entropy_bonus};
    return status ? status : gad_step_run(&g->step, batch, &objective, err);
}

/* With one ratio for an answer its ids count as their mean (GSPO). */
static gad_aggregation aggregation_of(const gad_train_settings *s)
{
    return s->ratio == GAD_RATIO_SEQUENCE ? GAD_AGGREGATE_SEQ_MEAN : s->aggregation;
}

/* Every id of an answer counts as the aggregation says. */
static void weigh_answers(const gad_train_settings *s, const gad_group *p, double total, gad_segment *segment,
                          float *weights, double *weight)
{
    gad_aggregation mode = aggregation_of(s);
    for (int a = 0; a < p->size; a++) {
        weight[a] = gad_advantage_weight(mode, (double)p->answer[a].count, p->size, total, (double)s->max_new_tokens);
        float *first = weights + (segment[1 + a].weight - weights);
        for (int64_t i = 1; i < segment[1 + a].count; i++)
            first[i] *= (float)weight[a];
    }
}

/* Memory of one update, all of it here so that one exit frees it. */
static gad_status update_group(gad_grpo *g, gad_group *p, bool first_update, update *u, double *divisor, gad_error *err)
{
    const gad_train_settings *s = &g->settings;
    bool one_ratio = s->ratio == GAD_RATIO_SEQUENCE;
    size_t ids = 0, size = (size_t)p->size;
    for (int a = 0; a < p->size; a++)
        ids += (size_t)p->answer[a].count + 1;
    gad_arena arena = {0};
    gad_batch batch = {0};
    gad_segment *segment = gad_arena_take(&arena, size + 1, sizeof *segment);
    int32_t *id = gad_arena_take(&arena, ids, sizeof *id);
    float *weights = gad_arena_take(&arena, ids, sizeof *weights), *logp = gad_arena_take(&arena, ids, sizeof *logp);
    *u = (update){.grpo = g,
                  .p = p,
                  .first_update = first_update,
                  .weight = gad_arena_take(&arena, size, sizeof *u->weight),
                  .shift = one_ratio ? gad_arena_take(&arena, size, sizeof *u->shift) : NULL,
                  .first = gad_arena_take(&arena, size, sizeof *u->first)};
    gad_status status = segment && id && weights && logp && u->weight && u->first && (u->shift || !one_ratio)
                            ? GAD_OK
                            : gad_error_memory(err, operation, ids * 16);
    double total = status ? 0 : make_segments(g, p, segment, id, weights, u->first);
    if (!status && total > 0) {
        weigh_answers(s, p, total, segment, weights, u->weight);
        status = gad_batch_make(&g->model->config, segment, p->size + 1, &batch, err);
        if (!status)
            status = run_update(g, &batch, u, logp, err);
        *divisor += gad_advantage_divisor(aggregation_of(s), total);
    }
    gad_batch_free(&batch);
    gad_arena_free(&arena);
    u->weight = u->shift = NULL;
    u->first = NULL;
    return status;
}

/* ---- what is told -------------------------------------------------------------------------------------------------- */

static void note_answers(const gad_group *p, gad_metrics *m)
{
    double positive = 0;
    for (int i = 0; i < p->size; i++) {
        const gad_reward *r = &p->reward[i];
        const gad_score *s = &r->score;
        bool own = p->injected[i] == GAD_GROUP_SAMPLED;
        positive += p->injected[i] == GAD_GROUP_TRUTH;
        gad_metrics_add(m, "reward", own ? r->total : 0, own);
        gad_metrics_add(m, "completions/mean_length", own ? (double)p->answer[i].count : 0, own);
        gad_metrics_add(m, "completions/clipped_ratio", own && p->answer[i].truncated, own);
        gad_metrics_add(m, "decision_acc", own && s->right, own);
        gad_metrics_add(m, "yes_rate", own && s->decision == GAD_ANSWER_YES, own);
        gad_metrics_add(m, "specificity", own && !s->anomalous && s->right, own && !s->anomalous);
        gad_metrics_add(m, "parse_fail_rate", own && s->unparsable, own);
        gad_metrics_add(m, "rewards/structure", own && s->structure, own);
        gad_metrics_add(m, "mean_iou", own ? s->mean_iou : 0, own && s->anomalous);
        gad_metrics_add(m, "n_miss", own ? (double)s->n_miss : 0, own && s->anomalous);
        gad_metrics_add(m, "n_fp", own ? (double)s->n_fp : 0, own);
        gad_metrics_add(m, "boxes_per_answer", own ? (double)s->predictions : 0, own);
    }
    gad_metrics_add(m, "reward_std", p->deviation, 1);
    gad_metrics_add(m, "frac_reward_zero_std", p->deviation == 0, 1);
    gad_metrics_add(m, "injected_pos", positive, 1);
    double negative = 0;
    for (int i = 0; i < p->size; i++)
        negative += p->injected[i] == GAD_GROUP_WRONG;
    gad_metrics_add(m, "injected_neg", negative, 1);
}

static void note_update(const update *u, gad_metrics *m)
{
    gad_metrics_add(m, "loss", u->loss, 1);
    gad_metrics_add(m, "kl", u->kl, u->tokens);
    gad_metrics_add(m, "entropy", u->entropy, u->tokens);
    gad_metrics_add(m, "clip_ratio/region_mean", u->clipped, u->tokens);
}

static void blend(double *mean, double value, int64_t steps)
{
    if (isfinite(value))
        *mean = steps ? 0.9 * *mean + 0.1 * value : value;
}

/* The failures of reinforcement learning that are seen too late: docs/spec/training.md section 9. */
static void watch(gad_grpo *g, const gad_metrics *m, const gad_log *log)
{
    double reward = gad_metrics_value(m, "reward"), specificity = gad_metrics_value(m, "specificity");
    double entropy = gad_metrics_value(m, "entropy"), length = gad_metrics_value(m, "completions/mean_length");
    blend(&g->now.reward, reward, g->now.steps);
    blend(&g->now.specificity, specificity, g->now.steps);
    blend(&g->now.entropy, entropy, g->now.steps);
    blend(&g->now.length, length, g->now.steps);
    if (++g->now.steps == 10) {
        g->first.reward = g->now.reward;
        g->first.specificity = g->now.specificity;
        g->first.entropy = g->now.entropy;
        g->first.length = g->now.length;
    }
    if (g->now.steps <= 10 || g->now.steps % 10)
        return;
    if (g->now.reward > g->first.reward && g->now.specificity < g->first.specificity - 0.15)
        gad_log_warning(
            log,
            "alarm: the reward rises (%.3f to %.3f) while specificity falls (%.2f to %.2f): the model learns to "
            "say Yes; show more normal samples",
            g->first.reward, g->now.reward, g->first.specificity, g->now.specificity);
    if (g->now.entropy < 0.2 * g->first.entropy)
        gad_log_warning(log, "alarm: entropy fell from %.3g to %.3g: answers become all alike; raise --kl or lower --lr",
                        g->first.entropy, g->now.entropy);
    if (g->now.length > 1.5 * g->first.length)
        gad_log_warning(log, "alarm: answers grew from %.0f to %.0f ids", g->first.length, g->now.length);
}

/* ---- the task ------------------------------------------------------------------------------------------------------ */

/* A sample whose number no run reaches by itself: the attempt-th one in place of sample n. */
static int64_t other_sample(int64_t n, int64_t attempt)
{
    return n + (attempt << 32);
}

/* Sample n, or, while its group does not count, others in its place. All that were tried are told about, or the figures
 * would be those of a selection. */
static gad_status sample_group(gad_grpo *g, int64_t n, gad_group *p, gad_metrics *metrics, gad_error *err)
{
    gad_status status = GAD_OK;
    int64_t others = 0;
    for (;; others++) {
        status = gad_group_make(g, other_sample(n, others), p, err);
        if (!status)
            note_answers(p, metrics);
        if (status || p->counts || others == g->settings.refill)
            break;
        gad_group_free(p);
    }
    if (g->settings.refill > 0)
        gad_metrics_add(metrics, "refilled", (double)others, 1);
    return status;
}

static gad_status sample_groups(gad_grpo *g, gad_trainer *trainer, int64_t step, gad_metrics *metrics, gad_error *err)
{
    const gad_dist *dist = trainer->dist;
    gad_status status = GAD_OK;
    if (g->settings.batch < dist->size)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "use a larger --batch, or fewer processes",
                             "%lld prompts a step cannot be shared by %d processes", (long long)g->settings.batch,
                             dist->size);
    if (!g->held)
        g->held = gad_memory_zero((size_t)g->settings.batch, sizeof *g->held);
    if (!g->held)
        return gad_error_memory(err, operation, (size_t)g->settings.batch * sizeof *g->held);
    int64_t first = step * g->settings.batch;
    for (int64_t n = first + dist->rank; n < first + g->settings.batch && !status; n += dist->size) {
        gad_group *p = &g->held[g->held_count++];
        status = sample_group(g, n, p, metrics, err);
        for (int i = 0; i < p->size && !status && n == first && i < g->settings.show_answers; i++)
            status = gad_runlog_text(&trainer->runlog, step + 1,
                                     p->injected[i] == GAD_GROUP_SAMPLED ? "answer" : "injected answer",
                                     gad_string_text(&p->reward[i].text), p->reward[i].total, err);
    }
    return status;
}

static gad_status accumulate(void *user, gad_trainer *trainer, int64_t step, double *divisor, gad_metrics *metrics,
                             gad_error *err)
{
    gad_grpo *g = user;
    bool first_update = trainer->update == 0;
    gad_status status = first_update ? sample_groups(g, trainer, step, metrics, err) : GAD_OK;
    double tokens = 0, ratio = 0;
    *divisor = 0;
    for (int64_t i = 0; i < g->held_count && !status; i++) {
        gad_group *p = &g->held[i];
        update u = {0};
        if (p->counts)
            status = update_group(g, p, first_update, &u, divisor, err);
        note_update(&u, metrics);
        ratio = fmax(ratio, u.ratio);
        tokens += u.tokens + (double)p->example.prompt_count;
    }
    gad_metrics_add(metrics, "tokens", first_update ? tokens : 0, trainer->dist->rank == 0 && first_update);
    /* before the first update the policy is the one that answered: anything but 0 is a fault */
    gad_metrics_add(metrics, "log_ratio_max", first_update ? ratio : 0, first_update);
    if (!status && first_update)
        watch(g, metrics, trainer->dist->rank == 0 ? trainer->log : NULL);
    if (status || trainer->update + 1 >= g->settings.iterations)
        drop_groups(g);
    return status;
}

/* Greedy answers on the evaluation samples. */
static gad_status evaluate(void *user, gad_trainer *trainer, gad_metrics *metrics, gad_error *err)
{
    gad_grpo *g = user;
    const gad_train_settings *s = &g->settings;
    gad_evaluation evaluation = {
        .source = g->eval, .count = s->eval_examples, .max_tokens = s->max_new_tokens, .answering = g->answering};
    return gad_evaluation_run(&evaluation, &g->step, trainer->dist, metrics, err);
}

gad_trainer_task gad_grpo_task(gad_grpo *grpo)
{
    return (gad_trainer_task){.accumulate = accumulate,
                              .evaluate = grpo->eval ? evaluate : NULL,
                              .user = grpo,
                              .best = "eval_reward",
                              .updates = grpo->settings.iterations};
}
