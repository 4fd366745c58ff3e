/* gguf_vocab: see gguf_vocab.h */
#include "model/gguf_vocab.h"

#include <string.h>

#include "base/error.h"
#include "text/pretokenize.h"

static const char operation[] = "read the tokenizer of a GGUF file";

static gad_status malformed(const gad_gguf *file, const char *key, const char *what, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, operation, "the file is damaged; get it again", "%s: key tokenizer.ggml.%s %s",
                         file->path, key, what);
}

static const gad_gguf_value *find_strings(const gad_gguf *file, const char *key)
{
    const gad_gguf_value *v = gad_gguf_find(file, key);
    return v && v->type == GAD_GGUF_STRING ? v : NULL;
}

/* NULL unless it is text: UTF-8 without zeros. */
static json_t *text_of(gad_gguf_string s)
{
    return memchr(s.bytes, 0, s.length) ? NULL : json_stringn(s.bytes, s.length);
}

static gad_status add_token(const gad_gguf *file, gad_gguf_string s, int64_t id, int64_t kind, json_t *vocab, json_t *added,
                            gad_error *err)
{
    json_t *text = text_of(s);
    gad_status status = GAD_OK;
    if (!text || !s.length)
        status = malformed(file, "tokens", "has an entry that is empty or not UTF-8", err);
    else if (kind == GAD_GGUF_CONTROL || kind == GAD_GGUF_USER_DEFINED)
        json_array_append_new(added, json_pack("{s:I, s:O, s:b}", "id", (json_int_t)id, "content", text, "special",
                                               kind == GAD_GGUF_CONTROL));
    else if (json_object_get(vocab, json_string_value(text)))
        status = malformed(file, "tokens", "has an entry twice", err);
    else
        json_object_set_new_nocheck(vocab, json_string_value(text), json_integer((json_int_t)id));
    json_decref(text);
    return status;
}

static gad_status add_tokens(const gad_gguf *file, json_t *vocab, json_t *added, gad_error *err)
{
    const gad_gguf_value *tokens = find_strings(file, "tokenizer.ggml.tokens");
    const gad_gguf_value *kinds = gad_gguf_find(file, "tokenizer.ggml.token_type");
    if (!tokens)
        return malformed(file, "tokens", "is missing or not a list of texts", err);
    if (kinds && kinds->count != tokens->count)
        return malformed(file, "token_type", "is not as long as the list of tokens", err);
    gad_gguf_string s;
    size_t offset = 0;
    gad_status status = GAD_OK;
    for (int64_t id = 0; !status && gad_gguf_next_string(tokens, &offset, &s); id++) {
        int64_t kind = GAD_GGUF_NORMAL;
        if (kinds && gad_gguf_integer(file, kinds, (uint64_t)id, &kind, NULL))
            return malformed(file, "token_type", "is not a list of integers", err);
        if (kind != GAD_GGUF_UNUSED)
            status = add_token(file, s, id, kind, vocab, added, err);
    }
    return status;
}

static gad_status add_merges(const gad_gguf *file, json_t *merges, gad_error *err)
{
    const gad_gguf_value *v = find_strings(file, "tokenizer.ggml.merges");
    gad_gguf_string s;
    size_t offset = 0;
    if (!v)
        return malformed(file, "merges", "is missing or not a list of texts", err);
    while (gad_gguf_next_string(v, &offset, &s))
        if (json_array_append_new(merges, text_of(s)))
            return malformed(file, "merges", "has an entry that is not UTF-8", err);
    return GAD_OK;
}

static bool value_is(const gad_gguf *file, const char *key, const char *text)
{
    const gad_gguf_value *v = find_strings(file, key);
    gad_gguf_string s;
    size_t offset = 0;
    return v && !v->is_array && gad_gguf_next_string(v, &offset, &s) && gad_gguf_string_is(s, text);
}

/* What the name of a pre-tokenizer stands for in llama.cpp. */
static gad_status add_rules(const gad_gguf *file, json_t *root, gad_error *err)
{
    const bool qwen = value_is(file, "tokenizer.ggml.pre", "qwen2"),
               digits = value_is(file, "tokenizer.ggml.pre", "smollm");
    if (!value_is(file, "tokenizer.ggml.model", "gpt2") || (!qwen && !digits))
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "gad reads the byte-level BPE of Qwen and of SmolLM",
                             "%s: keys tokenizer.ggml.model and .pre are not gpt2 with qwen2 or smollm", file->path);
    json_t *first = qwen ? json_pack("{s:s, s:{s:s}, s:s}", "type", "Split", "pattern", "Regex", GAD_PRETOKENIZE_PATTERN,
                                     "behavior", "Isolated")
                         : json_pack("{s:s, s:b}", "type", "Digits", "individual_digits", 1);
    if (qwen)
        json_object_set_new(root, "normalizer", json_pack("{s:s}", "type", "NFC"));
    json_object_set_new(root, "pre_tokenizer",
                        json_pack("{s:s, s:[o, {s:s, s:b, s:b}]}", "type", "Sequence", "pretokenizers", first, "type",
                                  "ByteLevel", "add_prefix_space", 0, "use_regex", digits));
    json_object_set_new(root, "decoder", json_pack("{s:s}", "type", "ByteLevel"));
    return GAD_OK;
}

gad_status gad_gguf_vocab_json(const gad_gguf *file, json_t **root, gad_error *err)
{
    json_t *vocab = json_object(), *merges = json_array(), *added = json_array();
    json_t *made = json_pack("{s:{s:s, s:o, s:o}, s:o}", "model", "type", "BPE", "vocab", vocab, "merges", merges,
                             "added_tokens", added);
    if (!made)
        return gad_error_memory(err, operation, 0);
    gad_status status = add_rules(file, made, err);
    if (!status)
        status = add_tokens(file, vocab, added, err);
    if (!status)
        status = add_merges(file, merges, err);
    if (status)
        json_decref(made);
    else
        *root = made;
    return status;
}

int64_t gad_gguf_vocab_find(const gad_gguf *file, const char *token)
{
    const gad_gguf_value *tokens = find_strings(file, "tokenizer.ggml.tokens");
    gad_gguf_string s;
    size_t offset = 0;
    for (int64_t id = 0; tokens && gad_gguf_next_string(tokens, &offset, &s); id++)
        if (gad_gguf_string_is(s, token))
            return id;
    return -1;
}

gad_gguf_string gad_gguf_vocab_template(const gad_gguf *file)
{
    const gad_gguf_value *v = find_strings(file, "tokenizer.chat_template");
    gad_gguf_string s = {"", 0};
    size_t offset = 0;
    if (v && !v->is_array)
        gad_gguf_next_string(v, &offset, &s);
    return s;
}
