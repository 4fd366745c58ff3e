/* merger: see merger.c. In: patch rows [T, C]. Out: rows [T/4, d]. */
#ifndef GAD_MODEL_MERGER_H
#define GAD_MODEL_MERGER_H
#include "model/model.h"

/* What the backward pass needs. */
typedef struct gad_merger_saved {
    gad_tensor x, stats, n, h, g; /* input, norm statistics, normalised [T/4, 4C], before and after GELU */
} gad_merger_saved;

/* The result stays on the device's stack. With `saved`, x must outlive the backward pass. */
gad_tensor gad_merger_forward(const gad_pass *pass, const gad_merger *merger, gad_tensor x, gad_merger_saved *saved);
/* Adds to dx [T, C] and to the gradients of the merger's parameters. */
void gad_merger_backward(const gad_pass *pass, const gad_merger *merger, gad_tensor dx, gad_tensor d_out,
                         const gad_merger_saved *saved);
#endif
