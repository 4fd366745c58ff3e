/* tensor: what the ops work on. A view of numbers that somebody else owns; making, slicing and reshaping one moves no
 * data. Knows nothing of models or devices. */
#ifndef GAD_OP_TENSOR_H
#define GAD_OP_TENSOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gad_dtype { GAD_F32, GAD_BF16, GAD_F16, GAD_Q8, GAD_F64, GAD_Q4, GAD_S8 } gad_dtype;

/* GAD_S8, of keys and values that are kept: a head is its signed bytes and, behind them, the fp32 that they are to be
 * multiplied with. [rows, heads * d] is made as [rows * heads, d], `stride` counts bytes, and is joined by a view. */
enum { GAD_S8_SCALE_BYTES = 4 };

/* Bytes of one number; 0 for the quantised ones, whose numbers lie in blocks (quant.h). */
size_t gad_dtype_bytes(gad_dtype dtype);
/* Of a head of d numbers with its scale, of those that are not quantised. */
size_t gad_dtype_head_bytes(gad_dtype dtype, int64_t d);
/* "F32", "BF16", ... as safetensors spells it. */
const char *gad_dtype_name(gad_dtype dtype);

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
/* The same numbers as [rows, cols]; t has no gaps (stride == cols, but for GAD_S8 heads) and as many numbers. */
gad_tensor gad_tensor_view(gad_tensor t, int64_t rows, int64_t cols);

/* A linear layer's matrix, [rows = out, cols = in], row-major without gaps. GAD_Q8 and GAD_Q4: in blocks, with what turns
 * their integers into numbers in `scale` (quant.h), which is NULL otherwise. */
typedef struct gad_weight {
    const void *data;
    gad_dtype dtype;
    int64_t rows, cols;
    const void *scale;
} gad_weight;
#endif
