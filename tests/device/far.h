/* far: the CPU filling behind memory that the host cannot read: every pointer that it gives is OFFSET bytes away from the
 * numbers, at an address that no process has. Host code that looks into device memory, or an op that is given the host's,
 * fails at once; results have the CPU's bits. Programs linked with it open it as device "far", and as "half" the same with
 * activations and kept numbers of bf16, as CUDA has them: arithmetic in fp32, one rounding at the end of an op. "kernels"
 * is the CUDA filling itself, its kernels on the processor. */
#ifndef GAD_TESTS_DEVICE_FAR_H
#define GAD_TESTS_DEVICE_FAR_H
#include "op/op.h"

gad_status far_open(gad_device *device, int threads, gad_error *err);
/* What devices that are opened from now on say they have of memory; it is 64 GiB at first. */
void far_have(size_t bytes);
/* From now on: the op that many calls later fails as a broken device does (0: the next; negative: none does). */
void far_break(int64_t calls);
/* Ops that were called since the program started. */
int64_t far_calls(void);
/* Bytes that allocate, allocate_exact and place gave and nobody has given back. */
int64_t far_held_bytes(void);
#endif
