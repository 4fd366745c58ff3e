/* chat: a conversation to the ids a model reads, exactly as the reference renders and tokenises its template (spec
 * docs/spec/qwen_vl.md 6, 10.5). In: messages of text and images, each image with its number of tokens. Out: ids, where the
 * images are, which ids are answers to learn. Knows nothing of pixels and weights. */
#ifndef GAD_TEXT_CHAT_H
#define GAD_TEXT_CHAT_H
#include "text/chat_template.h"
#include "text/tokenizer.h"

typedef struct gad_chat {
    const gad_tokenizer *tokenizer; /* borrowed */
    gad_chat_format format;
    int32_t im_start, im_end, vision_start, vision_end, image_pad;
} gad_chat;

/* A chat of a format; the tokenizer must have the control tokens. */
gad_status gad_chat_make(gad_chat_format format, const gad_tokenizer *tokenizer, gad_chat *chat, gad_error *err);
/* A chat of the template that a checkpoint folder holds. */
gad_status gad_chat_open(const char *directory, const gad_tokenizer *tokenizer, gad_chat *chat, gad_error *err);

typedef enum gad_chat_part_kind { GAD_CHAT_TEXT, GAD_CHAT_IMAGE } gad_chat_part_kind;

typedef struct gad_chat_part {
    gad_chat_part_kind kind;
    const char *text;    /* of a text */
    size_t image_tokens; /* of an image: its <|image_pad|> tokens, gt * gh * gw / 4 */
} gad_chat_part;

/* What the text of a message may do. By default a user's and the system's text is literal, and in the text of an
 * assistant <think> and its like are tokens while control tokens are not. */
typedef enum gad_chat_trust {
    GAD_CHAT_BY_ROLE,
    GAD_CHAT_LITERAL,
    GAD_CHAT_WORDS,
    GAD_CHAT_CONTROL /* every added token acts, as the reference does for all text */
} gad_chat_trust;

typedef struct gad_chat_message {
    const char *role; /* "system", "user", "assistant" */
    const gad_chat_part *part;
    size_t part_count;
    gad_chat_trust trust;
} gad_chat_message;

typedef struct gad_chat_options {
    bool add_generation_prompt; /* end with what comes before an answer */
    bool add_vision_id;         /* "Picture 1: " before each image */
    bool mark_answers;          /* fill `answer`; an answer then begins where generation would begin */
} gad_chat_options;

typedef struct gad_chat_span {
    size_t first, count; /* ids */
} gad_chat_span;

typedef struct gad_chat_prompt {
    gad_tokenizer_ids ids;
    gad_chat_span *image; /* [image_count] the <|image_pad|> ids of each image, in order */
    size_t image_count, image_capacity;
    gad_chat_span *answer; /* [answer_count] the text of each assistant message, its <|im_end|> and line end */
    size_t answer_count, answer_capacity;
} gad_chat_prompt;

/* Render into `prompt`, which the caller gives back with gad_chat_prompt_free. */
enum { GAD_CHAT_ID_LIMIT = 1 << 24 };
gad_status gad_chat_render(const gad_chat *chat, const gad_chat_message *message, size_t message_count,
                           const gad_chat_options *options, gad_chat_prompt *prompt, gad_error *err);
void gad_chat_prompt_free(gad_chat_prompt *prompt);
#endif
