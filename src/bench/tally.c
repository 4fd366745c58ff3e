/* tally: see tally.h. Definitions: docs/spec/benchmark.md sections 8, 9 and 11. */
#include "bench/tally.h"

#include <math.h>

static const char *const names[GAD_METRIC_COUNT] = {
    "detection.accuracy",
    "detection.recall",
    "detection.precision",
    "detection.specificity",
    "detection.balanced_accuracy",
    "detection.f1",
    "localization.one@1.accuracy",
    "localization.one@1.recall",
    "localization.one@1.precision",
    "localization.one@2.accuracy",
    "localization.one@2.recall",
    "localization.one@2.precision",
    "localization.many@1.accuracy",
    "localization.many@1.recall",
    "localization.many@1.precision",
    "localization.many@2.accuracy",
    "localization.many@2.recall",
    "localization.many@2.precision",
    "localization.mask_iou",
    "localization.mask_iou>=0.1",
    "localization.mask_iou>=0.3",
    "localization.mask_iou>=0.5",
    "localization.boxes_on_normal",
    "score.auroc",
    "score.ap",
    "score.f1_max",
};

static const double mask_levels[3] = {.1, .3, .5};

const char *gad_tally_name(gad_metric metric)
{
    return names[metric];
}

void gad_tally_add(gad_tally *t, const gad_outcome *o, int64_t weight)
{
    if (o->anomalous)
        *(o->called ? &t->images.tp : &t->images.fn) += weight;
    else
        *(o->called ? &t->images.fp : &t->images.tn) += weight;
    if (!o->anomalous) {
        t->boxes_on_normal += weight * o->predictions;
        return;
    }
    if (!o->localized) {
        t->unlocalized += weight;
        return;
    }
    t->localized += weight;
    t->truths += weight * o->truths;
    t->predictions += weight * o->predictions;
    for (int k = 0; k < GAD_TALLY_THRESHOLDS; k++) {
        t->matched[k] += weight * o->at[k].matched;
        t->found[k] += weight * o->at[k].found;
        t->right[k] += weight * o->at[k].right;
    }
    t->mask_iou_sum += (double)weight * o->mask_iou;
    for (int k = 0; k < 3; k++)
        t->mask_over[k] += o->mask_iou >= mask_levels[k] ? weight : 0;
}

static double share(int64_t part, int64_t whole, double empty)
{
    return whole ? (double)part / (double)whole : empty;
}

/* `one`: TP / (TP + FP + FN), which equals 1 / (1/R + 1/P - 1), the form that `many` uses. */
static void localization_values(const gad_tally *t, double *of)
{
    for (int k = 0; k < GAD_TALLY_THRESHOLDS; k++) {
        double *one = of + GAD_METRIC_ONE + 3 * k, *many = of + GAD_METRIC_MANY + 3 * k;
        one[0] = share(t->matched[k], t->truths + t->predictions - t->matched[k], NAN);
        one[1] = share(t->matched[k], t->truths, NAN);
        one[2] = share(t->matched[k], t->predictions, 0);
        many[1] = share(t->found[k], t->truths, NAN);
        many[2] = share(t->right[k], t->predictions, 0);
        many[0] = many[1] > 0 && many[2] > 0 ? 1 / (1 / many[1] + 1 / many[2] - 1) : 0;
    }
    double images = (double)t->localized;
    of[GAD_METRIC_MASK_IOU] = t->mask_iou_sum / images;
    for (int k = 0; k < 3; k++)
        of[GAD_METRIC_MASK_10 + k] = (double)t->mask_over[k] / images;
}

gad_metric_values gad_tally_values(const gad_tally *t)
{
    gad_metric_values v;
    for (int i = 0; i < GAD_METRIC_COUNT; i++)
        v.of[i] = NAN;
    gad_metric_rates r = gad_metric_image_rates(t->images);
    v.of[GAD_METRIC_ACCURACY] = r.accuracy;
    v.of[GAD_METRIC_RECALL] = r.recall;
    v.of[GAD_METRIC_PRECISION] = r.precision;
    v.of[GAD_METRIC_SPECIFICITY] = r.specificity;
    v.of[GAD_METRIC_BALANCED] = r.balanced;
    v.of[GAD_METRIC_F1] = r.f1;
    if (t->truths)
        localization_values(t, v.of);
    v.of[GAD_METRIC_BOXES_ON_NORMAL] = share(t->boxes_on_normal, t->images.tn + t->images.fp, NAN);
    return v;
}

void gad_tally_rank(gad_metric_values *values, const gad_metric_point *sorted, size_t count)
{
    gad_metric_rank rank = gad_metric_image_rank(sorted, count);
    values->of[GAD_METRIC_AUROC] = rank.auroc;
    values->of[GAD_METRIC_AP] = isnan(rank.auroc) ? NAN : rank.ap; /* without normals both are trivially 1 */
    values->of[GAD_METRIC_F1_MAX] = isnan(rank.auroc) ? NAN : rank.f1_max;
}

gad_metric_values gad_tally_macro(const gad_metric_values *part, size_t count)
{
    gad_metric_values mean;
    for (int i = 0; i < GAD_METRIC_COUNT; i++) {
        double sum = 0;
        int64_t defined = 0;
        for (size_t k = 0; k < count; k++)
            if (!isnan(part[k].of[i])) {
                sum += part[k].of[i];
                defined++;
            }
        mean.of[i] = defined ? sum / (double)defined : NAN;
    }
    return mean;
}
