/* turn: what is asked of a model about a part: texts and images in order, the last image with the evidence against the ones
 * before it. In: images and texts. Out: a rendered turn, the heat map and its regions. Knows nothing of what is answered.
 */
#ifndef GAD_INSPECT_TURN_H
#define GAD_INSPECT_TURN_H
#include "evidence/familiar.h"
#include "evidence/regions.h"
#include "generate/engine.h"
#include "task/measurement.h"

/* A text, or (text NULL) an image and the hash of its pixels. Borrowed. */
typedef struct gad_turn_part {
    const char *text;
    const gad_image *image;
    gad_hash hash;
    const char *role;       /* as in gad_engine_part */
    const gad_look *look;   /* of the whole picture, where `image` is what the engine sees of it; NULL: it is the picture */
    const gad_image *whole; /* more of the picture than `image` holds, where that is what the engine sees of it; or NULL */
    bool beside;            /* a picture that is neither the part nor a good one: a heat map. Not for models that compare */
} gad_turn_part;

typedef struct gad_turn {
    gad_engine_turn asked;
    gad_view view;            /* of the last image */
    gad_image_rows *compared; /* the last image's rows with evidence; NULL: nothing was compared */
    float *heat;              /* [heat_rows * heat_cols] its anomaly logits, row by row; NULL as `compared` */
    int64_t heat_rows, heat_cols;
    gad_region region[GAD_REGIONS_MAX];           /* of the heat map */
    gad_measurement measurement[GAD_REGIONS_MAX]; /* of each region, in px of the view */
    gad_words words[GAD_REGIONS_MAX];
    int region_count;  /* 0: the first region is the strongest place */
    float trust;       /* how much the comparison of pixels counts beside the memory, 0 to 1 */
    double remembered; /* logit of the part by a memory of the good ones (recall.h) */
} gad_turn;

/* Images that are compared are a model's with an evidence head, two at least. */
gad_status gad_turn_make(gad_engine *engine, const gad_turn_part *part, size_t part_count, gad_turn *turn, gad_error *err);
void gad_turn_free(gad_engine *engine, gad_turn *turn);

/* What the engine sees of an image of a turn, of which it has that entry: *picture points into these or to `fitted`, which
 * is the caller's. */
gad_status gad_turn_picture(const gad_engine *engine, const gad_turn_part *part, const gad_image_entry *entry,
                            gad_image *fitted, const gad_image **picture, gad_error *err);
#endif
