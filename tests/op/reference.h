/* reference: the op table of op/op.h in fp64 with plain loops: the judge of every other filling, and the device on which
 * whole models are differentiated by finite differences. Slow on purpose: each op reads like its formula. */
#ifndef GAD_TESTS_OP_REFERENCE_H
#define GAD_TESTS_OP_REFERENCE_H
#include "op/op.h"

/* Activations F64; weights and norm parameters of any dtype, F64 too; cos and sin of rope F64. One thread. */
gad_status gad_device_open_reference(gad_device *device, gad_error *err);
/* Element [row, col] of a tensor or weight of any dtype. */
double gad_reference_number(const gad_weight *w, int64_t row, int64_t col);

/* An element of a tensor of fp64. */
static inline double *reference_at(gad_tensor t, int64_t row, int64_t col)
{
    return (double *)t.data + row * t.stride + col;
}

/* reference_attention.c */
void gad_reference_attention(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v,
                             int heads, int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count,
                             const int32_t *pages);
void gad_reference_attention_back(gad_device *device, gad_tensor dq, gad_tensor dk, gad_tensor dv, gad_tensor d_o,
                                  gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads,
                                  int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count);

/* reference_conv.c */
void gad_reference_unfold(gad_device *device, gad_tensor y, gad_tensor x, const gad_window *window);
void gad_reference_expand_depthwise(gad_device *device, gad_tensor y, gad_tensor x, gad_weight expand,
                                    gad_tensor expand_bias, gad_weight depthwise, gad_tensor depthwise_bias,
                                    const gad_window *window);
/* reference_parts.c */
void gad_reference_linear_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                                gad_tensor sin);
void gad_reference_linear_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                                 gad_weight up, gad_tensor up_bias);
#endif
