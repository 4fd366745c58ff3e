/* engine: everything a checkpoint holds, loaded: weights, tokenizer, chat template, image and generation settings,
 * with the one timeline and image cache that serve a caller. In: options (gad.h). Out: an engine. Knows nothing of the
 * question that is asked. */
#ifndef GAD_GENERATE_ENGINE_H
#define GAD_GENERATE_ENGINE_H
#include "generate/decode.h"
#include "generate/image_cache.h"
#include "io/tensor_source.h"
#include "model/model.h"
#include "model/package.h"
#include "task/box.h"
#include "text/chat.h"

struct gad_engine {
    gad_package package;
    gad_model model;
    gad_tensor_source *files;
    gad_tokenizer *tokenizer;
    gad_chat chat;
    gad_preprocess preprocess;
    gad_sampling sampling;
    gad_device device;
    gad_timeline timeline;
    gad_image_cache images;
    gad_box_convention convention; /* the coordinates the model speaks */
    char *folder;                  /* of the checkpoint, or the .gguf file */
    char *question;                /* the checkpoint's own wording, question.txt; NULL: it has none */
    char hash[33];
    gad_quantise quantised;
    bool pixels_alone; /* as in gad_engine_options */
    const gad_log *log;
    /* What a room above keeps with this engine; dropped with it and when its adapter changes. */
    void *kept;
    void (*free_kept)(void *kept);
};

/* The image's rows from the tower, encoded once; kept until a turn is freed after it. `fitted`: it is what
 * gad_preprocess_fit made; `hash`: of the whole picture's pixels. */
gad_status gad_engine_encode(gad_engine *engine, const gad_image *image, bool fitted, gad_hash hash,
                             const gad_image_entry **entry, gad_error *err);

/* A piece of a turn: a text, or (text NULL) the rows of an image, with what layers add to them. Borrowed. */
typedef struct gad_engine_part {
    const char *text;
    const gad_image_rows *rows;
    const char *role; /* a message of "system", "user" or "assistant" begins here; NULL: the one before goes on, the first
                       * being the user's */
} gad_engine_part;

/* One user turn (or a conversation) after the template's own system text, rendered up to the place where the answer begins.
 */
typedef struct gad_engine_turn {
    gad_chat_prompt chat;
    gad_prompt_image *image; /* [prompt.image_count] */
    gad_prompt prompt;       /* points into the above */
} gad_engine_turn;
gad_status gad_engine_make_turn(gad_engine *engine, const gad_engine_part *part, size_t part_count, gad_engine_turn *turn,
                                gad_error *err);
void gad_engine_free_turn(gad_engine *engine, gad_engine_turn *turn);
/* The same prompt with ids after it; *ids is the caller's (gad_memory_free). */
gad_status gad_engine_extend(const gad_engine_turn *turn, const int32_t *more, size_t count, gad_prompt *prompt,
                             int32_t **ids, gad_error *err);
#endif
