/* explain: see explain.h */
#include "inspect/explain.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "inspect/inspect.h"
#include "task/box.h"

static gad_box box_of(const gad_defect *d)
{
    return (gad_box){d->x1, d->y1, d->x2, d->y2};
}

static void swap_text(char **a, char **b)
{
    char *kept = *a;
    *a = *b;
    *b = kept;
}

/* Each of the product's boxes takes the name of the model's box that covers it best. */
static void name_boxes(gad_inspection *result, gad_inspection *said)
{
    for (int i = 0; i < result->defect_count; i++) {
        gad_defect *best = NULL;
        double most = 0;
        for (int k = 0; k < said->defect_count; k++) {
            double iou = gad_box_iou(box_of(&result->defect[i]), box_of(&said->defect[k]));
            best = iou > most ? &said->defect[k] : best;
            most = iou > most ? iou : most;
        }
        char *label = best ? gad_memory_copy_string(best->label) : NULL;
        if (label) {
            gad_memory_free(result->defect[i].label);
            result->defect[i].label = label;
        }
    }
}

static void take(gad_inspection *result, gad_inspection *said)
{
    bool bad = result->verdict != GAD_VERDICT_NORMAL;
    swap_text(&result->reasoning, &said->reasoning);
    swap_text(&result->raw, &said->raw);
    swap_text(&result->flags, &said->flags);
    name_boxes(result, said);
    result->reasoned = true;
    result->score_reasoned = said->score_reasoned;
    result->disagreement = said->verdict == GAD_VERDICT_NORMAL ? bad : said->verdict == GAD_VERDICT_ANOMALOUS && !bad;
    result->truncated = said->truncated;
    result->prompt_tokens = said->prompt_tokens;
    result->computed_tokens = said->computed_tokens;
    result->answer_tokens = said->answer_tokens;
    result->answer_ms = said->encode_ms + said->prompt_ms + said->answer_ms;
    snprintf(result->prompt_hash, sizeof result->prompt_hash, "%s", said->prompt_hash);
}

bool gad_explain_wants(const gad_inspect_settings *settings, gad_verdict verdict)
{
    return settings->reason == GAD_REASON_ALWAYS ||
           (settings->reason == GAD_REASON_REJECTS && verdict != GAD_VERDICT_NORMAL);
}

gad_status gad_explain(gad_engine *engine, const gad_turn_part *picture, int count, const gad_inspect_settings *settings,
                       gad_inspection *result, gad_error *err)
{
    gad_inspect_settings always = *settings;
    gad_inspection said = {0};
    if (!gad_explain_wants(settings, result->verdict))
        return GAD_OK;
    always.reason = GAD_REASON_ALWAYS;
    always.threshold = NAN; /* the product's is of its own score */
    gad_status status = gad_inspect_pictures(engine, picture, count, result, &always, &said, err);
    if (status)
        return status;
    take(result, &said);
    gad_inspection_clear(&said);
    return GAD_OK;
}

gad_status gad_explain_flag(gad_inspection *result, gad_error *err)
{
    char *flags = gad_memory_copy_string("unexplained");
    if (!flags)
        return gad_error_memory(err, "explain the part", 16);
    gad_memory_free(result->flags);
    result->flags = flags;
    return GAD_OK;
}
