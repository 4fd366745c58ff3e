/* block: see block.h */
#include "model/block.h"

#include <math.h>

/* Rows of one MLP piece in inference: bounds the scratch memory of large images and long prompts. */
enum { MLP_PIECE_ROWS = 2048 };

static gad_tensor copy_of(const gad_pass *pass, gad_tensor x)
{
    gad_tensor copy = pass->device->ops->take(pass->device, x.rows, x.cols);
    pass->device->ops->axpby(pass->device, copy, 1, x, 0);
    return copy;
}

static gad_tensor take_stats(const gad_pass *pass, const gad_norm *norm, gad_tensor x, bool wanted)
{
    if (!wanted)
        return gad_tensor_none();
    return pass->device->ops->take_exact(pass->device, x.rows, gad_norm_stats_cols(norm, x.cols));
}

/* Whether keys and values can be made where they are kept: in neighbouring rows, in the numbers of activations. */
static bool lands_in_cache(const gad_block *b, const gad_block_input *in, gad_tensor n)
{
    return in->k_cache.data && !in->kv_rows && !b->qkv.weight && in->k_cache.dtype == n.dtype;
}

/* Heads that their product turns: those of separate layers, unless a norm of the heads stands in between. */
static int turned_heads(const gad_block *b, const gad_norm *norm, const gad_block_input *in, int heads)
{
    return in->cos.data && !b->qkv.weight && !norm->weight ? heads : 0;
}

/* q, k, v of the normalised rows n, from the fused or from the separate layers. */
static void project_qkv(const gad_pass *pass, const gad_block *b, gad_tensor n, const gad_block_input *in, gad_tensor *q,
                        gad_tensor *k, gad_tensor *v)
{
    const gad_ops *op = pass->device->ops;
    int64_t q_cols = (int64_t)b->heads * b->head_dim, kv_cols = (int64_t)b->kv_heads * b->head_dim;
    gad_tensor qkv = op->take(pass->device, n.rows, q_cols + 2 * kv_cols);
    *q = gad_tensor_cols(qkv, 0, q_cols);
    *k = gad_tensor_cols(qkv, q_cols, kv_cols);
    *v = gad_tensor_cols(qkv, q_cols + kv_cols, kv_cols);
    if (lands_in_cache(b, in, n)) {
        *k = gad_tensor_rows(in->k_cache, in->kv_row, n.rows);
        *v = gad_tensor_rows(in->v_cache, in->kv_row, n.rows);
    }
    if (b->qkv.weight) {
        gad_linear_forward(pass, &b->qkv, qkv, n, false);
    } else {
        const gad_linear_target all[] = {{&b->q, *q, turned_heads(b, &b->q_norm, in, b->heads)},
                                         {&b->k, *k, turned_heads(b, &b->k_norm, in, b->kv_heads)},
                                         {&b->v, *v, 0}};
        gad_linear_forward_all(pass, all, 3, n, in->cos, in->sin);
    }
}

/* Normalise heads (Qwen3) and turn by position what is not turned yet; in place unless the raw values are saved. */
static gad_tensor prepare_heads(const gad_pass *pass, const gad_block *b, const gad_norm *norm, gad_tensor raw,
                                const gad_block_input *in, int heads, gad_tensor *saved_raw, gad_tensor *saved_stats)
{
    gad_device *device = pass->device;
    gad_tensor turned = raw;
    if (norm->weight) {
        if (saved_raw) {
            turned = device->ops->take(device, raw.rows, raw.cols);
            *saved_raw = raw;
            *saved_stats = take_stats(pass, norm, raw, true);
        }
        gad_norm_forward(pass, norm, turned, saved_raw ? *saved_stats : gad_tensor_none(), raw);
    }
    if (in->cos.data && !turned_heads(b, norm, in, heads))
        device->ops->rope(device, turned, turned, in->cos, in->sin, heads, false);
    return turned;
}

static void attention_forward(const gad_pass *pass, const gad_block *b, gad_tensor x, gad_tensor n,
                              const gad_block_input *in, gad_block_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    gad_tensor q, k, v;
    project_qkv(pass, b, n, in, &q, &k, &v);
    q = prepare_heads(pass, b, &b->q_norm, q, in, b->heads, saved ? &saved->q_raw : NULL, saved ? &saved->q_stats : NULL);
    k = prepare_heads(pass, b, &b->k_norm, k, in, b->kv_heads, saved ? &saved->k_raw : NULL,
                      saved ? &saved->k_stats : NULL);
    gad_pass_tap(pass, q, "%s.%d.q", b->stage, b->index);
    gad_pass_tap(pass, k, "%s.%d.k", b->stage, b->index);
    gad_pass_tap(pass, v, "%s.%d.v", b->stage, b->index);
    gad_tensor all_k = k, all_v = v;
    if (in->k_cache.data) {
        if (in->kv_rows) {
            op->rows(device, in->k_cache, in->kv_rows, k, NULL, k.rows, false);
            op->rows(device, in->v_cache, in->kv_rows, v, NULL, v.rows, false);
        } else if (!lands_in_cache(b, in, n)) {
            op->axpby(device, gad_tensor_rows(in->k_cache, in->kv_row, k.rows), 1, k, 0);
            op->axpby(device, gad_tensor_rows(in->v_cache, in->kv_row, v.rows), 1, v, 0);
        }
        all_k = in->k_cache;
        all_v = in->v_cache;
    }
    gad_tensor o = saved ? op->take(device, q.rows, q.cols) : q;
    gad_tensor lse = saved ? op->take_exact(device, q.rows, b->heads) : gad_tensor_none();
    float scale = (float)(1 / sqrt((double)b->head_dim));
    op->attention(device, o, lse, q, all_k, all_v, b->heads, b->kv_heads, scale, in->spans, in->span_count, in->pages);
    gad_linear_forward(pass, &b->proj, x, o, true);
    if (saved) {
        saved->q = q;
        saved->k = k;
        saved->v = v;
        saved->o = o;
        saved->lse = lse;
    }
}

/* The activation between the MLP's two halves: h may be `up`. */
static void activate(const gad_pass *pass, const gad_block *b, gad_tensor h, gad_tensor gate, gad_tensor up)
{
    if (b->gate.weight)
        pass->device->ops->swiglu(pass->device, h, gate, up);
    else
        pass->device->ops->gelu(pass->device, h, up, b->gelu);
}

/* Gate, up and the activation between them, of rows n; what comes of it may take the place of `up`. */
static gad_tensor widen(const gad_pass *pass, const gad_block *b, gad_tensor n, gad_block_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const int64_t inner = b->up.weight->value.rows;
    gad_tensor up = op->take(device, n.rows, inner), gate = gad_tensor_none();
    if (b->gate.weight && !saved && !gad_linear_adapts(pass, &b->gate) && !gad_linear_adapts(pass, &b->up)) {
        op->linear_swiglu(device, up, n, gad_param_weight(b->gate.weight), gad_param_vector(b->gate.bias),
                          gad_param_weight(b->up.weight), gad_param_vector(b->up.bias));
        return up;
    }
    if (b->gate.weight) {
        gate = op->take(device, n.rows, inner);
        const gad_linear_target both[] = {{&b->gate, gate, 0}, {&b->up, up, 0}};
        gad_linear_forward_all(pass, both, 2, n, gad_tensor_none(), gad_tensor_none());
    } else {
        gad_linear_forward(pass, &b->up, up, n, false);
    }
    const gad_tensor h = saved ? op->take(device, n.rows, inner) : up;
    activate(pass, b, h, gate, up);
    if (saved) {
        saved->gate = gate;
        saved->up = up;
    }
    return h;
}

void gad_block_forward(const gad_pass *pass, const gad_block *b, gad_tensor x, const gad_block_input *in,
                       gad_block_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    if (saved)
        *saved = (gad_block_saved){.x = copy_of(pass, x), .stats1 = take_stats(pass, &b->norm1, x, true)};
    gad_tensor n = op->take(device, x.rows, x.cols);
    gad_norm_forward(pass, &b->norm1, n, saved ? saved->stats1 : gad_tensor_none(), x);
    gad_pass_tap(pass, n, "%s.%d.norm1", b->stage, b->index);
    attention_forward(pass, b, x, n, in, saved);
    gad_pass_tap(pass, x, "%s.%d.resid1", b->stage, b->index);
    if (saved) {
        saved->mid = copy_of(pass, x);
        saved->stats2 = take_stats(pass, &b->norm2, x, true);
    } else {
        op->rewind(device, mark);
    }
    int64_t piece_rows = saved ? x.rows : MLP_PIECE_ROWS;
    for (int64_t from = 0; from < x.rows; from += piece_rows) {
        size_t piece_mark = op->mark(device);
        gad_tensor piece = gad_tensor_rows(x, from, from + piece_rows < x.rows ? piece_rows : x.rows - from);
        n = op->take(device, piece.rows, x.cols);
        gad_norm_forward(pass, &b->norm2, n, saved ? saved->stats2 : gad_tensor_none(), piece);
        gad_pass_tap(pass, n, "%s.%d.norm2", b->stage, b->index);
        gad_linear_forward(pass, &b->down, piece, widen(pass, b, n, saved), true);
        if (!saved)
            op->rewind(device, piece_mark);
    }
    gad_pass_tap(pass, x, "%s.%d.out", b->stage, b->index);
}

static void mlp_backward(const gad_pass *pass, const gad_block *b, gad_tensor dx, const gad_block_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    int64_t rows = dx.rows, inner = saved->up.cols;
    gad_tensor n = op->take(device, rows, dx.cols), dn = op->take(device, rows, dx.cols);
    gad_norm_forward(pass, &b->norm2, n, gad_tensor_none(), saved->mid);
    gad_tensor h = op->take(device, rows, inner), dh = op->take(device, rows, inner);
    activate(pass, b, h, saved->gate, saved->up);
    gad_linear_backward(pass, &b->down, dh, dx, h, false);
    if (b->gate.weight) {
        gad_tensor dgate = op->take(device, rows, inner);
        op->swiglu_back(device, dgate, h, dh, saved->gate, saved->up); /* h is free now: it becomes dup */
        gad_linear_backward(pass, &b->gate, dn, dgate, n, false);
        gad_linear_backward(pass, &b->up, dn, h, n, true);
    } else {
        op->gelu_back(device, dh, dh, saved->up, b->gelu);
        gad_linear_backward(pass, &b->up, dn, dh, n, false);
    }
    gad_norm_backward(pass, &b->norm2, dx, dn, saved->mid, saved->stats2, true);
    op->rewind(device, mark);
}

/* Back through rotation and head norm: dq is turned back in place, and the norm's input gradient replaces it. */
static void heads_backward(const gad_pass *pass, const gad_norm *norm, gad_tensor dq, const gad_block_input *in, int heads,
                           gad_tensor raw, gad_tensor stats)
{
    gad_device *device = pass->device;
    if (in->cos.data)
        device->ops->rope(device, dq, dq, in->cos, in->sin, heads, true);
    if (!norm->weight)
        return;
    size_t mark = device->ops->mark(device);
    gad_tensor draw = device->ops->take(device, dq.rows, dq.cols);
    gad_norm_backward(pass, norm, draw, dq, raw, stats, false);
    device->ops->axpby(device, dq, 1, draw, 0);
    device->ops->rewind(device, mark);
}

static void attention_backward(const gad_pass *pass, const gad_block *b, gad_tensor dx, const gad_block_input *in,
                               const gad_block_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    int64_t q_cols = saved->q.cols, kv_cols = saved->k.cols;
    gad_tensor d_o = op->take(device, dx.rows, q_cols);
    gad_linear_backward(pass, &b->proj, d_o, dx, saved->o, false);
    gad_tensor dqkv = op->take(device, dx.rows, q_cols + 2 * kv_cols);
    gad_tensor dq = gad_tensor_cols(dqkv, 0, q_cols), dk = gad_tensor_cols(dqkv, q_cols, kv_cols);
    gad_tensor dv = gad_tensor_cols(dqkv, q_cols + kv_cols, kv_cols);
    op->zero(device, dqkv);
    float scale = (float)(1 / sqrt((double)b->head_dim));
    op->attention_back(device, dq, dk, dv, d_o, saved->o, saved->lse, saved->q, saved->k, saved->v, b->heads, b->kv_heads,
                       scale, in->spans, in->span_count);
    heads_backward(pass, &b->q_norm, dq, in, b->heads, saved->q_raw, saved->q_stats);
    heads_backward(pass, &b->k_norm, dk, in, b->kv_heads, saved->k_raw, saved->k_stats);
    gad_tensor n = op->take(device, dx.rows, dx.cols), dn = op->take(device, dx.rows, dx.cols);
    gad_norm_forward(pass, &b->norm1, n, gad_tensor_none(), saved->x);
    if (b->qkv.weight) {
        gad_linear_backward(pass, &b->qkv, dn, dqkv, n, false);
    } else {
        gad_linear_backward(pass, &b->q, dn, dq, n, false);
        gad_linear_backward(pass, &b->k, dn, dk, n, true);
        gad_linear_backward(pass, &b->v, dn, dv, n, true);
    }
    gad_norm_backward(pass, &b->norm1, dx, dn, saved->x, saved->stats1, true);
    op->rewind(device, mark);
}

void gad_block_backward(const gad_pass *pass, const gad_block *b, gad_tensor dx, const gad_block_input *in,
                        const gad_block_saved *saved)
{
    mlp_backward(pass, b, dx, saved);
    attention_backward(pass, b, dx, in, saved);
}
