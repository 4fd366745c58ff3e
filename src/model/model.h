/* model: a configured set of parameters and the layers that name them. In: a configuration. Out: a model whose parameters
 * have shapes but no values; model/weights fills them. Knows nothing of files, tokens or images. */
#ifndef GAD_MODEL_MODEL_H
#define GAD_MODEL_MODEL_H
#include "model/block.h"
#include "model/config.h"

/* Groups 2x2 patches and maps them to the language model's width. `norm_merged`: the norm works on the group (DeepStack)
 * instead of on each patch. */
typedef struct gad_merger {
    gad_norm norm;
    gad_linear fc1, fc2;
    bool norm_merged;
} gad_merger;

typedef struct gad_vision {
    gad_linear patch_embed;    /* [C, 3 * temporal * patch * patch] */
    gad_param *position_embed; /* [side * side, C], NULL: none */
    gad_block *block;          /* depth of them */
    gad_merger merger;
    gad_merger deepstack[GAD_MAX_DEEPSTACK];
} gad_vision;

typedef struct gad_lm {
    gad_param *embed; /* [V, d] */
    gad_block *block; /* layers of them */
    gad_norm norm;
    gad_linear head; /* its weight is `embed` when tied */
} gad_lm;

/* The feature maps that the evidence head matches: a further one is a line here and in model.c, and its rows in
 * evidence/head_input.c. */
enum {
    GAD_EVIDENCE_PIXELS, /* on the grid of patches */
    GAD_EVIDENCE_TOWER,  /* on that of tokens */
    GAD_EVIDENCE_MAPS
};

/* Compares the image to inspect with its references (evidence/head.h); its tensors are named difference.*. */
typedef struct gad_evidence_head {
    struct gad_evidence_matcher {
        gad_linear fc1, fc2;     /* local features */
        gad_norm q_norm, k_norm; /* over each head */
        gad_linear out;          /* residual of a patch into its cells, of a token into the evidence */
    } matcher[GAD_EVIDENCE_MAPS];
    gad_linear low, spread, cell; /* of cells: hand-made channels of 3 x 3, features of 3 x 3, their own logit */
    gad_linear gather;            /* cells of a token into its evidence */
    gad_linear around;            /* evidence of a token and its eight neighbours into the evidence */
    gad_linear logit_head;        /* logits of a token's cells */
    gad_linear inject[GAD_MAX_DEEPSTACK];
    gad_linear regions; /* what the heat map shows, as region tokens, into what the first layer gets */
} gad_evidence_head;

typedef struct gad_model {
    gad_config config;
    gad_params params;
    gad_vision vision;
    gad_lm lm;
    gad_evidence_head evidence;
    gad_lora *lora; /* all adapters; layers point here */
    size_t lora_count, lora_capacity;
    /* Parameters that an adapter replaces as a whole, with the value that is not in use now, its memory and its copy on a
     * device. */
    struct gad_replaced {
        gad_param *param;
        gad_weight other;
        void *owned, *owned_scale;
        gad_weight placed;
    } * replaced;
    size_t replaced_count, replaced_capacity;
    bool replaced_on;
} gad_model;

gad_status gad_model_build(const gad_config *config, gad_model *model, gad_error *err);
void gad_model_free(gad_model *model);

/* Give a device with memory of its own a copy of every value that the model has by now; nothing on others. The device must
 * outlive the model. Values that change later are placed again by who changes them. */
gad_status gad_model_place(gad_model *model, gad_device *device, gad_error *err);
/* A replaced value that is not in use goes. */
void gad_model_forget_replaced(gad_model *model);

/* Calls `visit` for every linear layer with its module path in internal style ("model.layers.0.self_attn.q_proj"). The
 * output head is "lm_head". Stops at the first status that is not GAD_OK. */
gad_status gad_model_each_linear(gad_model *model,
                                 gad_status (*visit)(void *user, const char *path, gad_linear *layer, gad_error *err),
                                 void *user, gad_error *err);
#endif
