/* model_baseline: models that understand nothing, to show beside every figure: always Yes, always No, and the aligned pixel
 * difference against the reference. They stand behind the same interface as a real model. */
#ifndef GAD_BENCH_MODEL_BASELINE_H
#define GAD_BENCH_MODEL_BASELINE_H
#include "bench/model.h"
#include "bench/pixel_difference.h"

/* Asked a multiple-choice question, it names the option that begins with Yes (or No), else the first. */
gad_bench_model gad_model_baseline_constant(bool yes);

/* Anomalous when the root mean square of the difference to the first reference (bench/pixel_difference.h) exceeds
 * the threshold. Named "pixel-difference", with raw colours "pixel-difference (raw colours)". Boxes are the
 * regions that stand out, the score is rms / (rms + threshold), the heat map is returned. Without a reference the request
 * fails. */
gad_status gad_model_baseline_difference(const gad_pixel_difference_settings *settings, gad_bench_model *model,
                                         gad_error *err);
/* Where no threshold is given. Chosen on three small sets of real images; no single one fits all products, and that is what
 * the baseline shows. */
#define GAD_MODEL_BASELINE_THRESHOLD 24.0
#endif
