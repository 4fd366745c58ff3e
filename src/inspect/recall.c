/* recall: see recall.h */
#include "inspect/recall.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "inspect/kept.h"
#include "inspect/product.h"

static const char operation[] = "remember the good parts";
/* Distances as logits. A cell stands out from 0.95 of the threshold on, and spreads to 0.7 of that; a part from 0.88 of it
 * on, three times as steep as a product's score: the scale of the model's own logits.
 */
static const double cell_level = 0.95, cell_steepness = 20.0 / 3, part_level = 0.88, part_steepness = 12;

static const gad_image *picture_of(const gad_turn_part *part)
{
    return part->whole ? part->whole : part->image;
}

static void forget(gad_kept *kept)
{
    gad_product_free(kept->memory);
    kept->memory = NULL;
    kept->memory_of = (gad_hash){0};
}

/* The pictures but the last. */
static gad_status learn(gad_kept *kept, const gad_turn_part *const *picture, size_t count, int threads, gad_error *err)
{
    gad_backbone *backbone = NULL;
    gad_error why;
    gad_learn_settings settings = gad_learn_settings_default();
    const gad_image *first = picture_of(picture[0]);
    settings.threads = threads;
    gad_status status = gad_product_backbone(NULL, NULL, threads, &backbone, &why);
    if (status) /* that it is missing was said where the looks are compared */
        return status == GAD_E_MEMORY ? gad_error_memory(err, operation, 0) : GAD_OK;
    status = gad_product_side(&settings, first->width, first->height, &settings.side_px, err);
    if (status) {
        gad_backbone_free(backbone);
        return status;
    }
    status = gad_product_new(&settings, backbone, &kept->memory, err);
    if (!status)
        status = gad_product_head(&settings, gad_backbone_describe(backbone), &kept->memory->sight.head, err);
    for (size_t i = 0; !status && i + 1 < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "good part %zu", i + 1);
        status = gad_product_add(kept->memory, name, picture_of(picture[i]), err);
    }
    return status ? status : gad_product_finish(kept->memory, settings.rate, settings.confidence, err);
}

/* The memory of these good parts, learnt unless it is the last one. */
static gad_status remember(gad_engine *engine, gad_kept *kept, const gad_turn_part *const *picture, size_t count,
                           gad_error *err)
{
    gad_hash hash = {0};
    for (size_t i = 0; i + 1 < count; i++)
        hash = gad_hash_combine(hash, picture[i]->hash);
    if (gad_hash_equal(hash, kept->memory_of))
        return GAD_OK;
    forget(kept);
    gad_status status = learn(kept, picture, count, engine->device.threads, err);
    if (status)
        forget(kept);
    else
        kept->memory_of = hash;
    return status;
}

/* Distances of rows x cols cells as logits of the heat map's, interpolated. */
static void spread(const float *distance, int64_t rows, int64_t cols, double threshold, gad_recall *recall)
{
    for (int64_t i = 0; i < recall->rows * recall->cols; i++) {
        const double y = fmax(((double)(i / recall->cols) + 0.5) * (double)rows / (double)recall->rows - 0.5, 0),
                     x = fmax(((double)(i % recall->cols) + 0.5) * (double)cols / (double)recall->cols - 0.5, 0);
        const int64_t v = (int64_t)y < rows - 1 ? (int64_t)y : rows - 1, u = (int64_t)x < cols - 1 ? (int64_t)x : cols - 1;
        const int64_t w = v + 1 < rows ? v + 1 : v, t = u + 1 < cols ? u + 1 : u;
        const double down = fmin(y - (double)v, 1), across = fmin(x - (double)u, 1);
        const double above = (double)distance[v * cols + u] * (1 - across) + (double)distance[v * cols + t] * across,
                     below = (double)distance[w * cols + u] * (1 - across) + (double)distance[w * cols + t] * across;
        const double d = above * (1 - down) + below * down;
        recall->logit[i] = (float)(cell_steepness * (d / (cell_level * threshold) - 1));
    }
}

static gad_status look(gad_product *p, const gad_image *image, gad_recall *recall, gad_error *err)
{
    gad_descriptors d = {0};
    gad_status status = gad_product_see(p->backbone, p->side_px, image, &d, err);
    if (status)
        return status;
    const int64_t cells = d.rows * d.cols;
    float *distance = gad_memory_alloc((size_t)(2 * cells), sizeof *distance);
    recall->logit = gad_memory_alloc((size_t)(recall->rows * recall->cols), sizeof *recall->logit);
    if (!distance || !recall->logit)
        status = gad_error_memory(err, operation, (size_t)(2 * cells) * sizeof *distance);
    if (!status)
        status = gad_sight_look(&p->bank, &p->sight, &p->device, &d, distance, err);
    if (!status) {
        double ground;
        for (int64_t i = 0; i < cells; i++)
            distance[cells + i] = distance[i];
        const double score = gad_bank_score(distance + cells, cells, &ground);
        recall->score = part_steepness * (score / p->threshold.value - part_level);
        for (int64_t i = 0; i < cells; i++)
            distance[i] -= (float)ground;
        spread(distance, d.rows, d.cols, p->threshold.value, recall);
    }
    gad_memory_free(distance);
    gad_descriptor_free(&d);
    return status;
}

gad_status gad_recall_make(gad_engine *engine, const gad_turn_part *part, size_t part_count, gad_recall *recall,
                           gad_error *err)
{
    gad_kept *kept;
    size_t count = 0;
    if (engine->pixels_alone)
        return GAD_OK;
    const gad_turn_part **picture = gad_memory_alloc(part_count, sizeof *picture);
    gad_status status =
        picture ? gad_kept_of(engine, &kept, err) : gad_error_memory(err, operation, part_count * sizeof *picture);
    for (size_t i = 0; !status && i < part_count; i++)
        if (!part[i].text && !part[i].beside)
            picture[count++] = &part[i];
    if (!status && count > 1)
        status = remember(engine, kept, picture, count, err);
    if (!status && count > 1 && kept->memory)
        status = look(kept->memory, picture_of(picture[count - 1]), recall, err);
    gad_memory_free(picture);
    if (status) {
        gad_memory_free(recall->logit);
        recall->logit = NULL;
    }
    return status;
}
