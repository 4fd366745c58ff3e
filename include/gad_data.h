/* gad_data.h - samples in a store: import, pairing, reasoning text, synthetic defects, export. The conventions of gad.h
 * hold. */
#ifndef GAD_DATA_H
#define GAD_DATA_H

#include "gad.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- data ---------------------------------------------------------------------------------------------------------- */

/* A store: one SQLite file with samples; images stay where they are (docs/formats.md "Samples"). One writer at a time. */
typedef struct gad_data gad_data;
/* GAD_DATA_BESIDE: for one of several processes that share a job (gad_share below): the store is read where there is one,
 * what is found out goes into STORE.parts, and the same job without a share puts it into the store. */
typedef enum gad_data_mode { GAD_DATA_READ, GAD_DATA_WRITE, GAD_DATA_CREATE, GAD_DATA_BESIDE } gad_data_mode;
GAD_API gad_status gad_data_open(const char *path, gad_data_mode mode, gad_data **data, gad_error *err);
GAD_API void gad_data_free(gad_data *data);

/* The datasets that can be imported, with licence and published counts, and what is there (`data` may be NULL); what is
 * in the store beside the published counts. Text, or JSON; the caller frees it with gad_text_free. */
GAD_API gad_status gad_data_list(gad_data *data, bool json, char **text, gad_error *err);
GAD_API gad_status gad_data_stats(gad_data *data, bool json, char **text, gad_error *err);

/* Which items of a job this process works on beside `count` - 1 others: every count-th from `index` on; zeroed: all. */
typedef struct gad_share {
    int64_t index, count;
} gad_share;
/* "K/N", K from 1; NULL: what mpirun or srun say in the environment, else all. */
GAD_API gad_status gad_share_read(const char *text, gad_share *share, gad_error *err);

typedef enum gad_data_label { GAD_DATA_ANY, GAD_DATA_NORMAL, GAD_DATA_ANOMALOUS } gad_data_label;
#define GAD_DATA_LABEL_WORDS "all", "normal", "anomalous"

/* Which samples, and in which order; zeroed, it means all of them. */
typedef struct gad_data_filter {
    const char *dataset, *class_name, *split, *id, *text_source; /* NULL: any */
    gad_data_label label;
    bool without_text, with_text; /* only samples that have no text yet; that have text */
    int64_t after_row;            /* only rows of the store beyond */
    int64_t limit;                /* at most so many; 0: all */
    bool by_class;                /* samples of one class one after the other */
    bool shuffle;                 /* in an order drawn with the seed */
    uint64_t seed;
} gad_data_filter;

/* Start from gad_data_import_default. */
typedef struct gad_data_import_settings {
    const char *adapter;   /* a name that gad_data_list shows */
    const char *folder;    /* for "mmrad-jsonl": a file that gad exported */
    const char *name;      /* of the dataset in the store; NULL: the adapter's */
    const char *root;      /* "mmrad-jsonl": where the images are now; NULL: where the file says */
    bool benchmark;        /* hold it out from training */
    bool every_annotation; /* "label-studio": all annotations of an image, not only the latest */
    gad_share share;       /* of the images */
    const gad_log *log;
    const gad_progress *progress;
} gad_data_import_settings;
/* Nothing is held out beyond what the catalogue says; the latest annotation of an image counts. */
GAD_API gad_data_import_settings gad_data_import_default(void);

enum { GAD_DATA_PROBLEMS = 11 };
typedef struct gad_data_imported {
    int64_t images, normal, anomalous, boxes, classes;
    int64_t added, changed, unchanged, removed; /* samples of the store */
    int64_t reduced;                            /* images whose boxes were joined only to reach the limit */
    int64_t problems[GAD_DATA_PROBLEMS];        /* gad_data_problem_name */
} gad_data_imported;
GAD_API gad_status gad_data_import(gad_data *data, const gad_data_import_settings *settings, gad_data_imported *report,
                                   gad_error *err);
/* "missing mask", ... for the index of a problem. */
GAD_API const char *gad_data_problem_name(int index);

/* How two block distributions differ: KL from the query to the normal image, the other way round, their sum, and
 * Jensen-Shannon. */
typedef enum gad_align_distance { GAD_ALIGN_KL, GAD_ALIGN_KL_REVERSE, GAD_ALIGN_JEFFREYS, GAD_ALIGN_JS } gad_align_distance;
#define GAD_ALIGN_DISTANCE_WORDS "kl", "kl_rev", "jeffreys", "js"

typedef struct gad_align_rule {
    int blocks;      /* S: blocks per side, 4, 8 or 16; 0: all three, the mean of their distances */
    double tau_frac; /* share of the blocks that may hold the anomaly */
    gad_align_distance distance;
    bool gain; /* compare as if both had been taken with one exposure and white balance */
} gad_align_rule;

/* The best aligned normal images; the same ones for a class; drawn for every sample; none: references are taken away. */
typedef enum gad_pair_method { GAD_PAIR_ALIGN, GAD_PAIR_FIXED, GAD_PAIR_RANDOM, GAD_PAIR_NONE } gad_pair_method;
#define GAD_PAIR_METHOD_WORDS "align", "fixed", "random", "none"

typedef struct gad_data_pair_settings {
    gad_pair_method method;
    int k;         /* references per sample, 1..16 */
    uint64_t seed; /* of FIXED and RANDOM */
    gad_align_rule rule;
    const char *dataset, *class_name; /* NULL: all */
    bool keep;                        /* leave samples that have references alone */
    gad_share share;                  /* of the images to measure */
    const gad_log *log;
    const gad_progress *progress;
} gad_data_pair_settings;
GAD_API gad_data_pair_settings gad_data_pair_default(void);
typedef struct gad_data_paired {
    int64_t samples, paired, kept, without; /* without: no normal image exists */
    int64_t measured, cached, unreadable;   /* features */
    double measure_s, search_s;
} gad_data_paired;
GAD_API gad_status gad_data_pair(gad_data *data, const gad_data_pair_settings *settings, gad_data_paired *report,
                                 gad_error *err);

/* A server that speaks OpenAI's chat completions, and how it is asked. */
typedef struct gad_endpoint {
    const char *url;       /* "http://host:8000/v1", with or without "/chat/completions"; NULL: none */
    const char *model;     /* as the server calls it */
    const char *key;       /* bearer token, never stored; NULL: none */
    const char *ca_file;   /* PEM file of the authorities to trust; NULL: the system's */
    int in_flight;         /* requests at once, 1 to 256 */
    int attempts;          /* of one request on the wire; 0: 5 */
    double timeout_s;      /* of one attempt; 0: 300 */
    double requests_per_s; /* 0: no limit */
    double temperature;    /* 0: the likeliest words */
} gad_endpoint;
/* Four requests at once, five attempts of 300 s each, temperature 0. */
GAD_API gad_endpoint gad_endpoint_default(void);

/* When an answer of a model is good enough to be learnt from. */
typedef struct gad_text_check_rule {
    double iou;                /* of each true box with its own predicted box */
    double quoted_iou;         /* of coordinates quoted in the reasoning with some true box */
    int words_low, words_high; /* of the reasoning */
    double foreign_share;      /* of letters that are not ASCII */
    const char *forbidden;     /* words that give the hint away, separated by '|' */
} gad_text_check_rule;

typedef struct gad_data_reason_settings {
    gad_data_filter filter; /* its seed is the teacher's */
    bool overwrite;         /* also samples that have text */
    bool brief;             /* of the grammar: short text */
    bool without_images;    /* of the grammar: do not look at the colours */
    gad_share share;        /* of the samples */
    gad_endpoint server;    /* without a URL: the grammar, no model */
    int tries;              /* answers per sample before the grammar takes over */
    int max_tokens;
    double prompt_price, completion_price; /* per million tokens */
    double backoff_s;                      /* before the second attempt of a request; doubles each time */
    gad_text_check_rule rule;
    const gad_log *log;
    const gad_progress *progress;
} gad_data_reason_settings;
GAD_API gad_data_reason_settings gad_data_reason_default(void);
typedef struct gad_data_reasoned {
    int64_t samples, accepted, rejected, fallback, failed; /* rejected: answers; failed: samples without any text */
    int64_t kept;                                          /* samples whose text was better than what came */
    int64_t prompt_tokens, completion_tokens;
    double cost, seconds;
} gad_data_reasoned;
/* Reasoning text for the samples that have none. What was answered is stored at once: after a crash, start again.
 * *report also counts what a failing call did: it has its price. */
GAD_API gad_status gad_data_reason(gad_data *data, const gad_data_reason_settings *settings, gad_data_reasoned *report,
                                   gad_error *err);

typedef struct gad_data_split_settings {
    double val_share; /* of the groups of each dataset, class and label */
    uint64_t seed;
    int64_t hold_classes;      /* so many classes, drawn with the seed, become test */
    const char *hold_datasets; /* names separated by commas: all of them becomes test; NULL: none */
    bool keep_test;            /* leave the datasets' own test images in test; else they train as in MMR-AD */
    bool with_benchmarks;      /* also the held-out ones: only for models that are not measured on them */
    bool restore;              /* back to the split that each dataset came with */
} gad_data_split_settings;
GAD_API gad_data_split_settings gad_data_split_default(void);
typedef struct gad_data_splits {
    int64_t train, val, test, reference, benchmark; /* samples afterwards */
    int64_t held_classes;
} gad_data_splits;
GAD_API gad_status gad_data_split(gad_data *data, const gad_data_split_settings *settings, gad_data_splits *report,
                                  gad_error *err);

typedef struct gad_data_check_settings {
    bool files;       /* look whether the image files are there */
    bool hash;        /* and read them */
    bool similar;     /* look for resized copies of benchmark images in training: decodes every image */
    int64_t examples; /* of each kind in the text */
    const gad_progress *progress;
} gad_data_check_settings;
/* What the store alone tells, with five examples. */
GAD_API gad_data_check_settings gad_data_check_default(void);
/* Findings as text; *errors counts those that make training or measuring wrong. */
GAD_API gad_status gad_data_check(gad_data *data, const gad_data_check_settings *settings, char **text, int64_t *errors,
                                  gad_error *err);

/* A contact sheet: reference, sample with its boxes, type and text. */
GAD_API gad_status gad_data_sheet(gad_data *data, const gad_data_filter *filter, int64_t columns, int64_t tile_px,
                                  const char *path, const gad_log *log, int64_t *shown, gad_error *err);

/* Coordinates that a model speaks: of the annotation canvas (aspect kept, shorter side 448: MMR-AD), of the image as its
 * processor resized it (Qwen2.5-VL), 0..1000 on each axis (Qwen3-VL), 0..1, original pixels. */
typedef enum gad_box_convention {
    GAD_BOX_CANVAS,
    GAD_BOX_INPUT,
    GAD_BOX_REL1000,
    GAD_BOX_REL1,
    GAD_BOX_ORIG
} gad_box_convention;
#define GAD_BOX_CONVENTION_WORDS "canvas", "input", "rel1000", "rel1", "orig"
/* Which axis comes first in a box of four numbers. */
typedef enum gad_box_order { GAD_BOX_XY, GAD_BOX_YX } gad_box_order;
#define GAD_BOX_ORDER_WORDS "xy", "yx"

typedef enum gad_export_format {
    GAD_EXPORT_JSONL,  /* our own lines: the whole truth */
    GAD_EXPORT_MMR_AD, /* folders of the MMR-AD release */
    GAD_EXPORT_COCO,
    GAD_EXPORT_LABEL_STUDIO,
    GAD_EXPORT_TRL, /* chat messages with image parts */
    GAD_EXPORT_MS_SWIFT,
    GAD_EXPORT_LLAMA_FACTORY, /* sharegpt messages and dataset_info.json */
    GAD_EXPORT_LLAVA
} gad_export_format;
/* "jsonl", "mmr-ad", "coco", "label-studio", "trl", "ms-swift", "llama-factory", "llava"; false for another word. */
GAD_API const char *gad_export_name(gad_export_format format);
GAD_API bool gad_export_parse(const char *name, gad_export_format *format);

typedef struct gad_data_export_settings {
    gad_export_format format;
    gad_data_filter filter;
    const char *path;    /* a file, or a folder for MMR_AD and LLAMA_FACTORY */
    bool force;          /* over files that gad did not write */
    bool copy;           /* MMR_AD: copy images instead of linking to them */
    bool masks;          /* COCO: run lengths of the masks instead of outlines of the boxes */
    bool single;         /* chat formats: no reference image */
    bool without_answer; /* chat formats: prompts only, the truth in a column of its own (for RL) */
    double domain_share; /* chat formats: share of prompts that name the class's anomaly types */
    uint64_t seed;
    /* chat formats: coordinates of the boxes in the answers */
    gad_box_convention convention;
    int64_t min_pixels, max_pixels;
    int factor; /* of GAD_BOX_INPUT: the trainer's own image processor settings */
    const gad_log *log;
    const gad_progress *progress;
} gad_data_export_settings;
GAD_API gad_data_export_settings gad_data_export_default(void);
typedef struct gad_data_exported {
    int64_t samples, boxes, left_out; /* left out: without text (chat formats), unreadable */
} gad_data_exported;
GAD_API gad_status gad_data_export(gad_data *data, const gad_data_export_settings *settings, gad_data_exported *report,
                                   gad_error *err);

/* Synthetic pairs. Kinds and families are bits in the order of gad_data_synth_names. */
typedef struct gad_synth_settings {
    int width, height;                  /* of the images, 32..2048 */
    int references;                     /* normal images per test image, 1..4 */
    uint32_t families;                  /* a bit each; 0: all */
    uint32_t kinds;                     /* a bit each; 0: all */
    uint64_t class_seed;                /* another seed, another world of classes */
    uint64_t first_class, class_count;  /* classes of each family to draw from */
    double normal_share;                /* share of pairs without a defect */
    double strength_low, strength_high; /* defects, 0 faint .. 1 strong */
    double nuisance;                    /* 0 perfect camera .. 1 ordinary .. 2 rough */
    double same_piece;                  /* share of pairs that show one and the same piece before and after */
    bool brief;                         /* short reasoning text */
} gad_synth_settings;

/* 224 x 224, one reference, everything allowed, 4096 classes per family, half normal, strength 0.15..1, nuisance 1. */
GAD_API gad_synth_settings gad_synth_default(void);

typedef struct gad_data_synth_settings {
    gad_synth_settings synth;
    const char *scenes, *kinds; /* names, "board,label", "all,-crack"; NULL: as in `synth` */
    const char *out, *name;     /* folder; name of the dataset in the store */
    const char *from;           /* a dataset whose train normals are the material; NULL: procedural scenes */
    int64_t count;
    uint64_t seed, first; /* pairs first .. first+count-1 */
    int jpeg_quality;     /* 0: PNG */
    bool force;           /* over a set of other settings, or files of somebody else */
    gad_share share;      /* of the pairs */
    const gad_log *log;
    const gad_progress *progress;
} gad_data_synth_settings;
GAD_API gad_data_synth_settings gad_data_synth_default(void);
typedef struct gad_data_synthesised {
    int64_t pairs, anomalous, boxes;
    double seconds;
} gad_data_synthesised;
GAD_API gad_status gad_data_synth(gad_data *data, const gad_data_synth_settings *settings, gad_data_synthesised *report,
                                  gad_error *err);
/* Names that `scenes` and `kinds` take, separated by ", "; the caller frees them with gad_text_free. */
GAD_API gad_status gad_data_synth_names(char **scenes, char **kinds, gad_error *err);

#ifdef __cplusplus
}
#endif
#endif
