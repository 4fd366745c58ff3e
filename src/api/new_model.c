/* new_model: gad_vocab_make and gad_model_new: a vocabulary, and a checkpoint of random weights around it. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "gad_train.h"
#include "model/save.h"
#include "model/shape.h"
#include "model/weights.h"
#include "text/tokenizer.h"
#include "text/vocab_files.h"
#include "text/vocab_train.h"
#include "train/corpus.h"

static const char operation[] = "make a new model";
static const size_t text_limit = (size_t)256 << 20;
enum { OWN_TEXTS = 4000 };

gad_vocab_settings gad_vocab_settings_default(void)
{
    return (gad_vocab_settings){.entries = 512, .own_texts = OWN_TEXTS, .seed = 1};
}

gad_new_settings gad_new_settings_default(void)
{
    return (gad_new_settings){.preset = "s", .difference = true, .seed = 1};
}

/* ---- vocabulary ---------------------------------------------------------------------------------------------------- */

static gad_status add_text(void *user, const char *text, size_t length, gad_error *err)
{
    return gad_vocab_train_add(user, text, length, err);
}

static gad_status add_files(gad_vocab_train *train, const gad_vocab_settings *settings, gad_error *err)
{
    gad_status status = GAD_OK;
    for (int64_t i = 0; i < settings->text_file_count && !status; i++) {
        char *data = NULL;
        size_t size = 0;
        status = gad_file_read(settings->text_files[i], text_limit, &data, &size, err);
        if (!status)
            status = gad_vocab_train_add(train, data, size, err);
        gad_memory_free(data);
    }
    return status;
}

gad_status gad_vocab_make(const gad_vocab_settings *settings, gad_error *err)
{
    gad_question_template wording = {0};
    gad_vocab_train *train = NULL;
    json_t *tokenizer = NULL;
    gad_status status = gad_question_template_choose(settings->prompt_file, &wording, err);
    if (!status)
        status = gad_vocab_train_new(&train, err);
    if (!status)
        status = gad_corpus_make(&wording, settings->own_texts, settings->seed, add_text, train, settings->progress, err);
    if (!status)
        status = add_files(train, settings, err);
    if (!status)
        status = gad_vocab_train_run(train, (int32_t)settings->entries, settings->progress, &tokenizer, err);
    if (!status)
        status = gad_file_make_directory(settings->out, err);
    if (!status)
        status = gad_vocab_files_write(tokenizer, settings->out, err);
    if (!status)
        gad_log_info(settings->log, "vocabulary of %lld tokens in %s", (long long)settings->entries, settings->out);
    json_decref(tokenizer);
    gad_vocab_train_free(train);
    gad_question_template_free(&wording);
    return status;
}

/* ---- checkpoint ---------------------------------------------------------------------------------------------------- */

/* Side in pixels of the preset's images (docs/spec/training.md 13.3). */
static int64_t side_of(const char *preset)
{
    static const struct {
        const char *name;
        int64_t side_px;
    } sides[] = {{"gad-xs", 64}, {"gad-s", 128},   {"gad-s16", 256}, {"gad-s8", 128},
                 {"gad-m", 224}, {"gad-m14", 224}, {"gad-l", 256}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        if (!strcmp(sides[i].name, preset))
            return sides[i].side_px;
    return 448;
}

static gad_status copy_vocab(const char *from, const char *to, gad_error *err)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "chat_template.json"};
    gad_status status = GAD_OK;
    for (size_t i = 0; i < 3 && !status; i++) {
        char *source = gad_file_join(from, names[i]), *target = gad_file_join(to, names[i]), *data = NULL;
        size_t size = 0;
        status = source && target ? gad_file_read(source, text_limit, &data, &size, err)
                                  : gad_error_memory(err, operation, strlen(from));
        if (!status)
            status = gad_file_write(target, data, size, err);
        gad_memory_free(data);
        gad_memory_free(source);
        gad_memory_free(target);
    }
    return status;
}

static gad_status write_json(const char *folder, const char *name, json_t *root, gad_error *err)
{
    char *path = gad_file_join(folder, name);
    gad_status status = path && root ? gad_json_write(path, root, err) : gad_error_memory(err, operation, strlen(folder));
    gad_memory_free(path);
    json_decref(root);
    return status;
}

static gad_status write_settings(const char *out, const gad_config *config, int64_t side_px, int32_t end, int32_t stop,
                                 gad_error *err)
{
    json_t *images = json_pack("{s:I, s:I, s:i, s:i, s:i, s:[fff], s:[fff], s:s, s:s}", "min_pixels",
                               (json_int_t)(side_px * side_px), "max_pixels", (json_int_t)(side_px * side_px), "patch_size",
                               config->vision.patch, "temporal_patch_size", config->vision.temporal, "merge_size",
                               config->vision.merge, "image_mean", 0.5, 0.5, 0.5, "image_std", 0.25, 0.25, 0.25,
                               "image_processor_type", "Qwen2VLImageProcessor", "processor_class", "Qwen2_5_VLProcessor");
    gad_status status = write_json(out, "preprocessor_config.json", images, err);
    /* the first words are drawn, or every answer would open alike */
    json_t *generation =
        json_pack("{s:b, s:f, s:i, s:f, s:i, s:[ii], s:i}", "do_sample", 1, "temperature", 1.15, "top_k", 0, "min_p", 0.1,
                  "gad_drawn_tokens", 12, "eos_token_id", end, stop, "pad_token_id", stop);
    if (status)
        json_decref(generation);
    return status ? status : write_json(out, "generation_config.json", generation, err);
}

/* Control ids of the tokenizer become those of the model. */
static gad_status take_ids(const char *folder, gad_config *config, int32_t *end, int32_t *stop, gad_error *err)
{
    gad_tokenizer *tokenizer = NULL;
    gad_status status = gad_tokenizer_load(folder, &tokenizer, err);
    if (status)
        return status;
    int32_t size = gad_tokenizer_size(tokenizer);
    config->image_token = gad_tokenizer_find(tokenizer, "<|image_pad|>");
    config->video_token = gad_tokenizer_find(tokenizer, "<|video_pad|>");
    config->vision_start_token = gad_tokenizer_find(tokenizer, "<|vision_start|>");
    config->vision_end_token = gad_tokenizer_find(tokenizer, "<|vision_end|>");
    *end = gad_tokenizer_find(tokenizer, "<|im_end|>");
    *stop = gad_tokenizer_find(tokenizer, "<|endoftext|>");
    gad_tokenizer_free(tokenizer);
    config->text.vocab = size > config->text.vocab ? size : config->text.vocab;
    return gad_config_check(config, folder, err);
}

/* The wording becomes the checkpoint's own: question.txt. */
static gad_status copy_question(const char *from, const char *folder, gad_error *err)
{
    char *to = gad_file_join(folder, "question.txt"), *text = NULL;
    size_t length = 0;
    gad_status status = to ? gad_file_read(from, 64 << 10, &text, &length, err) : gad_error_memory(err, operation, 64);
    if (!status)
        status = gad_file_write(to, text, length, err);
    gad_memory_free(text);
    gad_memory_free(to);
    return status;
}

static gad_status write_model(const gad_new_settings *settings, const gad_config *config, gad_error *err)
{
    gad_model model;
    gad_status status = gad_model_build(config, &model, err);
    if (status)
        return status;
    status = gad_weights_random(&model, settings->seed, GAD_F32, err);
    if (!status)
        status = gad_save_model(&model, settings->out, GAD_F32, err);
    int64_t count = 0;
    for (size_t i = 0; i < model.params.count; i++)
        count += gad_param_count(model.params.item[i]);
    if (!status)
        gad_log_info(settings->log, "%s: %.2f M parameters, random weights of seed %llu", settings->out,
                     (double)count / 1e6, (unsigned long long)settings->seed);
    gad_model_free(&model);
    return status;
}

gad_status gad_model_new(const gad_new_settings *settings, gad_error *err)
{
    char name[64];
    gad_config config;
    int32_t end = 0, stop = 0;
    bool own = !strchr(settings->preset, '-');
    snprintf(name, sizeof name, "%s%s", own ? "gad-" : "", settings->preset);
    gad_status status = gad_shape_find(name, &config, err);
    config.relative_boxes = own; /* as the region tokens of the evidence head are (regions.h) */
    if (!status)
        status = gad_file_make_directory(settings->out, err);
    if (!status && settings->difference)
        config.evidence = (gad_evidence_config){.words = settings->words,
                                                .heads = 4,
                                                .head_dim = config.text.hidden < 128 ? 16 : 32,
                                                .hidden = config.text.hidden,
                                                .inject = config.text.layers < 3 ? config.text.layers : 3,
                                                .cells = config.vision.patch < 16 ? 1 : 2};
    if (!status && settings->vocab)
        status = copy_vocab(settings->vocab, settings->out, err);
    gad_vocab_settings vocab = {.out = settings->out,
                                .entries = config.text.vocab,
                                .own_texts = OWN_TEXTS,
                                .prompt_file = settings->prompt_file,
                                .seed = settings->seed,
                                .log = settings->log,
                                .progress = settings->progress};
    if (!status && !settings->vocab)
        status = gad_vocab_make(&vocab, err);
    if (!status)
        status = take_ids(settings->out, &config, &end, &stop, err);
    int64_t side = settings->side_px ? settings->side_px : side_of(name), unit = config.vision.patch * config.vision.merge;
    if (!status && side % unit)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                               "images of %lld px: the side must be a multiple of %lld", (long long)side, (long long)unit);
    if (!status)
        status = write_settings(settings->out, &config, side, end, stop, err);
    if (!status && settings->prompt_file)
        status = copy_question(settings->prompt_file, settings->out, err);
    return status ? status : write_model(settings, &config, err);
}
