/* vision_cache: rows of a frozen vision tower, computed once and kept across epochs. In: an image as patch rows. Out: its
 * rows. Bounded: when full, further images are computed each time (in a cycle over all images that beats dropping old
 * ones). */
#ifndef GAD_TRAIN_VISION_CACHE_H
#define GAD_TRAIN_VISION_CACHE_H
#include "train/example.h"
#include "train/step.h"

typedef struct gad_vision_cache {
    gad_image_rows **slot; /* open addressing; addresses of entries stay valid */
    size_t slots, used;
    size_t size_bytes, limit_bytes;
    gad_image_rows **passing; /* beyond the limit: until the next gad_vision_cache_release */
    size_t passing_count, passing_capacity;
    int64_t hits, misses;
} gad_vision_cache;

/* Give every image of the example its rows; they are valid until gad_vision_cache_release. */
gad_status gad_vision_cache_embed(gad_vision_cache *cache, const gad_step *step, gad_example *example, gad_error *err);
/* Forget what the limit did not let stay. */
void gad_vision_cache_release(gad_vision_cache *cache);
void gad_vision_cache_free(gad_vision_cache *cache);
#endif
