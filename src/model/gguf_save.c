/* gguf_save: see gguf_save.h. Keys as llama.cpp's converter writes them (conversion/base.py, qwenvl.py, qwen3vl.py). */
#include "model/gguf_save.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "io/gguf_block.h"
#include "io/gguf_write.h"
#include "model/gguf_tensors.h"
#include "model/gguf_vocab.h"
#include "text/byte_level.h"
#include "text/tokenizer_load.h"

static const char operation[] = "write GGUF file";

/* ---- tokens -------------------------------------------------------------------------------------------------------- */

static void put_texts(gad_gguf_pairs *pairs, const gad_tokenizer *t, int64_t vocab)
{
    gad_string text = {0};
    gad_gguf_write_array(pairs, "tokenizer.ggml.tokens", GAD_GGUF_STRING, (uint64_t)vocab);
    for (int64_t id = 0; id < vocab; id++) {
        const gad_vocab_token *token = gad_vocab_token_of(&t->vocab, (int32_t)id);
        gad_string_clear(&text);
        if (!token)
            gad_string_addf(&text, "[PAD%lld]", (long long)id);
        else if (token->added || token->plain)
            gad_string_append(&text, gad_vocab_bytes(&t->vocab, token), token->length);
        else
            gad_byte_level_write(&text, gad_vocab_bytes(&t->vocab, token), token->length);
        gad_gguf_write_text_element(pairs, gad_string_text(&text), text.length);
        pairs->bytes.failed |= text.failed;
    }
    gad_string_free(&text);
}

static void put_kinds(gad_gguf_pairs *pairs, const gad_tokenizer *t, int64_t vocab)
{
    gad_gguf_write_array(pairs, "tokenizer.ggml.token_type", GAD_GGUF_I32, (uint64_t)vocab);
    for (int64_t id = 0; id < vocab; id++) {
        const gad_vocab_token *token = gad_vocab_token_of(&t->vocab, (int32_t)id);
        gad_gguf_write_i32_element(pairs, !token           ? GAD_GGUF_UNUSED
                                          : token->special ? GAD_GGUF_CONTROL
                                          : token->added   ? GAD_GGUF_USER_DEFINED
                                                           : GAD_GGUF_NORMAL);
    }
}

static size_t count_merges(const gad_bpe *bpe)
{
    size_t count = 0;
    for (size_t i = 0; bpe->slot && i <= bpe->mask; i++)
        count += bpe->slot[i].left >= 0;
    return count;
}

/* "left right", by rank. */
static gad_status put_merges(gad_gguf_pairs *pairs, const gad_tokenizer *t, gad_error *err)
{
    const size_t count = count_merges(&t->bpe);
    const gad_bpe_slot **by_rank = gad_memory_zero(count, sizeof *by_rank);
    gad_string text = {0};
    if (!by_rank)
        return gad_error_memory(err, operation, count * sizeof *by_rank);
    for (size_t i = 0; count && i <= t->bpe.mask; i++)
        if (t->bpe.slot[i].left >= 0 && t->bpe.slot[i].rank < count)
            by_rank[t->bpe.slot[i].rank] = &t->bpe.slot[i];
    gad_gguf_write_array(pairs, "tokenizer.ggml.merges", GAD_GGUF_STRING, count);
    for (size_t i = 0; i < count && by_rank[i]; i++) { /* ranks are 0, 1, .. without a gap */
        const gad_vocab_token *left = gad_vocab_token_of(&t->vocab, by_rank[i]->left);
        const gad_vocab_token *right = gad_vocab_token_of(&t->vocab, by_rank[i]->right);
        gad_string_clear(&text);
        gad_byte_level_write(&text, gad_vocab_bytes(&t->vocab, left), left->length);
        gad_string_add(&text, " ");
        gad_byte_level_write(&text, gad_vocab_bytes(&t->vocab, right), right->length);
        gad_gguf_write_text_element(pairs, gad_string_text(&text), text.length);
        pairs->bytes.failed |= text.failed;
    }
    gad_string_free(&text);
    gad_memory_free(by_rank);
    return GAD_OK;
}

static gad_status put_tokenizer(gad_gguf_pairs *pairs, const gad_gguf_parcel *p, gad_error *err)
{
    const int64_t vocab = p->model->config.text.vocab;
    const char *pre = p->tokenizer->rules.pieces == GAD_PRETOKENIZE_QWEN ? "qwen2" : "smollm";
    const int32_t end = gad_tokenizer_find(p->tokenizer, "<|im_end|>"),
                  pad = gad_tokenizer_find(p->tokenizer, "<|endoftext|>");
    gad_gguf_write_string(pairs, "tokenizer.ggml.model", "gpt2", 4);
    gad_gguf_write_string(pairs, "tokenizer.ggml.pre", pre, strlen(pre));
    put_texts(pairs, p->tokenizer, vocab);
    put_kinds(pairs, p->tokenizer, vocab);
    if (end >= 0)
        gad_gguf_write_u32(pairs, "tokenizer.ggml.eos_token_id", end);
    if (pad >= 0) {
        gad_gguf_write_u32(pairs, "tokenizer.ggml.padding_token_id", pad);
        gad_gguf_write_u32(pairs, "tokenizer.ggml.bos_token_id", pad);
    }
    gad_gguf_write_bool(pairs, "tokenizer.ggml.add_bos_token", false);
    gad_gguf_write_string(pairs, "tokenizer.chat_template", p->template_text, p->template_length);
    return put_merges(pairs, p->tokenizer, err);
}

/* ---- settings ------------------------------------------------------------------------------------------------------ */

static void put_general(gad_gguf_pairs *pairs, const char *architecture, const char *type)
{
    static const struct {
        const char *type;
        int number; /* llama_ftype */
    } numbers[] = {{"F32", 0}, {"F16", 1}, {"Q8_0", 7}, {"BF16", 32}};
    gad_gguf_write_string(pairs, "general.architecture", architecture, strlen(architecture));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(numbers[i].type, type))
            gad_gguf_write_u32(pairs, "general.file_type", numbers[i].number);
    gad_gguf_write_u32(pairs, "general.quantization_version", 2);
}

static void put_text_settings(gad_gguf_pairs *pairs, const gad_config *config, const char *architecture)
{
    const gad_text_config *t = &config->text;
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"block_count", t->layers},
                   {"context_length", t->max_position},
                   {"embedding_length", t->hidden},
                   {"feed_forward_length", t->intermediate},
                   {"attention.head_count", t->heads},
                   {"attention.head_count_kv", t->kv_heads},
                   {"attention.key_length", t->head_dim},
                   {"attention.value_length", t->head_dim},
                   {"vocab_size", t->vocab}};
    char key[80];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(key, sizeof key, "%s.%s", architecture, numbers[i].key);
        gad_gguf_write_u32(pairs, key, numbers[i].value);
    }
    snprintf(key, sizeof key, "%s.rope.freq_base", architecture);
    gad_gguf_write_f32(pairs, key, t->rope_theta);
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", architecture);
    gad_gguf_write_f32(pairs, key, t->norm_eps);
    snprintf(key, sizeof key, "%s.rope.dimension_sections", architecture);
    gad_gguf_write_array(pairs, key, GAD_GGUF_I32, 4);
    for (int i = 0; i < 4; i++)
        gad_gguf_write_i32_element(pairs, i < 3 ? t->mrope_section[i] : 0);
    if (config->family == GAD_FAMILY_QWEN3)
        gad_gguf_write_u32(pairs, "qwen3vl.n_deepstack_layers", config->vision.deepstack_count);
    if (config->relative_boxes)
        gad_gguf_write_bool(pairs, "gad.relative_boxes", true);
}

static void put_colours(gad_gguf_pairs *pairs, const char *key, const double value[3])
{
    gad_gguf_write_array(pairs, key, GAD_GGUF_F32, 3);
    for (int c = 0; c < 3; c++)
        gad_gguf_write_f32_element(pairs, value[c]);
}

/* The pattern that llama.cpp's files can say: every n-th block sees the whole image; 0: it is another one. */
static int attention_pattern(const gad_vision_config *v)
{
    int step = 0;
    while (step < v->depth && !v->full_attention[step])
        step++;
    for (int i = 0; i < v->depth; i++)
        if (v->full_attention[i] != ((i + 1) % (step + 1) == 0))
            return 0;
    return step + 1;
}

static void put_vision_settings(gad_gguf_pairs *pairs, const gad_gguf_parcel *p)
{
    const gad_config *config = &p->model->config;
    const gad_vision_config *v = &config->vision;
    const bool qwen3 = config->family == GAD_FAMILY_QWEN3;
    const char *projector = qwen3 ? "qwen3vl_merger" : "qwen2.5vl_merger";
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"clip.vision.image_size", qwen3 ? (int64_t)v->position_side * v->patch : 560},
                   {"clip.vision.patch_size", v->patch},
                   {"clip.vision.embedding_length", v->hidden},
                   {"clip.vision.feed_forward_length", v->intermediate},
                   {"clip.vision.projection_dim", v->out_hidden},
                   {"clip.vision.block_count", v->depth},
                   {"clip.vision.attention.head_count", v->heads},
                   {"clip.vision.spatial_merge_size", v->merge},
                   {"clip.vision.image_min_pixels", p->pictures->min_pixels},
                   {"clip.vision.image_max_pixels", p->pictures->max_pixels}};
    gad_gguf_write_bool(pairs, "clip.has_vision_encoder", true);
    gad_gguf_write_string(pairs, "clip.projector_type", projector, strlen(projector));
    gad_gguf_write_bool(pairs, qwen3 ? "clip.use_gelu" : "clip.use_silu", true);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        gad_gguf_write_u32(pairs, numbers[i].key, numbers[i].value);
    gad_gguf_write_f32(pairs, "clip.vision.attention.layer_norm_epsilon", 1e-6);
    put_colours(pairs, "clip.vision.image_mean", p->pictures->mean);
    put_colours(pairs, "clip.vision.image_std", p->pictures->std);
    if (!qwen3) {
        gad_gguf_write_u32(pairs, "clip.vision.n_wa_pattern", attention_pattern(v));
        gad_gguf_write_u32(pairs, "clip.vision.window_size", (int64_t)v->window * v->patch);
        return;
    }
    gad_gguf_write_array(pairs, "clip.vision.is_deepstack_layers", GAD_GGUF_BOOL, (uint64_t)v->depth);
    for (int i = 0; i < v->depth; i++) {
        bool on = false;
        for (int k = 0; k < v->deepstack_count; k++)
            on |= v->deepstack[k] == i;
        gad_gguf_write_bool_element(pairs, on);
    }
}

/* ---- tensors ------------------------------------------------------------------------------------------------------- */

/* One part of a parameter on its way to a file. */
typedef struct source {
    const gad_config *config;
    const gad_param *param;
    gad_gguf_parts parts;
    int part;
} source;

static void make_row(const void *user, int64_t row, float *out)
{
    const source *s = user;
    const gad_gguf_parts *parts = &s->parts;
    const gad_gguf_place place = gad_gguf_tensors_place(s->config, parts->layout, parts->count, s->param, s->part, row);
    const int64_t cols =
        gad_param_count(s->param) / s->param->shape[0] / (parts->layout == GAD_GGUF_FRAMES ? parts->count : 1);
    for (int64_t i = 0; i < cols; i++)
        out[i] = (float)gad_param_get(s->param, place.at + i / place.n * place.step + i % place.n);
}

/* Vectors and learned positions stay exact; rows that are no whole number of blocks are halved. */
static const gad_gguf_block *block_of(const gad_param *param, int64_t inner, const char *type)
{
    const gad_gguf_block *block = gad_gguf_block_find(type);
    if (!param->is_matrix || strstr(param->name, "pos_embed"))
        return gad_gguf_block_find("F32");
    return inner % (int64_t)block->count || param->rank > 2 ? gad_gguf_block_find(block->count > 1 ? "F16" : type) : block;
}

static gad_status write_tensors(const gad_gguf_parcel *p, bool visual, const char *path, const gad_gguf_pairs *pairs,
                                gad_error *err)
{
    const gad_params *params = &p->model->params;
    const size_t most = GAD_GGUF_MAX_PARTS * params->count;
    source *sources = gad_memory_zero(most, sizeof *sources);
    gad_gguf_item *items = gad_memory_zero(most, sizeof *items);
    size_t count = 0;
    gad_status status = sources && items ? GAD_OK : gad_error_memory(err, operation, most * sizeof *sources);
    for (size_t i = 0; i < params->count && !status; i++) {
        const gad_param *param = params->item[i];
        const gad_gguf_parts parts = gad_gguf_tensors_of(&p->model->config, param);
        if (gad_param_is_visual(param) != visual || strstr(param->name, ".lora_"))
            continue;
        if (!parts.count)
            status =
                gad_error_set(err, GAD_E_UNSUPPORTED, operation, NULL, "llama.cpp has no tensor for \"%s\"", param->name);
        for (int k = 0; k < parts.count; k++, count++) {
            sources[count] = (source){.config = &p->model->config, .param = param, .parts = parts, .part = k};
            gad_gguf_item *item = &items[count];
            int64_t shape[GAD_PARAM_MAX_RANK];
            *item = (gad_gguf_item){.name = sources[count].parts.name[k], .row = make_row, .user = &sources[count]};
            item->rank = gad_gguf_tensors_shape(parts.layout, parts.count, param, shape);
            memcpy(item->shape, shape, sizeof item->shape);
            item->block = block_of(param, item->shape[item->rank - 1], p->type);
        }
    }
    if (!status)
        status = gad_gguf_write(path, pairs, items, count, err);
    gad_memory_free(sources);
    gad_memory_free(items);
    return status;
}

/* ---- the files ----------------------------------------------------------------------------------------------------- */

char *gad_gguf_save_mmproj(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const size_t size = strlen(path) + sizeof "mmproj-";
    char *made = gad_memory_alloc(size, 1);
    if (made)
        snprintf(made, size, "%.*smmproj-%s", (int)(name - path), path, name);
    return made;
}

static gad_status check(const gad_gguf_parcel *p, gad_error *err)
{
    const gad_config *config = &p->model->config;
    const gad_gguf_block *block = gad_gguf_block_find(p->type);
    if (!block || !block->write)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "F32, F16, BF16 and Q8_0 can be written", "type %s", p->type);
    if (config->evidence.heads)
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "serve it with gad serve, which speaks the OpenAI protocol",
                             "llama.cpp has no place for the evidence head of this model");
    if (config->family == GAD_FAMILY_QWEN25 && config->vision.depth && !attention_pattern(&config->vision))
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, NULL,
                             "llama.cpp's files cannot say which blocks of this tower see the whole image");
    return GAD_OK;
}

gad_status gad_gguf_save(const gad_gguf_parcel *p, const char *path, gad_error *err)
{
    static const char *const architectures[] = {"qwen2vl", "qwen3vl", "llama"};
    const char *architecture = architectures[p->model->config.family];
    gad_gguf_pairs text = {0}, vision = {0};
    char *tower = gad_gguf_save_mmproj(path);
    gad_status status = tower ? check(p, err) : gad_error_memory(err, operation, strlen(path));
    if (!status) {
        put_general(&text, architecture, p->type);
        put_text_settings(&text, &p->model->config, architecture);
        status = put_tokenizer(&text, p, err);
    }
    if (!status && p->model->config.vision.depth) {
        put_general(&vision, "clip", p->type);
        put_vision_settings(&vision, p);
        status = write_tensors(p, true, tower, &vision, err);
    }
    if (!status)
        status = write_tensors(p, false, path, &text, err);
    gad_string_free(&text.bytes);
    gad_string_free(&vision.bytes);
    gad_memory_free(tower);
    return status;
}
