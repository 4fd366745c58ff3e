/* vit_weights: see vit_weights.h */
#include "features/vit_weights.h"

#include "base/error.h"
#include "base/memory.h"
#include "features/tensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char operation[] = "open a backbone";

/* The first failure sticks; later calls do nothing. */
typedef struct loader {
    const gad_safetensors *file;
    const gad_vit_config *config;
    gad_vit_weights *out;
    int layer;
    gad_status status;
    gad_error *err;
} loader;

enum { NAME_BYTES = 128 };

/* Where the published files keep the parts of a layer. */
typedef struct layer_names {
    const char *prefix, *q, *k, *v, *proj, *gate, *up, *down;
} layer_names;
static const layer_names dinov2 = {.prefix = "encoder.layer",
                                   .q = "attention.attention.query",
                                   .k = "attention.attention.key",
                                   .v = "attention.attention.value",
                                   .proj = "attention.output.dense",
                                   .up = "mlp.fc1",
                                   .down = "mlp.fc2"};
static const layer_names dinov2_gated = {.prefix = "encoder.layer",
                                         .q = "attention.attention.query",
                                         .k = "attention.attention.key",
                                         .v = "attention.attention.value",
                                         .proj = "attention.output.dense",
                                         .gate = "mlp.weights_in",
                                         .up = "mlp.weights_in",
                                         .down = "mlp.weights_out"};
static const layer_names dinov3 = {.prefix = "layer",
                                   .q = "attention.q_proj",
                                   .k = "attention.k_proj",
                                   .v = "attention.v_proj",
                                   .proj = "attention.o_proj",
                                   .gate = "mlp.gate_proj",
                                   .up = "mlp.up_proj",
                                   .down = "mlp.down_proj"};

static gad_param *add(loader *l, const char *name, bool is_matrix, gad_weight value)
{
    const int64_t shape[2] = {value.rows, value.cols};
    gad_param *param = gad_params_add(&l->out->params, is_matrix, 2, shape, "%s", name);
    if (param)
        param->value = value;
    else
        l->status = gad_error_memory(l->err, operation, sizeof *param);
    return param;
}

static gad_param *matrix(loader *l, const char *name, int64_t rows, int64_t cols)
{
    gad_weight value;
    if (!l->status)
        l->status = gad_tensors_matrix(l->file, name, rows, cols, &value, l->err);
    return l->status ? NULL : add(l, name, true, value);
}

static gad_param *vector(loader *l, const char *name, int64_t cols)
{
    gad_tensor value;
    if (!l->status)
        l->status = gad_tensors_vector(l->file, name, cols, &value, l->err);
    return l->status ? NULL
                     : add(l, name, false, (gad_weight){.data = value.data, .dtype = value.dtype, .rows = 1, .cols = cols});
}

static void layer_name(const loader *l, const layer_names *names, const char *part, const char *kind, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "%s.%d.%s%s%s", names->prefix, l->layer, part, *kind ? "." : "", kind);
}

static gad_linear linear(loader *l, const layer_names *names, const char *part, int64_t rows, int64_t cols, bool bias)
{
    char name[NAME_BYTES];
    gad_linear layer = {0};
    layer_name(l, names, part, "weight", name);
    layer.weight = matrix(l, name, rows, cols);
    layer_name(l, names, part, "bias", name);
    if (bias && layer.weight)
        layer.bias = vector(l, name, layer.weight->value.rows);
    return layer;
}

static gad_norm norm(loader *l, const char *path)
{
    char name[NAME_BYTES];
    gad_norm layer = {.eps = (float)l->config->norm_eps};
    snprintf(name, sizeof name, "%s.weight", path);
    layer.weight = vector(l, name, l->config->hidden);
    snprintf(name, sizeof name, "%s.bias", path);
    layer.bias = vector(l, name, l->config->hidden);
    return layer;
}

static gad_norm layer_norm(loader *l, const layer_names *names, const char *part)
{
    char path[NAME_BYTES];
    layer_name(l, names, part, "", path);
    return norm(l, path);
}

/* Numbers of a vector times those of another; of a matrix: of each row. */
static void multiply(loader *l, gad_param *param, const float *factor)
{
    if (!l->status)
        l->status = gad_param_convert(param, GAD_F32, l->err);
    if (l->status)
        return;
    const int64_t cols = param->is_matrix ? param->value.cols : 1;
    float *value = param->owned;
    for (int64_t i = 0; i < l->config->hidden; i++)
        for (int64_t c = 0; c < cols; c++)
            value[i * cols + c] *= factor[i];
}

/* scale * (W x + b) = (scale W) x + scale b */
static void fold_layer_scale(loader *l, const layer_names *names, const char *part, const gad_linear *into)
{
    const int64_t hidden = l->config->hidden;
    char name[NAME_BYTES];
    layer_name(l, names, part, "lambda1", name);
    gad_tensor scale = {0};
    if (!l->status)
        l->status = gad_tensors_vector(l->file, name, hidden, &scale, l->err);
    float *factor = l->status ? NULL : gad_memory_alloc((size_t)hidden, sizeof *factor);
    if (!l->status && !factor)
        l->status = gad_error_memory(l->err, operation, (size_t)hidden * sizeof *factor);
    if (!l->status)
        l->status = gad_safetensors_copy_f32(gad_safetensors_find(l->file, name), 0, (size_t)hidden, factor, l->err);
    if (!l->status)
        multiply(l, into->weight, factor);
    if (!l->status && into->bias)
        multiply(l, into->bias, factor);
    gad_memory_free(factor);
}

/* Rows from..from+rows-1 of a layer that the file holds as one with another. */
static gad_linear part_of(loader *l, const gad_linear *whole, int64_t from, int64_t rows)
{
    if (l->status)
        return (gad_linear){0};
    const gad_weight w = whole->weight->value, b = whole->bias->value;
    const char *matrix_data = w.data, *vector_data = b.data;
    const gad_weight weight = {.data = matrix_data + from * w.cols * (int64_t)gad_dtype_bytes(w.dtype),
                               .dtype = w.dtype,
                               .rows = rows,
                               .cols = w.cols};
    const gad_weight bias = {
        .data = vector_data + from * (int64_t)gad_dtype_bytes(b.dtype), .dtype = b.dtype, .rows = 1, .cols = rows};
    gad_linear layer = {.weight = add(l, whole->weight->name, true, weight)};
    if (layer.weight)
        layer.bias = add(l, whole->bias->name, false, bias);
    return layer;
}

static void load_mlp(loader *l, const layer_names *names, gad_block *b)
{
    const gad_vit_config *c = l->config;
    if (names == &dinov2_gated) { /* gate and values in one layer */
        const gad_linear both = linear(l, names, names->up, -1, c->hidden, true);
        const int64_t half = l->status ? 0 : both.weight->value.rows / 2;
        b->gate = part_of(l, &both, 0, half);
        b->up = part_of(l, &both, half, half);
    } else {
        b->up = linear(l, names, names->up, -1, c->hidden, c->mlp_bias);
        if (c->gated && !l->status)
            b->gate = linear(l, names, names->gate, b->up.weight->value.rows, c->hidden, c->mlp_bias);
    }
    if (!l->status)
        b->down = linear(l, names, names->down, c->hidden, b->up.weight->value.rows, c->mlp_bias);
}

static void load_block(loader *l, gad_block *b)
{
    const gad_vit_config *c = l->config;
    const layer_names *names = c->rotary ? &dinov3 : c->gated ? &dinov2_gated : &dinov2;
    *b = (gad_block){
        .stage = "vit",
        .index = l->layer,
        .heads = c->heads,
        .kv_heads = c->heads,
        .head_dim = c->hidden / c->heads,
        .norm1 = layer_norm(l, names, "norm1"),
        .norm2 = layer_norm(l, names, "norm2"),
        .q = linear(l, names, names->q, c->hidden, c->hidden, c->q_bias),
        .k = linear(l, names, names->k, c->hidden, c->hidden, c->k_bias),
        .v = linear(l, names, names->v, c->hidden, c->hidden, c->v_bias),
        .proj = linear(l, names, names->proj, c->hidden, c->hidden, c->proj_bias),
        .gelu = GAD_GELU_ERF,
    };
    load_mlp(l, names, b);
    fold_layer_scale(l, names, "layer_scale1", &b->proj);
    fold_layer_scale(l, names, "layer_scale2", &b->down);
}

/* [hidden, channel, row, column] to [hidden, row, column, channel], the order of op's unfold. */
static void load_patch_layer(loader *l)
{
    const gad_vit_config *c = l->config;
    const int64_t area = (int64_t)c->patch * c->patch;
    const char *path = c->rotary ? "embeddings.patch_embeddings" : "embeddings.patch_embeddings.projection";
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.weight", path);
    gad_param *weight = l->out->patch.weight = matrix(l, name, c->hidden, 3 * area);
    snprintf(name, sizeof name, "%s.bias", path);
    l->out->patch.bias = vector(l, name, c->hidden);
    float *row = l->status ? NULL : gad_memory_alloc((size_t)area, 3 * sizeof *row);
    if (!l->status && !row)
        l->status = gad_error_memory(l->err, operation, (size_t)area * 3 * sizeof *row);
    if (!l->status)
        l->status = gad_param_convert(weight, GAD_F32, l->err);
    for (int64_t o = 0; o < c->hidden && !l->status; o++) {
        float *value = (float *)weight->owned + o * 3 * area;
        for (int64_t i = 0; i < 3 * area; i++)
            row[i % area * 3 + i / area] = value[i];
        memcpy(value, row, (size_t)(3 * area) * sizeof *row);
    }
    gad_memory_free(row);
}

/* `count` numbers from `first` on of a tensor of `total` numbers. */
static void copy_numbers(loader *l, const char *name, int64_t total, int64_t first, int64_t count, float *to)
{
    const gad_safetensors_tensor *t = gad_safetensors_find(l->file, name);
    if (l->status)
        return;
    if (!t || (int64_t)t->count != total)
        l->status = gad_error_set(l->err, GAD_E_FORMAT, operation, "are config.json and the weights of the same model?",
                                  "tensor %s is missing or has not %lld numbers", name, (long long)total);
    else
        l->status = gad_safetensors_copy_f32(t, (size_t)first, (size_t)count, to, l->err);
}

static void load_prefix(loader *l)
{
    const gad_vit_config *c = l->config;
    gad_vit_weights *w = l->out;
    const int64_t hidden = c->hidden, side = c->image_side / c->patch, cells = c->rotary ? 0 : side * side;
    w->prefix = gad_memory_alloc((size_t)((2 + c->registers) * hidden), sizeof *w->prefix);
    w->positions = c->rotary ? NULL : gad_memory_alloc((size_t)(cells * hidden), sizeof *w->positions);
    w->position_side = side;
    if (!l->status && (!w->prefix || (cells && !w->positions)))
        l->status = gad_error_memory(l->err, operation, (size_t)(cells * hidden) * sizeof *w->positions);
    copy_numbers(l, "embeddings.cls_token", hidden, 0, hidden, w->prefix);
    if (c->registers)
        copy_numbers(l, "embeddings.register_tokens", c->registers * hidden, 0, c->registers * hidden, w->prefix + hidden);
    if (c->rotary)
        return;
    static const char table[] = "embeddings.position_embeddings";
    float *first = l->status ? NULL : w->prefix + (1 + c->registers) * hidden;
    copy_numbers(l, table, (1 + cells) * hidden, 0, hidden, first);
    copy_numbers(l, table, (1 + cells) * hidden, hidden, cells * hidden, w->positions);
    for (int64_t i = 0; i < hidden && !l->status; i++)
        w->prefix[i] += first[i];
}

gad_status gad_vit_weights_load(const gad_safetensors *file, const gad_vit_config *config, gad_vit_weights *weights,
                                gad_error *err)
{
    loader l = {.file = file, .config = config, .out = weights, .err = err};
    *weights = (gad_vit_weights){0};
    load_patch_layer(&l);
    load_prefix(&l);
    for (l.layer = 0; l.layer < config->depth && !l.status; l.layer++)
        load_block(&l, &weights->block[l.layer]);
    weights->norm = norm(&l, config->rotary ? "norm" : "layernorm");
    if (l.status)
        gad_vit_weights_free(weights);
    return l.status;
}

void gad_vit_weights_free(gad_vit_weights *weights)
{
    gad_params_free(&weights->params);
    gad_memory_free(weights->prefix);
    gad_memory_free(weights->positions);
    *weights = (gad_vit_weights){0};
}
