/* prepared: a picture worked up once for comparing: colours without its own mean and contrast, and the brightness pyramid
 * that registration searches. In: an RGB picture at the size that the model sees. Out: planes. Those of good parts are kept
 * from one part to the next. Knows nothing of who is compared with whom. */
#ifndef GAD_EVIDENCE_PREPARED_H
#define GAD_EVIDENCE_PREPARED_H
#include "evidence/register.h"
#include "model/preprocess.h"

typedef struct gad_prepared {
    gad_grid grid;            /* patches */
    int64_t width, height;    /* px */
    float *plane;             /* [3][height][width]: red, green, blue, of mean 0 and one contrast; owned */
    gad_pyramid pyramid;      /* in the same memory */
    float gain[3], offset[3]; /* plane * gain + offset: the colour in sRGB, 0 to 1 */
} gad_prepared;

gad_status gad_prepared_make(const gad_preprocess *settings, const gad_image *fitted, gad_prepared *prepared,
                             gad_error *err);
/* The same picture at another size; *other is the caller's (gad_prepared_free). */
gad_status gad_prepared_resize(const gad_prepared *prepared, gad_grid grid, gad_prepared *other, gad_error *err);
/* Gives the memory back and clears the struct; NULL is fine. */
void gad_prepared_free(gad_prepared *prepared);

/* Planes [3][height][width] of a grid of patches as rows [patches, 3 * patch * patch], merge blocks together. */
void gad_prepared_rows(gad_grid grid, int64_t patch, const float *plane, float *row);

/* Pictures that are kept while they are used, by the hash of their pixels. */
typedef struct gad_prepared_kept {
    struct gad_prepared_item {
        gad_hash hash;
        gad_prepared picture;
        bool used;
    } * *item;
    size_t count, capacity;
} gad_prepared_kept;

/* NULL: it is not kept. Lives until the next gad_prepared_forget. */
const gad_prepared *gad_prepared_find(gad_prepared_kept *kept, gad_hash hash);
/* Takes over what `picture` holds, on success. */
gad_status gad_prepared_keep(gad_prepared_kept *kept, gad_hash hash, gad_prepared *picture, const gad_prepared **in_place,
                             gad_error *err);
/* Drop what was not asked for since the last call. */
void gad_prepared_forget(gad_prepared_kept *kept);
void gad_prepared_free_kept(gad_prepared_kept *kept);
#endif
