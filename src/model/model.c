/* model: see model.h. Parameter names and shapes: docs/spec/qwen_vl.md sections 2 and 10.2. */
#include "model/model.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Adds parameters; the first failure sticks. */
typedef struct builder {
    gad_params *params;
    bool failed;
} builder;

static gad_param *add_matrix(builder *b, int64_t rows, int64_t cols, const char *path)
{
    const int64_t shape[] = {rows, cols};
    gad_param *param = gad_params_add(b->params, true, 2, shape, "%s.weight", path);
    b->failed |= !param;
    return param;
}

static gad_param *add_vector(builder *b, int64_t n, const char *path, const char *leaf)
{
    gad_param *param = gad_params_add(b->params, false, 1, &n, "%s.%s", path, leaf);
    b->failed |= !param;
    return param;
}

__attribute__((format(printf, 5, 6))) static gad_linear linear(builder *b, int64_t out, int64_t in, bool bias,
                                                               const char *format, ...)
{
    char path[112];
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    return (gad_linear){.weight = add_matrix(b, out, in, path), .bias = bias ? add_vector(b, out, path, "bias") : NULL};
}

__attribute__((format(printf, 5, 6))) static gad_norm norm(builder *b, int64_t n, bool bias, double eps, const char *format,
                                                           ...)
{
    char path[112];
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    return (gad_norm){.weight = add_vector(b, n, path, "weight"),
                      .bias = bias ? add_vector(b, n, path, "bias") : NULL,
                      .eps = (float)eps};
}

static gad_block vision_block(builder *b, const gad_config *config, int i)
{
    const gad_vision_config *v = &config->vision;
    bool qwen3 = config->family == GAD_FAMILY_QWEN3;
    int64_t c = v->hidden, inner = v->intermediate;
    gad_block block = {
        .stage = "vis",
        .index = i,
        .heads = v->heads,
        .kv_heads = v->heads,
        .head_dim = v->head_dim,
        .norm1 = norm(b, c, qwen3, 1e-6, "visual.blocks.%d.norm1", i),
        .norm2 = norm(b, c, qwen3, 1e-6, "visual.blocks.%d.norm2", i),
        .qkv = linear(b, 3 * c, c, true, "visual.blocks.%d.attn.qkv", i),
        .proj = linear(b, c, c, true, "visual.blocks.%d.attn.proj", i),
    };
    if (qwen3) {
        block.gelu = GAD_GELU_TANH;
        block.up = linear(b, inner, c, true, "visual.blocks.%d.mlp.linear_fc1", i);
        block.down = linear(b, c, inner, true, "visual.blocks.%d.mlp.linear_fc2", i);
    } else {
        block.gate = linear(b, inner, c, true, "visual.blocks.%d.mlp.gate_proj", i);
        block.up = linear(b, inner, c, true, "visual.blocks.%d.mlp.up_proj", i);
        block.down = linear(b, c, inner, true, "visual.blocks.%d.mlp.down_proj", i);
    }
    return block;
}

static void build_mergers(builder *b, const gad_config *config, gad_vision *vision)
{
    int64_t c = config->vision.hidden, merged = 4 * c, out = config->vision.out_hidden;
    b->params->group = GAD_PARAM_MERGER;
    if (config->family == GAD_FAMILY_QWEN25) {
        vision->merger = (gad_merger){.norm = norm(b, c, false, 1e-6, "visual.merger.ln_q"),
                                      .fc1 = linear(b, merged, merged, true, "visual.merger.mlp.0"),
                                      .fc2 = linear(b, out, merged, true, "visual.merger.mlp.2")};
        return;
    }
    vision->merger = (gad_merger){.norm = norm(b, c, true, 1e-6, "visual.merger.norm"),
                                  .fc1 = linear(b, merged, merged, true, "visual.merger.linear_fc1"),
                                  .fc2 = linear(b, out, merged, true, "visual.merger.linear_fc2")};
    for (int k = 0; k < config->vision.deepstack_count; k++)
        vision->deepstack[k] =
            (gad_merger){.norm = norm(b, merged, true, 1e-6, "visual.deepstack_merger_list.%d.norm", k),
                         .fc1 = linear(b, merged, merged, true, "visual.deepstack_merger_list.%d.linear_fc1", k),
                         .fc2 = linear(b, out, merged, true, "visual.deepstack_merger_list.%d.linear_fc2", k),
                         .norm_merged = true};
}

static void build_vision(builder *b, const gad_config *config, gad_vision *vision)
{
    const gad_vision_config *v = &config->vision;
    bool qwen3 = config->family == GAD_FAMILY_QWEN3;
    b->params->group = GAD_PARAM_VISION;
    const int64_t patch_shape[] = {v->hidden, 3, v->temporal, v->patch, v->patch};
    vision->patch_embed.weight = gad_params_add(b->params, true, 5, patch_shape, "visual.patch_embed.proj.weight");
    b->failed |= !vision->patch_embed.weight;
    if (qwen3) {
        vision->patch_embed.bias = add_vector(b, v->hidden, "visual.patch_embed.proj", "bias");
        vision->position_embed = add_matrix(b, (int64_t)v->position_side * v->position_side, v->hidden, "visual.pos_embed");
    }
    for (int i = 0; i < v->depth; i++)
        vision->block[i] = vision_block(b, config, i);
    build_mergers(b, config, vision);
}

static gad_block lm_block(builder *b, const gad_config *config, int i)
{
    const gad_text_config *t = &config->text;
    int64_t d = t->hidden, q = (int64_t)t->heads * t->head_dim, kv = (int64_t)t->kv_heads * t->head_dim;
    gad_block block = {
        .stage = "lm",
        .index = i,
        .heads = t->heads,
        .kv_heads = t->kv_heads,
        .head_dim = t->head_dim,
        .norm1 = norm(b, d, false, t->norm_eps, "model.layers.%d.input_layernorm", i),
        .norm2 = norm(b, d, false, t->norm_eps, "model.layers.%d.post_attention_layernorm", i),
        .q = linear(b, q, d, t->qkv_bias, "model.layers.%d.self_attn.q_proj", i),
        .k = linear(b, kv, d, t->qkv_bias, "model.layers.%d.self_attn.k_proj", i),
        .v = linear(b, kv, d, t->qkv_bias, "model.layers.%d.self_attn.v_proj", i),
        .proj = linear(b, d, q, false, "model.layers.%d.self_attn.o_proj", i),
        .gate = linear(b, t->intermediate, d, false, "model.layers.%d.mlp.gate_proj", i),
        .up = linear(b, t->intermediate, d, false, "model.layers.%d.mlp.up_proj", i),
        .down = linear(b, d, t->intermediate, false, "model.layers.%d.mlp.down_proj", i),
    };
    if (t->qk_norm) {
        block.q_norm = norm(b, t->head_dim, false, t->norm_eps, "model.layers.%d.self_attn.q_norm", i);
        block.k_norm = norm(b, t->head_dim, false, t->norm_eps, "model.layers.%d.self_attn.k_norm", i);
    }
    return block;
}

/* Features of four columns fewer than a head are matched: the rest of the head holds the position (evidence/head.c). */
static struct gad_evidence_matcher matcher(builder *b, const gad_evidence_config *d, int64_t in, int64_t out,
                                           const char *name)
{
    int64_t features = (int64_t)d->heads * (d->head_dim - 4);
    return (struct gad_evidence_matcher){
        .fc1 = linear(b, d->hidden, in, true, "difference.%s.fc1", name),
        .fc2 = linear(b, features, d->hidden, true, "difference.%s.fc2", name),
        .q_norm = norm(b, d->head_dim - 4, false, 1e-6, "difference.%s.q_norm", name),
        .k_norm = norm(b, d->head_dim - 4, false, 1e-6, "difference.%s.k_norm", name),
        .out = linear(b, out, features, false, "difference.%s.out", name),
    };
}

static void build_evidence(builder *b, const gad_config *config, gad_evidence_head *head)
{
    const gad_evidence_config *d = &config->evidence;
    const gad_vision_config *v = &config->vision;
    int64_t width = gad_config_map_width(d);
    b->params->group = GAD_PARAM_EVIDENCE;
    head->matcher[GAD_EVIDENCE_PIXELS] = matcher(b, d, (int64_t)3 * v->patch * v->patch, width, "pixels");
    head->matcher[GAD_EVIDENCE_TOWER] = matcher(b, d, v->out_hidden, d->hidden, "rows");
    int64_t cells = gad_config_map_cells(d);
    head->low = linear(b, width, 9 * GAD_EVIDENCE_CHANNELS, true, "difference.low");
    head->spread = linear(b, width, 9 * width, true, "difference.spread");
    head->cell = linear(b, 1, width, false, "difference.cell");
    head->gather = linear(b, d->hidden, cells * width, true, "difference.gather");
    head->around = linear(b, d->hidden, 9 * (int64_t)d->hidden, true, "difference.around");
    head->logit_head = linear(b, cells, d->hidden, true, "difference.readout");
    b->params->group = GAD_PARAM_INJECTION;
    for (int i = 0; i < d->inject; i++)
        head->inject[i] = linear(b, config->text.hidden, d->hidden, false, "difference.inject.%d", i);
    head->regions = linear(b, config->text.hidden, gad_config_region_width(d), false, "difference.regions");
}

gad_status gad_model_build(const gad_config *config, gad_model *model, gad_error *err)
{
    const gad_text_config *t = &config->text;
    *model = (gad_model){.config = *config};
    builder b = {.params = &model->params};
    model->vision.block = gad_memory_zero((size_t)config->vision.depth, sizeof *model->vision.block);
    model->lm.block = gad_memory_zero((size_t)t->layers, sizeof *model->lm.block);
    b.failed = !model->vision.block || !model->lm.block;
    if (!b.failed) {
        if (config->vision.depth)
            build_vision(&b, config, &model->vision);
        if (config->evidence.heads)
            build_evidence(&b, config, &model->evidence);
        model->params.group = GAD_PARAM_LANGUAGE;
        model->lm.embed = add_matrix(&b, t->vocab, t->hidden, "model.embed_tokens");
        for (int i = 0; i < t->layers; i++)
            model->lm.block[i] = lm_block(&b, config, i);
        model->lm.norm = norm(&b, t->hidden, false, t->norm_eps, "model.norm");
        if (t->tied)
            model->lm.head.weight = model->lm.embed;
        else
            model->lm.head = linear(&b, t->vocab, t->hidden, false, "lm_head");
    }
    if (!b.failed)
        return GAD_OK;
    gad_model_free(model);
    return gad_error_memory(err, "build the model", sizeof *model);
}

gad_status gad_model_place(gad_model *model, gad_device *device, gad_error *err)
{
    for (size_t i = 0; i < model->params.count; i++)
        gad_param_place(model->params.item[i], device);
    for (size_t i = 0; device->memory_bytes && i < model->replaced_count; i++)
        model->replaced[i].placed = device->ops->place(device, model->replaced[i].other);
    return gad_device_check(device, err);
}

void gad_model_forget_replaced(gad_model *model)
{
    for (size_t i = 0; i < model->replaced_count; i++) {
        struct gad_replaced *r = &model->replaced[i];
        if (r->placed.data)
            r->param->device->ops->unplace(r->param->device, r->placed);
        gad_memory_free_aligned(r->owned);
        gad_memory_free_aligned(r->owned_scale);
    }
    model->replaced_count = 0;
    model->replaced_on = false;
}

void gad_model_free(gad_model *model)
{
    if (!model)
        return;
    gad_model_forget_replaced(model);
    gad_params_free(&model->params);
    gad_memory_free(model->vision.block);
    gad_memory_free(model->lm.block);
    gad_memory_free(model->lora);
    gad_memory_free(model->replaced);
    *model = (gad_model){0};
}

/* The module path of a layer is its weight's name without ".weight". */
static gad_status visit_linear(gad_linear *layer, gad_status (*visit)(void *, const char *, gad_linear *, gad_error *),
                               void *user, gad_error *err)
{
    if (!layer->weight)
        return GAD_OK;
    char path[sizeof layer->weight->name];
    snprintf(path, sizeof path, "%s", layer->weight->name);
    path[strlen(path) - strlen(".weight")] = 0;
    return visit(user, path, layer, err);
}

static gad_status visit_block(gad_block *b, gad_status (*visit)(void *, const char *, gad_linear *, gad_error *),
                              void *user, gad_error *err)
{
    gad_linear *layers[] = {&b->qkv, &b->q, &b->k, &b->v, &b->proj, &b->gate, &b->up, &b->down};
    gad_status status = GAD_OK;
    for (size_t i = 0; i < sizeof layers / sizeof layers[0] && !status; i++)
        status = visit_linear(layers[i], visit, user, err);
    return status;
}

static gad_status visit_merger(gad_merger *merger, gad_status (*visit)(void *, const char *, gad_linear *, gad_error *),
                               void *user, gad_error *err)
{
    gad_status status = visit_linear(&merger->fc1, visit, user, err);
    return status ? status : visit_linear(&merger->fc2, visit, user, err);
}

gad_status gad_model_each_linear(gad_model *model,
                                 gad_status (*visit)(void *user, const char *path, gad_linear *layer, gad_error *err),
                                 void *user, gad_error *err)
{
    gad_status status = visit_linear(&model->vision.patch_embed, visit, user, err);
    for (int i = 0; i < model->config.vision.depth && !status; i++)
        status = visit_block(&model->vision.block[i], visit, user, err);
    if (!status)
        status = visit_merger(&model->vision.merger, visit, user, err);
    for (int k = 0; k < model->config.vision.deepstack_count && !status; k++)
        status = visit_merger(&model->vision.deepstack[k], visit, user, err);
    for (int i = 0; i < model->config.text.layers && !status; i++)
        status = visit_block(&model->lm.block[i], visit, user, err);
    if (!status)
        status = model->config.text.tied ? visit(user, "lm_head", &model->lm.head, err)
                                         : visit_linear(&model->lm.head, visit, user, err);
    return status;
}
