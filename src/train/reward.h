/* reward: what an answer is worth. In: an answer's ids and the example it answers. Out: a number and its parts. The paper's
 * rewards, or a program of the user's that speaks JSON lines. Knows nothing of gradients. */
#ifndef GAD_TRAIN_REWARD_H
#define GAD_TRAIN_REWARD_H
#include <stdio.h>
#include <sys/types.h>

#include "base/string.h"
#include "gad_train.h"
#include "text/tokenizer.h"
#include "train/example.h"

typedef struct gad_reward {
    double total; /* NaN: none could be given */
    gad_score score;
    gad_string text; /* the answer as text; owned (gad_string_free) */
} gad_reward;

/* Gives the reward of an answer of `count` ids, which may have been `cut` at the limit; fills what gad_reward_give fills.
 */
typedef gad_status (*gad_reward_judge_call)(void *user, const gad_example *example, const int32_t *id, int64_t count,
                                            bool cut, gad_reward *reward, gad_error *err);

/* How answers end, and who judges them. */
typedef struct gad_answering {
    const int32_t *stop; /* [stop_count] */
    int stop_count;
    gad_reward_judge_call judge;
    void *judge_user;
    /* What an example teaches to say of the regions it was shown (example_maker.h); NULL: what it came with. */
    gad_status (*retell)(const void *user, gad_example *example, gad_error *err);
    const void *retell_user;
} gad_answering;

/* What the papers' rewards are made of. */
typedef struct gad_reward_parts {
    gad_score_cover cover;
    gad_score_mm mm;
    gad_score_vd vd;
} gad_reward_parts;

/* A reward of the papers by its name; the table is in reward.c, and a line there adds one. */
typedef struct gad_reward_kind {
    const char *name;
    double (*give)(const gad_score *score, const gad_reward_parts *parts);
} gad_reward_kind;
/* NULL when there is none of that name. */
const gad_reward_kind *gad_reward_find(const char *name);

typedef struct gad_reward_judge {
    const gad_tokenizer *tokenizer;
    const gad_reward_kind *kind;
    gad_reward_parts parts;
    pid_t program;   /* 0: none */
    FILE *to, *from; /* its input and output */
    int timeout_s;
} gad_reward_judge;

/* settings->command, where there is one, gets a line {"text", "anomalous", "boxes", "width", "height"} for every answer and
 * writes a line with one number. */
gad_status gad_reward_open(const gad_tokenizer *tokenizer, const gad_reward_settings *settings, gad_reward_judge *judge,
                           gad_error *err);
void gad_reward_close(gad_reward_judge *judge);
/* Reasoning that was cut is no answer, whatever it says. Has the signature of gad_answering.judge; `user` is the judge. */
gad_status gad_reward_give(void *user, const gad_example *example, const int32_t *id, int64_t count, bool cut,
                           gad_reward *reward, gad_error *err);
#endif
