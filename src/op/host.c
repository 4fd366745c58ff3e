/* host: see host.h */
#include "op/host.h"

#include "base/memory.h"

void gad_host_release(gad_device *device, gad_tensor x)
{
    (void)device;
    gad_memory_free_aligned(x.data);
}

gad_weight gad_host_place(gad_device *device, gad_weight host)
{
    (void)device;
    return host;
}

void gad_host_unplace(gad_device *device, gad_weight placed)
{
    (void)device, (void)placed;
}

void gad_host_fetch(gad_device *device, gad_weight host, gad_weight placed)
{
    (void)device, (void)host, (void)placed;
}
