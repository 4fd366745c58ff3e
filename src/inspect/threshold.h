/* threshold: from which score on a part is an anomaly, from the scores of good parts alone. In: scores, what they depend
 * on. Out: a threshold with the confidence that order statistics support, and the small file that keeps it
 * (docs/formats.md). Knows nothing of how scores are made. Reading is in gad.h. */
#ifndef GAD_INSPECT_THRESHOLD_H
#define GAD_INSPECT_THRESHOLD_H
#include "gad_product.h"
#include "generate/engine.h"

enum gad_threshold_member {
    GAD_THRESHOLD_MODEL,      /* hash of weights and configuration */
    GAD_THRESHOLD_MODE,       /* "fast", "reasoned" */
    GAD_THRESHOLD_REFERENCES, /* how many pictures, and their hash */
    GAD_THRESHOLD_CLASS,
    GAD_THRESHOLD_KNOWLEDGE,
    GAD_THRESHOLD_WORDING, /* hash of the question's wording */
    GAD_THRESHOLD_SIZE,    /* pixels that a picture may have */
    GAD_THRESHOLD_WEIGHTS  /* how they are stored */
};

/* Distribution-free: with n normals drawn like the later ones, the share of later normals above the j-th smallest score is
 * below `rate` with probability P(Binomial(n, 1 - rate) <= j - 1). The smallest j that reaches `confidence` is taken; the
 * threshold is the next number above that score. When none reaches it, the largest score is taken, `supported` is false and
 * `reached` says what it is worth. Needs 0 < rate < 1, 0 < confidence < 1 and at least one score, all finite. `scores` is
 * sorted in place. */
gad_status gad_threshold_compute(double *scores, size_t count, double rate, double confidence, gad_threshold *threshold,
                                 gad_error *err);
/* Of n normals, `above` lie at the threshold or above it: the smallest rate that so many support, the upper end of Clopper
 * and Pearson's interval. Needs 0 < confidence < 1. */
double gad_threshold_rate(int64_t n, int64_t above, double confidence);
/* `settings` says for people what else was special; "" for nothing. */
gad_status gad_threshold_write(const gad_threshold *threshold, const char *settings, const char *path, gad_error *err);

/* What a checkpoint brings along as threshold.json; one that was made with other weights is left aside with a warning. */
gad_status gad_threshold_find(const gad_engine *engine, gad_threshold *threshold, bool *exists, gad_error *err);
/* GAD_E_ARGUMENT unless 0 to 1 (and the next number above 1, which a calibration may reach). */
gad_status gad_threshold_check(double value, gad_error *err);
/* As gad_threshold_basis_make, from the hashes of the good parts. */
gad_status gad_threshold_basis_fill(const gad_engine *engine, const gad_hash *good, int good_count, bool choose,
                                    const gad_inspect_settings *settings, gad_threshold_basis *basis, gad_error *err);
#endif
