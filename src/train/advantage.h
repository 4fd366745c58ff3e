/* advantage: from the rewards of a group to what each answer is worth, and from log-probabilities to gradients: the
 * formulas of GRPO (docs/spec/training.md section 3). Pure. */
#ifndef GAD_TRAIN_ADVANTAGE_H
#define GAD_TRAIN_ADVANTAGE_H
#include "gad_train.h"

/* A_i = r_i - mean, over the unbiased deviation + 1e-4 when `scale`. Rewards that are NaN are missing: advantage 0. Returns
 * the deviation, 0 for a group of equal rewards. */
double gad_advantage_group(const double *reward, int count, bool scale, double *advantage);

/* One token: L = -min(w A, clip(w) A) + kl (exp(d) - d - 1) with w = exp(l - old), d = reference - l. Exponents are kept in
 * [-20, 20]. *derivative = dL/dl. *clipped: w lay outside. */
double gad_advantage_token(const gad_advantage_loss *loss, double advantage, double l, double old, double reference,
                           double *derivative, bool *clipped);

/* Weight of an id of an answer of `length` ids in a group of `answers` answers with `total` ids; and the group's share of
 * the divisor of the step. */
double gad_advantage_weight(gad_aggregation mode, double length, double answers, double total, double most);
double gad_advantage_divisor(gad_aggregation mode, double total);
#endif
