/* fuzz_tokenizer: after a first byte 'J', any bytes as a tokenizer.json, and what is accepted must work; after another, any
 * bytes as text, as ids and as a conversation for a small tokenizer, whose decoding must be whole UTF-8. */
#include "base/json.h"
#include "base/memory.h"
#include "text/chat.h"
#include "text/vocab_train.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static const char sample[] =
    "The test image shows the same nut, but the edge is bent. {\"box\": [12, 40]} The image is clean.";

/* Trained once; a fuzzer calls the target many times. */
static const gad_tokenizer *small(void)
{
    static gad_tokenizer *tokenizer;
    gad_vocab_train *train = NULL;
    json_t *root = NULL;
    if (tokenizer || gad_vocab_train_new(&train, NULL))
        return tokenizer;
    if (!gad_vocab_train_add(train, sample, sizeof sample - 1, NULL) &&
        !gad_vocab_train_run(train, 310, NULL, &root, NULL)) {
        char *text = json_dumps(root, JSON_COMPACT);
        if (text)
            gad_tokenizer_parse(text, strlen(text), "sample", &tokenizer, NULL);
        free(text);
    }
    json_decref(root);
    gad_vocab_train_free(train);
    return tokenizer;
}

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void require_utf8(const gad_string *text)
{
    for (size_t at = 0; at < text->length;) {
        int n = gad_string_utf8_length(text->data + at, text->length - at);
        require(n > 0);
        at += (size_t)n;
    }
}

/* Encode, decode; encoding what was decoded gives the same text again. */
static void use(const gad_tokenizer *t, const char *text, size_t length, gad_tokenizer_trust trust)
{
    gad_tokenizer_ids ids = {0}, again = {0};
    gad_string first = {0}, second = {0};
    if (!gad_tokenizer_encode(t, text, length, trust, &ids, NULL)) {
        require(!gad_tokenizer_decode(t, ids.id, ids.count, false, &first, NULL));
        require_utf8(&first);
        require(!gad_tokenizer_encode(t, gad_string_text(&first), first.length, trust, &again, NULL));
        require(!gad_tokenizer_decode(t, again.id, again.count, false, &second, NULL));
        require(first.length == second.length && !memcmp(gad_string_text(&first), gad_string_text(&second), first.length));
    }
    gad_tokenizer_ids_free(&ids);
    gad_tokenizer_ids_free(&again);
    gad_string_free(&first);
    gad_string_free(&second);
}

/* The bytes as ids: any id, also ones without a token. */
static void decode_bytes(const gad_tokenizer *t, const uint8_t *data, size_t size_bytes)
{
    gad_tokenizer_stream stream = {0};
    gad_string text = {0};
    for (size_t i = 0; i + 1 < size_bytes; i += 2) {
        gad_tokenizer_stream_push(t, &stream, (int32_t)(data[i] | data[i + 1] << 8) - 100, data[i] & 1, &text);
        require(stream.pending_count <= 3);
        require_utf8(&text);
    }
    gad_tokenizer_stream_finish(&stream, &text);
    require_utf8(&text);
    gad_string_free(&text);
}

/* The text in a conversation: it must not bring control tokens with it. */
static void chat(const gad_tokenizer *t, const char *text, size_t length)
{
    char *copy = gad_memory_zero(length + 1, 1);
    gad_chat c;
    require(copy && !gad_chat_make(GAD_CHAT_QWEN3_VL_THINKING, t, &c, NULL));
    memcpy(copy, text, length);
    const gad_chat_part part[2] = {{.kind = GAD_CHAT_TEXT, .text = copy}, {.kind = GAD_CHAT_IMAGE, .image_tokens = 3}};
    const gad_chat_message message[3] = {{.role = "system", .part = part, .part_count = 1},
                                         {.role = "user", .part = part, .part_count = 2},
                                         {.role = "assistant", .part = part, .part_count = 1}};
    const gad_chat_options options = {.add_vision_id = true, .mark_answers = true};
    gad_chat_prompt prompt;
    if (!gad_chat_render(&c, message, 3, &options, &prompt, NULL)) {
        size_t starts = 0, pads = 0;
        for (size_t i = 0; i < prompt.ids.count; i++) {
            starts += prompt.ids.id[i] == c.im_start;
            pads += prompt.ids.id[i] == c.image_pad;
        }
        require(starts == 3 && pads == 3 && prompt.image_count == 1 && prompt.answer_count == 1);
        gad_chat_prompt_free(&prompt);
    }
    gad_memory_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    const gad_tokenizer *t = small();
    require(t != NULL);
    if (!size_bytes)
        return 0;
    const char *text = (const char *)data + 1;
    size_t length = size_bytes - 1;
    if (data[0] == 'J') {
        gad_tokenizer *parsed = NULL;
        gad_error err;
        if (!gad_tokenizer_parse(text, length, "input", &parsed, &err))
            use(parsed, sample, sizeof sample - 1, GAD_TOKENIZER_LITERAL);
        gad_tokenizer_free(parsed);
        return 0;
    }
    use(t, text, length, (gad_tokenizer_trust)(data[0] % 3));
    decode_bytes(t, data, size_bytes);
    chat(t, text, length);
    return 0;
}
