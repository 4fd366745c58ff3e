/* question: the text that asks a model to inspect an image. In: class, known anomaly types, number of references, the
 * model's coordinates, and the built-in wording or a user's file. Out: one string. Knows no chat template and no image. */
#ifndef GAD_TASK_QUESTION_H
#define GAD_TASK_QUESTION_H
#include "base/string.h"
#include "task/box.h"

/* A wording with placeholders: {class}, {domain} (the sentence with the known anomaly types, or nothing), {coordinates}
 * (the sentence that says what the numbers mean), {box} ([x1, y1, x2, y2] or its yx form), {references} (their number).
 * Other braces stand for themselves. One wording per number of references: none, one, more. */
typedef struct gad_question_template {
    char *text[3];
    char id[128];  /* "mmrad-1", or "file:NAME" */
    char hash[33]; /* of the wording, before anything is filled in */
} gad_question_template;

gad_status gad_question_template_default(gad_question_template *wording, gad_error *err);
/* A user's prompt file (UTF-8, at most 64 KiB), used for any number of references. */
gad_status gad_question_template_load(const char *path, gad_question_template *wording, gad_error *err);
/* The file's, or the default one when path is NULL. */
gad_status gad_question_template_choose(const char *path, gad_question_template *wording, gad_error *err);
void gad_question_template_free(gad_question_template *wording);

typedef struct gad_question {
    const char *class_name;       /* readable; NULL or "": "product" */
    const char *const *knowledge; /* anomaly types that may occur in this class; the whole list, never only the true one */
    size_t knowledge_count;
    size_t references; /* normal images shown before the image to inspect */
    gad_box_convention convention;
    gad_box_order order;
} gad_question;

/* Appends the text. Knowledge without a place for it in the wording is an error, not ignored. */
gad_status gad_question_build(const gad_question_template *wording, const gad_question *question, gad_string *text,
                              gad_error *err);

/* The beginning of an answer without reasoning, up to where the decision word follows (fast mode). */
const char *gad_question_forced_prefix(void);
#endif
