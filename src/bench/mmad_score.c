/* mmad_score: see mmad_score.h */
#include "bench/mmad_score.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char operation[] = "score an MMAD run";

/* ---- reading letters ---- */

static bool is_scorable(char letter)
{
    return letter >= 'A' && letter <= 'E';
}

static gad_status read_letters(gad_mmad_summary *s, gad_error *err)
{
    const gad_record *r = s->record;
    gad_status status = GAD_OK;
#pragma omp parallel for schedule(dynamic, 64)
    for (size_t i = 0; i < r->items.count; i++) {
        const gad_item *item = &r->items.item[i];
        const gad_row *row = &r->rows.of[i];
        gad_mmad_scored *scored = &s->scored[i];
        gad_error mine = {0};
        scored->answered = row->id && row->answered;
        if (!scored->answered)
            continue;
        gad_status one =
            gad_letter_read(row->text, gad_row_cut(row), item->option, item->option_count, &scored->letter, &mine);
        scored->right = !one && scored->letter.letter == item->answer;
        if (one) {
#pragma omp critical(gad_mmad_score)
            if (!status) {
                status = one;
                if (err)
                    *err = mine;
            }
        }
    }
    return status;
}

/* The official evaluator deletes an answer outside A-E from the list that it walks, so the next one is never looked at. */
static void mark_skipped(gad_mmad_summary *s)
{
    bool skip = false;
    for (size_t i = 0; i < s->record->items.count; i++) {
        gad_mmad_scored *scored = &s->scored[i];
        if (!scored->answered)
            continue;
        scored->skipped = skip;
        skip = !skip && !(is_scorable(scored->letter.letter) && is_scorable(s->record->items.item[i].answer));
    }
}

/* ---- counting ---- */

static void count_cell(gad_mmad_cell *cell, bool scorable, bool right)
{
    cell->all++;
    cell->answered += scorable;
    cell->right += scorable && right;
}

static gad_mmad_dataset *dataset_of(gad_mmad_summary *s, const char *name)
{
    for (size_t i = 0; i < s->datasets; i++)
        if (!strcmp(s->dataset[i].name, name))
            return &s->dataset[i];
    if (s->datasets == GAD_MMAD_DATASETS)
        return NULL;
    gad_mmad_dataset *d = &s->dataset[s->datasets++];
    d->name = name;
    return d;
}

static gad_status count_answers(gad_mmad_summary *s, gad_error *err)
{
    for (size_t i = 0; i < s->record->items.count; i++) {
        const gad_item *item = &s->record->items.item[i];
        const gad_row *row = &s->record->rows.of[i];
        const gad_mmad_scored *scored = &s->scored[i];
        gad_mmad_dataset *d = dataset_of(s, item->dataset);
        if (!d)
            return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "more than %d data sets", GAD_MMAD_DATASETS);
        s->questions++;
        s->missing += !row->id;
        s->failed += row->id && !row->answered;
        if (!scored->answered)
            continue;
        s->answered++;
        s->how[scored->letter.how]++;
        s->skipped += scored->skipped;
        if (scored->skipped)
            continue;
        int task = gad_mmad_task_find(item->task ? item->task : "");
        bool scorable = is_scorable(scored->letter.letter) && is_scorable(item->answer);
        if (task >= 0)
            count_cell(&d->task[task], scorable, scored->right);
        if (task == 0)
            count_cell(item->anomalous ? &d->anomalous : &d->normal, scorable, scored->right);
    }
    return GAD_OK;
}

/* ---- rates ---- */

static double ratio(int64_t part, int64_t whole, double empty)
{
    return whole ? (double)part / (double)whole : empty;
}

static void rate_cell(gad_mmad_cell *cell, double empty)
{
    cell->accuracy = ratio(cell->right, cell->answered, empty);
    cell->strict = ratio(cell->right, cell->all, empty);
}

static double mean_of(const double *value, size_t n)
{
    double sum = 0;
    int64_t defined = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(value[i])) {
            sum += value[i];
            defined++;
        }
    return defined ? sum / (double)defined : NAN;
}

/* `empty` is the accuracy of a sub-task without answers. */
static void rate_dataset(gad_mmad_dataset *d, double empty)
{
    double accuracy[GAD_MMAD_TASKS], strict[GAD_MMAD_TASKS];
    rate_cell(&d->normal, empty);
    rate_cell(&d->anomalous, empty);
    for (int t = 0; t < GAD_MMAD_TASKS; t++)
        rate_cell(&d->task[t], empty);
    d->task[0].accuracy = (d->normal.accuracy + d->anomalous.accuracy) / 2;
    d->task[0].strict = (d->normal.strict + d->anomalous.strict) / 2;
    for (int t = 0; t < GAD_MMAD_TASKS; t++) {
        accuracy[t] = d->task[t].accuracy;
        strict[t] = d->task[t].strict;
    }
    int64_t tp = d->anomalous.right, fn = d->anomalous.answered - tp, fp = d->normal.answered - d->normal.right;
    d->recall = ratio(tp, tp + fn, NAN);
    d->precision = ratio(tp, tp + fp, tp + fn ? 0 : NAN);
    d->f1 = tp + fn ? 2 * (double)tp / (double)(2 * tp + fp + fn) : NAN;
    d->overkill = 1 - d->normal.accuracy;
    d->miss = 1 - d->anomalous.accuracy;
    d->mean = mean_of(accuracy, GAD_MMAD_TASKS);
    d->strict_mean = mean_of(strict, GAD_MMAD_TASKS);
}

static double column_mean(const gad_mmad_summary *s, size_t offset)
{
    double sum = 0;
    int64_t defined = 0;
    for (size_t i = 0; i < s->datasets; i++) {
        double value = *(const double *)(const void *)((const char *)&s->dataset[i] + offset);
        if (!isnan(value)) {
            sum += value;
            defined++;
        }
    }
    return defined ? sum / (double)defined : NAN;
}

static void average_datasets(gad_mmad_summary *s)
{
    gad_mmad_dataset *all = &s->all;
    all->name = "all";
    for (size_t t = 0; t < GAD_MMAD_TASKS; t++) {
        for (size_t i = 0; i < s->datasets; i++) {
            all->task[t].right += s->dataset[i].task[t].right;
            all->task[t].answered += s->dataset[i].task[t].answered;
            all->task[t].all += s->dataset[i].task[t].all;
        }
        all->task[t].accuracy = column_mean(s, offsetof(gad_mmad_dataset, task) + t * sizeof(gad_mmad_cell) +
                                                   offsetof(gad_mmad_cell, accuracy));
        all->task[t].strict =
            column_mean(s, offsetof(gad_mmad_dataset, task) + t * sizeof(gad_mmad_cell) + offsetof(gad_mmad_cell, strict));
    }
    all->recall = column_mean(s, offsetof(gad_mmad_dataset, recall));
    all->precision = column_mean(s, offsetof(gad_mmad_dataset, precision));
    all->f1 = column_mean(s, offsetof(gad_mmad_dataset, f1));
    all->overkill = column_mean(s, offsetof(gad_mmad_dataset, overkill));
    all->miss = column_mean(s, offsetof(gad_mmad_dataset, miss));
    all->mean = column_mean(s, offsetof(gad_mmad_dataset, mean));
    all->strict_mean = column_mean(s, offsetof(gad_mmad_dataset, strict_mean));
}

/* ---- interval: answers are redrawn inside each (data set, sub-task, truth) ---- */

static int64_t redraw(gad_rng *rng, const gad_mmad_cell *cell)
{
    int64_t right = 0;
    for (int64_t k = 0; k < cell->answered; k++)
        right += (int64_t)gad_rng_below(rng, (uint32_t)cell->answered) < cell->right;
    return right;
}

static double redrawn_mean(const gad_mmad_summary *s, gad_rng *rng, double empty)
{
    double mean[GAD_MMAD_DATASETS];
    for (size_t i = 0; i < s->datasets; i++) {
        gad_mmad_dataset d = s->dataset[i];
        d.normal.right = redraw(rng, &d.normal);
        d.anomalous.right = redraw(rng, &d.anomalous);
        for (int t = 1; t < GAD_MMAD_TASKS; t++)
            d.task[t].right = redraw(rng, &d.task[t]);
        rate_dataset(&d, empty);
        mean[i] = d.mean;
    }
    return mean_of(mean, s->datasets);
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static gad_status bound_mean(gad_mmad_summary *s, double empty, gad_error *err)
{
    size_t n = (size_t)s->choices.resamples;
    double *drawn = gad_memory_alloc(n, sizeof *drawn);
    s->low = s->high = NAN;
    if (!drawn)
        return gad_error_memory(err, operation, n * sizeof *drawn);
#pragma omp parallel for schedule(dynamic, 8)
    for (size_t k = 0; k < n; k++) {
        gad_rng rng = gad_rng_make(s->choices.seed, k);
        drawn[k] = redrawn_mean(s, &rng, empty);
    }
    if (!isnan(s->all.mean)) {
        qsort(drawn, n, sizeof *drawn, rising);
        s->low = gad_metric_image_quantile(drawn, n, (1 - s->choices.confidence) / 2);
        s->high = gad_metric_image_quantile(drawn, n, (1 + s->choices.confidence) / 2);
    }
    gad_memory_free(drawn);
    return GAD_OK;
}

gad_status gad_mmad_score_make(const gad_record *record, const gad_scoring_choices *choices, gad_mmad_summary *summary,
                               gad_error *err)
{
    gad_mmad_summary s = {.record = record, .choices = *choices};
    double empty = choices->official_compat ? 0 : NAN;
    s.scored = gad_memory_zero(record->items.count, sizeof *s.scored);
    s.dataset = gad_memory_zero(GAD_MMAD_DATASETS, sizeof *s.dataset);
    if (!s.scored || !s.dataset) {
        gad_mmad_score_free(&s);
        return gad_error_memory(err, operation, record->items.count * sizeof *s.dataset);
    }
    gad_status status = read_letters(&s, err);
    if (!status) {
        if (choices->official_compat)
            mark_skipped(&s);
        status = count_answers(&s, err);
    }
    if (!status) {
        for (size_t i = 0; i < s.datasets; i++)
            rate_dataset(&s.dataset[i], empty);
        average_datasets(&s);
        status = bound_mean(&s, empty, err);
    }
    if (status)
        gad_mmad_score_free(&s);
    else
        *summary = s;
    return status;
}

void gad_mmad_score_free(gad_mmad_summary *summary)
{
    gad_memory_free(summary->scored);
    gad_memory_free(summary->dataset);
    *summary = (gad_mmad_summary){0};
}
