/* optimizer: see optimizer.h. AdamW: Loshchilov & Hutter, arXiv 1711.05101. */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static void open_slot(gad_device *device, gad_optimizer_slot *slot, gad_param *param, bool average)
{
    const gad_ops *op = device->ops;
    const gad_tensor w = gad_param_trained(param);
    *slot = (gad_optimizer_slot){.param = param, .rate = 1};
    slot->m = op->allocate_exact(device, w.rows, w.cols);
    slot->v = op->allocate_exact(device, w.rows, w.cols);
    if (!average)
        return;
    slot->average = op->allocate_exact(device, w.rows, w.cols);
    op->axpby(device, slot->average, 1, w, 0);
}

gad_status gad_optimizer_open(gad_params *params, gad_device *device, const gad_optimizer_settings *settings,
                              gad_optimizer *optimizer, gad_error *err)
{
    gad_optimizer o = {.device = device, .settings = *settings, .slot = gad_memory_zero(params->count, sizeof *o.slot)};
    o.gradient = gad_memory_zero(params->count, sizeof *o.gradient);
    o.part = gad_memory_zero(params->count, sizeof *o.part);
    gad_status status = GAD_OK;
    if (!o.slot || !o.gradient || !o.part)
        status = gad_error_memory(err, "make room for the optimizer", params->count * (sizeof *o.slot + sizeof *o.part));
    for (size_t i = 0; i < params->count && !status; i++) {
        if (!params->item[i]->trainable)
            continue;
        o.gradient[o.count] = params->item[i]->gradient;
        open_slot(device, &o.slot[o.count++], params->item[i], settings->average > 0);
    }
    if (!status)
        status = gad_device_check(device, err);
    if (status)
        gad_optimizer_close(&o);
    else
        *optimizer = o;
    return status;
}

void gad_optimizer_close(gad_optimizer *optimizer)
{
    for (size_t i = 0; optimizer->slot && i < optimizer->count; i++) {
        const gad_optimizer_slot *slot = &optimizer->slot[i];
        optimizer->device->ops->release(optimizer->device, slot->m);
        optimizer->device->ops->release(optimizer->device, slot->v);
        optimizer->device->ops->release(optimizer->device, slot->average);
    }
    gad_memory_free(optimizer->gradient);
    gad_memory_free(optimizer->part);
    gad_memory_free(optimizer->slot);
    *optimizer = (gad_optimizer){0};
}

void gad_optimizer_rate(gad_optimizer *optimizer, bool (*takes)(const gad_param *param), double rate)
{
    for (size_t i = 0; i < optimizer->count; i++)
        if (takes(optimizer->slot[i].param))
            optimizer->slot[i].rate = rate;
}

/* The gradients' global norm after division. */
static double norm_of(const gad_optimizer *optimizer, double divisor)
{
    gad_device *device = optimizer->device;
    return sqrt(device->ops->sum_squares(device, optimizer->gradient, (int64_t)optimizer->count)) / divisor;
}

void gad_optimizer_zero(gad_optimizer *optimizer)
{
    for (size_t i = 0; i < optimizer->count; i++)
        optimizer->device->ops->zero(optimizer->device, optimizer->slot[i].param->gradient);
}

static gad_adamw_part part_of(const gad_optimizer *o, const gad_optimizer_slot *slot, double learning_rate, double scale)
{
    const gad_optimizer_settings *s = &o->settings;
    const gad_param *param = slot->param;
    bool decays = param->is_matrix || s->decay_all;
    return (gad_adamw_part){.w = gad_param_trained(param).data,
                            .g = param->gradient.data,
                            .m = slot->m.data,
                            .v = slot->v.data,
                            .n = gad_param_count(param),
                            .settings = {.learning_rate = (float)(learning_rate * slot->rate),
                                         .beta1 = (float)s->beta1,
                                         .beta2 = (float)s->beta2,
                                         .epsilon = (float)s->epsilon,
                                         .weight_decay = decays ? (float)s->weight_decay : 0,
                                         .gradient_scale = (float)scale,
                                         .step = o->step}};
}

static void update_average(const gad_optimizer *o, const gad_optimizer_slot *slot)
{
    const gad_tensor w = gad_param_trained(slot->param);
    if (slot->average.data)
        o->device->ops->axpby(o->device, slot->average, (float)(1 - o->settings.average), w, (float)o->settings.average);
}

bool gad_optimizer_update(gad_optimizer *o, double learning_rate, double divisor, double *norm)
{
    *norm = norm_of(o, divisor);
    bool finite = isfinite(*norm);
    if (finite) {
        double scale = 1 / divisor;
        if (o->settings.clip > 0)
            scale *= fmin(1, o->settings.clip / (*norm + 1e-6));
        o->step++;
        for (size_t i = 0; i < o->count; i++)
            o->part[i] = part_of(o, &o->slot[i], learning_rate, scale);
        o->device->ops->adamw(o->device, o->part, (int64_t)o->count);
        for (size_t i = 0; i < o->count; i++)
            update_average(o, &o->slot[i]);
    } else {
        o->skipped++;
        gad_optimizer_zero(o);
    }
    return finite;
}

void gad_optimizer_swap_average(gad_optimizer *optimizer)
{
    for (size_t i = 0; i < optimizer->count; i++) {
        gad_optimizer_slot *slot = &optimizer->slot[i];
        if (slot->average.data)
            gad_param_swap(slot->param, &slot->average);
    }
}

size_t gad_optimizer_bytes(int64_t n, bool average)
{
    return (size_t)n * sizeof(float) * (average ? 4 : 3);
}
