/* gad.h - general anomaly detection with a reasoning multimodal model: the public interface.
 *
 * Conventions, for every function below:
 *   - A call that can fail returns a gad_status (GAD_OK is 0) and takes a gad_error as its last argument. The error may be
 *     NULL; on failure it is filled, on success it is left alone. Outputs are not touched on failure.
 *   - What a *_open, *_load or *_new call returned is owned by the caller and given back with the matching *_free. Every
 *     *_free accepts NULL.
 *   - Strings are UTF-8 and zero-terminated. Sizes that end in _bytes are bytes, _px pixels, _s seconds, _ms milliseconds.
 *   - Structs that a caller fills start from gad_..._default(), where there is one, or from zeros: a field that is added
 *     later then means what it meant before. Words of an enum (GAD_..._WORDS) stand in its order.
 *   - No call exits or aborts the process, and none prints: text for people goes to a gad_log. */
#ifndef GAD_H
#define GAD_H

#include "gad_base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GAD_VERSION "0.1.0"
/* ---- engine: a loaded checkpoint ---------------------------------------------------------------------------------- */

/* One engine serves one caller at a time: it owns the key-value cache and the working memory. */
typedef struct gad_engine gad_engine;

/* What the language model's matrices become while they are loaded: 8 bits, or 4 with the embedding and the head in 8, or 8
 * with the vision tower's too. Their products are of integers then, activations being rounded to 8 bits. */
typedef enum gad_quantise { GAD_QUANTISE_NONE, GAD_QUANTISE_Q8, GAD_QUANTISE_Q4, GAD_QUANTISE_Q8_ALL } gad_quantise;
#define GAD_QUANTISE_WORDS "none", "q8", "q4", "q8-all"
/* What the other matrices' products are of: as the checkpoint was stored, or one of the two. Sums are fp32 always; bf16 is
 * computed in fp32 where the processor has no instructions for it. */
typedef enum gad_precision { GAD_PRECISION_CHECKPOINT, GAD_PRECISION_FP32, GAD_PRECISION_BF16 } gad_precision;
#define GAD_PRECISION_WORDS "checkpoint", "fp32", "bf16"
/* What keys and values are kept in on the CPU: 16 bits, or 8 and a scale for each head of a row, take less memory. */
typedef enum gad_cache { GAD_CACHE_FP32, GAD_CACHE_FP16, GAD_CACHE_Q8 } gad_cache;
#define GAD_CACHE_WORDS "fp32", "fp16", "q8"

/* How any model is computed; zeroed: as it is stored, on all processors. */
typedef struct gad_compute {
    gad_quantise quantise;
    gad_precision precision;
    gad_cache cache;
    int threads;           /* 0: all processors */
    const char *device;    /* "cpu" (also NULL), "cuda", "cuda:N", or "auto": the first CUDA device if there is one */
    const char *cpu_level; /* newest instructions to use, such as "avx2" or "portable"; "best" (also NULL): all there are */
} gad_compute;

typedef struct gad_engine_options {
    const char *model;   /* for gad_model_locate: a checkpoint of Hugging Face's layout, or a language model's .gguf file */
    const char *mmproj;  /* the file of a .gguf model's vision tower; NULL: the mmproj file beside it */
    const char *adapter; /* folder of a PEFT LoRA adapter, or NULL */
    bool merge_adapter;  /* add the adapter into the weights instead of applying it beside them */
    gad_compute compute;
    const char *image_size; /* of pictures, before the checkpoint's own bounds: "canvas" (shorter side 448, as the
                             * benchmark), "original" (also NULL), or the longest side in pixels */
    int64_t max_pixels;     /* bound on the pixels of an image as the model sees it; 0: the checkpoint's own */
    /* A model that compares pixels does nothing else: the good parts are not remembered by the installed feature network
     * too, which finds what is wrong with another piece of the product. */
    bool pixels_alone;
    const gad_log *log;
} gad_engine_options;

/* The adapter applied, all processors, the image bound of the command line. */
GAD_API gad_engine_options gad_engine_options_default(void);

/* The folder that `model` means: itself; for a name without a slash that is no folder here ("gad-s"), the installed model
 * of that name; for NULL, the installed gad-s. */
GAD_API gad_status gad_model_locate(const char *model, char *path, size_t path_bytes, gad_error *err);
GAD_API gad_status gad_engine_open(const gad_engine_options *options, gad_engine **engine, gad_error *err);
GAD_API void gad_engine_free(gad_engine *engine);
/* Hash of configuration and weights, 32 hexadecimal digits; owned by the engine. */
GAD_API const char *gad_engine_hash(const gad_engine *engine);
/* Whether it compares parts with good ones, so that inspecting without any makes no sense. */
GAD_API bool gad_engine_compares(const gad_engine *engine);
/* Let the adapter act, or answer as the base model would. Engines open with the adapter on. */
GAD_API void gad_engine_use_adapter(gad_engine *engine, bool on);

/* ---- pictures ------------------------------------------------------------------------------------------------------ */

/* A decoded image, upright, as RGB. */
typedef struct gad_picture gad_picture;
GAD_API gad_status gad_picture_load(const char *path, gad_picture **picture, gad_error *err);
/* From memory, which is copied: rows of three bytes a pixel (red, green, blue) or of one, stride_bytes apart; or the bytes
 * of a file of any of these formats. */
GAD_API gad_status gad_picture_from_rgb(const uint8_t *pixels, int width_px, int height_px, size_t stride_bytes,
                                        gad_picture **picture, gad_error *err);
GAD_API gad_status gad_picture_from_grey(const uint8_t *pixels, int width_px, int height_px, size_t stride_bytes,
                                         gad_picture **picture, gad_error *err);
GAD_API gad_status gad_picture_decode(const void *bytes, size_t size_bytes, gad_picture **picture, gad_error *err);
GAD_API void gad_picture_free(gad_picture *picture);
/* Files that are read one after the other: while the caller works on one, the next is decoded in a thread of its own. One
 * picture waits at most. The paths are the caller's and must outlive the series. */
typedef struct gad_series gad_series;
GAD_API gad_status gad_series_open(const char *const *path, int64_t count, gad_series **series, gad_error *err);
/* File `index`, as gad_picture_load reads it. */
GAD_API gad_status gad_series_load(gad_series *series, int64_t index, gad_picture **picture, gad_error *err);
GAD_API void gad_series_free(gad_series *series);
GAD_API int gad_picture_width_px(const gad_picture *picture);
GAD_API int gad_picture_height_px(const gad_picture *picture);
/* Hash of its pixels, 32 hexadecimal digits; owned by the picture. */
GAD_API const char *gad_picture_hash(const gad_picture *picture);

/* Keep of a good part only what the engine sees of it, so that many of them need little memory. Its hash stays that of the
 * whole picture; it can be shown beside parts, not be inspected itself. */
GAD_API gad_status gad_picture_fit(gad_picture *picture, const gad_engine *engine, gad_error *err);

/* Whether a file's name ends like an image's (.png, .jpg, .jpeg, .tif, .tiff, .webp, .bmp). */
GAD_API bool gad_picture_is_name(const char *path);

/* ---- inspection ---------------------------------------------------------------------------------------------------- */

typedef enum gad_verdict {
    GAD_VERDICT_UNREADABLE, /* the reasoned answer does not say */
    GAD_VERDICT_NORMAL,
    GAD_VERDICT_ANOMALOUS,
    GAD_VERDICT_UNFAMILIAR /* does not look like the good parts at all: another product, a black picture, out of focus */
} gad_verdict;
/* "unreadable", "normal", "anomalous", "unfamiliar". */
GAD_API const char *gad_verdict_name(gad_verdict verdict);
typedef enum gad_reason { GAD_REASON_ALWAYS, GAD_REASON_REJECTS, GAD_REASON_NEVER } gad_reason;
#define GAD_REASON_WORDS "always", "rejects", "never"
/* Hints for a model that does not compare by itself: what a product found in the part, as text with its regions, as a
 * heat map beside the pictures, or both. */
typedef enum gad_hints { GAD_HINTS_NONE, GAD_HINTS_TEXT, GAD_HINTS_IMAGE, GAD_HINTS_BOTH } gad_hints;
#define GAD_HINTS_WORDS "none", "text", "image", "both"
typedef struct gad_product gad_product; /* what was learnt from good parts: gad_product.h */

/* What a place was compared with. */
typedef enum gad_measurement_basis {
    GAD_MEASUREMENT_REFERENCE,   /* the same place of a registered good part */
    GAD_MEASUREMENT_SURROUNDINGS /* what lies around it in the part: good parts look different here by nature */
} gad_measurement_basis;

typedef enum gad_measurement_content {
    GAD_MEASUREMENT_CHANGED, /* there is something in both, and it differs */
    GAD_MEASUREMENT_ADDED,   /* stands out in the part alone */
    GAD_MEASUREMENT_MISSING, /* stands out in the good part alone */
    GAD_MEASUREMENT_MOVED    /* the content of the good part is found at another such place of the part */
} gad_measurement_content;
enum { GAD_MEASUREMENT_CONTENTS = 4 };

/* What was measured of a place that stands out. */
typedef struct gad_measurement {
    double length_px, breadth_px;  /* along and across its direction, original pixels */
    double area_px, share;         /* of the pixels that differ; of the picture, 0 to 1 */
    double direction_deg;          /* of its length: 0 horizontal, 90 vertical, 45 rising to the right; 0 to 180 */
    double lightness;              /* CIE L* of the part less what it is compared with, -100 to 100 */
    double red_green, yellow_blue; /* CIE a* (red positive) and b* (yellow positive), likewise */
    double roughness;              /* log2 of its mean slope over that of what it is compared with; 0: equal */
    double contour; /* share of its pixels at a contour of the good part, 0 to 1: an outline that changed; else a surface */
    /* Of added content: where the good part shows the same at another place, the middle of it in original pixels; -1: it
     * does not. */
    double like_x, like_y;
    double unusual; /* its peak over what rejects a part; 0: not known */
    gad_measurement_basis basis;
    gad_measurement_content content;
    int other; /* of moved content: number of the place where it is found; -1 */
} gad_measurement;

typedef struct gad_defect {
    double x1, y1, x2, y2; /* original pixels of the part, x2 and y2 exclusive */
    bool valid;            /* false: the model wrote a box without area */
    char *label;
    bool measured; /* the next says something */
    gad_measurement measurement;
} gad_defect;

typedef struct gad_inspect_settings {
    const char *class_name;  /* what the part is; NULL: "product" */
    const char *knowledge;   /* defect kinds that may occur, separated by commas; NULL: none */
    const char *prompt_file; /* own wording; NULL: the built-in one */
    gad_reason reason;
    int64_t max_tokens; /* of the answer */
    bool greedy;        /* the most likely token; else as the checkpoint's generation_config.json says */
    uint64_t seed;      /* of the draw; a part gets the same answer in every run */
    /* Score from which a part is an anomaly, 0 to 1: of the reasoned answer where every part is reasoned about, else of the
     * fast one. NaN: the checkpoint's own threshold.json; without one 0.5 of fast answers, the word of reasoned ones. */
    double threshold;
    const char *threshold_source; /* how results name it; NULL: "given" */
    gad_hints hints;              /* from .. */
    gad_product *product;         /* .. this; NULL: none are given. An inspection that this product made gives its own */
    void (*on_text)(void *user, const char *piece); /* the reasoning as it comes; NULL: not wanted */
    bool (*is_cancelled)(void *user);               /* NULL: never */
    void *user;
} gad_inspect_settings;

/* A product without a name; the answer without sampling, at most 1024 tokens; the checkpoint's own threshold. */
GAD_API gad_inspect_settings gad_inspect_settings_default(void);

typedef struct gad_inspection {
    gad_verdict verdict;
    double score;                      /* the one that decided, of the two below */
    bool reasoned;                     /* false: the fast answer only */
    double score_fast, score_reasoned; /* p(Yes) / (p(Yes) + p(No)) where the answer is decided; -1: there is none */
    double threshold;                  /* of `score`; NaN: the answer's word decided */
    char threshold_source[96];
    bool disagreement; /* the reasoned answer's word is not the verdict */
    /* How far the part is from looking like a good part, and from where on it is unfamiliar; -1: not measured. */
    double distance, distance_limit;
    int64_t nearest;    /* of a product: the good part that looks most like it as a whole (gad_product_part); -1: none */
    gad_defect *defect; /* of the answer's text; of a fast answer: the regions of the heat map, without labels */
    int defect_count;
    char *reasoning; /* text between <think> and </think>; "" when there is none */
    char *found;     /* what was measured of the regions, in words, a line each; NULL: nothing was */
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
GAD_API gad_status gad_inspect(gad_engine *engine, gad_picture *const *good, int good_count, const gad_picture *part,
                               const gad_inspect_settings *settings, gad_inspection *result, gad_error *err);
GAD_API void gad_inspection_clear(gad_inspection *result);
/* One JSON line without line end (docs/formats.md "Inspections"); the caller frees it with gad_text_free. */
GAD_API gad_status gad_inspection_json(const gad_inspection *result, const char *part, const char *const *good,
                                       int good_count, char **text, gad_error *err);
/* The line of a part that could not be inspected. */
GAD_API gad_status gad_inspection_failure_json(const char *part, const gad_error *why, char **text, gad_error *err);
/* A line of CSV, without line end, under the names of gad_inspection_csv_head; gad_text_free. */
GAD_API const char *gad_inspection_csv_head(void);
GAD_API gad_status gad_inspection_csv(const gad_inspection *result, const char *part, char **text, gad_error *err);
GAD_API gad_status gad_inspection_failure_csv(const char *part, const gad_error *why, char **text, gad_error *err);
/* The part with boxes, labels, verdict and score drawn on it: JPEG where the path ends so (.jpg, .jpeg), else PNG. */
GAD_API gad_status gad_inspection_save_overlay(const gad_inspection *result, const gad_picture *part, const char *path,
                                               gad_error *err);
/* The part under its heat map, in the same way; an error when there is none. */
GAD_API gad_status gad_inspection_save_heatmap(const gad_inspection *result, const gad_picture *part, const char *path,
                                               gad_error *err);
GAD_API void gad_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
