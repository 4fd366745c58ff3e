/* plan: see plan.h */
#include "model/plan.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/lm.h"
#include "op/quant.h"

/* Rows that the MLPs work on at a time (model/block). */
enum { MLP_ROWS = 2048 };

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Sum over segments of length^2: how many scores attention computes. */
static double window_scores(const gad_vision_config *v, gad_grid grid)
{
    if (!v->window)
        return (double)gad_grid_patches(grid) * (double)gad_grid_patches(grid);
    double sum = 0;
    for (int top = 0; top < grid.rows; top += v->window)
        for (int left = 0; left < grid.cols; left += v->window) {
            double n = (double)least(v->window, grid.rows - top) * (double)least(v->window, grid.cols - left);
            sum += n * n;
        }
    return sum;
}

double gad_plan_vision_flop(const gad_config *config, gad_grid grid)
{
    const gad_vision_config *v = &config->vision;
    double s = (double)gad_grid_patches(grid), c = v->hidden, inner = v->intermediate, d = v->out_hidden;
    double mlp = config->family == GAD_FAMILY_QWEN25 ? 3 : 2;
    double flop = 2 * s * 3 * v->temporal * v->patch * v->patch * c;
    flop += v->depth * (8 * s * c * c + 2 * mlp * s * c * inner);
    for (int i = 0; i < v->depth; i++)
        flop += 4 * c * (v->full_attention[i] ? s * s : window_scores(v, grid));
    flop += (1 + v->deepstack_count) * 2 * (s / 4) * (16 * c * c + 4 * c * d);
    return flop;
}

static double linear_parameters(const gad_text_config *t)
{
    double d = t->hidden, q = (double)t->heads * t->head_dim, kv = (double)t->kv_heads * t->head_dim;
    return t->layers * (2 * d * q + 2 * d * kv + 3 * d * t->intermediate);
}

double gad_plan_prefill_flop(const gad_config *config, int64_t tokens)
{
    const gad_text_config *t = &config->text;
    double p = (double)tokens, q = (double)t->heads * t->head_dim;
    return 2 * linear_parameters(t) * p + 2.0 * t->layers * q * p * (p + 1) + 2.0 * t->hidden * t->vocab;
}

static size_t weight_bytes(const gad_model *model, const gad_plan_request *r)
{
    size_t bytes = 0;
    for (size_t i = 0; i < model->params.count; i++) {
        const gad_param *param = model->params.item[i];
        gad_dtype dtype = gad_weights_dtype(model, param, &r->weights);
        if (!gad_quant_is(dtype))
            dtype = !param->is_matrix ? GAD_F32 : gad_param_is_visual(param) ? r->vision_dtype : r->matrix_dtype;
        bytes += gad_param_bytes(param, dtype);
    }
    return bytes;
}

/* Bytes of an activation, and of a head of the key-value cache. */
static size_t activation_bytes(const gad_plan_request *r)
{
    return gad_dtype_bytes(r->device ? r->device->dtype : GAD_F32);
}

static size_t head_bytes(const gad_plan_request *r, int64_t d)
{
    const gad_dtype kept = r->cache == GAD_CACHE_Q8     ? GAD_S8
                           : r->cache == GAD_CACHE_FP16 ? GAD_F16
                           : r->device                  ? r->device->kept
                                                        : GAD_F32;
    return gad_dtype_head_bytes(kept, d);
}

/* Scratch memory of the larger of one image's vision pass and one prefill piece. */
static size_t work_bytes(const gad_config *config, const gad_plan_request *r, int64_t prompt_tokens)
{
    const gad_vision_config *v = &config->vision;
    const gad_text_config *t = &config->text;
    double vision = 0;
    for (int64_t i = 0; i < r->image_count; i++) {
        double s = (double)gad_grid_patches(r->images[i]), rows = s < MLP_ROWS ? s : MLP_ROWS, c = v->hidden;
        double patch = 3.0 * v->temporal * v->patch * v->patch;
        double need = s * (patch + 7 * c + v->head_dim) + rows * (c + 2.0 * v->intermediate) + s * c;
        vision = need > vision ? need : vision;
    }
    double rows = (double)least(prompt_tokens, gad_lm_piece_rows(r->device)), d = t->hidden;
    double qkv = (double)(t->heads + 2 * t->kv_heads) * t->head_dim;
    double lm = rows * (4 * d + 2 * qkv + 2.0 * t->intermediate + t->head_dim) + 3.0 * t->vocab;
    double panels = 64e6; /* weight panels that are widened to fp32 for the matrix product */
    return (size_t)((double)activation_bytes(r) * (vision > lm ? vision : lm) + panels);
}

/* Of a wide matrix of the language model, or of its head. */
static double bytes_per_number(gad_quantise quantise, bool head, double stored)
{
    enum { WIDE = 1 << 20 };
    gad_dtype dtype = quantise == GAD_QUANTISE_Q4 && !head ? GAD_Q4 : GAD_Q8;
    if (quantise == GAD_QUANTISE_NONE)
        return stored;
    return (double)(gad_quant_block_bytes(dtype, WIDE) + gad_quant_block_scale_bytes(dtype, WIDE)) /
           (GAD_QUANT_ROWS * WIDE);
}

gad_plan gad_plan_make(const gad_model *model, const gad_plan_request *r)
{
    const gad_config *config = &model->config;
    const gad_text_config *t = &config->text;
    gad_plan plan = {0};
    for (size_t i = 0; i < model->params.count; i++)
        *(gad_param_is_visual(model->params.item[i]) ? &plan.vision_parameters : &plan.text_parameters) +=
            gad_param_count(model->params.item[i]);
    for (int64_t i = 0; i < r->image_count; i++) {
        plan.image_tokens += gad_grid_tokens(r->images[i]);
        plan.vision_flop += gad_plan_vision_flop(config, r->images[i]);
    }
    plan.prompt_tokens = plan.image_tokens + r->text_tokens;
    int64_t rows = plan.prompt_tokens + r->answer_tokens;
    double row_bytes = 2.0 * t->layers * t->kv_heads * (double)head_bytes(r, t->head_dim);
    plan.weight_bytes = weight_bytes(model, r);
    plan.cache_bytes = (size_t)(row_bytes * (double)rows);
    plan.image_bytes = (size_t)plan.image_tokens * (size_t)t->hidden * activation_bytes(r) *
                       (size_t)(1 + config->vision.deepstack_count) * 2;
    plan.work_bytes = work_bytes(config, r, plan.prompt_tokens);
    plan.total_bytes = plan.weight_bytes + plan.cache_bytes + plan.image_bytes + plan.work_bytes;
    plan.prefill_flop = gad_plan_prefill_flop(config, plan.prompt_tokens);
    double head = (double)t->hidden * t->vocab, linear = linear_parameters(t);
    plan.decode_flop = 2 * linear + 4.0 * t->layers * t->heads * t->head_dim * (double)plan.prompt_tokens + 2 * head;
    double stored = (double)gad_dtype_bytes(r->matrix_dtype);
    plan.decode_bytes = bytes_per_number(r->weights.quantise, false, stored) * linear +
                        bytes_per_number(r->weights.quantise, true, stored) * head + row_bytes * (double)plan.prompt_tokens;
    return plan;
}

size_t gad_plan_free_bytes(const gad_device *device)
{
    return device && device->memory_bytes ? device->memory_bytes : gad_memory_available();
}

gad_status gad_plan_check(size_t needed_bytes, const gad_device *device, const char *what, gad_error *err)
{
    const size_t free_bytes = gad_plan_free_bytes(device);
    if (!free_bytes || needed_bytes <= free_bytes)
        return GAD_OK;
    const bool apart = device && device->memory_bytes;
    return gad_error_set(err, GAD_E_MEMORY, what, "use --quant q8, smaller images, or a smaller model",
                         "%.2f GiB are needed, %.2f GiB are free%s%s", (double)needed_bytes / 0x1p30,
                         (double)free_bytes / 0x1p30, apart ? " on " : "", apart ? device->label : "");
}
