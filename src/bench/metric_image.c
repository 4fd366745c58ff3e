/* metric_image: see metric_image.h */
#include "bench/metric_image.h"

#include <math.h>
#include <stdlib.h>

static double ratio(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

gad_metric_rates gad_metric_image_rates(gad_metric_counts c)
{
    int64_t positives = c.tp + c.fn, negatives = c.tn + c.fp, called = c.tp + c.fp;
    gad_metric_rates r = {
        .accuracy = ratio(c.tp + c.tn, positives + negatives),
        .recall = ratio(c.tp, positives),
        .specificity = ratio(c.tn, negatives),
        .precision = positives ? (called ? (double)c.tp / (double)called : 0) : NAN,
        .f1 = positives ? 2 * (double)c.tp / (double)(2 * c.tp + c.fp + c.fn) : NAN,
    };
    r.balanced = (r.recall + r.specificity) / 2;
    return r;
}

static int by_score_falling(const void *a, const void *b)
{
    const gad_metric_point *p = a, *q = b;
    if (p->score != q->score)
        return p->score < q->score ? 1 : -1;
    return (int)p->positive - (int)q->positive;
}

void gad_metric_image_sort(gad_metric_point *point, size_t count)
{
    if (count)
        qsort(point, count, sizeof *point, by_score_falling);
}

static void add_weights(const gad_metric_point *point, size_t count, int64_t *positives, int64_t *negatives)
{
    *positives = *negatives = 0;
    for (size_t i = 0; i < count; i++)
        *(point[i].positive ? positives : negatives) += point[i].weight;
}

/* Adds the points of one score to tp and fp; returns the index after them. */
static size_t take_ties(const gad_metric_point *sorted, size_t count, size_t i, int64_t *tp, int64_t *fp)
{
    for (double score = sorted[i].score; i < count && sorted[i].score == score; i++)
        *(sorted[i].positive ? tp : fp) += sorted[i].weight;
    return i;
}

gad_metric_rank gad_metric_image_rank(const gad_metric_point *sorted, size_t count)
{
    gad_metric_rank rank = {.auroc = NAN, .ap = NAN, .f1_max = NAN, .f1_threshold = NAN};
    int64_t positives, negatives, tp = 0, fp = 0;
    add_weights(sorted, count, &positives, &negatives);
    if (!positives)
        return rank;
    double area = 0, ap = 0;
    rank.f1_max = 0;
    for (size_t i = 0; i < count;) {
        int64_t tp_before = tp, fp_before = fp;
        double score = sorted[i].score;
        i = take_ties(sorted, count, i, &tp, &fp);
        if (tp == tp_before && fp == fp_before)
            continue; /* not drawn by this resample */
        area += (double)(fp - fp_before) * ((double)tp_before + (double)(tp - tp_before) / 2);
        ap += (double)(tp - tp_before) * ((double)tp / (double)(tp + fp));
        double f1 = 2 * (double)tp / (double)(tp + fp + positives);
        if (f1 > rank.f1_max) {
            rank.f1_max = f1;
            rank.f1_threshold = score;
        }
    }
    rank.ap = ap / (double)positives;
    if (negatives)
        rank.auroc = area / ((double)positives * (double)negatives);
    return rank;
}

size_t gad_metric_image_roc(const gad_metric_point *sorted, size_t count, double *fpr, double *tpr)
{
    int64_t positives, negatives, tp = 0, fp = 0;
    add_weights(sorted, count, &positives, &negatives);
    if (!positives || !negatives)
        return 0;
    size_t n = 0;
    fpr[n] = tpr[n] = 0;
    n++;
    int64_t last_tp = 0, last_fp = 0, step_tp = 0, step_fp = 0; /* last written corner; direction that led to it */
    for (size_t i = 0; i < count;) {
        i = take_ties(sorted, count, i, &tp, &fp);
        int64_t dt = tp - last_tp, df = fp - last_fp;
        if (!dt && !df)
            continue;
        if (n > 1 && dt * step_fp == df * step_tp)
            n--; /* goes on in the same direction: the corner moves */
        fpr[n] = (double)fp / (double)negatives;
        tpr[n] = (double)tp / (double)positives;
        n++;
        step_tp = dt;
        step_fp = df;
        last_tp = tp;
        last_fp = fp;
    }
    return n;
}

static int bin_of(double score, int bins)
{
    int bin = (int)ceil(score * bins) - 1;
    return bin < 0 ? 0 : bin >= bins ? bins - 1 : bin;
}

gad_metric_calibration gad_metric_image_calibration(const gad_metric_point *point, size_t count, int bins)
{
    gad_metric_calibration c = {.error = 0};
    double sum[GAD_METRIC_BINS] = {0}, squares = 0;
    int64_t positive[GAD_METRIC_BINS] = {0}, total = 0;
    for (size_t i = 0; i < count; i++) {
        double p = point[i].score, y = point[i].positive ? 1 : 0;
        if (!(p >= 0 && p <= 1)) {
            c.outside++;
            continue;
        }
        int b = bin_of(p, bins);
        c.count[b]++;
        sum[b] += p;
        positive[b] += point[i].positive;
        squares += (p - y) * (p - y);
        total++;
    }
    for (int b = 0; b < bins; b++) {
        c.confidence[b] = c.count[b] ? sum[b] / (double)c.count[b] : NAN;
        c.frequency[b] = ratio(positive[b], c.count[b]);
        if (c.count[b])
            c.error += (double)c.count[b] / (double)total * fabs(c.frequency[b] - c.confidence[b]);
    }
    if (!total)
        c.error = NAN;
    c.brier = total ? squares / (double)total : NAN;
    return c;
}

double gad_metric_image_quantile(const double *sorted, size_t count, double q)
{
    if (!count)
        return NAN;
    double at = q * (double)(count - 1);
    size_t low = (size_t)at;
    if (low + 1 >= count)
        return sorted[count - 1];
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}
