/* lora: see lora.h. Format: docs/spec/qwen_vl.md section 13. */
#include "model/lora.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/half.h"
#include "base/json.h"
#include "base/memory.h"
#include "io/safetensors.h"
#include "model/weights.h"
#include "op/quant.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static const char operation[] = "load adapter";
static const char prefix[] = "base_model.model.";

/* ---- adapters on layers -------------------------------------------------------------------------------------------- */

gad_status gad_lora_reserve(gad_model *model, size_t count, gad_error *err)
{
    if (model->lora_count)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "merge the first adapter", "the model has an adapter already");
    gad_memory_free(model->lora);
    model->lora = gad_memory_zero(count, sizeof *model->lora);
    model->lora_capacity = model->lora ? count : 0;
    return model->lora ? GAD_OK : gad_error_memory(err, operation, count * sizeof *model->lora);
}

gad_status gad_lora_attach(gad_model *model, const char *path, gad_linear *layer, int rank, float scale, gad_error *err)
{
    if (model->lora_count >= model->lora_capacity)
        return gad_error_set(err, GAD_E_INTERNAL, operation, NULL, "more adapters than reserved");
    const int64_t a_shape[] = {rank, layer->weight->value.cols}, b_shape[] = {layer->weight->value.rows, rank};
    gad_lora *lora = &model->lora[model->lora_count];
    model->params.group = layer->weight->group; /* an adapter belongs to what its layer belongs to */
    lora->a = gad_params_add(&model->params, true, 2, a_shape, "%s.lora_A.weight", path);
    lora->b = gad_params_add(&model->params, true, 2, b_shape, "%s.lora_B.weight", path);
    lora->scale = scale;
    if (!lora->a || !lora->b)
        return gad_error_memory(err, operation, sizeof *lora);
    model->lora_count++;
    layer->lora = lora;
    return GAD_OK;
}

/* Give the head of a tied model a parameter of its own with the embedding's values, before one of the two changes. Mapped
 * values are shared, memory is copied. */
static gad_status untie_head(gad_model *model, gad_error *err)
{
    gad_param *embed = model->lm.embed;
    if (model->lm.head.weight != embed)
        return GAD_OK;
    model->params.group = GAD_PARAM_LANGUAGE;
    gad_param *head = gad_params_add(&model->params, true, 2, embed->shape, "lm_head.weight");
    if (!head)
        return gad_error_memory(err, operation, sizeof *head);
    gad_weight value = embed->value;
    size_t data_bytes = gad_param_data_bytes(embed, value.dtype);
    if (embed->owned) {
        value.data = head->owned = gad_memory_alloc_aligned(data_bytes, 1);
        if (head->owned)
            memcpy(head->owned, embed->value.data, data_bytes);
    }
    if (value.scale) {
        size_t scale_bytes = gad_param_bytes(embed, value.dtype) - data_bytes;
        value.scale = head->owned_scale = gad_memory_alloc_aligned(scale_bytes, 1);
        if (head->owned_scale)
            memcpy(head->owned_scale, embed->value.scale, scale_bytes);
    }
    if (!value.data || (embed->value.scale && !value.scale)) {
        gad_params_remove(&model->params, model->params.count - 1);
        return gad_error_memory(err, operation, data_bytes);
    }
    head->value = value;
    model->lm.head.weight = head;
    model->config.text.tied = false;
    return GAD_OK;
}

/* Take all adapters off the model. What they replace as a whole stays as it acts now. */
static gad_status forget_layer(void *user, const char *path, gad_linear *layer, gad_error *err)
{
    (void)user;
    (void)path;
    (void)err;
    layer->lora = NULL;
    return GAD_OK;
}

static void forget_adapters(gad_model *model)
{
    gad_model_each_linear(model, forget_layer, NULL, NULL);
    for (size_t i = model->params.count; i-- > 0;)
        if (strstr(model->params.item[i]->name, ".lora_"))
            gad_params_remove(&model->params, i);
    gad_model_forget_replaced(model);
    model->lora_count = 0;
}

void gad_lora_switch(gad_model *model, bool on)
{
    if (model->replaced_on == on)
        return;
    for (size_t i = 0; i < model->replaced_count; i++) {
        struct gad_replaced *r = &model->replaced[i], now = *r;
        r->other = r->param->value;
        r->owned = r->param->owned;
        r->owned_scale = r->param->owned_scale;
        r->placed = r->param->placed;
        r->param->value = now.other;
        r->param->owned = now.owned;
        r->param->owned_scale = now.owned_scale;
        r->param->placed = now.placed;
    }
    model->replaced_on = on;
}

/* ---- adapter_config.json ------------------------------------------------------------------------------------------- */

typedef struct adapter_config {
    const char *path;
    double alpha;
    int64_t rank;
    bool rslora;
    bool tie_saved; /* a saved embedding of a tied model is the head's as well */
    const json_t *rank_pattern, *alpha_pattern;
} adapter_config;

static gad_status unsupported(const char *path, const char *what, gad_error *err)
{
    return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "merge the adapter with PEFT and load the merged checkpoint",
                         "%s: %s is not supported", path, what);
}

/* A key that must be absent, null, false, or empty. */
static bool is_unset(const json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);
    return !value || json_is_null(value) || json_is_false(value) || (json_is_object(value) && !json_object_size(value)) ||
           (json_is_array(value) && !json_array_size(value)) || (json_is_string(value) && !*json_string_value(value));
}

static gad_status refuse_variants(const json_t *root, const char *path, gad_error *err)
{
    static const char *const variants[] = {"use_dora",
                                           "use_qalora",
                                           "target_parameters",
                                           "layer_replication",
                                           "fan_in_fan_out",
                                           "trainable_token_indices",
                                           "alora_invocation_tokens",
                                           "arrow_config",
                                           "megatron_config",
                                           "corda_config",
                                           "eva_config",
                                           "loftq_config",
                                           "use_bdlora"};
    static const char *const known[] = {"alpha_pattern",
                                        "auto_mapping",
                                        "base_model_name_or_path",
                                        "bias",
                                        "ensure_weight_tying",
                                        "exclude_modules",
                                        "inference_mode",
                                        "init_lora_weights",
                                        "layers_pattern",
                                        "layers_to_transform",
                                        "lora_alpha",
                                        "lora_bias",
                                        "lora_dropout",
                                        "megatron_core",
                                        "modules_to_save",
                                        "peft_type",
                                        "peft_version",
                                        "qalora_group_size",
                                        "r",
                                        "rank_pattern",
                                        "revision",
                                        "target_modules",
                                        "task_type",
                                        "use_rslora",
                                        "runtime_config"};
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
        if (!is_unset(root, variants[i]))
            return unsupported(path, variants[i], err);
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)root, key, value) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found |= !strcmp(key, known[i]);
        for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
            found |= !strcmp(key, variants[i]);
        if (!found && !is_unset(root, key))
            return gad_error_set(err, GAD_E_UNSUPPORTED, operation, NULL, "%s: unknown key \"%s\"", path, key);
    }
    const json_t *init = json_object_get(root, "init_lora_weights");
    if (json_is_string(init) && strcmp(json_string_value(init), "gaussian") != 0)
        return unsupported(path, "an init_lora_weights that changes the base weights", err);
    return GAD_OK;
}

static gad_status read_config(const json_t *root, const char *path, adapter_config *config, gad_error *err)
{
    const char *type, *bias = NULL;
    gad_status status = gad_json_get_string(root, "peft_type", path, "", &type, err);
    if (!status && strcmp(type, "LORA") != 0)
        status = gad_error_set(err, GAD_E_UNSUPPORTED, operation, "gad loads LoRA adapters", "%s: peft_type is \"%s\"",
                               path, type);
    if (!status)
        status = refuse_variants(root, path, err);
    if (!status)
        status = gad_json_get_string(root, "bias", path, "none", &bias, err);
    if (!status && strcmp(bias, "none") != 0 && strcmp(bias, "all") != 0 && strcmp(bias, "lora_only") != 0)
        status = gad_error_set(err, GAD_E_FORMAT, operation, "PEFT knows none, all and lora_only", "%s: bias is \"%s\"",
                               path, bias);
    if (!status)
        status = gad_json_get_int(root, "r", path, 0, &config->rank, err);
    if (!status)
        status = gad_json_get_number(root, "lora_alpha", path, 0, &config->alpha, err);
    if (!status)
        status = gad_json_get_bool(root, "use_rslora", path, false, &config->rslora, err);
    if (!status)
        status = gad_json_get_bool(root, "ensure_weight_tying", path, false, &config->tie_saved, err);
    if (!status && (config->rank < 1 || config->rank > 65536 || config->alpha <= 0))
        status = gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: r or lora_alpha is missing or not positive", path);
    config->path = path;
    config->rank_pattern = json_object_get(root, "rank_pattern");
    config->alpha_pattern = json_object_get(root, "alpha_pattern");
    return status;
}

/* Whether PEFT's rule for pattern keys, (.*\.)?(key)$ from the start, matches the module path. */
static bool pattern_matches(const char *key, const char *path)
{
    char pattern[512];
    snprintf(pattern, sizeof pattern, "^(?:.*\\.)?(?:%s)$", key);
    int code;
    PCRE2_SIZE at;
    pcre2_code *regex = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
    pcre2_match_data *match = regex ? pcre2_match_data_create_from_pattern(regex, NULL) : NULL;
    bool matches = match && pcre2_match(regex, (PCRE2_SPTR)path, strlen(path), 0, 0, match, NULL) > 0;
    pcre2_match_data_free(match);
    pcre2_code_free(regex);
    return matches;
}

static double pattern_value(const json_t *patterns, const char *path, double fallback)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)patterns, key, value) {
        if (json_is_number(value) && pattern_matches(key, path))
            return json_number_value(value);
    }
    return fallback;
}

/* alpha / r, or alpha / sqrt(r) with rslora, after the per-module patterns. */
static gad_status layer_scale(const adapter_config *config, const char *path, int64_t rank, float *scale, gad_error *err)
{
    double expected = pattern_value(config->rank_pattern, path, (double)config->rank);
    double alpha = pattern_value(config->alpha_pattern, path, config->alpha);
    if (expected != (double)rank)
        return gad_error_set(
            err, GAD_E_FORMAT, operation, "adapter_config.json and the tensors are not of the same adapter",
            "%s: says rank %g for \"%s\", its tensors have rank %lld", config->path, expected, path, (long long)rank);
    *scale = (float)(alpha / (config->rslora ? sqrt((double)rank) : (double)rank));
    return GAD_OK;
}

/* ---- adapter_model.safetensors ------------------------------------------------------------------------------------- */

typedef struct loader {
    gad_model *model;
    const gad_safetensors *files;
    const adapter_config *config;
    const char *path;
    size_t used; /* tensors that found their place */
} loader;

/* The adapter's tensor for an internal module path and a leaf, in either naming style; NULL when there is none. */
static const gad_safetensors_tensor *find_tensor(const loader *l, const char *path, const char *leaf)
{
    char name[512];
    const char *tail = !strncmp(path, "model.", 6) ? path + 6 : path;
    bool vision = !strncmp(path, "visual.", 7), inside = tail != path;
    snprintf(name, sizeof name, "%s%s%s", prefix, path, leaf);
    const gad_safetensors_tensor *tensor = gad_safetensors_find(l->files, name);
    if (!tensor && (vision || inside)) {
        snprintf(name, sizeof name, "%smodel.%s%s%s", prefix, vision ? "" : "language_model.", tail, leaf);
        tensor = gad_safetensors_find(l->files, name);
    }
    return tensor;
}

static gad_status fill_param(gad_param *param, const gad_safetensors_tensor *tensor, gad_error *err)
{
    size_t n = (size_t)gad_param_count(param);
    if (tensor->count != n || (tensor->rank > 1 && tensor->shape[0] != param->shape[0]))
        return gad_error_set(err, GAD_E_FORMAT, operation, "the adapter was made for another model",
                             "%s: \"%s\" does not fit its layer", tensor->file, tensor->name);
    float *values = gad_memory_alloc_aligned(n, sizeof *values);
    if (!values)
        return gad_error_memory(err, operation, n * sizeof *values);
    gad_status status = gad_safetensors_copy_f32(tensor, 0, n, values, err);
    for (size_t i = 0; i < n && !status; i++)
        if (!isfinite(values[i]))
            status = gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: \"%s\" holds a value that is not finite",
                                   tensor->file, tensor->name);
    if (status) {
        gad_memory_free_aligned(values);
        return status;
    }
    gad_memory_free_aligned(param->owned);
    param->owned = values;
    param->value.data = values;
    param->value.dtype = GAD_F32;
    return GAD_OK;
}

static gad_status load_lora_bias(loader *l, const char *path, gad_lora *lora, const gad_safetensors_tensor *tensor,
                                 gad_error *err)
{
    int64_t n = lora->b->value.rows;
    l->model->params.group = lora->b->group;
    lora->bias = gad_params_add(&l->model->params, false, 1, &n, "%s.lora_B.bias", path);
    if (!lora->bias)
        return gad_error_memory(err, operation, sizeof *lora);
    l->used++;
    gad_status status = fill_param(lora->bias, tensor, err);
    for (int64_t i = 0; i < n && !status; i++)
        ((float *)lora->bias->owned)[i] *= lora->scale;
    return status;
}

static gad_status load_layer(void *user, const char *path, gad_linear *layer, gad_error *err)
{
    loader *l = user;
    const gad_safetensors_tensor *a = find_tensor(l, path, ".lora_A.weight"), *b = find_tensor(l, path, ".lora_B.weight");
    if (!a && !b)
        return GAD_OK;
    if (!a || !b || a->rank != 2 || b->rank != 2 || a->shape[0] != b->shape[1])
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: lora_A and lora_B of \"%s\" do not fit each other",
                             l->path, path);
    float scale;
    gad_status status = layer_scale(l->config, path, a->shape[0], &scale, err);
    if (!status)
        status = gad_lora_attach(l->model, path, layer, (int)a->shape[0], scale, err);
    if (!status)
        status = fill_param(layer->lora->a, a, err);
    if (!status)
        status = fill_param(layer->lora->b, b, err);
    l->used += 2;
    const gad_safetensors_tensor *bias = find_tensor(l, path, ".lora_B.bias");
    return !status && bias ? load_lora_bias(l, path, layer->lora, bias, err) : status;
}

static gad_status replace_param(loader *l, gad_param *param, const gad_safetensors_tensor *tensor, gad_error *err)
{
    gad_model *model = l->model;
    if (!gad_memory_grow((void **)&model->replaced, &model->replaced_capacity, model->replaced_count,
                         sizeof *model->replaced))
        return gad_error_memory(err, operation, sizeof *model->replaced);
    gad_param value = *param; /* the same shape; its own memory */
    value.owned = value.owned_scale = NULL;
    value.value.scale = NULL;
    gad_status status = fill_param(&value, tensor, err);
    if (!status)
        model->replaced[model->replaced_count++] =
            (struct gad_replaced){.param = param, .other = value.value, .owned = value.owned};
    return status;
}

/* Whole tensors of the adapter: modules_to_save and trained biases. */
static gad_status load_whole_tensors(loader *l, gad_error *err)
{
    gad_status status = GAD_OK;
    for (size_t i = 0; i < gad_safetensors_count(l->files) && !status; i++) {
        const gad_safetensors_tensor *tensor = gad_safetensors_at(l->files, i);
        char name[512], internal[512];
        if (strstr(tensor->name, "lora_embedding") || strstr(tensor->name, "lora_magnitude_vector"))
            return unsupported(l->path, strstr(tensor->name, "lora_embedding") ? "LoRA on the embedding" : "DoRA", err);
        if (strncmp(tensor->name, prefix, strlen(prefix)) != 0 || strstr(tensor->name, ".lora_"))
            continue;
        gad_weights_internal_name(tensor->name + strlen(prefix), name, sizeof name);
        const char *base = strstr(name, ".base_layer.");
        if (base)
            snprintf(internal, sizeof internal, "%.*s.%s", (int)(base - name), name, base + strlen(".base_layer."));
        else
            snprintf(internal, sizeof internal, "%s", name);
        bool embedding = !strcmp(internal, "model.embed_tokens.weight") && !l->config->tie_saved;
        if (embedding || !strcmp(internal, "lm_head.weight"))
            status = untie_head(l->model, err);
        gad_param *param = status ? NULL : gad_params_find(&l->model->params, internal);
        if (param) {
            status = replace_param(l, param, tensor, err);
            l->used++;
        }
    }
    return status;
}

/* Tensors of the evidence head that were trained with the adapter. */
static gad_status load_difference(loader *l, const char *folder, gad_error *err)
{
    char *path = gad_file_join(folder, GAD_ADAPTER_DIFFERENCE);
    gad_safetensors *set = NULL;
    gad_status status = path ? GAD_OK : gad_error_memory(err, operation, strlen(folder));
    bool there = path && gad_file_exists(path);
    if (!status && there)
        status = gad_safetensors_open(path, &set, err);
    for (size_t i = 0; set && i < gad_safetensors_count(set) && !status; i++) {
        const gad_safetensors_tensor *tensor = gad_safetensors_at(set, i);
        gad_param *param = gad_params_find(&l->model->params, tensor->name);
        if (param && !gad_param_is_evidence(param))
            param = NULL;
        status = param ? replace_param(l, param, tensor, err)
                       : gad_error_set(err, GAD_E_FORMAT, operation, "was the adapter made for this model?",
                                       "%s: the model has no tensor \"%s\"", path, tensor->name);
    }
    gad_safetensors_free(set);
    gad_memory_free(path);
    return status;
}

static gad_status report_unused(const loader *l, gad_error *err)
{
    size_t count = gad_safetensors_count(l->files);
    if (l->used == count)
        return GAD_OK;
    return gad_error_set(err, GAD_E_FORMAT, operation, "was the adapter made for this model?",
                         "%s: %zu of its %zu tensors belong to no layer of the model", l->path, count - l->used, count);
}

gad_status gad_lora_load(const char *folder, gad_model *model, gad_error *err)
{
    json_t *root = NULL;
    gad_safetensors *files = NULL;
    adapter_config config = {0};
    char *config_path = gad_file_join(folder, "adapter_config.json");
    char *tensor_path = gad_file_join(folder, "adapter_model.safetensors");
    gad_status status = config_path && tensor_path ? GAD_OK : gad_error_memory(err, operation, strlen(folder));
    if (!status)
        status = gad_json_load(config_path, &root, err);
    if (!status)
        status = read_config(root, config_path, &config, err);
    if (!status)
        status = gad_safetensors_open(tensor_path, &files, err);
    if (!status && !gad_safetensors_count(files))
        status = gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: holds no tensors", tensor_path);
    if (!status)
        status = gad_lora_reserve(model, gad_safetensors_count(files) + 1, err);
    if (!status) {
        loader l = {.model = model, .files = files, .config = &config, .path = tensor_path};
        status = gad_model_each_linear(model, load_layer, &l, err);
        if (!status)
            status = load_whole_tensors(&l, err);
        if (!status)
            status = report_unused(&l, err);
        if (!status)
            status = load_difference(&l, folder, err);
        if (status)
            forget_adapters(model);
        else
            gad_lora_switch(model, true);
    }
    gad_safetensors_free(files);
    json_decref(root);
    gad_memory_free(config_path);
    gad_memory_free(tensor_path);
    return status;
}

/* ---- merging ------------------------------------------------------------------------------------------------------- */

static gad_status merge_layer(void *user, const char *path, gad_linear *layer, gad_error *err)
{
    gad_model *model = user;
    const gad_lora *lora = layer->lora;
    if (!lora)
        return GAD_OK;
    gad_status status = layer == &model->lm.head ? untie_head(model, err) : GAD_OK;
    if (status)
        return status;
    gad_param *w = layer->weight;
    if (gad_quant_is(w->value.dtype))
        return gad_error_set(err, GAD_E_ARGUMENT, "merge adapter", "merge first, then quantise", "\"%s\" is quantised",
                             path);
    gad_dtype dtype = w->value.dtype == GAD_F16 ? GAD_F32 : w->value.dtype;
    status = gad_param_convert(w, dtype, err);
    const float *a = lora->a->value.data, *b = lora->b->value.data;
    int64_t cols = w->value.cols, rank = lora->a->value.rows;
    bool finite = true;
#pragma omp parallel for schedule(static) reduction(&& : finite)
    for (int64_t o = 0; o < (status ? 0 : w->value.rows); o++)
        for (int64_t i = 0; i < cols; i++) {
            float delta = 0;
            for (int64_t r = 0; r < rank; r++)
                delta += b[o * rank + r] * a[r * cols + i];
            float sum = (float)gad_param_get(w, o * cols + i) + lora->scale * delta;
            finite = finite && isfinite(sum);
            if (dtype == GAD_F32)
                ((float *)w->owned)[o * cols + i] = sum;
            else
                ((uint16_t *)w->owned)[o * cols + i] = gad_half_to_bf16(sum);
        }
    if (!status && !finite)
        status = gad_error_set(err, GAD_E_FORMAT, "merge adapter", NULL, "\"%s\" becomes infinite or NaN", path);
    if (!status && lora->bias) {
        if (!layer->bias)
            return gad_error_set(err, GAD_E_FORMAT, "merge adapter", NULL, "\"%s\" has a lora_bias but no bias", path);
        status = gad_param_convert(layer->bias, GAD_F32, err);
        for (int64_t o = 0; o < (status ? 0 : w->value.rows); o++)
            ((float *)layer->bias->owned)[o] += ((const float *)lora->bias->value.data)[o];
    }
    if (!status)
        layer->lora = NULL;
    return status;
}

gad_status gad_lora_merge(gad_model *model, gad_error *err)
{
    gad_lora_switch(model, true);
    gad_status status = gad_model_each_linear(model, merge_layer, model, err);
    if (!status)
        forget_adapters(model);
    return status;
}
