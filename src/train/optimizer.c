/* optimizer: see optimizer.h. AdamW: Loshchilov & Hutter, arXiv 1711.05101. */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static void *zeroed(size_t size)
{
    void *memory = gad_memory_alloc_aligned(size, 1);
    if (memory)
        memset(memory, 0, size);
    return memory;
}

static gad_tensor weight_of(const gad_param *param)
{
    return gad_tensor_make(param->owned, param->value.dtype, param->value.rows, param->value.cols);
}

static bool open_slot(gad_optimizer_slot *slot, gad_param *param, bool average)
{
    size_t size = gad_param_bytes(param, param->value.dtype);
    *slot = (gad_optimizer_slot){.param = param, .m = zeroed(size), .v = zeroed(size), .rate = 1};
    if (average) {
        slot->average = gad_memory_alloc_aligned(size, 1);
        if (slot->average)
            memcpy(slot->average, param->owned, size);
    }
    return slot->m && slot->v && (!average || slot->average);
}

gad_status gad_optimizer_open(gad_params *params, const gad_optimizer_settings *settings, gad_optimizer *optimizer,
                              gad_error *err)
{
    gad_optimizer o = {.settings = *settings, .slot = gad_memory_zero(params->count, sizeof *o.slot)};
    bool well = o.slot != NULL;
    size_t size = 0;
    for (size_t i = 0; i < params->count && well; i++) {
        gad_param *param = params->item[i];
        if (!param->trainable)
            continue;
        size += 2 * gad_param_bytes(param, param->value.dtype);
        well = open_slot(&o.slot[o.count++], param, settings->average > 0);
    }
    if (well) {
        *optimizer = o;
        return GAD_OK;
    }
    gad_optimizer_close(&o);
    return gad_error_memory(err, "make room for the optimizer", size);
}

void gad_optimizer_close(gad_optimizer *optimizer)
{
    for (size_t i = 0; optimizer->slot && i < optimizer->count; i++) {
        gad_memory_free_aligned(optimizer->slot[i].m);
        gad_memory_free_aligned(optimizer->slot[i].v);
        gad_memory_free_aligned(optimizer->slot[i].average);
    }
    gad_memory_free(optimizer->slot);
    *optimizer = (gad_optimizer){0};
}

void gad_optimizer_rate(gad_optimizer *optimizer, const char *prefix, double rate)
{
    for (size_t i = 0; i < optimizer->count; i++)
        if (!strncmp(optimizer->slot[i].param->name, prefix, strlen(prefix)))
            optimizer->slot[i].rate = rate;
}

double gad_optimizer_norm(gad_device *device, const gad_optimizer *optimizer, double divisor)
{
    double sum = 0;
    for (size_t i = 0; i < optimizer->count; i++)
        sum += device->ops->sum_squares(device, optimizer->slot[i].param->gradient);
    return sqrt(sum) / divisor;
}

void gad_optimizer_zero(gad_device *device, gad_optimizer *optimizer)
{
    for (size_t i = 0; i < optimizer->count; i++)
        device->ops->zero(device, optimizer->slot[i].param->gradient);
}

static void update_slot(gad_device *device, const gad_optimizer *o, gad_optimizer_slot *slot, double learning_rate,
                        double scale)
{
    const gad_optimizer_settings *s = &o->settings;
    gad_param *param = slot->param;
    bool decays = param->is_matrix || s->decay_all;
    gad_adamw adamw = {.learning_rate = (float)(learning_rate * slot->rate),
                       .beta1 = (float)s->beta1,
                       .beta2 = (float)s->beta2,
                       .epsilon = (float)s->epsilon,
                       .weight_decay = decays ? (float)s->weight_decay : 0,
                       .gradient_scale = (float)scale,
                       .step = o->step};
    device->ops->adamw(device, param->owned, param->gradient.data, slot->m, slot->v, gad_param_count(param), &adamw);
    if (slot->average) {
        gad_tensor average = weight_of(param);
        average.data = slot->average;
        device->ops->axpby(device, average, (float)(1 - s->average), weight_of(param), (float)s->average);
    }
}

bool gad_optimizer_update(gad_device *device, gad_optimizer *o, double learning_rate, double divisor, double *norm)
{
    *norm = gad_optimizer_norm(device, o, divisor);
    bool finite = isfinite(*norm);
    if (finite) {
        double scale = 1 / divisor;
        if (o->settings.clip > 0)
            scale *= fmin(1, o->settings.clip / (*norm + 1e-6));
        o->step++;
        for (size_t i = 0; i < o->count; i++)
            update_slot(device, o, &o->slot[i], learning_rate, scale);
    } else {
        o->skipped++;
    }
    gad_optimizer_zero(device, o);
    return finite;
}

void gad_optimizer_swap_average(gad_optimizer *optimizer)
{
    for (size_t i = 0; i < optimizer->count; i++) {
        gad_optimizer_slot *slot = &optimizer->slot[i];
        if (!slot->average)
            continue;
        void *weight = slot->param->owned;
        slot->param->owned = slot->average;
        slot->param->value.data = slot->average;
        slot->average = weight;
    }
}

size_t gad_optimizer_bytes(int64_t n, bool average)
{
    return (size_t)n * sizeof(float) * (average ? 4 : 3);
}
