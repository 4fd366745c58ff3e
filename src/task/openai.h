/* openai: requests and responses of the OpenAI chat-completions protocol. In: messages with text and encoded images; a
 * response body from outside. Out: JSON text; the answer with its token counts. Sends nothing itself. */
#ifndef GAD_TASK_OPENAI_H
#define GAD_TASK_OPENAI_H
#include "base/string.h"
#include "gad_data.h"

/* A piece of a message: text, or the bytes of an image file. */
typedef struct gad_openai_part {
    const char *text; /* NULL for an image */
    const void *image;
    size_t image_bytes;
} gad_openai_part;

typedef struct gad_openai_message {
    const char *role; /* "system", "user", "assistant" */
    const gad_openai_part *parts;
    size_t count;
} gad_openai_message;

typedef struct gad_openai_request {
    const char *model;
    const gad_openai_message *messages;
    size_t count;
    int max_tokens; /* 0: the server's */
    bool greedy;    /* temperature 0; else temperature and top_p, each sent when > 0 */
    double temperature, top_p;
    bool has_seed;
    int64_t seed;
    int top_logprobs; /* > 0: ask for the probabilities of that many tokens at each position */
    const char *more; /* further members as the text of a JSON object; they replace ours of the same name; NULL */
} gad_openai_request;

/* Appends the body of a POST to .../chat/completions, on one line. Images become data URLs; an image that is not PNG, JPEG,
 * WebP, GIF or BMP is refused. */
gad_status gad_openai_build(const gad_openai_request *request, gad_string *json, gad_error *err);

/* Appends the address of chat completions: "http://host/v1", with or without a slash or "/chat/completions" at its end; a
 * query stays behind the path. */
void gad_openai_url(const char *base, gad_string *url);

typedef struct gad_openai_response {
    char *text; /* the whole answer; reasoning that the server sent apart stands in front as <think>...</think> */
    char *model;
    char finish_reason[32];                   /* "stop", "length", ...; "" when not given */
    int64_t prompt_tokens, completion_tokens; /* -1 when not given */
    double p_yes; /* P(Yes) / (P(Yes) + P(No)) where the answer decides, over the spellings given; NaN when not given */
} gad_openai_response;

/* Reads any bytes. An error object of the server is GAD_E_NETWORK with its message; another deviation GAD_E_FORMAT. */
gad_status gad_openai_parse(const char *body, size_t length, gad_openai_response *response, gad_error *err);
void gad_openai_response_free(gad_openai_response *response);
#endif
