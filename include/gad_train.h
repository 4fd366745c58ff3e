/* gad_train.h - new models and their training. The conventions of gad.h hold. */
#ifndef GAD_TRAIN_H
#define GAD_TRAIN_H

#include "gad.h"

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
GAD_API gad_status gad_vocab_make(const gad_vocab_settings *settings, gad_error *err);

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
GAD_API gad_status gad_model_new(const gad_new_settings *settings, gad_error *err);

typedef struct gad_convert_settings {
    const char *model;   /* checkpoint folder */
    const char *adapter; /* PEFT LoRA adapter to add into the weights; NULL: none */
    const char *out;     /* new folder */
    const char *type;    /* "fp32", "bf16", "fp16"; NULL: as the matrices of the checkpoint are */
    bool force;          /* write into a folder that holds a checkpoint */
    int64_t threads;     /* 0: all processors */
    const gad_log *log;
} gad_convert_settings;
/* The checkpoint as another folder in Hugging Face layout, with everything that belongs to it but its threshold. */
GAD_API gad_status gad_model_convert(const gad_convert_settings *settings, gad_error *err);

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
    const char *input;      /* "pair", "clip", "pair+clip" */
    const char *image_size; /* as in gad_engine_options; NULL: "canvas" */
    bool think;             /* answers with reasoning */
    bool knowledge;         /* the question names the anomaly types that occur in the class */
    double fast_share;      /* of these answers without it, as gad_inspect forces fast ones */
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
    bool bf16_products; /* linear layers multiply bf16, forward and backward; sums, weights and gradients stay fp32 */
    double text_weight, mask_weight, difference_rate;
    double forced_regions; /* SFT: share of samples whose regions are told by the truth, not by the heat map */
    int64_t cache_mib, max_pixels, threads;
    const char *device; /* as in gad_engine_options */
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
    /* parts of the built-in rewards */
    double reward_iou;        /* that covers a true box (0.5) */
    double reward_miss;       /* for each true box that is missed (0.2) */
    double reward_false_box;  /* for each box that covers nothing true ; below 0: the paper's (mmr 0, vd 0.1) */
    double reward_floor;      /* mmr: the least reward (-1) */
    double dual_clip;         /* of a wrong answer's loss, in advantages: 3 is usual; 0: off */
    int64_t reward_timeout_s; /* of an answer of reward_command; 0: none */
    bool scale_by_deviation, mask_truncated, share_prefix;
    const gad_log *log;
    const gad_progress *progress;
} gad_train_settings;

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
