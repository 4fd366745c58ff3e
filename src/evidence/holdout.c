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
    const gad_map_head *head;
    gad_device *device;
    int views;
    float *query; /* room for the rows of the largest part, and for its distances */
    float *spare;
    gad_holdout *out;
} comparison;

/* The part's own picture (its first view) against the rows of `others`. */
static gad_status measure_part(const comparison *c, const gad_bank *others, int64_t part, int64_t except, int64_t to,
                               gad_error *err)
{
    const gad_bank_part *p = &c->bank->part[part];
    const int64_t cells = p->count / c->views, width = c->bank->width;
    gad_half_array_from_bf16(c->query, c->bank->rows + p->first * width, (size_t)(cells * width));
    float *distance = c->out->distance + to;
    const gad_descriptors picture = {.rows = p->cols ? cells / p->cols : 1,
                                     .cols = p->cols ? p->cols : cells,
                                     .width = width,
                                     .levels = c->bank->levels,
                                     .data = c->query};
    gad_status status = gad_sight_look(others, c->head, c->device, &picture, except, distance, err);
    if (status)
        return status;
    memcpy(c->spare, distance, (size_t)cells * sizeof *distance);
    c->out->score[part] = gad_bank_score(c->spare, cells, NULL);
    c->out->unfamiliar[part] = gad_bank_unfamiliar(c->bank, c->bank->whole + part * width, part, NULL);
    return GAD_OK;
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

gad_status gad_holdout_measure(const gad_bank *bank, const gad_map_head *head, gad_device *device, int views, int64_t most,
                               gad_holdout *holdout, gad_error *err)
{
    if (bank->parts < 2)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "give two good parts at least", "%lld good parts",
                             (long long)bank->parts);
    gad_holdout h = {.parts = bank->parts};
    int64_t largest = 0;
    for (int64_t p = 0; p < bank->parts; p++) {
        const int64_t cells = bank->part[p].count / views;
        largest = cells > largest ? cells : largest;
        h.cells += cells;
    }
    h.score = gad_memory_alloc((size_t)h.parts, sizeof *h.score);
    h.unfamiliar = gad_memory_alloc((size_t)h.parts, sizeof *h.unfamiliar);
    h.distance = gad_memory_alloc((size_t)h.cells, sizeof *h.distance);
    comparison c = {.bank = bank, .head = head, .device = device, .views = views, .out = &h};
    c.query = gad_memory_alloc_aligned((size_t)(largest * bank->width), sizeof *c.query);
    c.spare = gad_memory_alloc((size_t)largest, sizeof *c.spare);
    gad_status status = h.score && h.unfamiliar && h.distance && c.query && c.spare
                            ? measure(&c, most, err)
                            : gad_error_memory(err, operation, (size_t)h.cells * sizeof *h.distance);
    gad_memory_free_aligned(c.query);
    gad_memory_free(c.spare);
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
