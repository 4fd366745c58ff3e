/* decision: the one rule by which a part is normal or anomalous: which score counts, from which value on, and whose value
 * that is. In: settings, the checkpoint's own threshold, scores. Out: a verdict. Knows nothing of how scores were made. */
#ifndef GAD_INSPECT_DECISION_H
#define GAD_INSPECT_DECISION_H
#include "generate/engine.h"
#include "task/answer.h"

/* Of fast answers: given, else the checkpoint's own, else 0.5. Of reasoned ones: given, else the checkpoint's own if it was
 * made from reasoned answers, else the answer's word. */
typedef struct gad_rule {
    bool reasoned;    /* the score of the reasoned answer counts; false: of the fast one */
    double threshold; /* anomalous from here on; NaN: as the answer's word says */
    const char *source;
} gad_rule;

/* GAD_E_ARGUMENT for a threshold that is not between 0 and 1. */
gad_status gad_decision_rule(gad_engine *engine, const gad_inspect_settings *settings, gad_rule *rule, gad_error *err);
/* `score` of the answer that counts, -1: it has none; `word`: what the reasoned answer says. */
gad_verdict gad_decision_make(const gad_rule *rule, double score, gad_answer_decision word);
#endif
