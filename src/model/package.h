/* package: all that a checkpoint holds, whether it is a Hugging Face folder or a GGUF file with the mmproj
 * file of its vision tower. In: paths. Out: configuration, tokenizer, chat, picture settings, weights, settings files.
 * Knows nothing of what is done with them. */
#ifndef GAD_MODEL_PACKAGE_H
#define GAD_MODEL_PACKAGE_H
#include "io/gguf.h"
#include "model/preprocess.h"
#include "model/weights.h"
#include "text/chat.h"

typedef struct gad_package {
    char *path;   /* the folder, or the .gguf file */
    char *mmproj; /* NULL: there is none */
    bool is_gguf;
    gad_gguf text, vision; /* of GGUF; the second only with mmproj */
} gad_package;

/* `mmproj` NULL: the one file beside a .gguf file that has "mmproj" in its name, if there is one; it is of GGUF only. */
gad_status gad_package_open(const char *path, const char *mmproj, gad_package *package, gad_error *err);
void gad_package_free(gad_package *package);

gad_status gad_package_config(const gad_package *package, gad_config *config, gad_error *err);
gad_status gad_package_tokenizer(const gad_package *package, gad_tokenizer **tokenizer, gad_error *err);
gad_status gad_package_chat(const gad_package *package, const gad_tokenizer *tokenizer, gad_chat *chat, gad_error *err);
/* The text of the chat template. */
gad_status gad_package_template(const gad_package *package, gad_string *text, gad_error *err);
/* preprocessor_config.json, or processor_config.json. */
gad_status gad_package_preprocess(const gad_package *package, gad_preprocess *settings, gad_error *err);
/* The weights; as gad_weights_load. */
gad_status gad_package_weights(const gad_package *package, const gad_weights_options *options, gad_model *model,
                               gad_tensor_source **files, const gad_log *log, gad_error *err);
/* Into `folder`, which exists: what is small and no weights, as gad_save_settings. */
gad_status gad_package_save(const gad_package *package, const char *folder, gad_error *err);
#endif
