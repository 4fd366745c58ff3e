/* vision_cache: see vision_cache.h */
#include "train/vision_cache.h"

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "keep vision rows";

static void free_rows(gad_image_rows *rows)
{
    if (rows)
        gad_memory_free(rows->rows);
    gad_memory_free(rows);
}

/* The slot of a hash, or the empty one where it belongs; NULL without slots. */
static gad_image_rows **find(const gad_vision_cache *cache, gad_hash hash)
{
    if (!cache->slots)
        return NULL;
    size_t i = hash.low & (cache->slots - 1);
    while (cache->slot[i] && !gad_hash_equal(cache->slot[i]->hash, hash))
        i = (i + 1) & (cache->slots - 1);
    return &cache->slot[i];
}

/* Keep at least half of the slots empty. */
static gad_status widen(gad_vision_cache *cache, gad_error *err)
{
    if (2 * (cache->used + 1) <= cache->slots)
        return GAD_OK;
    gad_vision_cache wide = *cache;
    wide.slots = cache->slots ? 2 * cache->slots : 256;
    wide.slot = gad_memory_zero(wide.slots, sizeof *wide.slot);
    if (!wide.slot)
        return gad_error_memory(err, operation, wide.slots * sizeof *wide.slot);
    for (size_t i = 0; i < cache->slots; i++)
        if (cache->slot[i])
            *find(&wide, cache->slot[i]->hash) = cache->slot[i];
    gad_memory_free(cache->slot);
    *cache = wide;
    return GAD_OK;
}

static gad_status insert(gad_vision_cache *cache, gad_image_rows *rows, size_t size, gad_error *err)
{
    if (cache->size_bytes + size <= cache->limit_bytes) {
        gad_status status = widen(cache, err);
        if (status)
            return status;
        *find(cache, rows->hash) = rows;
        cache->used++;
        cache->size_bytes += size;
        return GAD_OK;
    }
    if (!gad_memory_grow((void **)&cache->passing, &cache->passing_capacity, cache->passing_count, sizeof *cache->passing))
        return gad_error_memory(err, operation, sizeof *cache->passing);
    cache->passing[cache->passing_count++] = rows;
    return GAD_OK;
}

static gad_status embed_image(gad_vision_cache *cache, const gad_step *step, gad_batch_image *image, gad_hash hash,
                              gad_error *err)
{
    gad_image_rows **slot = find(cache, hash);
    if (slot && *slot) {
        cache->hits++;
        image->rows = *slot;
        return GAD_OK;
    }
    cache->misses++;
    gad_image_rows *rows = gad_memory_zero(1, sizeof *rows);
    if (!rows)
        return gad_error_memory(err, operation, sizeof *rows);
    gad_status status = gad_step_embed(step, image, hash, rows, err);
    size_t levels = 1 + (size_t)step->model->config.vision.deepstack_count;
    if (!status)
        status = insert(cache, rows,
                        levels * (size_t)rows->tokens * (size_t)step->model->config.text.hidden * sizeof(float), err);
    if (status)
        free_rows(rows);
    else
        image->rows = rows;
    return status;
}

gad_status gad_vision_cache_embed(gad_vision_cache *cache, const gad_step *step, gad_example *example, gad_error *err)
{
    gad_status status = GAD_OK;
    for (int64_t i = 0; i < example->image_count && !status; i++)
        status = embed_image(cache, step, &example->image[i], example->patches[i].hash, err);
    return status;
}

void gad_vision_cache_release(gad_vision_cache *cache)
{
    for (size_t i = 0; i < cache->passing_count; i++)
        free_rows(cache->passing[i]);
    cache->passing_count = 0;
}

void gad_vision_cache_free(gad_vision_cache *cache)
{
    gad_vision_cache_release(cache);
    for (size_t i = 0; i < cache->slots; i++)
        free_rows(cache->slot[i]);
    gad_memory_free(cache->slot);
    gad_memory_free(cache->passing);
    *cache = (gad_vision_cache){0};
}
