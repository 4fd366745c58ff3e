/* example: see example.h */
#include "train/example.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"

void gad_example_free(gad_example *example)
{
    for (int64_t i = 0; example->patches && i < example->image_count; i++)
        gad_preprocess_free(&example->patches[i]);
    for (int64_t i = 0; example->prepared && i < example->image_count; i++)
        gad_prepared_free(&example->prepared[i]);
    gad_memory_free(example->patches);
    gad_memory_free(example->prepared);
    gad_memory_free(example->image);
    gad_memory_free(example->ids);
    gad_memory_free(example->weight);
    gad_memory_free(example->mask);
    gad_memory_free((void *)(uintptr_t)example->truth.boxes);
    gad_memory_free(example->region);
    gad_memory_free(example->object);
    gad_memory_free(example->labels);
    gad_memory_free(example->answer);
    gad_memory_free(example->adversarial);
    *example = (gad_example){0};
}

gad_status gad_example_prepare(gad_example *example, const gad_preprocess *settings, gad_error *err)
{
    size_t count = (size_t)example->image_count;
    example->prepared = gad_memory_zero(count, sizeof *example->prepared);
    gad_status status =
        example->prepared ? GAD_OK : gad_error_memory(err, "prepare a sample", count * sizeof *example->prepared);
    for (size_t i = 0; i < count && !status; i++) {
        status = gad_prepared_make(settings, &example->patches[i].picture, &example->prepared[i], err);
        example->image[i].prepared = &example->prepared[i];
    }
    return status;
}

gad_segment gad_example_segment(const gad_example *example)
{
    return (gad_segment){.ids = example->ids,
                         .count = example->count,
                         .weight = example->weight,
                         .image = example->image,
                         .image_count = example->image_count,
                         .prefix = -1};
}

gad_status gad_source_order_open(const gad_source *source, uint64_t seed, gad_source_order *order, gad_error *err)
{
    *order = (gad_source_order){.seed = seed, .epoch = -1, .count = source->count};
    if (!source->count)
        return GAD_OK;
    order->index = gad_memory_alloc((size_t)source->count, sizeof *order->index);
    return order->index ? GAD_OK : gad_error_memory(err, "shuffle samples", (size_t)source->count * sizeof(int64_t));
}

void gad_source_order_close(gad_source_order *order)
{
    gad_memory_free(order->index);
    *order = (gad_source_order){0};
}

int64_t gad_source_order_at(gad_source_order *order, int64_t n)
{
    if (!order->count)
        return n;
    int64_t epoch = n / order->count;
    if (epoch != order->epoch) {
        gad_rng rng = gad_rng_make(order->seed, (uint64_t)epoch);
        for (int64_t i = 0; i < order->count; i++)
            order->index[i] = i;
        gad_rng_shuffle(&rng, order->index, order->count);
        order->epoch = epoch;
    }
    return order->index[n % order->count];
}
