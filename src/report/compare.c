/* compare: see compare.h */
#include "report/compare.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

static const char operation[] = "compare two runs";

/* P(|X - n/2| >= |k - n/2|) for X of Binomial(n, 1/2): McNemar's exact test with k of n discordant pairs. */
static double mcnemar(int64_t k, int64_t n)
{
    int64_t low = k < n - k ? k : n - k;
    double sum = 0, m = (double)n;
    if (!n)
        return 1;
    for (int64_t i = 0; i <= low; i++)
        sum += exp(lgamma(m + 1) - lgamma((double)i + 1) - lgamma(m - (double)i + 1) - m * log(2));
    sum *= 2;
    return sum > 1 ? 1 : sum;
}

double gad_compare_bootstrap_p(const gad_compare *c, const gad_interval *scope, int metric)
{
    double below = scope->below.of[metric], n = (double)c->a->choices.resamples;
    double p = 2 * fmin(below, 1 - below);
    return fmin(1, fmax(p, 2 / (n + 1)));
}

/* Outcomes of the common items, category by category of A, with A's categories renumbered to those that occur. */
typedef struct pairs {
    gad_outcome *a, *b;
    size_t count;
    int32_t *dataset; /* of each category that occurs */
    size_t categories, datasets;
    const char **name;
} pairs;

static void free_pairs(pairs *p)
{
    gad_memory_free(p->a);
    gad_memory_free(p->b);
    gad_memory_free(p->dataset);
}

static gad_status pair_items(gad_compare *c, gad_items *b_items, int64_t *partner, gad_error *err)
{
    const gad_record *a = c->a->record, *b = c->b->record;
    for (size_t i = 0; i < a->items.count; i++) {
        gad_status status = gad_item_find(b_items, a->items.item[i].id, &partner[i], err);
        if (status)
            return status;
        if (partner[i] >= 0 && a->items.item[i].anomalous != b->items.item[partner[i]].anomalous)
            return gad_error_set(err, GAD_E_ARGUMENT, operation, "compare runs on the same data",
                                 "%s: normal in one run, anomalous in the other", a->items.item[i].id);
        if (partner[i] >= 0 && !(c->a->scored[i].counted && c->b->scored[partner[i]].counted))
            partner[i] = -1;
        *(partner[i] >= 0 ? &c->common : &c->only_a) += c->a->scored[i].counted;
    }
    for (size_t i = 0; i < b->items.count; i++)
        c->only_b += c->b->scored[i].counted;
    c->only_b -= c->common;
    return GAD_OK;
}

/* Number the categories and data sets of A that have common items; *number [categories of A] is -1 for the others. */
static void number_categories(const gad_compare *c, const int64_t *partner, int32_t *number, pairs *p)
{
    const gad_summary *s = c->a;
    for (size_t k = 0; k < s->categories; k++)
        number[k] = -1;
    for (size_t i = 0; i < s->record->items.count; i++)
        if (partner[i] >= 0)
            number[s->scored[i].outcome.category] = 0;
    int32_t last = -1;
    for (size_t k = 0; k < s->categories; k++) {
        if (number[k] < 0)
            continue;
        if (s->category[k].dataset != last) {
            last = s->category[k].dataset;
            p->name[p->datasets++] = s->scope[last].name;
        }
        p->dataset[p->categories] = (int32_t)p->datasets - 1;
        number[k] = (int32_t)p->categories++;
    }
}

static void gather(gad_compare *c, const int64_t *partner, const int32_t *number, pairs *p)
{
    for (size_t i = 0; i < c->a->record->items.count; i++) {
        if (partner[i] < 0)
            continue;
        gad_outcome a = c->a->scored[i].outcome, b = c->b->scored[partner[i]].outcome;
        a.category = b.category = number[a.category];
        bool a_right = a.called == a.anomalous, b_right = b.called == b.anomalous;
        *(a_right ? (b_right ? &c->both_right : &c->a_right) : (b_right ? &c->b_right : &c->both_wrong)) += 1;
        if (a_right != b_right)
            c->differ[c->differ_count++] = (gad_compare_case){i, (size_t)partner[i]};
        p->a[p->count] = a;
        p->b[p->count++] = b;
    }
}

/* A ranking metric needs a score on both sides: where one has none, neither is ranked. */
static void drop_single_scores(pairs *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (isnan(p->a[i].score) || isnan(p->b[i].score))
            p->a[i].score = p->b[i].score = NAN;
}

static gad_status measure(gad_compare *c, const int64_t *partner, int32_t *number, pairs *p, gad_error *err)
{
    number_categories(c, partner, number, p);
    gather(c, partner, number, p);
    drop_single_scores(p);
    if (!p->count)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "compare runs on the same data",
                             "the runs have no answered image in common");
    c->mcnemar_p = mcnemar(c->a_right, c->a_right + c->b_right);
    c->scopes = p->datasets + 1;
    c->name[p->datasets] = "all";
    gad_interval_design design = {.outcome = p->a,
                                  .other = p->b,
                                  .count = p->count,
                                  .dataset = p->dataset,
                                  .categories = p->categories,
                                  .datasets = p->datasets};
    gad_interval_options options = {c->a->choices.resamples, c->a->choices.seed, c->a->choices.confidence};
    return gad_interval_bootstrap(&design, &options, c->scope, err);
}

gad_status gad_compare_make(const gad_summary *a, const gad_summary *b, gad_compare *compare, gad_error *err)
{
    gad_compare c = {.a = a, .b = b};
    size_t n = a->record->items.count;
    gad_items b_items = b->record->items; /* shares everything but the index of ids, which is made here */
    b_items.slot = NULL;
    int64_t *partner = gad_memory_alloc(n, sizeof *partner);
    int32_t *number = gad_memory_alloc(a->categories, sizeof *number);
    c.scope = gad_memory_zero(a->datasets + 1, sizeof *c.scope);
    c.name = gad_memory_zero(a->datasets + 1, sizeof *c.name);
    c.differ = gad_memory_alloc(n, sizeof *c.differ);
    pairs p = {.a = gad_memory_alloc(n, sizeof *p.a),
               .b = gad_memory_alloc(n, sizeof *p.b),
               .name = c.name,
               .dataset = gad_memory_alloc(a->categories, sizeof *p.dataset)};
    gad_status status = GAD_OK;
    if (!partner || !number || !c.scope || !c.name || !c.differ || !p.a || !p.b || !p.dataset)
        status = gad_error_memory(err, operation, n * sizeof *p.a);
    if (!status)
        status = pair_items(&c, &b_items, partner, err);
    if (!status)
        status = measure(&c, partner, number, &p, err);
    gad_memory_free(b_items.slot);
    gad_memory_free(partner);
    gad_memory_free(number);
    free_pairs(&p);
    if (status)
        gad_compare_free(&c);
    else
        *compare = c;
    return status;
}

void gad_compare_free(gad_compare *compare)
{
    gad_memory_free(compare->scope);
    gad_memory_free(compare->name);
    gad_memory_free(compare->differ);
    *compare = (gad_compare){0};
}
