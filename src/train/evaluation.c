/* evaluation: see evaluation.h */
#include "train/evaluation.h"

#include "train/rollout.h"
#include "train/shown.h"

static void note_local(gad_metrics *m, const char *name, const gad_score_local *local)
{
    gad_metrics_add(m, name, (double)local->tp, (double)(local->tp + local->fp + local->fn));
}

/* Only samples with a known truth are told apart; an own judge may leave the score empty. */
static void note(gad_metrics *m, const gad_reward *reward, const gad_rollout_answer *answer, bool known)
{
    const gad_score *s = &reward->score;
    bool rewarded = known && reward->total == reward->total; /* NaN: no reward */
    gad_metrics_add(m, "eval_reward", rewarded ? reward->total : 0, rewarded);
    gad_metrics_add(m, "eval_decision_acc", s->right, known);
    gad_metrics_add(m, "eval_recall", s->anomalous && s->right, known && s->anomalous);
    gad_metrics_add(m, "eval_specificity", !s->anomalous && s->right, known && !s->anomalous);
    note_local(m, "eval_loc_01", &s->at_01);
    note_local(m, "eval_loc_05", &s->at_05);
    gad_metrics_add(m, "eval_mean_iou", s->mean_iou, known && s->anomalous);
    gad_metrics_add(m, "eval_parse_fail_rate", s->unparsable, known);
    gad_metrics_add(m, "eval_length", (double)answer->count, known);
}

static gad_status run_one(const gad_evaluation *evaluation, const gad_step *step, int64_t index, gad_metrics *metrics,
                          gad_error *err)
{
    const gad_answering *answering = &evaluation->answering;
    const gad_rollout_settings greedy = {.group = 1,
                                         .max_tokens = evaluation->max_tokens,
                                         .stop = answering->stop,
                                         .stop_count = answering->stop_count,
                                         .share_prefix = true};
    gad_example example = {0};
    gad_rollout_answer answer = {0};
    gad_reward reward = {0};
    gad_status status = evaluation->source->get(evaluation->source->user, index, &example, err);
    if (status)
        return status;
    gad_segment prompt = gad_example_segment(&example);
    prompt.count = example.prompt_count;
    prompt.weight = NULL;
    status = gad_shown_find(step, &example, err);
    if (!status)
        status = gad_rollout_run(step, &prompt, &greedy, 0, &answer, err);
    if (!status)
        status = answering->judge(answering->judge_user, &example, answer.id, answer.count, answer.truncated, &reward, err);
    if (!status)
        note(metrics, &reward, &answer, true);
    gad_rollout_free(&answer, 1);
    gad_string_free(&reward.text);
    gad_example_free(&example);
    return status;
}

gad_status gad_evaluation_run(const gad_evaluation *evaluation, const gad_step *step, const gad_dist *dist,
                              gad_metrics *metrics, gad_error *err)
{
    int64_t count = evaluation->source->count && evaluation->source->count < evaluation->count ? evaluation->source->count
                                                                                               : evaluation->count;
    gad_status status = GAD_OK;
    note(metrics, &(gad_reward){0}, &(gad_rollout_answer){0}, false); /* every rank adds the same names */
    for (int64_t n = dist->rank; n < count && !status; n += dist->size)
        status = run_one(evaluation, step, n, metrics, err);
    return status;
}
