/* Training a vocabulary: hand-checked merges, determinism, digits, the files. */
#include "text/small.h"

#include "base/file.h"
#include "base/memory.h"
#include "text/chat_template.h"
#include "text/vocab_files.h"
#include "text/vocab_train.h"

static json_t *train(const char *const *text, size_t count, int32_t entries)
{
    gad_error err;
    gad_vocab_train *t;
    json_t *root;
    ASSERT_OK(gad_vocab_train_new(&t, &err), &err);
    for (size_t i = 0; i < count; i++)
        ASSERT_OK(gad_vocab_train_add(t, text[i], strlen(text[i]), &err), &err);
    ASSERT_OK(gad_vocab_train_run(t, entries, NULL, &root, &err), &err);
    gad_vocab_train_free(t);
    return root;
}

static json_t *merges_of(const json_t *root)
{
    return json_object_get(json_object_get(root, "model"), "merges");
}

static void check_merges(const json_t *root, const char *const *expected, size_t count)
{
    const json_t *merges = merges_of(root);
    assert_int_equal(json_array_size(merges), count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(json_string_value(json_array_get(merges, i)), expected[i]);
}

/* The words abab (twice: "abab", then " abab" counts apart) and bab, by hand. */
static void by_hand(void **state)
{
    (void)state;
    static const char *const text[] = {"abab\nabab\nbab\nba"};
    /* Pairs: ab 2*2+1 = 5, ba 2+1+1 = 4, then with "ab" one symbol: (ab, ab) 2, (b, ab) 1, (b, a) 1. */
    static const char *const expected[] = {"a b", "ab ab"};
    json_t *root = train(text, 1, 400);
    check_merges(root, expected, 2);
    assert_int_equal(json_object_size(json_object_get(json_object_get(root, "model"), "vocab")), 258);
    json_decref(root);
}

/* Equal counts go in byte order, the left token first: 0x20 (written U+0120) comes before letters. */
static void ties(void **state)
{
    (void)state;
    static const char *const text[] = {"zy\nzy\nxw\nxw\nxy\nxy\n q\n q"};
    static const char *const expected[] = {"\xC4\xA0 q", "x w", "x y", "z y"};
    json_t *root = train(text, 1, 400);
    check_merges(root, expected, 4);
    json_decref(root);
}

static void stops_at_size(void **state)
{
    (void)state;
    static const int32_t sizes[] = {GAD_VOCAB_TRAIN_LEAST, GAD_VOCAB_TRAIN_LEAST + 1, 300, 320};
    for (size_t i = 0; i < 4; i++) {
        json_t *root = train((const char *const[]){small_text}, 1, sizes[i]);
        assert_int_equal(json_array_size(merges_of(root)), sizes[i] - GAD_VOCAB_TRAIN_LEAST);
        json_decref(root);
    }
    gad_error err;
    gad_vocab_train *t;
    json_t *root;
    ASSERT_OK(gad_vocab_train_new(&t, &err), &err);
    assert_int_equal(gad_vocab_train_run(t, GAD_VOCAB_TRAIN_LEAST - 1, NULL, &root, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_vocab_train_run(t, GAD_VOCAB_TRAIN_MOST + 1, NULL, &root, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_vocab_train_add(t, "\xFF\xCC\x81", 3, &err), GAD_E_FORMAT);
    ASSERT_OK(gad_vocab_train_run(t, 300, NULL, &root, &err), &err); /* of nothing: bytes and control tokens */
    json_decref(root);
    gad_vocab_train_free(t);
}

static void deterministic(void **state)
{
    (void)state;
    static const char *const forward[] = {small_text, "one two three one two", "\xC3\xA9t\xC3\xA9 e\xCC\x81te\xCC\x81"};
    const char *const backward[] = {forward[2], forward[1], forward[0]};
    json_t *a = train(forward, 3, 350), *b = train(backward, 3, 350);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
}

/* Digits stay single, control tokens in the texts teach nothing, and no token is over its bound. */
static void what_is_never_merged(void **state)
{
    (void)state;
    gad_string text = {0};
    for (int i = 0; i < 500; i++)
        gad_string_addf(&text, "[%d, %d]<|im_end|><think>==========================================================\n", i,
                        12);
    json_t *root = train((const char *const[]){gad_string_text(&text)}, 1, 400);
    size_t i;
    json_t *merge;
    json_array_foreach (merges_of(root), i, merge) {
        const char *m = json_string_value(merge);
        assert_null(strpbrk(m, "0123456789"));
        assert_null(strstr(m, "<|"));
        assert_null(strstr(m, "im"));
        assert_true(strlen(m) <= 2 * 48 + 1);
    }
    json_decref(root);
    gad_string_free(&text);
}

/* The word that decides is a token of its own: fast answers ask for its probability after the mark. */
static void decision_stands_alone(void **state)
{
    (void)state;
    gad_error err;
    gad_tokenizer *t;
    gad_tokenizer_ids ids = {0};
    static const char *const text[] = {"<answer>Yes</answer><answer>No</answer><answer>Yes</answer><answer>No</answer>"};
    ASSERT_OK(small_parse(train(text, 1, 400), &t, &err), &err);
    ASSERT_OK(gad_tokenizer_encode(t, "<answer>Yes", 11, GAD_TOKENIZER_WORDS, &ids, &err), &err);
    assert_int_equal(ids.count, 2);
    assert_int_equal(ids.id[0], gad_tokenizer_find(t, "<answer>"));
    gad_tokenizer_ids_free(&ids);
    gad_tokenizer_free(t);
}

/* Merges that training found are what encoding does: the words it saw become as few tokens as it counted. */
static void encoding_follows(void **state)
{
    (void)state;
    gad_error err;
    gad_tokenizer *t;
    static const char *const text[] = {"nuts nuts nuts bolts bolts bolts"};
    ASSERT_OK(small_parse(train(text, 1, 400), &t, &err), &err);
    gad_tokenizer_ids ids = {0};
    ASSERT_OK(gad_tokenizer_encode(t, " nuts bolts", 11, GAD_TOKENIZER_LITERAL, &ids, &err), &err);
    assert_int_equal(ids.count, 2);
    gad_tokenizer_ids_free(&ids);
    gad_tokenizer_free(t);
}

static void files(void **state)
{
    (void)state;
    gad_error err;
    const char *folder = GAD_TEST_TMP "/files";
    gad_tokenizer *t;
    gad_chat_format format;
    json_t *root = small_json(340), *config;
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    ASSERT_OK(gad_vocab_files_write(root, folder, &err), &err);
    ASSERT_OK(gad_tokenizer_load(folder, &t, &err), &err);
    assert_int_equal(gad_tokenizer_size(t), 340);
    ASSERT_OK(gad_chat_template_load(folder, &format, &err), &err);
    assert_int_equal(format, GAD_CHAT_GAD);
    ASSERT_OK(gad_file_remove(support_scratch(folder, "chat_template.json"), &err), &err);
    ASSERT_OK(gad_chat_template_load(folder, &format, &err), &err); /* tokenizer_config.json has it too */
    ASSERT_OK(gad_json_load(support_scratch(folder, "tokenizer_config.json"), &config, &err), &err);
    const json_t *decoder = json_object_get(config, "added_tokens_decoder");
    assert_int_equal(json_object_size(decoder), GAD_VOCAB_TRAIN_ADDED);
    assert_string_equal(json_string_value(json_object_get(json_object_get(decoder, "339"), "content")), "<|elsewhere|>");
    assert_true(json_is_false(json_object_get(json_object_get(decoder, "339"), "special")));
    assert_true(json_is_true(json_object_get(json_object_get(decoder, "312"), "special")));
    json_decref(config);
    json_decref(root);
    gad_tokenizer_free(t);
}

static bool stop(void *user, const gad_progress_state *progress)
{
    (void)progress;
    return ++*(int *)user < 5;
}

static void cancelled(void **state)
{
    (void)state;
    gad_error err;
    gad_vocab_train *t;
    json_t *root;
    int calls = 0;
    const gad_progress progress = {.update = stop, .user = &calls};
    ASSERT_OK(gad_vocab_train_new(&t, &err), &err);
    ASSERT_OK(gad_vocab_train_add(t, small_text, strlen(small_text), &err), &err);
    assert_int_equal(gad_vocab_train_run(t, 340, &progress, &root, &err), GAD_E_CANCELLED);
    gad_vocab_train_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_hand),
                                       cmocka_unit_test(ties),
                                       cmocka_unit_test(stops_at_size),
                                       cmocka_unit_test(deterministic),
                                       cmocka_unit_test(files),
                                       cmocka_unit_test(what_is_never_merged),
                                       cmocka_unit_test(cancelled),
                                       cmocka_unit_test(encoding_follows),
                                       cmocka_unit_test(decision_stands_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
