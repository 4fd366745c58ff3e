/* gguf_tensors: see gguf_tensors.h. Names: gguf-py's constants; what the converter does to tensors: conversion/qwenvl.py,
 * qwen3vl.py and llama.py of llama.cpp. */
#include "model/gguf_tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/string.h"

static const char operation[] = "load model weights";
enum { PIECE = 256 }; /* numbers read at a time: a multiple of every block */

/* ---- names --------------------------------------------------------------------------------------------------------- */

typedef struct pair {
    const char *ours, *theirs;
} pair;

static const pair single[] = {
    {"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm"},
    {"lm_head", "output"},
    {"visual.patch_embed.proj", "v.patch_embd"},
    {"visual.pos_embed", "v.position_embd"},
    {"visual.merger.ln_q", "v.post_ln"},
    {"visual.merger.norm", "v.post_ln"},
    {"visual.merger.mlp.0", "mm.0"},
    {"visual.merger.mlp.2", "mm.2"},
    {"visual.merger.linear_fc1", "mm.0"},
    {"visual.merger.linear_fc2", "mm.2"},
};
static const pair text_block[] = {
    {"input_layernorm", "attn_norm"},    {"post_attention_layernorm", "ffn_norm"},
    {"self_attn.q_proj", "attn_q"},      {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},      {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"},
    {"mlp.gate_proj", "ffn_gate"},       {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
};
static const pair vision_block[] = {
    {"norm1", "ln1"},
    {"norm2", "ln2"},
    {"attn.qkv", "attn_qkv"},
    {"attn.proj", "attn_out"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.linear_fc1", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.linear_fc2", "ffn_down"},
};
static const pair deepstack[] = {{"norm", "norm"}, {"linear_fc1", "fc1"}, {"linear_fc2", "fc2"}};

/* What `path` (length bytes) is called; NULL when it is not in the list. */
static const char *look_up(const pair *list, size_t count, const char *path, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i].ours) == length && !memcmp(list[i].ours, path, length))
            return list[i].theirs;
    return NULL;
}
#define LOOK_UP(list, path, length) look_up(list, sizeof(list) / sizeof *(list), path, length)

/* "visual.blocks.3.attn.qkv" -> 3 and "attn.qkv"; NULL when it does not begin with `prefix` and a number. */
static const char *after_number(const char *path, const char *prefix, int *number)
{
    const size_t n = strlen(prefix);
    if (strncmp(path, prefix, n) != 0)
        return NULL;
    char *end = NULL;
    *number = (int)strtol(path + n, &end, 10);
    return *end == '.' ? end + 1 : NULL;
}

gad_gguf_parts gad_gguf_tensors_of(const gad_config *config, const gad_param *param)
{
    gad_gguf_parts p = {0};
    const char *name = param->name, *leaf = strrchr(name, '.'), *theirs, *rest;
    int i = 0;
    if (!leaf)
        return p;
    const size_t length = (size_t)(leaf - name);
    p.count = 1;
    if ((theirs = LOOK_UP(single, name, length)))
        snprintf(p.name[0], sizeof p.name[0], "%s%s", theirs, leaf);
    else if ((rest = after_number(name, "model.layers.", &i)) &&
             (theirs = LOOK_UP(text_block, rest, (size_t)(leaf - rest))))
        snprintf(p.name[0], sizeof p.name[0], "blk.%d.%s%s", i, theirs, leaf);
    else if ((rest = after_number(name, "visual.blocks.", &i)) &&
             (theirs = LOOK_UP(vision_block, rest, (size_t)(leaf - rest))))
        snprintf(p.name[0], sizeof p.name[0], "v.blk.%d.%s%s", i, theirs, leaf);
    else if ((rest = after_number(name, "visual.deepstack_merger_list.", &i)) && i < GAD_MAX_DEEPSTACK &&
             (theirs = LOOK_UP(deepstack, rest, (size_t)(leaf - rest))))
        snprintf(p.name[0], sizeof p.name[0], "v.deepstack.%d.%s%s", config->vision.deepstack[i], theirs, leaf);
    else
        p.count = 0;
    if (param->rank == GAD_PARAM_MAX_RANK && param->shape[2] == 2) {
        p.layout = GAD_GGUF_FRAMES;
        p.count = 2;
        snprintf(p.name[1], sizeof p.name[1], "%.70s.1", p.name[0]);
    } else if (config->family == GAD_FAMILY_QWEN25 && strstr(name, "attn.qkv.")) {
        p.count = 3;
        for (int k = 0; k < 3; k++)
            snprintf(p.name[k], sizeof p.name[k], "v.blk.%d.attn_%c%s", i, "qkv"[k], leaf);
    } else if (config->family == GAD_FAMILY_LLAMA && (strstr(name, ".q_proj.") || strstr(name, ".k_proj."))) {
        p.layout = GAD_GGUF_ROTARY;
    }
    return p;
}

/* ---- places -------------------------------------------------------------------------------------------------------- */

int gad_gguf_tensors_shape(gad_gguf_layout layout, int count, const gad_param *param, int64_t shape[GAD_PARAM_MAX_RANK])
{
    memcpy(shape, param->shape, sizeof param->shape);
    if (layout == GAD_GGUF_FRAMES) { /* [C, 3, frames, y, x] -> [C, 3, y, x] */
        shape[2] = param->shape[3];
        shape[3] = param->shape[4];
        return param->rank - 1;
    }
    shape[0] /= count;
    return param->rank;
}

gad_gguf_place gad_gguf_tensors_place(const gad_config *config, gad_gguf_layout layout, int count, const gad_param *param,
                                      int part, int64_t row)
{
    const int64_t cols = gad_param_count(param) / param->shape[0];
    switch (layout) {
    case GAD_GGUF_FRAMES: {
        const int64_t area = param->shape[3] * param->shape[4];
        return (gad_gguf_place){row * cols + part * area, area, param->shape[2] * area};
    }
    case GAD_GGUF_ROTARY: { /* theirs: (head, pair, side); ours: (head, side, pair) */
        const int64_t d = config->text.head_dim, in = row % d;
        return (gad_gguf_place){(row - in + in % 2 * (d / 2) + in / 2) * cols, cols, cols};
    }
    case GAD_GGUF_ROWS: break;
    }
    return (gad_gguf_place){(part * (param->shape[0] / count) + row) * cols, cols, cols};
}

/* ---- finding ------------------------------------------------------------------------------------------------------- */

static bool find_parts(const gad_tensor_source *files, const gad_gguf_parts *parts, gad_gguf_found *found)
{
    for (int k = 0; k < parts->count; k++)
        if (!(found->tensor[k] = gad_tensor_source_find(files, parts->name[k])))
            return false;
    found->count = parts->count;
    found->layout = parts->layout;
    return found->count > 0;
}

/* The tower's q, k and v: some converters keep them as one, others cut them apart. */
static bool find_either(const gad_tensor_source *files, const gad_gguf_parts *parts, gad_gguf_found *found)
{
    gad_gguf_parts other = {.count = parts->count == 1 ? 3 : 1};
    int i = 0;
    const char *rest = parts->count ? after_number(parts->name[0], "v.blk.", &i) : NULL;
    if (find_parts(files, parts, found))
        return true;
    if (!rest || (strncmp(rest, "attn_qkv.", 9) != 0 && strncmp(rest, "attn_q.", 7) != 0))
        return false;
    const char *leaf = strrchr(rest, '.');
    for (int k = 0; k < other.count; k++)
        if (other.count == 1)
            snprintf(other.name[k], sizeof other.name[k], "v.blk.%d.attn_qkv%s", i, leaf);
        else
            snprintf(other.name[k], sizeof other.name[k], "v.blk.%d.attn_%c%s", i, "qkv"[k], leaf);
    return find_parts(files, &other, found);
}

/* Leaving out what a block is made of, or scaled rotations, would give answers that look right. */
static bool matters(const char *name)
{
    return !strncmp(name, "blk.", 4) || !strncmp(name, "v.blk.", 6) || !strncmp(name, "v.deepstack.", 12) ||
           !strncmp(name, "rope_", 5) || !strcmp(name, "output.bias");
}

static gad_status check_rest(const gad_tensor_source *files, const bool *used, const gad_log *log, gad_error *err)
{
    size_t extra = 0;
    const char *first = NULL;
    for (size_t i = 0; i < gad_tensor_source_count(files); i++) {
        const gad_source_tensor *tensor = gad_tensor_source_at(files, i);
        if (!used[i] && matters(tensor->name))
            return gad_error_set(err, GAD_E_FORMAT, operation, "gad runs plain Qwen2.5-VL, Qwen3-VL and Llama models",
                                 "%s: holds \"%s\", which the model that its settings describe does not have", tensor->file,
                                 tensor->name);
        if (!used[i] && !extra++)
            first = tensor->name;
    }
    if (extra)
        gad_log_warning(log, "%zu tensors of the model are not used, the first is \"%s\"", extra, first);
    return GAD_OK;
}

gad_status gad_gguf_tensors_index(const gad_tensor_source *files, const gad_config *config, const gad_params *params,
                                  const gad_log *log, gad_gguf_found *found, gad_error *err)
{
    const size_t count = gad_tensor_source_count(files);
    bool *used = gad_memory_zero(count, sizeof *used);
    if (!used)
        return gad_error_memory(err, operation, count);
    for (size_t p = 0; p < params->count; p++) {
        const gad_gguf_parts parts = gad_gguf_tensors_of(config, params->item[p]);
        found[p] = (gad_gguf_found){0};
        if (find_either(files, &parts, &found[p]))
            for (int k = 0; k < found[p].count; k++)
                used[found[p].tensor[k] - gad_tensor_source_at(files, 0)] = true;
    }
    gad_status status = check_rest(files, used, log, err);
    gad_memory_free(used);
    return status;
}

/* ---- taking -------------------------------------------------------------------------------------------------------- */

static void add_shape(gad_string *text, int rank, const int64_t *shape)
{
    for (int i = 0; i < rank; i++)
        gad_string_addf(text, "%s%lld", i ? "x" : "", (long long)shape[i]);
}

static gad_status check_part(const gad_gguf_found *found, const gad_param *param, const gad_source_tensor *tensor,
                             gad_error *err)
{
    int64_t shape[GAD_PARAM_MAX_RANK];
    const int rank = gad_gguf_tensors_shape(found->layout, found->count, param, shape);
    if (tensor->storage == GAD_SOURCE_OTHER)
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "convert the checkpoint to BF16, F16 or F32",
                             "%s: \"%s\" has dtype %s", tensor->file, tensor->name, tensor->type);
    if (tensor->rank == rank && !memcmp(tensor->shape, shape, (size_t)rank * sizeof *shape))
        return GAD_OK;
    gad_string shapes = {0};
    add_shape(&shapes, tensor->rank, tensor->shape);
    gad_string_add(&shapes, ", expected ");
    add_shape(&shapes, rank, shape);
    gad_status status = gad_error_set(err, GAD_E_FORMAT, operation,
                                      tensor->block ? "the file is damaged, or the mmproj file is of another model"
                                                    : "config.json and weights are not of the same model",
                                      "%s: \"%s\" has shape %s", tensor->file, tensor->name, gad_string_text(&shapes));
    gad_string_free(&shapes);
    return status;
}

static gad_dtype dtype_of(const gad_source_tensor *tensor)
{
    return tensor->storage == GAD_SOURCE_F32 ? GAD_F32 : tensor->storage == GAD_SOURCE_BF16 ? GAD_BF16 : GAD_F16;
}

static void put(void *memory, gad_dtype dtype, int64_t at, const float *value, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (dtype == GAD_F32)
            ((float *)memory)[at + i] = value[i];
        else
            ((uint16_t *)memory)[at + i] = dtype == GAD_BF16 ? gad_half_to_bf16(value[i]) : gad_half_to_f16(value[i]);
}

/* One row of a part into the parameter's memory. Shape and storage are checked: reading does not fail. */
static void take_row(const gad_source_tensor *tensor, int64_t row, gad_gguf_place place, void *memory, gad_dtype dtype)
{
    float value[PIECE];
    const int64_t cols = (int64_t)tensor->count / tensor->shape[0];
    for (int64_t at = 0; at < cols; at += PIECE) {
        const int64_t n = cols - at < PIECE ? cols - at : PIECE;
        if (gad_tensor_source_copy_f32(tensor, (size_t)(row * cols + at), (size_t)n, value, NULL))
            return;
        for (int64_t done = 0, some; done < n; done += some) {
            const int64_t in = (at + done) % place.n;
            some = place.n - in < n - done ? place.n - in : n - done;
            put(memory, dtype, place.at + (at + done) / place.n * place.step + in, value + done, some);
        }
    }
}

static gad_status put_together(const gad_config *config, const gad_gguf_found *found, gad_param *param, gad_error *err)
{
    gad_dtype dtype = dtype_of(found->tensor[0]);
    for (int k = 1; k < found->count; k++)
        dtype = dtype_of(found->tensor[k]) == dtype ? dtype : GAD_F32;
    const size_t count = (size_t)gad_param_count(param);
    void *memory = gad_memory_alloc_aligned(count, gad_dtype_bytes(dtype));
    if (!memory)
        return gad_error_memory(err, operation, count * gad_dtype_bytes(dtype));
    for (int k = 0; k < found->count; k++) {
        const gad_source_tensor *tensor = found->tensor[k];
#pragma omp parallel for schedule(static) if (count > 65536)
        for (int64_t row = 0; row < tensor->shape[0]; row++) {
            const gad_gguf_place place = gad_gguf_tensors_place(config, found->layout, found->count, param, k, row);
            take_row(tensor, row, place, memory, dtype);
        }
    }
    gad_memory_free_aligned(param->owned);
    param->owned = memory;
    param->value.data = memory;
    param->value.dtype = dtype;
    return GAD_OK;
}

gad_status gad_gguf_tensors_take(const gad_config *config, const gad_gguf_found *found, gad_param *param, gad_error *err)
{
    const gad_source_tensor *first = found->tensor[0];
    for (int k = 0; k < found->count; k++) {
        gad_status status = check_part(found, param, found->tensor[k], err);
        if (status)
            return status;
    }
    const bool whole = found->count == 1 && found->layout == GAD_GGUF_ROWS && first->storage != GAD_SOURCE_BLOCKS;
    const bool aligned = !first->block || (uintptr_t)first->data % gad_dtype_bytes(dtype_of(first)) == 0;
    if (!whole || !aligned)
        return put_together(config, found, param, err);
    param->value.dtype = dtype_of(first);
    param->value.data = first->data;
    return GAD_OK;
}
