/* ask: one inspection question put to an engine: the reasoned answer, read and scored, or the fast one. In: a rendered
 * turn. Out: text, what it says, and the probability of Yes where it decides. Knows nothing of where images came from. */
#ifndef GAD_INSPECT_ASK_H
#define GAD_INSPECT_ASK_H
#include "inspect/turn.h"
#include "task/answer.h"

typedef struct gad_asked {
    gad_decoded decoded;
    gad_answer answer; /* positions count in decoded.text */
    double score;      /* p(Yes) / (p(Yes) + p(No)) where the answer decides; -1 when it does not */
} gad_asked;
void gad_asked_free(gad_asked *asked);

/* Generate, read the answer with `frame`, and score it at the place of its own decision. `object`: the product as the
 * question names it, NULL: not at all. */
gad_status gad_ask_reasoned(gad_engine *engine, const gad_turn *turn, const char *object,
                            const gad_decode_settings *settings, gad_rng *rng, const gad_box_frame *frame, gad_asked *asked,
                            gad_error *err);

/* The probability of Yes when the answer is forced without reasoning. */
gad_status gad_ask_fast(gad_engine *engine, const gad_turn *turn, const gad_cancel *cancel, double *score, gad_error *err);
#endif
