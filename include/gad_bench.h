/* gad_bench.h - how well a model answers, how fast it runs, what it needs; thresholds from its scores. The conventions of
 * gad.h hold. */
#ifndef GAD_BENCH_H
#define GAD_BENCH_H

#include "gad_data.h"
#include "gad_product.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- model information and speed ----------------------------------------------------------------------------------- */

typedef struct gad_model_info {
    char family[32], dtype[16]; /* "Qwen2.5-VL", "BF16" */
    int64_t vision_parameters, text_parameters;
    int text_layers, text_hidden, vision_depth, vision_hidden, vocabulary, context_tokens;
    int input_width_px, input_height_px; /* the asked image as the model sees it */
    int64_t image_tokens, prompt_tokens; /* of one image; of the prompt with all images */
    size_t file_bytes, weight_bytes, cache_bytes, image_bytes, work_bytes, total_bytes, available_bytes;
    char device[64];                               /* of that memory: a CUDA device's name; empty: the host's */
    double vision_flop, prefill_flop, decode_flop; /* all images; the prompt; one token */
} gad_model_info;

/* What a checkpoint is and what it needs for `images` pictures of that size and an answer of answer_tokens, from its
 * headers: nothing is loaded. */
GAD_API gad_status gad_model_describe(const gad_engine_options *options, int width_px, int height_px, int images,
                                      int64_t answer_tokens, gad_model_info *info, gad_error *err);

typedef struct gad_speed_settings {
    const char *model,
        *shape;           /* a checkpoint folder or .gguf file, or the name of a shape to fill with random bf16 weights */
    const char *mmproj;   /* of a .gguf file: its vision tower's; NULL: the one beside it */
    const char *backbone; /* or a file or folder of pretrained features; it knows no tokens and is not quantised */
    gad_compute compute;  /* random weights are bf16 */
    int64_t prompt_tokens, answer_tokens, image_side_px, repeats;
    int64_t batch; /* so many answers to the prompt decode together, besides; 0: not measured */
    bool limits;   /* measure memory bandwidth and multiply-add peak in the same run */
    const gad_log *log;
} gad_speed_settings;

typedef struct gad_speed_row {
    char name[24];
    const char *unit;
    double median, min, max; /* of the repeats */
    const char *rate_unit;   /* what it comes to: "GFLOP/s" or "GB/s"; NULL: nothing */
    double rate, limit;      /* at the median; limit 0 when not measured */
} gad_speed_row;

enum { GAD_SPEED_ROWS = 16 };
typedef struct gad_speed_report {
    gad_speed_row row[GAD_SPEED_ROWS];
    int rows, threads;
    char level[64], products[8], model[128], output_hash[33]; /* the hash of all logits that were computed */
} gad_speed_report;
GAD_API gad_status gad_speed_measure(const gad_speed_settings *settings, gad_speed_report *report, gad_error *err);

/* How well a model predicts a text: by default in fp32, and as asked. */
typedef struct gad_perplexity_settings {
    const char *model, *mmproj; /* as above */
    const char *text;           /* a file, UTF-8 */
    int64_t window_tokens;      /* read at a time; each window begins anew */
    gad_compute compute;        /* what is asked */
    const gad_log *log;
} gad_perplexity_settings;
typedef struct gad_perplexity_report {
    int64_t tokens;                     /* predicted: all but the first of each window */
    double plain, asked;                /* perplexities */
    double divergence, most_divergence; /* Kullback-Leibler, of `asked` from `plain`: nats a token */
    double same_word;                   /* share of tokens for which both find the same word likeliest */
} gad_perplexity_report;
GAD_API gad_status gad_perplexity_measure(const gad_perplexity_settings *settings, gad_perplexity_report *report,
                                          gad_error *err);

/* Speed of training. Samples are two images of random pixels, prompt_tokens ids and an answer of answer_tokens. */
typedef struct gad_training_benchmark_settings {
    /* Of what, on what, how large. Without backbone and batch; nothing is quantised; GAD_PRECISION_CHECKPOINT is fp32 on
     * the CPU, as weights that train are, and bf16 elsewhere. */
    gad_speed_settings of;
    int64_t lora_rank; /* a step trains adapters of this rank on the language model; 0: all of it in fp32 */
    bool step;         /* SFT steps of `samples` samples: forward, backward and optimizer, beside a large matrix product */
    bool grpo; /* steps by rewards: `group` answers to one prompt, then one pass forward and back over them, and AdamW */
    bool rollouts; /* `group` answers to one prompt, with a shared prefix and without */
    bool checkpointing;
    int64_t samples, group;
} gad_training_benchmark_settings;
GAD_API gad_status gad_training_benchmark_measure(const gad_training_benchmark_settings *settings, gad_speed_report *report,
                                                  gad_error *err);

/* Names that --shape takes, separated by ", ". */
GAD_API const char *gad_shape_names(void);

/* ---- benchmark ------------------------------------------------------------------------------------------------------ */

/* Which samples of a store are asked about. */
typedef enum gad_selection_preset {
    GAD_SELECTION_SOURCE, /* the original test splits: what sources call test, and all but the reference pool of benchmarks
                           */
    GAD_SELECTION_MMRAD,  /* every image of the released MMR-AD folders: test, test_good and train_good */
    GAD_SELECTION_ALL,    /* every image; comparable with nothing published */
    GAD_SELECTION_SPLIT   /* one split by name; comparable with nothing published */
} gad_selection_preset;
#define GAD_SELECTION_PRESET_WORDS "source", "mmrad", "all", "split"

/* Which normal images belong to a question. */
typedef enum gad_selection_reference {
    GAD_SELECTION_FIRST,  /* as stored with the sample, best first */
    GAD_SELECTION_FIXED,  /* the same normal images for all of a category */
    GAD_SELECTION_RANDOM, /* drawn for each sample, by seed */
    GAD_SELECTION_NONE
} gad_selection_reference;
#define GAD_SELECTION_REFERENCE_WORDS "first", "fixed", "random", "none"

/* The questions: of exactly one source. */
typedef struct gad_bench_questions {
    const char *store;           /* samples that gad data import read */
    const char *items;           /* a list of one's own (docs/formats.md, "Benchmark runs") */
    const char *mmad;            /* folder of MMAD with mmad.json */
    gad_selection_preset preset; /* of a store */
    const char *split;           /* of GAD_SELECTION_SPLIT */
    gad_selection_reference reference;
    int64_t references;                           /* how many, at most; fewer where there are fewer; of MMAD: shots */
    const char *const *datasets, *const *classes; /* filters; count 0: all */
    size_t dataset_count, class_count;
    int64_t limit;              /* so many questions, drawn by seed in proportion over labels and categories; 0: all */
    uint64_t seed;              /* of the limit and of random references */
    const char *knowledge_file; /* MMAD: its domain_knowledge.json; NULL: without */
    bool similar_templates;     /* MMAD: similar instead of random templates */
} gad_bench_questions;

/* Models that understand nothing, to show beside every figure. */
typedef enum gad_baseline {
    GAD_BASELINE_NONE, /* a model is asked */
    GAD_BASELINE_YES,
    GAD_BASELINE_NO,
    GAD_BASELINE_DIFFERENCE /* of pixels, from the first reference */
} gad_baseline;
#define GAD_BASELINE_WORDS "none", "always-yes", "always-no", "pixel-difference"

/* How colours of the reference are compared: with each channel's mean and deviation brought to the test image's (gain 1/2
 * to 2), or as they are. */
typedef enum gad_pixel_difference_colours {
    GAD_PIXEL_DIFFERENCE_MATCHED,
    GAD_PIXEL_DIFFERENCE_RAW
} gad_pixel_difference_colours;
#define GAD_PIXEL_DIFFERENCE_WORDS "matched", "raw"

/* The pixel difference, as a baseline and beside a model. */
typedef struct gad_pixel_difference_settings {
    double threshold; /* root mean square from which it says Yes, in grey levels; 0: 24 */
    gad_pixel_difference_colours colours;
} gad_pixel_difference_settings;

/* A server that is benchmarked. */
typedef struct gad_bench_endpoint {
    gad_endpoint server;
    double top_p;
    bool probabilities;   /* ask for token probabilities, which give the continuous score */
    int64_t jpeg_quality; /* of the images; 0 sends PNG */
    const char *system;   /* system message; NULL: none */
    const char *more;     /* more members of the request, as a JSON object; NULL: none */
    gad_box_convention convention;
    gad_box_order order;
    /* Its image processor, for boxes in `input` pixels: sides become multiples of `factor`, the area is kept between the
     * bounds. factor 0: images are used as sent. */
    int64_t factor, min_pixels, max_pixels;
} gad_bench_endpoint;

/* How a model writes its answers. */
typedef struct gad_bench_answers {
    int64_t max_tokens;
    bool fast;     /* engine: the forced answer, no reasoning; boxes only from a difference module */
    bool sample;   /* engine: draw as the checkpoint's generation settings say; else greedy */
    uint64_t seed; /* of the draw */
} gad_bench_answers;

/* What to ask, and whom: exactly one of engine, endpoint, baseline, learning. Start from gad_bench_settings_default. */
typedef struct gad_bench_settings {
    const char *out; /* folder of the run; a run that is there goes on */
    gad_bench_questions questions;
    bool knowledge;          /* tell the model which anomaly types may occur */
    const char *prompt_file; /* own wording; NULL: the built-in one */
    const char *image_size;  /* "canvas" (shorter side 448), "original", or the longest side in pixels; NULL: "canvas", of
                              * MMAD and of what learns "original" */

    const gad_engine_options *engine; /* a checkpoint; opened for the run */
    gad_bench_endpoint endpoint;      /* with a URL */
    gad_baseline baseline;
    /* Each question's references (`references` of them, INT64_MAX: all) are learnt as a product, which answers. */
    const gad_learn_settings *learning;
    /* Engine, endpoint: hints with each question, of what its references teach as `evidence` says. */
    gad_hints hints;
    const gad_learn_settings *evidence;
    gad_bench_answers answers;
    gad_pixel_difference_settings difference;
    bool without_difference; /* do not run the pixel difference beside the model */
    int64_t max_failures;    /* failed requests in a row that end the run; 0: 20 */

    gad_share share;             /* of the questions, when several processes work on one run; zeroed: all */
    void (*started)(void *user); /* called once, when the settings were checked and the first question is next; NULL */
    void *started_user;
    const gad_log *log;
    const gad_progress *progress;
} gad_bench_settings;
/* The source's test split with its first reference, all questions, seed 1; answers of at most 1024 tokens; an endpoint as
 * gad_endpoint_default, with probabilities, PNG, boxes on the canvas and Qwen2.5-VL's image processor. */
GAD_API gad_bench_settings gad_bench_settings_default(void);

typedef struct gad_bench_result {
    int64_t items, answered; /* of the run, now */
    int64_t open;            /* of the run: nobody has asked yet (other shares are still at work) */
    int64_t asked, failed;   /* in this call */
    char first_failure[512];
} gad_bench_result;

/* Ask every question that has no answer yet. Every answer is on disk when it came, so a run that was stopped, killed or met
 * failing requests goes on when it is called again. GAD_OK says that all were asked; `result` says how many failed. */
GAD_API gad_status gad_bench_run(const gad_bench_settings *settings, gad_bench_result *result, gad_error *err);

/* Which boxes belong together: each with one at most, or any that reach the IoU. Both are always computed. */
typedef enum gad_scoring_matching { GAD_SCORING_ONE, GAD_SCORING_MANY } gad_scoring_matching;
#define GAD_SCORING_MATCHING_WORDS "one", "many"

/* What an answer without a readable decision counts as. */
typedef enum gad_scoring_unparsable {
    GAD_SCORING_WRONG,   /* missed when anomalous, a false alarm when normal (default) */
    GAD_SCORING_NO,      /* as if it had said No */
    GAD_SCORING_EXCLUDED /* left out and counted */
} gad_scoring_unparsable;
#define GAD_SCORING_UNPARSABLE_WORDS "wrong", "no", "excluded"

/* Everything that the papers leave open and a rescoring may change. */
typedef struct gad_scoring_choices {
    double iou[2];
    gad_scoring_matching matching; /* that is published */
    gad_scoring_unparsable unparsable;
    gad_box_convention convention;
    gad_box_order order;
    double threshold;     /* NaN: the decision is the answer's Yes or No; else score >= threshold */
    bool official_compat; /* MMAD: copy the skip of the official evaluator */
    int64_t resamples;    /* of the intervals */
    uint64_t seed;
    double confidence;
} gad_scoring_choices;

/* How stored answers are scored and shown. */
typedef struct gad_bench_choices {
    gad_scoring_choices scoring;    /* convention and order hold where they are said to: */
    bool own_convention, own_order; /* instead of what the run says */
    bool timing;                    /* show what differs between equal runs: times, dates, addresses */
    bool pixels;                    /* compare heat maps with masks */
    int64_t cases;                  /* pictures of each kind in the HTML page; 0: 12 */
} gad_bench_choices;
/* IoU 0.1 and 0.5, matching one, unparsable wrong, 1000 resamples with seed 1, 95 %, everything shown. */
GAD_API gad_bench_choices gad_bench_choices_default(void);

/* Where to write; NULL leaves a file out. */
typedef struct gad_bench_outputs {
    const char *html, *json, *csv, *markdown, *scored;
} gad_bench_outputs;

/* Score a run's stored answers and write the report; no model is needed. `others` are further runs to show beside it. The
 * same run and choices give the same bytes. */
GAD_API gad_status gad_bench_report(const char *run, const char *const *others, size_t other_count,
                                    const gad_bench_choices *choices, const gad_bench_outputs *outputs, const gad_log *log,
                                    const gad_progress *progress, gad_error *err);
/* Paired comparison of two runs on the same images. *text is Markdown for people (gad_text_free); of the outputs html and
 * json are written. */
GAD_API gad_status gad_bench_compare(const char *run_a, const char *run_b, const gad_bench_choices *choices,
                                     const gad_bench_outputs *outputs, char **text, gad_error *err);

/* ---- calibration ----------------------------------------------------------------------------------------------------- */

/* From scores of normal images. `model` names what gave them (a checkpoint's hash). The file is what gad inspect
 * --threshold reads. `scores` is reordered. */
GAD_API gad_status gad_calibrate(double *scores, size_t count, double rate, double confidence,
                                 const gad_threshold_basis *basis, const char *path, gad_threshold *threshold,
                                 gad_error *err);
/* The same from the normal images of a benchmark run, of one class (NULL: all of one data set, NULL: all). */
GAD_API gad_status gad_calibrate_run(const char *run, const char *dataset, const char *class_name, double rate,
                                     double confidence, const char *path, gad_threshold *threshold, gad_error *err);

#ifdef __cplusplus
}
#endif
#endif
