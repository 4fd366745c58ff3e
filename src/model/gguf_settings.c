/* gguf_settings: see gguf_settings.h. Keys: gguf-py's constants; their meaning: conversion/base.py, qwenvl.py and
 * qwen3vl.py of llama.cpp. */
#include "model/gguf_settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/gguf_vocab.h"

static const char operation[] = "read the settings of a GGUF file";
static const char damaged[] = "convert the model again with a current llama.cpp, or get it again";

/* One file being read; keys begin with `prefix`. The first failure sticks, so that a run of keys reads like a table. */
typedef struct reader {
    const gad_gguf *file;
    const char *prefix;
    gad_status status;
    gad_error *err;
} reader;

static void fail(reader *r, gad_status code, const char *hint, const char *key, const char *what)
{
    if (!r->status)
        r->status = gad_error_set(r->err, code, operation, hint, "%s: key %s.%s %s", r->file->path, r->prefix, key, what);
}

static const gad_gguf_value *find(const reader *r, const char *key)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s", r->prefix, key);
    return gad_gguf_find(r->file, name);
}

/* A single number; `fallback` < 0: the key must be there. */
static int64_t read_integer(reader *r, const char *key, int64_t fallback)
{
    enum { LIMIT = 1 << 28 };
    const gad_gguf_value *v = find(r, key);
    int64_t number = fallback;
    if (!v && fallback < 0)
        fail(r, GAD_E_FORMAT, damaged, key, "is missing");
    else if (v && (v->is_array || gad_gguf_integer(r->file, v, 0, &number, NULL) || number < 0 || number > LIMIT))
        fail(r, GAD_E_FORMAT, damaged, key, "is not a single number in 0..2^28");
    return r->status ? 0 : number;
}

static double read_number(reader *r, const char *key, double fallback)
{
    const gad_gguf_value *v = find(r, key);
    double number = fallback;
    if (!v && fallback < 0)
        fail(r, GAD_E_FORMAT, damaged, key, "is missing");
    else if (v && (v->is_array || gad_gguf_number(r->file, v, 0, &number, NULL) || !isfinite(number)))
        fail(r, GAD_E_FORMAT, damaged, key, "is not a single finite number");
    return r->status ? 0 : number;
}

/* An array of at least `least` numbers as a JSON list of the first `count` of them. */
static json_t *read_list(reader *r, const char *key, size_t least, size_t count)
{
    const gad_gguf_value *v = find(r, key);
    json_t *list = json_array();
    double number = 0;
    if (!v || v->count < least)
        fail(r, GAD_E_FORMAT, damaged, key, "is missing or too short a list");
    for (size_t i = 0; i < count && !r->status && i < v->count; i++) {
        if (gad_gguf_number(r->file, v, i, &number, NULL) || !isfinite(number))
            fail(r, GAD_E_FORMAT, damaged, key, "is not a list of numbers");
        else
            json_array_append_new(list, number == floor(number) ? json_integer((json_int_t)number) : json_real(number));
    }
    return list;
}

static void read_string(reader *r, const char *key, char *text, size_t size)
{
    const gad_gguf_value *v = find(r, key);
    gad_gguf_string s;
    size_t offset = 0;
    *text = 0;
    if (!v || v->is_array || !gad_gguf_next_string(v, &offset, &s) || s.length >= size || memchr(s.bytes, 0, s.length))
        fail(r, GAD_E_FORMAT, damaged, key, "is missing or not a short text");
    else
        snprintf(text, size, "%.*s", (int)s.length, s.bytes);
}

gad_status gad_gguf_settings_architecture(const gad_gguf *file, char name[32], gad_error *err)
{
    reader r = {.file = file, .prefix = "general", .err = err};
    read_string(&r, "architecture", name, 32);
    return r.status;
}

static void put_integer(json_t *object, reader *r, const char *name, const char *key, int64_t fallback)
{
    json_object_set_new(object, name, json_integer(read_integer(r, key, fallback)));
}

/* ---- language model ------------------------------------------------------------------------------------------------ */

/* Variants of other arithmetic are refused, by name. */
static void refuse_variants(reader *r, int64_t head_dim)
{
    const gad_gguf_value *scaling = find(r, "rope.scaling.type");
    size_t offset = 0;
    gad_gguf_string s;
    if (scaling && (!gad_gguf_next_string(scaling, &offset, &s) || !gad_gguf_string_is(s, "none")))
        fail(r, GAD_E_UNSUPPORTED, "only the ordinary rotary embedding is implemented", "rope.scaling.type", "is not none");
    if (read_integer(r, "expert_count", 0))
        fail(r, GAD_E_UNSUPPORTED, "take a dense model", "expert_count", "is not 0");
    if (read_integer(r, "rope.dimension_count", head_dim) != head_dim ||
        read_integer(r, "attention.value_length", head_dim) != head_dim)
        fail(r, GAD_E_UNSUPPORTED, "gad rotates whole heads, of one size for q, k and v", "rope.dimension_count",
             "or attention.value_length is not the size of a head");
    if (read_integer(r, "attention.sliding_window", 0))
        fail(r, GAD_E_UNSUPPORTED, "gad attends to all of the text", "attention.sliding_window", "is not 0");
}

static json_t *read_rope(reader *r, bool qwen3, bool alone)
{
    json_t *rope = json_pack("{s:s}", "rope_type", "default");
    if (!alone)
        json_object_set_new(rope, "mrope_section", read_list(r, "rope.dimension_sections", 3, 3));
    if (qwen3)
        json_object_set_new(rope, "mrope_interleaved", json_true());
    return rope;
}

static json_t *read_text(reader *r, bool qwen3, bool alone)
{
    json_t *text = json_object();
    const gad_gguf_tensor *embed = gad_gguf_find_tensor(r->file, "token_embd.weight");
    const int64_t hidden = read_integer(r, "embedding_length", -1), heads = read_integer(r, "attention.head_count", -1);
    const int64_t head_dim = read_integer(r, "attention.key_length", heads ? hidden / heads : 0);
    if (!embed || embed->rank != 2)
        fail(r, GAD_E_FORMAT, damaged, "embedding_length", "has no matrix token_embd.weight to go with it");
    refuse_variants(r, head_dim);
    put_integer(text, r, "num_hidden_layers", "block_count", -1);
    put_integer(text, r, "intermediate_size", "feed_forward_length", -1);
    put_integer(text, r, "num_key_value_heads", "attention.head_count_kv", heads);
    put_integer(text, r, "max_position_embeddings", "context_length", -1);
    json_object_set_new(text, "hidden_size", json_integer(hidden));
    json_object_set_new(text, "num_attention_heads", json_integer(heads));
    json_object_set_new(text, "head_dim", json_integer(head_dim));
    json_object_set_new(text, "vocab_size", json_integer(embed && embed->rank ? embed->shape[0] : 0));
    json_object_set_new(text, "rms_norm_eps", json_real(read_number(r, "attention.layer_norm_rms_epsilon", -1)));
    json_object_set_new(text, "rope_theta", json_real(read_number(r, "rope.freq_base", 10000)));
    json_object_set_new(text, "tie_word_embeddings", json_boolean(!gad_gguf_find_tensor(r->file, "output.weight")));
    json_object_set_new(text, "rope_scaling", read_rope(r, qwen3, alone));
    return text;
}

static gad_status set_tokens(json_t *root, const gad_gguf *text, gad_error *err)
{
    static const struct {
        const char *key, *token;
    } tokens[] = {{"image_token_id", "<|image_pad|>"},
                  {"video_token_id", "<|video_pad|>"},
                  {"vision_start_token_id", "<|vision_start|>"},
                  {"vision_end_token_id", "<|vision_end|>"}};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        const int64_t id = gad_gguf_vocab_find(text, tokens[i].token);
        if (id >= 0)
            json_object_set_new(root, tokens[i].key, json_integer(id));
        else if (i != 1) /* a vocabulary of pictures alone has no use for it */
            return gad_error_set(err, GAD_E_FORMAT, operation, "is this the language model of a Qwen-VL checkpoint?",
                                 "%s: key tokenizer.ggml.tokens has no %s", text->path, tokens[i].token);
    }
    return GAD_OK;
}

/* ---- vision tower -------------------------------------------------------------------------------------------------- */

/* n_wa_pattern n: every n-th block sees the whole image. */
static json_t *read_full_attention(reader *r, int64_t depth)
{
    enum { MOST = 4096 };
    json_t *list = json_array();
    const int64_t step = read_integer(r, "n_wa_pattern", -1);
    if (!step || depth > MOST)
        fail(r, GAD_E_FORMAT, damaged, "n_wa_pattern", "is 0, or the tower has too many blocks");
    for (int64_t i = step - 1; i < depth && !r->status; i += step)
        json_array_append_new(list, json_integer(i));
    return list;
}

static json_t *read_deepstack(reader *r, int64_t depth)
{
    const gad_gguf_value *v = find(r, "is_deepstack_layers");
    json_t *list = json_array();
    int64_t on = 0;
    for (int64_t i = 0; v && i < depth && !r->status; i++)
        if (gad_gguf_integer(r->file, v, (uint64_t)i, &on, NULL))
            fail(r, GAD_E_FORMAT, damaged, "is_deepstack_layers", "is not a list with an entry for each block");
        else if (on)
            json_array_append_new(list, json_integer(i));
    return list;
}

static json_t *read_vision(reader *r, bool qwen3, int64_t out_hidden)
{
    const int64_t depth = read_integer(r, "block_count", -1);
    const double eps = read_number(r, "attention.layer_norm_epsilon", 1e-6);
    const gad_gguf_tensor *positions = gad_gguf_find_tensor(r->file, "v.position_embd.weight");
    json_t *vision = json_pack("{s:I, s:I, s:i}", "depth", (json_int_t)depth, "out_hidden_size", (json_int_t)out_hidden,
                               "temporal_patch_size", 2);
    put_integer(vision, r, "hidden_size", "embedding_length", -1);
    put_integer(vision, r, "intermediate_size", "feed_forward_length", -1);
    put_integer(vision, r, "num_heads", "attention.head_count", -1);
    put_integer(vision, r, "patch_size", "patch_size", -1);
    put_integer(vision, r, "spatial_merge_size", "spatial_merge_size", 2);
    if (fabs(eps - 1e-6) > 1e-9)
        fail(r, GAD_E_UNSUPPORTED, "gad computes the towers of Qwen-VL, whose value is 1e-6",
             "attention.layer_norm_epsilon", "is not 1e-6");
    if (!qwen3) {
        put_integer(vision, r, "window_size", "window_size", 112);
        json_object_set_new(vision, "fullatt_block_indexes", read_full_attention(r, depth));
        return vision;
    }
    if (!positions || positions->rank < 1)
        fail(r, GAD_E_FORMAT, damaged, "embedding_length", "has no tensor v.position_embd.weight to go with it");
    else
        json_object_set_new(vision, "num_position_embeddings", json_integer(positions->shape[0]));
    json_object_set_new(vision, "deepstack_visual_indexes", read_deepstack(r, depth));
    return vision;
}

/* Which family the tower is of. */
static gad_status read_projector(const gad_gguf *vision, bool *qwen3, gad_error *err)
{
    reader clip = {.file = vision, .prefix = "clip", .err = err};
    char name[64];
    read_string(&clip, find(&clip, "projector_type") ? "projector_type" : "vision.projector_type", name, sizeof name);
    *qwen3 = !strcmp(name, "qwen3vl_merger");
    if (!clip.status && !*qwen3 && strcmp(name, "qwen2.5vl_merger") != 0)
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "give the mmproj file of a Qwen2.5-VL or Qwen3-VL model",
                             "%s: key clip.projector_type is \"%s\"", vision->path, name);
    return clip.status;
}

/* ---- the files ----------------------------------------------------------------------------------------------------- */

gad_status gad_gguf_settings_config(const gad_gguf *text, const gad_gguf *vision, json_t **root, gad_error *err)
{
    char architecture[32];
    bool qwen3 = false;
    gad_status status = gad_gguf_settings_architecture(text, architecture, err);
    if (!status && vision)
        status = read_projector(vision, &qwen3, err);
    if (status)
        return status;
    const char *expected = !vision ? "llama" : qwen3 ? "qwen3vl" : "qwen2vl";
    if (strcmp(architecture, expected) != 0)
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation,
                             vision ? "give a language model and the mmproj file that was made with it"
                                    : "gad reads qwen2vl and qwen3vl with an mmproj file, and llama alone",
                             "%s: key general.architecture is \"%s\", where \"%s\" is needed", text->path, architecture,
                             expected);
    reader t = {.file = text, .prefix = architecture, .err = err};
    const gad_gguf_value *relative = gad_gguf_find(text, "gad.relative_boxes"); /* of a model that gad wrote */
    reader v = {.file = vision, .prefix = "clip.vision", .err = err};
    json_t *made = json_pack("{s:s, s:o}", "model_type",
                             !vision ? "llama"
                             : qwen3 ? "qwen3_vl"
                                     : "qwen2_5_vl",
                             "text_config", read_text(&t, qwen3, !vision));
    if (relative)
        json_object_set_new(made, "box_coordinates", json_string("relative_1000"));
    status = made ? t.status : gad_error_memory(err, operation, 0);
    if (!status && vision) {
        json_object_set_new(made, "vision_config", read_vision(&v, qwen3, read_integer(&t, "embedding_length", -1)));
        status = v.status ? v.status : set_tokens(made, text, err);
    }
    if (status)
        json_decref(made);
    else
        *root = made;
    return status;
}

gad_status gad_gguf_settings_pictures(const gad_gguf *vision, json_t **root, gad_error *err)
{
    bool qwen3 = false;
    gad_status status = read_projector(vision, &qwen3, err);
    if (status)
        return status;
    reader r = {.file = vision, .prefix = "clip.vision", .err = err};
    /* The files of the published checkpoints: which bounds, and which implementation made the pictures (spec 1.4, 10.1). */
    json_t *made = json_pack("{s:s, s:i}", "image_processor_type",
                             qwen3 ? "Qwen2VLImageProcessorFast" : "Qwen2VLImageProcessor", "temporal_patch_size", 2);
    put_integer(made, &r, "patch_size", "patch_size", -1);
    put_integer(made, &r, "merge_size", "spatial_merge_size", 2);
    put_integer(made, &r, "min_pixels", "image_min_pixels", qwen3 ? 65536 : 3136);
    put_integer(made, &r, "max_pixels", "image_max_pixels", qwen3 ? 16777216 : 12845056);
    json_object_set_new(made, "image_mean", read_list(&r, "image_mean", 3, 3));
    json_object_set_new(made, "image_std", read_list(&r, "image_std", 3, 3));
    if (r.status)
        json_decref(made);
    else
        *root = made;
    return r.status;
}
