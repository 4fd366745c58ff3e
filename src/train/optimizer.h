/* optimizer: AdamW on the trainable parameters, with clipping by the global norm, a guard against NaN, and an exponential
 * average of the weights for evaluation. In: gradient sums in the parameters and what to divide them by. Out: updated
 * parameters, gradients zeroed. Knows nothing of losses or files. */
#ifndef GAD_TRAIN_OPTIMIZER_H
#define GAD_TRAIN_OPTIMIZER_H
#include "gad_train.h"
#include "model/params.h"
#include "op/op.h"

/* One trainable parameter with its moments; all exact and of the parameter's size. */
typedef struct gad_optimizer_slot {
    gad_param *param;
    gad_tensor m, v, average; /* average without data: not kept */
    double rate;              /* its learning rate is the step's times this; 1 unless changed */
} gad_optimizer_slot;

typedef struct gad_optimizer {
    gad_device *device;
    gad_optimizer_settings settings;
    gad_optimizer_slot *slot;
    gad_tensor *gradient; /* [count] of the slots' parameters */
    gad_adamw_part *part; /* [count] of one update */
    size_t count;
    int64_t step;    /* updates done */
    int64_t skipped; /* updates left out because a gradient was not finite */
} gad_optimizer;

/* For the parameters that train on `device` now. */
gad_status gad_optimizer_open(gad_params *params, gad_device *device, const gad_optimizer_settings *settings,
                              gad_optimizer *optimizer, gad_error *err);
void gad_optimizer_close(gad_optimizer *optimizer);
/* Learned scalars and new modules need larger steps: parameters that `takes` says yes to take `rate` times the learning
 * rate. */
void gad_optimizer_rate(gad_optimizer *optimizer, bool (*takes)(const gad_param *param), double rate);

/* One update with gradients divided by `divisor`; gradients become zero. *norm: the global norm before clipping. Returns
 * false, and changes no parameter, when that norm is not finite. */
bool gad_optimizer_update(gad_optimizer *optimizer, double learning_rate, double divisor, double *norm);
void gad_optimizer_zero(gad_optimizer *optimizer);
/* Exchange weights and averaged weights (call it twice to come back). */
void gad_optimizer_swap_average(gad_optimizer *optimizer);
/* Bytes that gradients and moments of n parameters take in fp32. */
size_t gad_optimizer_bytes(int64_t n, bool average);
#endif
