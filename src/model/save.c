/* save: see save.h */
#include "model/save.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/half.h"
#include "base/json.h"
#include "base/memory.h"
#include "io/safetensors.h"
#include "model/weights.h"

static const char operation[] = "save model";
static const size_t shard_bytes = (size_t)5 << 30, settings_limit = (size_t)256 << 20;

/* One parameter on its way to a file. */
typedef struct source {
    const gad_param *param;
    gad_dtype dtype;
    char name[160];
} source;

static gad_status produce(void *user, size_t offset_bytes, void *buffer, size_t size_bytes, gad_error *err)
{
    const source *s = user;
    size_t width = gad_dtype_bytes(s->dtype), first = offset_bytes / width, n = size_bytes / width;
    for (size_t i = 0; i < n; i++) {
        float value = (float)gad_param_get(s->param, (int64_t)(first + i));
        if (s->dtype == GAD_F32)
            ((float *)buffer)[i] = value;
        else if (s->dtype == GAD_BF16)
            ((uint16_t *)buffer)[i] = gad_half_to_bf16(value);
        else if (isfinite(value) && fabsf(value) >= 65520) /* from here on rounding gives infinity */
            return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "choose bf16, which has the range of fp32",
                                 "\"%s\" holds %g, beyond the range of fp16", s->name, (double)value);
        else
            ((uint16_t *)buffer)[i] = gad_half_to_f16(value);
    }
    return GAD_OK;
}

static gad_safetensors_item item_of(source *s)
{
    gad_safetensors_item item = {.name = s->name,
                                 .dtype = s->dtype == GAD_F32    ? GAD_SAFETENSORS_F32
                                          : s->dtype == GAD_BF16 ? GAD_SAFETENSORS_BF16
                                                                 : GAD_SAFETENSORS_F16,
                                 .rank = s->param->rank,
                                 .produce = produce,
                                 .user = s};
    memcpy(item.shape, s->param->shape, (size_t)s->param->rank * sizeof *item.shape);
    return item;
}

static const char *torch_name(gad_dtype dtype)
{
    return dtype == GAD_F32 ? "float32" : dtype == GAD_BF16 ? "bfloat16" : "float16";
}

static gad_status write_config(const gad_model *model, const char *folder, gad_dtype dtype, gad_error *err)
{
    char *path = gad_file_join(folder, "config.json");
    json_t *root = gad_config_json(&model->config);
    if (root)
        json_object_set_new(root, "dtype", json_string(torch_name(dtype)));
    gad_status status = path && root ? gad_json_write(path, root, err) : gad_error_memory(err, operation, 4096);
    json_decref(root);
    gad_memory_free(path);
    return status;
}

gad_status gad_save_model(const gad_model *model, const char *folder, gad_dtype dtype, gad_error *err)
{
    size_t count = 0;
    source *sources = gad_memory_zero(model->params.count, sizeof *sources);
    gad_safetensors_item *items = gad_memory_zero(model->params.count, sizeof *items);
    gad_status status = sources && items ? GAD_OK : gad_error_memory(err, operation, model->params.count * sizeof *sources);
    for (size_t i = 0; i < model->params.count && !status; i++) {
        const gad_param *param = model->params.item[i];
        if (strstr(param->name, ".lora_"))
            continue;
        sources[count] = (source){.param = param, .dtype = dtype};
        gad_weights_file_name(model, param->name, sources[count].name, sizeof sources[count].name);
        items[count] = item_of(&sources[count]);
        count++;
    }
    if (!status)
        status = write_config(model, folder, dtype, err);
    if (!status)
        status = gad_safetensors_write_sharded(folder, items, count, shard_bytes, err);
    gad_memory_free(sources);
    gad_memory_free(items);
    return status;
}

gad_dtype gad_save_dtype(const gad_model *model)
{
    gad_dtype dtype = GAD_F32;
    for (size_t i = 0; i < model->params.count; i++) {
        const gad_param *param = model->params.item[i];
        if (param->rank > 1 && param->value.dtype != GAD_BF16 && param->value.dtype != GAD_F16)
            return GAD_F32;
        dtype = param->rank > 1 ? param->value.dtype : dtype;
    }
    return dtype;
}

/* Written anew, or about the weights that stay behind. */
static bool is_left_behind(const char *name)
{
    return !strcmp(name, "config.json") || !strcmp(name, "trainer.json") || !strcmp(name, "threshold.json") ||
           strstr(name, ".index.json") || !strncmp(name, "adapter_", 8);
}

gad_status gad_save_settings(const char *from, const char *folder, gad_error *err)
{
    gad_file_names names = {0};
    gad_status status = gad_file_list(from, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        const char *name = names.name[i];
        bool wanted = gad_file_has_extension(name, "json") || gad_file_has_extension(name, "txt") ||
                      gad_file_has_extension(name, "jinja");
        char *file = gad_file_join(from, name), *to = gad_file_join(folder, name), *data = NULL;
        size_t size = 0;
        if (!file || !to)
            status = gad_error_memory(err, operation, strlen(from));
        else if (wanted && !is_left_behind(name) && !gad_file_is_directory(file)) {
            status = gad_file_read(file, settings_limit, &data, &size, err);
            if (!status)
                status = gad_file_write(to, data, size, err);
        }
        gad_memory_free(data);
        gad_memory_free(file);
        gad_memory_free(to);
    }
    gad_file_names_free(&names);
    return status;
}
