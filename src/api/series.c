/* series: gad_series_* of gad.h: pictures of a list of files, decoded one ahead. */
#include "base/ahead.h"
#include "base/error.h"
#include "base/memory.h"
#include "gad.h"

struct gad_series {
    const char *const *path;
    gad_ahead *ahead;
};

static gad_status make(void *user, int64_t n, void *item, gad_error *err)
{
    const gad_series *series = user;
    return gad_picture_load(series->path[n], item, err);
}

static void drop(void *item)
{
    gad_picture_free(*(gad_picture **)item);
}

gad_status gad_series_open(const char *const *path, int64_t count, gad_series **series, gad_error *err)
{
    gad_series *s = gad_memory_zero(1, sizeof *s);
    if (!s)
        return gad_error_memory(err, "read images", sizeof *s);
    s->path = path;
    const gad_ahead_sequence sequence = {.make = make,
                                         .drop = drop,
                                         .user = s,
                                         .item_bytes = sizeof(gad_picture *),
                                         .capacity = 1,
                                         .stride = 1,
                                         .end = count};
    gad_status status = gad_ahead_open(&sequence, &s->ahead, err);
    if (status)
        gad_memory_free(s);
    else
        *series = s;
    return status;
}

gad_status gad_series_load(gad_series *series, int64_t index, gad_picture **picture, gad_error *err)
{
    return gad_ahead_take(series->ahead, index, picture, err);
}

void gad_series_free(gad_series *series)
{
    if (!series)
        return;
    gad_ahead_free(series->ahead);
    gad_memory_free(series);
}
