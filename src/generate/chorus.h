/* chorus: answers that decode together: one pass over a row of each voice that still speaks, so that weights are read once
 * a step. In: prompts whose keys and values a timeline (or the caller) has computed, an id from each voice. Out: logits for
 * each, or the next id. Rows of prompts and voices are counted one behind the other, and lie in pages of the one cache,
 * which a voice takes as it speaks and leaves when it is done. Knows nothing of sampling or text. */
#ifndef GAD_GENERATE_CHORUS_H
#define GAD_GENERATE_CHORUS_H
#include "generate/timeline.h"

/* Rows that hold a prompt, and the position of the id after it. */
typedef struct gad_chorus_prompt {
    int64_t first, rows;
    int32_t next;
} gad_chorus_prompt;

typedef struct gad_chorus_voice {
    gad_chorus_prompt prompt;
    int64_t first, length, most; /* its own rows: where, how many so far, how many there may be */
    int32_t id;                  /* what it says in the next step: the caller's */
    bool done;                   /* it has no row in the next step: the caller's; for good, once it has spoken */
    bool left;                   /* it was done, and others have its pages */
    float *logits;               /* [vocab] after its last id, until the next step; the caller may change them */
    gad_draw draw;               /* or, when the chorus draws: how, the caller's; and what the last step drew */
    gad_drawn drawn;
} gad_chorus_voice;

typedef struct gad_chorus {
    gad_pass pass;
    const gad_model *model;
    gad_lm_cache cache; /* the pages in use and some more: it grows with what is written */
    int64_t rows, used; /* that prompts and voices may take, and have taken */
    int32_t *page;      /* [pages]: which page of the cache each of theirs is; -1: none yet */
    int64_t pages, most_pages;
    int32_t *spare;          /* [spares] pages of the cache that voices have left */
    int64_t spares, held;    /* held: pages of the cache that were ever in use */
    gad_chorus_voice *voice; /* [count] */
    int count, most;
    bool draws; /* the caller's: steps draw on the device (gad_ops.draw) and bring no logits */
    /* the rows of one step, [most] */
    int32_t *ids, *places, *positions; /* positions [most, 3] */
    gad_attention_span *span;
    float *logits; /* [most, vocab] */
    gad_draw *draw;
    gad_drawn *drawn;
} gad_chorus;

/* For up to `voices` answers, and `rows` rows of prompts and voices together, which take memory when they are written. */
gad_status gad_chorus_open(const gad_pass *pass, const gad_model *model, int64_t rows, int voices, gad_chorus *chorus,
                           gad_error *err);
void gad_chorus_close(gad_chorus *chorus);
/* The next free rows, *first..*first+rows-1, with neighbouring pages of the cache for the caller to fill, from row *place
 * of the cache on. */
gad_status gad_chorus_reserve(gad_chorus *chorus, int64_t rows, int64_t *first, int64_t *place, gad_error *err);
/* What the timeline holds, copied. */
gad_status gad_chorus_add_prompt(gad_chorus *chorus, const gad_timeline *timeline, gad_chorus_prompt *prompt,
                                 gad_error *err);
/* One more voice after that prompt, of at most so many ids; logits [vocab] after the prompt are copied (NULL: none yet). */
gad_status gad_chorus_add_voice(gad_chorus *chorus, gad_chorus_prompt prompt, int64_t most, const float *logits,
                                gad_error *err);
/* Each voice that is not done says its id. */
gad_status gad_chorus_step(gad_chorus *chorus, gad_error *err);
#endif
