/* example: one sample as the model reads it, and where examples come from. In: a number. Out: ids with weights, images as
 * patch rows, the truth. Who makes examples (synthesis, a file of lines, the store) is behind a callback. */
#ifndef GAD_TRAIN_EXAMPLE_H
#define GAD_TRAIN_EXAMPLE_H
#include "model/preprocess.h"
#include "task/measurement.h"
#include "task/pointer.h"
#include "task/score.h"
#include "train/batch.h"

/* All memory is owned (gad_example_free). */
typedef struct gad_example {
    int32_t *ids;  /* [count]: prompt, then the answer to learn with its end token */
    float *weight; /* [count]: 1 on the ids of the answer */
    int64_t count, prompt_count;
    gad_batch_image *image; /* [image_count], the last one is the image to inspect; points into what follows */
    gad_patches *patches;   /* [image_count] */
    gad_prepared *prepared; /* [image_count]; NULL where nothing is compared */
    int64_t image_count;
    float *mask;           /* [cells] of the last image, NULL: not known */
    gad_score_truth truth; /* boxes owned */
    gad_region *region;    /* [region_count]: the boxes as the evidence head would show them, at most its number */
    int region_count;
    char *object;                        /* the product's name, owned; NULL: none */
    bool points;                         /* boxes of the answer are region tokens of regions (task/pointer.h) */
    int64_t decision;                    /* place of the decision in ids; count: none */
    int32_t first_region_token;          /* id of the first region's mark; the others follow */
    gad_box shown[GAD_POINTER_TOKENS];   /* what region tokens mean, in px: the regions that the model was shown */
    gad_words words[GAD_POINTER_TOKENS]; /* what was measured of each */
    int shown_count;
    char *labels;         /* of the true boxes, zero-terminated one after the other; owned */
    bool reasons;         /* the answer to learn reasons */
    gad_box_frame frame;  /* of the coordinates in the answer */
    char *answer;         /* the text of the answer to learn */
    int32_t *adversarial; /* [adversarial_count]: the prompt that asks for a wrong answer; NULL: none */
    int64_t adversarial_count;
} gad_example;
void gad_example_free(gad_example *example);
/* For an evidence head: the images of the patches, prepared. */
gad_status gad_example_prepare(gad_example *example, const gad_preprocess *settings, gad_error *err);
/* The segment of the whole example, borrowing its memory. */
gad_segment gad_example_segment(const gad_example *example);

typedef struct gad_source {
    int64_t count; /* 0: endless, every number gives another one */
    gad_status (*get)(void *user, int64_t index, gad_example *example, gad_error *err);
    void *user;
} gad_source;

/* The order in which a source is read: sample n of a run. A counted source is shuffled anew for every epoch; the order is a
 * function of seed and n alone. */
typedef struct gad_source_order {
    uint64_t seed;
    int64_t epoch; /* whose order `index` holds; -1: none yet */
    int64_t *index;
    int64_t count;
} gad_source_order;
gad_status gad_source_order_open(const gad_source *source, uint64_t seed, gad_source_order *order, gad_error *err);
void gad_source_order_close(gad_source_order *order);
int64_t gad_source_order_at(gad_source_order *order, int64_t n);
#endif
