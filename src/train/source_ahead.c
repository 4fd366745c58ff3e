/* source_ahead: see source_ahead.h */
#include "train/source_ahead.h"

#include "base/ahead.h"
#include "base/error.h"
#include "base/memory.h"

struct gad_source_ahead {
    const gad_source *source;
    gad_source_order order; /* the thread's own */
    gad_ahead *ahead;
};

static gad_status make(void *user, int64_t n, void *item, gad_error *err)
{
    gad_source_ahead *a = user;
    return a->source->get(a->source->user, gad_source_order_at(&a->order, n), item, err);
}

static void drop(void *item)
{
    gad_example_free(item);
}

gad_status gad_source_ahead_open(const gad_source *source, uint64_t seed, int64_t stride, int capacity,
                                 gad_source_ahead **ahead, gad_error *err)
{
    gad_source_ahead *a = gad_memory_zero(1, sizeof *a);
    if (!a)
        return gad_error_memory(err, "make samples ahead", sizeof *a);
    a->source = source;
    const gad_ahead_sequence sequence = {.make = make,
                                         .drop = drop,
                                         .user = a,
                                         .item_bytes = sizeof(gad_example),
                                         .capacity = capacity,
                                         .stride = stride,
                                         .end = INT64_MAX};
    gad_status status = gad_source_order_open(source, seed, &a->order, err);
    if (!status)
        status = gad_ahead_open(&sequence, &a->ahead, err);
    if (status)
        gad_source_ahead_close(a);
    else
        *ahead = a;
    return status;
}

gad_status gad_source_ahead_get(gad_source_ahead *ahead, int64_t n, gad_example *example, gad_error *err)
{
    return gad_ahead_take(ahead->ahead, n, example, err);
}

void gad_source_ahead_close(gad_source_ahead *ahead)
{
    if (!ahead)
        return;
    gad_ahead_free(ahead->ahead);
    gad_source_order_close(&ahead->order);
    gad_memory_free(ahead);
}
