/* summary: see summary.h */
#include "bench/summary.h"

#include "base/error.h"
#include "base/memory.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char operation[] = "summarize a run";

/* ---- categories and data sets: sorted by name, so that numbers do not depend on the order of items ---- */

typedef struct label {
    const char *dataset, *category;
    size_t item;
} label;

static int by_name(const void *a, const void *b)
{
    const label *p = a, *q = b;
    int order = strcmp(p->dataset, q->dataset);
    order = order ? order : strcmp(p->category, q->category);
    return order ? order : (p->item > q->item) - (p->item < q->item);
}

/* Fills categories and scopes (names and counts of categories only) and the category of each scored item. */
static bool name_categories(gad_summary *s)
{
    const gad_items *items = &s->record->items;
    size_t n = items->count;
    label *labels = gad_memory_alloc(n, sizeof *labels);
    s->category = gad_memory_zero(n, sizeof *s->category);
    s->scope = gad_memory_zero(n + 1, sizeof *s->scope);
    bool done = labels && s->category && s->scope;
    for (size_t i = 0; done && i < n; i++)
        labels[i] = (label){items->item[i].dataset, items->item[i].category, i};
    if (done && n)
        qsort(labels, n, sizeof *labels, by_name);
    for (size_t i = 0; done && i < n; i++) {
        bool new_dataset = !i || strcmp(labels[i].dataset, labels[i - 1].dataset) != 0;
        if (new_dataset)
            s->scope[s->datasets++].name = labels[i].dataset;
        if (new_dataset || strcmp(labels[i].category, labels[i - 1].category) != 0) {
            s->scope[s->datasets - 1].categories++;
            s->category[s->categories++] =
                (gad_summary_category){.name = labels[i].category, .dataset = (int32_t)s->datasets - 1};
        }
        s->scored[labels[i].item].outcome.category = (int32_t)s->categories - 1;
    }
    s->scope[s->datasets].name = "all";
    s->scope[s->datasets].categories = (int32_t)s->categories;
    gad_memory_free(labels);
    return done;
}

/* ---- scoring and counting ---- */

static gad_status score_items(gad_summary *s, gad_error *err)
{
    const gad_record *r = s->record;
    gad_status status = GAD_OK;
#pragma omp parallel for schedule(dynamic, 64)
    for (size_t i = 0; i < r->items.count; i++) {
        gad_error mine = {0};
        int32_t category = s->scored[i].outcome.category;
        gad_status one = gad_scoring_score(&r->items.item[i], &r->rows.of[i], &s->choices, &s->scored[i], &mine);
        s->scored[i].outcome.category = category;
        if (one) {
#pragma omp critical(gad_summary_score)
            if (!status) {
                status = one;
                if (err)
                    *err = mine;
            }
        }
    }
    return status;
}

static void count_item(gad_summary_counts *c, const gad_item *item, const gad_row *row, const gad_scored *scored)
{
    c->images++;
    *(item->anomalous ? &c->anomalous : &c->normal) += 1;
    c->boxes += item->anomalous ? (int64_t)item->box_count : 0;
    c->unlocalized += item->anomalous && !(item->boxes_known && item->box_count);
    if (!row->id)
        c->missing++;
    else if (!row->answered)
        c->failed++;
    else
        c->answered++;
    c->unread += scored->unread;
    c->excluded += scored->unread && !scored->counted;
}

static void add_counts(gad_summary_counts *to, const gad_summary_counts *c)
{
    const int64_t *from = &c->images;
    int64_t *sum = &to->images;
    for (size_t i = 0; i < sizeof *c / sizeof *from; i++)
        sum[i] += from[i];
}

static void count_answer(gad_summary *s, const gad_row *row, const gad_scored *scored)
{
    for (int f = 0; f < GAD_ANSWER_FLAGS; f++)
        s->flags[f] += scored->flags >> f & 1;
    s->strict += scored->strict;
    s->cut += gad_row_cut(row);
    s->decisions[scored->decision]++;
    s->kinds[gad_scoring_kind_of(scored)]++;
    for (int b = 0; b < GAD_SCORING_SIZES; b++) {
        s->size_truths[b] += scored->size_truths[b];
        for (int k = 0; k < GAD_TALLY_THRESHOLDS; k++)
            s->size_found[k][b] += scored->size_found[k][b];
    }
}

static void count_all(gad_summary *s)
{
    const gad_record *r = s->record;
    for (size_t i = 0; i < r->items.count; i++) {
        count_item(&s->category[s->scored[i].outcome.category].counts, &r->items.item[i], &r->rows.of[i], &s->scored[i]);
        if (r->rows.of[i].id && r->rows.of[i].answered)
            count_answer(s, &r->rows.of[i], &s->scored[i]);
    }
    for (size_t c = 0; c < s->categories; c++) {
        add_counts(&s->scope[s->category[c].dataset].counts, &s->category[c].counts);
        add_counts(&s->scope[s->datasets].counts, &s->category[c].counts);
    }
}

/* ---- spreads ---- */

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* `value` is sorted in place; NaN entries were left out. */
static gad_summary_spread spread_of(double *value, size_t n)
{
    gad_summary_spread s = {.count = (int64_t)n, .mean = NAN, .p50 = NAN, .p90 = NAN, .p99 = NAN, .most = NAN};
    if (!n)
        return s;
    qsort(value, n, sizeof *value, rising);
    s.mean = 0;
    for (size_t i = 0; i < n; i++)
        s.mean += value[i] / (double)n;
    s.p50 = gad_metric_image_quantile(value, n, .5);
    s.p90 = gad_metric_image_quantile(value, n, .9);
    s.p99 = gad_metric_image_quantile(value, n, .99);
    s.most = value[n - 1];
    return s;
}

static double row_number(const gad_row *row, int which)
{
    switch (which) {
    case 0: return row->latency_s;
    case 1: return row->first_s;
    case 2: return row->prompt_tokens < 0 ? NAN : (double)row->prompt_tokens;
    default: return row->answer_tokens < 0 ? NAN : (double)row->answer_tokens;
    }
}

static bool measure_rows(gad_summary *s)
{
    const gad_rows *rows = &s->record->rows;
    gad_summary_spread *to[] = {&s->latency_s, &s->first_s, &s->prompt_tokens, &s->answer_tokens};
    double *value = gad_memory_alloc(rows->count, sizeof *value);
    if (!value)
        return false;
    for (int which = 0; which < 4; which++) {
        size_t n = 0;
        for (size_t i = 0; i < rows->count; i++) {
            double number = rows->of[i].id && rows->of[i].answered ? row_number(&rows->of[i], which) : NAN;
            if (!isnan(number))
                value[n++] = number;
        }
        *to[which] = spread_of(value, n);
    }
    gad_memory_free(value);
    return true;
}

/* ---- metrics with intervals, and the two constant answers ---- */

/* Outcomes of the counted items, in item order; `constant` -1 as answered, 0 or 1: what always-No or always-Yes would get.
 */
static size_t gather(const gad_summary *s, gad_outcome *outcome, int constant)
{
    size_t n = 0;
    for (size_t i = 0; i < s->record->items.count; i++) {
        if (!s->scored[i].counted)
            continue;
        gad_outcome o = s->scored[i].outcome;
        if (constant >= 0)
            o = (gad_outcome){.category = o.category,
                              .anomalous = o.anomalous,
                              .called = constant == 1,
                              .localized = o.localized,
                              .truths = o.truths,
                              .score = NAN,
                              .mask_iou = o.localized ? 0 : NAN};
        outcome[n++] = o;
    }
    return n;
}

static gad_status measure_outcomes(gad_summary *s, gad_error *err)
{
    size_t scopes = s->datasets + 1;
    gad_outcome *outcome = gad_memory_alloc(s->record->items.count, sizeof *outcome);
    int32_t *dataset = gad_memory_alloc(s->categories, sizeof *dataset);
    gad_metric_values *category = gad_memory_alloc(s->categories, sizeof *category);
    gad_metric_values *constant = gad_memory_alloc(scopes, sizeof *constant);
    gad_interval *interval = gad_memory_alloc(scopes, sizeof *interval);
    gad_status status = GAD_OK;
    if (!outcome || !dataset || !category || !constant || !interval) {
        status = gad_error_memory(err, operation, s->record->items.count * sizeof *outcome);
        goto done;
    }
    for (size_t c = 0; c < s->categories; c++)
        dataset[c] = s->category[c].dataset;
    gad_interval_design design = {.outcome = outcome,
                                  .count = gather(s, outcome, -1),
                                  .dataset = dataset,
                                  .categories = s->categories,
                                  .datasets = s->datasets};
    gad_interval_options options = {s->choices.resamples, s->choices.seed, s->choices.confidence};
    status = gad_interval_values(&design, category, NULL, err);
    if (!status)
        status = gad_interval_bootstrap(&design, &options, interval, err);
    for (int yes = 0; yes < 2 && !status; yes++) {
        gather(s, outcome, yes);
        status = gad_interval_values(&design, NULL, constant, err);
        for (size_t k = 0; k < scopes && !status; k++)
            *(yes ? &s->scope[k].yes : &s->scope[k].no) = constant[k];
    }
    for (size_t c = 0; c < s->categories && !status; c++)
        s->category[c].value = category[c];
    for (size_t k = 0; k < scopes && !status; k++)
        s->scope[k].metric = interval[k];
done:
    gad_memory_free(outcome);
    gad_memory_free(dataset);
    gad_memory_free(category);
    gad_memory_free(constant);
    gad_memory_free(interval);
    return status;
}

/* ---- curves of the continuous score ---- */

/* Points of one data set, or of all when dataset is s->datasets. */
static size_t gather_points(const gad_summary *s, size_t dataset, gad_metric_point *point)
{
    size_t n = 0;
    for (size_t i = 0; i < s->record->items.count; i++) {
        const gad_outcome *o = &s->scored[i].outcome;
        bool inside = dataset == s->datasets || (size_t)s->category[o->category].dataset == dataset;
        if (s->scored[i].counted && !isnan(o->score) && inside)
            point[n++] = (gad_metric_point){o->score, 1, o->anomalous};
    }
    gad_metric_image_sort(point, n);
    return n;
}

static bool trace_scope(gad_summary_scope *scope, const gad_metric_point *point, size_t n)
{
    scope->calibration = gad_metric_image_calibration(point, n, GAD_METRIC_BINS);
    scope->pooled_auroc = gad_metric_image_rank(point, n).auroc;
    scope->fpr = gad_memory_alloc(n + 1, sizeof *scope->fpr);
    scope->tpr = gad_memory_alloc(n + 1, sizeof *scope->tpr);
    if (!scope->fpr || !scope->tpr)
        return false;
    scope->corners = gad_metric_image_roc(point, n, scope->fpr, scope->tpr);
    return true;
}

static void fill_histogram(gad_summary *s, const gad_metric_point *point, size_t n)
{
    s->scores = (int64_t)n;
    if (!n)
        return;
    s->score_high = point[0].score;
    s->score_low = point[n - 1].score;
    if (s->score_low >= 0 && s->score_high <= 1) { /* a probability is shown on its whole range */
        s->score_low = 0;
        s->score_high = 1;
    }
    double width = s->score_high - s->score_low;
    for (size_t i = 0; i < n; i++) {
        int bin = width > 0 ? (int)((point[i].score - s->score_low) / width * GAD_SUMMARY_HISTOGRAM) : 0;
        s->histogram[point[i].positive][bin < GAD_SUMMARY_HISTOGRAM ? bin : GAD_SUMMARY_HISTOGRAM - 1]++;
    }
}

static bool trace_scores(gad_summary *s)
{
    gad_metric_point *point = gad_memory_alloc(s->record->items.count, sizeof *point);
    bool done = point != NULL;
    for (size_t k = 0; k <= s->datasets && done; k++) {
        size_t n = gather_points(s, k, point);
        done = trace_scope(&s->scope[k], point, n);
        if (k == s->datasets && done)
            fill_histogram(s, point, n);
    }
    gad_memory_free(point);
    return done;
}

/* ---- anomaly types ---- */

static int by_type(const void *a, const void *b)
{
    const gad_summary_type *p = a, *q = b;
    int order = strcmp(p->dataset, q->dataset);
    return order ? order : strcmp(p->name, q->name);
}

/* Labels and types come from different fields and may differ in case, '_' and '-'. */
static bool same_kind(const char *given, const char *name, size_t length)
{
    if (strlen(given) != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        char a = given[i] == '_' || given[i] == '-' ? ' ' : (char)tolower((unsigned char)given[i]);
        char b = name[i] == '_' || name[i] == '-' ? ' ' : (char)tolower((unsigned char)name[i]);
        if (a != b)
            return false;
    }
    return true;
}

/* Boxes of the item that are of the kind; without labels all boxes are of the only kind there is. */
static void count_boxes(const gad_item *item, const gad_scored *scored, gad_summary_type *t, size_t length, bool only)
{
    for (size_t i = 0; scored->outcome.localized && i < item->box_count && i < 64; i++) {
        if (!(only && !*item->box_label[i]) && !same_kind(item->box_label[i], t->name, length))
            continue;
        t->truths++;
        for (int k = 0; k < GAD_TALLY_THRESHOLDS; k++)
            t->matched[k] += (int64_t)(scored->matched_boxes[k] >> i & 1);
    }
}

typedef struct type_list {
    gad_summary_type *at;
    size_t count, capacity;
} type_list;

/* The parts of "scratch+hole", one entry each. */
static bool list_types(gad_summary *s, size_t index, type_list *list)
{
    const gad_item *item = &s->record->items.item[index];
    const gad_scored *scored = &s->scored[index];
    const char *name = item->type && *item->type ? item->type : "unspecified";
    bool only = !strchr(name, '+');
    for (size_t length; *name; name += length + (name[length] == '+')) {
        length = strcspn(name, "+");
        char *copy = gad_arena_take(&s->names, length + 1, 1);
        if (!copy || !gad_memory_grow((void **)&list->at, &list->capacity, list->count, sizeof *list->at))
            return false;
        memcpy(copy, name, length);
        copy[length] = 0;
        gad_summary_type t = {.dataset = item->dataset, .name = copy, .images = 1, .found = scored->outcome.called};
        count_boxes(item, scored, &t, length, only);
        list->at[list->count++] = t;
    }
    return true;
}

static bool count_types(gad_summary *s)
{
    type_list list = {0};
    bool done = true;
    for (size_t i = 0; i < s->record->items.count && done; i++)
        if (s->scored[i].counted && s->scored[i].outcome.anomalous)
            done = list_types(s, i, &list);
    if (list.count)
        qsort(list.at, list.count, sizeof *list.at, by_type);
    s->type = list.at;
    for (size_t i = 0; i < list.count; i++) {
        if (!s->types || by_type(&s->type[s->types - 1], &list.at[i]) != 0) {
            s->type[s->types++] = list.at[i];
            continue;
        }
        gad_summary_type *t = &s->type[s->types - 1];
        t->images++;
        t->found += list.at[i].found;
        t->truths += list.at[i].truths;
        for (int k = 0; k < GAD_TALLY_THRESHOLDS; k++)
            t->matched[k] += list.at[i].matched[k];
    }
    return done;
}

gad_status gad_summary_make(const gad_record *record, const gad_scoring_choices *choices, gad_summary *summary,
                            gad_error *err)
{
    gad_summary s = {.record = record, .choices = *choices};
    s.scored = gad_memory_zero(record->items.count, sizeof *s.scored);
    gad_status status = GAD_OK;
    if (!s.scored || !name_categories(&s))
        status = gad_error_memory(err, operation, record->items.count * sizeof *s.scored);
    for (size_t k = 0; !status && k <= s.datasets; k++)
        s.scope[k].pixel_auroc = s.scope[k].pixel_aupro = NAN;
    for (size_t c = 0; !status && c < s.categories; c++)
        s.category[c].pixels = (gad_metric_pixel_result){.auroc = NAN, .ap = NAN, .aupro = NAN};
    if (!status)
        status = score_items(&s, err);
    if (!status) {
        count_all(&s);
        status = measure_outcomes(&s, err);
    }
    if (!status && !(measure_rows(&s) && trace_scores(&s) && count_types(&s)))
        status = gad_error_memory(err, operation, record->items.count * sizeof *s.scored);
    if (status)
        gad_summary_free(&s);
    else
        *summary = s;
    return status;
}

void gad_summary_free(gad_summary *summary)
{
    for (size_t k = 0; summary->scope && k <= summary->datasets; k++) {
        gad_memory_free(summary->scope[k].fpr);
        gad_memory_free(summary->scope[k].tpr);
    }
    gad_memory_free(summary->scored);
    gad_memory_free(summary->scope);
    gad_memory_free(summary->category);
    gad_memory_free(summary->type);
    gad_arena_free(&summary->names);
    *summary = (gad_summary){0};
}
