/* config: what a checkpoint is. In: config.json in any of its three layouts. Out: one checked struct. Knows nothing of
 * tensors or files of weights. */
#ifndef GAD_MODEL_CONFIG_H
#define GAD_MODEL_CONFIG_H
#include <jansson.h>

#include "gad.h"

enum { GAD_MAX_LAYERS = 256, GAD_MAX_DEEPSTACK = 8 };

typedef enum gad_family {
    GAD_FAMILY_QWEN25, /* Qwen2.5-VL: RMSNorm tower with windows, chunked M-RoPE, q/k/v biases */
    GAD_FAMILY_QWEN3,  /* Qwen3-VL: LayerNorm tower with learned positions, DeepStack, interleaved M-RoPE, q/k norms */
    GAD_FAMILY_LLAMA   /* a language model without a tower: no biases, no norms of q and k */
} gad_family;

typedef struct gad_vision_config {
    int depth, hidden, heads, head_dim, intermediate, out_hidden;
    int patch, temporal, merge;          /* pixels, frames, patches per side of a token */
    int window;                          /* side of an attention window in patches; 0: no windows */
    bool full_attention[GAD_MAX_LAYERS]; /* blocks that see the whole image */
    int position_side;                   /* side of the learned position grid; 0: none */
    int deepstack[GAD_MAX_DEEPSTACK];    /* blocks whose output feeds the language model */
    int deepstack_count;
} gad_vision_config;

typedef struct gad_text_config {
    int hidden, intermediate, layers, heads, kv_heads, head_dim, vocab, max_position;
    double norm_eps;
    double rope_theta;
    int mrope_section[3]; /* frequencies of the temporal, height and width axis; their sum is head_dim / 2 */
    bool mrope_interleaved, tied, qkv_bias, qk_norm;
} gad_text_config;

/* The evidence head (evidence/head.h), "difference" in config.json; heads 0: the model has none. */
typedef struct gad_evidence_config {
    int heads, head_dim, hidden, inject; /* matching heads and their size, width of the evidence, layers that get it */
    int cells;                           /* of the heat map along a patch's side */
    bool words;                          /* region tokens also carry what was measured of a region */
} gad_evidence_config;
enum {
    GAD_EVIDENCE_CHANNELS = 20,   /* handcrafted ones of a cell (evidence/handcrafted.h) */
    GAD_REGION_TOKEN_WIDTH = 131, /* numbers that show regions to the language model (evidence/region_tokens.h) .. */
    GAD_REGION_TOKEN_WORDS = 39   /* .. and one for each word that may be said of a region (task/measurement.h) */
};
static inline int64_t gad_config_region_width(const gad_evidence_config *d)
{
    return GAD_REGION_TOKEN_WIDTH + (d->words ? GAD_REGION_TOKEN_WORDS : 0);
}

/* Cells of a token: (2 * cells)^2, row by row. The cells of an image: token by token, tokens in raster order. */
static inline int64_t gad_config_map_side(const gad_evidence_config *d)
{
    return 2 * (int64_t)d->cells;
}
static inline int64_t gad_config_map_cells(const gad_evidence_config *d)
{
    return gad_config_map_side(d) * gad_config_map_side(d);
}
/* Features of a cell. */
static inline int64_t gad_config_map_width(const gad_evidence_config *d)
{
    return d->hidden < 8 ? 2 : d->hidden / 4;
}

typedef struct gad_config {
    gad_family family;
    gad_vision_config vision;
    gad_text_config text;
    gad_evidence_config evidence;
    bool relative_boxes; /* the model was taught coordinates from 0 to 1000 instead of its family's pixels */
    int image_token, video_token, vision_start_token, vision_end_token;
} gad_config;

/* Sets of rows that layers of the language model add to those of an image: DeepStack's, and those of the evidence head. */
static inline int gad_config_added_sets(const gad_config *config)
{
    int tower = config->vision.deepstack_count, evidence = config->evidence.inject;
    return evidence > tower ? evidence : tower;
}

/* Read and check folder/config.json; for GGUF files too: package.h. */
gad_status gad_config_load(const char *folder, gad_config *config, gad_error *err);
/* The same from parsed JSON; `name` says in errors where it came from. */
gad_status gad_config_read(const json_t *root, const char *name, gad_config *config, gad_error *err);
/* The config.json (nested v4 layout) that gad_config_read and transformers read back; the caller's (json_decref). NULL
 * without memory. */
json_t *gad_config_json(const gad_config *config);

/* The checks every config must pass (docs/spec/qwen_vl.md section 16). */
gad_status gad_config_check(const gad_config *config, const char *name, gad_error *err);
#endif
