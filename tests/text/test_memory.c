/* Every allocation of the room fails once: the call says so, gives back what it took, and nothing else happens. */
#include "text/small.h"

#include "text/chat.h"
#include "text/vocab_train.h"

/* Allocator that fails from the `fail_at`-th request on and counts what is taken. */
typedef struct counter {
    long requests, fail_at, taken;
} counter;

static void *allocate(void *user, size_t size_bytes)
{
    counter *c = user;
    if (c->requests++ >= c->fail_at)
        return NULL;
    c->taken++;
    return malloc(size_bytes);
}

static void *resize(void *user, void *old, size_t size_bytes)
{
    counter *c = user;
    if (c->requests++ >= c->fail_at)
        return NULL;
    c->taken += old == NULL;
    return realloc(old, size_bytes);
}

static void release(void *user, void *old)
{
    ((counter *)user)->taken -= old != NULL;
    free(old);
}

static char *json_text;

static gad_status use(gad_error *err)
{
    gad_tokenizer *t = NULL;
    gad_tokenizer_ids ids = {0};
    gad_string text = {0};
    gad_chat chat;
    gad_chat_prompt prompt;
    static const char sample[] = "The image e\xCC\x81 <think> \xEA\xB0\x80";
    const gad_chat_part part[2] = {{.kind = GAD_CHAT_IMAGE, .image_tokens = 40}, {.kind = GAD_CHAT_TEXT, .text = sample}};
    const gad_chat_message message[2] = {{.role = "user", .part = part, .part_count = 2},
                                         {.role = "assistant", .part = part + 1, .part_count = 1}};
    const gad_chat_options options = {.add_generation_prompt = true, .mark_answers = true, .add_vision_id = true};
    gad_status status = gad_tokenizer_parse(json_text, strlen(json_text), "small.json", &t, err);
    if (!status)
        status = gad_tokenizer_encode(t, sample, sizeof sample - 1, GAD_TOKENIZER_WORDS, &ids, err);
    if (!status)
        status = gad_tokenizer_decode(t, ids.id, ids.count, false, &text, err);
    if (!status)
        status = gad_chat_make(GAD_CHAT_QWEN3_VL_THINKING, t, &chat, err);
    if (!status)
        status = gad_chat_render(&chat, message, 2, &options, &prompt, err);
    if (!status)
        gad_chat_prompt_free(&prompt);
    gad_string_free(&text);
    gad_tokenizer_ids_free(&ids);
    gad_tokenizer_free(t);
    return status;
}

static gad_status train(gad_error *err)
{
    gad_vocab_train *t = NULL;
    json_t *root = NULL;
    gad_status status = gad_vocab_train_new(&t, err);
    if (!status)
        status = gad_vocab_train_add(t, small_text, strlen(small_text), err);
    if (!status)
        status = gad_vocab_train_run(t, 300, NULL, &root, err);
    json_decref(root);
    gad_vocab_train_free(t);
    return status;
}

static void fail_each(gad_status (*call)(gad_error *err))
{
    long failures = 0;
    for (gad_status status = GAD_E_MEMORY; status; failures++) {
        gad_error err = {0};
        counter c = {.fail_at = failures};
        const gad_allocator allocator = {.allocate = allocate, .resize = resize, .release = release, .user = &c};
        gad_use_allocator(&allocator);
        status = call(&err);
        gad_use_allocator(NULL);
        assert_int_equal(c.taken, 0);
        assert_true(status == GAD_OK || status == GAD_E_MEMORY);
        assert_int_equal(err.code, status);
        assert_true(failures < 5000);
    }
    assert_true(failures > 10);
}

static void using_a_tokenizer(void **state)
{
    (void)state;
    json_t *root = small_json(330);
    json_text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    fail_each(use);
    free(json_text);
}

static void training_a_vocabulary(void **state)
{
    (void)state;
    fail_each(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(using_a_tokenizer), cmocka_unit_test(training_a_vocabulary)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
