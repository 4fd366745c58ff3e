/* config: see config.h. Layouts: old flat (text fields at top level), nested v4 (text_config, rope_scaling) and nested v5
 * (text_config.rope_parameters, dtype). */
#include "model/config.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "model/foreign.h"

/* One config file being read. The first failure sticks, so that a run of fields reads like a table. */
typedef struct reader {
    const json_t *root, *text, *vision;
    const char *name;
    gad_status status;
    gad_error *err;
} reader;

static void fail(reader *r, gad_status code, const char *hint, const char *what)
{
    if (!r->status)
        r->status = gad_error_set(r->err, code, "read model configuration", hint, "%s: %s", r->name, what);
}

static const json_t *text_field(const reader *r, const char *key)
{
    const json_t *value = r->text ? json_object_get(r->text, key) : NULL;
    if (!value || json_is_null(value))
        value = json_object_get(r->root, key);
    return json_is_null(value) ? NULL : value;
}

static int read_size(reader *r, const json_t *value, const char *key, int64_t fallback, int64_t limit)
{
    if (r->status)
        return 1;
    if (value && !json_is_integer(value)) {
        r->status = gad_error_set(r->err, GAD_E_FORMAT, "read model configuration", NULL, "%s: \"%s\" is not an integer",
                                  r->name, key);
        return 1;
    }
    int64_t number = value ? (int64_t)json_integer_value(value) : fallback;
    if (number < 1 || number > limit) {
        r->status = gad_error_set(r->err, GAD_E_FORMAT, "read model configuration", NULL, "%s: \"%s\" is %s", r->name, key,
                                  value ? "out of range" : "missing");
        return 1;
    }
    return (int)number;
}

static int text_size(reader *r, const char *key, int64_t fallback)
{
    return read_size(r, text_field(r, key), key, fallback, 1 << 28);
}

static int vision_size(reader *r, const char *key, int64_t fallback)
{
    return read_size(r, json_object_get(r->vision, key), key, fallback, 1 << 20);
}

static bool read_bool(reader *r, const json_t *value, const char *key, bool fallback)
{
    if (!value || json_is_null(value))
        return fallback;
    if (!json_is_boolean(value) && !r->status)
        r->status = gad_error_set(r->err, GAD_E_FORMAT, "read model configuration", NULL, "%s: \"%s\" is not true or false",
                                  r->name, key);
    return json_is_true(value);
}

static double read_number(reader *r, const json_t *value, const char *key)
{
    if (json_is_number(value) && json_number_value(value) > 0)
        return json_number_value(value);
    if (!r->status)
        r->status = gad_error_set(r->err, GAD_E_FORMAT, "read model configuration", NULL,
                                  "%s: \"%s\" is missing or not a positive number", r->name, key);
    return 1;
}

static int token_field(reader *r, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(r->root, key);
    if (json_is_null(value))
        value = NULL;
    return read_size(r, value, key, fallback, 1 << 28);
}

static void read_rope(reader *r, gad_text_config *text, bool alone)
{
    const json_t *rope = text_field(r, "rope_parameters");
    if (!rope)
        rope = text_field(r, "rope_scaling");
    const json_t *theta = json_object_get(rope, "rope_theta");
    text->rope_theta = read_number(r, theta ? theta : text_field(r, "rope_theta"), "rope_theta");
    const json_t *type = json_object_get(rope, "rope_type");
    if (!type)
        type = json_object_get(rope, "type");
    const char *type_name = json_is_string(type) ? json_string_value(type) : "default";
    if (strcmp(type_name, "default") != 0 && strcmp(type_name, "mrope") != 0)
        fail(r, GAD_E_UNSUPPORTED,
             "only the ordinary (default) rotary embedding is implemented; remove the long-context scaling",
             "this rope type (such as yarn) is not supported");
    text->mrope_interleaved = read_bool(r, json_object_get(rope, "mrope_interleaved"), "mrope_interleaved", false);
    const json_t *section = json_object_get(rope, "mrope_section");
    if (alone) { /* one axis, that of the text */
        text->mrope_section[0] = text->head_dim / 2;
        return;
    }
    if (json_array_size(section) != 3) {
        fail(r, GAD_E_FORMAT, NULL, "\"mrope_section\" is missing or not three numbers");
        return;
    }
    for (size_t i = 0; i < 3; i++)
        text->mrope_section[i] = read_size(r, json_array_get(section, i), "mrope_section", 0, 4096);
}

static void read_text(reader *r, gad_config *config)
{
    gad_text_config *text = &config->text;
    bool qwen3 = config->family == GAD_FAMILY_QWEN3;
    text->hidden = text_size(r, "hidden_size", 0);
    text->intermediate = text_size(r, "intermediate_size", 0);
    text->layers = text_size(r, "num_hidden_layers", 0);
    text->heads = text_size(r, "num_attention_heads", 0);
    text->kv_heads = text_size(r, "num_key_value_heads", text->heads);
    text->head_dim = text_size(r, "head_dim", text->hidden / text->heads);
    text->vocab = text_size(r, "vocab_size", 0);
    text->max_position = text_size(r, "max_position_embeddings", 32768);
    text->norm_eps = read_number(r, text_field(r, "rms_norm_eps"), "rms_norm_eps");
    text->tied = read_bool(r, text_field(r, "tie_word_embeddings"), "tie_word_embeddings", false) ||
                 json_is_true(json_object_get(r->root, "tie_word_embeddings"));
    text->qkv_bias = config->family == GAD_FAMILY_QWEN25 ||
                     (qwen3 && read_bool(r, text_field(r, "attention_bias"), "attention_bias", false));
    text->qk_norm = qwen3;
    const json_t *activation = text_field(r, "hidden_act");
    if (activation && (!json_is_string(activation) || strcmp(json_string_value(activation), "silu") != 0))
        fail(r, GAD_E_UNSUPPORTED, NULL, "\"hidden_act\" of the language model is not silu");
    if (read_bool(r, text_field(r, "use_sliding_window"), "use_sliding_window", false))
        fail(r, GAD_E_UNSUPPORTED, NULL, "sliding-window attention is not supported");
    read_rope(r, text, config->family == GAD_FAMILY_LLAMA);
}

static void read_full_attention(reader *r, gad_vision_config *vision)
{
    const json_t *indexes = json_object_get(r->vision, "fullatt_block_indexes");
    if (!json_is_array(indexes)) {
        fail(r, GAD_E_FORMAT, NULL, "\"fullatt_block_indexes\" is missing or not a list");
        return;
    }
    for (size_t i = 0; i < json_array_size(indexes); i++) {
        const json_t *index = json_array_get(indexes, i);
        if (!json_is_integer(index) || json_integer_value(index) < 0 || json_integer_value(index) >= vision->depth)
            fail(r, GAD_E_FORMAT, NULL, "\"fullatt_block_indexes\" names a block that does not exist");
        else
            vision->full_attention[json_integer_value(index)] = true;
    }
}

static void read_deepstack(reader *r, gad_vision_config *vision)
{
    const json_t *indexes = json_object_get(r->vision, "deepstack_visual_indexes");
    if (!json_is_array(indexes) || json_array_size(indexes) > GAD_MAX_DEEPSTACK) {
        fail(r, GAD_E_FORMAT, NULL, "\"deepstack_visual_indexes\" is missing, not a list, or longer than 8");
        return;
    }
    vision->deepstack_count = (int)json_array_size(indexes);
    for (int i = 0; i < vision->deepstack_count; i++) {
        const json_t *index = json_array_get(indexes, (size_t)i);
        if (!json_is_integer(index) || json_integer_value(index) < 0 || json_integer_value(index) >= vision->depth)
            fail(r, GAD_E_FORMAT, NULL, "\"deepstack_visual_indexes\" names a block that does not exist");
        else
            vision->deepstack[i] = (int)json_integer_value(index);
    }
}

static void expect_activation(reader *r, const char *expected)
{
    const json_t *activation = json_object_get(r->vision, "hidden_act");
    if (activation && (!json_is_string(activation) || strcmp(json_string_value(activation), expected) != 0))
        fail(r, GAD_E_UNSUPPORTED, NULL, "\"hidden_act\" of the vision tower is not the one this family uses");
}

static void read_vision(reader *r, gad_config *config)
{
    gad_vision_config *vision = &config->vision;
    vision->depth = vision_size(r, "depth", 0);
    if (vision->depth > GAD_MAX_LAYERS)
        fail(r, GAD_E_LIMIT, NULL, "the vision tower has more than 256 blocks");
    vision->hidden = vision_size(r, "hidden_size", 0);
    vision->heads = vision_size(r, "num_heads", 0);
    vision->head_dim = vision->hidden / vision->heads;
    vision->intermediate = vision_size(r, "intermediate_size", 0);
    vision->out_hidden = vision_size(r, "out_hidden_size", 0);
    vision->patch = vision_size(r, "patch_size", config->family == GAD_FAMILY_QWEN3 ? 16 : 14);
    vision->temporal = vision_size(r, "temporal_patch_size", 2);
    vision->merge = vision_size(r, "spatial_merge_size", 2);
    if (vision_size(r, "in_channels", 3) != 3)
        fail(r, GAD_E_UNSUPPORTED, NULL, "\"in_channels\" is not 3");
    if (r->status)
        return;
    if (config->family == GAD_FAMILY_QWEN25) {
        int window_px = vision_size(r, "window_size", 112);
        if (window_px % (vision->patch * vision->merge))
            fail(r, GAD_E_FORMAT, NULL, "\"window_size\" is not a multiple of patch_size * spatial_merge_size");
        vision->window = window_px / vision->patch;
        read_full_attention(r, vision);
        expect_activation(r, "silu");
    } else {
        int positions = vision_size(r, "num_position_embeddings", 0);
        vision->position_side = (int)lround(sqrt(positions));
        if (vision->position_side * vision->position_side != positions)
            fail(r, GAD_E_FORMAT, NULL, "\"num_position_embeddings\" is not a square number");
        for (int i = 0; i < vision->depth; i++)
            vision->full_attention[i] = true;
        read_deepstack(r, vision);
        expect_activation(r, "gelu_pytorch_tanh");
    }
}

static void read_tokens(reader *r, gad_config *config)
{
    config->image_token = token_field(r, "image_token_id", 151655);
    config->video_token = token_field(r, "video_token_id", 151656);
    config->vision_start_token = token_field(r, "vision_start_token_id", 151652);
    config->vision_end_token = token_field(r, "vision_end_token_id", 151653);
}

/* A language model alone: a tower without blocks, tokens that no text has. */
static void leave_out_vision(gad_config *config)
{
    config->vision =
        (gad_vision_config){.heads = 1, .patch = 14, .temporal = 2, .merge = 2, .out_hidden = config->text.hidden};
    config->image_token = config->video_token = config->vision_start_token = config->vision_end_token = -1;
}

static gad_status read_family(const json_t *root, const char *name, gad_family *family, gad_error *err)
{
    const char *type;
    gad_status status = gad_json_get_string(root, "model_type", name, "", &type, err);
    if (status)
        return status;
    if (!strcmp(type, "qwen2_5_vl"))
        *family = GAD_FAMILY_QWEN25;
    else if (!strcmp(type, "qwen3_vl"))
        *family = GAD_FAMILY_QWEN3;
    else if (!strcmp(type, "llama")) /* gad_foreign_check_config refuses folders of it */
        *family = GAD_FAMILY_LLAMA;
    else
        return gad_error_set(err, GAD_E_UNSUPPORTED, "read model configuration",
                             "gad runs Qwen2.5-VL and Qwen3-VL checkpoints", "%s: model_type \"%s\" is not supported", name,
                             type);
    return GAD_OK;
}

gad_status gad_config_check(const gad_config *config, const char *name, gad_error *err)
{
    const gad_vision_config *v = &config->vision;
    const gad_text_config *t = &config->text;
    const char *wrong = NULL;
    if (v->hidden % v->heads || v->head_dim % 4)
        wrong = "the vision hidden size must be a multiple of its heads, with heads of a multiple of 4";
    else if (v->merge != 2 || v->temporal != 2)
        wrong = "spatial_merge_size and temporal_patch_size must be 2";
    else if (v->window % v->merge)
        wrong = "window_size must be a multiple of patch_size * spatial_merge_size";
    else if (v->out_hidden != t->hidden)
        wrong = "the vision out_hidden_size differs from the hidden size of the language model";
    else if (t->heads % t->kv_heads)
        wrong = "num_attention_heads must be a multiple of num_key_value_heads";
    else if (t->head_dim % 2 || t->mrope_section[0] + t->mrope_section[1] + t->mrope_section[2] != t->head_dim / 2)
        wrong = "mrope_section must sum to half of head_dim";
    else if (t->layers > GAD_MAX_LAYERS || v->depth > GAD_MAX_LAYERS)
        wrong = "more than 256 layers";
    else if (v->deepstack_count > t->layers)
        wrong = "more DeepStack features than language layers";
    else if (config->image_token >= t->vocab || config->vision_start_token >= t->vocab ||
             config->vision_end_token >= t->vocab)
        wrong = "a token id is not smaller than vocab_size";
    if (wrong)
        return gad_error_set(err, GAD_E_FORMAT, "check model configuration", "is this the config.json of the checkpoint?",
                             "%s: %s", name, wrong);
    return GAD_OK;
}

/* The object "difference", which only models of ours have. */
static gad_status read_difference(const json_t *root, const char *name, gad_config *config, gad_error *err)
{
    const json_t *object = json_object_get(root, "difference");
    int64_t heads = 0, head_dim = 0, hidden = 0, inject = 0, cells = 0;
    bool words = false;
    if (!object || json_is_null(object))
        return GAD_OK;
    gad_status status = gad_json_get_int(object, "heads", name, 0, &heads, err);
    if (!status)
        status = gad_json_get_int(object, "head_dim", name, 0, &head_dim, err);
    if (!status)
        status = gad_json_get_int(object, "hidden", name, 0, &hidden, err);
    if (!status)
        status = gad_json_get_int(object, "inject", name, 0, &inject, err);
    if (!status)
        status = gad_json_get_int(object, "cells", name, 1, &cells, err);
    if (!status)
        status = gad_json_get_bool(object, "words", name, false, &words, err);
    if (!status &&
        (heads < 1 || heads > 16 || head_dim < 8 || head_dim > 512 || hidden < 1 || hidden > 65536 || inject < 1 ||
         inject > GAD_MAX_DEEPSTACK || inject > config->text.layers || cells < 1 || config->vision.patch % (2 * cells)))
        status =
            gad_error_set(err, GAD_E_FORMAT, "read model configuration", NULL, "%s: \"difference\" is out of range", name);
    if (!status)
        config->evidence = (gad_evidence_config){.heads = (int)heads,
                                                 .head_dim = (int)head_dim,
                                                 .hidden = (int)hidden,
                                                 .inject = (int)inject,
                                                 .cells = (int)cells,
                                                 .words = words};
    return status;
}

/* "box_coordinates", which only models of ours have. */
static gad_status read_box_coordinates(const json_t *root, const char *name, gad_config *config, gad_error *err)
{
    const char *text;
    gad_status status = gad_json_get_string(root, "box_coordinates", name, "family", &text, err);
    if (status)
        return status;
    config->relative_boxes = !strcmp(text, "relative_1000");
    if (!config->relative_boxes && strcmp(text, "family") != 0)
        return gad_error_set(err, GAD_E_FORMAT, "read model configuration", "known are family and relative_1000",
                             "%s: \"box_coordinates\" is \"%s\"", name, text);
    return GAD_OK;
}

gad_status gad_config_read(const json_t *root, const char *name, gad_config *config, gad_error *err)
{
    if (!json_is_object(root))
        return gad_error_set(err, GAD_E_FORMAT, "read model configuration", NULL, "%s: is not a JSON object", name);
    gad_config c = {0};
    gad_status status = read_family(root, name, &c.family, err);
    if (status)
        return status;
    reader r = {.root = root,
                .text = json_object_get(root, "text_config"),
                .vision = json_object_get(root, "vision_config"),
                .name = name,
                .err = err};
    const bool alone = c.family == GAD_FAMILY_LLAMA;
    if (!alone && !json_is_object(r.vision))
        fail(&r, GAD_E_FORMAT, "text-only checkpoints cannot inspect images", "\"vision_config\" is missing");
    else if (r.text && !json_is_object(r.text))
        fail(&r, GAD_E_FORMAT, NULL, "\"text_config\" is not an object");
    if (r.status)
        return r.status;
    read_text(&r, &c);
    if (alone) {
        leave_out_vision(&c);
    } else {
        read_vision(&r, &c);
        read_tokens(&r, &c);
    }
    status = r.status ? r.status : read_difference(root, name, &c, err);
    if (!status && alone && c.evidence.heads)
        status = gad_error_set(err, GAD_E_FORMAT, "read model configuration", NULL,
                               "%s: \"difference\" without a vision tower", name);
    if (!status)
        status = read_box_coordinates(root, name, &c, err);
    if (!status)
        status = gad_config_check(&c, name, err);
    if (!status)
        *config = c;
    return status;
}

static bool has_tensors(const char *folder)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json"};
    char path[PATH_MAX]; /* without memory of its own: "absent" must not mean that there was none */
    for (int i = 0; i < 2; i++)
        if (snprintf(path, sizeof path, "%s/%s", folder, names[i]) < (int)sizeof path && gad_file_exists(path))
            return true;
    return false;
}

gad_status gad_config_load(const char *folder, gad_config *config, gad_error *err)
{
    char *path = gad_file_join(folder, "config.json");
    if (!path)
        return gad_error_memory(err, "read model configuration", strlen(folder));
    json_t *root = NULL;
    gad_status status;
    if (gad_file_exists(path))
        status = gad_json_load(path, &root, err);
    else if (!(status = gad_foreign_check_path(folder, err)))
        status = gad_error_set(err, GAD_E_IO, "read model configuration",
                               "give the folder of a Qwen2.5-VL or Qwen3-VL checkpoint as Hugging Face publishes it",
                               "%s: no such file", path);
    if (!status)
        status = gad_foreign_check_config(root, path, err);
    if (!status)
        status = gad_config_read(root, path, config, err);
    if (!status && !has_tensors(folder))
        status = gad_foreign_check_path(folder, err);
    json_decref(root);
    gad_memory_free(path);
    return status;
}

static json_t *text_json(const gad_config *config)
{
    const gad_text_config *t = &config->text;
    bool qwen3 = config->family == GAD_FAMILY_QWEN3;
    json_t *rope = json_pack("{s:s, s:[i,i,i]}", "rope_type", "default", "mrope_section", t->mrope_section[0],
                             t->mrope_section[1], t->mrope_section[2]);
    if (t->mrope_interleaved)
        json_object_set_new(rope, "mrope_interleaved", json_true());
    json_t *text = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:b, s:s, s:o}", "model_type",
                             qwen3 ? "qwen3_vl_text" : "qwen2_5_vl_text", "hidden_size", t->hidden, "intermediate_size",
                             t->intermediate, "num_hidden_layers", t->layers, "num_attention_heads", t->heads,
                             "num_key_value_heads", t->kv_heads, "head_dim", t->head_dim, "vocab_size", t->vocab,
                             "max_position_embeddings", t->max_position, "rms_norm_eps", t->norm_eps, "rope_theta",
                             t->rope_theta, "tie_word_embeddings", t->tied, "hidden_act", "silu", "rope_scaling", rope);
    if (qwen3)
        json_object_set_new(text, "attention_bias", json_boolean(t->qkv_bias));
    return text;
}

static json_t *vision_json(const gad_config *config)
{
    const gad_vision_config *v = &config->vision;
    bool qwen3 = config->family == GAD_FAMILY_QWEN3;
    json_t *vision = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s}", "model_type",
                               qwen3 ? "qwen3_vl" : "qwen2_5_vl", "depth", v->depth, "hidden_size", v->hidden, "num_heads",
                               v->heads, "intermediate_size", v->intermediate, "out_hidden_size", v->out_hidden,
                               "patch_size", v->patch, "temporal_patch_size", v->temporal, "spatial_merge_size", v->merge,
                               "in_channels", 3, "hidden_act", qwen3 ? "gelu_pytorch_tanh" : "silu");
    if (qwen3) {
        json_t *indexes = json_array();
        for (int i = 0; i < v->deepstack_count; i++)
            json_array_append_new(indexes, json_integer(v->deepstack[i]));
        json_object_set_new(vision, "deepstack_visual_indexes", indexes);
        json_object_set_new(vision, "num_position_embeddings", json_integer(v->position_side * v->position_side));
    } else {
        json_t *indexes = json_array();
        for (int i = 0; i < v->depth; i++)
            if (v->full_attention[i])
                json_array_append_new(indexes, json_integer(i));
        json_object_set_new(vision, "fullatt_block_indexes", indexes);
        json_object_set_new(vision, "window_size", json_integer(v->window * v->patch));
        json_object_set_new(vision, "tokens_per_second", json_integer(2));
    }
    return vision;
}

json_t *gad_config_json(const gad_config *config)
{
    bool qwen3 = config->family == GAD_FAMILY_QWEN3;
    if (config->family == GAD_FAMILY_LLAMA)
        return json_pack("{s:s, s:o}", "model_type", "llama", "text_config", text_json(config));
    json_t *root = json_pack("{s:[s], s:s, s:o, s:o, s:i, s:i, s:i, s:i, s:b}", "architectures",
                             qwen3 ? "Qwen3VLForConditionalGeneration" : "Qwen2_5_VLForConditionalGeneration", "model_type",
                             qwen3 ? "qwen3_vl" : "qwen2_5_vl", "text_config", text_json(config), "vision_config",
                             vision_json(config), "image_token_id", config->image_token, "video_token_id",
                             config->video_token, "vision_start_token_id", config->vision_start_token,
                             "vision_end_token_id", config->vision_end_token, "tie_word_embeddings", config->text.tied);
    const gad_evidence_config *d = &config->evidence;
    if (root && config->relative_boxes)
        json_object_set_new(root, "box_coordinates", json_string("relative_1000"));
    if (root && d->heads) {
        json_t *difference = json_pack("{s:i, s:i, s:i, s:i, s:i}", "heads", d->heads, "head_dim", d->head_dim, "hidden",
                                       d->hidden, "inject", d->inject, "cells", d->cells);
        if (d->words) /* a checkpoint without them keeps the text, and so the hash, that its threshold is bound to */
            json_object_set_new(difference, "words", json_true());
        json_object_set_new(root, "difference", difference);
    }
    return root;
}
