/* params: see params.h */
#include "model/params.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "op/quant.h"

gad_param *gad_params_add(gad_params *params, bool is_matrix, int rank, const int64_t *shape, const char *format, ...)
{
    if (!gad_memory_grow((void **)&params->item, &params->capacity, params->count, sizeof *params->item))
        return NULL;
    gad_param *param = gad_memory_zero(1, sizeof *param);
    if (!param)
        return NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(param->name, sizeof param->name, format, args);
    va_end(args);
    param->group = params->group;
    param->is_matrix = is_matrix;
    param->rank = rank;
    int64_t rest = 1;
    for (int i = 0; i < rank; i++) {
        param->shape[i] = shape[i];
        rest *= i || !is_matrix ? shape[i] : 1;
    }
    param->value = (gad_weight){.dtype = GAD_F32, .rows = is_matrix ? shape[0] : 1, .cols = rest};
    params->item[params->count++] = param;
    return param;
}

gad_param *gad_params_find(const gad_params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++)
        if (!strcmp(params->item[i]->name, name))
            return params->item[i];
    return NULL;
}

bool gad_param_is_visual(const gad_param *param)
{
    return param->group == GAD_PARAM_VISION || param->group == GAD_PARAM_MERGER;
}

bool gad_param_is_evidence(const gad_param *param)
{
    return param->group == GAD_PARAM_EVIDENCE || param->group == GAD_PARAM_INJECTION;
}

static void free_value(gad_param *param)
{
    gad_memory_free_aligned(param->owned);
    gad_memory_free_aligned(param->owned_scale);
    param->owned = param->owned_scale = NULL;
}

static void free_gradient(gad_param *param)
{
    if (param->gradient.data)
        param->device->ops->release(param->device, param->gradient);
    param->gradient = gad_tensor_none();
}

static void unplace(gad_param *param)
{
    if (param->placed.data)
        param->device->ops->unplace(param->device, param->placed);
    param->placed = (gad_weight){0};
}

static void free_param(gad_param *param)
{
    free_gradient(param);
    unplace(param);
    free_value(param);
    gad_memory_free(param);
}

void gad_params_remove(gad_params *params, size_t index)
{
    free_param(params->item[index]);
    params->count--;
    memmove(params->item + index, params->item + index + 1, (params->count - index) * sizeof *params->item);
}

void gad_params_free(gad_params *params)
{
    for (size_t i = 0; i < params->count; i++)
        free_param(params->item[i]);
    gad_memory_free(params->item);
    *params = (gad_params){0};
}

int64_t gad_param_count(const gad_param *param)
{
    return param->value.rows * param->value.cols;
}

size_t gad_param_data_bytes(const gad_param *param, gad_dtype dtype)
{
    return gad_quant_is(dtype) ? gad_quant_data_bytes(dtype, param->value.rows, param->value.cols)
                               : (size_t)gad_param_count(param) * gad_dtype_bytes(dtype);
}

size_t gad_param_bytes(const gad_param *param, gad_dtype dtype)
{
    const size_t scales = gad_quant_is(dtype) ? gad_quant_scale_bytes(dtype, param->value.rows, param->value.cols) : 0;
    return gad_param_data_bytes(param, dtype) + scales;
}

double gad_param_get(const gad_param *param, int64_t i)
{
    const gad_weight *w = &param->value;
    const char *at = (const char *)w->data + (size_t)i * gad_dtype_bytes(w->dtype);
    uint16_t h;
    float f;
    double d;
    switch (w->dtype) {
    case GAD_F32: memcpy(&f, at, 4); return (double)f;
    case GAD_F64: memcpy(&d, at, 8); return d;
    case GAD_BF16: memcpy(&h, at, 2); return (double)gad_half_from_bf16(h);
    case GAD_F16: memcpy(&h, at, 2); return (double)gad_half_from_f16(h);
    case GAD_Q8:
    case GAD_Q4: gad_quant_row(&f, w, i / w->cols, i % w->cols, 1); return (double)f;
    case GAD_S8: break; /* no weight is kept so */
    }
    return 0;
}

static void put(void *memory, gad_dtype dtype, int64_t i, double value)
{
    if (dtype == GAD_F64)
        ((double *)memory)[i] = value;
    else if (dtype == GAD_F32)
        ((float *)memory)[i] = (float)value;
    else
        ((uint16_t *)memory)[i] = gad_half_to_bf16((float)value);
}

gad_status gad_param_convert(gad_param *param, gad_dtype dtype, gad_error *err)
{
    if (param->owned && param->value.dtype == dtype)
        return GAD_OK;
    int64_t n = gad_param_count(param);
    void *memory = gad_memory_alloc_aligned((size_t)n, gad_dtype_bytes(dtype));
    if (!memory)
        return gad_error_memory(err, "convert weights", (size_t)n * gad_dtype_bytes(dtype));
    for (int64_t i = 0; i < n; i++)
        put(memory, dtype, i, gad_param_get(param, i));
    free_value(param);
    param->owned = memory;
    param->value.data = memory;
    param->value.dtype = dtype;
    param->value.scale = NULL;
    return GAD_OK;
}

gad_status gad_param_quantise(gad_param *param, gad_dtype dtype, gad_error *err)
{
    gad_weight *w = &param->value;
    void *data = gad_memory_alloc_aligned(gad_quant_data_bytes(dtype, w->rows, w->cols), 1);
    void *scale = gad_memory_alloc_aligned(gad_quant_scale_bytes(dtype, w->rows, w->cols), 1);
    if (!data || !scale) {
        gad_memory_free_aligned(data);
        gad_memory_free_aligned(scale);
        return gad_error_memory(err, "quantise weights", gad_param_bytes(param, dtype));
    }
    gad_quant_make(dtype, w, data, scale);
    free_value(param);
    param->owned = data;
    param->owned_scale = scale;
    *w = (gad_weight){.data = data, .dtype = dtype, .rows = w->rows, .cols = w->cols, .scale = scale};
    return GAD_OK;
}

void gad_param_place(gad_param *param, gad_device *device)
{
    unplace(param);
    if (!device->memory_bytes || !param->value.data)
        return;
    param->placed = device->ops->place(device, param->value);
    param->device = device;
}

gad_status gad_param_train(gad_param *param, bool trainable, gad_device *device, gad_error *err)
{
    free_gradient(param);
    param->trainable = false;
    if (!trainable)
        return GAD_OK;
    gad_status status = gad_param_convert(param, device->dtype == GAD_F64 ? GAD_F64 : GAD_F32, err);
    if (status)
        return status;
    gad_param_place(param, device);
    param->gradient = device->ops->allocate_exact(device, param->value.rows, param->value.cols);
    param->device = device;
    param->trainable = true;
    return gad_device_check(device, err);
}

void gad_params_fetch(gad_params *params)
{
    for (size_t i = 0; i < params->count; i++) {
        const gad_param *param = params->item[i];
        if (param->trainable && param->placed.data)
            param->device->ops->fetch(param->device, param->value, param->placed);
    }
}

gad_weight gad_param_weight(const gad_param *param)
{
    return param->placed.data ? param->placed : param->value;
}

gad_tensor gad_param_vector(const gad_param *param)
{
    if (!param)
        return gad_tensor_none();
    const gad_weight w = gad_param_weight(param);
    return gad_tensor_make((void *)(uintptr_t)w.data, w.dtype, 1, w.cols);
}

gad_tensor gad_param_trained(const gad_param *param)
{
    const gad_weight w = gad_param_weight(param);
    return gad_tensor_make((void *)(uintptr_t)w.data, w.dtype, w.rows, w.cols);
}

void gad_param_swap(gad_param *param, gad_tensor *other)
{
    gad_weight *now = param->placed.data ? &param->placed : &param->value;
    void *data = gad_param_trained(param).data;
    now->data = other->data;
    if (!param->placed.data)
        param->owned = other->data;
    other->data = data;
}
