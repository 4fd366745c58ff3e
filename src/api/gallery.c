/* gallery: gad_gallery_* of gad_product.h: good parts, of which the best aligned one is shown with each inspected part. */
#include "api/picture.h"
#include "base/error.h"
#include "base/memory.h"
#include "data/align.h"
#include "gad_product.h"

struct gad_gallery {
    gad_align_rule rule;
    gad_align_index *index;
    gad_hash *hash; /* [count] of the pictures, room for `capacity` */
    size_t count, capacity;
    uint16_t *feature;      /* scratch: one feature */
    unsigned char *allowed; /* [count] scratch */
};

static const char operation[] = "compare good parts";

gad_status gad_gallery_new(int capacity, gad_gallery **gallery, gad_error *err)
{
    gad_gallery *g = gad_memory_zero(1, sizeof *g);
    if (!g)
        return gad_error_memory(err, operation, sizeof *g);
    g->rule = gad_align_rule_default();
    g->capacity = capacity > 0 ? (size_t)capacity : 0;
    g->hash = gad_memory_zero(g->capacity, sizeof *g->hash);
    g->allowed = gad_memory_zero(g->capacity, 1);
    g->feature = gad_memory_alloc(gad_align_count(&g->rule), sizeof *g->feature);
    gad_status status =
        g->hash && g->allowed && g->feature ? GAD_OK : gad_error_memory(err, operation, g->capacity * sizeof *g->hash);
    if (!status)
        status = gad_align_index_new(&g->rule, g->capacity, &g->index, err);
    if (status)
        gad_gallery_free(g);
    else
        *gallery = g;
    return status;
}

gad_status gad_gallery_add(gad_gallery *g, const gad_picture *good, gad_error *err)
{
    if (g->count == g->capacity || good->fitted)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             good->fitted ? "a picture was fitted to an engine before it was added"
                                          : "the gallery has no room for another picture");
    gad_status status = gad_align_feature(&good->image, &g->rule, g->feature, err);
    if (!status)
        status = gad_align_index_add(g->index, g->feature, err);
    if (!status)
        g->hash[g->count++] = good->hash;
    return status;
}

void gad_gallery_free(gad_gallery *g)
{
    if (!g)
        return;
    gad_align_index_free(g->index);
    gad_memory_free(g->hash);
    gad_memory_free(g->allowed);
    gad_memory_free(g->feature);
    gad_memory_free(g);
}

gad_status gad_gallery_best(gad_gallery *g, const gad_picture *part, int *best, gad_error *err)
{
    gad_align_match match;
    int found = 0;
    for (size_t i = 0; i < g->count; i++)
        g->allowed[i] = !gad_hash_equal(g->hash[i], part->hash);
    gad_status status = gad_align_feature(&part->image, &g->rule, g->feature, err);
    if (!status)
        status = gad_align_search(g->index, g->feature, g->allowed, 1, &match, &found, err);
    if (!status && !found)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "give at least one other good part",
                               "the only good part is the inspected picture itself");
    if (!status)
        *best = (int)match.candidate;
    return status;
}
