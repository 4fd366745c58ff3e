/* feature: see feature.h */
#include "features/feature.h"

#include "base/error.h"
#include "base/memory.h"

gad_status gad_feature_add(gad_features *features, int64_t rows, int64_t cols, int64_t width, int64_t stride,
                           gad_error *err)
{
    static const char operation[] = "make feature maps";
    if (features->count == GAD_FEATURE_MOST)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "more than %d feature maps", GAD_FEATURE_MOST);
    if (rows < 1 || cols < 1 || width < 1 || stride < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "a map of %lld x %lld cells of %lld numbers",
                             (long long)rows, (long long)cols, (long long)width);
    size_t cells = 0, count = 0;
    float *data = NULL;
    if (gad_memory_product((size_t)rows, (size_t)cols, &cells) && gad_memory_product(cells, (size_t)width, &count))
        data = gad_memory_alloc_aligned(count, sizeof *data);
    if (!data)
        return gad_error_memory(err, operation, count * sizeof *data);
    features->map[features->count++] =
        (gad_feature_map){.rows = rows, .cols = cols, .width = width, .stride = stride, .data = data};
    return GAD_OK;
}

void gad_feature_free(gad_features *features)
{
    if (!features)
        return;
    for (int i = 0; i < features->count; i++)
        gad_memory_free_aligned(features->map[i].data);
    *features = (gad_features){0};
}
