/* question: see question.h */
#include "task/question.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { FILE_LIMIT_BYTES = 64 << 10 };

#define ANSWER_FORMAT(subject)                                                                                             \
    "{domain}Write your reasoning between <think> and </think>, then the result between <answer> and </answer>: No if it " \
    "is normal; otherwise Yes. followed by one {'bbox_2d': {box}, 'label': 'anomaly type'} for each anomalous region of "  \
    "the " subject ", separated by commas. {coordinates}"

/* "mmrad-1" of the benchmark specification, for one reference; the same request for none and for several. */
static const char *const default_wording[3] = {
    "The image shows a {class} to inspect. Decide whether the image has an anomaly. " ANSWER_FORMAT("image"),
    "The first image shows a normal {class}. The second image shows a {class} to inspect. Compare them and decide whether "
    "the second image has an anomaly. " ANSWER_FORMAT("second image"),
    "The first {references} images show normal {class} samples. The last image shows a {class} to inspect. Compare them "
    "and "
    "decide whether the last image has an anomaly. " ANSWER_FORMAT("last image"),
};

static gad_status finish_template(gad_question_template *wording, const char *const texts[3], gad_error *err)
{
    gad_hash hash = gad_hash_bytes(texts[0], strlen(texts[0]));
    for (int i = 0; i < 3; i++) {
        if (texts[i] != texts[0])
            hash = gad_hash_combine(hash, gad_hash_bytes(texts[i], strlen(texts[i])));
        wording->text[i] = gad_memory_copy_string(texts[i]);
        if (!wording->text[i]) {
            gad_question_template_free(wording);
            return gad_error_memory(err, "read prompt", strlen(texts[i]));
        }
    }
    gad_hash_text(hash, wording->hash);
    return GAD_OK;
}

gad_status gad_question_template_default(gad_question_template *wording, gad_error *err)
{
    *wording = (gad_question_template){.id = "mmrad-1"};
    return finish_template(wording, default_wording, err);
}

gad_status gad_question_template_load(const char *path, gad_question_template *wording, gad_error *err)
{
    char *text = NULL;
    size_t length = 0;
    gad_status status = gad_file_read(path, FILE_LIMIT_BYTES, &text, &length, err);
    if (status)
        return status;
    for (size_t at = 0; at < length && !status;) {
        int n = gad_string_utf8_length(text + at, length - at);
        if (n <= 0 || !text[at])
            status = gad_error_set(err, GAD_E_FORMAT, "read prompt", "save the file as UTF-8",
                                   "%s: byte %zu is not UTF-8 text", path, at);
        at += n > 0 ? (size_t)n : 1;
    }
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        text[--length] = 0;
    if (!status && !length)
        status = gad_error_set(err, GAD_E_FORMAT, "read prompt", NULL, "%s: is empty", path);
    if (!status) {
        *wording = (gad_question_template){0};
        snprintf(wording->id, sizeof wording->id, "file:%s", gad_file_name(path));
        status = finish_template(wording, (const char *const[3]){text, text, text}, err);
    }
    gad_memory_free(text);
    return status;
}

gad_status gad_question_template_choose(const char *path, gad_question_template *wording, gad_error *err)
{
    return path ? gad_question_template_load(path, wording, err) : gad_question_template_default(wording, err);
}

void gad_question_template_free(gad_question_template *wording)
{
    for (int i = 0; i < 3; i++)
        gad_memory_free(wording->text[i]);
    *wording = (gad_question_template){0};
}

static void add_domain(const gad_question *question, const char *class_name, gad_string *text)
{
    if (!question->knowledge_count)
        return;
    gad_string_addf(text, "In %s samples these anomaly types may occur: ", class_name);
    for (size_t i = 0; i < question->knowledge_count; i++)
        gad_string_addf(text, "%s%s", i ? ", " : "", question->knowledge[i]);
    gad_string_add(text, ". ");
}

static void add_coordinates(const gad_question *question, gad_string *text)
{
    const char *image = question->references == 0   ? "the image"
                        : question->references == 1 ? "the second image"
                                                    : "the last image";
    switch (question->convention) {
    case GAD_BOX_CANVAS:
    case GAD_BOX_INPUT:
    case GAD_BOX_ORIG:
        gad_string_addf(text, "Coordinates are whole pixels of %s, counted from its top left corner.", image);
        break;
    case GAD_BOX_REL1000:
        gad_string_addf(text,
                        "Coordinates are whole numbers from 0 to 1000, relative to the width and height of %s, "
                        "counted from its top left corner.",
                        image);
        break;
    case GAD_BOX_REL1:
        gad_string_addf(text,
                        "Coordinates are numbers from 0 to 1, relative to the width and height of %s, counted from "
                        "its top left corner.",
                        image);
        break;
    }
}

/* Appends what the placeholder at `at` stands for and returns its length; 0 when there is none. */
static size_t fill_placeholder(const char *at, const gad_question *question, gad_string *text)
{
    static const char *const names[] = {"{class}", "{domain}", "{coordinates}", "{box}", "{references}"};
    const char *class_name = question->class_name && *question->class_name ? question->class_name : "product";
    for (int i = 0; i < 5; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(at, names[i], length) != 0)
            continue;
        switch (i) {
        case 0: gad_string_add(text, class_name); break;
        case 1: add_domain(question, class_name, text); break;
        case 2: add_coordinates(question, text); break;
        case 3: gad_string_add(text, question->order == GAD_BOX_YX ? "[y1, x1, y2, x2]" : "[x1, y1, x2, y2]"); break;
        default: gad_string_addf(text, "%zu", question->references); break;
        }
        return length;
    }
    return 0;
}

gad_status gad_question_build(const gad_question_template *wording, const gad_question *question, gad_string *text,
                              gad_error *err)
{
    const char *at = wording->text[question->references < 2 ? question->references : 2];
    if (question->knowledge_count && !strstr(at, "{domain}"))
        return gad_error_set(err, GAD_E_ARGUMENT, "build prompt", "put {domain} where the known anomaly types belong",
                             "%s has no place for the known anomaly types", wording->id);
    while (*at) {
        size_t length = *at == '{' ? fill_placeholder(at, question, text) : 0;
        if (!length) {
            length = 1 + strcspn(at + 1, "{");
            gad_string_append(text, at, length);
        }
        at += length;
    }
    return text->failed ? gad_error_memory(err, "build prompt", text->length) : GAD_OK;
}

const char *gad_question_forced_prefix(void)
{
    return "<think>\n</think><answer>";
}
