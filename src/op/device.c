/* device: what holds for every filling of the op table: its health and its end. */
#include "base/error.h"
#include "op/op.h"

gad_status gad_device_check(const gad_device *device, gad_error *err)
{
    if (device->error.code != GAD_OK && err)
        *err = device->error;
    return device->error.code;
}

void gad_device_recover(gad_device *device)
{
    if (device->error.code == GAD_E_MEMORY)
        device->error = (gad_error){0};
}

void gad_device_close(gad_device *device)
{
    if (device->ops)
        device->ops->free(device);
    *device = (gad_device){0};
}
