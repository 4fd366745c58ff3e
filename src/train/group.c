/* group: see group.h */
#include "train/group.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "train/shown.h"

static const char operation[] = "train by rewards";

void gad_group_free(gad_group *p)
{
    gad_rollout_free(p->answer, p->size);
    for (int i = 0; p->reward && i < p->size; i++)
        gad_string_free(&p->reward[i].text);
    gad_memory_free(p->answer);
    gad_memory_free(p->reward);
    gad_memory_free(p->advantage);
    gad_memory_free(p->injected);
    gad_memory_free(p->reference);
    gad_example_free(&p->example);
    *p = (gad_group){0};
}

gad_segment gad_group_prompt(const gad_group *p)
{
    gad_segment prompt = gad_example_segment(&p->example);
    prompt.count = p->example.prompt_count;
    prompt.weight = NULL;
    return prompt;
}

static gad_status judge(const gad_grpo *g, gad_group *p, int i, gad_error *err)
{
    gad_string_free(&p->reward[i].text);
    return g->answering.judge(g->answering.judge_user, &p->example, p->answer[i].id, p->answer[i].count,
                              p->answer[i].truncated, &p->reward[i], err);
}

static bool is_positive(const gad_grpo *g, const gad_group *p, int i)
{
    return p->reward[i].total >= g->settings.positive;
}

/* The answer with the lowest reward (ties: the longest) makes room for the true one. */
static gad_status inject_truth(gad_grpo *g, gad_group *p, gad_error *err)
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
    p->injected[worst] = GAD_GROUP_TRUTH;
    return judge(g, p, worst, err);
}

/* At most two tries at a wrong answer by the adversarial prompt; it replaces the last one if its reward is lower. */
static gad_status inject_wrong(gad_grpo *g, gad_group *p, const gad_rollout_settings *rollout, uint64_t seed,
                               gad_error *err)
{
    gad_segment prompt = gad_group_prompt(p);
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
            status = g->answering.judge(g->answering.judge_user, &p->example, wrong.id, wrong.count, wrong.truncated,
                                        &reward, err);
        if (!status && !wrong.truncated && reward.total < p->reward[last].total) {
            gad_rollout_free(&p->answer[last], 1);
            gad_string_free(&p->reward[last].text);
            p->answer[last] = wrong;
            p->reward[last] = reward;
            p->injected[last] = GAD_GROUP_WRONG;
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

static void rate_group(const gad_grpo *g, gad_group *p)
{
    double total[256];
    for (int i = 0; i < p->size; i++)
        total[i] = p->reward[i].total;
    p->deviation = gad_advantage_group(total, p->size, g->settings.scale_by_deviation, p->advantage);
    for (int i = 0; i < p->size; i++)
        if (p->injected[i])
            p->advantage[i] = fmax(-2, fmin(2, p->advantage[i]));
    p->counts = p->deviation > 0 || g->settings.zero_variance != GAD_ZERO_VARIANCE_DROP;
}

/* Sample n of the run: answers, rewards, advantages. */
gad_status gad_group_make(gad_grpo *g, int64_t n, gad_group *p, gad_error *err)
{
    const gad_train_settings *s = &g->settings;
    size_t size = (size_t)s->group;
    *p = (gad_group){.size = (int)s->group,
                     .answer = gad_memory_zero(size, sizeof *p->answer),
                     .reward = gad_memory_zero(size, sizeof *p->reward),
                     .advantage = gad_memory_zero(size, sizeof *p->advantage),
                     .injected = gad_memory_zero(size, sizeof *p->injected)};
    if (!p->answer || !p->reward || !p->advantage || !p->injected || s->group > 256)
        return gad_error_memory(err, operation, size * sizeof *p->reward);
    gad_status status = g->train->get(g->train->user, gad_source_order_at(&g->order, n), &p->example, err);
    if (!status && !g->step.trains_vision)
        status = gad_vision_cache_embed(&g->cache, &g->step, &p->example, err);
    if (!status)
        status = gad_shown_find(&g->step, &p->example, err);
    if (!status && g->answering.retell)
        status = g->answering.retell(g->answering.retell_user, &p->example, err);
    gad_rollout_settings rollout = {.group = (int)s->group,
                                    .max_tokens = s->max_new_tokens,
                                    .temperature = s->temperature,
                                    .stop = g->answering.stop,
                                    .stop_count = g->answering.stop_count,
                                    .share_prefix = s->share_prefix};
    gad_segment prompt = gad_group_prompt(p);
    uint64_t seed = s->seed * 0x9E3779B97F4A7C15u + (uint64_t)n;
    if (!status)
        status = gad_rollout_run(&g->step, &prompt, &rollout, seed, p->answer, err);
    int positive = 0;
    for (int i = 0; i < p->size && !status; i++) {
        status = judge(g, p, i, err);
        positive += is_positive(g, p, i);
    }
    if (!status && s->zero_variance == GAD_ZERO_VARIANCE_CONTRAST && p->size > 1) {
        if (positive == 0)
            status = inject_truth(g, p, err);
        else if (positive == p->size)
            status = inject_wrong(g, p, &rollout, seed, err);
    }
    if (!status)
        rate_group(g, p);
    return status;
}
