/* score: see score.h */
#include "task/score.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>

static gad_status score_local(const gad_score_truth *truth, const gad_box *prediction, size_t predictions, gad_score *score,
                              gad_error *err)
{
    int64_t *partner = gad_memory_alloc(truth->count + predictions, sizeof *partner);
    if (!partner)
        return gad_error_memory(err, "score answer", (truth->count + predictions) * sizeof *partner);
    for (int i = 0; i < 2; i++) {
        double threshold = i ? 0.5 : 0.1;
        gad_score_local *local = i ? &score->at_05 : &score->at_01;
        local->tp = gad_box_match_one(truth->boxes, truth->count, prediction, predictions, threshold, partner,
                                      partner + predictions);
        local->fp = predictions - local->tp;
        local->fn = truth->count - local->tp;
        gad_box_match_many(truth->boxes, truth->count, prediction, predictions, threshold, &local->truth_found,
                           &local->prediction_right);
    }
    gad_memory_free(partner);
    return GAD_OK;
}

static bool covers(double iou, const gad_score_cover *cover)
{
    double limit = cover && cover->iou > 0 ? cover->iou : 0.5;
    return cover && cover->inclusive ? iou >= limit : iou > limit;
}

static void score_cover(const gad_score_truth *truth, const gad_box *prediction, size_t predictions,
                        const gad_score_cover *cover, gad_score *score)
{
    for (size_t t = 0; t < truth->count; t++) {
        double best = gad_box_best_iou(truth->boxes[t], prediction, predictions);
        score->n_miss += !covers(best, cover);
        score->mean_iou += best / (double)truth->count;
    }
    for (size_t p = 0; p < predictions; p++)
        score->n_fp += !covers(gad_box_best_iou(prediction[p], truth->boxes, truth->count), cover);
}

gad_status gad_score_answer(const gad_answer *answer, const gad_score_truth *truth, const gad_score_cover *cover,
                            gad_score *score, gad_error *err)
{
    gad_score s = {.anomalous = truth->anomalous,
                   .unparsable = answer->decision == GAD_ANSWER_NONE,
                   .decision = answer->decision,
                   .right = answer->decision == (truth->anomalous ? GAD_ANSWER_YES : GAD_ANSWER_NO),
                   .truths = truth->count,
                   .predictions = answer->count};
    size_t written = answer->count + answer->ignored;
    s.structure = answer->well_formed && (truth->anomalous ? written > 0 : written == 0);
    gad_box *prediction = gad_memory_alloc(answer->count, sizeof *prediction);
    if (!prediction)
        return gad_error_memory(err, "score answer", answer->count * sizeof *prediction);
    for (size_t i = 0; i < answer->count; i++)
        prediction[i] = answer->boxes[i].box;
    score_cover(truth, prediction, answer->count, cover, &s);
    gad_status status = score_local(truth, prediction, answer->count, &s, err);
    if (!status)
        status = gad_box_mask_iou(prediction, answer->count, truth->boxes, truth->count, &s.mask_iou, err);
    gad_memory_free(prediction);
    if (!status)
        *score = s;
    return status;
}

gad_score_mm gad_score_mm_default(void)
{
    return (gad_score_mm){.miss = 0.2, .lower_bound = -1};
}

double gad_score_reward_mm(const gad_score *score, const gad_score_mm *options)
{
    double reward = score->right ? 1 : 0;
    if (score->anomalous && (score->decision == GAD_ANSWER_YES || options->when_wrong))
        reward -= options->miss * (double)score->n_miss;
    if (score->anomalous && score->decision == GAD_ANSWER_YES)
        reward -= options->false_box * (double)score->n_fp;
    return fmax(reward, options->lower_bound);
}

gad_score_vd gad_score_vd_default(void)
{
    return (gad_score_vd){.decision = 1, .structure = 1, .boxes = 0.5, .miss = 0.2, .false_box = 0.1};
}

double gad_score_reward_vd(const gad_score *score, const gad_score_vd *options)
{
    double reward = (score->right ? options->decision : 0) + (score->structure ? options->structure : 0);
    if (score->anomalous && score->decision == GAD_ANSWER_YES)
        reward +=
            options->boxes * fmax(0, 1 - options->miss * (double)score->n_miss - options->false_box * (double)score->n_fp);
    return reward;
}
