/* vocab_files: see vocab_files.h */
#include "text/vocab_files.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/string.h"
#include "text/byte_level.h"
#include "text/chat_template.h"
#include "text/pretokenize.h"

enum { CONTROL_COUNT = 37, SPECIAL_COUNT = 14 }; /* the first 14 are flagged special (spec docs/spec/qwen_vl.md 7) */

const char *const gad_vocab_files_control[CONTROL_COUNT] = {
    "<|endoftext|>",  "<|im_start|>",   "<|im_end|>",      "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>",  "<|box_end|>",    "<|quad_start|>",  "<|quad_end|>",         "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>",   "<|video_pad|>",        "<tool_call>",
    "</tool_call>",   "<|fim_prefix|>", "<|fim_middle|>",  "<|fim_suffix|>",       "<|fim_pad|>",
    "<|repo_name|>",  "<|file_sep|>",   "<tool_response>", "</tool_response>",     "<think>",
    "</think>",       "<answer>",       "</answer>",       "<|region_1|>",         "<|region_2|>",
    "<|region_3|>",   "<|region_4|>",   "<|region_5|>",    "<|region_6|>",         "<|region_7|>",
    "<|object|>",     "<|elsewhere|>"};

static const char operation[] = "write tokenizer";

/* The flags of an added token; `id` is left out when negative. */
static json_t *added_token(int control, int64_t id)
{
    json_t *token = json_pack("{s:s, s:b, s:b, s:b, s:b, s:b}", "content", gad_vocab_files_control[control], "special",
                              control < SPECIAL_COUNT, "normalized", 0, "lstrip", 0, "rstrip", 0, "single_word", 0);
    if (id >= 0)
        json_object_set_new(token, "id", json_integer(id));
    return token;
}

static json_t *byte_level(void)
{
    return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets", 0, "use_regex", 0);
}

/* "vocab" and "merges" of the model. NULL without memory. */
static json_t *model_json(const char *bytes, const gad_vocab_files_token *token, size_t token_count,
                          const gad_vocab_files_merge *merge, size_t merge_count)
{
    json_t *vocab = json_object(), *merges = json_array();
    gad_string text = {0};
    for (size_t i = 0; i < token_count; i++) {
        gad_string_clear(&text);
        gad_byte_level_write(&text, bytes + token[i].start, token[i].length);
        json_object_set_new(vocab, gad_string_text(&text), json_integer((json_int_t)i));
    }
    for (size_t i = 0; i < merge_count; i++) {
        const gad_vocab_files_token *left = &token[merge[i].left], *right = &token[merge[i].right];
        gad_string_clear(&text);
        gad_byte_level_write(&text, bytes + left->start, left->length);
        gad_string_add(&text, " ");
        gad_byte_level_write(&text, bytes + right->start, right->length);
        json_array_append_new(merges, json_string(gad_string_text(&text)));
    }
    bool complete = !text.failed && json_object_size(vocab) == token_count && json_array_size(merges) == merge_count;
    gad_string_free(&text);
    json_t *model = json_pack("{s:s, s:n, s:n, s:s, s:s, s:b, s:b, s:b, s:o, s:o}", "type", "BPE", "dropout", "unk_token",
                              "continuing_subword_prefix", "", "end_of_word_suffix", "", "fuse_unk", 0, "byte_fallback", 0,
                              "ignore_merges", 0, "vocab", vocab, "merges", merges);
    if (!complete) {
        json_decref(model);
        return NULL;
    }
    return model;
}

gad_status gad_vocab_files_json(const char *bytes, const gad_vocab_files_token *token, size_t token_count,
                                const gad_vocab_files_merge *merge, size_t merge_count, json_t **tokenizer, gad_error *err)
{
    json_t *added = json_array();
    for (int i = 0; i < CONTROL_COUNT; i++)
        json_array_append_new(added, added_token(i, (int64_t)token_count + i));
    json_t *split = json_pack("{s:s, s:{s:s}, s:s, s:b}", "type", "Split", "pattern", "Regex", GAD_PRETOKENIZE_PATTERN,
                              "behavior", "Isolated", "invert", 0);
    json_t *model = model_json(bytes, token, token_count, merge, merge_count);
    bool complete = json_array_size(added) == CONTROL_COUNT;
    json_t *root = json_pack("{s:s, s:n, s:n, s:o, s:{s:s}, s:{s:s, s:[o, o]}, s:o, s:o, s:o}", "version", "1.0",
                             "truncation", "padding", "added_tokens", added, "normalizer", "type", "NFC", "pre_tokenizer",
                             "type", "Sequence", "pretokenizers", split, byte_level(), "post_processor", byte_level(),
                             "decoder", byte_level(), "model", model);
    if (!root || !complete) {
        json_decref(root);
        return gad_error_memory(err, operation, 0);
    }
    *tokenizer = root;
    return GAD_OK;
}

/* tokenizer_config.json for a tokenizer whose control tokens begin at `first`. */
static json_t *config_json(int64_t first)
{
    json_t *decoder = json_object();
    json_t *special = json_array();
    for (int i = 0; i < CONTROL_COUNT; i++) {
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)first + i);
        json_object_set_new(decoder, id, added_token(i, -1));
        if (i && i < SPECIAL_COUNT)
            json_array_append_new(special, json_string(gad_vocab_files_control[i]));
    }
    return json_pack("{s:s, s:o, s:o, s:n, s:s, s:s, s:n, s:b, s:b, s:b, s:b, s:s, s:i, s:s}", "tokenizer_class",
                     "Qwen2Tokenizer", "added_tokens_decoder", decoder, "additional_special_tokens", special, "bos_token",
                     "eos_token", "<|im_end|>", "pad_token", "<|endoftext|>", "unk_token", "add_prefix_space", 0,
                     "add_bos_token", 0, "split_special_tokens", 0, "clean_up_tokenization_spaces", 0, "errors", "replace",
                     "model_max_length", 131072, "chat_template", gad_chat_template_own());
}

static gad_status write_json(const char *directory, const char *name, const json_t *root, gad_error *err)
{
    char *path = gad_file_join(directory, name);
    gad_status status = path && root ? gad_json_write(path, root, err) : gad_error_memory(err, operation, 0);
    gad_memory_free(path);
    return status;
}

gad_status gad_vocab_files_write(const json_t *tokenizer, const char *directory, gad_error *err)
{
    size_t tokens = json_object_size(json_object_get(json_object_get(tokenizer, "model"), "vocab"));
    json_t *config = config_json((int64_t)tokens);
    json_t *chat = json_pack("{s:s}", "chat_template", gad_chat_template_own());
    gad_status status = write_json(directory, "tokenizer.json", tokenizer, err);
    if (!status)
        status = write_json(directory, "tokenizer_config.json", config, err);
    if (!status)
        status = write_json(directory, "chat_template.json", chat, err);
    json_decref(config);
    json_decref(chat);
    return status;
}
