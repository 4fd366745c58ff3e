/* image_cache: see image_cache.h */
#include "generate/image_cache.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "encode image";

static void free_entry(gad_image_entry *entry)
{
    gad_memory_free(entry->rows.rows);
    gad_image_free(&entry->picture);
    gad_memory_free(entry);
}

void gad_image_cache_free(gad_image_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++)
        free_entry(cache->entry[i]);
    gad_memory_free(cache->entry);
    *cache = (gad_image_cache){0};
}

void gad_image_cache_trim(gad_image_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++)
        gad_image_free(&cache->entry[i]->picture);
    while (cache->size_bytes > cache->limit_bytes) {
        size_t oldest = 0;
        for (size_t i = 1; i < cache->count; i++)
            if (cache->entry[i]->used < cache->entry[oldest]->used)
                oldest = i;
        cache->size_bytes -= cache->entry[oldest]->size_bytes;
        free_entry(cache->entry[oldest]);
        cache->entry[oldest] = cache->entry[--cache->count];
    }
}

/* Runs the tower over the patches and copies merged rows and DeepStack rows to the host. */
static gad_status encode(const gad_model *model, gad_device *device, bool adapters, const gad_patches *patches,
                         gad_image_rows *rows, gad_error *err)
{
    const gad_ops *op = device->ops;
    int64_t hidden = model->config.text.hidden;
    int levels = 1 + model->config.vision.deepstack_count;
    gad_vision_layout layout;
    gad_status status = gad_vision_layout_make(&model->config.vision, &patches->grid, 1, &layout, err);
    if (status)
        return status;
    size_t count = (size_t)levels * (size_t)layout.tokens * (size_t)hidden;
    float *host = gad_memory_alloc(count, sizeof *host);
    if (!host) {
        gad_vision_layout_free(&layout);
        return gad_error_memory(err, operation, count * sizeof *host);
    }
    size_t mark = op->mark(device);
    gad_pass pass = {.device = device, .adapters = adapters};
    gad_tensor input = op->take(device, patches->row_count, patches->row_size);
    op->fill(device, input, patches->row);
    gad_vision_rows out = gad_vision_forward(&pass, model, input, &layout, NULL);
    op->download(device, host, out.out);
    for (int k = 0; k < out.deepstack_count; k++)
        op->download(device, host + (k + 1) * layout.tokens * hidden, out.deepstack[k]);
    op->rewind(device, mark);
    status = gad_device_check(device, err);
    if (status)
        gad_memory_free(host);
    else
        *rows = (gad_image_rows){
            .hash = patches->hash, .grid = patches->grid, .tokens = layout.tokens, .rows = host, .levels = levels - 1};
    gad_vision_layout_free(&layout);
    return status;
}

static gad_status add_entry(gad_image_cache *cache, const gad_model *model, gad_device *device, bool adapters,
                            const gad_preprocess *preprocess, const gad_image *image, bool fitted, gad_hash pixels,
                            gad_error *err)
{
    if (!gad_memory_grow((void **)&cache->entry, &cache->capacity, cache->count, sizeof *cache->entry))
        return gad_error_memory(err, operation, sizeof *cache->entry);
    gad_patches patches;
    gad_status status = fitted ? gad_preprocess_fitted(preprocess, image, &patches, err)
                               : gad_preprocess_image(preprocess, image, &patches, err);
    if (status)
        return status;
    gad_image_entry *entry = gad_memory_zero(1, sizeof *entry);
    status = entry ? encode(model, device, adapters, &patches, &entry->rows, err)
                   : gad_error_memory(err, operation, sizeof *entry);
    if (status) {
        gad_memory_free(entry);
    } else {
        entry->view = patches.view;
        entry->pixels = pixels;
        entry->size_bytes = (size_t)entry->rows.tokens * (size_t)model->config.text.hidden * sizeof(float) *
                            (size_t)(1 + model->config.vision.deepstack_count);
        cache->size_bytes += entry->size_bytes;
        cache->entry[cache->count++] = entry;
        if (model->config.evidence.heads) {
            entry->picture = patches.picture;
            patches.picture = (gad_image){0};
        }
    }
    gad_preprocess_free(&patches);
    return status;
}

gad_status gad_image_cache_get(gad_image_cache *cache, const gad_model *model, gad_device *device, bool adapters,
                               const gad_preprocess *preprocess, const gad_image *image, bool fitted, gad_hash pixels,
                               const gad_image_entry **entry, gad_error *err)
{
    size_t at = 0;
    while (at < cache->count && !gad_hash_equal(cache->entry[at]->pixels, pixels))
        at++;
    gad_status status = GAD_OK;
    if (at == cache->count)
        status = add_entry(cache, model, device, adapters, preprocess, image, fitted, pixels, err);
    if (status)
        return status;
    cache->entry[at]->used = ++cache->clock;
    *entry = cache->entry[at];
    return GAD_OK;
}
