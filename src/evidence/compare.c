/* compare: see compare.h */
#include "evidence/compare.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "compare images";

static bool same_size(const gad_prepared *a, const gad_prepared *b)
{
    return a->width == b->width && a->height == b->height;
}

/* Registering a reference is the work of one core; several are searched side by side. */
static void find_places(gad_compare *c, float *scratch, int64_t scratch_numbers)
{
#pragma omp parallel for schedule(dynamic)
    for (int64_t r = 0; r < c->count; r++)
        if (same_size(c->test, c->reference[r]))
            c->place[r] = gad_register_find(&c->test->pyramid, &c->reference[r]->pyramid, scratch + r * scratch_numbers);
}

gad_status gad_compare_begin(const gad_prepared *test, const gad_prepared *const *reference, int64_t count, int64_t cell_px,
                             gad_compare *compare, gad_error *err)
{
    int64_t planes = 3 * test->width * test->height, search = gad_register_scratch(test->width, test->height);
    int64_t work = gad_handcrafted_scratch(test->width, test->height, cell_px);
    work = work > count * search ? work : count * search;
    size_t numbers = (size_t)(2 * planes + work);
    gad_compare c = {.test = test, .reference = reference, .count = count, .cell_px = cell_px};
    c.place = gad_memory_alloc((size_t)count, sizeof *c.place);
    c.moved = gad_memory_alloc(numbers, sizeof *c.moved);
    if (!c.place || !c.moved) {
        gad_compare_end(&c, NULL);
        return gad_error_memory(err, operation, numbers * sizeof *c.moved);
    }
    c.covered = c.moved + planes;
    c.scratch = c.covered + planes;
    find_places(&c, c.scratch, search);
    *compare = c;
    return GAD_OK;
}

gad_status gad_compare_reference(gad_compare *c, int64_t r, const gad_compare_result *result, const float **registered,
                                 gad_error *err)
{
    const gad_prepared *test = c->test, *reference = c->reference[r];
    int64_t width = test->width, height = test->height;
    if (!same_size(test, reference)) {
        gad_prepared_free(&c->resized);
        gad_status status = gad_prepared_resize(reference, test->grid, &c->resized, err);
        if (status)
            return status;
        reference = &c->resized;
        c->place[r] = gad_register_find(&test->pyramid, &reference->pyramid, c->scratch);
    }
    gad_handcrafted_planes both = {
        .test = test->plane, .reference = c->covered, .stock = c->moved, .width = width, .height = height};
    gad_register_warp(reference->plane, width, height, c->place[r], c->moved);
    gad_register_relight(test->plane, width, height, c->moved);
    memcpy(c->covered, c->moved, (size_t)(3 * width * height) * sizeof *c->covered);
    gad_register_cover(test->plane, width, height, c->place[r], c->covered);
    gad_handcrafted_compare(&both, c->cell_px, r > 0, c->scratch, result->low, result->residual);
    *registered = c->covered;
    return GAD_OK;
}

void gad_compare_end(gad_compare *c, const gad_compare_result *result)
{
    if (result)
        gad_handcrafted_finish(c->test->width / c->cell_px * (c->test->height / c->cell_px), c->scratch, result->low);
    gad_prepared_free(&c->resized);
    gad_memory_free(c->place);
    gad_memory_free(c->moved);
    *c = (gad_compare){0};
}
