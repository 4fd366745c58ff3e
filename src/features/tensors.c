/* tensors: see tensors.h */
#include "features/tensors.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

static const char operation[] = "open a backbone";
static const char other_model[] = "is this the file of a backbone that gad knows?";

static gad_status find(const gad_safetensors *file, const char *name, const gad_safetensors_tensor **out, gad_dtype *dtype,
                       gad_error *err)
{
    *out = gad_safetensors_find(file, name);
    if (!*out)
        return gad_error_set(err, GAD_E_FORMAT, operation, other_model, "tensor %s is missing", name);
    switch ((*out)->dtype) {
    case GAD_SAFETENSORS_F32: *dtype = GAD_F32; return GAD_OK;
    case GAD_SAFETENSORS_BF16: *dtype = GAD_BF16; return GAD_OK;
    case GAD_SAFETENSORS_F16: *dtype = GAD_F16; return GAD_OK;
    default:
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "convert it to F32, BF16 or F16",
                             "tensor %s has numbers of type %s", name, gad_safetensors_dtype_name((*out)->dtype));
    }
}

static gad_status wrong_shape(const gad_safetensors_tensor *t, int64_t rows, int64_t cols, gad_error *err)
{
    char text[128] = "", wanted[2][24] = {"any", "any"};
    for (int d = 0, used = 0; d < t->rank && used < 100; d++)
        used += snprintf(text + used, sizeof text - (size_t)used, d ? ", %lld" : "%lld", (long long)t->shape[d]);
    if (rows >= 0)
        snprintf(wanted[0], sizeof wanted[0], "%lld", (long long)rows);
    if (cols >= 0)
        snprintf(wanted[1], sizeof wanted[1], "%lld", (long long)cols);
    return gad_error_set(err, GAD_E_FORMAT, operation, other_model, "tensor %s is [%s], not [%s, %s]", t->name, text,
                         wanted[0], wanted[1]);
}

gad_status gad_tensors_matrix(const gad_safetensors *file, const char *name, int64_t rows, int64_t cols, gad_weight *out,
                              gad_error *err)
{
    const gad_safetensors_tensor *t;
    gad_dtype dtype;
    gad_status status = find(file, name, &t, &dtype, err);
    if (status)
        return status;
    if (t->rank < 2 || !t->count || (rows >= 0 && t->shape[0] != rows))
        return wrong_shape(t, rows, cols, err);
    const int64_t width = (int64_t)t->count / t->shape[0];
    if (cols >= 0 && width != cols)
        return wrong_shape(t, rows, cols, err);
    *out = (gad_weight){.data = t->data, .dtype = dtype, .rows = t->shape[0], .cols = width};
    return GAD_OK;
}

gad_status gad_tensors_vector(const gad_safetensors *file, const char *name, int64_t cols, gad_tensor *out, gad_error *err)
{
    const gad_safetensors_tensor *t;
    gad_dtype dtype;
    gad_status status = find(file, name, &t, &dtype, err);
    if (status)
        return status;
    if ((int64_t)t->count != cols || !t->rank || t->shape[t->rank - 1] != cols)
        return wrong_shape(t, 1, cols, err);
    *out = (gad_tensor){
        .data = (void *)(uintptr_t)t->data, .dtype = dtype, .rows = 1, .cols = cols, .stride = cols}; /* an input only */
    return GAD_OK;
}

gad_status gad_tensors_integers(const gad_safetensors *file, const char *name, int64_t most, int64_t *out, int64_t *count,
                                gad_error *err)
{
    const gad_safetensors_tensor *t = gad_safetensors_find(file, name);
    if (!t)
        return gad_error_set(err, GAD_E_FORMAT, operation, other_model, "tensor %s is missing", name);
    if (t->count < 1 || (int64_t)t->count > most)
        return gad_error_set(err, GAD_E_FORMAT, operation, other_model, "tensor %s has %zu numbers, not 1 to %lld", name,
                             t->count, (long long)most);
    *count = (int64_t)t->count;
    return gad_safetensors_copy_i64(t, 0, t->count, out, err);
}

void gad_tensors_sum_up(const gad_safetensors *file, gad_backbone_info *info)
{
    gad_hash hash = {0};
    info->parameters = 0;
    for (size_t i = 0; i < gad_safetensors_count(file); i++) {
        const gad_safetensors_tensor *t = gad_safetensors_at(file, i);
        hash = gad_hash_combine(hash, gad_hash_bytes(t->name, strlen(t->name)));
        hash = gad_hash_combine(hash, gad_hash_bytes(t->shape, (size_t)t->rank * sizeof *t->shape));
        hash = gad_hash_combine(hash, gad_hash_bytes(t->data, t->size_bytes));
        info->parameters += t->dtype == GAD_SAFETENSORS_I64 ? 0 : (int64_t)t->count;
    }
    info->hash = hash;
}
