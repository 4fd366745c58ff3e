/* explain: what a model says of a part that a product has judged. In: an engine, a good part, the part, the product's
 * inspection. Out: the same inspection with the reasoning, names for its boxes, and whether the two disagree; verdict and
 * score stay the product's. */
#ifndef GAD_INSPECT_EXPLAIN_H
#define GAD_INSPECT_EXPLAIN_H
#include "generate/engine.h"
#include "io/image.h"

/* `good` NULL: there is no picture of a good part. On failure the inspection is as it was. */
gad_status gad_explain(gad_engine *engine, const gad_image *good, const gad_image *part,
                       const gad_inspect_settings *settings, gad_inspection *result, gad_error *err);
/* A product's verdict does not fail with its explanation: its flags are "unexplained" then. */
gad_status gad_explain_flag(gad_inspection *result, gad_error *err);
#endif
