/* chorus: answers that decode together: one pass over a row of each voice that still speaks, so that weights are read once
 * a step. In: prompts whose keys and values a timeline (or the caller) has computed, an id from each voice. Out: logits for
 * each. The one cache is cut into regions (of each prompt, seen by all its voices, and of each voice), not into pages: a
 * voice takes room for its longest answer from the start. Knows nothing of sampling or text. */
#ifndef GAD_GENERATE_CHORUS_H
#define GAD_GENERATE_CHORUS_H
#include "generate/timeline.h"

/* Rows of the cache that hold a prompt, and the position of the id after it. */
typedef struct gad_chorus_prompt {
    int64_t first, rows;
    int32_t next;
} gad_chorus_prompt;

typedef struct gad_chorus_voice {
    gad_chorus_prompt prompt;
    int64_t first, length, most; /* its own rows: where, how many so far, how many there may be */
    int32_t id;                  /* what it says in the next step: the caller's */
    bool done;                   /* it has no row in the next steps: the caller's */
    float *logits;               /* [vocab] after its last id, until the next step; the caller may change them */
} gad_chorus_voice;

typedef struct gad_chorus {
    gad_pass pass;
    const gad_model *model;
    gad_lm_cache cache;
    int64_t used;            /* rows of the cache */
    gad_chorus_voice *voice; /* [count] */
    int count, most;
    /* the rows of one step, [most] */
    int32_t *ids, *places, *positions; /* positions [most, 3] */
    gad_attention_span *span;
    float *logits; /* [most, vocab] */
} gad_chorus;

/* Room for `voices` and for `rows` rows of prompts and voices together. */
gad_status gad_chorus_open(const gad_pass *pass, const gad_model *model, int64_t rows, int voices, gad_chorus *chorus,
                           gad_error *err);
void gad_chorus_close(gad_chorus *chorus);
/* The next free rows: *first..*first+rows-1, for the caller to fill. */
gad_status gad_chorus_reserve(gad_chorus *chorus, int64_t rows, int64_t *first, gad_error *err);
/* What the timeline holds, copied. */
gad_status gad_chorus_add_prompt(gad_chorus *chorus, const gad_timeline *timeline, gad_chorus_prompt *prompt,
                                 gad_error *err);
/* One more voice after that prompt, of at most so many ids; logits [vocab] after the prompt are copied (NULL: none yet). */
gad_status gad_chorus_add_voice(gad_chorus *chorus, gad_chorus_prompt prompt, int64_t most, const float *logits,
                                gad_error *err);
/* Each voice that is not done says its id. */
gad_status gad_chorus_step(gad_chorus *chorus, gad_error *err);
#endif
