/* evidence: the evidence head when answering: the rows of the part to inspect, with what its references do not show
 * added for the layers that take it, and the heat map. In: prepared pictures and their vision rows. Out: rows for a prompt.
 */
#ifndef GAD_EVIDENCE_EVIDENCE_H
#define GAD_EVIDENCE_EVIDENCE_H
#include "evidence/head.h"
#include "generate/timeline.h"

/* What the comparison shows. */
typedef struct gad_evidence_map {
    float *logit; /* the caller's: room for every cell of the part (regions.h), less the level */
    /* the caller's, NULL: none: logits of the cells, row by row, of a memory of the good parts */
    const float *memory;
    float trust; /* how much the comparison of pixels counted beside it, 0 to 1 */
    gad_region region[GAD_REGIONS_MAX];
    gad_measurement measurement[GAD_REGIONS_MAX]; /* of each region, in px of the picture that the model sees */
    gad_words words[GAD_REGIONS_MAX];
    int region_count; /* 0: the first region is the strongest place */
} gad_evidence_map;

/* The last of `count` >= 2 images is compared with the others. rows->rows is the caller's (gad_memory_free); its hash names
 * all images, since it depends on all. The model has a evidence head. */
gad_status gad_evidence_make(const gad_model *model, gad_device *device, bool adapters, const gad_prepared *const *picture,
                             const gad_image_rows *const *image, int64_t count, float level, gad_image_rows *rows,
                             gad_evidence_map *map, gad_error *err);

/* The level of a class: how far good parts stand out from each other. Each of `count` >= 2 good parts is compared with the
 * others; the mean of their largest logits becomes what an unseen good part shows, GAD_EVIDENCE_GOOD, once *level is taken
 * off (docs/spec/training.md section 13.6: the scale of the score does not transfer between classes). */
#define GAD_EVIDENCE_GOOD (-1.0f)
gad_status gad_evidence_level(const gad_model *model, gad_device *device, bool adapters, const gad_prepared *const *picture,
                              const gad_image_rows *const *image, int64_t count, float *level, gad_error *err);
#endif
