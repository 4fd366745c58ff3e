/* far: see far.h. Each op moves its pointers back and hands on to the CPU's; activations of bf16 are widened before and
 * rounded after. */
#include "device/far.h"

#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "op/ops_here.h"
#include "op/quant.h"

static const uintptr_t OFFSET = (uintptr_t)1 << 47; /* such addresses are in no process */
static const gad_ops *cpu;
static size_t memory_bytes = (size_t)64 << 30;
static int64_t calls, break_at = -1, held_bytes;

void far_have(size_t bytes)
{
    memory_bytes = bytes;
}

void far_break(int64_t after)
{
    break_at = after < 0 ? -1 : calls + after;
}

int64_t far_calls(void)
{
    return calls;
}

int64_t far_held_bytes(void)
{
    return held_bytes;
}

/* ---- addresses ----------------------------------------------------------------------------------------------------- */

static void *to_far(const void *p)
{
    return p ? (void *)((uintptr_t)p + OFFSET) : NULL;
}

static void *to_near(gad_device *device, const void *p)
{
    if (!p)
        return NULL;
    if ((uintptr_t)p < OFFSET) {
        gad_error_fill(&device->error, GAD_E_INTERNAL, "far", NULL, "an op was given the host's memory");
        return NULL;
    }
    return (void *)((uintptr_t)p - OFFSET);
}

static gad_tensor near(gad_device *device, gad_tensor t)
{
    t.data = to_near(device, t.data);
    return t;
}

static gad_weight near_weight(gad_device *device, gad_weight w)
{
    w.data = to_near(device, w.data);
    w.scale = to_near(device, w.scale);
    return w;
}

/* Counts the op; false: it is not done. */
static bool begins(gad_device *device)
{
    if (calls++ == break_at && device->error.code == GAD_OK)
        gad_error_fill(&device->error, GAD_E_DEVICE, "run the model", "restart the program",
                       "far: an illegal memory access was encountered");
    return device->error.code == GAD_OK;
}

/* ---- numbers of 16 bits ---------------------------------------------------------------------------------------------- */

/* Results of the running op that wait to be rounded. */
enum { MAX_RESULTS = 4 };
static struct {
    gad_tensor narrow, wide;
} result[MAX_RESULTS];
static int results;

/* x as fp32 on the stack; as it is when it is of fp32 already. */
static gad_tensor widen(gad_device *device, gad_tensor x)
{
    x = near(device, x);
    if (x.dtype != GAD_BF16 || !x.data)
        return x;
    gad_tensor wide = cpu->take(device, x.rows, x.cols);
    for (int64_t t = 0; wide.data && t < x.rows; t++)
        gad_half_array_from_bf16((float *)wide.data + t * x.cols, (const uint16_t *)x.data + t * x.stride, (size_t)x.cols);
    return wide;
}

/* The same of what the op writes or adds to. */
static gad_tensor widen_result(gad_device *device, gad_tensor y)
{
    gad_tensor wide = widen(device, y);
    if (y.dtype == GAD_BF16 && y.data && results < MAX_RESULTS) {
        result[results].narrow = near(device, y);
        result[results++].wide = wide;
    }
    return wide;
}

static void round_results(void)
{
    for (int i = 0; i < results; i++) {
        const gad_tensor y = result[i].narrow, wide = result[i].wide;
        for (int64_t t = 0; wide.data && t < y.rows; t++)
            for (int64_t c = 0; c < y.cols; c++)
                ((uint16_t *)y.data)[t * y.stride + c] = gad_half_to_bf16(((const float *)wide.data)[t * y.cols + c]);
    }
    results = 0;
}

/* Shorthand for the functions below: what an op reads, writes (or adds to), a weight, an index array. */
#define IN(t) widen(device, t)
#define OUT(t) widen_result(device, t)
#define NEAR_WEIGHT(w) near_weight(device, w)
#define NEAR_POINTER(p) to_near(device, p)
/* A bias or norm weight, of any dtype. */
#define NEAR(t) near(device, t)
/* Arguments are moved back first, so that a wrong one stops the op. */
#define BEGIN const size_t start = cpu->mark(device)
#define HAND_ON(op, ...)                                                                                                   \
    do {                                                                                                                   \
        if (begins(device))                                                                                                \
            cpu->op(device, __VA_ARGS__);                                                                                  \
        round_results();                                                                                                   \
        cpu->rewind(device, start);                                                                                        \
    } while (0)

/* ---- memory -------------------------------------------------------------------------------------------------------- */

/* [rows, cols] of `dtype` in the memory of fp32 numbers that `get` gives. */
static gad_tensor shaped(gad_device *device, gad_tensor (*get)(gad_device *, int64_t, int64_t), gad_dtype dtype,
                         int64_t rows, int64_t cols)
{
    gad_tensor t = dtype == GAD_BF16 ? get(device, 1, (rows * cols + 1) / 2) : get(device, rows, cols);
    return gad_tensor_make(to_far(t.data), dtype, rows, cols);
}

static gad_tensor take(gad_device *device, int64_t rows, int64_t cols)
{
    return shaped(device, cpu->take, device->dtype, rows, cols);
}

static gad_tensor take_exact(gad_device *device, int64_t rows, int64_t cols)
{
    return shaped(device, cpu->take, GAD_F32, rows, cols);
}

static size_t mark(gad_device *device)
{
    return cpu->mark(device);
}

static void rewind_to(gad_device *device, size_t to)
{
    cpu->rewind(device, to);
}

static const void *upload(gad_device *device, const void *host, size_t size_bytes)
{
    gad_tensor t = cpu->take(device, 1, (int64_t)(size_bytes / sizeof(float)) + 1);
    if (t.data && host)
        memcpy(t.data, host, size_bytes);
    return host ? to_far(t.data) : NULL;
}

static void download(gad_device *device, float *host, gad_tensor x)
{
    BEGIN;
    x = IN(x);
    HAND_ON(download, host, x);
}

static void fill(gad_device *device, gad_tensor y, const float *host)
{
    BEGIN;
    y = OUT(y);
    HAND_ON(fill, y, host);
}

static int64_t tensor_bytes(gad_tensor x)
{
    return x.rows * x.cols * (int64_t)gad_dtype_bytes(x.dtype);
}

static gad_tensor lasting(gad_device *device, gad_dtype dtype, int64_t rows, int64_t cols)
{
    gad_tensor x = shaped(device, cpu->allocate_exact, dtype, rows, cols);
    held_bytes += x.data ? tensor_bytes(x) : 0;
    return x;
}

static gad_tensor allocate(gad_device *device, int64_t rows, int64_t cols)
{
    return lasting(device, device->kept, rows, cols);
}

static gad_tensor allocate_exact(gad_device *device, int64_t rows, int64_t cols)
{
    return lasting(device, GAD_F32, rows, cols);
}

static void release(gad_device *device, gad_tensor x)
{
    held_bytes -= x.data ? tensor_bytes(x) : 0;
    cpu->release(device, NEAR(x));
}

static size_t data_bytes(const gad_weight *w)
{
    return gad_quant_is(w->dtype) ? gad_quant_data_bytes(w->dtype, w->rows, w->cols)
                                  : (size_t)(w->rows * w->cols) * gad_dtype_bytes(w->dtype);
}

static void *copy_of(gad_device *device, const void *host, size_t size_bytes)
{
    void *copy = gad_memory_alloc_aligned(size_bytes, 1);
    if (copy)
        memcpy(copy, host, size_bytes);
    else
        gad_error_fill_memory(&device->error, "place weights", size_bytes);
    held_bytes += copy ? (int64_t)size_bytes : 0;
    return to_far(copy);
}

static gad_weight place(gad_device *device, gad_weight host)
{
    gad_weight placed = host;
    placed.data = copy_of(device, host.data, data_bytes(&host));
    if (host.scale)
        placed.scale = copy_of(device, host.scale, gad_quant_scale_bytes(host.dtype, host.rows, host.cols));
    return placed;
}

static void unplace(gad_device *device, gad_weight placed)
{
    held_bytes -= placed.data ? (int64_t)data_bytes(&placed) : 0;
    held_bytes -= placed.scale ? (int64_t)gad_quant_scale_bytes(placed.dtype, placed.rows, placed.cols) : 0;
    placed = NEAR_WEIGHT(placed);
    gad_memory_free_aligned((void *)(uintptr_t)placed.data);
    gad_memory_free_aligned((void *)(uintptr_t)placed.scale);
}

static void fetch(gad_device *device, gad_weight host, gad_weight placed)
{
    placed = NEAR_WEIGHT(placed);
    if (begins(device))
        memcpy((void *)(uintptr_t)host.data, placed.data, data_bytes(&host));
}

/* ---- the ops ------------------------------------------------------------------------------------------------------- */

static void linear(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add)
{
    BEGIN;
    y = OUT(y), x = IN(x), w = NEAR_WEIGHT(w), bias = NEAR(bias);
    HAND_ON(linear, y, x, w, bias, alpha, add);
}

static void linear_dx(gad_device *device, gad_tensor dx, gad_tensor dy, gad_weight w, float alpha, bool add)
{
    BEGIN;
    dx = OUT(dx), dy = IN(dy), w = NEAR_WEIGHT(w);
    HAND_ON(linear_dx, dx, dy, w, alpha, add);
}

static void linear_dw(gad_device *device, gad_tensor dw, gad_tensor dy, gad_tensor x, float alpha)
{
    BEGIN;
    dw = OUT(dw), dy = IN(dy), x = IN(x);
    HAND_ON(linear_dw, dw, dy, x, alpha);
}

static void linear_db(gad_device *device, gad_tensor db, gad_tensor dy)
{
    BEGIN;
    db = OUT(db), dy = IN(dy);
    HAND_ON(linear_db, db, dy);
}

static void linear_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                         gad_tensor sin)
{
    BEGIN;
    gad_linear_part moved[GAD_LINEAR_PARTS];
    for (int i = 0; i < count; i++)
        moved[i] = (gad_linear_part){OUT(part[i].y), NEAR_WEIGHT(part[i].w), NEAR(part[i].bias), part[i].heads};
    x = IN(x), cos = IN(cos), sin = IN(sin);
    HAND_ON(linear_parts, moved, count, x, cos, sin);
}

static void linear_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                          gad_weight up, gad_tensor up_bias)
{
    BEGIN;
    y = OUT(y), x = IN(x), gate = NEAR_WEIGHT(gate), gate_bias = NEAR(gate_bias), up = NEAR_WEIGHT(up);
    up_bias = NEAR(up_bias);
    HAND_ON(linear_swiglu, y, x, gate, gate_bias, up, up_bias);
}

static void rmsnorm(gad_device *device, gad_tensor y, gad_tensor rstd, gad_tensor x, gad_tensor weight, float eps)
{
    BEGIN;
    y = OUT(y), rstd = OUT(rstd), x = IN(x), weight = NEAR(weight);
    HAND_ON(rmsnorm, y, rstd, x, weight, eps);
}

static void rmsnorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dy, gad_tensor x,
                         gad_tensor rstd, gad_tensor weight, bool add)
{
    BEGIN;
    dx = OUT(dx), dweight = OUT(dweight), dy = IN(dy), x = IN(x), rstd = IN(rstd), weight = NEAR(weight);
    HAND_ON(rmsnorm_back, dx, dweight, dy, x, rstd, weight, add);
}

static void layernorm(gad_device *device, gad_tensor y, gad_tensor stats, gad_tensor x, gad_tensor weight, gad_tensor bias,
                      float eps)
{
    BEGIN;
    y = OUT(y), stats = OUT(stats), x = IN(x), weight = NEAR(weight), bias = NEAR(bias);
    HAND_ON(layernorm, y, stats, x, weight, bias, eps);
}

static void layernorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dbias, gad_tensor dy,
                           gad_tensor x, gad_tensor stats, gad_tensor weight, bool add)
{
    BEGIN;
    dx = OUT(dx), dweight = OUT(dweight), dbias = OUT(dbias), dy = IN(dy), x = IN(x);
    stats = IN(stats), weight = NEAR(weight);
    HAND_ON(layernorm_back, dx, dweight, dbias, dy, x, stats, weight, add);
}

static void swiglu(gad_device *device, gad_tensor y, gad_tensor a, gad_tensor b)
{
    BEGIN;
    y = OUT(y), a = IN(a), b = IN(b);
    HAND_ON(swiglu, y, a, b);
}

static void swiglu_back(gad_device *device, gad_tensor da, gad_tensor db, gad_tensor dy, gad_tensor a, gad_tensor b)
{
    BEGIN;
    da = OUT(da), db = OUT(db), dy = IN(dy), a = IN(a), b = IN(b);
    HAND_ON(swiglu_back, da, db, dy, a, b);
}

static void gelu(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind)
{
    BEGIN;
    y = OUT(y), x = IN(x);
    HAND_ON(gelu, y, x, kind);
}

static void gelu_back(gad_device *device, gad_tensor dx, gad_tensor dy, gad_tensor x, gad_gelu_kind kind)
{
    BEGIN;
    dx = OUT(dx), dy = IN(dy), x = IN(x);
    HAND_ON(gelu_back, dx, dy, x, kind);
}

static void rope(gad_device *device, gad_tensor y, gad_tensor x, gad_tensor cos, gad_tensor sin, int heads, bool inverse)
{
    BEGIN;
    y = OUT(y), x = IN(x), cos = IN(cos), sin = IN(sin);
    HAND_ON(rope, y, x, cos, sin, heads, inverse);
}

static void attention(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads,
                      int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count, const int32_t *pages)
{
    BEGIN;
    pages = NEAR_POINTER(pages);
    o = OUT(o), lse = OUT(lse), q = IN(q), k = IN(k), v = IN(v);
    HAND_ON(attention, o, lse, q, k, v, heads, kv_heads, scale, spans, span_count, pages);
}

static void attention_back(gad_device *device, gad_tensor dq, gad_tensor dk, gad_tensor dv, gad_tensor d_o, gad_tensor o,
                           gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads, int kv_heads, float scale,
                           const gad_attention_span *spans, int64_t span_count)
{
    BEGIN;
    dq = OUT(dq), dk = OUT(dk), dv = OUT(dv), d_o = IN(d_o), o = IN(o), lse = IN(lse);
    q = IN(q), k = IN(k), v = IN(v);
    HAND_ON(attention_back, dq, dk, dv, d_o, o, lse, q, k, v, heads, kv_heads, scale, spans, span_count);
}

static void embed(gad_device *device, gad_tensor y, gad_weight table, const int32_t *ids)
{
    BEGIN;
    y = OUT(y), table = NEAR_WEIGHT(table), ids = NEAR_POINTER(ids);
    HAND_ON(embed, y, table, ids);
}

static void embed_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *ids)
{
    BEGIN;
    dtable = OUT(dtable), dy = IN(dy), ids = NEAR_POINTER(ids);
    HAND_ON(embed_back, dtable, dy, ids);
}

static void rows(gad_device *device, gad_tensor y, const int32_t *to, gad_tensor x, const int32_t *from, int64_t n,
                 bool add)
{
    BEGIN;
    y = OUT(y), x = IN(x), to = NEAR_POINTER(to), from = NEAR_POINTER(from);
    HAND_ON(rows, y, to, x, from, n, add);
}

static void rows_mix(gad_device *device, gad_tensor y, gad_weight table, const int32_t *index, const float *weight)
{
    BEGIN;
    y = OUT(y), table = NEAR_WEIGHT(table), index = NEAR_POINTER(index), weight = NEAR_POINTER(weight);
    HAND_ON(rows_mix, y, table, index, weight);
}

static void rows_mix_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *index, const float *weight)
{
    BEGIN;
    dtable = OUT(dtable), dy = IN(dy), index = NEAR_POINTER(index), weight = NEAR_POINTER(weight);
    HAND_ON(rows_mix_back, dtable, dy, index, weight);
}

static void unfold(gad_device *device, gad_tensor y, gad_tensor x, const gad_window *window)
{
    BEGIN;
    y = OUT(y), x = IN(x);
    HAND_ON(unfold, y, x, window);
}

static void expand_depthwise(gad_device *device, gad_tensor y, gad_tensor x, gad_weight expand, gad_tensor expand_bias,
                             gad_weight depthwise, gad_tensor depthwise_bias, const gad_window *window)
{
    BEGIN;
    y = OUT(y), x = IN(x), expand = NEAR_WEIGHT(expand), expand_bias = NEAR(expand_bias);
    depthwise = NEAR_WEIGHT(depthwise), depthwise_bias = NEAR(depthwise_bias);
    HAND_ON(expand_depthwise, y, x, expand, expand_bias, depthwise, depthwise_bias, window);
}

static void axpby(gad_device *device, gad_tensor y, float alpha, gad_tensor x, float beta)
{
    BEGIN;
    y = OUT(y), x = IN(x);
    HAND_ON(axpby, y, alpha, x, beta);
}

static void zero(gad_device *device, gad_tensor y)
{
    BEGIN;
    y = OUT(y);
    HAND_ON(zero, y);
}

static void logprob(gad_device *device, gad_tensor logp, gad_tensor entropy, gad_tensor z, const int32_t *target,
                    float temperature)
{
    BEGIN;
    logp = OUT(logp), entropy = OUT(entropy), z = IN(z), target = NEAR_POINTER(target);
    HAND_ON(logprob, logp, entropy, z, target, temperature);
}

static void logprob_back(gad_device *device, gad_tensor dz, gad_tensor g, gad_tensor h, gad_tensor z, const int32_t *target,
                         float temperature)
{
    BEGIN;
    dz = OUT(dz), g = IN(g), h = IN(h), z = IN(z), target = NEAR_POINTER(target);
    HAND_ON(logprob_back, dz, g, h, z, target, temperature);
}

static double sum_squares(gad_device *device, const gad_tensor *x, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const gad_tensor one = NEAR(x[i]);
        sum += begins(device) ? cpu->sum_squares(device, &one, 1) : 0;
    }
    return sum;
}

static void adamw(gad_device *device, const gad_adamw_part *part, int64_t count)
{
    BEGIN;
    for (int64_t i = 0; i < count; i++) {
        gad_adamw_part one = part[i];
        one.w = NEAR_POINTER(one.w), one.g = NEAR_POINTER(one.g), one.m = NEAR_POINTER(one.m), one.v = NEAR_POINTER(one.v);
        HAND_ON(adamw, &one, 1);
    }
}

static void free_far(gad_device *device)
{
    cpu->free(device);
}

static const gad_ops table = {
    .name = "far",
    .take = take,
    .take_exact = take_exact,
    .mark = mark,
    .rewind = rewind_to,
    .upload = upload,
    .download = download,
    .fill = fill,
    .allocate = allocate,
    .allocate_exact = allocate_exact,
    .release = release,
    .place = place,
    .unplace = unplace,
    .fetch = fetch,
    .linear_parts = linear_parts,
    .linear_swiglu = linear_swiglu,
    .attention = attention,
    .attention_back = attention_back,
    .unfold = unfold,
    .expand_depthwise = expand_depthwise,
    OPS_HERE,
    .free = free_far,
};

gad_status far_open(gad_device *device, int threads, gad_error *err)
{
    gad_status status = gad_device_open_cpu(device, threads, err);
    if (status)
        return status;
    cpu = device->ops;
    device->ops = &table;
    device->memory_bytes = memory_bytes;
    strcpy(device->label, "far");
    return GAD_OK;
}

/* The CUDA filling with its kernels on the processor (src/op/cuda/grid_host.cuh). */
gad_cuda_opener gad_cuda_open;

/* The linker puts it in the place of gad_device_open (cmake/tests.cmake). */
gad_status __real_gad_device_open(gad_device *device, const char *name, int threads, gad_error *err);
gad_status __wrap_gad_device_open(gad_device *device, const char *name, int threads, gad_error *err);
gad_status __wrap_gad_device_open(gad_device *device, const char *name, int threads, gad_error *err)
{
    if (!strcmp(name, "kernels")) {
        gad_status opened = gad_cuda_open(device, 0, err);
        device->threads = opened ? 0 : 1;
        return opened;
    }
    gad_status status = strcmp(name, "far") && strcmp(name, "half") ? __real_gad_device_open(device, name, threads, err)
                                                                    : far_open(device, threads, err);
    if (!status && !strcmp(name, "half"))
        device->dtype = device->kept = device->products = GAD_BF16;
    return status;
}
