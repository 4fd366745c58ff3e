/* limits: what this machine can do at most, to judge the kernels by. Knows no op. */
#ifndef GAD_OP_CPU_LIMITS_H
#define GAD_OP_CPU_LIMITS_H
#include "op/op.h"

typedef struct gad_limits {
    double read_gb_s;   /* reading memory that no cache holds, all threads together */
    double fma_gflop_s; /* fp32 multiply-add in registers, all threads together */
} gad_limits;

/* Measures for about two seconds with the device's threads and kernels; the best of several runs, since other programs
 * may be using the machine. Takes 512 MiB for that time. */
gad_status gad_limits_measure(gad_limits *limits, gad_device *device, gad_error *err);
#endif
