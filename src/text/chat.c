/* chat: see chat.h */
#include "text/chat.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static const char operation[] = "render chat";

/* Ids being written. Text is gathered in `run` until a control token ends it, because the reference tokenises all text
 * between two control tokens at once. After a failure, kept in `status`, every step does nothing. */
typedef struct writer {
    const gad_chat *chat;
    const gad_chat_options *options;
    gad_chat_prompt *prompt;
    gad_string run;
    gad_tokenizer_part *part;
    size_t part_count, part_capacity;
    size_t pictures;
    gad_status status;
    gad_error *err;
} writer;

static void no_memory(writer *w, size_t size_bytes)
{
    w->status = gad_error_memory(w->err, operation, size_bytes);
}

static void add_bytes(writer *w, const char *text, size_t length, gad_tokenizer_trust trust)
{
    if (w->status || !length)
        return;
    gad_string_append(&w->run, text, length);
    if (!w->part_count || w->part[w->part_count - 1].trust != trust) {
        if (!gad_memory_grow((void **)&w->part, &w->part_capacity, w->part_count, sizeof *w->part)) {
            no_memory(w, (w->part_count + 1) * sizeof *w->part);
            return;
        }
        w->part[w->part_count++].trust = trust;
    }
    w->part[w->part_count - 1].end = w->run.length;
    if (w->run.failed)
        no_memory(w, length);
}

static void add_text(writer *w, const char *text, gad_tokenizer_trust trust)
{
    add_bytes(w, text, strlen(text), trust);
}

/* Tokenise what was gathered. */
static void flush(writer *w)
{
    if (!w->status)
        w->status = gad_tokenizer_encode_parts(w->chat->tokenizer, gad_string_text(&w->run), w->run.length, w->part,
                                               w->part_count, &w->prompt->ids, w->err);
    gad_string_clear(&w->run);
    w->part_count = 0;
    if (!w->status && w->prompt->ids.count > GAD_CHAT_ID_LIMIT)
        w->status = gad_error_set(w->err, GAD_E_LIMIT, operation, "send less text or fewer images",
                                  "the conversation has over %d tokens", GAD_CHAT_ID_LIMIT);
}

static void add_id(writer *w, int32_t id)
{
    flush(w);
    if (!w->status && !gad_tokenizer_ids_add(&w->prompt->ids, id))
        no_memory(w, w->prompt->ids.count * sizeof id);
}

static void add_span(writer *w, gad_chat_span **span, size_t *count, size_t *capacity, size_t first, size_t length)
{
    if (w->status)
        return;
    if (gad_memory_grow((void **)span, capacity, *count, sizeof **span))
        (*span)[(*count)++] = (gad_chat_span){.first = first, .count = length};
    else
        no_memory(w, (*count + 1) * sizeof **span);
}

static void add_image(writer *w, size_t tokens)
{
    gad_chat_prompt *p = w->prompt;
    w->pictures++;
    if (w->options->add_vision_id) {
        char label[48];
        snprintf(label, sizeof label, "Picture %zu: ", w->pictures);
        add_text(w, label, GAD_TOKENIZER_LITERAL);
    }
    add_id(w, w->chat->vision_start);
    add_span(w, &p->image, &p->image_count, &p->image_capacity, p->ids.count, tokens);
    for (size_t i = 0; i < tokens && !w->status; i++)
        if (!gad_tokenizer_ids_add(&p->ids, w->chat->image_pad))
            no_memory(w, p->ids.count * sizeof *p->ids.id);
    add_id(w, w->chat->vision_end);
}

static bool is_role(const gad_chat_message *message, const char *role)
{
    return !strcmp(message->role, role);
}

static gad_tokenizer_trust trust_of(const gad_chat_message *message)
{
    switch (message->trust) {
    case GAD_CHAT_LITERAL: return GAD_TOKENIZER_LITERAL;
    case GAD_CHAT_WORDS: return GAD_TOKENIZER_WORDS;
    case GAD_CHAT_CONTROL: return GAD_TOKENIZER_CONTROL;
    case GAD_CHAT_BY_ROLE: break;
    }
    return is_role(message, "assistant") ? GAD_TOKENIZER_WORDS : GAD_TOKENIZER_LITERAL;
}

static void add_parts(writer *w, const gad_chat_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        const gad_chat_part *part = &message->part[i];
        if (part->kind == GAD_CHAT_IMAGE)
            add_image(w, part->image_tokens);
        else
            add_text(w, part->text, trust_of(message));
    }
}

static void begin_turn(writer *w, const char *role)
{
    add_id(w, w->chat->im_start);
    add_text(w, role, GAD_TOKENIZER_LITERAL);
    add_text(w, "\n", GAD_TOKENIZER_LITERAL);
}

static void end_turn(writer *w)
{
    add_id(w, w->chat->im_end);
    add_text(w, "\n", GAD_TOKENIZER_LITERAL);
}

/* Where an answer begins. Cutting the text here keeps "\n" of the template and "\n" of the answer from becoming one token,
 * which they never are when the model writes the answer. */
static size_t begin_answer(writer *w)
{
    if (w->options->mark_answers)
        flush(w);
    return w->prompt->ids.count;
}

static void end_answer(writer *w, size_t first)
{
    gad_chat_prompt *p = w->prompt;
    end_turn(w);
    if (!w->options->mark_answers)
        return;
    flush(w);
    add_span(w, &p->answer, &p->answer_count, &p->answer_capacity, first, p->ids.count - first);
}

/* A turn as most templates write it. */
static void add_turn(writer *w, const gad_chat_message *message)
{
    begin_turn(w, message->role);
    if (is_role(message, "assistant")) {
        size_t first = begin_answer(w);
        add_parts(w, message);
        end_answer(w, first);
    } else {
        add_parts(w, message);
        end_turn(w);
    }
}

/* ---- the Thinking template ---------------------------------------------------------------------------------------- */

/* The text of a message, images as the tags the template gives them. False without memory. */
static bool text_of(const gad_chat_message *message, gad_string *text)
{
    gad_string_clear(text);
    for (size_t i = 0; i < message->part_count; i++)
        gad_string_add(text, message->part[i].kind == GAD_CHAT_IMAGE ? "<|vision_start|>" : message->part[i].text);
    return !text->failed;
}

/* The last user message that is not a tool's answer; reasoning before it is left out. */
static size_t last_query(writer *w, const gad_chat_message *message, size_t count, gad_string *text)
{
    static const char open[] = "<tool_response>", close[] = "</tool_response>";
    for (size_t i = count; i-- > 0;) {
        if (!is_role(&message[i], "user"))
            continue;
        if (!text_of(&message[i], text)) {
            no_memory(w, text->length);
            break;
        }
        size_t n = text->length;
        const char *s = gad_string_text(text);
        if (n < sizeof close - 1 || strncmp(s, open, sizeof open - 1) || strcmp(s + n - (sizeof close - 1), close))
            return i;
    }
    return count - 1;
}

typedef struct slice {
    const char *text;
    size_t length;
} slice;

static slice strip_lines(slice s, bool left, bool right)
{
    for (; left && s.length && s.text[0] == '\n'; s.length--)
        s.text++;
    while (right && s.length && s.text[s.length - 1] == '\n')
        s.length--;
    return s;
}

/* The last place of `word` in `s`, NULL when it is not there. */
static const char *last_place(slice s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = s.length; i >= n; i--)
        if (!memcmp(s.text + i - n, word, n))
            return s.text + i - n;
    return NULL;
}

/* Cut "<think>reasoning</think>answer" as the template does: reasoning is what stands before the first </think> and after
 * the last <think> there, the answer what stands after the last </think>. */
static void split_reasoning(const char *text, slice *reasoning, slice *answer)
{
    static const char open[] = "<think>", close[] = "</think>";
    *answer = (slice){text, strlen(text)};
    *reasoning = (slice){text, 0};
    const char *first = strstr(text, close), *last = last_place(*answer, close);
    if (!first)
        return;
    *reasoning = strip_lines((slice){text, (size_t)(first - text)}, false, true);
    const char *opened = last_place(*reasoning, open);
    if (opened) {
        reasoning->length -= (size_t)(opened + sizeof open - 1 - text);
        reasoning->text = opened + sizeof open - 1;
    }
    *reasoning = strip_lines(*reasoning, true, true);
    answer->length -= (size_t)(last + sizeof close - 1 - text);
    answer->text = last + sizeof close - 1;
    *answer = strip_lines(*answer, true, false);
}

static void add_thinking_answer(writer *w, const gad_chat_message *message, bool after_query, bool is_last,
                                gad_string *text)
{
    if (!text_of(message, text)) {
        no_memory(w, text->length);
        return;
    }
    slice reasoning, answer;
    split_reasoning(gad_string_text(text), &reasoning, &answer);
    gad_tokenizer_trust trust = trust_of(message);
    begin_turn(w, message->role);
    size_t first;
    if (after_query && (is_last || reasoning.length)) {
        add_text(w, "<think>\n", GAD_TOKENIZER_WORDS);
        first = begin_answer(w);
        add_bytes(w, reasoning.text, reasoning.length, trust);
        add_text(w, "\n</think>\n\n", GAD_TOKENIZER_WORDS);
        answer = strip_lines(answer, true, false);
    } else {
        first = begin_answer(w);
    }
    add_bytes(w, answer.text, answer.length, trust);
    end_answer(w, first);
}

static void add_thinking(writer *w, const gad_chat_message *message, size_t count)
{
    gad_string text = {0};
    size_t query = last_query(w, message, count, &text);
    for (size_t i = 0; i < count && !w->status; i++) {
        if (is_role(&message[i], "assistant"))
            add_thinking_answer(w, &message[i], i > query, i + 1 == count, &text);
        else
            add_turn(w, &message[i]);
    }
    gad_string_free(&text);
}

/* ---- rendering ---------------------------------------------------------------------------------------------------- */

static gad_status check_part(const gad_chat_part *part, size_t message, gad_error *err)
{
    if (part->kind == GAD_CHAT_TEXT && !part->text)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "message %zu has a text part without text", message);
    if (part->kind == GAD_CHAT_IMAGE && (!part->image_tokens || part->image_tokens > GAD_CHAT_ID_LIMIT))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "message %zu has an image of %zu tokens", message,
                             part->image_tokens);
    return GAD_OK;
}

/* What the template would leave out without a word is refused. */
static gad_status check_role(gad_chat_format format, const gad_chat_message *message, size_t at, gad_error *err)
{
    bool is_system = is_role(message, "system"), is_user = is_role(message, "user");
    size_t length = strlen(message->role);
    if (!length || length > 64 || strpbrk(message->role, "\r\n"))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "message %zu has no proper role", at);
    if (format != GAD_CHAT_QWEN3_VL && format != GAD_CHAT_QWEN3_VL_THINKING)
        return GAD_OK;
    if (!is_system && !is_user && !is_role(message, "assistant"))
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "use the roles system, user and assistant",
                             "message %zu has the role \"%s\"", at, message->role);
    if (is_system && at && format == GAD_CHAT_QWEN3_VL)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "put the system message first",
                             "message %zu is a system message", at);
    for (size_t i = 0; i < message->part_count; i++)
        if (message->part[i].kind == GAD_CHAT_IMAGE && !is_user)
            return gad_error_set(err, GAD_E_ARGUMENT, operation, "put images into a user message",
                                 "message %zu (%s) has an image", at, message->role);
    return GAD_OK;
}

static gad_status check_messages(gad_chat_format format, const gad_chat_message *message, size_t count, gad_error *err)
{
    size_t image_tokens = 0;
    if (!count)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "the conversation has no message");
    for (size_t i = 0; i < count; i++) {
        if (!message[i].role || (message[i].part_count && !message[i].part))
            return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "message %zu has no role or no parts", i);
        for (size_t p = 0; p < message[i].part_count; p++) {
            gad_status status = check_part(&message[i].part[p], i, err);
            if (status)
                return status;
            image_tokens += message[i].part[p].kind == GAD_CHAT_IMAGE ? message[i].part[p].image_tokens : 0;
            if (image_tokens > GAD_CHAT_ID_LIMIT)
                return gad_error_set(err, GAD_E_LIMIT, operation, "send fewer or smaller images",
                                     "the images have over %d tokens", GAD_CHAT_ID_LIMIT);
        }
        gad_status status = check_role(format, &message[i], i, err);
        if (status)
            return status;
    }
    return GAD_OK;
}

gad_status gad_chat_render(const gad_chat *chat, const gad_chat_message *message, size_t message_count,
                           const gad_chat_options *options, gad_chat_prompt *prompt, gad_error *err)
{
    gad_chat_prompt made = {0};
    gad_status status = check_messages(chat->format, message, message_count, err);
    if (status)
        return status;
    writer w = {.chat = chat, .options = options, .prompt = &made, .err = err};
    if (chat->format == GAD_CHAT_QWEN2_5_VL && !is_role(&message[0], "system")) {
        begin_turn(&w, "system");
        add_text(&w, "You are a helpful assistant.", GAD_TOKENIZER_LITERAL);
        end_turn(&w);
    }
    if (chat->format == GAD_CHAT_QWEN3_VL_THINKING)
        add_thinking(&w, message, message_count);
    else
        for (size_t i = 0; i < message_count && !w.status; i++)
            add_turn(&w, &message[i]);
    if (options->add_generation_prompt) {
        begin_turn(&w, "assistant");
        if (chat->format == GAD_CHAT_QWEN3_VL_THINKING)
            add_text(&w, "<think>\n", GAD_TOKENIZER_WORDS);
    }
    flush(&w);
    gad_string_free(&w.run);
    gad_memory_free(w.part);
    if (w.status) {
        gad_chat_prompt_free(&made);
        return w.status;
    }
    *prompt = made;
    return GAD_OK;
}

void gad_chat_prompt_free(gad_chat_prompt *prompt)
{
    gad_tokenizer_ids_free(&prompt->ids);
    gad_memory_free(prompt->image);
    gad_memory_free(prompt->answer);
    *prompt = (gad_chat_prompt){0};
}

gad_status gad_chat_make(gad_chat_format format, const gad_tokenizer *tokenizer, gad_chat *chat, gad_error *err)
{
    gad_chat made = {.tokenizer = tokenizer, .format = format};
    const struct {
        const char *content;
        int32_t *id;
    } control[] = {{"<|im_start|>", &made.im_start},
                   {"<|im_end|>", &made.im_end},
                   {"<|vision_start|>", &made.vision_start},
                   {"<|vision_end|>", &made.vision_end},
                   {"<|image_pad|>", &made.image_pad}};
    for (size_t i = 0; i < sizeof control / sizeof *control; i++) {
        *control[i].id = gad_tokenizer_find(tokenizer, control[i].content);
        if (!gad_tokenizer_is_added(tokenizer, *control[i].id))
            return gad_error_set(err, GAD_E_FORMAT, operation, "use the tokenizer files of the checkpoint",
                                 "the tokenizer has no added token %s", control[i].content);
    }
    *chat = made;
    return GAD_OK;
}

gad_status gad_chat_open(const char *directory, const gad_tokenizer *tokenizer, gad_chat *chat, gad_error *err)
{
    gad_chat_format format;
    gad_error why = {0};
    gad_status status = gad_chat_template_load(directory, &format, err);
    if (status)
        return status;
    status = gad_chat_make(format, tokenizer, chat, &why);
    return status ? gad_error_set(err, status, why.operation, why.hint, "%s: %s", directory, why.cause) : GAD_OK;
}
