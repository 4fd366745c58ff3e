/* schedule: the learning rate of each step: linear warmup, then constant, linear or cosine decay to a floor. Pure. */
#ifndef GAD_TRAIN_SCHEDULE_H
#define GAD_TRAIN_SCHEDULE_H
#include "gad_train.h"

/* Learning rate of step 0, 1, ... */
double gad_schedule_rate(const gad_schedule *schedule, int64_t step);
#endif
