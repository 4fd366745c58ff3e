/* source_samples: see source_samples.h */
#include "train/source_samples.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "data/store.h"

static const char operation[] = "read training samples";
enum { MAX_REFERENCES = 8, MAX_BOXES = 64 };

typedef struct entry {
    gad_sample sample;
    char *root;
    size_t class_index;
} entry;

/* The anomaly types that occur in a class; names belong to the samples. */
typedef struct class_types {
    const char *dataset, *name;
    const char **type;
    size_t count, capacity;
} class_types;

struct gad_source_samples {
    const gad_example_maker *maker;
    gad_source_filter filter;
    entry *item;
    size_t count, capacity;
    class_types *class_of; /* only when questions name types */
    size_t classes, class_capacity;
};

/* ---- reading samples ----------------------------------------------------------------------------------------------- */

/* Takes over the sample. */
static gad_status add_sample(gad_source_samples *s, gad_sample *sample, const char *root, gad_error *err)
{
    const char *split = s->filter.split;
    bool wanted = (!split || (sample->split && !strcmp(split, sample->split))) && (!s->filter.with_text || sample->think);
    char *own_root = wanted ? gad_memory_copy_string(root) : NULL;
    if (wanted && own_root && gad_memory_grow((void **)&s->item, &s->capacity, s->count, sizeof *s->item)) {
        s->item[s->count++] = (entry){.sample = *sample, .root = own_root};
        *sample = (gad_sample){0};
        return GAD_OK;
    }
    gad_memory_free(own_root);
    gad_sample_free(sample);
    *sample = (gad_sample){0};
    return wanted ? gad_error_memory(err, operation, sizeof *s->item) : GAD_OK;
}

/* Roots that the file itself states, by dataset. */
typedef struct roots {
    struct {
        char *dataset, *root;
    } * item;
    size_t count, capacity;
} roots;

static gad_status add_root(roots *r, const json_t *line, const char *path, gad_error *err)
{
    const char *name = "", *root = "";
    gad_status status = gad_json_get_string(line, "name", path, "", &name, err);
    if (!status)
        status = gad_json_get_string(line, "root", path, "", &root, err);
    if (status)
        return status;
    if (!gad_memory_grow((void **)&r->item, &r->capacity, r->count, sizeof *r->item))
        return gad_error_memory(err, operation, sizeof *r->item);
    r->item[r->count].dataset = gad_memory_copy_string(name);
    r->item[r->count].root = gad_memory_copy_string(root);
    r->count++;
    return r->item[r->count - 1].dataset && r->item[r->count - 1].root ? GAD_OK
                                                                       : gad_error_memory(err, operation, strlen(root));
}

static const char *root_of(const roots *r, const char *dataset, const char *fallback)
{
    for (size_t i = 0; i < r->count; i++)
        if (dataset && !strcmp(r->item[i].dataset, dataset) && *r->item[i].root)
            return r->item[i].root;
    return fallback;
}

static void free_roots(roots *r)
{
    for (size_t i = 0; i < r->count; i++) {
        gad_memory_free(r->item[i].dataset);
        gad_memory_free(r->item[i].root);
    }
    gad_memory_free(r->item);
}

/* A dataset's line, or a sample's. */
static gad_status read_line(gad_source_samples *s, const json_t *line, const char *path, const char *folder, roots *r,
                            gad_error *err)
{
    const char *schema = json_string_value(json_object_get(line, "schema"));
    if (schema && !strcmp(schema, "mmrad/1-dataset"))
        return add_root(r, line, path, err);
    gad_sample sample = {0};
    gad_status status = gad_sample_from_json(line, path, &sample, err);
    if (status)
        return status;
    const char *root = s->filter.root ? s->filter.root : root_of(r, sample.dataset, folder);
    return add_sample(s, &sample, root, err);
}

/* `folder`: where paths start when neither the filter nor the file says so. */
static gad_status read_lines(gad_source_samples *s, const char *path, const char *folder, gad_error *err)
{
    roots stated = {0};
    gad_json_lines lines;
    json_t *line = NULL;
    gad_status status = gad_json_lines_open(&lines, path, err);
    while (!status && !(status = gad_json_lines_next(&lines, &line, err)) && line) {
        status = read_line(s, line, path, folder, &stated, err);
        json_decref(line);
        if (status)
            gad_error_context(err, status, "line %lld", (long long)lines.number);
    }
    free_roots(&stated);
    gad_json_lines_close(&lines);
    return status;
}

static gad_status read_store(gad_source_samples *s, const char *path, gad_error *err)
{
    gad_store *store = NULL;
    gad_store_cursor *cursor = NULL;
    gad_store_filter filter = {0};
    filter.split = s->filter.split;
    filter.with_text = s->filter.with_text;
    gad_status status = gad_store_open(path, GAD_SQLITE_READ, &store, err);
    if (!status)
        status = gad_store_select(store, &filter, &cursor, err);
    for (bool found = true; !status && found;) {
        gad_sample sample = {0};
        char *root = NULL;
        status = gad_store_next(cursor, &sample, &found, err);
        if (!status && found)
            status = gad_store_root(store, sample.dataset, &root, err);
        if (!status && found)
            status = add_sample(s, &sample, root, err);
        gad_memory_free(root);
    }
    gad_store_cursor_free(cursor);
    gad_store_close(store);
    return status;
}

/* ---- what occurs in a class ---------------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

static gad_status find_class(gad_source_samples *s, const gad_sample *sample, size_t *index, gad_error *err)
{
    for (*index = 0; *index < s->classes; ++*index)
        if (same(s->class_of[*index].dataset, sample->dataset) && same(s->class_of[*index].name, sample->class_name))
            return GAD_OK;
    if (!gad_memory_grow((void **)&s->class_of, &s->class_capacity, s->classes, sizeof *s->class_of))
        return gad_error_memory(err, operation, s->classes * sizeof *s->class_of);
    s->class_of[s->classes++] = (class_types){.dataset = sample->dataset, .name = sample->class_name};
    return GAD_OK;
}

static gad_status add_type(class_types *c, const char *type, gad_error *err)
{
    for (size_t i = 0; i < c->count; i++)
        if (same(c->type[i], type))
            return GAD_OK;
    if (!gad_memory_grow((void **)&c->type, &c->capacity, c->count, sizeof *c->type))
        return gad_error_memory(err, operation, c->count * sizeof *c->type);
    c->type[c->count++] = type;
    return GAD_OK;
}

/* As they first occur: the whole list of the class, the same for each of its samples. */
static gad_status collect_types(gad_source_samples *s, gad_error *err)
{
    gad_status status = GAD_OK;
    for (size_t i = 0; i < s->count && !status; i++) {
        entry *e = &s->item[i];
        status = find_class(s, &e->sample, &e->class_index, err);
        for (size_t k = 0; k < e->sample.box_count && !status; k++)
            if (e->sample.boxes[k].label && *e->sample.boxes[k].label)
                status = add_type(&s->class_of[e->class_index], e->sample.boxes[k].label, err);
    }
    return status;
}

gad_status gad_source_samples_open(const gad_example_maker *maker, const char *path, const gad_source_filter *filter,
                                   gad_source_samples **samples, gad_error *err)
{
    gad_source_samples *s = gad_memory_zero(1, sizeof *s);
    char *folder = gad_memory_copy_string(path), *slash = folder ? strrchr(folder, '/') : NULL;
    if (!s || !folder) {
        gad_memory_free(s);
        gad_memory_free(folder);
        return gad_error_memory(err, operation, sizeof *s);
    }
    s->maker = maker;
    s->filter = *filter;
    if (slash)
        *slash = 0;
    bool lines = gad_file_has_extension(path, "jsonl") || gad_file_has_extension(path, "json");
    gad_status status = lines ? read_lines(s, path, slash ? folder : ".", err) : read_store(s, path, err);
    if (!status && !s->count)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "look at it with gad data stats",
                               "%s: holds no sample that is asked for%s%s%s", path, filter->split ? " (split " : "",
                               filter->split ? filter->split : "", filter->split ? ")" : "");
    if (!status && maker->knows)
        status = collect_types(s, err);
    gad_memory_free(folder);
    if (status)
        gad_source_samples_free(s);
    else
        *samples = s;
    return status;
}

void gad_source_samples_free(gad_source_samples *samples)
{
    if (!samples)
        return;
    for (size_t i = 0; i < samples->count; i++) {
        gad_sample_free(&samples->item[i].sample);
        gad_memory_free(samples->item[i].root);
    }
    for (size_t i = 0; i < samples->classes; i++)
        gad_memory_free(samples->class_of[i].type);
    gad_memory_free(samples->class_of);
    gad_memory_free(samples->item);
    gad_memory_free(samples);
}

/* ---- one example --------------------------------------------------------------------------------------------------- */

/* Cut an image or mask to the sample's part of the file. */
static gad_status crop(gad_image *image, const int part[4], gad_error *err)
{
    if (part[2] <= part[0] || part[3] <= part[1])
        return GAD_OK;
    if (part[0] < 0 || part[1] < 0 || part[2] > image->width || part[3] > image->height)
        return gad_error_set(err, GAD_E_FORMAT, operation, "import the dataset again",
                             "the part lies outside of the image");
    gad_image cut;
    gad_status status = gad_image_new(part[2] - part[0], part[3] - part[1], image->channels, &cut, err);
    if (status)
        return status;
    for (int64_t y = 0; y < cut.height; y++)
        memcpy(gad_image_row(&cut, y), gad_image_row(image, y + part[1]) + (size_t)part[0] * (size_t)image->channels,
               gad_image_stride(&cut));
    gad_image_free(image);
    *image = cut;
    return GAD_OK;
}

static gad_status load(const entry *e, const char *name, bool mask, gad_image *image, gad_error *err)
{
    char *path = *name == '/' ? gad_memory_copy_string(name) : gad_file_join(e->root, name);
    if (!path)
        return gad_error_memory(err, operation, strlen(name));
    gad_image_palette palette = e->sample.mask_encoding && !strcmp(e->sample.mask_encoding, "index")
                                    ? GAD_IMAGE_PALETTE_INDEX
                                    : GAD_IMAGE_PALETTE_COLOUR;
    gad_status status = mask ? gad_image_load_mask(path, palette, image, err) : gad_image_load(path, image, err);
    if (!status)
        status = crop(image, e->sample.crop, err);
    gad_memory_free(path);
    return status;
}

/* The mask of an anomalous sample; a normal one has an empty mask, which is known too. */
static gad_status load_mask(const entry *e, const gad_image *image, gad_image *mask, gad_error *err)
{
    const gad_sample *sample = &e->sample;
    if (sample->label && !sample->mask)
        return GAD_OK;
    gad_status status =
        sample->label ? load(e, sample->mask, true, mask, err) : gad_image_new(image->width, image->height, 1, mask, err);
    if (status)
        return status;
    if (mask->width != image->width || mask->height != image->height)
        return gad_error_set(err, GAD_E_FORMAT, operation, "gad data check names such samples",
                             "mask and image differ in size");
    for (int64_t i = 0; i < mask->width * mask->height; i++)
        mask->pixels[i] = sample->label && mask->pixels[i] > sample->mask_threshold;
    return GAD_OK;
}

static gad_status get(void *user, int64_t index, gad_example *example, gad_error *err)
{
    const gad_source_samples *s = user;
    const entry *e = &s->item[index];
    const gad_sample *sample = &e->sample;
    gad_image image[MAX_REFERENCES + 1] = {0}, mask = {0};
    gad_example_truth box[MAX_BOXES];
    int references = (int)sample->reference_count, most = s->filter.references;
    most = most < MAX_REFERENCES ? most : MAX_REFERENCES;
    references = references < most ? references : most;
    size_t boxes = sample->box_count < MAX_BOXES ? sample->box_count : MAX_BOXES;
    gad_status status = GAD_OK;
    for (int i = 0; i <= references && !status; i++)
        status = load(e, i < references ? sample->references[i].path : sample->image, false, &image[i], err);
    if (!status)
        status = load_mask(e, &image[references], &mask, err);
    for (size_t i = 0; i < boxes; i++) {
        const gad_sample_box *b = &sample->boxes[i];
        box[i] = (gad_example_truth){.box = b->box, .label = b->label};
    }
    gad_example_content content = {.image = image,
                                   .count = references + 1,
                                   .mask = mask.pixels,
                                   .anomalous = sample->label != 0,
                                   .box = box,
                                   .box_count = boxes,
                                   .class_name = sample->class_text ? sample->class_text : sample->class_name,
                                   .think = sample->think};
    if (s->classes) {
        content.knowledge = s->class_of[e->class_index].type;
        content.knowledge_count = s->class_of[e->class_index].count;
    }
    if (!status)
        status = gad_example_maker_run(s->maker, &content, example, err);
    for (int i = 0; i <= references; i++)
        gad_image_free(&image[i]);
    gad_image_free(&mask);
    return status ? gad_error_context(err, status, "%s", sample->id ? sample->id : "sample") : GAD_OK;
}

gad_source gad_source_samples_source(gad_source_samples *samples)
{
    return (gad_source){(int64_t)samples->count, get, samples};
}
