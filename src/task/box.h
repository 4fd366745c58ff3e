/* box: boxes in original pixels and boxes in the coordinates a model speaks are different types; this file alone
 * converts between them, and compares boxes. In: numbers. Out: numbers. Knows nothing of text, images or models. */
#ifndef GAD_TASK_BOX_H
#define GAD_TASK_BOX_H
#include "gad_data.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Original pixels, half-open: x1 <= x < x2. Areas are (x2-x1)*(y2-y1). A box without area matches nothing. */
typedef struct gad_box {
    double x1, y1, x2, y2;
} gad_box;

/* Four numbers in the order and unit of a gad_box_frame. */
typedef struct gad_model_box {
    double value[4];
} gad_model_box;

const char *gad_box_convention_name(gad_box_convention convention);
/* "canvas", "input", "rel1000", "rel1", "orig"; false for another word. */
bool gad_box_convention_parse(const char *name, gad_box_convention *convention);

/* How one image's model boxes relate to its pixels. */
typedef struct gad_box_frame {
    gad_box_convention convention;
    gad_box_order order;
    double width_px, height_px; /* the original image */
    double width, height;       /* the same extent in model units: canvas or input size, 1000, 1, or the original */
} gad_box_frame;

/* `input_width`, `input_height`: the size after the processor's resize (GAD_BOX_INPUT), or the canvas that an annotation
 * states (GAD_BOX_CANVAS; 0 for the computed one); not used by the others. All sizes used are at least 1. */
gad_box_frame gad_box_frame_make(gad_box_convention convention, gad_box_order order, int width_px, int height_px,
                                 int input_width, int input_height);
/* Size of the annotation canvas; the long side is rounded half to even. */
void gad_box_canvas(int width_px, int height_px, int *canvas_width, int *canvas_height);

/* To original pixels, not clamped. */
gad_box gad_box_from_model(const gad_box_frame *frame, gad_model_box box);
/* To model numbers: rounded (whole numbers; thousandths for rel1), inside the frame, at least one unit wide and high. */
gad_model_box gad_box_to_model(const gad_box_frame *frame, gad_box box);
/* Into the image; *moved (may be NULL) is the largest distance by which a side moved. */
gad_box gad_box_clamp(gad_box box, double width_px, double height_px, double *moved);
/* Whether the box has area. */
bool gad_box_valid(gad_box box);
/* Square pixels; of a valid box. */
double gad_box_area(gad_box box);
/* The order of boxes in files and lists, for qsort: by y1, x1, y2, x2. */
int gad_box_compare(gad_box a, gad_box b);

double gad_box_iou(gad_box a, gad_box b);
/* The largest IoU of `box` with any of the boxes; 0 without boxes. */
double gad_box_best_iou(gad_box box, const gad_box *boxes, size_t count);

/* One to one: pairs with IoU >= threshold in order of falling IoU (ties: lower truth, then lower prediction index) are
 * accepted while both are free. truth_of[predictions] and prediction_of[truths] receive the partner's index or -1.
 * Returns the number of pairs. */
size_t gad_box_match_one(const gad_box *truth, size_t truths, const gad_box *prediction, size_t predictions,
                         double threshold, int64_t *truth_of, int64_t *prediction_of);
/* Many to many: how many truths some prediction reaches, and how many predictions reach some truth (IoU >= threshold). */
void gad_box_match_many(const gad_box *truth, size_t truths, const gad_box *prediction, size_t predictions,
                        double threshold, size_t *truths_found, size_t *predictions_right);

/* IoU of two masks, each the union of boxes drawn on pixels (a pixel belongs to a box that holds its centre); 0 when both
 * are empty. Exact, without drawing. */
gad_status gad_box_mask_iou(const gad_box *a, size_t a_count, const gad_box *b, size_t b_count, double *iou,
                            gad_error *err);
#endif
