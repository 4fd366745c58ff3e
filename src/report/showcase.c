/* showcase: see showcase.h */
#include "report/showcase.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/rng.h"
#include "io/image_jpeg.h"
#include "io/resize.h"
#include "io/thumbnail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { QUALITY = 80 };

/* ---- choosing ---- */

typedef struct candidate {
    size_t item;
    gad_scoring_kind kind;
    double badness; /* higher is shown first */
    uint64_t lot;   /* breaks ties without favouring a category */
} candidate;

static int worst_first(const void *a, const void *b)
{
    const candidate *p = a, *q = b;
    if (p->kind != q->kind)
        return p->kind < q->kind ? -1 : 1;
    if (p->badness != q->badness)
        return p->badness < q->badness ? 1 : -1;
    return (p->lot > q->lot) - (p->lot < q->lot);
}

static int by_lot(const void *a, const void *b)
{
    const candidate *p = a, *q = b;
    return (p->lot > q->lot) - (p->lot < q->lot);
}

static double badness_of(const gad_scored *scored, gad_scoring_kind kind)
{
    const gad_outcome *o = &scored->outcome;
    double score = isnan(o->score) ? 0 : o->score;
    switch (kind) {
    case GAD_SCORING_MISSED: return -score;
    case GAD_SCORING_FALSE_ALARM: return score;
    case GAD_SCORING_WRONG_PLACE:
    case GAD_SCORING_PARTLY: return isnan(o->mask_iou) ? 0 : -o->mask_iou;
    default: return 0;
    }
}

static size_t list_candidates(const gad_summary *s, candidate *c)
{
    size_t n = 0;
    for (size_t i = 0; i < s->record->items.count; i++) {
        const gad_row *row = &s->record->rows.of[i];
        if (!row->id || !row->answered)
            continue;
        gad_scoring_kind kind = gad_scoring_kind_of(&s->scored[i]);
        gad_hash hash = gad_hash_bytes(row->id, strlen(row->id));
        gad_rng rng = gad_rng_make(s->choices.seed, hash.low);
        c[n++] = (candidate){.item = i, .kind = kind, .badness = badness_of(&s->scored[i], kind), .lot = gad_rng_u64(&rng)};
    }
    return n;
}

static void add_case(gad_showcase *g, const candidate *c, bool random)
{
    for (size_t k = 0; k < g->count; k++)
        if (g->shown[k].item == c->item) {
            g->shown[k].random |= random;
            return;
        }
    g->shown[g->count++] = (gad_showcase_case){.item = c->item, .kind = c->kind, .random = random};
}

static void choose(gad_showcase *g, candidate *c, size_t n, size_t per_kind)
{
    qsort(c, n, sizeof *c, worst_first);
    size_t of_kind[GAD_SCORING_KINDS] = {0};
    for (size_t i = 0; i < n; i++)
        if (c[i].kind != GAD_SCORING_RIGHT && of_kind[c[i].kind]++ < per_kind)
            add_case(g, &c[i], false);
    qsort(c, n, sizeof *c, by_lot);
    for (size_t i = 0; i < n && i < per_kind; i++)
        add_case(g, &c[i], true);
}

/* ---- pictures ---- */

static gad_status read_cropped(const gad_item *item, gad_image *small, gad_error *err)
{
    gad_image whole = {0}, part = {0};
    const int64_t *c = item->crop;
    gad_status status = gad_image_load(item->image, &whole, err);
    if (!status && (c[0] < 0 || c[1] < 0 || c[2] > whole.width || c[3] > whole.height || c[3] <= c[1]))
        status = gad_error_set(err, GAD_E_FORMAT, "read a picture", NULL, "%s: the crop lies outside", item->image);
    if (!status)
        status = gad_image_new(c[2] - c[0], c[3] - c[1], whole.channels, &part, err);
    for (int64_t y = 0; !status && y < part.height; y++)
        memcpy(gad_image_row(&part, y), gad_image_row(&whole, c[1] + y) + c[0] * whole.channels, gad_image_stride(&part));
    if (!status)
        status = gad_resize_fit(&part, GAD_SHOWCASE_SIDE, GAD_SHOWCASE_SIDE, small, err);
    gad_image_free(&whole);
    gad_image_free(&part);
    return status;
}

static gad_status make_thumbnail(const char *path, const gad_item *cropped_by, gad_showcase_picture *to, gad_error *err)
{
    gad_image small = {0};
    bool crop = cropped_by && cropped_by->crop[2] > cropped_by->crop[0];
    gad_status status =
        crop ? read_cropped(cropped_by, &small, err) : gad_thumbnail_load(path, GAD_SHOWCASE_SIDE, &small, err);
    if (!status)
        status = gad_image_jpeg_encode(&small, QUALITY, &to->jpeg, err);
    to->width = small.width;
    to->height = small.height;
    gad_image_free(&small);
    return status;
}

static void note_unreadable(gad_showcase *g, const gad_error *why)
{
#pragma omp critical(gad_showcase_note)
    {
        if (!g->unreadable++)
            snprintf(g->first_unreadable, sizeof g->first_unreadable, "%s", why->cause);
    }
}

static void read_case(gad_showcase *g, const gad_summary *s, gad_showcase_case *c)
{
    const gad_item *item = &s->record->items.item[c->item];
    gad_error why = {0};
    c->width = item->width;
    c->height = item->height;
    if (make_thumbnail(item->image, item, &c->image, &why))
        note_unreadable(g, &why);
    if (item->reference_count && make_thumbnail(item->reference[0], NULL, &c->reference, &why))
        note_unreadable(g, &why);
}

/* Keeps the page small enough to mail, whatever the pictures are. */
static void drop_overweight(gad_showcase *g)
{
    size_t total = 0;
    for (size_t i = 0; i < g->count; i++) {
        gad_string *file[] = {&g->shown[i].image.jpeg, &g->shown[i].reference.jpeg};
        for (int k = 0; k < 2; k++) {
            total += file[k]->length;
            if (total > GAD_SHOWCASE_LIMIT_BYTES && file[k]->length) {
                gad_string_free(file[k]);
                g->left_out++;
            }
        }
    }
}

gad_status gad_showcase_make(const gad_summary *summary, size_t per_kind, gad_showcase *gallery, gad_error *err)
{
    gad_showcase g = {0};
    candidate *c = gad_memory_alloc(summary->record->items.count, sizeof *c);
    g.shown = gad_memory_zero(per_kind * GAD_SCORING_KINDS, sizeof *g.shown);
    if (!c || !g.shown) {
        gad_memory_free(c);
        gad_memory_free(g.shown);
        return gad_error_memory(err, "choose the cases of a report", summary->record->items.count * sizeof *c);
    }
    size_t n = list_candidates(summary, c);
    if (n)
        choose(&g, c, n, per_kind);
    gad_memory_free(c);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < g.count; i++)
        read_case(&g, summary, &g.shown[i]);
    drop_overweight(&g);
    *gallery = g;
    return GAD_OK;
}

void gad_showcase_free(gad_showcase *gallery)
{
    for (size_t i = 0; i < gallery->count; i++) {
        gad_string_free(&gallery->shown[i].reference.jpeg);
        gad_string_free(&gallery->shown[i].image.jpeg);
    }
    gad_memory_free(gallery->shown);
    *gallery = (gad_showcase){0};
}
