/* schedule: the learning rate of each step: linear warmup, then constant, linear or cosine decay to a floor. Pure. */
#ifndef GAD_TRAIN_SCHEDULE_H
#define GAD_TRAIN_SCHEDULE_H
#include <stdint.h>

typedef enum gad_schedule_kind { GAD_SCHEDULE_CONSTANT, GAD_SCHEDULE_LINEAR, GAD_SCHEDULE_COSINE } gad_schedule_kind;

typedef struct gad_schedule {
    gad_schedule_kind kind;
    double peak;           /* learning rate after the warmup */
    double floor;          /* last learning rate as a part of the peak */
    int64_t warmup, steps; /* of them all */
} gad_schedule;

/* Learning rate of step 0, 1, ... */
double gad_schedule_rate(const gad_schedule *schedule, int64_t step);
#endif
