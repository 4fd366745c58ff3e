/* gguf_save: a model as llama.cpp's files: the language model, and its vision tower as an mmproj file beside it. In: a
 * model and all that belongs to it. Out: two files that gad and llama.cpp load. */
#ifndef GAD_MODEL_GGUF_SAVE_H
#define GAD_MODEL_GGUF_SAVE_H
#include "model/model.h"
#include "model/preprocess.h"
#include "text/tokenizer.h"

typedef struct gad_gguf_parcel {
    const gad_model *model; /* adapters merged */
    const gad_tokenizer *tokenizer;
    const gad_preprocess *pictures;
    const char *template_text; /* of the chat */
    size_t template_length;
    const char *type; /* of matrices: "F32", "F16", "BF16" or "Q8_0"; vectors are F32, rows of no whole blocks F16 */
} gad_gguf_parcel;

/* `path` ends in .gguf; the tower goes to mmproj-NAME.gguf in the same folder. Models with an evidence head are refused:
 * llama.cpp has no place for it. */
gad_status gad_gguf_save(const gad_gguf_parcel *parcel, const char *path, gad_error *err);
/* That other path; the caller's (gad_memory_free), NULL without memory. */
char *gad_gguf_save_mmproj(const char *path);
#endif
