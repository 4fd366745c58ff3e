/* batch: see batch.h */
#include "train/batch.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "make a training batch";

/* Where each segment lies; lives only while a batch is made. */
typedef struct placement {
    int64_t first; /* row of the segment's first id */
    int32_t next;  /* position after its last id */
} placement;

static gad_status check_segment(const gad_config *config, const gad_segment *segment, int64_t i, gad_error *err)
{
    const gad_segment *s = &segment[i];
    if (s->count < 1 || (s->weight && s->weight[0] != 0))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "segment %lld is empty or predicts its first id",
                             (long long)i);
    if (s->prefix >= i || (s->prefix >= 0 && (s->image_count || segment[s->prefix].prefix >= 0)))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             "segment %lld: only a text continues another segment, and only one that starts by itself",
                             (long long)i);
    for (int64_t t = 0; t < s->count; t++)
        if (s->ids[t] < 0 || s->ids[t] >= config->text.vocab)
            return gad_error_set(err, GAD_E_ARGUMENT, operation, "tokenizer and model are not of the same checkpoint",
                                 "id %d at place %lld is not in the model's vocabulary of %d", s->ids[t], (long long)t,
                                 config->text.vocab);
    return GAD_OK;
}

/* Totals of all segments, and whether the tower's rows are given (for all images or for none). */
static gad_status count_all(const gad_config *config, const gad_segment *segment, int64_t count, gad_batch *b,
                            gad_error *err)
{
    int64_t with_rows = 0;
    for (int64_t i = 0; i < count; i++) {
        gad_status status = check_segment(config, segment, i, err);
        if (status)
            return status;
        b->rows += segment[i].count;
        for (int64_t k = 0; k < segment[i].image_count; k++) {
            const gad_batch_image *image = &segment[i].image[k];
            b->patches += gad_grid_patches(image->grid);
            b->tokens += gad_grid_tokens(image->grid);
            with_rows += image->rows != NULL;
            b->image_count++;
        }
        for (int64_t t = 1; segment[i].weight && t < segment[i].count; t++)
            b->labels += segment[i].weight[t] != 0;
    }
    b->has_rows = with_rows > 0;
    if (with_rows && with_rows != b->image_count)
        return gad_error_set(err, GAD_E_INTERNAL, operation, NULL, "some images have vision rows and some do not");
    return GAD_OK;
}

static bool take_arrays(gad_batch *b, int64_t segments)
{
    gad_arena *a = &b->arena;
    size_t rows = (size_t)b->rows, labels = (size_t)b->labels, tokens = (size_t)b->tokens;
    b->ids = gad_arena_take(a, rows, sizeof *b->ids);
    b->position = gad_arena_take(a, 3 * rows, sizeof *b->position);
    b->span = gad_arena_take(a, (size_t)segments, sizeof *b->span);
    b->image = gad_arena_take(a, (size_t)b->image_count, sizeof *b->image);
    b->image_at = gad_arena_take(a, tokens, sizeof *b->image_at);
    b->image_from = gad_arena_take(a, tokens, sizeof *b->image_from);
    b->label_row = gad_arena_take(a, labels, sizeof *b->label_row);
    b->label_id = gad_arena_take(a, labels, sizeof *b->label_id);
    b->label_weight = gad_arena_take(a, labels, sizeof *b->label_weight);
    b->label_segment = gad_arena_take(a, labels, sizeof *b->label_segment);
    b->pair = gad_arena_take(a, (size_t)segments, sizeof *b->pair);
    b->pair_segment = gad_arena_take(a, (size_t)segments, sizeof *b->pair_segment);
    return b->ids && b->position && b->span && b->image && b->image_at && b->image_from && b->label_row && b->label_id &&
           b->label_weight && b->label_segment && b->pair && b->pair_segment;
}

/* Positions of one segment: its own from 0, or on from the one it continues. */
static gad_status place_positions(const gad_config *config, const gad_segment *s, const placement *places, gad_batch *b,
                                  placement *place, gad_error *err)
{
    int32_t *position = b->position + 3 * place->first;
    if (s->prefix >= 0) {
        int32_t from = places[s->prefix].next;
        for (int64_t t = 0; t < s->count; t++)
            position[3 * t] = position[3 * t + 1] = position[3 * t + 2] = from + (int32_t)t;
        place->next = from + (int32_t)s->count;
        return GAD_OK;
    }
    gad_grid *grid = gad_arena_take(&b->arena, (size_t)s->image_count, sizeof *grid);
    if (!grid)
        return gad_error_memory(err, operation, (size_t)s->image_count * sizeof *grid);
    for (int64_t k = 0; k < s->image_count; k++)
        grid[k] = s->image[k].grid;
    return gad_position_make(s->ids, s->count, config->image_token, grid, s->image_count, position, &place->next, err);
}

static void place_span(const gad_segment *segment, int64_t i, const placement *places, gad_batch *b)
{
    const gad_segment *s = &segment[i];
    int64_t first = places[i].first, end = first + s->count;
    gad_attention_span span = {.q0 = first, .q1 = end, .k0 = first, .k1 = end, .causal = true};
    if (s->prefix >= 0) {
        span.p0 = places[s->prefix].first;
        span.p1 = span.p0 + segment[s->prefix].count;
    }
    b->span[b->span_count++] = span;
}

/* Images of one segment: their tokens, and the pair that the last one and the earlier ones make. `images` and `tokens`
 * count what earlier segments have. */
static void place_images(const gad_segment *s, int64_t segment, int64_t first_row, gad_batch *b, int64_t *images,
                         int64_t *tokens)
{
    int64_t first = *images;
    for (int64_t k = 0; k < s->image_count; k++) {
        const gad_batch_image *image = &s->image[k];
        b->image[(*images)++] = *image;
        for (int64_t t = 0; t < gad_grid_tokens(image->grid); t++, (*tokens)++) {
            b->image_at[*tokens] = (int32_t)(first_row + image->first + t);
            b->image_from[*tokens] = (int32_t)*tokens;
        }
    }
    if (s->image_count > 1) {
        b->pair_segment[b->pair_count] = segment;
        b->pair[b->pair_count++] = (gad_head_pair){.reference = first, .test = *images - 1};
    }
}

static void place_labels(const gad_segment *s, int64_t segment, int64_t first_row, gad_batch *b, int64_t *labels)
{
    for (int64_t t = 1; s->weight && t < s->count; t++) {
        if (s->weight[t] == 0)
            continue;
        b->label_row[*labels] = (int32_t)(first_row + t - 1);
        b->label_id[*labels] = s->ids[t];
        b->label_weight[*labels] = s->weight[t];
        b->label_segment[(*labels)++] = segment;
    }
}

static gad_status lay_out_vision(const gad_config *config, gad_batch *b, gad_error *err)
{
    if (b->has_rows || !b->image_count)
        return GAD_OK;
    gad_grid *grid = gad_arena_take(&b->arena, (size_t)b->image_count, sizeof *grid);
    if (!grid)
        return gad_error_memory(err, operation, (size_t)b->image_count * sizeof *grid);
    for (int64_t k = 0; k < b->image_count; k++)
        grid[k] = b->image[k].grid;
    return gad_vision_layout_make(&config->vision, grid, b->image_count, &b->layout, err);
}

gad_status gad_batch_make(const gad_config *config, const gad_segment *segment, int64_t count, gad_batch *batch,
                          gad_error *err)
{
    gad_batch b = {0};
    placement *places = gad_memory_zero((size_t)count, sizeof *places);
    gad_status status = places ? count_all(config, segment, count, &b, err)
                               : gad_error_memory(err, operation, (size_t)count * sizeof *places);
    if (!status && !take_arrays(&b, count))
        status = gad_error_memory(err, operation, (size_t)b.rows * 32);
    int64_t row = 0, images = 0, tokens = 0, labels = 0;
    for (int64_t i = 0; i < count && !status; i++) {
        places[i].first = row;
        memcpy(b.ids + row, segment[i].ids, (size_t)segment[i].count * sizeof *b.ids);
        status = place_positions(config, &segment[i], places, &b, &places[i], err);
        place_span(segment, i, places, &b);
        place_images(&segment[i], i, row, &b, &images, &tokens);
        place_labels(&segment[i], i, row, &b, &labels);
        row += segment[i].count;
    }
    if (!status)
        status = lay_out_vision(config, &b, err);
    gad_memory_free(places);
    if (status)
        gad_batch_free(&b);
    else
        *batch = b;
    return status;
}

void gad_batch_free(gad_batch *batch)
{
    gad_vision_layout_free(&batch->layout);
    gad_arena_free(&batch->arena);
    *batch = (gad_batch){0};
}
