/* package: see package.h */
#include "model/package.h"

#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "model/gguf_settings.h"
#include "model/gguf_vocab.h"
#include "model/save.h"
#include "text/tokenizer_load.h"

static const char operation[] = "open the model";

/* ---- opening ------------------------------------------------------------------------------------------------------- */

/* The one file beside `path` that has "mmproj" in its name; none, or several: *found NULL. */
static gad_status find_mmproj(const char *path, char **found, gad_error *err)
{
    gad_file_names names = {0};
    char *folder = gad_memory_copy_string(path);
    size_t count = 0, at = 0;
    if (!folder)
        return gad_error_memory(err, operation, strlen(path));
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = 0;
    gad_status status = gad_file_list(slash ? folder : ".", &names, err);
    for (size_t i = 0; i < names.count && !status; i++)
        if (strstr(names.name[i], "mmproj") && gad_file_has_extension(names.name[i], "gguf")) {
            at = i;
            count++;
        }
    if (!status && count == 1) {
        *found = slash ? gad_file_join(folder, names.name[at]) : gad_memory_copy_string(names.name[at]);
        status = *found ? GAD_OK : gad_error_memory(err, operation, strlen(path));
    }
    gad_file_names_free(&names);
    gad_memory_free(folder);
    return status;
}

static gad_status missing_tower(const gad_package *p, const char *architecture, gad_error *err)
{
    return gad_error_set(err, GAD_E_ARGUMENT, operation, "give the mmproj file that was made with it as --mmproj",
                         "%s: is the language model of a Qwen-VL model (%s), its vision tower is in a file of its own",
                         p->path, architecture);
}

static gad_status open_gguf(gad_package *p, const char *mmproj, gad_error *err)
{
    char architecture[32];
    gad_status status = gad_gguf_open(p->path, &p->text, err);
    if (!status)
        status = gad_gguf_settings_architecture(&p->text, architecture, err);
    if (status)
        return status;
    if (!strcmp(architecture, "clip"))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "give it as --mmproj, and its language model as --model",
                             "%s: is a vision tower", p->path);
    const bool sees = !strcmp(architecture, "qwen2vl") || !strcmp(architecture, "qwen3vl");
    if (mmproj && !(p->mmproj = gad_memory_copy_string(mmproj)))
        return gad_error_memory(err, operation, strlen(mmproj));
    if (!mmproj && sees)
        status = find_mmproj(p->path, &p->mmproj, err);
    if (!status && sees && !p->mmproj)
        status = missing_tower(p, architecture, err);
    if (!status && p->mmproj)
        status = gad_gguf_open(p->mmproj, &p->vision, err);
    return status;
}

gad_status gad_package_open(const char *path, const char *mmproj, gad_package *package, gad_error *err)
{
    gad_package p = {.path = gad_memory_copy_string(path), .is_gguf = gad_tensor_source_is_gguf(path)};
    gad_status status = GAD_OK;
    if (!p.path)
        status = gad_error_memory(err, operation, strlen(path));
    else if (p.is_gguf)
        status = open_gguf(&p, mmproj, err);
    else if (mmproj)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "give --mmproj with a .gguf file as --model",
                               "%s is a folder, which holds its own vision tower", path);
    if (status)
        gad_package_free(&p);
    else
        *package = p;
    return status;
}

void gad_package_free(gad_package *p)
{
    gad_memory_free(p->path);
    gad_memory_free(p->mmproj);
    gad_gguf_free(&p->text);
    gad_gguf_free(&p->vision);
    *p = (gad_package){0};
}

/* ---- parts --------------------------------------------------------------------------------------------------------- */

gad_status gad_package_config(const gad_package *p, gad_config *config, gad_error *err)
{
    json_t *root = NULL;
    if (!p->is_gguf)
        return gad_config_load(p->path, config, err);
    gad_status status = gad_gguf_settings_config(&p->text, p->mmproj ? &p->vision : NULL, &root, err);
    if (!status)
        status = gad_config_read(root, p->path, config, err);
    json_decref(root);
    return status;
}

gad_status gad_package_tokenizer(const gad_package *p, gad_tokenizer **tokenizer, gad_error *err)
{
    json_t *root = NULL;
    if (!p->is_gguf)
        return gad_tokenizer_load(p->path, tokenizer, err);
    gad_status status = gad_gguf_vocab_json(&p->text, &root, err);
    if (!status)
        status = gad_tokenizer_read(root, p->path, tokenizer, err);
    json_decref(root);
    return status;
}

gad_status gad_package_chat(const gad_package *p, const gad_tokenizer *tokenizer, gad_chat *chat, gad_error *err)
{
    gad_chat_format format;
    if (!p->is_gguf)
        return gad_chat_open(p->path, tokenizer, chat, err);
    const gad_gguf_string text = gad_gguf_vocab_template(&p->text);
    gad_status status = gad_chat_template_recognise(text.bytes, text.length, p->path, &format, err);
    return status ? status : gad_chat_make(format, tokenizer, chat, err);
}

gad_status gad_package_template(const gad_package *p, gad_string *text, gad_error *err)
{
    char from[PATH_MAX];
    if (!p->is_gguf)
        return gad_chat_template_read(p->path, text, from, err);
    const gad_gguf_string found = gad_gguf_vocab_template(&p->text);
    gad_string_append(text, found.bytes, found.length);
    return text->failed ? gad_error_memory(err, operation, found.length) : GAD_OK;
}

static gad_status preprocess_of_folder(const char *folder, gad_preprocess *settings, gad_error *err)
{
    static const char *const names[] = {"preprocessor_config.json", "processor_config.json"};
    for (size_t i = 0; i < 2; i++) {
        char *path = gad_file_join(folder, names[i]);
        if (!path)
            return gad_error_memory(err, operation, strlen(folder));
        const bool found = gad_file_exists(path);
        gad_status status = found ? gad_preprocess_read(path, settings, err) : GAD_OK;
        gad_memory_free(path);
        if (found)
            return status;
    }
    return gad_error_set(err, GAD_E_IO, operation, "copy it from where the checkpoint was published",
                         "%s/preprocessor_config.json: no such file", folder);
}

gad_status gad_package_preprocess(const gad_package *p, gad_preprocess *settings, gad_error *err)
{
    json_t *root = NULL;
    if (!p->is_gguf)
        return preprocess_of_folder(p->path, settings, err);
    if (!p->mmproj)
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "take a Qwen2.5-VL or Qwen3-VL model",
                             "%s: is a language model without pictures", p->path);
    gad_status status = gad_gguf_settings_pictures(&p->vision, &root, err);
    if (!status)
        status = gad_preprocess_parse(root, p->mmproj, settings, err);
    json_decref(root);
    return status;
}

gad_status gad_package_weights(const gad_package *p, const gad_weights_options *options, gad_model *model,
                               gad_tensor_source **files, const gad_log *log, gad_error *err)
{
    gad_weights_options with = *options;
    with.mmproj = p->mmproj;
    return gad_weights_load(p->path, &with, model, files, log, err);
}

/* ---- settings files ------------------------------------------------------------------------------------------------ */

static gad_status write_json(const char *folder, const char *name, const json_t *root, gad_error *err)
{
    char *path = gad_file_join(folder, name);
    gad_status status = path && root ? gad_json_write(path, root, err) : gad_error_memory(err, operation, strlen(folder));
    gad_memory_free(path);
    return status;
}

gad_status gad_package_save(const gad_package *p, const char *folder, gad_error *err)
{
    json_t *tokenizer = NULL, *pictures = NULL;
    if (!p->is_gguf)
        return gad_save_settings(p->path, folder, err);
    const gad_gguf_string text = gad_gguf_vocab_template(&p->text);
    json_t *chat = json_pack("{s:s%}", "chat_template", text.bytes, text.length);
    gad_status status = gad_gguf_vocab_json(&p->text, &tokenizer, err);
    if (!status)
        status = write_json(folder, "tokenizer.json", tokenizer, err);
    if (!status)
        status = write_json(folder, "chat_template.json", chat, err);
    if (!status && p->mmproj)
        status = gad_gguf_settings_pictures(&p->vision, &pictures, err);
    if (!status && p->mmproj)
        status = write_json(folder, "preprocessor_config.json", pictures, err);
    json_decref(chat);
    json_decref(tokenizer);
    json_decref(pictures);
    return status;
}
