/* op: the only arithmetic of the model, as a table of functions. The model text is written once against this table;
 * op/cpu fills it for fp32 activations, tests/op/reference.c fills it with plain loops in fp64 and is the judge, and a
 * device filling does the same with its own memory. Knows nothing of models.
 *
 * Letters: T rows (tokens, patches), I inputs, O outputs, C channels, H heads, D head size, V vocabulary.
 * Rules for every op:
 *   - shapes agree (the caller's duty; an op asserts nothing); tensors of one call have the device's activation dtype
 *     unless said otherwise; norm weights, biases and index arrays are stated with the op.
 *   - "exact" numbers are F32 whatever the activations are (F64 on the reference, where everything is): statistics that a
 *     norm or attention keeps (rstd, stats, lse), cos and sin, logp and entropy and their gradients g and h, gradients of
 *     parameters (dw, db, dweight, dbias, dtable), and what AdamW works on. They come from `take_exact` and
 *     `allocate_exact`. Inside an op sums and functions are fp32 or better, and rounded to the activations once.
 *   - every pointer to numbers is the device's: from take, upload, allocate or place. Host memory is only what an op says
 *     it is (spans, what upload, fill and place read, what download and fetch write); it may be unreadable to the other.
 *   - outputs do not overlap inputs unless the op says that it may run in place.
 *   - a gradient is named d<name>. "Adds" means += into what is there; everything else is overwritten. An output tensor
 *     whose data is NULL is not wanted.
 *   - results do not depend on the number of threads.
 *   - ops may run later than their call; download, fetch, draw, sum_squares and gad_device_check wait for all before them.
 *   - a failure (no scratch memory, device fault) is kept in device->error, later ops do nothing, and the stage asks
 *     gad_device_check once. */
#ifndef GAD_OP_OP_H
#define GAD_OP_OP_H
#include "gad.h"
#include "op/tensor.h"
#include "op/window.h"

typedef struct gad_device gad_device;

/* Which keys a run of query rows sees: query row q0+i (i < q1-q0) sees key rows [p0,p1) entirely, and of [k0,k1) all of
 * them, or when `causal` those up to and including k1 - (q1-q0) + i. A row that sees no key gets o = 0, lse = -infinity.
 * One struct covers windows (p0 == p1, not causal), prefill and decode with a cache (causal, k0 = 0), padding-free batches
 * (one span a sample) and answers that share a prefix. Spans of one call cover disjoint query rows, q0 < q1. */
typedef struct gad_attention_span {
    int64_t q0, q1, p0, p1, k0, k1;
    bool causal;
} gad_attention_span;

enum { GAD_PAGE_ROWS = 32 }; /* keys of one page, where they are kept in pages */

typedef enum gad_gelu_kind { GAD_GELU_ERF, GAD_GELU_TANH } gad_gelu_kind;

/* How AdamW updates (Loshchilov & Hutter, arXiv 1711.05101). `step` counts from 1. The gradient is multiplied by
 * gradient_scale first (clipping, division by the token count). */
typedef struct gad_adamw {
    float learning_rate, beta1, beta2, epsilon, weight_decay, gradient_scale;
    int64_t step;
} gad_adamw;

/* What is updated: n exact numbers w with their gradients g and moments m and v. */
typedef struct gad_adamw_part {
    void *w, *g, *m, *v;
    int64_t n;
    gad_adamw settings;
} gad_adamw_part;

/* One of several linear layers that read the same rows: y = x w^T + bias, which is then turned by rotary positions when
 * `heads` is not 0. */
typedef struct gad_linear_part {
    gad_tensor y;
    gad_weight w;
    gad_tensor bias;
    int heads;
} gad_linear_part;
enum { GAD_LINEAR_PARTS = 3 };

enum { GAD_MEETING_BYTES = 128 };

/* How the next id is drawn from a row of logits (generate/sample.h), and what was drawn. */
typedef struct gad_draw {
    bool greedy; /* the first of the largest; then only the penalty counts of what follows */
    double temperature, top_p, min_p, penalty;
    int64_t top_k;
    const int32_t *seen; /* [seen_count] ids that the penalty covers: host memory */
    int64_t seen_count;
    double at;   /* the caller's uniform number in [0, 1) */
    double told; /* the temperature at which the id's log-probability is told, of the logits as they came */
} gad_draw;
typedef struct gad_drawn {
    double logp;
    int32_t id;
    bool finite; /* all logits of the row are */
} gad_drawn;

typedef struct gad_ops {
    const char *name; /* "cpu", "cuda", "reference" */

    /* ---- memory: a stack per device. `take` gives uninitialised numbers at a multiple of 64 bytes, valid until a rewind
     * to an earlier mark; NULL data after a failure; `take_exact` the same of exact numbers. `upload` makes host memory
     * readable by ops until the next rewind (on the CPU: the same pointer, so the host memory stays as it is until then);
     * `download` copies a tensor of any float dtype to host fp32 [rows, cols]. */
    gad_tensor (*take)(gad_device *device, int64_t rows, int64_t cols);
    gad_tensor (*take_exact)(gad_device *device, int64_t rows, int64_t cols);
    size_t (*mark)(gad_device *device);
    void (*rewind)(gad_device *device, size_t mark);
    const void *(*upload)(gad_device *device, const void *host, size_t size_bytes);
    void (*download)(gad_device *device, float *host, gad_tensor x);
    /* the way back: host fp32 [rows, cols] into y, of any float dtype */
    void (*fill)(gad_device *device, gad_tensor y, const float *host);
    /* memory of device->kept that outlives the stack, a key-value cache: `rows` and `axpby` with alpha 1 and beta 0 write
     * into it, of fp32 or its own numbers, and attention reads keys and values of it. `allocate_exact` gives zeros:
     * gradients, moments, averages. NULL data after a failure; release accepts an empty tensor */
    gad_tensor (*allocate)(gad_device *device, int64_t rows, int64_t cols);
    gad_tensor (*allocate_exact)(gad_device *device, int64_t rows, int64_t cols);
    void (*release)(gad_device *device, gad_tensor x);

    /* ---- parameters: `place` makes a host matrix or vector (rows 1) one that ops read, until `unplace`: of the same dtype
     * and shape, in an order of the filling's own where it is quantised (on the CPU: the same pointers, nothing is copied,
     * so the host memory stays until unplace). AdamW writes placed F32 numbers; `fetch` copies placed numbers that are not
     * quantised back to the host matrix they came from. NULL data after a failure; unplace accepts an empty weight. */
    gad_weight (*place)(gad_device *device, gad_weight host);
    void (*unplace)(gad_device *device, gad_weight placed);
    void (*fetch)(gad_device *device, gad_weight host, gad_weight placed);

    /* ---- linear: y[T,O] = alpha * x[T,I] w^T + bias (+ y when `add`). y is of activations or exact (logits); bias [1,O]
     * or NULL data; its dtype is F32, BF16, F16 or F64. w of any dtype the device supports, F32 masters beside BF16
     * activations too. Of this and the next two, factors are rounded to device->products, alpha having been multiplied into
     * the first one before (sums stay as exact as activations). Here with a quantised w: alpha * x is rounded to 8 bits
     * instead, group by group (quant.h); what that stands for, and w, may be rounded to activations after that. */
    void (*linear)(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add);
    /* dx[T,I] = alpha * dy[T,O] w (+ dx when `add`) */
    void (*linear_dx)(gad_device *device, gad_tensor dx, gad_tensor dy, gad_weight w, float alpha, bool add);
    /* dw[O,I] += alpha * dy^T x */
    void (*linear_dw)(gad_device *device, gad_tensor dw, gad_tensor dy, gad_tensor x, float alpha);
    /* db[1,O] += sum over rows of dy */
    void (*linear_db)(gad_device *device, gad_tensor db, gad_tensor dy);

    /* Up to GAD_LINEAR_PARTS layers of one input, as `linear` (and `rope`) one after the other; with few rows a filling
     * reads all weights in one go. Whether a result is rounded before it is turned is the filling's. `part` is host memory.
     */
    void (*linear_parts)(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                         gad_tensor sin);
    /* y = silu(x gate^T + gate_bias) * (x up^T + up_bias) */
    void (*linear_swiglu)(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                          gad_weight up, gad_tensor up_bias);

    /* ---- RMSNorm over groups of weight.cols channels (one group, or one per head for q/k norms):
     * y = x * rstd * weight, rstd = 1/sqrt(mean(x^2) + eps), kept in rstd[T, groups] (may be unwanted). weight [1,C] of
     * dtype F32, BF16, F16 or F64. In place allowed. Zhang & Sennrich, arXiv 1910.07467. */
    void (*rmsnorm)(gad_device *device, gad_tensor y, gad_tensor rstd, gad_tensor x, gad_tensor weight, float eps);
    /* dx (+)= , dweight[1,C] adds (may be unwanted). */
    void (*rmsnorm_back)(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dy, gad_tensor x,
                         gad_tensor rstd, gad_tensor weight, bool add);

    /* ---- LayerNorm: y = (x - mean) * rstd * weight + bias; stats[T,2] keeps mean and rstd (may be unwanted). In place
     * allowed. Ba et al., arXiv 1607.06450. */
    void (*layernorm)(gad_device *device, gad_tensor y, gad_tensor stats, gad_tensor x, gad_tensor weight, gad_tensor bias,
                      float eps);
    void (*layernorm_back)(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dbias, gad_tensor dy,
                           gad_tensor x, gad_tensor stats, gad_tensor weight, bool add);

    /* ---- SwiGLU: y = silu(a) * b, silu(a) = a / (1 + exp(-a)). y may be a or b. */
    void (*swiglu)(gad_device *device, gad_tensor y, gad_tensor a, gad_tensor b);
    /* da and db may be a and b. */
    void (*swiglu_back)(gad_device *device, gad_tensor da, gad_tensor db, gad_tensor dy, gad_tensor a, gad_tensor b);

    /* ---- GELU, exact (erf) or tanh form. In place allowed (dx may be dy). Hendrycks & Gimpel, arXiv 1606.08415. */
    void (*gelu)(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind);
    void (*gelu_back)(gad_device *device, gad_tensor dx, gad_tensor dy, gad_tensor x, gad_gelu_kind kind);

    /* ---- rotary positions on x[T, H*D]: channel i of a head pairs with i + D/2; cos, sin [T, D/2] are fp32 (fp64 for the
     * reference). `inverse` turns back: the backward pass. In place allowed. */
    void (*rope)(gad_device *device, gad_tensor y, gad_tensor x, gad_tensor cos, gad_tensor sin, int heads, bool inverse);

    /* ---- attention: o[Tq, H*D] = softmax(scale * q k^T) v over the keys that `spans` allow; k, v [Tk, Hk*D], query head h
     * uses key head h / (H/Hk). lse[Tq,H] keeps log-sum-exp of the scaled scores (may be unwanted). Scores are never stored
     * whole. o may be q. `spans` is host memory. With `pages` (uploaded), the key row r of a span is row
     * pages[r / GAD_PAGE_ROWS] * GAD_PAGE_ROWS + r % GAD_PAGE_ROWS of k and v; NULL: row r. Dao, arXiv 2307.08691 for the
     * tiling; Kwon et al., arXiv 2309.06180 for pages. */
    void (*attention)(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads,
                      int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count, const int32_t *pages);
    /* dq is overwritten (rows outside all spans are left alone); dk and dv add. o, lse: what the forward pass gave. */
    void (*attention_back)(gad_device *device, gad_tensor dq, gad_tensor dk, gad_tensor dv, gad_tensor d_o, gad_tensor o,
                           gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads, int kv_heads, float scale,
                           const gad_attention_span *spans, int64_t span_count);

    /* ---- embedding: y[t] = table[ids[t]]; rows with a negative id are left alone. table as a weight [V,C]. */
    void (*embed)(gad_device *device, gad_tensor y, gad_weight table, const int32_t *ids);
    /* dtable[ids[t]] += dy[t]; negative ids give nothing; repeated ids allowed, summed in row order. */
    void (*embed_back)(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *ids);

    /* ---- rows: y[to[i]] = (or += when `add`) x[from[i]], i < n; a NULL index array counts 0, 1, 2, ... `to` has no
     * repeats. Window permutation, image insertion, DeepStack and their backward passes. */
    void (*rows)(gad_device *device, gad_tensor y, const int32_t *to, gad_tensor x, const int32_t *from, int64_t n,
                 bool add);
    /* y[t] += sum of weight[4t+j] * table[index[4t+j]], j < 4: interpolated positions. weight is fp32, uploaded. */
    void (*rows_mix)(gad_device *device, gad_tensor y, gad_weight table, const int32_t *index, const float *weight);
    /* dtable[index[4t+j]] += weight[4t+j] * dy[t], in row order. */
    void (*rows_mix_back)(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *index, const float *weight);

    /* ---- convolution, forward only; C channels of the grid. unfold: y[o, (ky * kernel + kx) * C + c] is channel c of the
     * pixel under (ky, kx) of window o, 0 outside the grid; a linear layer on it is a convolution. */
    void (*unfold)(gad_device *device, gad_tensor y, gad_tensor x, const gad_window *window);
    /* The first two thirds of an inverted bottleneck (Sandler et al., arXiv 1801.04381), batch norms folded into weights
     * and biases [1,C]: e = clip(x expand^T + expand_bias), y[o, c] = clip(depthwise_bias[c] + sum over the window's pixels
     * of depthwise[ky * kernel + kx, c] * e[pixel, c]) with e = 0 outside the grid; clip limits to 0..6 (ReLU6).
     * expand is not quantised. */
    void (*expand_depthwise)(gad_device *device, gad_tensor y, gad_tensor x, gad_weight expand, gad_tensor expand_bias,
                             gad_weight depthwise, gad_tensor depthwise_bias, const gad_window *window);

    /* ---- y = alpha * x + beta * y (beta 0: y may be uninitialised); activations, kept or exact numbers */
    void (*axpby)(gad_device *device, gad_tensor y, float alpha, gad_tensor x, float beta);
    void (*zero)(gad_device *device, gad_tensor y);

    /* ---- log-probability of target[t] under softmax(z[t] / temperature), z [T,V], exact or activations: logp[T,1];
     * entropy[T,1] of the same distribution (may be unwanted). Statistics in fp32 or better whatever the dtype. */
    void (*logprob)(gad_device *device, gad_tensor logp, gad_tensor entropy, gad_tensor z, const int32_t *target,
                    float temperature);
    /* dz[t,v] = (g[t] * (1[v = target[t]] - p[t,v]) - h[t] * p[t,v] * (log p[t,v] + entropy[t])) / temperature. g [T,1] is
     * dL/dlogp, h [T,1] dL/dentropy (may be unwanted). dz may be z, and may be activations where z is exact. Cross-entropy
     * over N label rows is g = -1/N. */
    void (*logprob_back)(gad_device *device, gad_tensor dz, gad_tensor g, gad_tensor h, gad_tensor z, const int32_t *target,
                         float temperature);

    /* ---- the next id of each row of z [T,V], exact, V < 2^24: to[T] and draw[T] are host memory, and `to` is there when
     * the call returns. NULL: the caller downloads z and draws; the draws are the same but for the last bits of sums. */
    void (*draw)(gad_device *device, gad_drawn *to, gad_tensor z, const gad_draw *draw);

    /* ---- training arithmetic: sum of squares of `count` tensors in double, and AdamW on `count` parts
     * (host memory), whose gradients become zero. */
    double (*sum_squares)(gad_device *device, const gad_tensor *x, int64_t count);
    void (*adamw)(gad_device *device, const gad_adamw_part *part, int64_t count);

    /* ---- what the ops between record and play are asked for may be done at once, at play; none of them may wait
     * (download, fetch, draw, sum_squares, gad_device_check). NULL: nothing is gained by it. */
    void (*record)(gad_device *device);
    void (*play)(gad_device *device);

    /* ---- the devices of several processes: one of them makes an id to `meet` by, all `join` at once with the same id, and
     * sum_ranks makes exact x without gaps its sum over all. False: they cannot; the caller adds on the host. May be NULL.
     */
    bool (*meet)(gad_device *device, char id[GAD_MEETING_BYTES]);
    bool (*join)(gad_device *device, const char id[GAD_MEETING_BYTES], int rank, int size);
    void (*sum_ranks)(gad_device *device, gad_tensor x);

    /* Wait until all ops before are done and their failures are in device->error. NULL: they are when a call returns. */
    void (*finish)(gad_device *device);
    void (*free)(gad_device *device);
} gad_ops;

struct gad_device {
    const gad_ops *ops;
    gad_dtype dtype;    /* of activations */
    gad_dtype products; /* what linear layers round their factors to: F32 (not at all) or BF16 */
    gad_dtype kept;     /* of what `allocate` gives: `dtype`, or F16 or S8 where a device's filling says so */
    int threads;
    char label[64];      /* what people call it: "NVIDIA H100 80GB HBM3"; empty: the CPU */
    size_t memory_bytes; /* of its own that was free when it was opened; 0: it works in the host's memory */
    void *state;         /* the filling's own */
    gad_error error;     /* the first failure; code GAD_OK while well */
};

/* The CPU filling: fp32 activations, kept ones F32, F16 or S8 (the caller's choice); weights F32, BF16, F16, Q8 or Q4.
 * threads 0: all that OpenMP offers. */
gad_status gad_device_open_cpu(gad_device *device, int threads, gad_error *err);
/* By name: "cpu", "cuda" (the first one), "cuda:1", or "auto": the first CUDA device if there is one, else the CPU. */
gad_status gad_device_open(gad_device *device, const char *name, int threads, gad_error *err);
/* How CUDA is reached: the plugin gad_cuda.so exports a function of this type under GAD_CUDA_SYMBOL, which fills `device`
 * but for `threads` or fails with what the driver says. It calls nothing of the program that loads it. */
typedef gad_status gad_cuda_opener(gad_device *device, int index, gad_error *err);
#define GAD_CUDA_SYMBOL "gad_cuda_open"
/* What a device that works in the host's memory keeps keys and values in from now on. */
void gad_device_use_cache(gad_device *device, gad_cache cache);
/* Let linear layers multiply in bf16, or in fp32 (as after opening). What they do now: F32 where the processor has no
 * instructions for bf16, or its level was lowered to one without. A device of BF16 activations becomes one of F32 when that
 * is asked for before anything is placed on it. */
gad_dtype gad_device_use_products(gad_device *device, gad_dtype dtype);
/* Instruction sets of this architecture that the CPU filling has kernels for, best first, NULL behind the last:
 * "avx512bf16", "avx512vnni" (integers only), "avx512", "avxvnni", "avx2", "portable", or "neonbf16", "neoni8mm", "neondot"
 * (integers only), "neon", "portable". */
const char *gad_device_cpu_level_name(size_t index);
/* The one it runs with; of another device its label. `gad_device_limit_cpu` lowers it ("best", NULL: does not)
 * for tests and comparison; call it before work starts. */
const char *gad_device_cpu_level(const gad_device *device);
gad_status gad_device_limit_cpu(gad_device *device, const char *level, gad_error *err);
/* Waits for what was asked. GAD_OK, or the first failure since the device was opened, copied to err. */
gad_status gad_device_check(gad_device *device, gad_error *err);
/* Forget a lack of memory: what was asked too much for was given up, and smaller work may succeed. Other failures stay. */
void gad_device_recover(gad_device *device);
void gad_device_close(gad_device *device);

/* For outputs that are not wanted and biases that do not exist. */
static inline gad_tensor gad_tensor_none(void)
{
    return (gad_tensor){0};
}
#endif
