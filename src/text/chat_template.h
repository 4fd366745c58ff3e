/* chat_template: recognises the chat template of a checkpoint. A template is a Jinja program; gad runs none, it knows the
 * published ones by their hash and renders them natively (chat.h). In: a folder or a text. Out: which one it is. */
#ifndef GAD_TEXT_CHAT_TEMPLATE_H
#define GAD_TEXT_CHAT_TEMPLATE_H
#include "base/hash.h"
#include "base/string.h"
#include "gad.h"

typedef enum gad_chat_format {
    GAD_CHAT_QWEN2_5_VL,
    GAD_CHAT_QWEN3_VL,          /* Instruct */
    GAD_CHAT_QWEN3_VL_THINKING, /* answers begin with <think>, earlier reasoning is left out */
    GAD_CHAT_GAD                /* that of models gad makes: as Qwen2.5-VL without a default system message */
} gad_chat_format;

/* The text of the template of a checkpoint folder: chat_template.jinja, else chat_template.json, else
 * tokenizer_config.json; `from`, PATH_MAX bytes, gets the path. */
gad_status gad_chat_template_read(const char *directory, gad_string *text, char *from, gad_error *err);
/* Which one it is. */
gad_status gad_chat_template_load(const char *directory, gad_chat_format *format, gad_error *err);
/* Recognise a template; how its lines end, and line ends after it, do not count. `name` says where it came from. */
gad_status gad_chat_template_recognise(const char *text, size_t length, const char *name, gad_chat_format *format,
                                       gad_error *err);
/* The Jinja text of GAD_CHAT_GAD, to be written into new checkpoints. */
const char *gad_chat_template_own(void);
#endif
