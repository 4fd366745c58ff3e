/* explain: what a model says of a part that a product has judged. In: an engine, good parts, the part, the product's
 * inspection. Out: the same inspection with the reasoning, names for its boxes, and whether the two disagree; verdict and
 * score stay the product's. A part that needs no words costs nothing here. */
#ifndef GAD_INSPECT_EXPLAIN_H
#define GAD_INSPECT_EXPLAIN_H
#include "inspect/turn.h"

/* Do the settings want words about a part with that verdict? */
bool gad_explain_wants(const gad_inspect_settings *settings, gad_verdict verdict);
/* The last of `count` pictures is the part, the others are good ones: none, one or more. Hints of the inspection go with
 * the question where the settings say so. On failure the inspection is as it was. */
gad_status gad_explain(gad_engine *engine, const gad_turn_part *picture, int count, const gad_inspect_settings *settings,
                       gad_inspection *result, gad_error *err);
/* A product's verdict does not fail with its explanation: its flags are "unexplained" then. */
gad_status gad_explain_flag(gad_inspection *result, gad_error *err);
#endif
