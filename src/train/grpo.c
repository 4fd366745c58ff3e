/* grpo: see grpo.h */
#include "train/grpo.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/lora.h"

static const char operation[] = "train by rewards";
/* An injected wrong answer's ids below this log-probability are improbable enough: pushing them further has no bound. */
static const double improbable = -8;

gad_status gad_grpo_open(const gad_grpo_settings *settings, const gad_source *train, const gad_source *eval,
                         gad_model *model, gad_device *device, gad_grpo *grpo, gad_error *err)
{
    gad_grpo g = {.settings = *settings, .train = train, .eval = eval, .model = model};
    if (settings->prompts < 1 || settings->group < 1 || settings->most < 1 || !(settings->temperature > 0))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             "prompts, group and longest answer must be at least 1, the temperature over 0");
    g.step = gad_step_make(model, device, settings->checkpointing);
    g.cache.limit_bytes = settings->cache_bytes;
    gad_status status = gad_source_order_open(train, settings->seed, &g.order, err);
    if (!status && settings->loss.kl != 0 && !model->lora_count) {
        g.start = gad_memory_zero(model->params.count, sizeof *g.start);
        if (!g.start)
            status = gad_error_memory(err, operation, model->params.count * sizeof *g.start);
    }
    for (size_t i = 0; g.start && i < model->params.count && !status; i++) {
        const gad_param *param = model->params.item[i];
        size_t size = gad_param_bytes(param, param->value.dtype);
        if (!param->trainable)
            continue;
        g.start[i] = gad_memory_alloc_aligned(size, 1);
        if (g.start[i])
            memcpy(g.start[i], param->owned, size);
        else
            status = gad_error_memory(err, operation, size);
    }
    *grpo = g;
    if (status)
        gad_grpo_close(grpo);
    return status;
}

void gad_grpo_close(gad_grpo *grpo)
{
    for (size_t i = 0; grpo->start && i < grpo->model->params.count; i++)
        gad_memory_free_aligned(grpo->start[i]);
    gad_memory_free(grpo->start);
    gad_source_order_close(&grpo->order);
    gad_vision_cache_free(&grpo->cache);
    *grpo = (gad_grpo){0};
}

/* The policy of the start and back: adapters off, or the kept weights in place of the trained ones. */
static void swap_start(gad_grpo *g)
{
    g->step.pass.adapters = !g->step.pass.adapters;
    if (g->model->lora_count) {
        gad_lora_switch(g->model, g->step.pass.adapters);
        return;
    }
    for (size_t i = 0; g->start && i < g->model->params.count; i++) {
        gad_param *param = g->model->params.item[i];
        if (!g->start[i])
            continue;
        void *now = param->owned;
        param->owned = g->start[i];
        param->value.data = g->start[i];
        g->start[i] = now;
    }
}

/* ---- one group ----------------------------------------------------------------------------------------------------- */

typedef enum injection { SAMPLED, TRUTH, WRONG } injection;

typedef struct group {
    gad_example example;
    gad_rollout_answer *answer; /* [size] */
    gad_reward *reward;
    double *advantage;
    injection *injected;
    int size;
    double deviation;
    bool counts; /* takes part in the update */
} group;

static void free_group(group *p)
{
    gad_rollout_free(p->answer, p->size);
    for (int i = 0; p->reward && i < p->size; i++)
        gad_string_free(&p->reward[i].text);
    gad_memory_free(p->answer);
    gad_memory_free(p->reward);
    gad_memory_free(p->advantage);
    gad_memory_free(p->injected);
    gad_example_free(&p->example);
    *p = (group){0};
}

static gad_segment prompt_of(const group *p)
{
    gad_segment prompt = gad_example_segment(&p->example);
    prompt.count = p->example.prompt_count;
    prompt.weight = NULL;
    return prompt;
}

static gad_status judge(const gad_grpo *g, group *p, int i, gad_error *err)
{
    gad_string_free(&p->reward[i].text);
    return g->settings.judge(g->settings.judge_user, &p->example, p->answer[i].id, p->answer[i].count, &p->reward[i], err);
}

static bool is_positive(const gad_grpo *g, const group *p, int i)
{
    return p->reward[i].total >= g->settings.positive;
}

/* The answer with the lowest reward (ties: the longest) makes room for the true one. */
static gad_status inject_truth(gad_grpo *g, group *p, gad_error *err)
{
    int worst = 0;
    for (int i = 1; i < p->size; i++)
        if (p->reward[i].total < p->reward[worst].total ||
            (p->reward[i].total == p->reward[worst].total && p->answer[i].count > p->answer[worst].count))
            worst = i;
    int64_t count = p->example.count - p->example.prompt_count;
    gad_rollout_answer truth = {.count = count,
                                .id = gad_memory_alloc((size_t)count, sizeof *truth.id),
                                .logp = gad_memory_zero((size_t)count, sizeof *truth.logp)};
    if (!truth.id || !truth.logp) {
        gad_rollout_free(&truth, 1);
        return gad_error_memory(err, operation, (size_t)count * 8);
    }
    memcpy(truth.id, p->example.ids + p->example.prompt_count, (size_t)count * sizeof *truth.id);
    gad_rollout_free(&p->answer[worst], 1);
    p->answer[worst] = truth;
    p->injected[worst] = TRUTH;
    return judge(g, p, worst, err);
}

/* At most two tries at a wrong answer by the adversarial prompt; it replaces the last one if its reward is lower. */
static gad_status inject_wrong(gad_grpo *g, group *p, const gad_rollout_settings *rollout, uint64_t seed, gad_error *err)
{
    gad_segment prompt = prompt_of(p);
    gad_rollout_settings one = *rollout;
    one.group = 1;
    prompt.ids = p->example.adversarial;
    prompt.count = p->example.adversarial_count;
    int last = p->size - 1;
    for (uint64_t attempt = 0; p->example.adversarial && attempt < 2; attempt++) {
        gad_rollout_answer wrong;
        gad_reward reward = {0};
        gad_status status = gad_rollout_run(&g->step, &prompt, &one, seed ^ (0xA5 + attempt), &wrong, err);
        if (!status)
            status = g->settings.judge(g->settings.judge_user, &p->example, wrong.id, wrong.count, &reward, err);
        if (!status && !wrong.truncated && reward.total < p->reward[last].total) {
            gad_rollout_free(&p->answer[last], 1);
            gad_string_free(&p->reward[last].text);
            p->answer[last] = wrong;
            p->reward[last] = reward;
            p->injected[last] = WRONG;
            return GAD_OK;
        }
        gad_string_free(&reward.text);
        if (!status)
            gad_rollout_free(&wrong, 1);
        if (status)
            return status;
    }
    return GAD_OK;
}

static void rate_group(const gad_grpo *g, group *p)
{
    double total[256];
    for (int i = 0; i < p->size; i++)
        total[i] = p->reward[i].total;
    p->deviation = gad_advantage_group(total, p->size, g->settings.scale, p->advantage);
    for (int i = 0; i < p->size; i++)
        if (p->injected[i])
            p->advantage[i] = fmax(-2, fmin(2, p->advantage[i]));
    p->counts = p->deviation > 0 || g->settings.equal != GAD_GRPO_DROP;
}

/* Sample n of the run: answers, rewards, advantages. */
static gad_status make_group(gad_grpo *g, int64_t n, group *p, gad_error *err)
{
    const gad_grpo_settings *s = &g->settings;
    size_t size = (size_t)s->group;
    *p = (group){.size = s->group,
                 .answer = gad_memory_zero(size, sizeof *p->answer),
                 .reward = gad_memory_zero(size, sizeof *p->reward),
                 .advantage = gad_memory_zero(size, sizeof *p->advantage),
                 .injected = gad_memory_zero(size, sizeof *p->injected)};
    if (!p->answer || !p->reward || !p->advantage || !p->injected || s->group > 256)
        return gad_error_memory(err, operation, size * sizeof *p->reward);
    gad_status status = g->train->get(g->train->user, gad_source_order_at(&g->order, n), &p->example, err);
    if (!status && !g->step.trains_vision)
        status = gad_vision_cache_embed(&g->cache, &g->step, &p->example, err);
    gad_rollout_settings rollout = {s->group, s->most, s->temperature, s->stop, s->stop_count, s->share_prefix};
    gad_segment prompt = prompt_of(p);
    uint64_t seed = s->seed * 0x9E3779B97F4A7C15u + (uint64_t)n;
    if (!status)
        status = gad_rollout_run(&g->step, &prompt, &rollout, seed, p->answer, err);
    int positive = 0;
    for (int i = 0; i < p->size && !status; i++) {
        status = judge(g, p, i, err);
        positive += is_positive(g, p, i);
    }
    if (!status && s->equal == GAD_GRPO_CONTRAST && p->size > 1) {
        if (positive == 0)
            status = inject_truth(g, p, err);
        else if (positive == p->size)
            status = inject_wrong(g, p, &rollout, seed, err);
    }
    if (!status)
        rate_group(g, p);
    return status;
}

/* ---- the update of one group --------------------------------------------------------------------------------------- */

/* What the objective needs of every label of the batch, and what it adds up. */
typedef struct update {
    const gad_grpo *grpo;
    const group *p;
    const float *reference; /* log-probabilities under the start's policy, [labels]; NULL: kl is 0 */
    double *weight;         /* [size]: of one id of an answer */
    int64_t *first;         /* [size]: first label of an answer */
    double loss, kl, entropy, tokens, clipped, ratio, improbable;
} update;

static void token_gradient(void *user, const gad_batch *batch, int64_t first, int64_t n, const float *logp,
                           const float *entropy, float *g)
{
    update *u = user;
    for (int64_t i = 0; i < n; i++) {
        int64_t label = first + i;
        int a = (int)batch->label_segment[label] - 1; /* segment 0 is the prompt */
        double l = (double)logp[i], d_l = 0, reference = u->reference ? (double)u->reference[label] : l;
        bool sampled = u->p->injected[a] == SAMPLED, clipped = false;
        double old = sampled ? (double)u->p->answer[a].logp[label - u->first[a]] : l;
        g[i] = 0;
        if (u->p->injected[a] == WRONG && l < improbable) {
            u->improbable++;
            continue;
        }
        u->loss += u->weight[a] *
                   gad_advantage_token(&u->grpo->settings.loss, u->p->advantage[a], l, old, reference, &d_l, &clipped);
        g[i] = (float)(u->weight[a] * d_l);
        u->kl += exp(fmax(-20, fmin(20, reference - l))) - (reference - l) - 1;
        u->entropy += (double)entropy[i];
        u->clipped += clipped;
        u->ratio = fmax(u->ratio, fabs(l - old));
        u->tokens++;
    }
}

/* Segments: the prompt but its last id, then every answer behind that last id. Returns ids that count. */
static double make_segments(const gad_grpo *g, const group *p, gad_segment *segment, int32_t *ids, float *weights,
                            int64_t *first)
{
    double total = 0;
    int64_t at = 0, labels = 0;
    segment[0] = prompt_of(p);
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

static gad_status reference_logp(gad_grpo *g, const gad_batch *batch, float *logp, gad_error *err)
{
    swap_start(g);
    gad_status status = gad_step_logprob(&g->step, batch, (float)g->settings.temperature, logp, NULL, err);
    swap_start(g);
    return status;
}

/* Memory of one update, all of it here so that one exit frees it. */
static gad_status update_group(gad_grpo *g, group *p, update *u, double *divisor, gad_error *err)
{
    const gad_grpo_settings *s = &g->settings;
    size_t ids = 0, size = (size_t)p->size;
    for (int a = 0; a < p->size; a++)
        ids += (size_t)p->answer[a].count + 1;
    gad_arena arena = {0};
    gad_batch batch = {0};
    gad_segment *segment = gad_arena_take(&arena, size + 1, sizeof *segment);
    int32_t *id = gad_arena_take(&arena, ids, sizeof *id);
    float *weight = gad_arena_take(&arena, ids, sizeof *weight),
          *reference = gad_arena_take(&arena, ids, sizeof *reference);
    *u = (update){.grpo = g,
                  .p = p,
                  .weight = gad_arena_take(&arena, size, sizeof *u->weight),
                  .first = gad_arena_take(&arena, size, sizeof *u->first)};
    gad_status status =
        segment && id && weight && reference && u->weight && u->first ? GAD_OK : gad_error_memory(err, operation, ids * 16);
    double total = status ? 0 : make_segments(g, p, segment, id, weight, u->first);
    if (!status && total > 0) {
        for (int a = 0; a < p->size; a++)
            u->weight[a] =
                gad_advantage_weight(s->aggregation, (double)p->answer[a].count, p->size, total, (double)s->most);
        status = gad_batch_make(&g->model->config, segment, p->size + 1, &batch, err);
        if (!status && s->loss.kl != 0) {
            status = reference_logp(g, &batch, reference, err);
            u->reference = reference;
        }
        gad_objective objective = {token_gradient, u, (float)s->temperature, NULL, false};
        if (!status)
            status = gad_step_run(&g->step, &batch, &objective, err);
        *divisor += gad_advantage_divisor(s->aggregation, total);
    }
    gad_batch_free(&batch);
    gad_arena_free(&arena);
    u->weight = NULL;
    u->first = NULL;
    u->reference = NULL;
    return status;
}

/* ---- what is told -------------------------------------------------------------------------------------------------- */

static void note_answers(const group *p, gad_metrics *m)
{
    double positive = 0;
    for (int i = 0; i < p->size; i++) {
        const gad_reward *r = &p->reward[i];
        const gad_score *s = &r->score;
        bool own = p->injected[i] == SAMPLED;
        positive += p->injected[i] == TRUTH;
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
        negative += p->injected[i] == WRONG;
    gad_metrics_add(m, "injected_neg", negative, 1);
}

static void note_update(const update *u, gad_metrics *m)
{
    gad_metrics_add(m, "loss", u->loss, 1);
    gad_metrics_add(m, "kl", u->kl, u->tokens);
    gad_metrics_add(m, "entropy", u->entropy, u->tokens);
    gad_metrics_add(m, "clip_ratio/region_mean", u->clipped, u->tokens);
    gad_metrics_add(m, "log_ratio_max", u->ratio, 1);
}

static void blend(double *mean, double value, int64_t steps)
{
    if (isfinite(value))
        *mean = steps ? 0.9 * *mean + 0.1 * value : value;
}

/* The failures of reinforcement learning that are seen too late: training.md section 9. */
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

static gad_status accumulate(void *user, gad_trainer *trainer, int64_t step, double *divisor, gad_metrics *metrics,
                             gad_error *err)
{
    gad_grpo *g = user;
    const gad_dist *dist = trainer->dist;
    gad_status status = GAD_OK;
    double tokens = 0;
    *divisor = 0;
    if (g->settings.prompts < dist->size)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "use a larger --batch, or fewer processes",
                             "%lld prompts a step cannot be shared by %d processes", (long long)g->settings.prompts,
                             dist->size);
    for (int64_t n = step * g->settings.prompts + dist->rank; n < (step + 1) * g->settings.prompts && !status;
         n += dist->size) {
        group p;
        update u = {0};
        status = make_group(g, n, &p, err);
        if (!status) {
            note_answers(&p, metrics);
            if (p.counts)
                status = update_group(g, &p, &u, divisor, err);
            note_update(&u, metrics);
            tokens += u.tokens + (double)p.example.prompt_count;
        }
        for (int i = 0; i < p.size && !status && n == step * g->settings.prompts && i < g->settings.show; i++)
            status = gad_runlog_text(&trainer->runlog, step + 1, p.injected[i] == SAMPLED ? "answer" : "injected answer",
                                     gad_string_text(&p.reward[i].text), p.reward[i].total, err);
        free_group(&p);
        gad_vision_cache_release(&g->cache);
    }
    gad_metrics_add(metrics, "tokens", tokens, dist->rank == 0);
    if (!status)
        watch(g, metrics, dist->rank == 0 ? trainer->log : NULL);
    return status;
}

/* Greedy answers on the evaluation samples; the score is their mean reward. */
static gad_status evaluate(void *user, gad_trainer *trainer, double *score, gad_metrics *metrics, gad_error *err)
{
    gad_grpo *g = user;
    const gad_grpo_settings *s = &g->settings;
    int64_t count = g->eval->count && g->eval->count < s->eval_examples ? g->eval->count : s->eval_examples;
    double sums[6] = {0}; /* reward, answers, right, IoU, anomalous, unreadable */
    gad_status status = GAD_OK;
    gad_rollout_settings greedy = {1, s->most, 0, s->stop, s->stop_count, true};
    for (int64_t n = trainer->dist->rank; n < count && !status; n += trainer->dist->size) {
        gad_rollout_answer answer = {0};
        gad_reward reward = {0};
        group p = {0};
        status = g->eval->get(g->eval->user, n, &p.example, err);
        gad_segment prompt = prompt_of(&p);
        if (!status)
            status = gad_rollout_run(&g->step, &prompt, &greedy, 0, &answer, err);
        if (!status)
            status = s->judge(s->judge_user, &p.example, answer.id, answer.count, &reward, err);
        sums[0] += status ? 0 : reward.total;
        sums[1]++;
        sums[2] += reward.score.right;
        sums[3] += reward.score.anomalous ? reward.score.mean_iou : 0;
        sums[4] += reward.score.anomalous;
        sums[5] += reward.score.unparsable;
        gad_rollout_free(&answer, 1);
        gad_string_free(&reward.text);
        free_group(&p);
    }
    gad_metrics_add(metrics, "eval_reward", sums[0], sums[1]);
    gad_metrics_add(metrics, "eval_decision_acc", sums[2], sums[1]);
    gad_metrics_add(metrics, "eval_mean_iou", sums[3], sums[4]);
    gad_metrics_add(metrics, "eval_parse_fail_rate", sums[5], sums[1]);
    if (!status)
        status = gad_dist_sum(trainer->dist, sums, GAD_F64, 2, err);
    *score = sums[1] > 0 ? sums[0] / sums[1] : (double)NAN;
    return status;
}

gad_trainer_task gad_grpo_task(gad_grpo *grpo)
{
    return (gad_trainer_task){accumulate, grpo->eval ? evaluate : NULL, grpo};
}
