/* export_chat: conversations for trainers of chat models. See export.h. A record is one question and its answer; boxes are
 * in the coordinates that the trained model is to speak. */
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/canvas_image.h"
#include "data/export_check.h"
#include "data/export_job.h"
#include "data/store_query.h"
#include "model/preprocess.h"
#include "task/answer.h"
#include "task/question.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TYPES = 64, MAX_BOXES = 64 };

typedef struct writer {
    gad_export_job *job;
    FILE *stream;
    gad_string line;
    gad_question_template wording;
    char *class_key; /* dataset/class that `types` belongs to */
    char *types[MAX_TYPES];
    size_t type_count;
    char *views; /* folder of the pictures that were cut out; NULL until there is one */
} writer;

/* The images of one record: the reference, where there is one, and the sample. */
typedef struct pictures {
    gad_string path[2];
    int count;
} pictures;

static void forget_types(writer *w)
{
    for (size_t i = 0; i < w->type_count; i++)
        gad_memory_free(w->types[i]);
    w->type_count = 0;
}

/* All anomaly types of the sample's class: the whole list, never only the true one. */
static gad_status class_types(writer *w, const gad_sample *s, gad_error *err)
{
    gad_store_rows *rows = NULL;
    gad_string key = {0};
    bool row = false;
    gad_string_addf(&key, "%s/%s", s->dataset, s->class_name);
    bool known = w->class_key && !key.failed && strcmp(w->class_key, key.data) == 0;
    gad_status status =
        known || gad_sample_set(&w->class_key, gad_string_text(&key)) ? GAD_OK : gad_error_memory(err, "export", 0);
    gad_string_free(&key);
    if (known || status)
        return status;
    forget_types(w);
    status = gad_store_query_open(w->job->store, GAD_STORE_CLASS_LABELS, &rows, err);
    if (status)
        return status;
    gad_store_query_ask(rows, (const char *[GAD_STORE_VALUES]){s->dataset, s->class_name});
    status = gad_store_query_next(rows, &row, err);
    while (!status && row && w->type_count < MAX_TYPES) {
        if (!(w->types[w->type_count] = gad_memory_copy_string(gad_store_query_text(rows, 0))))
            status = gad_error_memory(err, "export", 0);
        else
            w->type_count++;
        if (!status)
            status = gad_store_query_next(rows, &row, err);
    }
    gad_store_query_close(rows);
    return status;
}

static gad_status frame_of(const gad_export_settings *e, const gad_sample *s, gad_box_frame *frame, gad_error *err)
{
    int input_w = 0, input_h = 0;
    if (e->convention == GAD_BOX_INPUT) {
        gad_preprocess settings = {
            .patch = e->factor / 2, .temporal = 2, .merge = 2, .min_pixels = e->min_pixels, .max_pixels = e->max_pixels};
        gad_view view;
        gad_status status = gad_preprocess_view(&settings, s->width, s->height, &view, err);
        if (status)
            return status;
        input_w = (int)view.width;
        input_h = (int)view.height;
    }
    *frame = gad_box_frame_make(e->convention, GAD_BOX_XY, s->width, s->height, input_w, input_h);
    return GAD_OK;
}

/* The question; the domain sentence for a share of the samples, its types in an order of their own. */
static gad_status build_question(writer *w, const gad_sample *s, gad_string *text, gad_error *err)
{
    const gad_export_settings *e = w->job->settings;
    gad_rng rng = gad_rng_make(e->seed, gad_hash_bytes(s->id, strlen(s->id)).low);
    int64_t order[MAX_TYPES];
    const char *knowledge[MAX_TYPES];
    bool domain = gad_rng_uniform(&rng) < e->domain_share;
    gad_status status = domain ? class_types(w, s, err) : GAD_OK;
    if (status)
        return status;
    size_t n = domain ? w->type_count : 0;
    for (size_t i = 0; i < n; i++)
        order[i] = (int64_t)i;
    gad_rng_shuffle(&rng, order, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        knowledge[i] = w->types[order[i]];
    gad_question question = {.class_name = s->class_text ? s->class_text : s->class_name,
                             .knowledge = knowledge,
                             .knowledge_count = n,
                             .references = s->reference_count && !e->single ? 1 : 0,
                             .convention = e->convention,
                             .order = GAD_BOX_XY};
    return gad_question_build(&w->wording, &question, text, err);
}

static gad_status build_answer(const gad_box_frame *frame, const gad_sample *s, const char *think, gad_string *text,
                               gad_error *err)
{
    gad_answer_item items[MAX_BOXES];
    size_t n = s->box_count < MAX_BOXES ? s->box_count : MAX_BOXES;
    for (size_t i = 0; i < n; i++) {
        const gad_sample_box *b = &s->boxes[i];
        items[i] = (gad_answer_item){gad_box_to_model(frame, b->box), b->label};
    }
    return gad_answer_write(think, s->label == 1, items, n, text, err);
}

/* The folder for views, beside the file that names them. */
static gad_status make_views(writer *w, gad_error *err)
{
    const gad_export_settings *e = w->job->settings;
    gad_string folder = {0};
    gad_string_addf(&folder, e->format == GAD_EXPORT_LLAMA_FACTORY ? "%s/views" : "%s.views", e->path);
    gad_status status = folder.failed ? gad_error_memory(err, "export", 0) : gad_file_make_directory(folder.data, err);
    char *full = status ? NULL : realpath(folder.data, NULL);
    if (!status && (!full || !gad_sample_set(&w->views, full)))
        status = full ? gad_error_memory(err, "export", 0) : gad_error_system(err, "export", folder.data, errno);
    free(full); /* realpath's own memory */
    gad_string_free(&folder);
    return status;
}

/* Where a record finds an image: the file itself, or for a view of a strip a picture of its own beside the export, written
 * when it is first needed and named by what it holds. */
static gad_status image_path(writer *w, const gad_sample *s, const char *root, const char *relative, const char *hash,
                             gad_string *path, gad_error *err)
{
    gad_image view = {0};
    char name[80];
    if (!(s->crop[2] > s->crop[0])) {
        gad_string_addf(path, "%s/%s", root, relative);
        return path->failed ? gad_error_memory(err, "export", path->length) : GAD_OK;
    }
    gad_status status = w->views ? GAD_OK : make_views(w, err);
    if (status)
        return status;
    snprintf(name, sizeof name, "%.32s_%d_%d.png", hash, s->crop[0], s->crop[1]);
    gad_string_addf(path, "%s/%s", w->views, name);
    if (path->failed)
        return gad_error_memory(err, "export", path->length);
    if (gad_file_exists(path->data))
        return GAD_OK;
    status = gad_canvas_image_load(root, relative, s->crop, 0, &view, err);
    if (!status)
        status = gad_image_save_png(&view, path->data, err);
    gad_image_free(&view);
    return status;
}

static gad_status find_images(writer *w, const gad_sample *s, const char *root, pictures *found, gad_error *err)
{
    gad_status status = GAD_OK;
    *found = (pictures){0};
    if (s->reference_count && !w->job->settings->single) {
        const gad_sample_reference *r = &s->references[0];
        status = image_path(w, s, root, r->path, r->hash, &found->path[found->count++], err);
    }
    if (!status)
        status = image_path(w, s, root, s->image, s->hash, &found->path[found->count++], err);
    return status;
}

static void add_images(const pictures *images, const char *key, gad_string *line)
{
    gad_string_addf(line, "\"%s\":[", key);
    for (int i = 0; i < images->count; i++) {
        gad_string_add(line, i ? "," : "");
        gad_string_add_json(line, gad_string_text(&images->path[i]));
    }
    gad_string_add(line, "]");
}

static void add_text(gad_string *line, const char *before, const char *prefix, int images, const gad_string *text)
{
    gad_string all = {0};
    for (int i = 0; i < images; i++)
        gad_string_add(&all, prefix);
    gad_string_append(&all, gad_string_text(text), text->length);
    gad_string_add(line, before);
    gad_string_add_json(line, gad_string_text(&all));
    gad_string_free(&all);
}

/* The truth for reward functions: label and boxes in the answer's coordinates. */
static void add_truth(const gad_sample *s, const gad_string *solution, gad_string *line)
{
    add_text(line, ",\"solution\":", "", 0, solution);
    gad_string_addf(line, ",\"label\":%d,\"id\":", s->label);
    gad_string_add_json(line, s->id);
}

static void write_record(const gad_export_settings *e, const gad_sample *s, const pictures *found,
                         const gad_string *question, const gad_string *answer, gad_string *line)
{
    int images = found->count;
    bool prompt_only = e->without_answer;
    gad_string_add(line, "{");
    if (e->format == GAD_EXPORT_LLAVA) {
        gad_string_add(line, "\"id\":");
        gad_string_add_json(line, s->id);
        gad_string_add(line, ",");
        add_images(found, "image", line);
        add_text(line, ",\"conversations\":[{\"from\":\"human\",\"value\":", "<image>\n", images, question);
        add_text(line, "},{\"from\":\"gpt\",\"value\":", "", 0, answer);
        gad_string_add(line, "}]}\n");
        return;
    }
    add_images(found, "images", line);
    if (e->format == GAD_EXPORT_TRL) {
        gad_string_add(line, prompt_only ? ",\"prompt\":[{\"role\":\"user\",\"content\":["
                                         : ",\"messages\":[{\"role\":\"user\",\"content\":[");
        for (int i = 0; i < images; i++)
            gad_string_add(line, "{\"type\":\"image\"},");
        add_text(line, "{\"type\":\"text\",\"text\":", "", 0, question);
        gad_string_add(line, "}]}");
        if (!prompt_only) {
            add_text(line, ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":", "", 0, answer);
            gad_string_add(line, "}]}");
        }
    } else {
        add_text(line, ",\"messages\":[{\"role\":\"user\",\"content\":", "<image>", images, question);
        gad_string_add(line, "}");
        if (!prompt_only) {
            add_text(line, ",{\"role\":\"assistant\",\"content\":", "", 0, answer);
            gad_string_add(line, "}");
        }
    }
    gad_string_add(line, "]");
    if (prompt_only)
        add_truth(s, answer, line);
    gad_string_add(line, "}\n");
}

static gad_status each_record(void *user, const gad_sample *s, const char *root, gad_error *err)
{
    writer *w = user;
    const gad_export_settings *e = w->job->settings;
    gad_string question = {0}, answer = {0};
    gad_box_frame frame;
    pictures images = {0};
    /* An anomalous image without boxes has no answer to learn. */
    if ((!s->think && !e->without_answer) || (s->label && !s->box_count)) {
        w->job->report->left_out++;
        return GAD_OK;
    }
    gad_status status = frame_of(e, s, &frame, err);
    if (!status)
        status = build_question(w, s, &question, err);
    if (!status)
        status = build_answer(&frame, s, s->think ? s->think : "", &answer, err);
    if (!status)
        status = find_images(w, s, root, &images, err);
    if (!status) {
        write_record(e, s, &images, &question, &answer, &w->line);
        w->job->report->samples++;
        w->job->report->boxes += (int64_t)s->box_count;
        if (w->line.failed)
            status = gad_error_memory(err, "export", w->line.length);
        else if (fwrite(w->line.data, 1, w->line.length, w->stream) != w->line.length)
            status = gad_error_system(err, "export", e->path, errno);
        gad_string_clear(&w->line);
    }
    gad_string_free(&question);
    gad_string_free(&answer);
    gad_string_free(&images.path[0]);
    gad_string_free(&images.path[1]);
    return status;
}

/* LLaMA-Factory finds data sets through dataset_info.json, which names all of somebody's: the others stay. */
static gad_status write_dataset_info(const char *folder, gad_error *err)
{
    char *path = gad_file_join(folder, "dataset_info.json");
    json_t *root = NULL;
    json_t *own = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s}}", "file_name", "gad.jsonl", "formatting",
                            "sharegpt", "columns", "messages", "messages", "images", "images", "tags", "role_tag", "role",
                            "content_tag", "content", "user_tag", "user", "assistant_tag", "assistant");
    gad_status status = path && own ? GAD_OK : gad_error_memory(err, "export", 0);
    if (!status && gad_file_exists(path))
        status = gad_json_load(path, &root, err);
    else if (!status && !(root = json_object()))
        status = gad_error_memory(err, "export", 0);
    if (!status && !json_is_object(root))
        status =
            gad_error_set(err, GAD_E_FORMAT, "export", "give another folder", "%s: not a list of data sets by name", path);
    if (!status && json_object_set(root, "gad", own))
        status = gad_error_memory(err, "export", 0);
    if (!status)
        status = gad_json_write(path, root, err);
    json_decref(own);
    json_decref(root);
    gad_memory_free(path);
    return status;
}

gad_status gad_export_chat(gad_export_job *job, gad_error *err)
{
    const gad_export_settings *e = job->settings;
    bool folder = e->format == GAD_EXPORT_LLAMA_FACTORY;
    gad_file_writer file;
    writer w = {.job = job};
    char *path = folder ? gad_file_join(e->path, "gad.jsonl") : gad_memory_copy_string(e->path);
    if (!path)
        return gad_error_memory(err, "export", 0);
    if (e->convention == GAD_BOX_INPUT && (e->factor < 2 || e->factor % 2)) {
        gad_memory_free(path);
        return gad_error_set(err, GAD_E_ARGUMENT, "export", "28 for Qwen2.5-VL, 32 for Qwen3-VL", "an image factor of %d",
                             e->factor);
    }
    gad_status status = folder ? gad_file_make_directory(e->path, err) : GAD_OK;
    if (!status && folder && !e->force)
        status = gad_export_check(path, err);
    if (!status)
        status = gad_question_template_default(&w.wording, err);
    if (!status)
        status = gad_file_writer_open(&file, path, err);
    gad_memory_free(path);
    if (!status) {
        w.stream = file.stream;
        status = gad_export_job_each(job, each_record, &w, err);
        if (status)
            gad_file_writer_discard(&file);
        else
            status = gad_file_writer_commit(&file, err);
    }
    if (!status && folder)
        status = write_dataset_info(e->path, err);
    forget_types(&w);
    gad_memory_free(w.class_key);
    gad_memory_free(w.views);
    gad_string_free(&w.line);
    gad_question_template_free(&w.wording);
    return status;
}
