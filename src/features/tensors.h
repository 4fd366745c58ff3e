/* tensors: the tensors of a backbone's file as the op table wants them, each checked for type and shape; the values stay
 * mapped. Knows nothing of networks. */
#ifndef GAD_FEATURES_TENSORS_H
#define GAD_FEATURES_TENSORS_H
#include "features/backbone_info.h"
#include "io/safetensors.h"
#include "op/tensor.h"

/* A matrix [rows, cols] of F32, BF16 or F16; -1: any, at least 1. Axes behind the second count as columns. */
gad_status gad_tensors_matrix(const gad_safetensors *file, const char *name, int64_t rows, int64_t cols, gad_weight *out,
                              gad_error *err);
/* All `cols` numbers of a tensor as [1, cols]; axes of length 1 do not matter. */
gad_status gad_tensors_vector(const gad_safetensors *file, const char *name, int64_t cols, gad_tensor *out, gad_error *err);
/* 1 to `most` integers. */
gad_status gad_tensors_integers(const gad_safetensors *file, const char *name, int64_t most, int64_t *out, int64_t *count,
                                gad_error *err);
/* Hash and number of parameters of all tensors into info. */
void gad_tensors_sum_up(const gad_safetensors *file, gad_backbone_info *info);
#endif
