/* Tokenizer files: both layouts, what is not supported, what is damaged: each refused with a message that names it. */
#include "text/small.h"

#include "base/file.h"
#include "text/vocab_files.h"

static json_t *at(json_t *root, const char *key)
{
    json_t *value = json_object_get(root, key);
    assert_non_null(value);
    return value;
}

static json_t *added(json_t *root, size_t i)
{
    return json_array_get(at(root, "added_tokens"), i);
}

/* One change to a good file, and what must come of it. */
typedef struct change {
    const char *name;
    void (*make)(json_t *root);
    gad_status expected;
    const char *cause; /* must be in the message */
} change;

static void model_type(json_t *r)
{
    json_object_set_new(at(r, "model"), "type", json_string("WordPiece"));
}
static void model_absent(json_t *r)
{
    json_object_del(r, "model");
}
static void model_text(json_t *r)
{
    json_object_set_new(r, "model", json_string("BPE"));
}
static void vocab_array(json_t *r)
{
    json_object_set_new(at(r, "model"), "vocab", json_array());
}
static void id_text(json_t *r)
{
    json_object_set_new(at(at(r, "model"), "vocab"), "!", json_string("0"));
}
static void id_real(json_t *r)
{
    json_object_set_new(at(at(r, "model"), "vocab"), "!", json_real(0));
}
static void id_twice(json_t *r)
{
    json_object_set_new(at(at(r, "model"), "vocab"), "!", json_integer(1));
}
static void id_huge(json_t *r)
{
    json_object_set_new(at(at(r, "model"), "vocab"), "!", json_integer(1 << 21));
}
static void id_negative(json_t *r)
{
    json_object_set_new(at(at(r, "model"), "vocab"), "!", json_integer(-1));
}
static void byte_absent(json_t *r)
{
    json_object_del(at(at(r, "model"), "vocab"), "A");
}
static void merges_object(json_t *r)
{
    json_object_set_new(at(r, "model"), "merges", json_object());
}
static void merge_number(json_t *r)
{
    json_array_set_new(at(at(r, "model"), "merges"), 3, json_integer(7));
}
static void merge_spaces(json_t *r)
{
    json_array_set_new(at(at(r, "model"), "merges"), 3, json_string("a b c"));
}
static void merge_one(json_t *r)
{
    json_array_set_new(at(at(r, "model"), "merges"), 3, json_string("ab"));
}
static void merge_empty(json_t *r)
{
    json_array_set_new(at(at(r, "model"), "merges"), 3, json_string(" a"));
}
static void merge_part(json_t *r)
{
    json_array_set_new(at(at(r, "model"), "merges"), 3, json_string("zqz q"));
}
static void merge_result(json_t *r)
{
    json_array_set_new(at(at(r, "model"), "merges"), 3, json_string("z q"));
}
static void merge_triple(json_t *r)
{
    json_array_set_new(at(at(r, "model"), "merges"), 3, json_pack("[s,s,s]", "a", "b", "c"));
}
static void merge_twice(json_t *r)
{
    json_t *merges = at(at(r, "model"), "merges");
    json_array_append(merges, json_array_get(merges, 2));
}
static void dropout(json_t *r)
{
    json_object_set_new(at(r, "model"), "dropout", json_real(0.1));
}
static void byte_fallback(json_t *r)
{
    json_object_set_new(at(r, "model"), "byte_fallback", json_true());
}
static void prefix(json_t *r)
{
    json_object_set_new(at(r, "model"), "continuing_subword_prefix", json_string("##"));
}
static void unk(json_t *r)
{
    json_object_set_new(at(r, "model"), "unk_token", json_string("<unk>"));
}
static void nfkc(json_t *r)
{
    json_object_set_new(at(r, "normalizer"), "type", json_string("NFKC"));
}
static void normalizer_list(json_t *r)
{
    json_object_set_new(r, "normalizer", json_array());
}
static void pattern(json_t *r)
{
    json_t *split = json_array_get(at(at(r, "pre_tokenizer"), "pretokenizers"), 0);
    json_object_set_new(at(split, "pattern"), "Regex", json_string("[\\p{L}\\p{M}]+"));
}
static void behavior(json_t *r)
{
    json_object_set_new(json_array_get(at(at(r, "pre_tokenizer"), "pretokenizers"), 0), "behavior", json_string("Removed"));
}
static void use_regex(json_t *r)
{
    json_object_set_new(json_array_get(at(at(r, "pre_tokenizer"), "pretokenizers"), 1), "use_regex", json_true());
}
static void whitespace(json_t *r)
{
    json_object_set_new(r, "pre_tokenizer", json_pack("{s:s}", "type", "Whitespace"));
}
static void decoder(json_t *r)
{
    json_object_set_new(at(r, "decoder"), "type", json_string("Metaspace"));
}
static void decoder_absent(json_t *r)
{
    json_object_del(r, "decoder");
}
static void processor(json_t *r)
{
    json_object_set_new(at(r, "post_processor"), "type", json_string("TemplateProcessing"));
}
static void added_object(json_t *r)
{
    json_object_set_new(r, "added_tokens", json_object());
}
static void added_no_id(json_t *r)
{
    json_object_del(added(r, 1), "id");
}
static void added_same_id(json_t *r)
{
    json_object_set_new(added(r, 1), "id", json_integer(5));
}
static void added_same_text(json_t *r)
{
    json_object_set_new(added(r, 1), "content", json_string("<think>"));
}
static void added_number(json_t *r)
{
    json_object_set_new(added(r, 1), "content", json_integer(5));
}
static void added_empty(json_t *r)
{
    json_object_set_new(added(r, 1), "content", json_string(""));
}
static void added_strip(json_t *r)
{
    json_object_set_new(added(r, 1), "lstrip", json_true());
}
static void added_normal(json_t *r)
{
    json_object_set_new(added(r, 1), "normalized", json_true());
}
static void added_flag(json_t *r)
{
    json_object_set_new(added(r, 1), "special", json_string("yes"));
}
static void added_known(json_t *r)
{
    json_object_set_new(added(r, 1), "content", json_string("e"));
}
static void added_long(json_t *r)
{
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    json_object_set_new(added(r, 1), "content", json_string(text));
}
static void no_processor(json_t *r)
{
    json_object_set_new(r, "post_processor", json_null());
}
static void no_normalizer(json_t *r)
{
    json_object_set_new(r, "normalizer", json_null());
}
static void truncation(json_t *r)
{
    json_object_set_new(r, "truncation", json_pack("{s:i}", "max_length", 8));
}
static void same(json_t *r)
{
    (void)r;
}

static const change changes[] = {
    {"same", same, GAD_OK, NULL},
    {"no_processor", no_processor, GAD_OK, NULL},
    {"no_normalizer", no_normalizer, GAD_OK, NULL},
    {"truncation", truncation, GAD_OK, NULL},
    {"model_type", model_type, GAD_E_UNSUPPORTED, "WordPiece"},
    {"model_absent", model_absent, GAD_E_FORMAT, "model"},
    {"model_text", model_text, GAD_E_FORMAT, "model"},
    {"vocab_array", vocab_array, GAD_E_FORMAT, "vocab"},
    {"id_text", id_text, GAD_E_FORMAT, "\"!\""},
    {"id_real", id_real, GAD_E_FORMAT, "\"!\""},
    {"id_twice", id_twice, GAD_E_FORMAT, "two tokens"},
    {"id_huge", id_huge, GAD_E_FORMAT, "\"!\""},
    {"id_negative", id_negative, GAD_E_FORMAT, "\"!\""},
    {"byte_absent", byte_absent, GAD_E_FORMAT, "0x41"},
    {"merges_object", merges_object, GAD_E_FORMAT, "merges"},
    {"merge_number", merge_number, GAD_E_FORMAT, "merge 3"},
    {"merge_spaces", merge_spaces, GAD_E_FORMAT, "merge 3"},
    {"merge_one", merge_one, GAD_E_FORMAT, "merge 3"},
    {"merge_empty", merge_empty, GAD_E_FORMAT, "merge 3"},
    {"merge_part", merge_part, GAD_E_FORMAT, "\"zqz\""},
    {"merge_result", merge_result, GAD_E_FORMAT, "\"zq\""},
    {"merge_triple", merge_triple, GAD_E_FORMAT, "merge 3"},
    {"merge_twice", merge_twice, GAD_E_FORMAT, "repeats"},
    {"dropout", dropout, GAD_E_UNSUPPORTED, "dropout"},
    {"byte_fallback", byte_fallback, GAD_E_UNSUPPORTED, "byte_fallback"},
    {"prefix", prefix, GAD_E_UNSUPPORTED, "continuing_subword_prefix"},
    {"unk", unk, GAD_E_UNSUPPORTED, "unk_token"},
    {"nfkc", nfkc, GAD_E_UNSUPPORTED, "NFKC"},
    {"normalizer_list", normalizer_list, GAD_E_FORMAT, "normalizer"},
    {"pattern", pattern, GAD_E_UNSUPPORTED, "\\p{M}"},
    {"behavior", behavior, GAD_E_UNSUPPORTED, "Removed"},
    {"use_regex", use_regex, GAD_E_UNSUPPORTED, "use_regex"},
    {"whitespace", whitespace, GAD_E_UNSUPPORTED, "Whitespace"},
    {"decoder", decoder, GAD_E_UNSUPPORTED, "Metaspace"},
    {"decoder_absent", decoder_absent, GAD_E_UNSUPPORTED, "decoder"},
    {"processor", processor, GAD_E_UNSUPPORTED, "TemplateProcessing"},
    {"added_object", added_object, GAD_E_FORMAT, "added_tokens"},
    {"added_no_id", added_no_id, GAD_E_FORMAT, "id"},
    {"added_same_id", added_same_id, GAD_E_FORMAT, "two tokens"},
    {"added_same_text", added_same_text, GAD_E_FORMAT, "same content"},
    {"added_number", added_number, GAD_E_FORMAT, "content"},
    {"added_empty", added_empty, GAD_E_FORMAT, "bytes"},
    {"added_strip", added_strip, GAD_E_UNSUPPORTED, "lstrip"},
    {"added_normal", added_normal, GAD_E_UNSUPPORTED, "normalized"},
    {"added_flag", added_flag, GAD_E_FORMAT, "special"},
    {"added_known", added_known, GAD_E_FORMAT, "vocabulary"},
    {"added_long", added_long, GAD_E_FORMAT, "bytes"},
};

static void changed_files(void **state)
{
    (void)state;
    json_t *good = small_json(330);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        gad_error err = {0};
        gad_tokenizer *t = NULL;
        json_t *root = json_deep_copy(good);
        changes[i].make(root);
        gad_status status = small_parse(root, &t, &err);
        if (status != changes[i].expected || (status && !strstr(err.cause, changes[i].cause)))
            fail_msg("%s: %s: %s", changes[i].name, gad_status_name(status), err.cause);
        if (status)
            assert_non_null(strstr(err.cause, "small.json"));
        gad_tokenizer_free(t);
    }
    json_decref(good);
}

static void not_json(void **state)
{
    (void)state;
    gad_error err;
    gad_tokenizer *t;
    static const char *const texts[] = {
        "", "{", "[]", "null", "{\"model\":{\"vocab\":{\"a\":0,\"a\":1}}}", "\xFF", "{\"model\": []}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_not_equal(gad_tokenizer_parse(texts[i], strlen(texts[i]), "text", &t, &err), GAD_OK);
    assert_int_equal(gad_tokenizer_load(GAD_TEST_TMP "/nothing", &t, &err), GAD_E_IO);
}

/* vocab.json + merges.txt + tokenizer_config.json give the same tokenizer as tokenizer.json. */
static void write_parts(const json_t *root, const char *directory, const char *header, const char *line_end)
{
    gad_error err;
    gad_string text = {0};
    ASSERT_OK(gad_file_make_directory(directory, &err), &err);
    ASSERT_OK(gad_vocab_files_write(root, directory, &err), &err);
    ASSERT_OK(gad_file_remove(support_scratch(directory, "tokenizer.json"), &err), &err);
    const json_t *model = json_object_get(root, "model");
    ASSERT_OK(gad_json_write(support_scratch(directory, "vocab.json"), json_object_get(model, "vocab"), &err), &err);
    size_t i;
    json_t *merge;
    gad_string_add(&text, header);
    json_array_foreach (json_object_get(model, "merges"), i, merge)
        gad_string_addf(&text, "%s%s", json_string_value(merge), line_end);
    ASSERT_OK(gad_file_write(support_scratch(directory, "merges.txt"), text.data, text.length, &err), &err);
    gad_string_free(&text);
}

static void two_layouts(void **state)
{
    (void)state;
    gad_error err;
    gad_tokenizer *whole, *parts[2];
    json_t *root = small_json(340);
    write_parts(root, GAD_TEST_TMP "/parts", "#version: 0.2\n", "\n");
    write_parts(root, GAD_TEST_TMP "/parts_crlf", "", "\r\n");
    ASSERT_OK(gad_tokenizer_load(GAD_TEST_TMP "/parts", &parts[0], &err), &err);
    ASSERT_OK(gad_tokenizer_load(GAD_TEST_TMP "/parts_crlf", &parts[1], &err), &err);
    ASSERT_OK(small_parse(root, &whole, &err), &err);
    gad_rng rng = gad_rng_make(31, 0);
    gad_string text = {0};
    for (int round = 0; round < 2000; round++) {
        gad_tokenizer_ids a = {0}, b = {0};
        small_random_text(&rng, &text);
        const gad_tokenizer *other = parts[round % 2];
        ASSERT_OK(gad_tokenizer_encode(whole, gad_string_text(&text), text.length, GAD_TOKENIZER_CONTROL, &a, &err), &err);
        ASSERT_OK(gad_tokenizer_encode(other, gad_string_text(&text), text.length, GAD_TOKENIZER_CONTROL, &b, &err), &err);
        assert_int_equal(a.count, b.count);
        if (a.count)
            assert_memory_equal(a.id, b.id, a.count * sizeof *a.id);
        gad_tokenizer_ids_free(&a);
        gad_tokenizer_ids_free(&b);
    }
    gad_string_free(&text);
    gad_tokenizer_free(whole);
    gad_tokenizer_free(parts[0]);
    gad_tokenizer_free(parts[1]);
}

static void damaged_parts(void **state)
{
    (void)state;
    gad_error err;
    gad_tokenizer *t;
    const char *folder = GAD_TEST_TMP "/damaged", *config = GAD_TEST_TMP "/damaged/tokenizer_config.json";
    json_t *root = small_json(300);
    write_parts(root, folder, "#version: 0.2\na  b\n", "\n");
    assert_int_equal(gad_tokenizer_load(folder, &t, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "merges.txt"));
    assert_non_null(strstr(err.cause, "merge 0"));

    static const char *const bad_config[] = {
        "{\"tokenizer_class\": \"LlamaTokenizer\"}",
        "{}",
        "{\"tokenizer_class\": 5}",
        "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"add_prefix_space\": true}",
        "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"added_tokens_decoder\": []}",
        "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"added_tokens_decoder\": {\"x\": {\"content\": \"<a>\"}}}",
        "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"added_tokens_decoder\": {\"99999999999999\": {\"content\": \"<a>\"}}}",
        "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"added_tokens_decoder\": {\"600\": \"<a>\"}}"};
    write_parts(root, folder, "#version: 0.2\n", "\n");
    for (size_t i = 0; i < sizeof bad_config / sizeof *bad_config; i++) {
        ASSERT_OK(gad_file_write(config, bad_config[i], strlen(bad_config[i]), &err), &err);
        assert_int_not_equal(gad_tokenizer_load(folder, &t, &err), GAD_OK);
        assert_non_null(strstr(err.cause, "tokenizer_config.json"));
    }
    write_parts(root, folder, "#version: 0.2\n", "\n");
    ASSERT_OK(gad_tokenizer_load(folder, &t, &err), &err);
    gad_tokenizer_free(t);
    ASSERT_OK(gad_file_remove(GAD_TEST_TMP "/damaged/merges.txt", &err), &err);
    assert_int_equal(gad_tokenizer_load(folder, &t, &err), GAD_E_IO);
    json_decref(root);
}

/* An added token may be one of the vocabulary under its own id, and its content may have bytes that stand for none. */
static void added_and_vocabulary(void **state)
{
    (void)state;
    gad_error err;
    gad_tokenizer *t;
    json_t *root = small_json(330), *list = at(root, "added_tokens");
    json_array_append_new(list, json_pack("{s:i, s:s, s:b}", "id", 68, "content", "e", "special", 1));
    json_array_append_new(list, json_pack("{s:i, s:s}", "id", 1000, "content", "  two spaces"));
    json_array_append_new(list, json_pack("{s:i, s:s}", "id", 1001, "content", " "));
    ASSERT_OK(small_parse(root, &t, &err), &err);
    assert_int_equal(gad_tokenizer_size(t), 1002);
    gad_tokenizer_ids ids = {0};
    gad_string text = {0};
    ASSERT_OK(gad_tokenizer_encode(t, "e  two spaces e", 15, GAD_TOKENIZER_CONTROL, &ids, &err), &err);
    const int32_t expected[] = {68, 1000, 1001, 68};
    assert_int_equal(ids.count, 4);
    assert_memory_equal(ids.id, expected, sizeof expected);
    ASSERT_OK(gad_tokenizer_decode(t, ids.id, ids.count, false, &text, &err), &err);
    assert_string_equal(gad_string_text(&text), "e  two spaces e");
    size_t length;
    assert_null(gad_tokenizer_bytes(t, 500, &length)); /* a hole */
    gad_string_free(&text);
    gad_tokenizer_ids_free(&ids);
    gad_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(changed_files), cmocka_unit_test(not_json),
                                       cmocka_unit_test(two_layouts), cmocka_unit_test(damaged_parts),
                                       cmocka_unit_test(added_and_vocabulary)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
