/* engine: see engine.h and gad.h */
#include "generate/engine.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/lora.h"
#include "model/plan.h"
#include "model/weights.h"

/* Vision rows kept: about 200 images of 448 x 448 for a 3B model. */
enum { IMAGE_CACHE_BYTES = 512 << 20 };

static const char operation[] = "load the model";

static gad_status load_preprocess(gad_engine *e, const gad_engine_options *options, gad_error *err)
{
    gad_status status = gad_package_preprocess(&e->package, &e->preprocess, err);
    if (status)
        return status;
    gad_preprocess_bound(&e->preprocess, options->max_pixels);
    return gad_preprocess_rule(options->image_size, &e->preprocess, err);
}

static gad_status find_question(gad_engine *e, const char *folder, gad_error *err)
{
    e->question = gad_file_join(folder, "question.txt");
    if (!e->question)
        return gad_error_memory(err, operation, strlen(folder));
    if (!gad_file_exists(e->question)) {
        gad_memory_free(e->question);
        e->question = NULL;
    }
    return GAD_OK;
}

static gad_status load_text(gad_engine *e, const char *folder, gad_error *err)
{
    gad_status status = gad_package_tokenizer(&e->package, &e->tokenizer, err);
    if (!status)
        status = gad_package_chat(&e->package, e->tokenizer, &e->chat, err);
    if (!status)
        status = gad_sampling_load(folder, e->chat.im_end, &e->sampling, err);
    if (status)
        return status;
    const int32_t end = gad_tokenizer_find(e->tokenizer, "<|endoftext|>");
    if (e->package.is_gguf && end >= 0) /* as in generation_config.json of the published checkpoints */
        e->sampling.stop[e->sampling.stop_count++] = end;
    if (e->chat.image_pad != e->model.config.image_token)
        return gad_error_set(err, GAD_E_FORMAT, operation, "config.json and tokenizer are not of the same model",
                             "%s: the tokenizer's <|image_pad|> is %d, config.json says %d", folder, (int)e->chat.image_pad,
                             e->model.config.image_token);
    if (gad_tokenizer_size(e->tokenizer) > e->model.config.text.vocab)
        return gad_error_set(err, GAD_E_FORMAT, operation, "config.json and tokenizer are not of the same model",
                             "%s: the tokenizer has %d ids, the model %d", folder, (int)gad_tokenizer_size(e->tokenizer),
                             e->model.config.text.vocab);
    return GAD_OK;
}

/* Before the weights are read: would they and a modest prompt fit? Mapped 16-bit weights count too, since they must stay
 * in memory to be fast. */
static gad_status check_memory(const gad_engine *e, const gad_engine_options *options, gad_error *err)
{
    gad_grid grid = {32, 32};
    gad_plan_request request = {.images = &grid,
                                .image_count = 1,
                                .text_tokens = 512,
                                .answer_tokens = 512,
                                .matrix_dtype = GAD_BF16,
                                .vision_dtype = GAD_BF16,
                                .weights = {.quantise = options->compute.quantise},
                                .cache = options->compute.cache,
                                .device = &e->device};
    return gad_plan_check(gad_plan_make(&e->model, &request).total_bytes, &e->device, operation, err);
}

static gad_status load_weights(gad_engine *e, const gad_engine_options *options, gad_error *err)
{
    gad_weights_options weights = {.quantise = options->compute.quantise};
    gad_weights_options plain = {0};
    bool merge = options->adapter && options->merge_adapter;
    gad_status status = gad_package_weights(&e->package, merge ? &plain : &weights, &e->model, &e->files, e->log, err);
    if (!status && options->adapter)
        status = gad_lora_load(options->adapter, &e->model, err);
    if (!status && merge)
        status = gad_lora_merge(&e->model, err);
    return !status && merge ? gad_weights_quantise(&e->model, &weights, err) : status;
}

static gad_status hash_config(const gad_config *config, gad_hash *hash, gad_error *err)
{
    enum { FLAGS = JSON_COMPACT | JSON_SORT_KEYS };
    json_t *json = gad_config_json(config);
    size_t size = json ? json_dumpb(json, NULL, 0, FLAGS) : 0;
    char *text = size ? gad_memory_alloc(size, 1) : NULL;
    bool good = text && json_dumpb(json, text, size, FLAGS) == size;
    if (good)
        *hash = gad_hash_bytes(text, size);
    gad_memory_free(text);
    json_decref(json);
    return good ? GAD_OK : gad_error_memory(err, operation, size);
}

/* The configuration, then names, shapes and all bytes of the tensors, as they are computed with. */
static gad_status hash_model(gad_engine *e, gad_error *err)
{
    gad_hash hash;
    gad_status status = hash_config(&e->model.config, &hash, err);
    if (status)
        return status;
    for (size_t i = 0; i < e->model.params.count; i++) {
        const gad_param *param = e->model.params.item[i];
        size_t bytes = gad_param_data_bytes(param, param->value.dtype);
        hash = gad_hash_combine(hash, gad_hash_bytes(param->name, strlen(param->name)));
        hash = gad_hash_combine(hash, gad_hash_bytes(param->shape, (size_t)param->rank * sizeof *param->shape));
        hash = gad_hash_combine(hash, gad_hash_bytes(param->value.data, bytes));
        if (param->value.scale)
            hash = gad_hash_combine(hash,
                                    gad_hash_bytes(param->value.scale, gad_param_bytes(param, param->value.dtype) - bytes));
    }
    gad_hash_text(hash, e->hash);
    return GAD_OK;
}

/* An adapter's folder is no checkpoint. */
static gad_status check_folder(const char *folder, gad_error *err)
{
    char *config = gad_file_join(folder, "config.json"), *adapter = gad_file_join(folder, "adapter_config.json");
    gad_status status = config && adapter ? GAD_OK : gad_error_memory(err, operation, strlen(folder));
    if (!status && gad_file_exists(adapter) && !gad_file_exists(config))
        status = gad_error_set(err, GAD_E_ARGUMENT, operation,
                               "give it as --adapter, and as --model the checkpoint that it was trained on",
                               "%s is a LoRA adapter, not a model", folder);
    gad_memory_free(config);
    gad_memory_free(adapter);
    return status;
}

static gad_status open_parts(gad_engine *e, const gad_engine_options *options, gad_error *err)
{
    const gad_compute *compute = &options->compute;
    gad_config config;
    gad_status status = check_folder(options->model, err);
    if (!status)
        status = gad_package_open(options->model, options->mmproj, &e->package, err);
    if (!status)
        status = gad_package_config(&e->package, &config, err);
    if (!status && !(e->folder = gad_memory_copy_string(options->model)))
        status = gad_error_memory(err, operation, strlen(options->model));
    if (!status) /* first, for it says that a language model alone does not see */
        status = load_preprocess(e, options, err);
    if (!status)
        status = gad_model_build(&config, &e->model, err);
    if (!status)
        status = load_text(e, options->model, err);
    if (!status)
        status = find_question(e, options->model, err);
    if (!status && (e->preprocess.patch != config.vision.patch || e->preprocess.merge != config.vision.merge ||
                    e->preprocess.temporal != config.vision.temporal))
        status =
            gad_error_set(err, GAD_E_FORMAT, operation, NULL,
                          "%s: preprocessor_config.json and config.json disagree on patch or merge size", options->model);
    if (!status)
        status = gad_device_open(&e->device, compute->device ? compute->device : "cpu", compute->threads, err);
    if (!status)
        status = check_memory(e, options, err);
    if (!status)
        status = load_weights(e, options, err);
    if (!status)
        status = gad_device_limit_cpu(&e->device, compute->cpu_level, err);
    if (!status)
        gad_device_use_products(&e->device, gad_weights_products(e->files, compute->precision));
    if (!status)
        status = gad_model_place(&e->model, &e->device, err);
    gad_device_use_cache(&e->device, compute->cache);
    if (!status)
        status = gad_timeline_open(&e->model, &e->device, &e->timeline, err);
    return status;
}

gad_engine_options gad_engine_options_default(void)
{
    return (gad_engine_options){.max_pixels = 1003520, .image_size = "canvas"};
}

gad_status gad_engine_open(const gad_engine_options *options, gad_engine **engine, gad_error *err)
{
    char folder[PATH_MAX];
    gad_status status = gad_model_locate(options->model, folder, sizeof folder, err);
    if (status)
        return status;
    gad_engine_options located = *options;
    located.model = folder;
    gad_engine *e = gad_memory_zero(1, sizeof *e);
    if (!e)
        return gad_error_memory(err, operation, sizeof *e);
    e->log = options->log;
    e->pixels_alone = options->pixels_alone;
    e->quantised = options->compute.quantise;
    e->images.limit_bytes = IMAGE_CACHE_BYTES;
    status = open_parts(e, &located, err);
    if (!status)
        status = hash_model(e, err);
    if (status) {
        gad_engine_free(e);
        return status;
    }
    const gad_config *config = &e->model.config;
    bool relative = config->family == GAD_FAMILY_QWEN3 || config->relative_boxes;
    e->convention = relative ? GAD_BOX_REL1000 : GAD_BOX_INPUT;
    *engine = e;
    return GAD_OK;
}

bool gad_engine_compares(const gad_engine *engine)
{
    return engine->model.config.evidence.heads > 0;
}

static void drop_kept(gad_engine *e)
{
    if (e->free_kept)
        e->free_kept(e->kept);
    e->kept = NULL;
    e->free_kept = NULL;
}

void gad_engine_free(gad_engine *e)
{
    if (!e)
        return;
    gad_timeline_close(&e->timeline);
    gad_image_cache_free(&e->images);
    gad_model_free(&e->model);
    if (e->device.ops)
        gad_device_close(&e->device);
    gad_tensor_source_free(e->files);
    gad_package_free(&e->package);
    gad_tokenizer_free(e->tokenizer);
    drop_kept(e);
    gad_memory_free(e->question);
    gad_memory_free(e->folder);
    gad_memory_free(e);
}

const char *gad_engine_hash(const gad_engine *engine)
{
    return engine->hash;
}

void gad_engine_use_adapter(gad_engine *e, bool on)
{
    if (e->timeline.adapters == on)
        return;
    gad_lora_switch(&e->model, on);
    e->timeline.adapters = on;
    gad_timeline_clear(&e->timeline); /* what was computed belongs to the other model */
    drop_kept(e);
    gad_image_cache_free(&e->images);
    e->images.limit_bytes = IMAGE_CACHE_BYTES;
}

static gad_status render_turn(gad_engine *e, const gad_engine_part *part, size_t part_count, gad_engine_turn *turn,
                              gad_error *err)
{
    gad_chat_part *piece = gad_memory_zero(part_count, sizeof *piece);
    gad_chat_message *message = gad_memory_zero(part_count, sizeof *message);
    gad_status status = piece && message ? GAD_OK : gad_error_memory(err, operation, part_count * sizeof *message);
    size_t messages = 0;
    for (size_t i = 0; i < part_count && !status; i++) {
        if (!i || part[i].role)
            message[messages++] = (gad_chat_message){.role = part[i].role ? part[i].role : "user", .part = &piece[i]};
        message[messages - 1].part_count++;
        piece[i].kind = part[i].text ? GAD_CHAT_TEXT : GAD_CHAT_IMAGE;
        piece[i].text = part[i].text;
        if (!part[i].text)
            piece[i].image_tokens = (size_t)part[i].rows->tokens;
    }
    gad_chat_options options = {.add_generation_prompt = true};
    if (!status)
        status = gad_chat_render(&e->chat, message, messages, &options, &turn->chat, err);
    gad_memory_free(message);
    gad_memory_free(piece);
    return status;
}

gad_status gad_engine_encode(gad_engine *e, const gad_image *image, bool fitted, gad_hash hash,
                             const gad_image_entry **entry, gad_error *err)
{
    return gad_image_cache_get(&e->images, &e->model, &e->device, e->timeline.adapters, &e->preprocess, image, fitted, hash,
                               entry, err);
}

gad_status gad_engine_make_turn(gad_engine *e, const gad_engine_part *part, size_t part_count, gad_engine_turn *turn,
                                gad_error *err)
{
    gad_engine_turn t = {.image = gad_memory_zero(part_count, sizeof *t.image)};
    gad_device_recover(&e->device);
    gad_status status = t.image ? render_turn(e, part, part_count, &t, err)
                                : gad_error_memory(err, operation, part_count * sizeof *t.image);
    if (status) {
        gad_engine_free_turn(e, &t);
        return status;
    }
    int64_t images = 0;
    for (size_t i = 0; i < part_count; i++)
        if (!part[i].text) {
            t.image[images] = (gad_prompt_image){part[i].rows, (int64_t)t.chat.image[images].first};
            images++;
        }
    t.prompt =
        (gad_prompt){.ids = t.chat.ids.id, .count = (int64_t)t.chat.ids.count, .image = t.image, .image_count = images};
    *turn = t;
    return GAD_OK;
}

void gad_engine_free_turn(gad_engine *e, gad_engine_turn *turn)
{
    gad_chat_prompt_free(&turn->chat);
    gad_memory_free(turn->image);
    *turn = (gad_engine_turn){0};
    gad_image_cache_trim(&e->images);
}

gad_status gad_engine_extend(const gad_engine_turn *turn, const int32_t *more, size_t count, gad_prompt *prompt,
                             int32_t **ids, gad_error *err)
{
    size_t before = (size_t)turn->prompt.count;
    int32_t *all = gad_memory_alloc(before + count, sizeof *all);
    if (!all)
        return gad_error_memory(err, operation, (before + count) * sizeof *all);
    memcpy(all, turn->prompt.ids, before * sizeof *all);
    if (count)
        memcpy(all + before, more, count * sizeof *all);
    *prompt = turn->prompt;
    prompt->ids = all;
    prompt->count = (int64_t)(before + count);
    *ids = all;
    return GAD_OK;
}
