/* cpu: what the files of the CPU filling share: the device's state, its stack memory, and the functions that fill the
 * table. Activations are fp32; a file holds one word of op/op.h, forward beside backward. */
#ifndef GAD_OP_CPU_CPU_H
#define GAD_OP_CPU_CPU_H
#include "op/cpu/kernels.h"
#include "op/op.h"

enum { GAD_CPU_CHUNKS = 64 };

/* Stack memory: chunks that never move. A position counts bytes over all chunks as if they lay in a row. */
typedef struct gad_cpu_chunk {
    char *data;
    size_t size_bytes, base;
} gad_cpu_chunk;

typedef struct gad_cpu {
    const gad_kernels_level *level;
    gad_cpu_chunk chunk[GAD_CPU_CHUNKS];
    int chunks, current;
    size_t position;
} gad_cpu;

/* count * size_bytes of the device's stack at a multiple of 64, until the next rewind; NULL after a failure, which is kept
 * in device->error. */
void *gad_cpu_scratch(gad_device *device, size_t count, size_t size_bytes);
size_t gad_cpu_mark(gad_device *device);
void gad_cpu_rewind(gad_device *device, size_t mark);

/* False once the device has failed: the op then does nothing. */
static inline bool gad_cpu_well(const gad_device *device)
{
    return device->error.code == GAD_OK;
}
/* Threads for an op that touches `work` numbers: one while starting more would cost as much as the work. */
static inline int gad_cpu_threads(const gad_device *device, int64_t work)
{
    return work < 16384 ? 1 : device->threads;
}
static inline const gad_kernels *gad_cpu_kernels(const gad_device *device)
{
    return ((const gad_cpu *)device->state)->level->kernels;
}
/* What linear layers multiply with: fp32, or bf16 where that is wanted (gad_device.products) and there. */
static inline const gad_kernels_product *gad_cpu_product(const gad_device *device)
{
    const gad_kernels_level *level = ((const gad_cpu *)device->state)->level;
    return device->products == GAD_BF16 ? level->bf16 : &level->kernels->fp32;
}
static inline const gad_kernels_int8 *gad_cpu_int8(const gad_device *device)
{
    return ((const gad_cpu *)device->state)->level->int8;
}
static inline float *gad_cpu_row(gad_tensor t, int64_t row)
{
    return (float *)t.data + row * t.stride;
}

/* Number [row, col] of a tensor of any dtype. */
static inline const char *gad_cpu_number(gad_tensor t, int64_t row, int64_t col)
{
    return (const char *)t.data + (row * t.stride + col) * (int64_t)gad_dtype_bytes(t.dtype);
}
/* Head g of d numbers in a row of keys or values. */
static inline const char *gad_cpu_head(gad_tensor t, int64_t row, int64_t g, int64_t d)
{
    return (const char *)t.data + row * t.stride * (int64_t)gad_dtype_bytes(t.dtype) +
           g * (int64_t)gad_dtype_head_bytes(t.dtype, d);
}
/* The first numbers of row `from` of x (F32 or of y's dtype) into row `to` of y, y->cols of them. */
void gad_cpu_put_row(gad_tensor y, int64_t to, gad_tensor x, int64_t from);

/* A [1,C] tensor of any dtype as aligned fp32, on the stack; NULL for NULL data or after a failure. */
const float *gad_cpu_vector(gad_device *device, gad_tensor t);
/* Numbers from..from+n-1 of row `row` of w as fp32. */
void gad_cpu_weight_row(float *dst, const gad_weight *w, int64_t row, int64_t from, int64_t n);

void gad_cpu_linear(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add);
void gad_cpu_linear_dx(gad_device *device, gad_tensor dx, gad_tensor dy, gad_weight w, float alpha, bool add);
void gad_cpu_linear_dw(gad_device *device, gad_tensor dw, gad_tensor dy, gad_tensor x, float alpha);
void gad_cpu_linear_db(gad_device *device, gad_tensor db, gad_tensor dy);
void gad_cpu_linear_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                          gad_tensor sin);
void gad_cpu_linear_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                           gad_weight up, gad_tensor up_bias);
void gad_cpu_rmsnorm(gad_device *device, gad_tensor y, gad_tensor rstd, gad_tensor x, gad_tensor weight, float eps);
void gad_cpu_rmsnorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dy, gad_tensor x,
                          gad_tensor rstd, gad_tensor weight, bool add);
void gad_cpu_layernorm(gad_device *device, gad_tensor y, gad_tensor stats, gad_tensor x, gad_tensor weight, gad_tensor bias,
                       float eps);
void gad_cpu_layernorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dbias, gad_tensor dy,
                            gad_tensor x, gad_tensor stats, gad_tensor weight, bool add);
void gad_cpu_swiglu(gad_device *device, gad_tensor y, gad_tensor a, gad_tensor b);
void gad_cpu_swiglu_back(gad_device *device, gad_tensor da, gad_tensor db, gad_tensor dy, gad_tensor a, gad_tensor b);
void gad_cpu_gelu(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind);
void gad_cpu_gelu_back(gad_device *device, gad_tensor dx, gad_tensor dy, gad_tensor x, gad_gelu_kind kind);
void gad_cpu_rope(gad_device *device, gad_tensor y, gad_tensor x, gad_tensor cos, gad_tensor sin, int heads, bool inverse);
void gad_cpu_attention(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v,
                       int heads, int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count,
                       const int32_t *pages);
void gad_cpu_attention_back(gad_device *device, gad_tensor dq, gad_tensor dk, gad_tensor dv, gad_tensor d_o, gad_tensor o,
                            gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads, int kv_heads, float scale,
                            const gad_attention_span *spans, int64_t span_count);
void gad_cpu_embed(gad_device *device, gad_tensor y, gad_weight table, const int32_t *ids);
void gad_cpu_embed_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *ids);
void gad_cpu_rows(gad_device *device, gad_tensor y, const int32_t *to, gad_tensor x, const int32_t *from, int64_t n,
                  bool add);
void gad_cpu_rows_mix(gad_device *device, gad_tensor y, gad_weight table, const int32_t *index, const float *weight);
void gad_cpu_rows_mix_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *index, const float *weight);
void gad_cpu_unfold(gad_device *device, gad_tensor y, gad_tensor x, const gad_window *window);
void gad_cpu_expand_depthwise(gad_device *device, gad_tensor y, gad_tensor x, gad_weight expand, gad_tensor expand_bias,
                              gad_weight depthwise, gad_tensor depthwise_bias, const gad_window *window);
void gad_cpu_axpby(gad_device *device, gad_tensor y, float alpha, gad_tensor x, float beta);
void gad_cpu_zero(gad_device *device, gad_tensor y);
void gad_cpu_logprob(gad_device *device, gad_tensor logp, gad_tensor entropy, gad_tensor z, const int32_t *target,
                     float temperature);
void gad_cpu_logprob_back(gad_device *device, gad_tensor dz, gad_tensor g, gad_tensor h, gad_tensor z,
                          const int32_t *target, float temperature);
double gad_cpu_sum_squares(gad_device *device, const gad_tensor *x, int64_t count);
void gad_cpu_adamw(gad_device *device, const gad_adamw_part *part, int64_t count);
#endif
