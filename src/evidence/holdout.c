/* holdout: see holdout.h */
#include "evidence/holdout.h"

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "evidence/distances.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 4, MOST_ALONE = 1024 };
static const char operation[] = "compare good parts with each other";

/* One measurement on its way. */
typedef struct comparison {
    const gad_bank *bank;
    gad_sight *sight;
    gad_device *device;
    int views;
    float *query; /* room for the rows of the largest part, and for its distances */
    float *spare;
    float *logit; /* [cells] as the distances; NULL: there is no head */
    gad_holdout *out;
} comparison;

/* The part's own picture (its first view) against the rows of `others`. */
static gad_status measure_part(const comparison *c, const gad_bank *others, int64_t part, int64_t except, int64_t to,
                               gad_error *err)
{
    const gad_bank_part *p = &c->bank->part[part];
    const int64_t cells = p->count / c->views, width = c->bank->width;
    gad_half_array_from_bf16(c->query, c->bank->rows + p->first * width, (size_t)(cells * width));
    const gad_descriptors picture = {.rows = p->cols ? cells / p->cols : 1,
                                     .cols = p->cols ? p->cols : cells,
                                     .width = width,
                                     .levels = c->bank->levels,
                                     .data = c->query};
    c->out->unfamiliar[part] = gad_bank_unfamiliar(c->bank, c->bank->whole + part * width, part, NULL);
    return gad_sight_measure(others, c->sight, c->device, &picture, except, c->out->distance + to,
                             c->logit ? c->logit + to : NULL, err);
}

/* The bank without every GROUPS-th part from `group` on, thinned. */
static gad_status make_others(const gad_bank *bank, int group, int64_t most, gad_bank *others, gad_error *err)
{
    int64_t *kept = gad_memory_alloc((size_t)bank->parts, sizeof *kept);
    if (!kept)
        return gad_error_memory(err, operation, (size_t)bank->parts * sizeof *kept);
    int64_t count = 0;
    for (int64_t p = 0; p < bank->parts; p++)
        if (p % GROUPS != group)
            kept[count++] = p;
    gad_status status = gad_bank_copy(bank, kept, count, others, err);
    if (!status)
        status = gad_bank_thin(others, most, err);
    gad_memory_free(kept);
    return status;
}

static gad_status measure_group(const comparison *c, int group, int64_t most, gad_error *err)
{
    gad_bank others = {0};
    gad_status status = make_others(c->bank, group, most, &others, err);
    int64_t to = 0;
    for (int64_t p = 0; !status && p < c->bank->parts; p++) {
        if (p % GROUPS == group)
            status = measure_part(c, &others, p, -1, to, err);
        to += c->bank->part[p].count / c->views;
    }
    gad_bank_free(&others);
    return status;
}

static gad_status measure(const comparison *c, int64_t most, gad_error *err)
{
    gad_status status = GAD_OK;
    int64_t to = 0;
    for (int g = 0; !status && c->bank->count > most && g < GROUPS; g++)
        status = measure_group(c, g, most, err);
    for (int64_t p = 0; !status && c->bank->count <= most && p < c->bank->parts; p++) {
        status = measure_part(c, c->bank, p, p, to, err);
        to += c->bank->part[p].count / c->views;
    }
    return status;
}

/* The score of each part by its distances; by its logits, where `logit`. */
static void score_parts(const comparison *c, const float *of, bool logit, double *score)
{
    for (int64_t p = 0, from = 0; p < c->bank->parts; p++) {
        const int64_t cells = c->bank->part[p].count / c->views;
        memcpy(c->spare, of + from, (size_t)cells * sizeof *of);
        score[p] = logit ? gad_bank_top(c->spare, cells) : gad_bank_score(c->spare, cells, NULL);
        from += cells;
    }
}

/* What the parts say of the head, and their scores with it. */
static gad_status fit(const comparison *c, gad_error *err)
{
    const gad_holdout *h = c->out;
    double *logit = gad_memory_alloc((size_t)h->parts, sizeof *logit);
    if (!logit)
        return gad_error_memory(err, operation, (size_t)h->parts * sizeof *logit);
    score_parts(c, h->distance, false, h->score);
    if (c->logit) {
        score_parts(c, c->logit, true, logit);
        gad_sight_fit(c->sight, h->score, logit, h->parts);
        gad_sight_raise(c->sight, h->distance, c->logit, h->cells);
        score_parts(c, h->distance, false, h->score);
    }
    gad_memory_free(logit);
    return GAD_OK;
}

static gad_status make_room(gad_holdout *h, comparison *c, gad_error *err)
{
    int64_t largest = 0;
    for (int64_t p = 0; p < c->bank->parts; p++) {
        const int64_t cells = c->bank->part[p].count / c->views;
        largest = cells > largest ? cells : largest;
        h->cells += cells;
    }
    const bool headed = gad_map_head_exists(&c->sight->head);
    h->score = gad_memory_alloc((size_t)h->parts, sizeof *h->score);
    h->unfamiliar = gad_memory_alloc((size_t)h->parts, sizeof *h->unfamiliar);
    h->distance = gad_memory_alloc((size_t)h->cells, sizeof *h->distance);
    c->logit = headed ? gad_memory_alloc((size_t)h->cells, sizeof *c->logit) : NULL;
    c->query = gad_memory_alloc_aligned((size_t)(largest * c->bank->width), sizeof *c->query);
    c->spare = gad_memory_alloc((size_t)largest, sizeof *c->spare);
    return h->score && h->unfamiliar && h->distance && c->query && c->spare && (c->logit || !headed)
               ? GAD_OK
               : gad_error_memory(err, operation, (size_t)h->cells * sizeof *h->distance);
}

gad_status gad_holdout_measure(const gad_bank *bank, gad_sight *sight, gad_device *device, int views, int64_t most,
                               gad_holdout *holdout, gad_error *err)
{
    if (bank->parts < 2)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "give two good parts at least", "%lld good parts",
                             (long long)bank->parts);
    gad_holdout h = {.parts = bank->parts};
    comparison c = {.bank = bank, .sight = sight, .device = device, .views = views, .out = &h};
    gad_status status = make_room(&h, &c, err);
    if (!status)
        status = measure(&c, most, err);
    if (!status)
        status = fit(&c, err);
    gad_memory_free_aligned(c.query);
    gad_memory_free(c.spare);
    gad_memory_free(c.logit);
    if (status)
        gad_holdout_free(&h);
    else
        *holdout = h;
    return status;
}

static double cosine(const float *a, const float *b, int64_t width)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; i++)
        sum += a[i] * b[i];
    return (double)sum;
}

static bool are_far(int64_t a, int64_t b, int64_t cols)
{
    return llabs(a / cols - b / cols) >= GAD_DISTANCES_FAR || llabs(a % cols - b % cols) >= GAD_DISTANCES_FAR;
}

gad_status gad_holdout_alone(const gad_descriptors *part, double *score, gad_error *err)
{
    const int64_t cells = part->rows * part->cols, step = 1 + cells / MOST_ALONE, count = (cells + step - 1) / step;
    float *distance = gad_memory_alloc((size_t)count, sizeof *distance);
    if (!distance)
        return gad_error_memory(err, operation, (size_t)count * sizeof *distance);
    int64_t known = 0;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++) {
        double best = -1;
        for (int64_t k = 0; !gad_descriptor_is_blank(part, i * step) && k < cells; k += step)
            if (are_far(i * step, k, part->cols))
                best = fmax(best, cosine(part->data + i * step * part->width, part->data + k * part->width, part->width));
        distance[i] = best > -1 ? (float)(1 - best) : -1;
    }
    for (int64_t i = 0; i < count; i++)
        if (distance[i] >= 0)
            distance[known++] = distance[i];
    *score = known ? gad_bank_score(distance, known, NULL) : (double)NAN;
    gad_memory_free(distance);
    return GAD_OK;
}

void gad_holdout_free(gad_holdout *holdout)
{
    if (!holdout)
        return;
    gad_memory_free(holdout->score);
    gad_memory_free(holdout->unfamiliar);
    gad_memory_free(holdout->distance);
    *holdout = (gad_holdout){0};
}
