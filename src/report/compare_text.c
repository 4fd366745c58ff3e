/* compare_text: a comparison as Markdown for people and as JSON for programs (compare.h). */
#include "base/error.h"
#include "report/compare.h"
#include "report/report_table.h"

#include <math.h>

enum { CASES_SHOWN = 40 };

static const char *model_of(const gad_summary *s)
{
    return gad_record_text(s->record, "model.name", "?");
}

static void add_difference(gad_string *text, const gad_compare *c, const gad_interval *i, const char *name, int metric)
{
    if (isnan(i->value.of[metric]))
        return;
    bool apart = i->low.of[metric] > 0 || i->high.of[metric] < 0;
    gad_string_addf(text, "| %s | %+.1f | %+.1f to %+.1f | %.3f | %s |\n", name, i->value.of[metric] * 100,
                    i->low.of[metric] * 100, i->high.of[metric] * 100, gad_compare_bootstrap_p(c, i, metric),
                    !apart                    ? "not settled"
                    : i->value.of[metric] > 0 ? "A higher"
                                              : "B higher");
}

static void add_scope(gad_string *text, const gad_compare *c, size_t k)
{
    char name[64];
    gad_string_add(text, "\n## ");
    gad_string_add_markdown(text, k + 1 == c->scopes ? "Mean over the data sets" : c->name[k]);
    gad_string_addf(text, "\n\n| metric | A - B, points | %g %% interval | p | |\n|---|---|---|---|---|\n",
                    c->a->choices.confidence * 100);
    for (int i = 0; i < GAD_REPORT_DETECTION; i++)
        add_difference(text, c, &c->scope[k], gad_report_detection[i].title, (int)gad_report_detection[i].metric);
    for (int i = 0; i < GAD_REPORT_LOCALIZATION; i++) {
        snprintf(name, sizeof name, "Loc %s@%g", gad_report_localization[i].title, c->a->choices.iou[i / 3]);
        add_difference(text, c, &c->scope[k], name,
                       (int)gad_report_local(&c->a->choices, gad_report_localization[i].metric));
    }
    add_difference(text, c, &c->scope[k], "Mask IoU", GAD_METRIC_MASK_IOU);
}

gad_status gad_compare_markdown(const gad_compare *c, gad_string *text, gad_error *err)
{
    gad_string_add(text, "# A: ");
    gad_string_add_markdown(text, model_of(c->a));
    gad_string_add(text, ", B: ");
    gad_string_add_markdown(text, model_of(c->b));
    gad_string_addf(text, "\n\n%lld images answered by both (%lld only by A, %lld only by B).\n\n", (long long)c->common,
                    (long long)c->only_a, (long long)c->only_b);
    gad_string_addf(text,
                    "| | B right | B wrong |\n|---|---|---|\n| A right | %lld | %lld |\n| A wrong | %lld | %lld |\n\n",
                    (long long)c->both_right, (long long)c->a_right, (long long)c->b_right, (long long)c->both_wrong);
    gad_string_addf(text, "McNemar, exact, over all images: p = %.4g: the decisions are %s.\n", c->mcnemar_p,
                    c->mcnemar_p >= 1 - c->a->choices.confidence ? "not settled to differ"
                    : c->a_right > c->b_right                    ? "better in A"
                                                                 : "better in B");
    add_scope(text, c, c->scopes - 1);
    for (size_t k = 0; k + 1 < c->scopes && c->scopes > 2; k++)
        add_scope(text, c, k);
    gad_string_addf(text, "\n## Images on which one is right and the other wrong (%zu)\n\n", c->differ_count);
    for (size_t i = 0; i < c->differ_count && i < CASES_SHOWN; i++) {
        const gad_item *item = &c->a->record->items.item[c->differ[i].a];
        bool a_right = c->a->scored[c->differ[i].a].outcome.called == item->anomalous;
        gad_string_addf(text, "- %s right: ", a_right ? "A" : "B");
        gad_string_add_markdown(text, item->id);
        gad_string_add(text, " (");
        gad_string_add_markdown(text, item->anomalous ? item->type ? item->type : "anomalous" : "normal");
        gad_string_add(text, ")\n");
    }
    if (c->differ_count > CASES_SHOWN)
        gad_string_addf(text, "- and %zu more (all are in the JSON file)\n", c->differ_count - CASES_SHOWN);
    return text->failed ? gad_error_memory(err, "write a comparison", text->length) : GAD_OK;
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *describe_scope(const gad_compare *c, size_t k)
{
    json_t *metrics = json_object();
    const gad_interval *s = &c->scope[k];
    for (int m = 0; m < GAD_METRIC_COUNT; m++)
        json_object_set_new(metrics, gad_tally_name((gad_metric)m),
                            json_pack("{s:o, s:o, s:o, s:o}", "difference", number(s->value.of[m]), "low",
                                      number(s->low.of[m]), "high", number(s->high.of[m]), "p",
                                      number(isnan(s->value.of[m]) ? NAN : gad_compare_bootstrap_p(c, s, m))));
    return json_pack("{s:s, s:o}", "name", c->name[k], "metrics", metrics);
}

gad_status gad_compare_json(const gad_compare *c, json_t **root, gad_error *err)
{
    json_t *scopes = json_array(), *differ = json_array();
    for (size_t k = 0; k < c->scopes; k++)
        json_array_append_new(scopes, describe_scope(c, k));
    for (size_t i = 0; i < c->differ_count; i++) {
        const gad_item *item = &c->a->record->items.item[c->differ[i].a];
        bool a_right = c->a->scored[c->differ[i].a].outcome.called == item->anomalous;
        json_array_append_new(differ, json_pack("{s:s, s:b, s:s}", "id", item->id, "anomalous", item->anomalous, "right",
                                                a_right ? "A" : "B"));
    }
    json_t *made = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:f}, s:o, s:o}", "schema",
                             "gad-bench-compare/1", "a", model_of(c->a), "b", model_of(c->b), "common",
                             (json_int_t)c->common, "only_a", (json_int_t)c->only_a, "only_b", (json_int_t)c->only_b,
                             "decisions", "both_right", (json_int_t)c->both_right, "only_a_right", (json_int_t)c->a_right,
                             "only_b_right", (json_int_t)c->b_right, "both_wrong", (json_int_t)c->both_wrong, "mcnemar_p",
                             c->mcnemar_p, "scopes", scopes, "disagreements", differ);
    if (!made)
        return gad_error_memory(err, "write a comparison", 0);
    *root = made;
    return GAD_OK;
}
