/* adapter: see adapter.h. Format: docs/spec/qwen_vl.md section 13. */
#include "model/adapter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/rng.h"
#include "io/safetensors.h"

static const char operation[] = "make adapter";

/* ---- which layers -------------------------------------------------------------------------------------------------- */

static bool ends_with_name(const char *path, const char *name, size_t n)
{
    size_t length = strlen(path);
    return length >= n && !strncmp(path + length - n, name, n) && (length == n || path[length - n - 1] == '.');
}

static bool word_matches(const char *word, size_t n, const char *path)
{
    bool vision = !strncmp(path, "visual.", 7), asked_vision = n > 7 && !strncmp(word, "visual.", 7);
    if (asked_vision) {
        word += 7;
        n -= 7;
    }
    if (vision != asked_vision)
        return false;
    if (n == strlen("all-linear") && !strncmp(word, "all-linear", n))
        return strcmp(path, "lm_head") != 0;
    return ends_with_name(path, word, n);
}

/* Whether the layer at an internal path is one of `targets`: layers by the end of their path, separated by commas:
 * "all-linear" (every layer of the language model but the head), "q_proj,v_proj" (in the language model), "visual.qkv" (in
 * the tower), "visual.all-linear". Names that both have, as gate_proj, never reach the tower by accident. */
static bool matches(const char *targets, const char *path)
{
    for (const char *word = targets; *word;) {
        size_t n = strcspn(word, ",");
        if (word_matches(word, n, path))
            return true;
        word += n + (word[n] == ',');
    }
    return false;
}

typedef struct maker {
    gad_model *model;
    const gad_adapter_settings *settings;
    size_t layers;
    int64_t numbers;
    bool attach;
} maker;

static gad_status fill_start(gad_lora *lora, uint64_t seed, uint64_t stream, gad_error *err)
{
    gad_param *params[] = {lora->a, lora->b};
    for (int i = 0; i < 2; i++) {
        float *values = gad_memory_alloc_aligned((size_t)gad_param_count(params[i]), sizeof *values);
        if (!values)
            return gad_error_memory(err, operation, gad_param_bytes(params[i], GAD_F32));
        memset(values, 0, gad_param_bytes(params[i], GAD_F32));
        params[i]->owned = values;
        params[i]->value.data = values;
        params[i]->value.dtype = GAD_F32;
    }
    double bound = 1 / sqrt((double)lora->a->value.cols);
    gad_rng rng = gad_rng_make(seed, stream);
    for (int64_t i = 0; i < gad_param_count(lora->a); i++)
        ((float *)lora->a->owned)[i] = (float)gad_rng_range(&rng, -bound, bound);
    return GAD_OK;
}

static gad_status visit(void *user, const char *path, gad_linear *layer, gad_error *err)
{
    maker *m = user;
    if (!matches(m->settings->targets, path))
        return GAD_OK;
    m->layers++;
    m->numbers += m->settings->rank * (layer->weight->value.rows + layer->weight->value.cols);
    if (!m->attach)
        return GAD_OK;
    float scale = (float)(m->settings->alpha / (double)m->settings->rank);
    gad_status status = gad_lora_attach(m->model, path, layer, m->settings->rank, scale, err);
    return status ? status : fill_start(layer->lora, m->settings->seed, m->layers, err);
}

int64_t gad_adapter_count(gad_model *model, const gad_adapter_settings *settings)
{
    maker m = {.model = model, .settings = settings};
    return gad_model_each_linear(model, visit, &m, NULL) ? 0 : m.numbers;
}

gad_status gad_adapter_create(gad_model *model, const gad_adapter_settings *settings, gad_error *err)
{
    if (settings->rank < 1 || settings->rank > 65536 || !(settings->alpha > 0))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "a rank of 8 to 64 and twice that as alpha are usual",
                             "rank %d or alpha %g is not positive", settings->rank, settings->alpha);
    maker m = {.model = model, .settings = settings};
    gad_status status = gad_model_each_linear(model, visit, &m, err);
    if (!status && !m.layers)
        status =
            gad_error_set(err, GAD_E_ARGUMENT, operation, "names are like q_proj, down_proj, visual.qkv, or all-linear",
                          "no layer of the model is called \"%s\"", settings->targets);
    if (!status)
        status = gad_lora_reserve(model, m.layers, err);
    m.layers = 0;
    m.attach = true;
    return status ? status : gad_model_each_linear(model, visit, &m, err);
}

/* ---- saving -------------------------------------------------------------------------------------------------------- */

/* A parameter's or module's name in memory of a current transformers, which PEFT's keys follow. */
static void memory_name(const char *internal, char *name, size_t size)
{
    if (!strncmp(internal, "visual.", 7))
        snprintf(name, size, "model.%s", internal);
    else if (!strncmp(internal, "model.", 6))
        snprintf(name, size, "model.language_model.%s", internal + 6);
    else
        snprintf(name, size, "%s", internal);
}

typedef struct saver {
    json_t *targets, *whole, *rank_pattern, *alpha_pattern;
    int rank;
    double alpha;
    gad_safetensors_item *item;
    char (*name)[160];
    size_t count;
} saver;

static void add_item(saver *s, const gad_param *param)
{
    char name[140];
    memory_name(param->name, name, sizeof name);
    snprintf(s->name[s->count], sizeof s->name[0], "base_model.model.%s", name);
    gad_safetensors_item item = {
        .name = s->name[s->count], .dtype = GAD_SAFETENSORS_F32, .rank = param->rank, .data = param->value.data};
    memcpy(item.shape, param->shape, (size_t)param->rank * sizeof *param->shape);
    s->item[s->count++] = item;
}

static gad_status save_layer(void *user, const char *path, gad_linear *layer, gad_error *err)
{
    saver *s = user;
    char name[160], key[200];
    if (!layer->lora)
        return GAD_OK;
    if (layer->lora->bias || layer->lora->a->value.dtype != GAD_F32)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "save adapter", NULL, "\"%s\" has a lora_bias or is not fp32", path);
    memory_name(path, name, sizeof name);
    int rank = (int)layer->lora->a->value.rows;
    double alpha = (double)layer->lora->scale * rank;
    if (!s->rank) {
        s->rank = rank;
        s->alpha = alpha;
    }
    /* pattern keys are regular expressions; the dots of a path match themselves */
    snprintf(key, sizeof key, "%s", name);
    int failed = json_array_append_new(s->targets, json_string(name));
    if (rank != s->rank)
        failed |= json_object_set_new(s->rank_pattern, key, json_integer(rank));
    if (fabs(alpha - s->alpha) > 1e-6 * s->alpha)
        failed |= json_object_set_new(s->alpha_pattern, key, json_real(alpha));
    add_item(s, layer->lora->a);
    add_item(s, layer->lora->b);
    return failed ? gad_error_memory(err, "save adapter", sizeof name) : GAD_OK;
}

static void save_whole(saver *s, const gad_model *model)
{
    for (size_t i = 0; i < model->replaced_count; i++) {
        if (gad_param_is_evidence(model->replaced[i].param))
            continue;
        char name[160];
        memory_name(model->replaced[i].param->name, name, sizeof name);
        char *leaf = strrchr(name, '.');
        if (leaf)
            *leaf = 0;
        json_array_append_new(s->whole, json_string(name));
        add_item(s, model->replaced[i].param);
    }
}

static gad_status write_config(const saver *s, const char *folder, const char *base, gad_error *err)
{
    char *path = gad_file_join(folder, "adapter_config.json");
    json_t *root = json_pack("{s:s, s:s?, s:s, s:n, s:i, s:f, s:f, s:b, s:b, s:b, s:b, s:O, s:O, s:O, s:o, s:s}",
                             "peft_type", "LORA", "base_model_name_or_path", base, "bias", "none", "revision", "r", s->rank,
                             "lora_alpha", s->alpha, "lora_dropout", 0.0, "inference_mode", 1, "use_rslora", 0,
                             "fan_in_fan_out", 0, "init_lora_weights", 1, "target_modules", s->targets, "rank_pattern",
                             s->rank_pattern, "alpha_pattern", s->alpha_pattern, "modules_to_save",
                             json_array_size(s->whole) ? json_incref(s->whole) : json_null(), "task_type", "CAUSAL_LM");
    gad_status status = path && root ? gad_json_write(path, root, err) : gad_error_memory(err, "save adapter", 4096);
    json_decref(root);
    gad_memory_free(path);
    return status;
}

/* The evidence head's tensors, where they belong to the adapter: in a file of their own, which PEFT does not read. */
static gad_status save_difference(const gad_model *model, const char *folder, gad_error *err)
{
    size_t count = 0;
    char *path = gad_file_join(folder, GAD_ADAPTER_DIFFERENCE);
    gad_safetensors_item *item = gad_memory_zero(model->params.count, sizeof *item);
    gad_status status = path && item ? GAD_OK : gad_error_memory(err, "save adapter", model->params.count * sizeof *item);
    for (size_t i = 0; i < model->params.count && !status; i++) {
        const gad_param *param = model->params.item[i];
        bool belongs = param->trainable;
        for (size_t k = 0; k < model->replaced_count; k++)
            belongs |= model->replaced[k].param == param;
        if (!belongs || !gad_param_is_evidence(param) || param->value.dtype != GAD_F32)
            continue;
        item[count] = (gad_safetensors_item){
            .name = param->name, .dtype = GAD_SAFETENSORS_F32, .rank = param->rank, .data = param->value.data};
        memcpy(item[count++].shape, param->shape, (size_t)param->rank * sizeof *param->shape);
    }
    if (!status && count)
        status = gad_safetensors_write(path, item, count, err);
    gad_memory_free(item);
    gad_memory_free(path);
    return status;
}

gad_status gad_adapter_save(gad_model *model, const char *folder, const char *base, gad_error *err)
{
    size_t most = 2 * model->lora_count + model->replaced_count;
    saver s = {.targets = json_array(),
               .whole = json_array(),
               .rank_pattern = json_object(),
               .alpha_pattern = json_object(),
               .item = gad_memory_zero(most, sizeof *s.item),
               .name = gad_memory_zero(most, sizeof *s.name)};
    char *path = gad_file_join(folder, "adapter_model.safetensors");
    gad_status status = s.targets && s.whole && s.rank_pattern && s.alpha_pattern && s.item && s.name && path
                            ? GAD_OK
                            : gad_error_memory(err, "save adapter", most * sizeof *s.item);
    if (!status && !model->lora_count)
        status = gad_error_set(err, GAD_E_ARGUMENT, "save adapter", NULL, "the model has no adapter");
    if (!status)
        status = gad_model_each_linear(model, save_layer, &s, err);
    if (!status) {
        save_whole(&s, model);
        status = write_config(&s, folder, base, err);
    }
    if (!status)
        status = gad_safetensors_write(path, s.item, s.count, err);
    if (!status)
        status = save_difference(model, folder, err);
    json_decref(s.targets);
    json_decref(s.whole);
    json_decref(s.rank_pattern);
    json_decref(s.alpha_pattern);
    gad_memory_free(s.item);
    gad_memory_free(s.name);
    gad_memory_free(path);
    return status;
}
