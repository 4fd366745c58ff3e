/* tokenizer_load: fills a tokenizer from the files of a checkpoint: tokenizer.json, or vocab.json, merges.txt and
 * tokenizer_config.json. Refuses what gad does not implement rather than tokenise differently. Knows nothing of encoding.
 */
#include "text/tokenizer_load.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "text/byte_level.h"

#include <string.h>

enum { FILE_LIMIT_BYTES = 1 << 27, MERGE_LIMIT = GAD_VOCAB_ID_LIMIT };

static const char operation[] = "read tokenizer";

__attribute__((format(printf, 3, 4))) static gad_status malformed(gad_error *err, const char *name, const char *format, ...)
{
    char cause[512];
    va_list args;
    va_start(args, format);
    vsnprintf(cause, sizeof cause, format, args);
    va_end(args);
    return gad_error_set(err, GAD_E_FORMAT, operation, "the file is damaged; get it again", "%s: %s", name, cause);
}

/* ---- the vocabulary ----------------------------------------------------------------------------------------------- */

static gad_status add_vocab(gad_tokenizer *t, const json_t *vocab, const char *name, gad_error *err)
{
    if (!json_is_object(vocab))
        return malformed(err, name, "\"vocab\" is not an object");
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)vocab, key, value) {
        size_t length = strlen(key);
        json_int_t id = json_integer_value(value);
        if (!json_is_integer(value) || id < 0 || id >= GAD_VOCAB_ID_LIMIT)
            return malformed(err, name, "the id of token \"%.60s\" is not an integer in 0..%d", key,
                             GAD_VOCAB_ID_LIMIT - 1);
        if (length > 2 * GAD_VOCAB_TOKEN_LIMIT)
            return malformed(err, name, "token %d is %zu bytes long", (int)id, length);
        char bytes[2 * GAD_VOCAB_TOKEN_LIMIT];
        bool plain;
        size_t bytes_length = gad_byte_level_read(key, length, bytes, &plain);
        gad_status status = gad_vocab_add(&t->vocab, (int32_t)id, bytes, bytes_length, plain, name, err);
        if (status)
            return status;
    }
    for (int byte = 0; byte < 256; byte++) {
        char one = (char)byte;
        t->byte_id[byte] = gad_vocab_find(&t->vocab, &one, 1);
        if (t->byte_id[byte] < 0 && t->rules.pieces == GAD_PRETOKENIZE_QWEN)
            return malformed(err, name, "the vocabulary has no token for byte 0x%02X", (unsigned)byte);
    }
    return GAD_OK;
}

/* ---- merges ------------------------------------------------------------------------------------------------------- */

/* Add merge number `rank` of the parts' file forms. */
static gad_status add_merge(gad_tokenizer *t, uint32_t rank, const char *left, size_t left_length, const char *right,
                            size_t right_length, const char *name, gad_error *err)
{
    char bytes[2 * GAD_VOCAB_TOKEN_LIMIT];
    bool left_plain = false, right_plain = false;
    if (!left_length || !right_length || left_length > GAD_VOCAB_TOKEN_LIMIT || right_length > GAD_VOCAB_TOKEN_LIMIT)
        return malformed(err, name, "merge %u: a part is empty or over %d bytes", rank, GAD_VOCAB_TOKEN_LIMIT);
    size_t a = gad_byte_level_read(left, left_length, bytes, &left_plain);
    size_t b = gad_byte_level_read(right, right_length, bytes + a, &right_plain);
    int32_t left_id = left_plain ? -1 : gad_vocab_find(&t->vocab, bytes, a);
    int32_t right_id = right_plain ? -1 : gad_vocab_find(&t->vocab, bytes + a, b);
    int32_t merged = gad_vocab_find(&t->vocab, bytes, a + b);
    if (left_id < 0 || right_id < 0 || merged < 0)
        return malformed(err, name, "merge %u: \"%.*s%.*s\" is not in the vocabulary", rank,
                         right_id < 0 && left_id >= 0 ? 0 : (int)left_length, left, left_id < 0 ? 0 : (int)right_length,
                         right);
    if (!gad_bpe_add(&t->bpe, left_id, right_id, rank, merged))
        return malformed(err, name, "merge %u repeats an earlier one", rank);
    return GAD_OK;
}

static gad_status make_merges(gad_tokenizer *t, size_t count, const char *name, gad_error *err)
{
    if (count > MERGE_LIMIT)
        return malformed(err, name, "%zu merges; at most %d are allowed", count, MERGE_LIMIT);
    return gad_bpe_make(&t->bpe, count) ? GAD_OK : gad_error_memory(err, operation, count * 2 * sizeof(gad_bpe_slot));
}

/* "a b": exactly one space. */
static gad_status add_merge_text(gad_tokenizer *t, uint32_t rank, const char *text, size_t length, const char *name,
                                 gad_error *err)
{
    const char *space = memchr(text, ' ', length);
    size_t left = space ? (size_t)(space - text) : 0;
    if (!space || memchr(space + 1, ' ', length - left - 1))
        return malformed(err, name, "merge %u is not two tokens with one space between them", rank);
    return add_merge(t, rank, text, left, space + 1, length - left - 1, name, err);
}

/* ["a b", ..] or [["a", "b"], ..] */
static gad_status add_merges(gad_tokenizer *t, const json_t *merges, const char *name, gad_error *err)
{
    if (!json_is_array(merges))
        return malformed(err, name, "\"merges\" is not an array");
    gad_status status = make_merges(t, json_array_size(merges), name, err);
    size_t rank;
    json_t *merge;
    json_array_foreach (merges, rank, merge) {
        if (status)
            break;
        const json_t *left = json_array_get(merge, 0), *right = json_array_get(merge, 1);
        if (json_is_string(merge))
            status = add_merge_text(t, (uint32_t)rank, json_string_value(merge), json_string_length(merge), name, err);
        else if (json_array_size(merge) == 2 && json_is_string(left) && json_is_string(right))
            status = add_merge(t, (uint32_t)rank, json_string_value(left), json_string_length(left),
                               json_string_value(right), json_string_length(right), name, err);
        else
            status = malformed(err, name, "merge %zu is neither a string nor a pair of strings", rank);
    }
    return status;
}

/* merges.txt: one merge a line; the header line and empty lines do not count. */
static gad_status add_merge_lines(gad_tokenizer *t, const char *text, size_t length, const char *name, gad_error *err)
{
    size_t lines = 1;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    gad_status status = make_merges(t, lines, name, err);
    uint32_t rank = 0;
    for (size_t at = 0; at < length && !status;) {
        const char *line = text + at, *newline = memchr(line, '\n', length - at);
        size_t line_length = newline ? (size_t)(newline - line) : length - at;
        at += line_length + 1;
        if (line_length && line[line_length - 1] == '\r')
            line_length--;
        if (!line_length || (line_length >= 8 && !memcmp(line, "#version", 8)))
            continue;
        status = add_merge_text(t, rank++, line, line_length, name, err);
    }
    return status;
}

/* ---- added tokens ------------------------------------------------------------------------------------------------- */

static gad_status add_added(gad_tokenizer *t, const json_t *entry, int64_t id, const char *name, gad_error *err)
{
    const char *content;
    bool special, flag[4];
    static const char *const refused[4] = {"lstrip", "rstrip", "single_word", "normalized"};
    gad_status status = gad_json_get_string(entry, "content", name, NULL, &content, err);
    if (!status)
        status = gad_json_get_bool(entry, "special", name, false, &special, err);
    for (int i = 0; i < 4 && !status; i++)
        status = gad_json_get_bool(entry, refused[i], name, false, &flag[i], err);
    if (status)
        return status;
    if (!content || id < 0 || id >= GAD_VOCAB_ID_LIMIT)
        return malformed(err, name, "an added token has no content, or an id that is not in 0..%d", GAD_VOCAB_ID_LIMIT - 1);
    for (int i = 0; i < 4; i++)
        if (flag[i])
            return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "add the token with that option off",
                                 "%s: added token \"%.60s\" has the option %s", name, content, refused[i]);
    return gad_vocab_add_added(&t->vocab, (int32_t)id, content, strlen(content), special, name, err);
}

/* "added_tokens" of tokenizer.json: [{"id", "content", ..}, ..] */
static gad_status add_added_list(gad_tokenizer *t, const json_t *list, const char *name, gad_error *err)
{
    if (list && !json_is_null(list) && !json_is_array(list))
        return malformed(err, name, "\"added_tokens\" is not an array");
    size_t i;
    json_t *entry;
    json_array_foreach (list, i, entry) {
        if (!json_is_integer(json_object_get(entry, "id")))
            return malformed(err, name, "added token %zu has no integer \"id\"", i);
        gad_status status = add_added(t, entry, json_integer_value(json_object_get(entry, "id")), name, err);
        if (status)
            return status;
    }
    return GAD_OK;
}

/* "added_tokens_decoder" of tokenizer_config.json: {"151643": {"content", ..}, ..} */
static gad_status add_added_decoder(gad_tokenizer *t, const json_t *decoder, const char *name, gad_error *err)
{
    if (decoder && !json_is_null(decoder) && !json_is_object(decoder))
        return malformed(err, name, "\"added_tokens_decoder\" is not an object");
    const char *key;
    json_t *entry;
    json_object_foreach ((json_t *)decoder, key, entry) {
        int64_t id = 0;
        size_t digits = strspn(key, "0123456789");
        if (!digits || key[digits] || digits > 9 || !json_is_object(entry))
            return malformed(err, name, "\"%.60s\" in added_tokens_decoder is not an id with a token", key);
        for (size_t i = 0; i < digits; i++)
            id = id * 10 + (key[i] - '0');
        gad_status status = add_added(t, entry, id, name, err);
        if (status)
            return status;
    }
    return GAD_OK;
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

static gad_status fill_from_json(gad_tokenizer *t, const json_t *root, const char *name, gad_error *err)
{
    const json_t *model = json_object_get(root, "model");
    gad_status status = gad_tokenizer_check(root, name, &t->rules, err);
    if (!status)
        status = add_vocab(t, json_object_get(model, "vocab"), name, err);
    if (!status)
        status = add_merges(t, json_object_get(model, "merges"), name, err);
    return status ? status : add_added_list(t, json_object_get(root, "added_tokens"), name, err);
}

gad_status gad_tokenizer_read(const json_t *root, const char *name, gad_tokenizer **tokenizer, gad_error *err)
{
    gad_tokenizer *t = gad_memory_zero(1, sizeof *t);
    gad_status status = t ? fill_from_json(t, root, name, err) : gad_error_memory(err, operation, sizeof *t);
    if (status)
        gad_tokenizer_free(t);
    else
        *tokenizer = t;
    return status;
}

gad_status gad_tokenizer_parse(const char *json, size_t length, const char *name, gad_tokenizer **tokenizer, gad_error *err)
{
    json_t *root = NULL;
    gad_status status = gad_json_parse(json, length, name, &root, err);
    if (!status)
        status = gad_tokenizer_read(root, name, tokenizer, err);
    json_decref(root);
    return status;
}

/* Read directory/name into `text`; *path is the caller's in any case. */
static gad_status read_file(const char *directory, const char *name, char **path, char **text, size_t *length,
                            gad_error *err)
{
    *path = gad_file_join(directory, name);
    return *path ? gad_file_read(*path, FILE_LIMIT_BYTES, text, length, err) : gad_error_memory(err, operation, 0);
}

static gad_status read_json(const char *directory, const char *name, char **path, json_t **root, gad_error *err)
{
    char *text = NULL;
    size_t length;
    gad_status status = read_file(directory, name, path, &text, &length, err);
    if (!status)
        status = gad_json_parse(text, length, *path, root, err);
    gad_memory_free(text);
    return status;
}

/* vocab.json, merges.txt, tokenizer_config.json: the older layout, whose normaliser and pattern the class implies. */
static gad_status fill_from_parts(gad_tokenizer *t, const char *directory, gad_error *err)
{
    char *path[3] = {0}, *merges = NULL;
    size_t length;
    json_t *vocab = NULL, *config = NULL;
    t->rules = (gad_tokenizer_rules){.normalizes = true, .pieces = GAD_PRETOKENIZE_QWEN};
    gad_status status = read_json(directory, "tokenizer_config.json", &path[0], &config, err);
    if (!status)
        status = gad_tokenizer_check_config(config, path[0], err);
    if (!status)
        status = read_json(directory, "vocab.json", &path[1], &vocab, err);
    if (!status)
        status = add_vocab(t, vocab, path[1], err);
    if (!status)
        status = read_file(directory, "merges.txt", &path[2], &merges, &length, err);
    if (!status)
        status = add_merge_lines(t, merges, length, path[2], err);
    if (!status)
        status = add_added_decoder(t, json_object_get(config, "added_tokens_decoder"), path[0], err);
    json_decref(config);
    json_decref(vocab);
    gad_memory_free(merges);
    for (int i = 0; i < 3; i++)
        gad_memory_free(path[i]);
    return status;
}

gad_status gad_tokenizer_load(const char *directory, gad_tokenizer **tokenizer, gad_error *err)
{
    char *path = gad_file_join(directory, "tokenizer.json"), *text = NULL;
    size_t length;
    gad_tokenizer *t = NULL;
    gad_status status = path ? GAD_OK : gad_error_memory(err, operation, 0);
    if (!status && gad_file_exists(path)) {
        status = gad_file_read(path, FILE_LIMIT_BYTES, &text, &length, err);
        if (!status)
            status = gad_tokenizer_parse(text, length, path, &t, err);
    } else if (!status) {
        t = gad_memory_zero(1, sizeof *t);
        status = t ? fill_from_parts(t, directory, err) : gad_error_memory(err, operation, sizeof *t);
    }
    gad_memory_free(text);
    gad_memory_free(path);
    if (status) {
        gad_tokenizer_free(t);
        return status;
    }
    *tokenizer = t;
    return GAD_OK;
}
