/* mask: pixels of a defect into boxes. In: a binary mask (one byte per pixel, 0 or not 0). Out: boxes by the project's
 * rule, with the pixels they hold. Knows nothing of files, datasets or samples. */
#ifndef GAD_TASK_MASK_H
#define GAD_TASK_MASK_H
#include "task/box.h"

enum { GAD_MASK_BOX_LIMIT = 64 }; /* the most boxes that a rule may keep */

typedef struct gad_mask_box {
    gad_box box;    /* whole pixels of the mask */
    int64_t area;   /* mask pixels inside the box's group */
    int components; /* 8-connected components of the undilated mask that were joined */
} gad_mask_box;

/* How boxes are made; stored beside the boxes as text. All lengths are relative so that one rule fits every image size. */
typedef struct gad_mask_rule {
    double dilate_frac; /* radius of the joining square = max(1, round(frac * max(W,H))) */
    int min_area_px;    /* a group under max(min_area_px, min_area_frac*W*H) is dropped, the largest never */
    double min_area_frac;
    double merge_inside; /* join when intersection / smaller box reaches this */
    double merge_iou;    /* or IoU reaches this */
    int max_boxes;       /* closest pairs are joined until so many are left */
} gad_mask_rule;

gad_mask_rule gad_mask_rule_default(void);
/* "components8:dilate=0.01,min_px=4,min_frac=2e-06,inside=0.8,iou=0.5,max=8,v1". */
void gad_mask_rule_text(const gad_mask_rule *rule, char *text, size_t size_bytes);

/* Boxes of a mask of width x height bytes, ordered by (y1, x1, y2, x2). `boxes` has room for rule->max_boxes. An empty
 * mask gives *count = 0. *reduced says (may be NULL) whether pairs were joined only to reach max_boxes. */
gad_status gad_mask_boxes(const unsigned char *mask, int width, int height, const gad_mask_rule *rule, gad_mask_box *boxes,
                          int *count, bool *reduced, gad_error *err);

#endif
