/* calibrate: the threshold for a wanted false-alarm rate, from scores of normal images only. In: scores. Out: a threshold
 * with the confidence that the order statistics support, and the small file that keeps it. Knows nothing of models. */
#ifndef GAD_BENCH_CALIBRATE_H
#define GAD_BENCH_CALIBRATE_H
#include "gad.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gad_calibration {
    double threshold;  /* a part is anomalous when its score is at least this */
    double rate;       /* wanted share of false alarms among normal parts */
    double confidence; /* wanted probability that the true share is at most `rate` */
    int64_t normals;   /* scores used */
    int64_t allowed;   /* of these lie above the threshold */
    double reached;    /* the confidence that the numbers support: >= `confidence` when `supported` */
    bool supported;
    double rate_supported;  /* the smallest rate that so many normals support at `confidence` */
    int64_t normals_needed; /* for `rate` at `confidence`: ln(1 - confidence) / ln(1 - rate), 299 for 1 % at 95 % */
} gad_calibration;

/* Distribution-free: with n normals drawn like the later ones, the share of later normals above the j-th smallest score is
 * below `rate` with probability P(Binomial(n, 1 - rate) <= j - 1). The smallest j that reaches `confidence` is taken; the
 * threshold is the next number above that score. When none reaches it, the largest score is taken, `supported` is false and
 * `reached` says what it is worth. Needs 0 < rate < 1, 0 < confidence < 1 and at least one score, all finite. `scores` is
 * sorted in place. */
gad_status gad_calibrate_threshold(double *scores, size_t count, double rate, double confidence,
                                   gad_calibration *calibration, gad_error *err);

/* The file that `gad inspect --threshold` reads (docs/formats.md). `model` names what gave the scores (a hash or an
 * endpoint's model name) and `settings` what else the scores depend on; a reader refuses another model. */
gad_status gad_calibrate_write(const gad_calibration *calibration, const char *model, const char *settings,
                               const char *path, gad_error *err);
/* `model` NULL: any; else a file of another model is GAD_E_ARGUMENT. */
gad_status gad_calibrate_read(const char *path, const char *model, gad_calibration *calibration, gad_error *err);
#endif
