/* report_json: the whole summary as one JSON value (docs/formats.md, "Benchmark runs"). Undefined numbers are null. */
#include "base/error.h"
#include "report/report.h"

#include <math.h>
#include <string.h>

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *whole(int64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *describe_choices(const gad_scoring_choices *c)
{
    json_t *iou = json_array();
    for (int k = 0; k < GAD_TALLY_THRESHOLDS; k++)
        json_array_append_new(iou, number(c->iou[k]));
    return json_pack("{s:o, s:s, s:s, s:s, s:s, s:o, s:b, s:I, s:I, s:f}", "iou", iou, "matching",
                     c->matching == GAD_SCORING_MANY ? "many" : "one", "unparsable",
                     gad_scoring_unparsable_name(c->unparsable), "coordinates", gad_box_convention_name(c->convention),
                     "order", c->order == GAD_BOX_YX ? "yx" : "xy", "threshold", number(c->threshold), "official_compat",
                     c->official_compat, "resamples", (json_int_t)c->resamples, "seed", (json_int_t)c->seed, "confidence",
                     c->confidence);
}

static json_t *describe_counts(const gad_summary_counts *c)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "images", (json_int_t)c->images, "normal",
                     (json_int_t)c->normal, "anomalous", (json_int_t)c->anomalous, "boxes", (json_int_t)c->boxes,
                     "anomalous_without_boxes", (json_int_t)c->unlocalized, "answered", (json_int_t)c->answered, "failed",
                     (json_int_t)c->failed, "not_asked", (json_int_t)c->missing, "unparsable", (json_int_t)c->unread,
                     "excluded", (json_int_t)c->excluded);
}

static json_t *describe_values(const gad_metric_values *v)
{
    json_t *object = json_object();
    for (int m = 0; m < GAD_METRIC_COUNT; m++)
        json_object_set_new(object, gad_tally_name((gad_metric)m), number(v->of[m]));
    return object;
}

static json_t *describe_interval(const gad_interval *i)
{
    json_t *object = json_object();
    for (int m = 0; m < GAD_METRIC_COUNT; m++)
        json_object_set_new(object, gad_tally_name((gad_metric)m),
                            json_pack("{s:o, s:o, s:o}", "value", number(i->value.of[m]), "low", number(i->low.of[m]),
                                      "high", number(i->high.of[m])));
    return object;
}

static json_t *describe_calibration(const gad_metric_calibration *c)
{
    json_t *bins = json_array();
    for (int b = 0; b < GAD_METRIC_BINS; b++)
        json_array_append_new(bins, json_pack("{s:I, s:o, s:o}", "count", (json_int_t)c->count[b], "mean_score",
                                              number(c->confidence[b]), "share_anomalous", number(c->frequency[b])));
    return json_pack("{s:o, s:o, s:I, s:o}", "expected_calibration_error", number(c->error), "brier", number(c->brier),
                     "outside_0_1", (json_int_t)c->outside, "bins", bins);
}

static json_t *describe_scope(const gad_summary_scope *s)
{
    return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", s->name, "categories",
                     (json_int_t)s->categories, "counts", describe_counts(&s->counts), "metrics",
                     describe_interval(&s->metric), "always_yes", describe_values(&s->yes), "always_no",
                     describe_values(&s->no), "pixel_auroc", number(s->pixel_auroc), "pixel_aupro", number(s->pixel_aupro),
                     "pooled_auroc", number(s->pooled_auroc), "calibration", describe_calibration(&s->calibration));
}

static json_t *describe_category(const gad_summary *s, const gad_summary_category *c)
{
    const gad_metric_pixel_result *p = &c->pixels;
    return json_pack("{s:s, s:s, s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I}}", "dataset",
                     s->scope[c->dataset].name, "name", c->name, "counts", describe_counts(&c->counts), "metrics",
                     describe_values(&c->value), "pixels", "auroc", number(p->auroc), "auroc_error_at_most",
                     number(p->auroc_bound), "ap", number(p->ap), "aupro", number(p->aupro), "aupro_error_at_most",
                     number(p->aupro_bound), "images", (json_int_t)p->images, "pixels", (json_int_t)p->pixels, "regions",
                     (json_int_t)p->regions);
}

static json_t *describe_types(const gad_summary *s)
{
    json_t *array = json_array();
    for (size_t i = 0; i < s->types; i++) {
        const gad_summary_type *t = &s->type[i];
        json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:I, s:I, s:[I, I]}", "dataset", t->dataset, "name",
                                               t->name, "images", (json_int_t)t->images, "called_anomalous",
                                               (json_int_t)t->found, "boxes", (json_int_t)t->truths, "boxes_found",
                                               (json_int_t)t->matched[0], (json_int_t)t->matched[1]));
    }
    return array;
}

static json_t *describe_sizes(const gad_summary *s)
{
    json_t *array = json_array();
    for (int b = 0; b < GAD_SCORING_SIZES; b++)
        json_array_append_new(array, json_pack("{s:s, s:I, s:[I, I]}", "share_of_image", gad_scoring_size_name(b), "boxes",
                                               (json_int_t)s->size_truths[b], "boxes_found",
                                               (json_int_t)s->size_found[0][b], (json_int_t)s->size_found[1][b]));
    return array;
}

static json_t *describe_answers(const gad_summary *s)
{
    json_t *flags = json_object(), *kinds = json_object();
    for (int f = 0; f < GAD_ANSWER_FLAGS; f++)
        json_object_set_new(flags, gad_answer_flag_name(f), whole(s->flags[f]));
    for (int k = 0; k < GAD_SCORING_KINDS; k++)
        json_object_set_new(kinds, gad_scoring_kind_name((gad_scoring_kind)k), whole(s->kinds[k]));
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "yes", (json_int_t)s->decisions[GAD_ANSWER_YES], "no",
                     (json_int_t)s->decisions[GAD_ANSWER_NO], "unparsable", (json_int_t)s->decisions[GAD_ANSWER_NONE],
                     "strict", (json_int_t)s->strict, "stopped_by_token_limit", (json_int_t)s->cut, "with_score",
                     (json_int_t)s->scores, "flags", flags, "kinds", kinds);
}

static json_t *describe_spread(const gad_summary_spread *s)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "count", (json_int_t)s->count, "mean", number(s->mean), "p50",
                     number(s->p50), "p90", number(s->p90), "p99", number(s->p99), "max", number(s->most));
}

static json_t *describe_histogram(const gad_summary *s)
{
    json_t *normal = json_array(), *anomalous = json_array();
    for (int b = 0; b < GAD_SUMMARY_HISTOGRAM; b++) {
        json_array_append_new(normal, whole(s->histogram[0][b]));
        json_array_append_new(anomalous, whole(s->histogram[1][b]));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "low", number(s->score_low), "high", number(s->score_high), "normal", normal,
                     "anomalous", anomalous);
}

/* run.json without what changes from run to run of the same settings. */
static json_t *describe_run(const gad_record *record, bool timing)
{
    json_t *run = json_deep_copy(record->run);
    if (!timing) {
        json_object_del(run, "created");
        json_object_del(json_object_get(run, "model"), "endpoint");
    }
    return run;
}

static json_t *describe_other(const gad_summary *s)
{
    json_t *datasets = json_array();
    for (size_t k = 0; k < s->datasets; k++)
        json_array_append_new(
            datasets, json_pack("{s:s, s:o}", "name", s->scope[k].name, "metrics", describe_interval(&s->scope[k].metric)));
    return json_pack("{s:s, s:s, s:o, s:o}", "model", gad_record_text(s->record, "model.name", "?"), "items_hash",
                     gad_record_text(s->record, "items_hash", ""), "metrics",
                     describe_interval(&s->scope[s->datasets].metric), "datasets", datasets);
}

static json_t *describe_summary(const gad_report *report)
{
    const gad_summary *s = report->run;
    const gad_summary_counts *c = &s->scope[s->datasets].counts;
    json_t *datasets = json_array(), *categories = json_array(), *others = json_array();
    for (size_t k = 0; k < s->datasets; k++)
        json_array_append_new(datasets, describe_scope(&s->scope[k]));
    for (size_t k = 0; k < s->categories; k++)
        json_array_append_new(categories, describe_category(s, &s->category[k]));
    for (size_t k = 0; k < report->others; k++)
        json_array_append_new(others, describe_other(report->other[k]));
    json_t *root =
        json_pack("{s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema", "gad-bench-report/1",
                  "run", describe_run(s->record, report->timing), "choices", describe_choices(&s->choices), "complete",
                  c->answered == c->images, "overall", describe_scope(&s->scope[s->datasets]), "datasets", datasets,
                  "categories", categories, "types", describe_types(s), "box_sizes", describe_sizes(s), "answers",
                  describe_answers(s), "scores", describe_histogram(s), "prompt_tokens", describe_spread(&s->prompt_tokens),
                  "answer_tokens", describe_spread(&s->answer_tokens), "others", others);
    if (root && report->timing)
        json_object_set_new(root, "timing",
                            json_pack("{s:o, s:o}", "latency_s", describe_spread(&s->latency_s), "first_token_s",
                                      describe_spread(&s->first_s)));
    return root;
}

/* ---- MMAD ---- */

static json_t *describe_cell(const gad_mmad_cell *c)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:I}", "accuracy", number(c->accuracy), "strict", number(c->strict), "right",
                     (json_int_t)c->right, "answered", (json_int_t)c->answered, "all", (json_int_t)c->all);
}

static json_t *describe_mmad_dataset(const gad_mmad_dataset *d)
{
    json_t *tasks = json_object();
    for (int t = 0; t < GAD_MMAD_TASKS; t++)
        json_object_set_new(tasks, gad_mmad_task_name(t), describe_cell(&d->task[t]));
    return json_pack("{s:s, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o}}", "name", d->name, "mean", number(d->mean),
                     "strict_mean", number(d->strict_mean), "tasks", tasks, "detection", "recall", number(d->recall),
                     "precision", number(d->precision), "f1", number(d->f1), "overkill", number(d->overkill), "miss",
                     number(d->miss));
}

static json_t *describe_mmad(const gad_report *report)
{
    const gad_mmad_summary *s = report->mmad;
    json_t *datasets = json_array();
    for (size_t k = 0; k < s->datasets; k++)
        json_array_append_new(datasets, describe_mmad_dataset(&s->dataset[k]));
    return json_pack("{s:s, s:o, s:o, s:b, s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I}, s:o, s:[o, o], s:o}",
                     "schema", "gad-bench-mmad-report/1", "run", describe_run(s->record, report->timing), "choices",
                     describe_choices(&s->choices), "complete", s->answered == s->questions, "counts", "questions",
                     (json_int_t)s->questions, "answered", (json_int_t)s->answered, "failed", (json_int_t)s->failed,
                     "not_asked", (json_int_t)s->missing, "skipped_by_official_compat", (json_int_t)s->skipped, "letters",
                     "bare", (json_int_t)s->how[GAD_LETTER_BARE], "searched", (json_int_t)s->how[GAD_LETTER_SEARCHED],
                     "most_similar_option", (json_int_t)s->how[GAD_LETTER_SIMILAR], "none",
                     (json_int_t)s->how[GAD_LETTER_NONE], "overall", describe_mmad_dataset(&s->all), "mean_interval",
                     number(s->low), number(s->high), "datasets", datasets);
}

gad_status gad_report_json(const gad_report *report, json_t **root, gad_error *err)
{
    json_t *made = report->mmad ? describe_mmad(report) : describe_summary(report);
    if (!made)
        return gad_error_memory(err, "write a report", 0);
    *root = made;
    return GAD_OK;
}
