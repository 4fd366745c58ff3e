/* convert: gad_model_convert: a checkpoint into a new folder, in another number format and with an adapter added into the
 * weights. In: a folder or GGUF files. Out: a folder that gad and transformers load, or GGUF files for llama.cpp. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "gad_train.h"
#include "generate/engine.h"
#include "model/gguf_save.h"
#include "model/save.h"

static const char operation[] = "convert a model";

static gad_status find_type(const char *name, const gad_model *model, gad_dtype *dtype, gad_error *err)
{
    static const struct {
        const char *name;
        gad_dtype dtype;
    } types[] = {{"fp32", GAD_F32},      {"float32", GAD_F32}, {"bf16", GAD_BF16},
                 {"bfloat16", GAD_BF16}, {"fp16", GAD_F16},    {"float16", GAD_F16}};
    *dtype = gad_save_dtype(model);
    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
        if (!strcmp(name, types[i].name)) {
            *dtype = types[i].dtype;
            return GAD_OK;
        }
    if (!name)
        return GAD_OK;
    return gad_error_set(err, GAD_E_ARGUMENT, operation,
                         !strncmp(name, "q8", 2)
                             ? "int8 weights are made while loading, --quant q8, or written as --out FILE.gguf"
                             : "fp32, bf16 and fp16 exist, and for .gguf q8_0",
                         "--type %s: safetensors of this family have no such format", name);
}

static gad_status save_gguf(const gad_convert_settings *s, const gad_engine *engine, gad_error *err)
{
    gad_string text = {0};
    gad_dtype dtype = GAD_F32;
    const bool q8 = s->type && !strcmp(s->type, "q8_0");
    gad_status status = q8 ? GAD_OK : find_type(s->type, &engine->model, &dtype, err);
    if (!status)
        status = gad_package_template(&engine->package, &text, err);
    const gad_gguf_parcel parcel = {.model = &engine->model,
                                    .tokenizer = engine->tokenizer,
                                    .pictures = &engine->preprocess,
                                    .template_text = gad_string_text(&text),
                                    .template_length = text.length,
                                    .type = q8                  ? "Q8_0"
                                            : dtype == GAD_F32  ? "F32"
                                            : dtype == GAD_BF16 ? "BF16"
                                                                : "F16"};
    if (!status)
        status = gad_gguf_save(&parcel, s->out, err);
    gad_string_free(&text);
    return status;
}

static gad_status save_folder(const gad_convert_settings *s, const gad_engine *engine, gad_error *err)
{
    gad_dtype dtype = GAD_F32;
    gad_status status = find_type(s->type, &engine->model, &dtype, err);
    if (!status)
        status = gad_file_make_directory(s->out, err);
    if (!status)
        status = gad_package_save(&engine->package, s->out, err);
    return status ? status : gad_save_model(&engine->model, s->out, dtype, err);
}

/* Neither file may be there. */
static gad_status check_files(const gad_convert_settings *s, gad_error *err)
{
    char *tower = gad_gguf_save_mmproj(s->out);
    gad_status status = tower ? GAD_OK : gad_error_memory(err, operation, strlen(s->out));
    if (!status && !s->force && (gad_file_exists(s->out) || gad_file_exists(tower)))
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "choose another --out, or --force",
                               "%s or %s is there already", s->out, tower);
    gad_memory_free(tower);
    return status;
}

/* The new folder must not be the old one, nor hold another checkpoint. */
static gad_status check_folder(const gad_convert_settings *s, gad_error *err)
{
    if (!s->model || !s->out)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             "a model and a new folder or .gguf file (--out) are needed");
    if (gad_tensor_source_is_gguf(s->out))
        return check_files(s, err);
    char *from = realpath(s->model, NULL), *to = realpath(s->out, NULL), *config = gad_file_join(s->out, "config.json");
    gad_status status = config ? GAD_OK : gad_error_memory(err, operation, strlen(s->out));
    if (!status && from && to && !strcmp(from, to))
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "choose another --out", "%s: is the checkpoint that is read",
                               s->out);
    else if (!status && !s->force && gad_file_exists(config))
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "choose another --out, or --force",
                               "%s: holds a checkpoint already", s->out);
    gad_memory_free(config);
    free(from);
    free(to);
    return status;
}

gad_status gad_model_convert(const gad_convert_settings *settings, gad_error *err)
{
    gad_engine *engine = NULL;
    gad_engine_options options = {.model = settings->model,
                                  .mmproj = settings->mmproj,
                                  .adapter = settings->adapter,
                                  .merge_adapter = settings->adapter != NULL,
                                  .compute.threads = settings->threads,
                                  .log = settings->log};
    gad_status status = check_folder(settings, err);
    if (!status)
        status = gad_engine_open(&options, &engine, err);
    if (!status)
        status = (gad_tensor_source_is_gguf(settings->out) ? save_gguf : save_folder)(settings, engine, err);
    gad_engine_free(engine);
    return status;
}
