/* item: one thing to ask (a sample, or one MMAD question about it) with its truth, and the list of a run as a file
 * (items.jsonl), so that a stored run can be scored without the data set. Knows nothing of models or answers. */
#ifndef GAD_BENCH_ITEM_H
#define GAD_BENCH_ITEM_H
#include "base/arena.h"
#include "gad.h"
#include "task/box.h"

/* Strings and arrays belong to the list that holds the item. Absent strings are NULL. */
typedef struct gad_item {
    const char *id; /* unique in a run */
    const char *dataset, *category;
    const char *title; /* the category as words for a prompt */
    const char *type;  /* anomaly type; NULL when normal */
    const char *image; /* path of the inspected image */
    const char *mask;  /* path; NULL: none */
    const char *group; /* where the sample comes from in its source: "test", "train_good"; NULL: unknown */
    bool anomalous;
    bool boxes_known;      /* false: an image-level label only; the empty `box` does not mean that nothing is there */
    int64_t width, height; /* of the image, px, after orientation and crop */
    int64_t crop[4];       /* x1 y1 x2 y2 in the file, of image and mask; all 0: the whole */
    int mask_threshold;    /* a mask pixel is anomalous when its value is greater */
    bool mask_index;       /* the mask's palette counts by index */
    const char **reference;
    size_t reference_count; /* normal images, best first */
    const char **knowledge; /* for the prompt: the anomaly types that may occur in the category (MMAD: texts about them) */
    size_t knowledge_count;
    gad_box *box;
    const char **box_label;
    size_t box_count;
    /* MMAD only */
    const char *question, *task; /* task: one of the seven sub-tasks */
    const char **option;         /* in file order, labelled from A */
    size_t option_count;
    char answer; /* 'A'..'E'; 0 when this is no question */
} gad_item;

typedef struct gad_items {
    gad_item *item;
    size_t count, capacity;
    gad_arena arena;
    uint32_t *slot; /* index of ids, made when first asked for */
    size_t slots;
} gad_items;

/* Append a deep copy. */
gad_status gad_item_add(gad_items *items, const gad_item *item, gad_error *err);
/* Index of the id, -1 when there is none. */
gad_status gad_item_find(gad_items *items, const char *id, int64_t *index, gad_error *err);
/* One JSON object a line, atomically. */
gad_status gad_item_write(const gad_items *items, const char *path, gad_error *err);
/* Every line is checked (GAD_E_FORMAT names file and line); a repeated id is an error. `items` must be empty. */
gad_status gad_item_read(const char *path, gad_items *items, gad_error *err);
void gad_item_free(gad_items *items);
#endif
