/* mask_loss: how far a heat map is from a mask: focal loss and soft Dice, with its gradient. In: logits and masks of
 * patches. Out: a number and gradients. Pure. Formulas: docs/spec/training.md section 14. */
#ifndef GAD_TRAIN_MASK_LOSS_H
#define GAD_TRAIN_MASK_LOSS_H
#include <stdint.h>

/* Focal loss (gamma 2, Lin et al., arXiv 1708.02002) over n patches, divided by the mask's size plus n / 16, plus soft Dice
 * when the mask is not empty. mask: 0 to 1. g += weight * dL/dlogit; returns L, not weighted. */
double gad_mask_loss(int64_t n, const float *logit, const float *mask, double weight, float *g);
#endif
