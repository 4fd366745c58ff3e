/* decision: see decision.h */
#include "inspect/decision.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "inspect/kept.h"
#include "inspect/threshold.h"

static const char given[] = "given", own[] = "threshold.json of the checkpoint", built_in[] = "built in",
                  word_of_answer[] = "word of the answer";

static gad_status read_own(gad_engine *engine, gad_kept **kept, gad_error *err)
{
    gad_status status = gad_kept_of(engine, kept, err);
    if (status || (*kept)->own_read)
        return status;
    status = gad_threshold_find(engine, &(*kept)->own, &(*kept)->own_exists, err);
    (*kept)->own_read = !status;
    return status;
}

gad_status gad_decision_rule(gad_engine *engine, const gad_inspect_settings *s, gad_rule *rule, gad_error *err)
{
    gad_kept *kept;
    bool reasoned = s->reason == GAD_REASON_ALWAYS;
    *rule = (gad_rule){reasoned, s->threshold, s->threshold_source ? s->threshold_source : given};
    if (!isnan(s->threshold))
        return gad_threshold_check(s->threshold, err);
    gad_status status = read_own(engine, &kept, err);
    if (status)
        return status;
    if (kept->own_exists && kept->own.reasoned == reasoned)
        *rule = (gad_rule){reasoned, kept->own.value, own};
    else if (reasoned)
        *rule = (gad_rule){reasoned, NAN, word_of_answer};
    else
        *rule = (gad_rule){reasoned, 0.5, built_in};
    return GAD_OK;
}

gad_verdict gad_decision_make(const gad_rule *rule, double score, gad_answer_decision word)
{
    if (isnan(rule->threshold))
        return word == GAD_ANSWER_YES  ? GAD_VERDICT_ANOMALOUS
               : word == GAD_ANSWER_NO ? GAD_VERDICT_NORMAL
                                       : GAD_VERDICT_UNREADABLE;
    if (!(score >= 0))
        return GAD_VERDICT_UNREADABLE;
    return score >= rule->threshold ? GAD_VERDICT_ANOMALOUS : GAD_VERDICT_NORMAL;
}
