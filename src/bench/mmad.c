/* mmad: see mmad.h */
#include "bench/mmad.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "bench/subset.h"

#include <string.h>

enum { LIMIT_BYTES = 1 << 30, MAX_SHOTS = 16, MAX_OPTIONS = 26 };
static const char operation[] = "read MMAD";

static const char *const task_names[GAD_MMAD_TASKS] = {
    "Anomaly Detection", "Defect Classification", "Defect Localization", "Defect Description",
    "Defect Analysis",   "Object Classification", "Object Analysis"};

const char *gad_mmad_task_name(int task)
{
    return task_names[task];
}

int gad_mmad_task_find(const char *type)
{
    if (!strcmp(type, "Object Structure") || !strcmp(type, "Object Details"))
        type = "Object Analysis";
    for (int i = 0; i < GAD_MMAD_TASKS; i++)
        if (!strcmp(type, task_names[i]))
            return i;
    return -1;
}

/* What stays the same while the file is walked. */
typedef struct reader {
    const gad_bench_questions *questions;
    const json_t *knowledge; /* data set -> class -> defect -> text; NULL: without */
    const char *path;        /* of the questions, for errors */
    gad_items *items;
    gad_mmad_report *report;
} reader;

static gad_status malformed(const reader *r, const char *image, const char *what, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: %s: %s", r->path, image, what);
}

/* "dataset/class/..." into its first two components. */
static bool split_path(const char *image, char dataset[64], char category[64])
{
    size_t n = strcspn(image, "/"), m = image[n] ? strcspn(image + n + 1, "/") : 0;
    if (!n || !m || n >= 64 || m >= 64)
        return false;
    memcpy(dataset, image, n);
    memcpy(category, image + n + 1, m);
    dataset[n] = category[m] = 0;
    return true;
}

static void note_missing(gad_mmad_report *report, const char *path, int64_t *counter)
{
    if (!report->first_missing[0])
        snprintf(report->first_missing, sizeof report->first_missing, "%s", path);
    ++*counter;
}

/* Early copies of the data held metal nuts (700 x 700) as the pills (800 x 800) 000 to 021 (MMAD issues 15 and 19). */
static bool is_foreign_pill(const char *image, const char *path)
{
    int64_t width, height;
    return !strncmp(image, "DS-MVTec/pill/image/good/", 25) && !gad_image_probe(path, &width, &height, NULL) &&
           width == 700 && height == 700;
}

/* Paths of the templates of one image, in memory of the caller's. */
typedef struct templates {
    char *path[MAX_SHOTS];
    size_t count;
} templates;

static void free_templates(templates *t)
{
    for (size_t i = 0; i < t->count; i++)
        gad_memory_free(t->path[i]);
}

static gad_status read_templates(const reader *r, const char *image, const json_t *entry, templates *t, gad_error *err)
{
    const json_t *list = json_object_get(entry, r->questions->similar_templates ? "similar_templates" : "random_templates");
    *t = (templates){0};
    for (size_t i = 0; i < (size_t)r->questions->references; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name)
            return malformed(r, image, "has too few templates", err);
        t->path[t->count] = gad_file_join(r->questions->mmad, name);
        if (!t->path[t->count])
            return gad_error_memory(err, operation, strlen(name));
        if (!gad_file_exists(t->path[t->count++]))
            note_missing(r->report, name, &r->report->missing_templates);
    }
    return GAD_OK;
}

/* The texts about a class, as pointers into the JSON value. */
static gad_status read_knowledge(const reader *r, const char *dataset, const char *category, const char ***list,
                                 size_t *count, gad_error *err)
{
    *list = NULL;
    *count = 0;
    if (!r->knowledge)
        return GAD_OK;
    const char *name = strcmp(dataset, "DS-MVTec") == 0 ? "MVTec" : dataset;
    json_t *class = json_object_get(json_object_get(r->knowledge, name), category), *text;
    const char *key;
    if (!json_is_object(class))
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: nothing about %s/%s", r->questions->knowledge_file,
                             name, category);
    *list = gad_memory_alloc(json_object_size(class), sizeof **list);
    if (!*list)
        return gad_error_memory(err, operation, json_object_size(class));
    json_object_foreach (class, key, text)
        if (json_is_string(text))
            (*list)[(*count)++] = json_string_value(text);
    return GAD_OK;
}

static gad_status read_question(const reader *r, const char *image, const json_t *question, gad_item *item,
                                const char **option, gad_error *err)
{
    const char *type = json_string_value(json_object_get(question, "type")), *key;
    const char *answer = json_string_value(json_object_get(question, "Answer"));
    json_t *options = json_object_get(question, "Options"), *text;
    item->question = json_string_value(json_object_get(question, "Question"));
    int task = type ? gad_mmad_task_find(type) : -1;
    if (!item->question || !answer || task < 0 || json_object_size(options) > MAX_OPTIONS)
        return malformed(r, image, "a question without text, answer or known type", err);
    item->task = task_names[task];
    item->option = option;
    item->option_count = 0;
    item->answer = '?'; /* an answer that is no option: stays outside A-E, as in the official evaluator */
    json_object_foreach (options, key, text) {
        if (!json_is_string(text))
            return malformed(r, image, "an option that is not text", err);
        if (!strcmp(key, answer))
            item->answer = (char)('A' + (int)item->option_count);
        option[item->option_count++] = json_string_value(text);
    }
    return GAD_OK;
}

static gad_status add_question(reader *r, const char *image, size_t number, const json_t *question, gad_item *item,
                               gad_error *err)
{
    const char *option[MAX_OPTIONS];
    char id[512];
    gad_status status = read_question(r, image, question, item, option, err);
    if (status)
        return status;
    if (snprintf(id, sizeof id, "%s#%zu", image, number + 1) >= (int)sizeof id)
        return malformed(r, image, "the path is too long", err);
    item->id = id;
    return gad_item_add(r->items, item, err);
}

static gad_status add_image(reader *r, const char *image, const json_t *entry, gad_error *err)
{
    char dataset[64], category[64], title[64];
    const json_t *conversation = json_object_get(entry, "conversation");
    size_t count = json_array_size(conversation);
    r->report->all_questions += (int64_t)count;
    if (!split_path(image, dataset, category) || !json_is_array(conversation))
        return malformed(r, image, "no dataset/class path or no \"conversation\"", err);
    if (!gad_subset_is_listed(dataset, r->questions->datasets, r->questions->dataset_count) ||
        !gad_subset_is_listed(category, r->questions->classes, r->questions->class_count))
        return GAD_OK;
    snprintf(title, sizeof title, "%s", category);
    for (char *c = title; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    templates t = {0};
    gad_item item = {.dataset = dataset, .category = category, .title = title, .anomalous = !strstr(image, "good")};
    char *path = gad_file_join(r->questions->mmad, image);
    gad_status status = path ? read_knowledge(r, dataset, category, &item.knowledge, &item.knowledge_count, err)
                             : gad_error_memory(err, operation, strlen(image));
    if (!status)
        status = read_templates(r, image, entry, &t, err);
    item.image = path;
    item.reference = (const char **)t.path;
    item.reference_count = t.count;
    for (size_t i = 0; i < count && !status; i++)
        status = add_question(r, image, i, json_array_get(conversation, i), &item, err);
    if (!status && count) {
        r->report->images++;
        if (!gad_file_exists(path))
            note_missing(r->report, image, &r->report->missing_images);
        else
            r->report->foreign_pills += is_foreign_pill(image, path);
    }
    free_templates(&t);
    gad_memory_free(item.knowledge);
    gad_memory_free(path);
    return status;
}

static gad_status walk(reader *r, json_t *root, gad_error *err)
{
    const char *image;
    json_t *entry;
    gad_status status = GAD_OK;
    json_object_foreach (root, image, entry)
        if (!status)
            status = add_image(r, image, entry, err);
    return status;
}

static gad_status load_object(const char *path, json_t **root, gad_hash *hash, gad_error *err)
{
    char *text;
    size_t length;
    gad_status status = gad_file_read(path, LIMIT_BYTES, &text, &length, err);
    if (status)
        return status;
    *hash = gad_hash_bytes(text, length);
    status = gad_json_parse(text, length, path, root, err);
    gad_memory_free(text);
    if (status)
        return status;
    if (!json_is_object(*root)) {
        json_decref(*root);
        *root = NULL;
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: is not an object keyed by image", path);
    }
    return GAD_OK;
}

gad_status gad_mmad_load(const gad_bench_questions *questions, gad_items *items, gad_mmad_report *report, gad_error *err)
{
    gad_mmad_report counts = {0};
    json_t *root = NULL, *knowledge = NULL;
    gad_hash hash, unused;
    if (questions->references < 0 || questions->references > MAX_SHOTS)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%lld templates; 0 to %d are possible",
                             (long long)questions->references, MAX_SHOTS);
    char *path = gad_file_join(questions->mmad, "mmad.json");
    gad_status status = path ? load_object(path, &root, &hash, err) : gad_error_memory(err, operation, 0);
    if (!status && questions->knowledge_file)
        status = load_object(questions->knowledge_file, &knowledge, &unused, err);
    if (!status) {
        reader r = {.questions = questions, .knowledge = knowledge, .path = path, .items = items, .report = &counts};
        gad_hash_text(hash, counts.hash);
        status = walk(&r, root, err);
    }
    if (!status)
        status = gad_subset_draw(items, questions->limit, questions->seed, err);
    counts.questions = (int64_t)items->count;
    json_decref(root);
    json_decref(knowledge);
    gad_memory_free(path);
    if (status)
        gad_item_free(items);
    else
        *report = counts;
    return status;
}
