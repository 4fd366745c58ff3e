/* quant: weights to int8 with one scale per group of GAD_Q8_GROUP numbers of a row (symmetric, scale = max|w| / 127). */
#ifndef GAD_OP_QUANT_H
#define GAD_OP_QUANT_H
#include "op/tensor.h"

/* Bytes of the int8 part and of the scales of a [rows, cols] matrix. */
size_t gad_quant_data_bytes(int64_t rows, int64_t cols);
size_t gad_quant_scale_bytes(int64_t rows, int64_t cols);
/* Quantise w (F32, BF16 or F16) into memory of those sizes. */
void gad_quant_q8(const gad_weight *w, int8_t *data, float *scale);
#endif
