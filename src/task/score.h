/* score: one answer against the truth of its image, as components; benchmarks report them, rewards sum them. In: a read
 * answer, true boxes. Out: counts and IoUs, rewards. Knows nothing of datasets, categories or training. */
#ifndef GAD_TASK_SCORE_H
#define GAD_TASK_SCORE_H
#include "task/answer.h"

typedef struct gad_score_truth {
    bool anomalous;
    const gad_box *boxes; /* original pixels */
    size_t count;
} gad_score_truth;

/* Localisation at one IoU threshold (reached when IoU >= threshold). Boxes of an answer that is not Yes are not read. */
typedef struct gad_score_local {
    size_t tp, fp, fn;                    /* matching one to one */
    size_t truth_found, prediction_right; /* matching many to many */
} gad_score_local;

typedef struct gad_score {
    bool anomalous, unparsable;
    gad_answer_decision decision;
    bool right;                 /* the decision was read and is right */
    size_t truths, predictions; /* boxes; predictions without area included */
    gad_score_local at_01, at_05;
    double mask_iou;     /* union of predicted against union of true boxes; 0 when the truth has none */
    double mean_iou;     /* over true boxes, the best IoU of a prediction; 0 without */
    size_t n_miss, n_fp; /* rewards: truths that no prediction covers, predictions that cover no truth (many to many) */
    bool structure;      /* well formed, with boxes exactly when the image (not the decision) is anomalous */
} gad_score;

/* Which IoU covers a true box in n_miss and n_fp. Zero-initialised: IoU > 0.5. */
typedef struct gad_score_cover {
    double iou;     /* 0: 0.5 */
    bool inclusive; /* >= instead of > */
} gad_score_cover;

/* Fails only for lack of memory. `cover` may be NULL. */
gad_status gad_score_answer(const gad_answer *answer, const gad_score_truth *truth, const gad_score_cover *cover,
                            gad_score *score, gad_error *err);

/* Anomaly-R1: 1 for a right decision, less `miss` for each missed box. */
typedef struct gad_score_mm {
    double miss;        /* 0.2 */
    double false_box;   /* 0: the paper punishes none; a weight > 0 stops grids of boxes */
    bool when_wrong;    /* false: misses count only when truth and decision are Yes */
    double lower_bound; /* -1 */
} gad_score_mm;
gad_score_mm gad_score_mm_default(void);
double gad_score_reward_mm(const gad_score *score, const gad_score_mm *options);

/* VD-DeepStack, equation 11: r_dec + r_str + 0.5 [truth and decision Yes] max(0, 1 - 0.2 n_miss - 0.1 n_fp). */
typedef struct gad_score_vd {
    double decision, structure, boxes; /* 1, 1, 0.5 */
    double miss, false_box;            /* 0.2, 0.1 */
} gad_score_vd;
gad_score_vd gad_score_vd_default(void);
double gad_score_reward_vd(const gad_score *score, const gad_score_vd *options);
#endif
