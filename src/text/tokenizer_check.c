/* tokenizer_check: see tokenizer_check.h */
#include "text/tokenizer_check.h"

#include "base/error.h"

#include <string.h>

static gad_status unsupported(gad_error *err, const char *name, const char *what, const char *found)
{
    return gad_error_set(err, GAD_E_UNSUPPORTED, "read tokenizer",
                         "gad reads the byte-level BPE tokenizers of the Qwen family", "%s: %s \"%.200s\" is not supported",
                         name, what, found);
}

/* The "type" of a part of the file; "none" when it is absent or null, and an error when it is anything but an object. */
static gad_status type_of(const json_t *part, const char *name, const char *what, const char **type, gad_error *err)
{
    *type = "none";
    if (!part || json_is_null(part))
        return GAD_OK;
    if (!json_is_object(part))
        return gad_error_set(err, GAD_E_FORMAT, "read tokenizer", NULL, "%s: \"%s\" is not an object", name, what);
    return gad_json_get_string(part, "type", name, "none", type, err);
}

/* A flag that must be absent or false. */
static gad_status check_off(const json_t *part, const char *key, const char *name, gad_error *err)
{
    bool on;
    gad_status status = gad_json_get_bool(part, key, name, false, &on, err);
    return status || !on ? status : unsupported(err, name, key, "true");
}

/* A string that must be absent or empty. */
static gad_status check_empty(const json_t *part, const char *key, const char *name, gad_error *err)
{
    const char *text;
    gad_status status = gad_json_get_string(part, key, name, "", &text, err);
    return status || !*text ? status : unsupported(err, name, key, text);
}

static gad_status check_model(const json_t *model, const char *name, gad_error *err)
{
    const char *type;
    double dropout;
    gad_status status = type_of(model, name, "model", &type, err);
    /* Files of older releases leave the type out; what follows tells a BPE model then. */
    if (!status && strcmp(type, "BPE") && strcmp(type, "none"))
        return unsupported(err, name, "model type", type);
    if (!status && !json_is_object(model))
        return gad_error_set(err, GAD_E_FORMAT, "read tokenizer", NULL, "%s: there is no \"model\"", name);
    if (!status)
        status = gad_json_get_number(model, "dropout", name, 0, &dropout, err);
    if (!status && dropout != 0)
        return unsupported(err, name, "dropout", "not zero");
    static const char *const empty[] = {"unk_token", "continuing_subword_prefix", "end_of_word_suffix"};
    static const char *const off[] = {"fuse_unk", "byte_fallback", "ignore_merges"};
    for (int i = 0; i < 3 && !status; i++)
        status = check_empty(model, empty[i], name, err);
    for (int i = 0; i < 3 && !status; i++)
        status = check_off(model, off[i], name, err);
    return status;
}

static gad_status check_normalizer(const json_t *normalizer, const char *name, bool *normalizes, gad_error *err)
{
    const char *type;
    gad_status status = type_of(normalizer, name, "normalizer", &type, err);
    if (!status && !strcmp(type, "Sequence")) {
        const json_t *list = json_object_get(normalizer, "normalizers");
        if (json_array_size(list) > 1)
            return unsupported(err, name, "normalizer", "Sequence of several");
        status = type_of(json_array_get(list, 0), name, "normalizer", &type, err);
    }
    if (status)
        return status;
    *normalizes = !strcmp(type, "NFC");
    return *normalizes || !strcmp(type, "none") ? GAD_OK : unsupported(err, name, "normalizer", type);
}

/* ByteLevel, with GPT-2's expression (use_regex, the default) or without one of its own. */
static gad_status check_byte_level(const json_t *part, const char *name, bool wanted, gad_error *err)
{
    bool use_regex;
    gad_status status = check_off(part, "add_prefix_space", name, err);
    if (!status)
        status = gad_json_get_bool(part, "use_regex", name, true, &use_regex, err);
    return status || use_regex == wanted
               ? status
               : unsupported(err, name, "the ByteLevel pre-tokenizer's option use_regex", use_regex ? "true" : "false");
}

/* Split(pattern, Isolated) */
static gad_status check_split(const json_t *split, const char *name, gad_error *err)
{
    const char *pattern, *behavior;
    gad_status status = gad_json_get_string(json_object_get(split, "pattern"), "Regex", name, "none", &pattern, err);
    if (!status)
        status = gad_json_get_string(split, "behavior", name, "none", &behavior, err);
    if (!status)
        status = check_off(split, "invert", name, err);
    if (status)
        return status;
    if (strcmp(pattern, GAD_PRETOKENIZE_PATTERN))
        return unsupported(err, name, "the expression that splits words,", pattern);
    return strcmp(behavior, "Isolated") ? unsupported(err, name, "the behaviour of Split", behavior) : GAD_OK;
}

/* Digits(individual_digits) */
static gad_status check_digits(const json_t *digits, const char *name, gad_error *err)
{
    bool individual;
    gad_status status = gad_json_get_bool(digits, "individual_digits", name, false, &individual, err);
    return status || individual ? status : unsupported(err, name, "individual_digits", "false");
}

/* Sequence[Split, ByteLevel] or Sequence[Digits, ByteLevel] */
static gad_status check_pre_tokenizer(const json_t *part, const char *name, gad_pretokenize_rule *rule, gad_error *err)
{
    const char *type, *first_type, *level_type;
    const json_t *list = json_object_get(part, "pretokenizers");
    const json_t *first = json_array_get(list, 0), *level = json_array_get(list, 1);
    gad_status status = type_of(part, name, "pre_tokenizer", &type, err);
    if (!status)
        status = type_of(first, name, "pretokenizers", &first_type, err);
    if (!status)
        status = type_of(level, name, "pretokenizers", &level_type, err);
    if (status)
        return status;
    if (strcmp(type, "Sequence"))
        return unsupported(err, name, "pre-tokenizer", type);
    *rule = strcmp(first_type, "Digits") ? GAD_PRETOKENIZE_QWEN : GAD_PRETOKENIZE_DIGITS;
    if (json_array_size(list) != 2 || (strcmp(first_type, "Split") && strcmp(first_type, "Digits")) ||
        strcmp(level_type, "ByteLevel"))
        return unsupported(err, name, "pre-tokenizer", "Sequence of other parts than Split or Digits and ByteLevel");
    const bool digits = *rule == GAD_PRETOKENIZE_DIGITS;
    status = digits ? check_digits(first, name, err) : check_split(first, name, err);
    return status ? status : check_byte_level(level, name, digits, err);
}

gad_status gad_tokenizer_check(const json_t *root, const char *name, gad_tokenizer_rules *rules, gad_error *err)
{
    const char *type;
    if (!json_is_object(root))
        return gad_error_set(err, GAD_E_FORMAT, "read tokenizer", NULL, "%s: the file is not a JSON object", name);
    gad_status status = check_model(json_object_get(root, "model"), name, err);
    if (!status)
        status = check_normalizer(json_object_get(root, "normalizer"), name, &rules->normalizes, err);
    if (!status)
        status = check_pre_tokenizer(json_object_get(root, "pre_tokenizer"), name, &rules->pieces, err);
    if (!status)
        status = type_of(json_object_get(root, "decoder"), name, "decoder", &type, err);
    if (!status && strcmp(type, "ByteLevel"))
        return unsupported(err, name, "decoder", type);
    if (!status)
        status = type_of(json_object_get(root, "post_processor"), name, "post_processor", &type, err);
    if (!status && strcmp(type, "ByteLevel") && strcmp(type, "none"))
        return unsupported(err, name, "post-processor", type);
    return status;
}

gad_status gad_tokenizer_check_config(const json_t *config, const char *name, gad_error *err)
{
    const char *class;
    gad_status status = gad_json_get_string(config, "tokenizer_class", name, "none", &class, err);
    if (!status && strcmp(class, "Qwen2Tokenizer") && strcmp(class, "Qwen2TokenizerFast"))
        return unsupported(err, name, "tokenizer_class", class);
    static const char *const off[] = {"add_prefix_space", "add_bos_token", "add_eos_token", "split_special_tokens"};
    for (int i = 0; i < 4 && !status; i++)
        status = check_off(config, off[i], name, err);
    return status;
}
