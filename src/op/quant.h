/* quant: matrices in 8 and 4 bits, and rows of activations in 8 bits. A matrix lies in blocks of 16 rows, columns padded to
 * whole groups, so that both a product with one row and one with many read it in one pass, 16 outputs to a vector:
 *   GAD_Q8: data[block][col / 4][row % 16][col % 4], a byte each, 128 + q; w = q * scale. Scales are bf16,
 *           scale[block][group][row % 16], a group is GAD_QUANT_GROUP columns: 8.25 bits a number.
 *   GAD_Q4: data[block][half group][4][row % 16][4]: byte (i, row, j) holds column 4 i + j of the half group in its low
 *           bits, column 16 + 4 i + j in its high bits. w = q * s * scale - m * least; a block's `scale` is fp32
 *           scale[16], least[16], then bytes s[16], m[16] for each half group: 4.5 bits a number.
 * Knows nothing of devices. */
#ifndef GAD_OP_QUANT_H
#define GAD_OP_QUANT_H
#include "op/tensor.h"

enum { GAD_QUANT_ROWS = 16, GAD_QUANT_GROUP = 64, GAD_QUANT_HALF = GAD_QUANT_GROUP / 2 };

static inline bool gad_quant_is(gad_dtype dtype)
{
    return dtype == GAD_Q8 || dtype == GAD_Q4;
}
/* Groups of a row, and blocks of a matrix. */
static inline int64_t gad_quant_groups(int64_t cols)
{
    return (cols + GAD_QUANT_GROUP - 1) / GAD_QUANT_GROUP;
}
static inline int64_t gad_quant_blocks(int64_t rows)
{
    return (rows + GAD_QUANT_ROWS - 1) / GAD_QUANT_ROWS;
}
/* Bytes of one block, and of its scales. */
static inline int64_t gad_quant_block_bytes(gad_dtype dtype, int64_t cols)
{
    return gad_quant_groups(cols) * GAD_QUANT_ROWS * (dtype == GAD_Q8 ? GAD_QUANT_GROUP : GAD_QUANT_HALF);
}
static inline int64_t gad_quant_block_scale_bytes(gad_dtype dtype, int64_t cols)
{
    const int64_t group = dtype == GAD_Q8 ? 2 : 4, head = dtype == GAD_Q8 ? 0 : 2 * (int64_t)sizeof(float);
    return GAD_QUANT_ROWS * (head + group * gad_quant_groups(cols));
}
/* Bytes of the two parts of a [rows, cols] matrix. */
size_t gad_quant_data_bytes(gad_dtype dtype, int64_t rows, int64_t cols);
size_t gad_quant_scale_bytes(gad_dtype dtype, int64_t rows, int64_t cols);
/* Quantise w (F32, BF16 or F16) into memory of those sizes. Numbers that are not finite become NaN with all that shares
 * their scale. */
void gad_quant_make(gad_dtype dtype, const gad_weight *w, void *data, void *scale);
/* Numbers from..from+n-1 of row `row` of a quantised matrix. */
void gad_quant_row(float *to, const gad_weight *w, int64_t row, int64_t from, int64_t n);

/* How rows of activations are rounded before they meet a quantised matrix: q = x * (127 / most), to the nearest, ties to
 * even, for n <= GAD_QUANT_GROUP numbers with the largest magnitude `most`, zeros when that is below 2^-100; x is about
 * q * the scale that is returned, most / 127: NaN when a number is not finite. */
float gad_quant_round(int8_t *q, const float *x, int64_t n);
#endif
