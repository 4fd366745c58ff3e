/* speech: an answer in the forms of the OpenAI chat-completions protocol, whole or as it is made. In: what was asked,
 * tokens and text as they come. Out: JSON, or events of a stream. */
#ifndef GAD_SERVE_SPEECH_H
#define GAD_SERVE_SPEECH_H
#include "generate/decode.h"
#include "serve/completion.h"
#include "serve/listener.h"

typedef struct gad_speech {
    const gad_completion *asked;
    const gad_tokenizer *tokenizer;
    const char *model; /* its name here */
    char id[40];
    int64_t created; /* Unix time */
    gad_stream *stream;
    gad_string logprobs;     /* entries, separated by commas: of all tokens, or of those not sent yet */
    bool gone;               /* the client has left: nobody listens */
    double began_s, first_s; /* gad_clock_seconds: of the question, of the first token */
    int64_t tokens;
    int together; /* answers that are made with this one, of other requests too; 0: it is alone */
    bool ended;   /* all was said */
} gad_speech;

void gad_speech_begin(gad_speech *speech, const gad_completion *asked, const gad_tokenizer *tokenizer, const char *model);
void gad_speech_free(gad_speech *speech);
/* Send the first event; from now on what comes is sent. */
void gad_speech_stream(gad_speech *speech, const gad_request *request, gad_response *response);

/* For gad_decode_settings, with the speech as `user`. */
void gad_speech_on_token(void *speech, int32_t id, const float *logits, int64_t vocab);
void gad_speech_on_text(void *speech, const char *piece);
bool gad_speech_is_over(void *speech);

/* The end: the answers that were asked for (one of a stream); counts of tokens, `cached` of the prompt's were there from an
 * earlier question. */
void gad_speech_end(gad_speech *speech, const gad_decoded *decoded, int64_t prompt_tokens, int64_t cached,
                    gad_response *response);
/* A failure: the response, or an event when the answer has begun already. */
void gad_speech_fail(gad_speech *speech, const gad_error *why, gad_response *response);
#endif
