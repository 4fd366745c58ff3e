/* gad_train.h - new models and their training. The conventions of gad.h hold. */
#ifndef GAD_TRAIN_H
#define GAD_TRAIN_H

#include "gad_data.h"

#ifdef __cplusplus
extern "C" {
#endif

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
/* 512 tokens, learnt from 4000 texts of one's own drawn with seed 1. */
GAD_API gad_vocab_settings gad_vocab_settings_default(void);
GAD_API gad_status gad_vocab_make(const gad_vocab_settings *settings, gad_error *err);

typedef struct gad_new_settings {
    const char *preset;      /* "xs", "s", ..., or any shape's name */
    const char *vocab;       /* folder of tokenizer files; NULL: made as gad_vocab_make does, of the preset's size */
    const char *out;         /* folder of the new checkpoint */
    const char *prompt_file; /* for a vocabulary made here */
    int64_t side_px;         /* images are resized to this square; 0: the preset's own */
    bool difference;         /* with the difference module (docs/model.md) */
    bool words;              /* .. whose regions also carry what was measured of them, which answers then say */
    uint64_t seed;
    const gad_log *log;
    const gad_progress *progress;
} gad_new_settings;
/* Preset "s", with the difference module, seed 1. */
GAD_API gad_new_settings gad_new_settings_default(void);
/* A checkpoint of random weights, ready for training. */
GAD_API gad_status gad_model_new(const gad_new_settings *settings, gad_error *err);

typedef struct gad_convert_settings {
    const char *model;   /* checkpoint folder, or the .gguf file of a language model */
    const char *mmproj;  /* of a .gguf file: its vision tower's; NULL: the one beside it */
    const char *adapter; /* PEFT LoRA adapter to add into the weights; NULL: none */
    const char *out;  /* new folder, or a new file whose name ends in .gguf; its tower goes to mmproj-NAME.gguf beside it */
    const char *type; /* "fp32", "bf16", "fp16", for .gguf also "q8_0"; NULL: as the matrices of the checkpoint are */
    bool force;       /* write over a checkpoint that is there */
    int threads;      /* 0: all processors */
    const gad_log *log;
} gad_convert_settings;
/* The checkpoint as another folder in Hugging Face layout, with everything that belongs to it but its threshold; or as the
 * two files of llama.cpp. */
GAD_API gad_status gad_model_convert(const gad_convert_settings *settings, gad_error *err);

/* ---- training ------------------------------------------------------------------------------------------------------ */

/* How references and the image to inspect reach the tower. */
typedef enum gad_example_layout {
    GAD_EXAMPLE_PAIR,     /* references, then the image: as Anomaly-R1 */
    GAD_EXAMPLE_CLIP,     /* one clip of two frames, reference and image: half the tokens */
    GAD_EXAMPLE_PAIR_CLIP /* both */
} gad_example_layout;
#define GAD_EXAMPLE_LAYOUT_WORDS "pair", "clip", "pair+clip"

/* The learning rate of each step: linear warmup, then decay to a floor. */
typedef enum gad_schedule_kind { GAD_SCHEDULE_CONSTANT, GAD_SCHEDULE_LINEAR, GAD_SCHEDULE_COSINE } gad_schedule_kind;
#define GAD_SCHEDULE_WORDS "constant", "linear", "cosine"
typedef struct gad_schedule {
    gad_schedule_kind kind;
    double peak;    /* learning rate after the warmup */
    double floor;   /* last learning rate as a part of the peak */
    int64_t warmup; /* steps; negative: a tenth of them all, 20 at most */
    int64_t steps;
} gad_schedule;

/* AdamW. */
typedef struct gad_optimizer_settings {
    double beta1, beta2, epsilon;
    double weight_decay; /* of matrices; of every parameter when decay_all */
    bool decay_all;
    double clip;    /* largest global norm; 0: no clipping */
    double average; /* decay of the averaged weights, which are evaluated and saved; 0: none are kept */
} gad_optimizer_settings;

/* Adapters beside the weights. */
typedef struct gad_adapter_settings {
    int rank;
    double alpha;        /* their scale is alpha / rank */
    const char *targets; /* names of layers, such as "q_proj,v_proj", or "all-linear" */
    uint64_t seed;
} gad_adapter_settings;

/* What an answer is worth. */
typedef struct gad_reward_settings {
    const char *kind;    /* "mmr" (the paper), "vd" (VD-DeepStack's equation 11) */
    double iou;          /* that covers a true box */
    double miss;         /* taken off for each true box that is missed */
    double false_box;    /* and for each box that covers nothing true; below 0: as published (mmr 0, vd 0.1) */
    double floor;        /* mmr: the least reward */
    const char *command; /* a program of one's own instead, run by the shell; NULL: none */
    int timeout_s;       /* of an answer of this program; 0: none */
} gad_reward_settings;
GAD_API gad_reward_settings gad_reward_default(void);

/* One token's loss. */
typedef struct gad_advantage_loss {
    double clip_low, clip_high; /* the ratio w stays in 1 - low .. 1 + high */
    double kl;                  /* weight of the k3 divergence */
    double dual;                /* of a wrong answer, in advantages: 3 is usual; 0: no such bound */
} gad_advantage_loss;

/* What an answer's tokens are divided by. */
typedef enum gad_aggregation {
    GAD_AGGREGATE_GROUP_TOKEN, /* by the ids of the group, then mean over groups (the paper) */
    GAD_AGGREGATE_BATCH_TOKEN, /* by the ids of the whole step */
    GAD_AGGREGATE_SEQ_MEAN,    /* mean in each answer, then over answers */
    GAD_AGGREGATE_SEQ_SUM,     /* sum in each answer, mean over answers */
    GAD_AGGREGATE_CONSTANT     /* by answers x longest answer */
} gad_aggregation;
#define GAD_AGGREGATION_WORDS "group-token", "batch-token", "seq-mean", "seq-sum", "constant"

/* Groups whose rewards are all equal. */
typedef enum gad_zero_variance {
    GAD_ZERO_VARIANCE_CONTRAST, /* contrastive sampling: put the true answer, or a wrong one, into the group */
    GAD_ZERO_VARIANCE_DROP,     /* they count for nothing */
    GAD_ZERO_VARIANCE_KEEP      /* they count, and only the divergence acts */
} gad_zero_variance;
#define GAD_ZERO_VARIANCE_WORDS "contrastive", "drop", "keep"

/* Probability ratios of tokens, or one for all of an answer: exp(mean(l - l_old)) (GSPO, arXiv 2507.18071). */
typedef enum gad_ratio { GAD_RATIO_TOKEN, GAD_RATIO_SEQUENCE } gad_ratio;
#define GAD_RATIO_WORDS "token", "sequence"

/* Start from gad_train_sft_default or gad_train_grpo_default; model and out are needed. */
typedef struct gad_train_settings {
    const char *model, *out; /* checkpoint to start from; folder of the run */
    const char *mmproj;      /* of a .gguf file: its vision tower's; NULL: the one beside it */
    const char *adapter;     /* merged into the start, so that a KL reference is what the run started from */
    /* data: a store or JSON lines (docs/formats.md), or synthetic pairs when NULL */
    const char *data, *root, *split, *eval_data, *eval_split, *prompt_file;
    int64_t references;
    gad_synth_settings synth; /* of synthetic pairs; their references are those above */
    uint64_t synth_seed;
    const char *synth_kinds, *synth_families; /* names; NULL: as in `synth` */
    double synth_share;                       /* of synthetic pairs beside `data`, 0 to 1 */
    gad_example_layout input;
    const char *image_size; /* as in gad_engine_options; NULL: "canvas" */
    bool think;             /* answers with reasoning */
    bool knowledge;         /* the question names the anomaly types that occur in the class */
    double fast_share;      /* of these answers without it, as gad_inspect forces fast ones */
    /* what trains: "lora", or prefixes separated by commas: "all", "language", "vision", "merger", "difference", ... */
    const char *train;
    gad_adapter_settings lora; /* its seed is the run's */
    /* optimisation */
    int64_t batch;        /* samples (GRPO: prompts) of one step, over all ranks */
    int64_t micro_tokens; /* SFT: rows of one pass; a sample of more is left out and counted */
    gad_schedule schedule;
    gad_optimizer_settings optimizer;
    bool reasoning_only;    /* SFT of a model that is shown measured words: decisions and boxes are left as they are */
    double difference_rate; /* learning rate of the evidence head as a multiple */
    bool checkpointing, resume, bf16, dry_run;
    bool bf16_products; /* linear layers multiply bf16, forward and backward; sums, weights and gradients stay fp32 */
    int64_t cache_mib;  /* of frozen vision rows; 0: none are kept */
    int64_t max_pixels;
    int threads;
    const char *device;             /* as in gad_compute */
    int64_t save_every, eval_every; /* steps; 0: only at the end; negative: never */
    int64_t eval_examples, keep;    /* samples of an evaluation; latest checkpoints that stay, besides the best */
    const char *best_metric; /* of an evaluation, such as "eval_loc_05": chooses the best checkpoint; NULL: loss, reward */
    uint64_t seed;
    int64_t max_new_tokens; /* of an answer */
    /* SFT only */
    double text_weight;    /* of the answers; 0: the language model is not run */
    double mask_weight;    /* of the evidence head's mask loss */
    double forced_regions; /* share of samples whose regions are told by the truth, not by the heat map */
    int64_t eval_answers;  /* samples of an evaluation that are answered; 0: only losses */
    /* GRPO only */
    int64_t group, show_answers;
    int64_t iterations; /* updates with the answers of one step; 0 counts as 1 */
    int64_t refill;     /* with zero_variance DROP: prompts that are tried in place of a dropped one, at most */
    double temperature;
    gad_advantage_loss loss;
    gad_ratio ratio;
    gad_aggregation aggregation;
    gad_zero_variance zero_variance;
    double positive;      /* reward from which an answer is right */
    double entropy_bonus; /* the loss falls by this much of the entropy */
    bool scale_by_deviation, mask_truncated, share_prefix;
    gad_reward_settings reward;
    void (*started)(void *user); /* called once, when all was found and checked; NULL */
    void *started_user;
    const gad_log *log;
    const gad_progress *progress;
} gad_train_settings;
GAD_API gad_train_settings gad_train_sft_default(void);
GAD_API gad_train_settings gad_train_grpo_default(void);

/* A head that judges how far a part's places lie from those of good parts (gad_learn_settings.head). Start from
 * gad_head_settings_default; store and out are needed. */
typedef struct gad_head_settings {
    const char *store; /* of gad data; pictures of the split train, with masks or boxes where they are anomalous */
    const char *const *dataset;
    int64_t dataset_count; /* 0: all in the store */
    const char *good; /* dataset whose normal pictures of the same class a picture is compared with; NULL: its references */
    int64_t references;   /* it is compared with 1 to so many of them */
    const char *backbone; /* as in gad_learn_settings */
    const char *start;    /* file of a head to start from; NULL: random weights */
    const char *out;
    int64_t side_px; /* as in gad_learn_settings */
    int64_t batch;
    gad_schedule schedule;
    double eval_share; /* of the pictures: not trained on, measured at the end */
    int threads;
    uint64_t seed;
    const gad_log *log;
    const gad_progress *progress;
} gad_head_settings;
GAD_API gad_head_settings gad_head_settings_default(void);
typedef struct gad_head_report {
    int64_t pictures, trained, evaluated;
    double loss;                               /* of the last hundred steps */
    double auroc_distances, auroc_head, auroc; /* of the pictures kept back: distances alone, the head alone, both; NaN: one
                                                * kind is missing */
} gad_head_report;
GAD_API gad_status gad_train_head(const gad_head_settings *settings, gad_head_report *report, gad_error *err);

/* Supervised fine-tuning, and GRPO. Under mpirun every process calls it with equal settings. GAD_E_CANCELLED after Ctrl-C,
 * with a checkpoint written. */
GAD_API gad_status gad_train_sft(const gad_train_settings *settings, gad_error *err);
GAD_API gad_status gad_train_grpo(const gad_train_settings *settings, gad_error *err);
/* A page with the curves of a run's log.jsonl. */
GAD_API gad_status gad_train_plot(const char *log_file, const char *html_file, gad_error *err);

#ifdef __cplusplus
}
#endif
#endif
