/* tensor: see tensor.h */
#include "op/tensor.h"

size_t gad_dtype_bytes(gad_dtype dtype)
{
    static const size_t bytes[] = {4, 2, 2, 0, 8, 0, 1};
    return bytes[dtype];
}

size_t gad_dtype_head_bytes(gad_dtype dtype, int64_t d)
{
    return (size_t)d * gad_dtype_bytes(dtype) + (dtype == GAD_S8 ? GAD_S8_SCALE_BYTES : 0);
}

const char *gad_dtype_name(gad_dtype dtype)
{
    static const char *const names[] = {"F32", "BF16", "F16", "Q8", "F64", "Q4", "S8"};
    return names[dtype];
}

gad_tensor gad_tensor_make(void *data, gad_dtype dtype, int64_t rows, int64_t cols)
{
    return (gad_tensor){.data = data, .dtype = dtype, .rows = rows, .cols = cols, .stride = cols};
}

static void *offset(gad_tensor t, int64_t elements)
{
    return t.data ? (char *)t.data + elements * (int64_t)gad_dtype_bytes(t.dtype) : NULL;
}

gad_tensor gad_tensor_rows(gad_tensor t, int64_t from, int64_t rows)
{
    return (gad_tensor){
        .data = offset(t, from * t.stride), .dtype = t.dtype, .rows = rows, .cols = t.cols, .stride = t.stride};
}

gad_tensor gad_tensor_cols(gad_tensor t, int64_t from, int64_t cols)
{
    return (gad_tensor){.data = offset(t, from), .dtype = t.dtype, .rows = t.rows, .cols = cols, .stride = t.stride};
}

gad_tensor gad_tensor_view(gad_tensor t, int64_t rows, int64_t cols)
{
    const int64_t stride = t.dtype == GAD_S8 ? cols / t.cols * t.stride : cols;
    return (gad_tensor){.data = t.data, .dtype = t.dtype, .rows = rows, .cols = cols, .stride = stride};
}
