/* gad.h - general anomaly detection with a reasoning multimodal model: the public interface.
 *
 * Conventions, for every function below:
 *   - A call that can fail returns a gad_status (GAD_OK is 0) and takes a gad_error as its last argument. The error may be
 *     NULL; on failure it is filled, on success it is left alone. Outputs are not touched on failure.
 *   - What a *_open, *_load or *_new call returned is owned by the caller and given back with the matching *_free. Every
 *     *_free accepts NULL.
 *   - Strings are UTF-8 and zero-terminated. Sizes that end in _bytes are bytes, _px pixels, _s seconds, _ms milliseconds.
 *   - No call exits or aborts the process, and none prints: text for people goes to a gad_log. */
#ifndef GAD_H
#define GAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GAD_VERSION "0.1.0"

/* ---- errors ------------------------------------------------------------------------------------------------------- */

typedef enum gad_status {
    GAD_OK = 0,
    GAD_E_ARGUMENT,    /* the caller asked for something that makes no sense */
    GAD_E_MEMORY,      /* memory could not be had, or would not be enough */
    GAD_E_IO,          /* the operating system refused: missing file, full disk, no permission */
    GAD_E_FORMAT,      /* a file or a message is malformed */
    GAD_E_UNSUPPORTED, /* well formed, but not something gad implements */
    GAD_E_LIMIT,       /* over a bound that protects the process (image size, context length) */
    GAD_E_NETWORK,     /* a remote endpoint failed */
    GAD_E_CANCELLED,   /* the caller asked to stop */
    GAD_E_DEVICE,      /* the accelerator failed; its engine is dead */
    GAD_E_INTERNAL     /* a defect in gad */
} gad_status;

typedef struct gad_error {
    gad_status code;
    char operation[64]; /* what was being done: "read image" */
    char cause[1024];   /* what went wrong, with the file or tensor name */
    char hint[512];     /* what the user can do; may be empty */
} gad_error;

/* A constant word for a status: "format", "memory". */
const char *gad_status_name(gad_status code);

/* ---- talking to the caller ---------------------------------------------------------------------------------------- */

typedef enum gad_log_level { GAD_LOG_DEBUG, GAD_LOG_INFO, GAD_LOG_WARNING } gad_log_level;

/* A log sink. `write` may be called from the thread that called gad only. A NULL gad_log pointer is a silent log. */
typedef struct gad_log {
    void (*write)(void *user, gad_log_level level, const char *message);
    void *user;
} gad_log;

/* How far a long call is. `total` is 0 when unknown. */
typedef struct gad_progress_state {
    const char *what;
    int64_t done, total;
    double elapsed_s, left_s; /* left_s < 0 when unknown */
} gad_progress_state;

/* Progress is described, never drawn. `update` returns false to cancel the call (GAD_E_CANCELLED). NULL pointer: nobody
 * watches. */
typedef struct gad_progress {
    bool (*update)(void *user, const gad_progress_state *state);
    void *user;
} gad_progress;

/* Replace the allocator of the whole process (NULL restores malloc). Call it before anything else; it is how memory is
 * counted and how running out of it is tested. `allocate` behaves like malloc, `resize` like realloc. */
typedef struct gad_allocator {
    void *(*allocate)(void *user, size_t size_bytes);
    void *(*resize)(void *user, void *old, size_t size_bytes);
    void (*release)(void *user, void *old);
    void *user;
} gad_allocator;
void gad_use_allocator(const gad_allocator *allocator);

/* ---- engine: a loaded checkpoint ---------------------------------------------------------------------------------- */

/* One engine serves one caller at a time: it owns the key-value cache and the working memory. */
typedef struct gad_engine gad_engine;

typedef struct gad_engine_options {
    const char *model;     /* folder of a Qwen2.5-VL or Qwen3-VL checkpoint as Hugging Face publishes it */
    const char *adapter;   /* folder of a PEFT LoRA adapter, or NULL */
    bool merge_adapter;    /* add the adapter into the weights instead of applying it beside them */
    bool quantise;         /* language model's matrices to int8 while loading */
    bool quantise_vision;  /* the vision tower's as well */
    int threads;           /* 0: all processors */
    int64_t max_pixels;    /* bound on the pixels of an image as the model sees it; 0: the checkpoint's own */
    const char *cpu_level; /* "portable", "avx2", "avx512": use no newer instructions; NULL: the best there are */
    const gad_log *log;
} gad_engine_options;

gad_status gad_engine_open(const gad_engine_options *options, gad_engine **engine, gad_error *err);
void gad_engine_free(gad_engine *engine);
/* Hash of configuration and weights, 32 hexadecimal digits; owned by the engine. */
const char *gad_engine_hash(const gad_engine *engine);
/* Let the adapter act, or answer as the base model would. Engines open with the adapter on. */
void gad_engine_use_adapter(gad_engine *engine, bool on);

/* ---- model information and speed ----------------------------------------------------------------------------------- */

typedef struct gad_model_info {
    char family[32], dtype[16]; /* "Qwen2.5-VL", "BF16" */
    int64_t vision_parameters, text_parameters;
    int text_layers, text_hidden, vision_depth, vision_hidden, vocabulary, context_tokens;
    int input_width_px, input_height_px; /* the asked image as the model sees it */
    int64_t image_tokens, prompt_tokens; /* of one image; of the prompt with all images */
    size_t file_bytes, weight_bytes, cache_bytes, image_bytes, work_bytes, total_bytes, available_bytes;
    double vision_flop, prefill_flop, decode_flop; /* all images; the prompt; one token */
} gad_model_info;

/* What a checkpoint is and what it needs for `images` pictures of that size and an answer of answer_tokens, from its
 * headers: nothing is loaded. */
gad_status gad_model_describe(const gad_engine_options *options, int width_px, int height_px, int images,
                              int64_t answer_tokens, gad_model_info *info, gad_error *err);

typedef struct gad_speed_settings {
    const char *model, *shape; /* a checkpoint folder, or the name of a shape to fill with random bf16 weights */
    bool quantise, quantise_vision;
    int threads;
    const char *cpu_level;
    int64_t prompt_tokens, answer_tokens, image_side_px, repeats;
    bool limits; /* measure memory bandwidth and multiply-add peak in the same run */
    const gad_log *log;
} gad_speed_settings;

typedef struct gad_speed_row {
    const char *name, *unit;
    double median, least, most; /* of the repeats */
    const char *rate_unit;      /* what it comes to: "GFLOP/s" or "GB/s"; NULL: nothing */
    double rate, limit;         /* at the median; limit 0 when not measured */
} gad_speed_row;

enum { GAD_SPEED_ROWS = 16 };
typedef struct gad_speed_report {
    gad_speed_row row[GAD_SPEED_ROWS];
    int rows, threads;
    char level[16], model[128], output_hash[33]; /* the hash of all logits that were computed */
} gad_speed_report;
gad_status gad_speed_measure(const gad_speed_settings *settings, gad_speed_report *report, gad_error *err);

/* The same for training. Samples are two images of random pixels, text_tokens ids and an answer of answer_tokens. */
typedef struct gad_pace_settings {
    const char *model, *shape; /* as above; a step trains all of it in fp32 */
    int threads;
    const char *cpu_level;
    bool step;     /* SFT steps of `samples` samples: forward, backward and optimizer, beside a large matrix product */
    bool rollouts; /* `group` answers to one prompt, with a shared prefix and without */
    bool checkpointing, limits;
    int64_t samples, group, text_tokens, answer_tokens, image_side_px, repeats;
    const gad_log *log;
} gad_pace_settings;
gad_status gad_pace_measure(const gad_pace_settings *settings, gad_speed_report *report, gad_error *err);

/* Names that --shape takes, separated by ", ". */
const char *gad_shape_names(void);

/* ---- pictures ------------------------------------------------------------------------------------------------------ */

/* A decoded image, upright, as RGB. */
typedef struct gad_picture gad_picture;
gad_status gad_picture_load(const char *path, gad_picture **picture, gad_error *err);
void gad_picture_free(gad_picture *picture);
int gad_picture_width_px(const gad_picture *picture);
int gad_picture_height_px(const gad_picture *picture);
/* Hash of its pixels, 32 hexadecimal digits; owned by the picture. */
const char *gad_picture_hash(const gad_picture *picture);

/* Whether a file's name ends like an image's (.png, .jpg, .jpeg, .tif, .tiff, .webp, .bmp). */
bool gad_picture_is_name(const char *path);

/* Good parts to choose from: for each part, the one that lies most like it (block-wise divergence of colour and edge
 * histograms, the worst blocks left out), never the part's own picture. The pictures need not outlive the gallery. */
typedef struct gad_gallery gad_gallery;
gad_status gad_gallery_new(gad_picture *const *good, int count, gad_gallery **gallery, gad_error *err);
void gad_gallery_free(gad_gallery *gallery);
/* *best is an index into the pictures that the gallery was made of. */
gad_status gad_gallery_best(gad_gallery *gallery, const gad_picture *part, int *best, gad_error *err);

/* ---- inspection ---------------------------------------------------------------------------------------------------- */

typedef enum gad_verdict { GAD_VERDICT_UNREADABLE, GAD_VERDICT_NORMAL, GAD_VERDICT_ANOMALOUS } gad_verdict;
typedef enum gad_reason { GAD_REASON_ALWAYS, GAD_REASON_REJECTS, GAD_REASON_NEVER } gad_reason;

typedef struct gad_defect {
    double x1, y1, x2, y2; /* original pixels of the part, x2 and y2 exclusive */
    bool valid;            /* false: the model wrote a box without area */
    char *label;
} gad_defect;

typedef struct gad_inspect_settings {
    const char *class_name;  /* what the part is; NULL: "product" */
    const char *knowledge;   /* defect kinds that may occur, separated by commas; NULL: none */
    const char *prompt_file; /* own wording; NULL: the built-in one */
    gad_reason reason;
    int64_t max_tokens; /* of the answer */
    bool greedy;        /* the most likely token; else as the checkpoint's generation_config.json says */
    uint64_t seed;      /* of the draw; a part gets the same answer in every run */
    double threshold;   /* score from which a fast answer is an anomaly; 0.5 when no calibration is at hand */
    void (*on_text)(void *user, const char *piece); /* the reasoning as it comes; NULL: not wanted */
    bool (*is_cancelled)(void *user);               /* NULL: never */
    void *user;
} gad_inspect_settings;

typedef struct gad_inspection {
    gad_verdict verdict;
    double score;       /* p(Yes) / (p(Yes) + p(No)) where the answer is decided; -1 when there was none */
    bool reasoned;      /* false: the fast answer only */
    gad_defect *defect; /* of the answer's text; of a fast answer: the regions of the heat map, without labels */
    int defect_count;
    char *reasoning; /* text between <think> and </think>; "" when there is none */
    char *raw;       /* the answer as the model wrote it */
    char *flags;     /* deviations from the strict answer form, separated by commas; "" when strict */
    bool truncated;  /* the answer ended at max_tokens */
    int width_px, height_px, input_width_px, input_height_px;
    int64_t prompt_tokens, computed_tokens, answer_tokens;
    /* what the difference module sees before any word: the probability of an anomaly in each cell, row by row, heat_height
     * x heat_width of them over the whole part; NULL: the model has no such module, or there was no good part. `difference`
     * is the largest, -1 without. */
    float *heat;
    int heat_width, heat_height;
    double difference;
    double encode_ms, prompt_ms, answer_ms;
    char prompt_hash[33];
} gad_inspection;

/* Inspect `part` against good parts (none, one or more, best first). The result is the caller's (gad_inspection_clear). */
gad_status gad_inspect(gad_engine *engine, gad_picture *const *good, int good_count, const gad_picture *part,
                       const gad_inspect_settings *settings, gad_inspection *result, gad_error *err);
void gad_inspection_clear(gad_inspection *result);
/* One JSON line without line end (docs/formats.md "Inspections"); the caller frees it with gad_text_free. */
gad_status gad_inspection_json(const gad_inspection *result, const char *part, const char *const *good, int good_count,
                               char **text, gad_error *err);
/* The part with boxes, labels, verdict and score drawn on it, as PNG. */
gad_status gad_inspection_save_overlay(const gad_inspection *result, const gad_picture *part, const char *path,
                                       gad_error *err);
/* The part under its heat map, as PNG; an error when there is none. */
gad_status gad_inspection_save_heatmap(const gad_inspection *result, const gad_picture *part, const char *path,
                                       gad_error *err);
void gad_text_free(char *text);

/* Inspections as one HTML file that needs no network: good part, boxes, heat map, reasoning. A card that cannot be drawn
 * leaves the page as it was. */
typedef struct gad_inspection_page gad_inspection_page;
gad_status gad_inspection_page_new(gad_inspection_page **page, gad_error *err);
gad_status gad_inspection_page_add(gad_inspection_page *page, const char *name, const gad_inspection *result,
                                   const gad_picture *part, gad_picture *const *good, int good_count, gad_error *err);
gad_status gad_inspection_page_write(const gad_inspection_page *page, const char *path, gad_error *err);
void gad_inspection_page_free(gad_inspection_page *page);

/* ---- new models ---------------------------------------------------------------------------------------------------- */

/* A byte-level BPE vocabulary for a small model, from the project's own questions and answers and from text files. */
typedef struct gad_vocab_settings {
    const char *out;               /* folder for the tokenizer files */
    int64_t entries;               /* tokens, bytes and control tokens included: 284 to 16384 */
    int64_t own_texts;             /* synthetic questions and answers to learn from */
    const char *const *text_files; /* further texts, UTF-8 */
    int64_t text_file_count;
    const char *prompt_file; /* own wording of the question; NULL: the built-in one */
    uint64_t seed;
    const gad_log *log;
    const gad_progress *progress;
} gad_vocab_settings;
gad_status gad_vocab_make(const gad_vocab_settings *settings, gad_error *err);

typedef struct gad_new_settings {
    const char *preset;      /* "xs", "s", ..., or any shape's name */
    const char *vocab;       /* folder of tokenizer files; NULL: made as gad_vocab_make does, of the preset's size */
    const char *out;         /* folder of the new checkpoint */
    const char *prompt_file; /* for a vocabulary made here */
    int64_t side_px;         /* images are resized to this square; 0: the preset's own */
    bool difference;         /* with the difference module (docs/model.md) */
    uint64_t seed;
    const gad_log *log;
    const gad_progress *progress;
} gad_new_settings;
/* A checkpoint of random weights, ready for training. */
gad_status gad_model_new(const gad_new_settings *settings, gad_error *err);

/* ---- training ------------------------------------------------------------------------------------------------------ */

typedef struct gad_train_settings {
    const char *model, *out; /* checkpoint to start from; folder of the run */
    const char *adapter;     /* merged into the start, so that a KL reference is what the run started from */
    /* data: a store or JSON lines (docs/formats.md), or synthetic pairs when NULL */
    const char *data, *root, *split, *eval_data, *eval_split, *prompt_file;
    int64_t references;
    uint64_t synth_seed, synth_class_seed;
    int64_t synth_side_px;
    const char *synth_kinds, *synth_families;
    double synth_share; /* of synthetic pairs beside `data`, 0 to 1 */
    double synth_normal_share, synth_strength_low, synth_nuisance, synth_same_piece;
    const char *input; /* "pair", "clip", "pair+clip" */
    bool think;        /* answers with reasoning */
    double fast_share; /* of these answers without it, as gad_inspect forces fast ones */
    /* what trains: "lora", or prefixes separated by commas: "all", "language", "vision", "merger", "difference", ... */
    const char *train;
    int64_t lora_rank;
    double lora_alpha;
    const char *lora_targets;
    /* optimisation */
    int64_t steps, batch, micro_tokens, warmup;
    double learning_rate, learning_rate_floor, beta1, beta2, weight_decay, clip, average;
    const char *schedule; /* "constant", "linear", "cosine" */
    bool checkpointing, resume, bf16, dry_run;
    double text_weight, mask_weight, difference_rate;
    double told_regions; /* SFT: share of samples whose regions are told by the truth, not by the heat map */
    int64_t cache_mib, max_pixels, threads;
    int64_t save_every, eval_every, eval_examples, keep;
    int64_t eval_answers;    /* SFT: samples of an evaluation that are answered, up to max_new_tokens; 0: only losses */
    const char *best_metric; /* of an evaluation, such as "eval_loc_05": chooses the best checkpoint; NULL: loss, reward */
    uint64_t seed;
    /* GRPO only */
    int64_t group, max_new_tokens, show_answers;
    int64_t iterations; /* updates with the answers of one step */
    int64_t refill;     /* with zero_variance "drop": prompts that are tried in place of a dropped one, at most */
    double temperature, kl, clip_low, clip_high, positive, entropy_bonus;
    const char *ratio; /* "token", or "sequence": one ratio for an answer (GSPO) */
    const char *aggregation, *reward, *reward_command, *zero_variance;
    int64_t reward_timeout_s; /* of an answer of reward_command; 0: none */
    bool scale_by_deviation, mask_truncated, share_prefix;
    const gad_log *log;
    const gad_progress *progress;
} gad_train_settings;

/* Supervised fine-tuning, and GRPO. Under mpirun every process calls it with equal settings. GAD_E_CANCELLED after Ctrl-C,
 * with a checkpoint written. */
gad_status gad_train_sft(const gad_train_settings *settings, gad_error *err);
gad_status gad_train_grpo(const gad_train_settings *settings, gad_error *err);
/* A page with the curves of a run's log.jsonl. */
gad_status gad_train_plot(const char *log_file, const char *html_file, gad_error *err);

/* ---- benchmark ------------------------------------------------------------------------------------------------------ */

/* What to ask, and whom. Exactly one source of questions (store, items, mmad) and one model (engine, endpoint, baseline).
 */
typedef struct gad_bench_settings {
    const char *out; /* folder of the run; a run that is there goes on */

    const char *store;     /* samples that gad data import read */
    const char *items;     /* a list of one's own (docs/formats.md, "Benchmark runs") */
    const char *mmad;      /* folder of MMAD with mmad.json */
    const char *preset;    /* "source" (original test split), "mmrad" (whole MMR-AD folders), "all", or a split's name */
    const char *reference; /* "first" (as stored), "fixed", "random", "none" */
    int64_t references;    /* normal images shown */
    const char *const *datasets, *const *classes; /* filters; count 0: all */
    size_t dataset_count, class_count;
    int64_t limit;              /* so many questions, drawn by seed in proportion over labels and categories; 0: all */
    uint64_t seed;              /* of the limit, of random references and of sampled answers */
    bool knowledge;             /* tell the model which anomaly types may occur */
    const char *knowledge_file; /* MMAD: its domain_knowledge.json */
    bool similar_templates;     /* MMAD: similar instead of random templates */
    const char *prompt_file;    /* own wording; NULL: the built-in one */
    const char *image_size;     /* "canvas" (shorter side 448), "original", or the longest side in pixels */

    const gad_engine_options *engine; /* a checkpoint; opened for the run */
    const char *endpoint;             /* URL of an OpenAI-compatible server */
    const char *endpoint_key;         /* its key; NULL: none */
    const char *baseline;             /* "always-yes", "always-no", "pixel-difference" */
    const char *model_name;           /* of the endpoint's model */
    bool fast;                        /* engine: the forced answer, no reasoning */
    bool sample;                      /* engine: draw tokens; else the most likely */
    int64_t max_tokens;
    double temperature, top_p;                 /* endpoint */
    int64_t in_flight;                         /* endpoint: requests at once */
    double requests_per_s;                     /* endpoint: 0 no limit */
    double timeout_s;                          /* endpoint: of one request; 0: 300 */
    int64_t attempts;                          /* endpoint: of one request; 0: 5 */
    bool probabilities;                        /* endpoint: ask for token probabilities, which give the continuous score */
    int64_t jpeg_quality;                      /* endpoint: 0 sends PNG */
    const char *system_text, *request_members; /* endpoint: system message; more members of the request, as JSON */
    const char *coordinates;                   /* endpoint: "canvas", "input", "rel1000", "rel1", "orig" */
    bool y_first;                              /* endpoint: boxes are y1 x1 y2 x2 */
    int64_t image_factor, min_pixels, max_pixels; /* endpoint: its image processor, for "input" coordinates */
    double difference_threshold;                  /* grey levels, of the pixel difference; 0: built in */
    const char *difference_colours;               /* "matched" (NULL): the reference's fitted to the test image; "raw" */
    bool without_difference;                      /* do not run the pixel difference beside the model */
    int64_t most_failures;                        /* failed requests in a row that end the run; 0: 20 */

    const gad_log *log;
    const gad_progress *progress;
} gad_bench_settings;

typedef struct gad_bench_result {
    int64_t items, answered; /* of the run, now */
    int64_t asked, failed;   /* in this call */
    char first_failure[512];
} gad_bench_result;

/* Ask every question that has no answer yet. Every answer is on disk when it came, so a run that was stopped, killed or met
 * failing requests goes on when it is called again. GAD_OK says that all were asked; `result` says how many failed. */
gad_status gad_bench_run(const gad_bench_settings *settings, gad_bench_result *result, gad_error *err);

/* How stored answers are scored and shown. Start from gad_bench_choices_default. */
typedef struct gad_bench_choices {
    double iou[2];           /* 0.1, 0.5 */
    const char *matching;    /* "one", "many" */
    const char *unparsable;  /* "wrong", "no", "excluded" */
    const char *coordinates; /* NULL: as the run says */
    const char *order;       /* "xy", "yx"; NULL: as the run says */
    double threshold;        /* decide by score >= threshold; NaN: by the answer's Yes or No */
    bool official_compat;    /* MMAD: count as the official evaluator does */
    int64_t resamples;       /* of the intervals */
    uint64_t seed;
    double confidence;
    bool without_timing; /* leave out what differs between equal runs: times, dates, addresses */
    bool without_pixels; /* do not compare heat maps with masks */
    int64_t cases;       /* pictures of each kind in the HTML page; 0: 12 */
} gad_bench_choices;
gad_bench_choices gad_bench_choices_default(void);

/* Where to write; NULL leaves a file out. */
typedef struct gad_bench_outputs {
    const char *html, *json, *csv, *markdown, *scored;
} gad_bench_outputs;

/* Score a run's stored answers and write the report; no model is needed. `others` are further runs to show beside it. The
 * same run and choices give the same bytes. */
gad_status gad_bench_report(const char *run, const char *const *others, size_t other_count,
                            const gad_bench_choices *choices, const gad_bench_outputs *outputs, const gad_log *log,
                            const gad_progress *progress, gad_error *err);
/* Paired comparison of two runs on the same images. *text is Markdown for people (gad_text_free); of the outputs html and
 * json are written. */
gad_status gad_bench_compare(const char *run_a, const char *run_b, const gad_bench_choices *choices,
                             const gad_bench_outputs *outputs, char **text, gad_error *err);

/* ---- calibration ----------------------------------------------------------------------------------------------------- */

typedef struct gad_threshold {
    double value;                    /* anomalous when the score is at least this */
    double rate;                     /* wanted share of false alarms */
    double confidence;               /* wanted probability that the true share is no larger */
    double reached;                  /* what the images support */
    bool supported;                  /* reached >= confidence */
    double rate_supported;           /* the smallest rate that so many images support */
    int64_t normals, normals_needed; /* used; needed for rate and confidence */
    char note[160];                  /* why the scores may differ from those of gad inspect; "" when nothing is known */
} gad_threshold;

/* From scores of normal images. `model` names what gave them (a checkpoint's hash). The file is what gad inspect
 * --threshold reads. `scores` is reordered. */
gad_status gad_calibrate(double *scores, size_t count, double rate, double confidence, const char *model, const char *path,
                         gad_threshold *threshold, gad_error *err);
/* The same from the normal images of a benchmark run, of one class (NULL: all of one data set, NULL: all). */
gad_status gad_calibrate_run(const char *run, const char *dataset, const char *class_name, double rate, double confidence,
                             const char *path, gad_threshold *threshold, gad_error *err);
/* `model` NULL: of any model; else a file that was made with another is refused. */
gad_status gad_threshold_read(const char *path, const char *model, gad_threshold *threshold, gad_error *err);
/* What a checkpoint brings along as threshold.json; 0.5 where it has none. */
gad_status gad_threshold_of_engine(const gad_engine *engine, gad_threshold *threshold, gad_error *err);

/* ---- data ---------------------------------------------------------------------------------------------------------- */

/* A store: one SQLite file with samples; images stay where they are (docs/formats.md "Samples"). One writer at a time. */
typedef struct gad_data gad_data;
typedef enum gad_data_mode { GAD_DATA_READ, GAD_DATA_WRITE, GAD_DATA_CREATE } gad_data_mode;
gad_status gad_data_open(const char *path, gad_data_mode mode, gad_data **data, gad_error *err);
void gad_data_free(gad_data *data);

/* The datasets that can be imported, with licence and published counts, and what is there (`data` may be NULL); what is
 * in the store beside the published counts. Text, or JSON; the caller frees it with gad_text_free. */
gad_status gad_data_list(gad_data *data, bool json, char **text, gad_error *err);
gad_status gad_data_stats(gad_data *data, bool json, char **text, gad_error *err);

/* Which samples; NULL means any. */
typedef struct gad_data_filter {
    const char *dataset, *class_name, *split;
    int label;     /* 0 normal, 1 anomalous, -1 both */
    int64_t limit; /* 0: no limit */
    bool shuffle;  /* in an order drawn with the seed */
    uint64_t seed;
} gad_data_filter;

typedef struct gad_data_import_settings {
    const char *adapter; /* a name that gad_data_list shows */
    const char *folder;  /* for "mmrad-jsonl": a file that gad exported */
    const char *name;    /* of the dataset in the store; NULL: the adapter's */
    const char *root;    /* "mmrad-jsonl": where the images are now; NULL: where the file says */
    bool benchmark;      /* hold it out from training */
    const gad_log *log;
    const gad_progress *progress;
} gad_data_import_settings;

enum { GAD_DATA_PROBLEMS = 10 };
typedef struct gad_data_imported {
    int64_t images, normal, anomalous, boxes, added, changed, unchanged, removed, problems[GAD_DATA_PROBLEMS];
} gad_data_imported;
gad_status gad_data_import(gad_data *data, const gad_data_import_settings *settings, gad_data_imported *report,
                           gad_error *err);
/* "missing mask", ... for the index of a problem. */
const char *gad_data_problem_name(int index);

typedef struct gad_data_pair_settings {
    gad_data_filter filter; /* dataset and class only */
    const char *method;     /* "align", "fixed", "random", "none" */
    const char *distance;   /* "kl", "kl_rev", "jeffreys", "js" */
    int64_t k, blocks;
    double tau;      /* share of blocks left out */
    bool gain, keep; /* compare as if taken with one exposure; leave what is paired */
    uint64_t seed;
    const gad_log *log;
    const gad_progress *progress;
} gad_data_pair_settings;
typedef struct gad_data_paired {
    int64_t samples, paired, kept, without, measured, cached, unreadable;
    double measure_s, search_s;
} gad_data_paired;
gad_status gad_data_pair(gad_data *data, const gad_data_pair_settings *settings, gad_data_paired *report, gad_error *err);

typedef struct gad_data_reason_settings {
    gad_data_filter filter;
    bool overwrite, brief;
    const char *endpoint, *model, *key; /* endpoint NULL: the grammar, without a model */
    int64_t in_flight, tries, max_tokens;
    double temperature, timeout_s, requests_per_s, prompt_price, completion_price; /* prices per million tokens */
    double iou; /* that a box of an answer must reach with the truth */
    const gad_log *log;
    const gad_progress *progress;
} gad_data_reason_settings;
typedef struct gad_data_reasoned {
    int64_t samples, accepted, rejected, fallback, failed, prompt_tokens, completion_tokens;
    double cost, seconds;
} gad_data_reasoned;
/* Reasoning text for the samples that have none. What was answered is stored at once: after a crash, start again. */
gad_status gad_data_reason(gad_data *data, const gad_data_reason_settings *settings, gad_data_reasoned *report,
                           gad_error *err);

typedef struct gad_data_split_settings {
    double val_share;
    uint64_t seed;
    int64_t hold_classes;
    const char *hold_datasets; /* separated by commas, or NULL */
    bool keep_test, with_benchmarks, restore;
} gad_data_split_settings;
typedef struct gad_data_splits {
    int64_t train, val, test, reference, benchmark, held_classes;
} gad_data_splits;
gad_status gad_data_split(gad_data *data, const gad_data_split_settings *settings, gad_data_splits *report, gad_error *err);

typedef struct gad_data_check_settings {
    bool files, hash, similar;
    int64_t examples;
    const gad_progress *progress;
} gad_data_check_settings;
/* Findings as text; *errors counts those that make training or measuring wrong. */
gad_status gad_data_check(gad_data *data, const gad_data_check_settings *settings, char **text, int64_t *errors,
                          gad_error *err);

/* A contact sheet: reference, sample with its boxes, type and text. */
gad_status gad_data_sheet(gad_data *data, const gad_data_filter *filter, int64_t columns, int64_t tile_px, const char *path,
                          const gad_log *log, int64_t *shown, gad_error *err);

typedef struct gad_data_export_settings {
    gad_data_filter filter;
    const char *format; /* "jsonl", "mmr-ad", "coco", "label-studio", "trl", "ms-swift", "llama-factory", "llava" */
    const char *path;
    bool copy, single, prompts; /* copy images; no reference image; no answers */
    bool masks;                 /* "coco": run lengths of the masks instead of outlines of the boxes */
    double domain_share;
    const char *coordinates; /* "canvas", "input", "rel1000", "rel1", "orig" */
    int64_t min_pixels, max_pixels, factor;
    uint64_t seed;
    const gad_log *log;
    const gad_progress *progress;
} gad_data_export_settings;
typedef struct gad_data_exported {
    int64_t samples, boxes, left_out;
} gad_data_exported;
gad_status gad_data_export(gad_data *data, const gad_data_export_settings *settings, gad_data_exported *report,
                           gad_error *err);

typedef struct gad_data_synth_settings {
    const char *out, *name;     /* folder; name of the dataset in the store */
    const char *from;           /* a dataset whose train normals are the material; NULL: procedural scenes */
    const char *scenes, *kinds; /* "all", "board,label", "all,-crack" */
    int64_t count, width_px, height_px, references, classes, jpeg_quality; /* jpeg_quality 0: PNG */
    uint64_t first_class, class_seed, seed;
    double normal_share, strength_low, strength_high, nuisance, same_piece;
    bool brief;
    const gad_log *log;
    const gad_progress *progress;
} gad_data_synth_settings;
typedef struct gad_data_synthesised {
    int64_t pairs, anomalous, boxes;
    double seconds;
} gad_data_synthesised;
gad_status gad_data_synth(gad_data *data, const gad_data_synth_settings *settings, gad_data_synthesised *report,
                          gad_error *err);
/* Names that `scenes` and `kinds` take, separated by ", "; the caller frees them with gad_text_free. */
gad_status gad_data_synth_names(char **scenes, char **kinds, gad_error *err);

#ifdef __cplusplus
}
#endif
#endif
