/* tensor: what the ops work on. A view of numbers that somebody else owns; making, slicing and reshaping one moves no
 * data. Knows nothing of models or devices. */
#ifndef GAD_OP_TENSOR_H
#define GAD_OP_TENSOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gad_dtype { GAD_F32, GAD_BF16, GAD_F16, GAD_Q8, GAD_F64 } gad_dtype;

/* Bytes of one number (of the int8 part for GAD_Q8). */
size_t gad_dtype_bytes(gad_dtype dtype);

/* Activations and gradients: [rows, cols], row-major, `stride` elements from a row to the next (>= cols). */
typedef struct gad_tensor {
    void *data;
    gad_dtype dtype;
    int64_t rows, cols, stride;
} gad_tensor;

gad_tensor gad_tensor_make(void *data, gad_dtype dtype, int64_t rows, int64_t cols);
/* Rows from..from+rows-1 / columns from..from+cols-1 of t. */
gad_tensor gad_tensor_rows(gad_tensor t, int64_t from, int64_t rows);
gad_tensor gad_tensor_cols(gad_tensor t, int64_t from, int64_t cols);
/* The same numbers as [rows, cols]; t has no gaps (stride == cols) and as many numbers. */
gad_tensor gad_tensor_view(gad_tensor t, int64_t rows, int64_t cols);

/* A linear layer's matrix, [rows = out, cols = in], row-major without gaps. GAD_Q8: int8 numbers, and for every group of
 * GAD_Q8_GROUP numbers of a row (the last group of a row may be shorter) one fp32 scale: value = number * scale;
 * `scale` is [rows, ceil(cols / GAD_Q8_GROUP)], NULL otherwise. */
enum { GAD_Q8_GROUP = 64 };
typedef struct gad_weight {
    const void *data;
    gad_dtype dtype;
    int64_t rows, cols;
    const float *scale;
} gad_weight;
#endif
