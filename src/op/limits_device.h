/* limits_device: what a device with memory of its own reaches at best with its own ops, to judge the others by: a copy of
 * a large tensor, a product of two large matrices. */
#ifndef GAD_OP_LIMITS_DEVICE_H
#define GAD_OP_LIMITS_DEVICE_H
#include "op/cpu/limits.h"

/* read_gb_s counts what a copy reads and writes; fma_gflop_s is of the activations' dtype. The best of several runs; takes
 * a sixteenth of the device's memory for that time, 1 GiB at most. */
gad_status gad_limits_device_measure(gad_limits *limits, gad_device *device, gad_error *err);
#endif
