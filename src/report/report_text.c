/* report_text: a summary as CSV (all numbers, one line per scope), as Markdown (the tables of a paper), and the scored
 * answers as JSON lines. */
#include "base/error.h"
#include "report/report_table.h"

#include <math.h>
#include <string.h>

/* Behind a title, not seen: whose file it is. */
#define MARK "\n<!-- made by gad -->"

/* ---- CSV ---- */

static void add_field(gad_string *text, const char *value)
{
    bool quote = strpbrk(value, ",\"\r\n") != NULL;
    gad_string_add(text, quote ? "\"" : "");
    for (const char *c = value; *c; c++) {
        gad_string_append(text, c, 1);
        if (*c == '"')
            gad_string_add(text, "\"");
    }
    gad_string_add(text, quote ? "\"" : "");
}

static void add_number(gad_string *text, double value)
{
    if (isfinite(value))
        gad_string_addf(text, ",%.6f", value);
    else
        gad_string_add(text, ",");
}

static void add_csv_counts(gad_string *text, const gad_summary_counts *c)
{
    gad_string_addf(text, ",%lld,%lld,%lld,%lld,%lld,%lld,%lld", (long long)c->images, (long long)c->normal,
                    (long long)c->anomalous, (long long)c->boxes, (long long)c->answered, (long long)c->failed,
                    (long long)c->unread);
}

static void add_csv_row(gad_string *text, const char *model, const char *level, const char *dataset, const char *name,
                        const gad_summary_counts *counts, const gad_metric_values *v)
{
    add_field(text, model);
    gad_string_addf(text, ",%s,", level);
    add_field(text, dataset);
    gad_string_add(text, ",");
    add_field(text, name);
    if (counts)
        add_csv_counts(text, counts);
    else
        gad_string_add(text, ",,,,,,,");
    for (int m = 0; m < GAD_METRIC_COUNT; m++)
        add_number(text, v->of[m]);
    gad_string_add(text, "\n");
}

static void add_csv_summary(gad_string *text, const gad_summary *s, const char *model)
{
    for (size_t k = 0; k <= s->datasets; k++) {
        const gad_summary_scope *scope = &s->scope[k];
        const char *level = k == s->datasets ? "all" : "dataset";
        add_csv_row(text, model, level, scope->name, "", &scope->counts, &scope->metric.value);
        add_csv_row(text, model, k == s->datasets ? "all low" : "dataset low", scope->name, "", NULL, &scope->metric.low);
        add_csv_row(text, model, k == s->datasets ? "all high" : "dataset high", scope->name, "", NULL,
                    &scope->metric.high);
    }
    for (size_t k = 0; k < s->categories; k++)
        add_csv_row(text, model, "category", s->scope[s->category[k].dataset].name, s->category[k].name,
                    &s->category[k].counts, &s->category[k].value);
}

static void add_mmad_csv(gad_string *text, const gad_mmad_summary *s, const char *model)
{
    gad_string_add(text, "model,dataset,sub-task,accuracy,strict,right,answered,all\n");
    for (size_t k = 0; k <= s->datasets; k++) {
        const gad_mmad_dataset *d = k == s->datasets ? &s->all : &s->dataset[k];
        for (int t = 0; t <= GAD_MMAD_TASKS; t++) {
            const gad_mmad_cell *c = &d->task[t < GAD_MMAD_TASKS ? t : 0];
            add_field(text, model);
            gad_string_add(text, ",");
            add_field(text, d->name);
            gad_string_addf(text, ",%s", t < GAD_MMAD_TASKS ? gad_mmad_task_name(t) : "mean");
            add_number(text, t < GAD_MMAD_TASKS ? c->accuracy : d->mean);
            add_number(text, t < GAD_MMAD_TASKS ? c->strict : d->strict_mean);
            if (t < GAD_MMAD_TASKS)
                gad_string_addf(text, ",%lld,%lld,%lld\n", (long long)c->right, (long long)c->answered, (long long)c->all);
            else
                gad_string_add(text, ",,,\n");
        }
    }
}

static gad_status finish(const gad_string *text, gad_error *err)
{
    return text->failed ? gad_error_memory(err, "write a report", text->length) : GAD_OK;
}

gad_status gad_report_csv(const gad_report *report, gad_string *text, gad_error *err)
{
    if (report->mmad) {
        add_mmad_csv(text, report->mmad, gad_record_text(report->mmad->record, "model.name", "?"));
        return finish(text, err);
    }
    gad_string_add(text, "model,level,dataset,category,images,normal,anomalous,boxes,answered,failed,unparsable");
    for (int m = 0; m < GAD_METRIC_COUNT; m++)
        gad_string_addf(text, ",%s", gad_tally_name((gad_metric)m));
    gad_string_add(text, "\n");
    add_csv_summary(text, report->run, gad_record_text(report->run->record, "model.name", "?"));
    for (size_t k = 0; k < report->others; k++)
        add_csv_summary(text, report->other[k], gad_record_text(report->other[k]->record, "model.name", "?"));
    for (size_t k = 0; k <= report->run->datasets; k++) {
        const gad_summary_scope *scope = &report->run->scope[k];
        const char *level = k == report->run->datasets ? "all" : "dataset";
        add_csv_row(text, "always-yes", level, scope->name, "", &scope->counts, &scope->yes);
        add_csv_row(text, "always-no", level, scope->name, "", &scope->counts, &scope->no);
    }
    return finish(text, err);
}

/* ---- Markdown ---- */

static void add_cell(gad_string *text, double value)
{
    gad_string_add(text, " | ");
    gad_report_percent(text, value);
}

static void add_model_row(gad_string *text, const char *model, const gad_scoring_choices *choices,
                          const gad_metric_values *v)
{
    gad_string_add(text, "| ");
    gad_string_add_markdown(text, model);
    for (int i = 0; i < GAD_REPORT_DETECTION; i++)
        add_cell(text, v->of[gad_report_detection[i].metric]);
    for (int i = 0; i < GAD_REPORT_LOCALIZATION; i++)
        add_cell(text, v->of[gad_report_local(choices, gad_report_localization[i].metric)]);
    gad_string_add(text, " |\n");
}

static void add_header(gad_string *text, const char *first, const gad_scoring_choices *choices)
{
    gad_string_addf(text, "| %s", first);
    for (int i = 0; i < GAD_REPORT_DETECTION; i++)
        gad_string_addf(text, " | %s", gad_report_detection[i].title);
    for (int i = 0; i < GAD_REPORT_LOCALIZATION; i++)
        gad_string_addf(text, " | Loc %s@%g", gad_report_localization[i].title, choices->iou[i / 3]);
    gad_string_add(text, " |\n|");
    for (int i = 0; i <= GAD_REPORT_DETECTION + GAD_REPORT_LOCALIZATION; i++)
        gad_string_add(text, "---|");
    gad_string_add(text, "\n");
}

/* The same data set in another summary; NULL when it has none. */
static const gad_summary_scope *scope_named(const gad_summary *s, const char *name)
{
    for (size_t k = 0; k <= s->datasets; k++)
        if (!strcmp(s->scope[k].name, name))
            return &s->scope[k];
    return NULL;
}

static void add_scope_table(gad_string *text, const gad_report *report, size_t k)
{
    const gad_summary *s = report->run;
    const gad_summary_scope *scope = &s->scope[k];
    gad_string_add(text, "\n## ");
    gad_string_add_markdown(text, k == s->datasets ? "Mean over the data sets" : scope->name);
    gad_string_add(text, "\n\n");
    gad_string_addf(text, "%lld images (%lld normal, %lld anomalous, %lld boxes), %d categories.\n\n",
                    (long long)scope->counts.images, (long long)scope->counts.normal, (long long)scope->counts.anomalous,
                    (long long)scope->counts.boxes, scope->categories);
    add_header(text, "model", &s->choices);
    add_model_row(text, gad_record_text(s->record, "model.name", "?"), &s->choices, &scope->metric.value);
    add_model_row(text, "lower bound", &s->choices, &scope->metric.low);
    add_model_row(text, "upper bound", &s->choices, &scope->metric.high);
    for (size_t i = 0; i < report->others; i++) {
        const gad_summary_scope *other = scope_named(report->other[i], scope->name);
        if (other)
            add_model_row(text, gad_record_text(report->other[i]->record, "model.name", "?"), &s->choices,
                          &other->metric.value);
    }
    add_model_row(text, "always Yes", &s->choices, &scope->yes);
    add_model_row(text, "always No", &s->choices, &scope->no);
}

static void add_categories(gad_string *text, const gad_summary *s)
{
    gad_string_add(text, "\n## Categories\n\n");
    add_header(text, "category", &s->choices);
    for (size_t k = 0; k < s->categories; k++) {
        gad_string row = {0};
        gad_string_addf(&row, "%s / %s (%lld)", s->scope[s->category[k].dataset].name, s->category[k].name,
                        (long long)s->category[k].counts.images);
        add_model_row(text, gad_string_text(&row), &s->choices, &s->category[k].value);
        gad_string_free(&row);
    }
}

static void add_mmad_markdown(gad_string *text, const gad_mmad_summary *s)
{
    char limit[64];
    gad_string_add(text, "# MMAD: ");
    gad_string_add_markdown(text, gad_record_text(s->record, "model.name", "?"));
    gad_string_add(text, MARK);
    gad_string_addf(text,
                    "\n\n%lld of %lld questions answered, %lld without a readable letter (left out, wrong where strict).",
                    (long long)s->answered, (long long)s->questions, (long long)s->how[GAD_LETTER_NONE]);
    if (gad_report_limit(s->record, limit))
        gad_string_addf(text, " Not all of the questions: %s.", limit);
    gad_string_add(text, "\n\n| data set");
    for (int t = 0; t < GAD_MMAD_TASKS; t++)
        gad_string_addf(text, " | %s", gad_mmad_task_name(t));
    gad_string_add(text, " | mean | strict mean |\n|");
    for (int t = 0; t < GAD_MMAD_TASKS + 3; t++)
        gad_string_add(text, "---|");
    gad_string_add(text, "\n");
    for (size_t k = 0; k <= s->datasets; k++) {
        const gad_mmad_dataset *d = k == s->datasets ? &s->all : &s->dataset[k];
        gad_string_add(text, "| ");
        gad_string_add_markdown(text, d->name);
        for (int t = 0; t < GAD_MMAD_TASKS; t++)
            add_cell(text, d->task[t].accuracy);
        add_cell(text, d->mean);
        add_cell(text, d->strict_mean);
        gad_string_add(text, " |\n");
    }
}

gad_status gad_report_markdown(const gad_report *report, gad_string *text, gad_error *err)
{
    if (report->mmad) {
        add_mmad_markdown(text, report->mmad);
        return finish(text, err);
    }
    const gad_summary *s = report->run;
    const gad_summary_counts *c = &s->scope[s->datasets].counts;
    char limit[64];
    gad_string_add(text, "# ");
    gad_string_add_markdown(text, gad_record_text(s->record, "model.name", "?"));
    gad_string_add(text, MARK);
    gad_string_addf(
        text, "\n\nProtocol MMR-AD, preset %s, reference %s. %lld of %lld images answered, %lld failed, %lld unparsable. ",
        gad_record_text(s->record, "plan.preset", "-"), gad_record_text(s->record, "plan.reference", "-"),
        (long long)c->answered, (long long)c->images, (long long)c->failed, (long long)c->unread);
    if (gad_report_limit(s->record, limit))
        gad_string_addf(text, "Not all of the samples: %s. ", limit);
    gad_string_addf(text, "Percent; %g %% intervals from %lld resamples; matching %s.\n", s->choices.confidence * 100,
                    (long long)s->choices.resamples,
                    s->choices.matching == GAD_SCORING_MANY ? "many to many" : "one to one");
    for (size_t i = 0; i < report->others; i++)
        if (!gad_report_same_items(s->record, report->other[i]->record))
            gad_string_addf(text, "%s was not asked the same images as this run.\n",
                            gad_record_text(report->other[i]->record, "model.name", "?"));
    add_scope_table(text, report, s->datasets);
    for (size_t k = 0; k < s->datasets && s->datasets > 1; k++)
        add_scope_table(text, report, k);
    add_categories(text, s);
    return finish(text, err);
}

/* ---- scored answers ---- */

static void add_flags(gad_string *text, unsigned flags)
{
    bool first = true;
    gad_string_add(text, ",\"flags\":[");
    for (int f = 0; f < GAD_ANSWER_FLAGS; f++)
        if (flags >> f & 1) {
            gad_string_addf(text, "%s\"%s\"", first ? "" : ",", gad_answer_flag_name(f));
            first = false;
        }
    gad_string_add(text, "]");
}

static void add_scored(gad_string *text, const gad_item *item, const gad_row *row, const gad_scored *scored)
{
    static const char *const decisions[] = {"none", "no", "yes"};
    const gad_outcome *o = &scored->outcome;
    gad_string_add(text, "{\"id\":");
    gad_string_add_json(text, item->id);
    gad_string_addf(text, ",\"anomalous\":%s", item->anomalous ? "true" : "false");
    if (!row->id || !row->answered) {
        gad_string_addf(text, ",\"state\":\"%s\"}\n", row->id ? "failed" : "not asked");
        return;
    }
    gad_string_addf(text, ",\"decision\":\"%s\",\"counted\":%s,\"called\":%s,\"kind\":\"%s\"", decisions[scored->decision],
                    scored->counted ? "true" : "false", o->called ? "true" : "false",
                    gad_scoring_kind_name(gad_scoring_kind_of(scored)));
    add_flags(text, scored->flags);
    gad_string_addf(text, ",\"predictions\":%d", o->predictions);
    if (isfinite(o->score))
        gad_string_addf(text, ",\"score\":%.17g", o->score);
    if (o->localized)
        gad_string_addf(text, ",\"truths\":%d,\"matched\":[%d,%d],\"found\":[%d,%d],\"right\":[%d,%d],\"mask_iou\":%.17g",
                        o->truths, o->at[0].matched, o->at[1].matched, o->at[0].found, o->at[1].found, o->at[0].right,
                        o->at[1].right, o->mask_iou);
    gad_string_add(text, "}\n");
}

static void add_mmad_scored(gad_string *text, const gad_item *item, const gad_mmad_scored *scored)
{
    static const char *const how[] = {"bare", "searched", "most similar option", "none"};
    gad_string_add(text, "{\"id\":");
    gad_string_add_json(text, item->id);
    gad_string_addf(text, ",\"task\":\"%s\",\"answer\":\"%c\"", item->task ? item->task : "", item->answer);
    if (scored->answered)
        gad_string_addf(text, ",\"letter\":\"%.*s\",\"how\":\"%s\",\"right\":%s,\"skipped\":%s",
                        scored->letter.letter ? 1 : 0, &scored->letter.letter, how[scored->letter.how],
                        scored->right ? "true" : "false", scored->skipped ? "true" : "false");
    gad_string_add(text, "}\n");
}

gad_status gad_report_scored(const gad_report *report, gad_string *text, gad_error *err)
{
    const gad_record *r = report->mmad ? report->mmad->record : report->run->record;
    for (size_t i = 0; i < r->items.count; i++)
        if (report->mmad)
            add_mmad_scored(text, &r->items.item[i], &report->mmad->scored[i]);
        else
            add_scored(text, &r->items.item[i], &r->rows.of[i], &report->run->scored[i]);
    return finish(text, err);
}
