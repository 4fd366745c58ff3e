/* decode: answers: token after token from a timeline, as text that streams whole characters; and the forced answer, the
 * probability of Yes against No. In: a prompt. Out: text, ids, why it ended. Knows nothing of images or questions. */
#ifndef GAD_GENERATE_DECODE_H
#define GAD_GENERATE_DECODE_H
#include "base/rng.h"
#include "base/string.h"
#include "generate/sample.h"
#include "generate/timeline.h"
#include "text/tokenizer.h"

typedef struct gad_decode_settings {
    gad_sampling sampling;
    int64_t max_tokens;
    bool ignore_stop;             /* go on to max_tokens: for measuring speed */
    const char *const *stop_text; /* [stop_texts] texts that end the answer and are no part of it; not empty */
    size_t stop_texts;
    /* Gets each new piece of text, whole characters; NULL: not wanted. */
    void (*on_text)(void *user, const char *piece);
    /* Hears of each token before its text; logits [vocab] as the model gave them. NULL: not wanted. */
    void (*on_token)(void *user, int32_t id, const float *logits, int64_t vocab);
    /* Asked after each token: true ends this answer, not others that are made with it. NULL: never. */
    bool (*is_over)(void *user);
    /* Hears of the end of this answer, which others that are made with it may outlast. NULL: not wanted. */
    void (*on_end)(void *user);
    void *user;
    const gad_cancel *cancel;
} gad_decode_settings;

typedef enum gad_finish { GAD_FINISH_STOP, GAD_FINISH_LENGTH } gad_finish;

typedef struct gad_decoded {
    gad_string text;       /* special tokens left out */
    gad_tokenizer_ids ids; /* without the stop token, with those of a stop text */
    gad_finish finish;
    double logprob; /* sum over the ids (and the stop token) of their log-probability, unprocessed */
} gad_decoded;
void gad_decoded_free(gad_decoded *decoded);

/* Feed the prompt, then generate. *rng is used only when sampling. `prefix` (may be NULL) are ids that the answer is made
 * to begin with; they are part of text and ids. */
gad_status gad_decode(gad_timeline *timeline, const gad_tokenizer *tokenizer, const gad_prompt *prompt,
                      const gad_tokenizer_ids *prefix, const gad_decode_settings *settings, gad_rng *rng,
                      gad_decoded *decoded, gad_error *err);

/* One of several answers that are made together; neighbours with the same `prompt` (the same pointer) share its rows. */
typedef struct gad_decode_part {
    const gad_prompt *prompt;
    const gad_decode_settings *settings;
    gad_rng *rng;      /* of this answer alone */
    int64_t *computed; /* becomes how many of the prompt's rows were not there already; NULL: not wanted */
} gad_decode_part;
/* Answers to all parts, decoded together (chorus.h): one pass of the model says a token of each. Each answer is what
 * gad_decode makes of its part, up to the rounding of sums: products of many rows add in another order than those of one.
 * Whoever cancels stops all. decoded [count]. */
gad_status gad_decode_together(gad_timeline *timeline, const gad_tokenizer *tokenizer, const gad_decode_part *part,
                               int count, gad_decoded *decoded, gad_error *err);

/* p(yes) / (p(yes) + p(no)) for the id after `prompt`, each summed over the tokens that spell the word in any case, with or
 * without a space before it. A vocabulary without such a token for one of the words compares the words "Yes" and "No" token
 * by token instead. */
gad_status gad_decode_yes(gad_timeline *timeline, const gad_tokenizer *tokenizer, const gad_prompt *prompt,
                          const gad_cancel *cancel, double *probability, gad_error *err);
#endif
