/* weights: see weights.h. Naming styles: docs/spec/qwen_vl.md section 2.3; tied heads: 2.4. */
#include "model/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/string.h"
#include "model/gguf_tensors.h"
#include "op/quant.h"

static const char operation[] = "load model weights";

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

void gad_weights_internal_name(const char *name, char *internal, size_t size)
{
    if (starts_with(name, "model.visual."))
        snprintf(internal, size, "%s", name + strlen("model."));
    else if (starts_with(name, "model.language_model."))
        snprintf(internal, size, "model.%s", name + strlen("model.language_model."));
    else
        snprintf(internal, size, "%s", name);
}

void gad_weights_file_name(const gad_model *model, const char *internal, char *name, size_t size)
{
    bool renamed = model->config.family == GAD_FAMILY_QWEN3;
    if (renamed && starts_with(internal, "visual."))
        snprintf(name, size, "model.%s", internal);
    else if (renamed && starts_with(internal, "model."))
        snprintf(name, size, "model.language_model.%s", internal + strlen("model."));
    else
        snprintf(name, size, "%s", internal);
}

/* Whether an unknown tensor is of a layer past those of config.json: with its first number 0 the model has it. Leaving such
 * layers out would give answers that look right. */
static bool is_past_config(const gad_model *model, const char *internal)
{
    char first[512];
    const char *number = strpbrk(internal, "0123456789");
    if (!number)
        return false;
    snprintf(first, sizeof first, "%.*s0%s", (int)(number - internal), internal, number + strspn(number, "0123456789"));
    return gad_params_find(&model->params, first) != NULL;
}

static gad_status past_config(const gad_source_tensor *tensor, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, operation, "config.json and weights are not of the same model",
                         "%s: holds \"%s\", which config.json has no layer for", tensor->file, tensor->name);
}

static gad_status index_names(const gad_tensor_source *files, const gad_model *model, const gad_log *log,
                              gad_gguf_found *index, const gad_source_tensor **head, gad_error *err)
{
    char internal[512];
    size_t extra = 0;
    const char *first_extra = NULL;
    for (size_t i = 0; i < gad_tensor_source_count(files); i++) {
        const gad_source_tensor *tensor = gad_tensor_source_at(files, i);
        gad_weights_internal_name(tensor->name, internal, sizeof internal);
        size_t p = 0;
        while (p < model->params.count && strcmp(model->params.item[p]->name, internal) != 0)
            p++;
        if (p == model->params.count) {
            if (is_past_config(model, internal))
                return past_config(tensor, err);
            if (!strcmp(internal, "lm_head.weight"))
                *head = tensor;
            else if (!extra++)
                first_extra = tensor->name;
            continue;
        }
        if (index[p].count++)
            return gad_error_set(err, GAD_E_FORMAT, operation, "remove the file of one naming style",
                                 "%s: holds \"%s\" under both naming styles", tensor->file, internal);
        index[p].tensor[0] = tensor;
    }
    if (extra)
        gad_log_warning(log, "%zu tensors of the checkpoint are not used, the first is \"%s\"", extra, first_extra);
    return GAD_OK;
}

static gad_status report_missing(const gad_model *model, const gad_gguf_found *index, const char *path, gad_error *err)
{
    gad_string list = {0};
    size_t missing = 0;
    for (size_t p = 0; p < model->params.count; p++)
        if (!index[p].count && missing++ < 12)
            gad_string_addf(&list, "%s%s", missing > 1 ? ", " : "", model->params.item[p]->name);
    gad_status status = GAD_OK;
    if (missing)
        status = gad_error_set(err, GAD_E_FORMAT, operation, "are all files of the checkpoint there?",
                               "%s: %zu tensors are missing: %s%s", path, missing, gad_string_text(&list),
                               missing > 12 ? ", ..." : "");
    gad_string_free(&list);
    return status;
}

static gad_status take_tensor(const gad_model *model, const gad_gguf_found *found, gad_param *param, gad_error *err)
{
    gad_status status = gad_gguf_tensors_take(&model->config, found, param, err);
    return status || param->is_matrix ? status : gad_param_convert(param, GAD_F32, err);
}

/* A tied checkpoint may still hold a head: fine when it is the embedding, a contradiction otherwise. */
static gad_status check_head(const gad_model *model, const gad_source_tensor *head, const gad_source_tensor *embed,
                             gad_error *err)
{
    if (!head || !model->config.text.tied)
        return GAD_OK;
    if (head->size_bytes == embed->size_bytes && !memcmp(head->data, embed->data, head->size_bytes))
        return GAD_OK;
    return gad_error_set(err, GAD_E_FORMAT, operation, "set tie_word_embeddings to false if the head was trained apart",
                         "%s: tie_word_embeddings is true, but lm_head.weight differs from the embedding", head->file);
}

gad_dtype gad_weights_products(const gad_tensor_source *files, gad_precision precision)
{
    size_t bf16 = 0, all = 0;
    if (precision != GAD_PRECISION_CHECKPOINT)
        return precision == GAD_PRECISION_BF16 ? GAD_BF16 : GAD_F32;
    for (size_t i = 0; files && i < gad_tensor_source_count(files); i++) {
        const gad_source_tensor *tensor = gad_tensor_source_at(files, i);
        all += tensor->size_bytes;
        bf16 += tensor->storage == GAD_SOURCE_BF16 ? tensor->size_bytes : 0;
    }
    return bf16 >= all / 2 + all % 2 ? GAD_BF16 : GAD_F32;
}

/* What compares images goes with the vision tower: its logits are held against a threshold. Embedding and head decide about
 * single words: they keep 8 bits. */
gad_dtype gad_weights_dtype(const gad_model *model, const gad_param *param, const gad_weights_options *options)
{
    bool sees = gad_param_is_visual(param) || gad_param_is_evidence(param);
    const gad_quantise wanted = options->quantise;
    if (wanted == GAD_QUANTISE_NONE || (sees && wanted != GAD_QUANTISE_Q8_ALL) || !param->is_matrix ||
        gad_quant_is(param->value.dtype) || param == model->vision.position_embed)
        return param->value.dtype;
    bool words = param == model->lm.embed || param == model->lm.head.weight;
    return wanted == GAD_QUANTISE_Q4 && !words ? GAD_Q4 : GAD_Q8;
}

static gad_status quantise_one(const gad_model *model, gad_param *param, const gad_weights_options *options, gad_error *err)
{
    const gad_dtype dtype = gad_weights_dtype(model, param, options);
    return dtype == param->value.dtype ? GAD_OK : gad_param_quantise(param, dtype, err);
}

gad_status gad_weights_quantise(gad_model *model, const gad_weights_options *options, gad_error *err)
{
    gad_status status = GAD_OK;
    for (size_t p = 0; p < model->params.count && !status; p++)
        status = quantise_one(model, model->params.item[p], options, err);
    return status;
}

gad_status gad_weights_load(const char *path, const gad_weights_options *options, gad_model *model,
                            gad_tensor_source **files, const gad_log *log, gad_error *err)
{
    gad_tensor_source *source = NULL;
    const gad_source_tensor *head = NULL;
    gad_status status = gad_tensor_source_open(path, options->mmproj, &source, err);
    if (status)
        return status;
    gad_gguf_found *index = gad_memory_zero(model->params.count, sizeof *index);
    if (!index)
        status = gad_error_memory(err, operation, model->params.count * sizeof *index);
    else if (gad_tensor_source_is_gguf(path))
        status = gad_gguf_tensors_index(source, &model->config, &model->params, log, index, err);
    else
        status = index_names(source, model, log, index, &head, err);
    if (!status)
        status = report_missing(model, index, path, err);
    for (size_t p = 0; p < model->params.count && !status; p++) {
        status = take_tensor(model, &index[p], model->params.item[p], err);
        if (!status && model->params.item[p] == model->lm.embed)
            status = check_head(model, head, index[p].tensor[0], err);
        if (!status) /* at once: of what is put together from blocks, one matrix at a time is wide */
            status = quantise_one(model, model->params.item[p], options, err);
    }
    gad_memory_free(index);
    if (status)
        gad_tensor_source_free(source);
    else
        *files = source;
    return status;
}

/* A number of deviation 1 for each (seed, parameter, index): SplitMix64 (Steele et al., OOPSLA 2014) gives four 16-bit
 * uniform numbers, whose sum is near normal. */
static double random_value(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    double sum = (double)((z & 0xFFFF) + (z >> 16 & 0xFFFF) + (z >> 32 & 0xFFFF) + (z >> 48)) / 65536.0 + 2.0 / 65536.0;
    return (sum - 2) * 1.7320508075688772; /* variance of the sum is 4/12 */
}

static bool writes_residual(const char *name)
{
    return strstr(name, "attn.proj.weight") || strstr(name, "o_proj.weight") || strstr(name, "down_proj.weight") ||
           strstr(name, "linear_fc2.weight");
}

static double start_deviation(const gad_model *model, const gad_param *param)
{
    if (param->group == GAD_PARAM_INJECTION) /* a new module changes nothing at first */
        return 0;
    if (param->group == GAD_PARAM_EVIDENCE)
        return 1 / sqrt((double)param->value.cols);
    int layers = gad_param_is_visual(param) ? model->config.vision.depth : model->config.text.layers;
    return 0.02 * (writes_residual(param->name) ? 1 / sqrt(2.0 * layers) : 1);
}

gad_status gad_weights_random(gad_model *model, uint64_t seed, gad_dtype dtype, gad_error *err)
{
    for (size_t p = 0; p < model->params.count; p++) {
        gad_param *param = model->params.item[p];
        gad_dtype own = param->is_matrix ? dtype : GAD_F32;
        int64_t n = gad_param_count(param);
        void *memory = gad_memory_alloc_aligned((size_t)n, gad_dtype_bytes(own));
        if (!memory)
            return gad_error_memory(err, "make random weights", (size_t)n * gad_dtype_bytes(own));
        bool is_bias = !param->is_matrix && strstr(param->name, "bias");
        double deviation = param->is_matrix ? start_deviation(model, param) : 0,
               centre = param->is_matrix || is_bias ? 0 : 1;
        uint64_t stream = seed * 0xD1342543DE82EF95u + p * 0xAF251AF3B0F025B5u;
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < n; i++) {
            float value = (float)(centre + deviation * random_value(stream, (uint64_t)i));
            if (own == GAD_F32)
                ((float *)memory)[i] = value;
            else
                ((uint16_t *)memory)[i] = gad_half_to_bf16(value);
        }
        gad_memory_free_aligned(param->owned);
        param->owned = memory;
        param->value.data = memory;
        param->value.dtype = own;
    }
    return GAD_OK;
}
