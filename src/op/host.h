/* host: what an op table does with parameters when the device's memory is the host's: they stay where they are. */
#ifndef GAD_OP_HOST_H
#define GAD_OP_HOST_H
#include "op/op.h"

/* Of gad_ops: release, place, unplace, fetch. */
void gad_host_release(gad_device *device, gad_tensor x);
gad_weight gad_host_place(gad_device *device, gad_weight host);
void gad_host_unplace(gad_device *device, gad_weight placed);
void gad_host_fetch(gad_device *device, gad_weight host, gad_weight placed);
#endif
