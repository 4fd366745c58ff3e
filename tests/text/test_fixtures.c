/* The golden fixtures: ids and decodings of the reference tokenizer, prompts of the reference processor, labels of its
 * training, changed tokenizer files; and, at $GAD_QWEN_TOKENIZER, the real vocabulary. */
#include "text/small.h"

#include "base/file.h"
#include "base/memory.h"
#include "text/chat.h"

static const char *const families[2] = {"qwen25", "qwen3"};

static const char *fixture(const char *family, const char *name)
{
    char relative[256];
    snprintf(relative, sizeof relative, "tests/fixtures/%s%s%s", family, *family ? "/" : "", name);
    return support_source(relative);
}

static json_t *load_json(const char *path)
{
    json_error_t where;
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &where); /* a tokenizer case holds the character U+0000 */
    assert_non_null(root);
    return root;
}

static void check_ids(const char *what, const gad_tokenizer_ids *ids, const json_t *expected)
{
    bool equal = ids->count == json_array_size(expected);
    for (size_t i = 0; equal && i < ids->count; i++)
        equal = ids->id[i] == json_integer_value(json_array_get(expected, i));
    if (!equal)
        fail_msg("\"%s\": other ids", what);
}

static void check_text(const gad_tokenizer *t, const json_t *text, gad_tokenizer_trust trust, const json_t *expected)
{
    gad_error err;
    gad_tokenizer_ids ids = {0};
    ASSERT_OK(gad_tokenizer_encode(t, json_string_value(text), json_string_length(text), trust, &ids, &err), &err);
    check_ids(json_string_value(text), &ids, expected);
    gad_tokenizer_ids_free(&ids);
}

static void check_decoding(const gad_tokenizer *t, const json_t *id, bool skip_special, const json_t *expected)
{
    gad_error err;
    gad_tokenizer_ids ids = {0};
    gad_string text = {0};
    for (size_t i = 0; i < json_array_size(id); i++)
        assert_true(gad_tokenizer_ids_add(&ids, (int32_t)json_integer_value(json_array_get(id, i))));
    ASSERT_OK(gad_tokenizer_decode(t, ids.id, ids.count, skip_special, &text, &err), &err);
    assert_int_equal(text.length, json_string_length(expected));
    assert_memory_equal(gad_string_text(&text), json_string_value(expected), text.length);
    gad_string_free(&text);
    gad_tokenizer_ids_free(&ids);
}

static void tokenizer_cases(void **state)
{
    (void)state;
    gad_error err;
    json_t *root = load_json(fixture("", "tokenizer_cases.json")), *row;
    size_t i;
    for (int f = 0; f < 2; f++) {
        gad_tokenizer *t;
        ASSERT_OK(gad_tokenizer_load(fixture(families[f], "model"), &t, &err), &err);
        json_array_foreach (json_object_get(root, "cases"), i, row) {
            const json_t *text = json_object_get(row, "text"), *golden = json_object_get(row, families[f]);
            const json_t *ids = json_object_get(golden, "ids");
            check_text(t, text, GAD_TOKENIZER_CONTROL, ids);
            check_text(t, text, GAD_TOKENIZER_LITERAL, json_object_get(row, "literal_ids"));
            check_decoding(t, ids, false, json_object_get(golden, "decoded"));
            check_decoding(t, ids, true, json_object_get(golden, "decoded_skip_special"));
        }
        assert_true(i > 50);
        json_array_foreach (json_object_get(root, "decode_cases"), i, row)
            if (!strcmp(json_string_value(json_object_get(row, "family")), families[f]))
                check_decoding(t, json_object_get(row, "ids"), false, json_object_get(row, "decoded"));
        gad_tokenizer_free(t);
    }
    json_decref(root);
}

enum { MOST_PARTS = 16, MOST_MESSAGES = 8 };

/* Messages of a fixture; images take their tokens from `grid` (t * h * w / 4) in order. */
static size_t read_messages(const json_t *list, const json_t *grid, gad_chat_part part[MOST_MESSAGES][MOST_PARTS],
                            gad_chat_message message[MOST_MESSAGES])
{
    size_t m, p, images = 0;
    json_t *row, *piece;
    json_array_foreach (list, m, row) {
        const json_t *content = json_object_get(row, "content");
        assert_true(m < MOST_MESSAGES && json_array_size(content) <= MOST_PARTS);
        message[m] = (gad_chat_message){.role = json_string_value(json_object_get(row, "role")),
                                        .part = part[m],
                                        .part_count = json_is_string(content) ? 1 : json_array_size(content)};
        part[m][0] = (gad_chat_part){.kind = GAD_CHAT_TEXT, .text = json_string_value(content)};
        json_array_foreach (content, p, piece) {
            part[m][p] = (gad_chat_part){.kind = GAD_CHAT_TEXT, .text = json_string_value(json_object_get(piece, "text"))};
            if (part[m][p].text)
                continue;
            const json_t *size = json_array_get(grid, images++);
            part[m][p].kind = GAD_CHAT_IMAGE;
            part[m][p].image_tokens = 1;
            for (size_t k = 0; k < 3; k++)
                part[m][p].image_tokens *= (size_t)json_integer_value(json_array_get(size, k));
            part[m][p].image_tokens /= 4;
        }
    }
    return m;
}

static void prompts(void **state)
{
    (void)state;
    gad_error err;
    for (int f = 0; f < 2; f++) {
        gad_tokenizer *t;
        gad_chat chat;
        ASSERT_OK(gad_tokenizer_load(fixture(families[f], "model"), &t, &err), &err);
        ASSERT_OK(gad_chat_open(fixture(families[f], "model"), t, &chat, &err), &err);
        assert_int_equal(chat.format, f ? GAD_CHAT_QWEN3_VL : GAD_CHAT_QWEN2_5_VL);
        json_t *root = load_json(fixture(families[f], "cases.json")), *row;
        const char *name;
        int checked = 0;
        json_object_foreach (root, name, row) {
            if (!json_object_get(row, "ids"))
                continue;
            gad_chat_part part[MOST_MESSAGES][MOST_PARTS];
            gad_chat_message message[MOST_MESSAGES];
            size_t count = read_messages(json_object_get(row, "messages"), json_object_get(row, "grid_thw"), part, message);
            gad_chat_prompt prompt;
            const gad_chat_options options = {.add_generation_prompt = true};
            ASSERT_OK(gad_chat_render(&chat, message, count, &options, &prompt, &err), &err);
            check_ids(name, &prompt.ids, json_object_get(row, "ids"));
            assert_int_equal(prompt.image_count, json_array_size(json_object_get(row, "images")));
            gad_chat_prompt_free(&prompt);
            check_decoding(t, json_object_get(row, "decode_ids"), true, json_object_get(row, "decode_text"));
            checked++;
        }
        assert_int_equal(checked, 6);
        json_decref(root);
        gad_tokenizer_free(t);
    }
}

/* The labels of the training golden are the answers. */
static void training_labels(void **state)
{
    (void)state;
    gad_error err;
    for (int f = 0; f < 2; f++) {
        gad_tokenizer *t;
        gad_chat chat;
        ASSERT_OK(gad_tokenizer_load(fixture(families[f], "model"), &t, &err), &err);
        ASSERT_OK(gad_chat_open(fixture(families[f], "model"), t, &chat, &err), &err);
        json_t *root = load_json(fixture(families[f], "train.json"));
        json_t *grid = json_pack("[[i,i,i],[i,i,i]]", 1, 2, 2, 1, 2, 2); /* sizes do not change the labels */
        gad_chat_part part[MOST_MESSAGES][MOST_PARTS];
        gad_chat_message message[MOST_MESSAGES];
        size_t count = read_messages(json_object_get(root, "messages"), grid, part, message), labels = 0;
        gad_chat_prompt prompt;
        const gad_chat_options options = {.mark_answers = true};
        ASSERT_OK(gad_chat_render(&chat, message, count, &options, &prompt, &err), &err);
        for (size_t i = 0; i < prompt.answer_count; i++)
            labels += prompt.answer[i].count;
        assert_int_equal(labels, json_integer_value(json_object_get(root, "label_count")));
        gad_chat_prompt_free(&prompt);
        json_decref(grid);
        json_decref(root);
        gad_tokenizer_free(t);
    }
}

/* The other forms in which these checkpoints carry their tokenizer. */
static void variants(void **state)
{
    (void)state;
    gad_error err;
    static const struct {
        const char *family, *extra;
        const char *const name[2];
    } forms[] = {{"qwen25", "legacy_tokenizer", {"tokenizer.json"}},
                 {"qwen25", "slow_tokenizer", {"vocab.json", "merges.txt"}},
                 {"qwen3", "slow_tokenizer", {"vocab.json", "merges.txt"}}};
    json_t *cases = load_json(fixture("", "tokenizer_cases.json")), *row;
    for (size_t v = 0; v < 3; v++) {
        const char *folder = GAD_TEST_TMP "/variant";
        ASSERT_OK(gad_file_remove(folder, &err), &err);
        ASSERT_OK(gad_file_make_directory(folder, &err), &err);
        for (int k = -1; k < 2; k++) {
            const char *name = k < 0 ? "tokenizer_config.json" : forms[v].name[k];
            char *text, from[128];
            size_t length;
            if (!name)
                continue;
            snprintf(from, sizeof from, "%s/%s", k < 0 ? "model" : forms[v].extra, name);
            ASSERT_OK(gad_file_read(fixture(forms[v].family, from), 1 << 24, &text, &length, &err), &err);
            ASSERT_OK(gad_file_write(support_scratch(folder, name), text, length, &err), &err);
            gad_memory_free(text);
        }
        gad_tokenizer *t;
        size_t i;
        ASSERT_OK(gad_tokenizer_load(folder, &t, &err), &err);
        json_array_foreach (json_object_get(cases, "cases"), i, row)
            check_text(t, json_object_get(row, "text"), GAD_TOKENIZER_CONTROL,
                       json_object_get(json_object_get(row, forms[v].family), "ids"));
        gad_tokenizer_free(t);
    }
    json_decref(cases);
}

/* The value at a dotted path, made of member names and places in arrays (-1: the last); *key is its last part. */
static json_t *walk(json_t *root, char *path, char **key)
{
    for (*key = strtok(path, ".");;
         root = json_is_array(root) ? json_array_get(root, strtoul(*key, NULL, 10)) : json_object_get(root, *key),
        *key = path) {
        path = strtok(NULL, ".");
        if (!path)
            return root;
    }
}

static void apply(json_t *root, const json_t *change)
{
    const char *path;
    char copy[256], *key;
    json_t *value;
    size_t i;
    json_object_foreach (json_object_get(change, "set"), path, value) {
        snprintf(copy, sizeof copy, "%s", path);
        json_t *holder = walk(root, copy, &key);
        assert_non_null(holder);
        if (json_is_array(holder))
            json_array_set(holder, strcmp(key, "-1") ? strtoul(key, NULL, 10) : json_array_size(holder) - 1, value);
        else
            json_object_set(holder, key, value);
    }
    json_array_foreach (json_object_get(change, "remove"), i, value) {
        snprintf(copy, sizeof copy, "%s", json_string_value(value));
        json_t *holder = walk(root, copy, &key);
        assert_int_equal(json_object_del(holder, key), 0);
    }
}

static void changed_files(void **state)
{
    (void)state;
    json_t *list = load_json(fixture("malformed", "tokenizers.json")), *change;
    size_t i;
    json_array_foreach (list, i, change) {
        gad_error err = {0};
        const char *name = json_string_value(json_object_get(change, "name"));
        char file[64];
        snprintf(file, sizeof file, "model/%s", json_string_value(json_object_get(change, "file")));
        json_t *root = load_json(fixture(json_string_value(json_object_get(change, "family")), file));
        apply(root, change);
        gad_tokenizer *t = NULL;
        gad_chat chat;
        gad_status status = small_parse(root, &t, &err);
        if (!status)
            status = gad_chat_make(GAD_CHAT_QWEN2_5_VL, t, &chat, &err);
        /* An id past the embedding is the model's to refuse: it knows how many rows there are (512 here). */
        if (!status && gad_tokenizer_size(t) > 512)
            status = GAD_E_FORMAT;
        if ((status == GAD_OK) != (name[0] == 'y'))
            fail_msg("%s: %s: %s", name, gad_status_name(status), err.cause);
        gad_tokenizer_free(t);
    }
    assert_true(i >= 30);
    json_decref(list);
}

/* The published vocabulary (reference/real_vocabulary.py makes the folder): known ids of the specification, 6.4 and 11, and
 * every string of real_cases.json. */
static void real_vocabulary(void **state)
{
    (void)state;
    gad_error err;
    const char *folder = getenv("GAD_QWEN_TOKENIZER");
    if (!folder)
        SKIP_TEST("real_vocabulary", "GAD_QWEN_TOKENIZER names no folder with the published tokenizer");
    static const struct {
        const char *text;
        int32_t id[18];
    } known[] = {
        {"Hello world", {9707, 1879}},
        {" Hello world", {21927, 1879}},
        {"\t", {197}},
        {"\n\n", {271}},
        {"   ", {262}},
        {"assistant\n", {77091, 198}},
        {"<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|><|image_pad|>"
         "<|image_pad|>",
         {151644, 8948, 198, 2610, 525, 264, 10950, 17847, 13, 151645, 198, 151644, 872, 198, 151652, 151655, 151655}}};
    gad_tokenizer *t;
    ASSERT_OK(gad_tokenizer_load(folder, &t, &err), &err);
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        gad_tokenizer_ids ids = {0};
        ASSERT_OK(gad_tokenizer_encode(t, known[k].text, strlen(known[k].text), GAD_TOKENIZER_CONTROL, &ids, &err), &err);
        for (size_t i = 0; i < ids.count; i++)
            assert_int_equal(ids.id[i], known[k].id[i]);
        assert_true(ids.count == 17 || !known[k].id[ids.count]);
        gad_tokenizer_ids_free(&ids);
    }
    const char *path = support_scratch(folder, "real_cases.json");
    if (gad_file_exists(path)) {
        json_t *root = load_json(path), *row;
        size_t i;
        json_array_foreach (json_object_get(root, "cases"), i, row)
            check_text(t, json_object_get(row, "text"), GAD_TOKENIZER_CONTROL, json_object_get(row, "ids"));
        print_message("real_vocabulary: %zu cases\n", i);
        json_decref(root);
    }
    gad_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tokenizer_cases), cmocka_unit_test(prompts),
                                       cmocka_unit_test(training_labels), cmocka_unit_test(variants),
                                       cmocka_unit_test(changed_files),   cmocka_unit_test(real_vocabulary)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
