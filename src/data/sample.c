/* sample: see sample.h */
#include "data/sample.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PX = 1 << 24 }; /* of a side */

static void free_box(gad_sample_box *box)
{
    gad_memory_free(box->label);
    gad_memory_free(box->track);
}

void gad_sample_clear_references(gad_sample *s)
{
    for (size_t i = 0; i < s->reference_count; i++)
        gad_memory_free(s->references[i].path);
    gad_memory_free(s->references);
    s->references = NULL;
    s->reference_count = 0;
}

void gad_sample_free(gad_sample *s)
{
    char *strings[] = {s->id,
                       s->dataset,
                       s->class_name,
                       s->class_text,
                       s->split,
                       s->group,
                       s->image,
                       s->mask,
                       s->mask_encoding,
                       s->box_rule,
                       s->reference_method,
                       s->think,
                       s->text_source,
                       s->text_status,
                       s->text_model,
                       s->license,
                       s->source_url,
                       s->meta};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        gad_memory_free(strings[i]);
    for (size_t i = 0; i < s->box_count; i++)
        free_box(&s->boxes[i]);
    for (size_t i = 0; i < s->type_count; i++)
        gad_memory_free(s->types[i]);
    gad_memory_free(s->boxes);
    gad_memory_free(s->types);
    gad_sample_clear_references(s);
    *s = (gad_sample){.view = -1};
}

bool gad_sample_set(char **field, const char *value)
{
    char *copy = value ? gad_memory_copy_string(value) : NULL;
    if (value && !copy)
        return false;
    gad_memory_free(*field);
    *field = copy;
    return true;
}

bool gad_sample_add_box(gad_sample *s, gad_box box, const char *label, const char *source)
{
    gad_sample_box *grown = gad_memory_resize(s->boxes, s->box_count + 1, sizeof *grown);
    if (!grown)
        return false;
    s->boxes = grown;
    gad_sample_box added = {.box = box, .label = gad_memory_copy_string(label)};
    if (!added.label)
        return false;
    strncpy(added.source, source, sizeof added.source - 1);
    s->boxes[s->box_count++] = added;
    return true;
}

bool gad_sample_add_reference(gad_sample *s, const char *path, const char *hash, double score)
{
    gad_sample_reference *grown = gad_memory_resize(s->references, s->reference_count + 1, sizeof *grown);
    if (!grown)
        return false;
    s->references = grown;
    gad_sample_reference reference = {.path = gad_memory_copy_string(path), .score = score};
    if (!reference.path)
        return false;
    strncpy(reference.hash, hash ? hash : "", sizeof reference.hash - 1);
    s->references[s->reference_count++] = reference;
    return true;
}

bool gad_sample_add_type(gad_sample *s, const char *name)
{
    for (size_t i = 0; i < s->type_count; i++)
        if (strcmp(s->types[i], name) == 0)
            return true;
    char **grown = gad_memory_resize(s->types, s->type_count + 1, sizeof *grown);
    if (!grown)
        return false;
    s->types = grown;
    char *copy = gad_memory_copy_string(name);
    if (!copy)
        return false;
    s->types[s->type_count++] = copy;
    return true;
}

static int compare_boxes(const void *a, const void *b)
{
    const gad_sample_box *p = a, *q = b;
    int order = gad_box_compare(p->box, q->box);
    return order ? order : strcmp(p->label, q->label);
}

bool gad_sample_settle(gad_sample *s)
{
    if (!s->box_count)
        return true;
    qsort(s->boxes, s->box_count, sizeof *s->boxes, compare_boxes);
    for (size_t i = 0; i < s->type_count; i++)
        gad_memory_free(s->types[i]);
    s->type_count = 0;
    for (size_t i = 0; i < s->box_count; i++)
        if (!gad_sample_add_type(s, s->boxes[i].label))
            return false;
    return true;
}

void gad_sample_normalise(char *label)
{
    char *out = label;
    for (const char *in = label; *in; in++) {
        char c = *in >= 'A' && *in <= 'Z' ? (char)(*in - 'A' + 'a') : *in;
        if (c == '_' || c == '-' || c == '\t')
            c = ' ';
        if (c == ' ' && (out == label || out[-1] == ' '))
            continue;
        *out++ = c;
    }
    while (out > label && out[-1] == ' ')
        out--;
    *out = 0;
}

static void add_string(gad_string *s, const char *key, const char *value)
{
    gad_string_addf(s, "\"%s\":", key);
    if (value)
        gad_string_add_json(s, value);
    else
        gad_string_add(s, "null");
    gad_string_add(s, ",");
}

static void add_boxes(const gad_sample *sample, gad_string *s)
{
    double pixels = (double)sample->width * sample->height;
    gad_string_add(s, "\"boxes\":[");
    for (size_t i = 0; i < sample->box_count; i++) {
        const gad_sample_box *b = &sample->boxes[i];
        double area = gad_box_area(b->box);
        gad_string_addf(s, "%s{\"box\":[%.0f,%.0f,%.0f,%.0f],\"label\":", i ? "," : "", b->box.x1, b->box.y1, b->box.x2,
                        b->box.y2);
        gad_string_add_json(s, b->label);
        gad_string_add(s, ",\"source\":");
        gad_string_add_json(s, b->source);
        gad_string_addf(s, ",\"area\":%lld,\"area_frac\":%.6g", (long long)b->area, pixels > 0 ? area / pixels : 0);
        if (b->rotation != 0 && isfinite(b->rotation))
            gad_string_addf(s, ",\"rotation\":%.9g", b->rotation);
        if (b->track) {
            gad_string_add(s, ",\"track_id\":");
            gad_string_add_json(s, b->track);
        }
        gad_string_add(s, ",\"iscrowd\":0}");
    }
    gad_string_add(s, "],");
}

static void add_references(const gad_sample *sample, gad_string *s)
{
    gad_string_add(s, "\"references\":[");
    for (size_t i = 0; i < sample->reference_count; i++) {
        const gad_sample_reference *r = &sample->references[i];
        gad_string_add(s, i ? ",{\"path\":" : "{\"path\":");
        gad_string_add_json(s, r->path);
        gad_string_add(s, ",\"hash\":");
        gad_string_add_json(s, r->hash);
        gad_string_addf(s, ",\"score\":%.17g,\"rank\":%zu}", isfinite(r->score) ? r->score : 0, i);
    }
    gad_string_add(s, "],");
}

gad_status gad_sample_to_json(const gad_sample *sample, gad_string *s, gad_error *err)
{
    gad_string_add(s, "{\"schema\":\"mmrad/1\",");
    add_string(s, "id", sample->id);
    add_string(s, "dataset", sample->dataset);
    add_string(s, "class", sample->class_name);
    add_string(s, "class_text", sample->class_text);
    add_string(s, "split", sample->split);
    add_string(s, "group", sample->group);
    gad_string_addf(s, "\"label\":%d,\"type\":[", sample->label);
    for (size_t i = 0; i < sample->type_count; i++) {
        gad_string_add(s, i ? "," : "");
        gad_string_add_json(s, sample->types[i]);
    }
    gad_string_add(s, "],\"image\":{\"path\":");
    gad_string_add_json(s, sample->image ? sample->image : "");
    gad_string_addf(s, ",\"width\":%d,\"height\":%d,", sample->width, sample->height);
    add_string(s, "hash", sample->hash);
    gad_string_addf(s, sample->view < 0 ? "\"view\":null," : "\"view\":%d,", sample->view);
    const int *c = sample->crop;
    if (c[2] > c[0])
        gad_string_addf(s, "\"crop\":[%d,%d,%d,%d]},", c[0], c[1], c[2], c[3]);
    else
        gad_string_add(s, "\"crop\":null},");
    gad_string_add(s, "\"mask\":");
    if (sample->mask) {
        gad_string_add(s, "{");
        add_string(s, "path", sample->mask);
        add_string(s, "encoding", sample->mask_encoding);
        gad_string_addf(s, "\"threshold\":%d},", sample->mask_threshold);
    } else {
        gad_string_add(s, "null,");
    }
    add_string(s, "box_rule", sample->box_rule);
    add_boxes(sample, s);
    add_references(sample, s);
    add_string(s, "reference_method", sample->reference_method);
    add_string(s, "think", sample->think);
    add_string(s, "text_source", sample->text_source);
    add_string(s, "text_status", sample->text_status);
    add_string(s, "text_model", sample->text_model);
    add_string(s, "license", sample->license);
    add_string(s, "source_url", sample->source_url);
    gad_string_addf(s, "\"meta\":%s}", sample->meta ? sample->meta : "{}");
    return s->failed ? gad_error_memory(err, "write a sample", s->length) : GAD_OK;
}

/* ---- reading ---- */

typedef struct reader {
    const json_t *object;
    const char *name;
    gad_error *err;
    gad_status status; /* the first failure; later calls do nothing */
} reader;

static void read_string(reader *r, const json_t *object, const char *key, char **field)
{
    const char *value = NULL;
    if (r->status)
        return;
    r->status = gad_json_get_string(object, key, r->name, NULL, &value, r->err);
    if (!r->status && !gad_sample_set(field, value))
        r->status = gad_error_memory(r->err, "read a sample", 0);
}

static void read_int(reader *r, const json_t *object, const char *key, int64_t low, int64_t high, int fallback, int *field)
{
    int64_t value = 0;
    if (r->status)
        return;
    r->status = gad_json_get_int(object, key, r->name, fallback, &value, r->err);
    if (!r->status && (value < low || value > high))
        r->status = gad_error_set(r->err, GAD_E_FORMAT, "read a sample", NULL, "%s: \"%s\" is %lld", r->name, key,
                                  (long long)value);
    if (!r->status)
        *field = (int)value;
}

static void read_hash(reader *r, const json_t *object, char hash[33])
{
    const char *value = NULL;
    if (r->status)
        return;
    r->status = gad_json_get_string(object, "hash", r->name, "", &value, r->err);
    if (r->status)
        return;
    if (strlen(value) > 32)
        r->status = gad_error_set(r->err, GAD_E_FORMAT, "read a sample", NULL, "%s: \"hash\" has %zu characters", r->name,
                                  strlen(value));
    else
        strcpy(hash, value);
}

/* Four whole numbers; an absent or null member leaves them. */
static void read_four(reader *r, const json_t *object, const char *key, int value[4])
{
    const json_t *list = json_object_get(object, key);
    if (r->status || !list || json_is_null(list))
        return;
    bool good = json_array_size(list) == 4;
    for (size_t i = 0; i < 4 && good; i++) {
        const json_t *n = json_array_get(list, i);
        good = json_is_integer(n) && json_integer_value(n) >= 0 && json_integer_value(n) <= MOST_PX;
        value[i] = good ? (int)json_integer_value(n) : 0;
    }
    if (!good)
        r->status = gad_error_set(r->err, GAD_E_FORMAT, "read a sample", NULL, "%s: \"%s\" is not four whole numbers",
                                  r->name, key);
}

static void read_boxes(reader *r, gad_sample *s)
{
    size_t i;
    const json_t *item, *list = json_object_get(r->object, "boxes");
    json_array_foreach (list, i, item) {
        int b[4] = {0};
        const char *label = NULL, *source = NULL;
        int64_t area = 0;
        if (r->status)
            return;
        read_four(r, item, "box", b);
        if (!r->status)
            r->status = gad_json_get_string(item, "label", r->name, "anomaly", &label, r->err);
        if (!r->status)
            r->status = gad_json_get_string(item, "source", r->name, "import", &source, r->err);
        if (!r->status)
            r->status = gad_json_get_int(item, "area", r->name, 0, &area, r->err);
        if (!r->status && (b[2] <= b[0] || b[3] <= b[1]))
            r->status = gad_error_set(r->err, GAD_E_FORMAT, "read a sample", NULL, "%s: box %zu [%d,%d,%d,%d] has no area",
                                      r->name, i, b[0], b[1], b[2], b[3]);
        if (r->status)
            return;
        if (!gad_sample_add_box(s, (gad_box){b[0], b[1], b[2], b[3]}, label, source)) {
            r->status = gad_error_memory(r->err, "read a sample", 0);
            return;
        }
        s->boxes[i].area = area;
        r->status = gad_json_get_number(item, "rotation", r->name, 0, &s->boxes[i].rotation, r->err);
        read_string(r, item, "track_id", &s->boxes[i].track);
    }
}

static void read_references(reader *r, gad_sample *s)
{
    size_t i;
    const json_t *item, *list = json_object_get(r->object, "references");
    json_array_foreach (list, i, item) {
        const char *path = NULL;
        double score = 0;
        if (!r->status)
            r->status = gad_json_get_string(item, "path", r->name, "", &path, r->err);
        if (!r->status)
            r->status = gad_json_get_number(item, "score", r->name, 0, &score, r->err);
        if (!r->status && !gad_sample_add_reference(s, path, NULL, score))
            r->status = gad_error_memory(r->err, "read a sample", 0);
        if (!r->status)
            read_hash(r, item, s->references[i].hash);
        if (r->status)
            return;
    }
}

static void read_types(reader *r, gad_sample *s)
{
    size_t i;
    const json_t *item, *list = json_object_get(r->object, "type");
    json_array_foreach (list, i, item) {
        if (!r->status && !json_is_string(item))
            r->status =
                gad_error_set(r->err, GAD_E_FORMAT, "read a sample", NULL, "%s: \"type\" is not a list of words", r->name);
        if (!r->status && !gad_sample_add_type(s, json_string_value(item)))
            r->status = gad_error_memory(r->err, "read a sample", 0);
    }
}

static void read_texts(reader *r, gad_sample *s)
{
    const struct {
        const char *key;
        char **field;
    } strings[] = {{"id", &s->id},
                   {"dataset", &s->dataset},
                   {"class", &s->class_name},
                   {"class_text", &s->class_text},
                   {"split", &s->split},
                   {"group", &s->group},
                   {"box_rule", &s->box_rule},
                   {"reference_method", &s->reference_method},
                   {"think", &s->think},
                   {"text_source", &s->text_source},
                   {"text_status", &s->text_status},
                   {"text_model", &s->text_model},
                   {"license", &s->license},
                   {"source_url", &s->source_url}};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        read_string(r, r->object, strings[i].key, strings[i].field);
    const json_t *meta = json_object_get(r->object, "meta");
    if (r->status || !json_is_object(meta) || json_object_size(meta) == 0)
        return;
    char *text = json_dumps(meta, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text || !gad_sample_set(&s->meta, text))
        r->status = gad_error_memory(r->err, "read a sample", 0);
    free(text); /* jansson's own memory */
}

/* ---- rules ---- */

static const char reading[] = "read a sample";

/* Ids and paths name files of an export: "dataset/class/split/type/rest", and nothing leaves its folder. */
static gad_status check_names(const gad_sample *s, const char *name, gad_error *err)
{
    const char *names[3] = {s->dataset, s->class_name, s->id}, *rest = s->id;
    size_t d = strlen(s->dataset), c = strlen(s->class_name);
    bool good = strncmp(rest, s->dataset, d) == 0 && rest[d] == '/' && strncmp(rest + d + 1, s->class_name, c) == 0 &&
                rest[d + 1 + c] == '/' && !strchr(s->dataset, '/');
    rest = good ? strchr(rest + d + c + 2, '/') : NULL; /* behind the split */
    rest = rest ? strchr(rest + 1, '/') : NULL;         /* behind the type */
    if (!rest)
        return gad_error_set(err, GAD_E_FORMAT, reading, "an id is DATASET/CLASS/SPLIT/TYPE/NAME",
                             "%s: the id \"%.200s\" is none of %.100s/%.100s", name, s->id, s->dataset, s->class_name);
    for (int i = 0; i < 3; i++)
        if (!gad_file_stays_inside(names[i]))
            return gad_error_set(err, GAD_E_FORMAT, reading, NULL, "%s: \"%.300s\" is no name for a folder", name,
                                 names[i]);
    return GAD_OK;
}

static gad_status check_paths(const gad_sample *s, const char *name, gad_error *err)
{
    for (size_t i = 0; i < s->reference_count + 2; i++) {
        const char *path = i == 0 ? s->image : i == 1 ? s->mask : s->references[i - 2].path;
        if (path && !gad_file_stays_inside(path))
            return gad_error_set(err, GAD_E_FORMAT, reading, "paths are relative to the dataset's root",
                                 "%s: \"%.300s\" is not a path inside the data set", name, path);
    }
    return GAD_OK;
}

static bool is_crop(const int crop[4])
{
    bool whole = !crop[0] && !crop[1] && !crop[2] && !crop[3];
    return whole || (crop[0] >= 0 && crop[1] >= 0 && crop[0] < crop[2] && crop[1] < crop[3] && crop[2] <= MOST_PX &&
                     crop[3] <= MOST_PX);
}

static gad_status check_numbers(const gad_sample *s, const char *name, gad_error *err)
{
    if (s->width < 0 || s->width > MOST_PX || s->height < 0 || s->height > MOST_PX || !is_crop(s->crop) || s->view < -1 ||
        (s->label != 0 && s->label != 1) || s->mask_threshold < 0 || s->mask_threshold > 255)
        return gad_error_set(err, GAD_E_FORMAT, reading, NULL,
                             "%s: its size, crop, view, label or threshold makes no sense", name);
    for (size_t i = 0; i < s->box_count; i++) {
        const gad_box b = s->boxes[i].box;
        if (b.x1 < 0 || b.y1 < 0 || !gad_box_valid(b) || b.x2 > MOST_PX || b.y2 > MOST_PX)
            return gad_error_set(err, GAD_E_FORMAT, reading, NULL, "%s: box %zu [%.0f,%.0f,%.0f,%.0f] has no area", name, i,
                                 b.x1, b.y1, b.x2, b.y2);
    }
    return GAD_OK;
}

/* Is the text an object of JSON? It stands in lines as it is. */
static bool is_object(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    bool good = json_is_object(value);
    json_decref(value);
    return good;
}

gad_status gad_sample_check(const gad_sample *s, const char *name, gad_error *err)
{
    if (!s->id || !s->dataset || !s->class_name || !s->split || !s->image)
        return gad_error_set(err, GAD_E_FORMAT, reading, NULL, "%s: one of id, dataset, class, split, image.path is absent",
                             name);
    gad_status status = check_names(s, name, err);
    if (!status)
        status = check_paths(s, name, err);
    if (!status)
        status = check_numbers(s, name, err);
    if (!status && s->meta && !is_object(s->meta))
        status = gad_error_set(err, GAD_E_FORMAT, reading, NULL, "%s: \"meta\" is no object", name);
    return status;
}

gad_status gad_sample_from_json(const json_t *object, const char *name, gad_sample *out, gad_error *err)
{
    reader r = {.object = object, .name = name, .err = err, .status = GAD_OK};
    gad_sample s = {.view = -1};
    const char *schema = NULL;
    if (!json_is_object(object))
        return gad_error_set(err, GAD_E_FORMAT, "read a sample", NULL, "%s: not an object", name);
    r.status = gad_json_get_string(object, "schema", name, "", &schema, err);
    if (!r.status && strcmp(schema, "mmrad/1") != 0)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "read a sample", "the key \"schema\" must be \"mmrad/1\"",
                             "%s: schema \"%s\"", name, schema);
    read_texts(&r, &s);
    read_types(&r, &s);
    read_int(&r, object, "label", 0, 1, 0, &s.label);
    const json_t *image = json_object_get(object, "image"), *mask = json_object_get(object, "mask");
    read_string(&r, image, "path", &s.image);
    read_int(&r, image, "width", 0, MOST_PX, 0, &s.width);
    read_int(&r, image, "height", 0, MOST_PX, 0, &s.height);
    read_int(&r, image, "view", -1, 1 << 20, -1, &s.view);
    if (!r.status && json_is_object(image)) {
        read_hash(&r, image, s.hash);
        read_four(&r, image, "crop", s.crop);
    }
    if (json_is_object(mask)) {
        read_string(&r, mask, "path", &s.mask);
        read_string(&r, mask, "encoding", &s.mask_encoding);
        read_int(&r, mask, "threshold", 0, 255, 0, &s.mask_threshold);
    }
    if (!r.status)
        read_boxes(&r, &s);
    if (!r.status)
        read_references(&r, &s);
    if (!r.status)
        r.status = gad_sample_check(&s, name, err);
    if (r.status) {
        gad_sample_free(&s);
        return r.status;
    }
    *out = s;
    return GAD_OK;
}

bool gad_sample_says_normal(const char *word)
{
    static const char *const words[] = {"good",      "ok",         "okay",        "normal", "pass", "passed", "good parts",
                                        "no defect", "no anomaly", "defect free", "io",     "gut",  "none"};
    char plain[64];
    snprintf(plain, sizeof plain, "%s", word);
    gad_sample_normalise(plain);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], plain) == 0)
            return true;
    return false;
}
