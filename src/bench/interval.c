/* interval: see interval.h */
#include "bench/interval.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A scored image: place in the outcome array, and what ranking needs. */
typedef struct scored {
    double score;
    int32_t image;
    bool anomalous;
} scored;

/* What all resamples share. Images are grouped by (category, truth); scored images by category, best score first. */
typedef struct frame {
    const gad_interval_design *design;
    int32_t *member;        /* image indices, group after group */
    int32_t *group_start;   /* [2 * categories + 1] */
    scored *ranked[2];      /* of outcome and of other */
    int32_t *rank_start[2]; /* [categories + 1] */
} frame;

/* One thread's scratch. */
typedef struct scratch {
    int32_t *weight;          /* [count] */
    gad_metric_point *points; /* [count] */
    gad_tally *tally;         /* [categories] */
    gad_metric_values *category, *scope, *other_scope;
} scratch;

static const gad_outcome *side_of(const gad_interval_design *d, int side)
{
    return side ? d->other : d->outcome;
}

static void free_frame(frame *f)
{
    gad_memory_free(f->member);
    gad_memory_free(f->group_start);
    for (int side = 0; side < 2; side++) {
        gad_memory_free(f->ranked[side]);
        gad_memory_free(f->rank_start[side]);
    }
}

static void group_images(frame *f)
{
    const gad_interval_design *d = f->design;
    size_t groups = 2 * d->categories;
    memset(f->group_start, 0, (groups + 1) * sizeof *f->group_start);
    for (size_t i = 0; i < d->count; i++)
        f->group_start[2 * d->outcome[i].category + d->outcome[i].anomalous + 1]++;
    for (size_t g = 0; g < groups; g++)
        f->group_start[g + 1] += f->group_start[g];
    for (size_t i = d->count; i-- > 0;) /* backwards, while the starts of the next group serve as cursors */
        f->member[--f->group_start[2 * d->outcome[i].category + d->outcome[i].anomalous + 1]] = (int32_t)i;
    /* every start moved to its group's first image, one slot too high */
    memmove(f->group_start, f->group_start + 1, groups * sizeof *f->group_start);
    f->group_start[groups] = (int32_t)d->count;
}

static int by_category_then_score(const void *a, const void *b, void *outcome)
{
    const scored *p = a, *q = b;
    const gad_outcome *of = outcome;
    int32_t c = of[p->image].category, e = of[q->image].category;
    if (c != e)
        return c < e ? -1 : 1;
    if (p->score != q->score)
        return p->score < q->score ? 1 : -1;
    return (p->image > q->image) - (p->image < q->image);
}

static void rank_images(frame *f, int side)
{
    const gad_interval_design *d = f->design;
    const gad_outcome *outcome = side_of(d, side);
    size_t n = 0;
    for (size_t i = 0; i < d->count; i++)
        if (!isnan(outcome[i].score))
            f->ranked[side][n++] = (scored){outcome[i].score, (int32_t)i, outcome[i].anomalous};
    if (n)
        qsort_r(f->ranked[side], n, sizeof(scored), by_category_then_score, (void *)(uintptr_t)outcome);
    size_t at = 0;
    for (size_t c = 0; c < d->categories; c++) {
        f->rank_start[side][c] = (int32_t)at;
        while (at < n && outcome[f->ranked[side][at].image].category == (int32_t)c)
            at++;
    }
    f->rank_start[side][d->categories] = (int32_t)n;
}

static bool make_frame(frame *f, const gad_interval_design *design)
{
    *f = (frame){.design = design};
    f->member = gad_memory_alloc(design->count, sizeof *f->member);
    f->group_start = gad_memory_alloc(2 * design->categories + 1, sizeof *f->group_start);
    bool done = f->member && f->group_start;
    for (int side = 0; side < (design->other ? 2 : 1) && done; side++) {
        f->ranked[side] = gad_memory_alloc(design->count, sizeof(scored));
        f->rank_start[side] = gad_memory_alloc(design->categories + 1, sizeof(int32_t));
        done = f->ranked[side] && f->rank_start[side];
        if (done)
            rank_images(f, side);
    }
    if (done)
        group_images(f);
    return done;
}

static void free_scratch(scratch *s)
{
    gad_memory_free(s->weight);
    gad_memory_free(s->points);
    gad_memory_free(s->tally);
    gad_memory_free(s->category);
    gad_memory_free(s->scope);
    gad_memory_free(s->other_scope);
}

static bool make_scratch(scratch *s, const gad_interval_design *d)
{
    *s = (scratch){.weight = gad_memory_alloc(d->count, sizeof *s->weight),
                   .points = gad_memory_alloc(d->count, sizeof *s->points),
                   .tally = gad_memory_alloc(d->categories, sizeof *s->tally),
                   .category = gad_memory_alloc(d->categories, sizeof *s->category),
                   .scope = gad_memory_alloc(d->datasets + 1, sizeof *s->scope),
                   .other_scope = gad_memory_alloc(d->datasets + 1, sizeof *s->other_scope)};
    return s->weight && s->points && s->tally && s->category && s->scope && s->other_scope;
}

/* Metrics of one side under the weights: categories, then data sets and overall into `scope`. */
static void evaluate(const frame *f, int side, scratch *s, gad_metric_values *scope)
{
    const gad_interval_design *d = f->design;
    const gad_outcome *outcome = side_of(d, side);
    memset(s->tally, 0, d->categories * sizeof *s->tally);
    for (size_t i = 0; i < d->count; i++)
        if (s->weight[i])
            gad_tally_add(&s->tally[outcome[i].category], &outcome[i], s->weight[i]);
    for (size_t c = 0; c < d->categories; c++) {
        s->category[c] = gad_tally_values(&s->tally[c]);
        size_t n = 0;
        for (int32_t k = f->rank_start[side][c]; k < f->rank_start[side][c + 1]; k++) {
            const scored *r = &f->ranked[side][k];
            s->points[n++] = (gad_metric_point){r->score, s->weight[r->image], r->anomalous};
        }
        gad_tally_rank(&s->category[c], s->points, n);
    }
    size_t first = 0;
    for (size_t k = 0; k < d->datasets; k++) {
        size_t end = first;
        while (end < d->categories && d->dataset[end] == (int32_t)k)
            end++;
        scope[k] = gad_tally_macro(s->category + first, end - first);
        first = end;
    }
    scope[d->datasets] = gad_tally_macro(scope, d->datasets);
}

/* Values of the design: of its one side, or the difference of both. */
static void evaluate_design(const frame *f, scratch *s)
{
    if (f->design->other)
        evaluate(f, 1, s, s->other_scope);
    evaluate(f, 0, s, s->scope);
    for (size_t k = 0; f->design->other && k <= f->design->datasets; k++)
        for (int m = 0; m < GAD_METRIC_COUNT; m++)
            s->scope[k].of[m] -= s->other_scope[k].of[m];
}

static void draw_weights(const frame *f, gad_rng *rng, int32_t *weight)
{
    memset(weight, 0, f->design->count * sizeof *weight);
    for (size_t g = 0; g < 2 * f->design->categories; g++) {
        int32_t first = f->group_start[g];
        uint32_t n = (uint32_t)(f->group_start[g + 1] - first);
        for (uint32_t k = 0; k < n; k++)
            weight[f->member[(uint32_t)first + gad_rng_below(rng, n)]]++;
    }
}

gad_status gad_interval_values(const gad_interval_design *design, gad_metric_values *category, gad_metric_values *scope,
                               gad_error *err)
{
    frame f = {0};
    scratch s = {0};
    bool done = make_frame(&f, design) && make_scratch(&s, design);
    if (done) {
        for (size_t i = 0; i < design->count; i++)
            s.weight[i] = 1;
        evaluate_design(&f, &s);
        if (category)
            memcpy(category, s.category, design->categories * sizeof *category);
        if (scope)
            memcpy(scope, s.scope, (design->datasets + 1) * sizeof *scope);
    }
    free_scratch(&s);
    free_frame(&f);
    return done ? GAD_OK : gad_error_memory(err, "compute metrics", design->count * sizeof(gad_outcome));
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Resampled values lie as [scope][metric][resample]. */
static void summarize(double *drawn, const gad_interval_design *d, const gad_interval_options *o, gad_interval *interval)
{
    size_t n = (size_t)o->resamples;
    for (size_t k = 0; k <= d->datasets; k++)
        for (int m = 0; m < GAD_METRIC_COUNT; m++, drawn += n) {
            gad_interval *to = &interval[k];
            if (isnan(to->value.of[m])) {
                to->low.of[m] = to->high.of[m] = to->below.of[m] = NAN;
                continue;
            }
            qsort(drawn, n, sizeof *drawn, rising);
            to->low.of[m] = gad_metric_image_quantile(drawn, n, (1 - o->confidence) / 2);
            to->high.of[m] = gad_metric_image_quantile(drawn, n, (1 + o->confidence) / 2);
            double below = 0;
            for (size_t i = 0; i < n; i++)
                below += drawn[i] < 0 ? 1 : drawn[i] > 0 ? 0 : .5;
            to->below.of[m] = below / (double)n;
        }
}

/* All resamples into `drawn`; false when a thread had no memory. */
static bool draw_all(const frame *f, const gad_interval_options *options, double *drawn)
{
    bool done = true;
    const gad_interval_design *d = f->design;
#pragma omp parallel
    {
        scratch s;
        bool mine = make_scratch(&s, d);
        if (!mine) {
#pragma omp atomic write
            done = false;
        }
#pragma omp for schedule(dynamic, 8)
        for (int64_t r = 0; r < options->resamples; r++) {
            if (!mine)
                continue;
            gad_rng rng = gad_rng_make(options->seed, (uint64_t)r);
            draw_weights(f, &rng, s.weight);
            evaluate_design(f, &s);
            for (size_t k = 0; k <= d->datasets; k++)
                for (size_t m = 0; m < GAD_METRIC_COUNT; m++)
                    drawn[(k * GAD_METRIC_COUNT + m) * (size_t)options->resamples + (size_t)r] = s.scope[k].of[m];
        }
        free_scratch(&s);
    }
    return done;
}

gad_status gad_interval_bootstrap(const gad_interval_design *design, const gad_interval_options *options,
                                  gad_interval *interval, gad_error *err)
{
    static const char operation[] = "bootstrap intervals";
    if (options->resamples < 1 || options->resamples > 1000000 || !(options->confidence > 0 && options->confidence < 1))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%lld resamples at confidence %g",
                             (long long)options->resamples, options->confidence);
    size_t scopes = design->datasets + 1, numbers = scopes * GAD_METRIC_COUNT;
    gad_metric_values *value = gad_memory_alloc(scopes, sizeof *value);
    double *drawn = gad_memory_alloc(numbers, (size_t)options->resamples * sizeof *drawn);
    gad_status status = value && drawn ? gad_interval_values(design, NULL, value, err)
                                       : gad_error_memory(err, operation, numbers * (size_t)options->resamples * 8);
    frame f = {0};
    if (!status && !(make_frame(&f, design) && draw_all(&f, options, drawn)))
        status = gad_error_memory(err, operation, design->count * sizeof(gad_outcome));
    if (!status) {
        for (size_t k = 0; k < scopes; k++)
            interval[k].value = value[k];
        summarize(drawn, design, options, interval);
    }
    free_frame(&f);
    gad_memory_free(drawn);
    gad_memory_free(value);
    return status;
}
