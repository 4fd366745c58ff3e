/* image_cache: images as vision rows, each encoded once: a reference shown with every part of a folder costs one pass. In:
 * an image. Out: its rows, kept by content hash, the least recently used dropped first. */
#ifndef GAD_GENERATE_IMAGE_CACHE_H
#define GAD_GENERATE_IMAGE_CACHE_H
#include "generate/timeline.h"
#include "model/preprocess.h"

typedef struct gad_image_entry {
    gad_image_rows rows;
    gad_view view;
    gad_image picture; /* RGB at the size that the model sees, until the next trim, where it compares images */
    gad_hash pixels;   /* hash of the picture: the key */
    uint64_t used;     /* time of the last use */
    size_t size_bytes;
} gad_image_entry;

typedef struct gad_image_cache {
    gad_image_entry **entry;
    size_t count, capacity;
    size_t size_bytes, limit_bytes;
    uint64_t clock; /* uses so far */
} gad_image_cache;

/* The rows of an image whose pixels (of the whole picture, where the image was fitted: gad_preprocess_fit) hash to
 * `pixels`; runs preprocessing and the vision tower when they are not kept. The entry stays until gad_image_cache_trim. */
gad_status gad_image_cache_get(gad_image_cache *cache, const gad_model *model, gad_device *device, bool adapters,
                               const gad_preprocess *preprocess, const gad_image *image, bool fitted, gad_hash pixels,
                               const gad_image_entry **entry, gad_error *err);
/* Between two prompts: drop what is over the limit, least recently used first, and the pictures that rows were made of. */
void gad_image_cache_trim(gad_image_cache *cache);
void gad_image_cache_free(gad_image_cache *cache);
#endif
