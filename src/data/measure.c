/* measure: see measure.h */
#include "data/measure.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "io/image.h"
#include "io/resize.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct job {
    const gad_import_settings *settings;
    const gad_mask_rule *rule;
    const gad_import_entry *entry;
    gad_measure_result *result;
    int width, height; /* of the file */
    int turned;        /* EXIF orientation, when the annotation means the picture as it is stored; else 0 */
    char hash[33];
} job;

__attribute__((format(printf, 4, 5))) static void note(job *j, gad_import_problem problem, const char *path,
                                                       const char *format, ...)
{
    gad_measure_result *r = j->result;
    if (r->note_count == GAD_MEASURE_NOTES)
        return;
    gad_measure_note *n = &r->notes[r->note_count++];
    n->problem = problem;
    snprintf(n->path, sizeof n->path, "%s", path);
    va_list args;
    va_start(args, format);
    vsnprintf(n->text, sizeof n->text, format, args);
    va_end(args);
}

static void out_of_memory(job *j)
{
    j->result->status = GAD_E_MEMORY;
}

/* One component of an id: what is no name of a folder becomes one. */
static void add_component(gad_string *id, const char *text, size_t length, bool last)
{
    size_t before = id->length;
    for (size_t i = 0; i < length; i++)
        gad_string_append(id, text[i] == '/' ? "_" : text + i, 1);
    if (!id->failed && !gad_file_stays_inside(gad_string_text(id) + before))
        gad_string_add(id, "_"); /* "_", "._", ".._" */
    gad_string_add(id, last ? "" : "/");
}

/* "class/split/type/stem", with characters that ids cannot have replaced. */
static bool make_id(const job *j, int view, gad_sample *s)
{
    const gad_import_entry *e = j->entry;
    gad_string id = {0};
    const char *name = gad_file_name(e->image), *extension = gad_file_extension(e->image);
    size_t stem = strlen(name) - strlen(extension) - (extension[0] ? 1 : 0);
    char type[128];
    gad_string_cut(type, sizeof type, e->type ? e->type : "good");
    for (char *c = type; *c; c++)
        *c = *c == '/' || *c == ' ' ? '_' : *c;
    gad_string_addf(&id, "%s/%s/", j->settings->dataset, e->class_name);
    add_component(&id, e->split, strlen(e->split), false);
    add_component(&id, type, strlen(type), false);
    /* Two folders of one class can hold equal names: the folder between is part of the id where there is one more. */
    const char *slash = strrchr(e->image, '/');
    if (slash) {
        const char *start = slash;
        while (start > e->image && start[-1] != '/')
            start--;
        if (strncmp(start, type, strlen(type)) != 0)
            gad_string_addf(&id, "%.*s/", (int)(slash - start), start);
    }
    add_component(&id, name, stem, true);
    if (view >= 0)
        gad_string_addf(&id, "#%d", view);
    bool good = !id.failed && gad_sample_set(&s->id, id.data);
    gad_string_free(&id);
    return good;
}

static bool fill_texts(const job *j, gad_sample *s)
{
    const gad_import_entry *e = j->entry;
    const char *dataset = j->settings->dataset, *split = e->split;
    char text[128];
    if (e->class_text) {
        gad_string_cut(text, sizeof text, e->class_text);
    } else {
        gad_string_cut(text, sizeof text, e->class_name);
        gad_sample_normalise(text);
    }
    if (j->settings->benchmark) /* its train normals serve as references only */
        split = strcmp(split, "train") == 0 && !e->type ? "reference" : "benchmark";
    return gad_sample_set(&s->dataset, dataset) && gad_sample_set(&s->class_name, e->class_name) &&
           gad_sample_set(&s->class_text, text) && gad_sample_set(&s->split, split) &&
           gad_sample_set(&s->group, e->group ? e->group : s->id) && gad_sample_set(&s->image, e->image) &&
           gad_sample_set(&s->license, e->license ? e->license : j->settings->license) &&
           gad_sample_set(&s->source_url, e->source_url ? e->source_url : j->settings->source_url) &&
           gad_sample_set(&s->meta, e->meta) && gad_sample_set(&s->reference_method, e->reference_method) &&
           gad_sample_set(&s->think, e->think) && gad_sample_set(&s->text_source, e->think ? e->text_source : NULL) &&
           gad_sample_set(&s->text_status, e->think ? "accepted" : NULL);
}

/* The name of the anomaly in an image as a label. */
static void type_label(const char *type, char *label, size_t size_bytes)
{
    gad_string_cut(label, size_bytes, type);
    gad_sample_normalise(label);
}

/* Boxes of one plane of a mask (width x height of the crop). */
static void boxes_of(job *j, gad_sample *s, const unsigned char *plane, int width, int height, const char *label)
{
    gad_mask_box boxes[GAD_MASK_BOX_LIMIT];
    int count = 0;
    bool reduced = false;
    char name[128];
    type_label(label, name, sizeof name);
    if (gad_mask_boxes(plane, width, height, j->rule, boxes, &count, &reduced, NULL)) {
        out_of_memory(j);
        return;
    }
    j->result->reduced += reduced;
    for (int i = 0; i < count; i++) {
        if (!gad_sample_add_box(s, boxes[i].box, name, "mask")) {
            out_of_memory(j);
            return;
        }
        s->boxes[s->box_count - 1].area = boxes[i].area;
    }
}

/* Which values a mask holds inside a crop, and what does not fit the encoding. */
static void check_values(job *j, const char *path, const gad_image *mask, int64_t counts[256])
{
    memset(counts, 0, 256 * sizeof *counts);
    int64_t pixels = mask->width * mask->height, i = 0;
    for (uint64_t eight; i + 8 <= pixels; i += 8) { /* masks are mostly even */
        memcpy(&eight, mask->pixels + i, 8);
        if (eight == 0 || eight == UINT64_MAX)
            counts[eight & 255] += 8;
        else
            for (int k = 0; k < 8; k++)
                counts[mask->pixels[i + k]]++;
    }
    for (; i < pixels; i++)
        counts[mask->pixels[i]]++;
    const gad_import_entry *e = j->entry;
    if (e->encoding == GAD_IMPORT_BINARY && !e->soft_mask) {
        int64_t odd = pixels - counts[0] - counts[1] - counts[255];
        int64_t set = pixels - counts[0];
        if (odd * 50 > set && odd > 16)
            note(j, GAD_IMPORT_MASK_VALUES, path,
                 "%lld of %lld set pixels are neither 1 nor 255; everything over %d counts as defect", (long long)odd,
                 (long long)set, e->threshold);
    }
}

/* From which value on a binary mask is set: as the data set says, but masks that hold nothing above it are drawn with small
 * values (0 and 1, classes 1 to n, 16 bits of 0 and 255): each of a few, else from half of the largest on. */
static int threshold_of(const gad_import_entry *e, const int64_t counts[256])
{
    enum { FEW = 8 };
    int values = 0, largest = 0;
    for (int v = 1; v < 256; v++)
        if (counts[v]) {
            values++;
            largest = v;
        }
    return !e->any_mask_values || largest > e->threshold ? e->threshold : values <= FEW ? 0 : largest / 2;
}

/* Read a mask and bring it to the image's size. False: noted. */
static bool load_mask(job *j, const char *relative, gad_image *mask)
{
    gad_error err;
    char *path = gad_file_join(j->settings->folder, relative);
    if (!path) {
        out_of_memory(j);
        return false;
    }
    bool there = gad_file_exists(path);
    gad_image_palette palette = j->entry->encoding == GAD_IMPORT_INDEX ? GAD_IMAGE_PALETTE_INDEX : GAD_IMAGE_PALETTE_COLOUR;
    gad_status status = there ? gad_image_load_mask(path, palette, mask, &err) : GAD_E_IO;
    gad_memory_free(path);
    if (!there)
        note(j, GAD_IMPORT_MISSING_MASK, relative, "no such file; it belongs to %s", j->entry->image);
    else if (status == GAD_E_MEMORY)
        out_of_memory(j);
    else if (status)
        note(j, GAD_IMPORT_UNREADABLE_MASK, relative, "%.200s", err.cause);
    if (status)
        return false;
    if (mask->width == j->width && mask->height == j->height)
        return true;
    note(j, GAD_IMPORT_MASK_SIZE, relative, "%lld x %lld, but %s is %d x %d; the mask was resized", (long long)mask->width,
         (long long)mask->height, j->entry->image, j->width, j->height);
    gad_image resized = {0};
    status = gad_resize_nearest(mask, j->width, j->height, &resized, NULL);
    gad_image_free(mask);
    *mask = resized;
    if (status)
        out_of_memory(j);
    return !status;
}

/* Copy the crop's columns of a mask through a test of values. */
static void cut_plane(const gad_image *mask, const gad_sample *s, int low, int high, unsigned char *plane)
{
    int x0 = s->crop[2] > s->crop[0] ? s->crop[0] : 0, y0 = s->crop[2] > s->crop[0] ? s->crop[1] : 0;
    int width = s->width, height = s->height;
    unsigned char first = (unsigned char)low, span = (unsigned char)(high - low);
    if (low > high) {
        memset(plane, 0, (size_t)width * (size_t)height);
        return;
    }
    for (int y = 0; y < height; y++) {
        const uint8_t *restrict from = mask->pixels + (int64_t)(y + y0) * mask->width + x0;
        unsigned char *restrict to = plane + (size_t)y * (size_t)width;
        for (int x = 0; x < width; x++) /* one comparison in bytes: it runs in vectors */
            to[x] = (unsigned char)(from[x] - first) <= span;
    }
}

/* Add the boxes that one mask file gives to one sample. Returns whether any pixel was set. */
static bool apply_mask(job *j, gad_sample *s, const char *relative, const gad_image *mask, const int64_t counts[256],
                       unsigned char *plane)
{
    const gad_import_entry *e = j->entry;
    size_t before = s->box_count;
    if (e->encoding == GAD_IMPORT_BINARY) {
        cut_plane(mask, s, threshold_of(e, counts) + 1, 255, plane);
        boxes_of(j, s, plane, s->width, s->height, e->type ? e->type : "anomaly");
    } else if (e->encoding == GAD_IMPORT_INDEX) {
        int known = 0;
        while (e->names && e->names[known])
            known++;
        for (int v = 1; v < 256; v++) {
            if (!counts[v])
                continue;
            if (v > known)
                note(j, GAD_IMPORT_MASK_VALUES, relative, "value %d has no name (1 to %d have)", v, known);
            cut_plane(mask, s, v, v, plane);
            boxes_of(j, s, plane, s->width, s->height, v <= known ? e->names[v - 1] : "other");
        }
    } else {
        int value = 0;
        for (int v = 255; v > 0; v--)
            value = counts[v] ? v : value;
        const char *name = NULL;
        for (int i = 0; i < e->value_count; i++)
            name = e->values[i].value == value ? e->values[i].name : name;
        if (!name && value)
            note(j, GAD_IMPORT_MASK_VALUES, relative, "value %d is not in the list of defects", value);
        cut_plane(mask, s, 1, 255, plane);
        boxes_of(j, s, plane, s->width, s->height, name ? name : e->type ? e->type : "anomaly");
    }
    return s->box_count > before;
}

static void apply_masks(job *j)
{
    const gad_import_entry *e = j->entry;
    gad_measure_result *r = j->result;
    unsigned char *plane = gad_memory_alloc((size_t)j->width * (size_t)j->height, 1);
    char rule[160];
    bool any = false, all_read = true;
    gad_mask_rule_text(j->rule, rule, sizeof rule);
    static const char *const words[] = {"binary", "index", "loco"};
    for (int m = 0; e->masks[m] && plane && !r->status; m++) {
        gad_image mask = {0};
        int64_t counts[256];
        if (!load_mask(j, e->masks[m], &mask)) {
            all_read = false;
            continue;
        }
        check_values(j, e->masks[m], &mask, counts);
        for (int i = 0; i < r->count; i++) {
            gad_sample *s = &r->samples[i];
            any = apply_mask(j, s, e->masks[m], &mask, counts, plane) || any;
            s->mask_threshold = e->encoding == GAD_IMPORT_BINARY ? threshold_of(e, counts) : 0;
            if (!s->mask && !(gad_sample_set(&s->mask, e->masks[m]) &&
                              gad_sample_set(&s->mask_encoding, words[e->encoding]) && gad_sample_set(&s->box_rule, rule)))
                out_of_memory(j);
        }
        gad_image_free(&mask);
    }
    if (!plane)
        out_of_memory(j);
    gad_memory_free(plane);
    if (e->type && !any && all_read)
        note(j, GAD_IMPORT_EMPTY_MASK, e->masks[0], "no pixel is set, but %s is in %s", e->image, e->type);
    if (!e->type && any && e->strips < 2)
        note(j, GAD_IMPORT_MASK_VALUES, e->masks[0], "a normal image whose mask is not empty: %s", e->image);
}

static void apply_box(job *j, gad_sample *s, int i)
{
    const gad_import_entry *e = j->entry;
    const gad_import_box *b = &e->boxes[i];
    double box[4] = {b->box.x1, b->box.y1, b->box.x2, b->box.y2};
    if (!(isfinite(box[0]) && isfinite(box[1]) && isfinite(box[2]) && isfinite(box[3]))) {
        note(j, GAD_IMPORT_BAD_BOX, e->image, "box %d is not made of numbers", i);
        return;
    }
    if (j->turned)
        gad_image_turn_box(j->turned, j->width, j->height, box);
    double x1 = fmax(0, floor(box[0])), y1 = fmax(0, floor(box[1])), x2 = fmin(s->width, ceil(box[2])),
           y2 = fmin(s->height, ceil(box[3]));
    if (x2 <= x1 || y2 <= y1) {
        note(j, GAD_IMPORT_BAD_BOX, e->image, "box %d [%g, %g, %g, %g] has no area inside the image of %d x %d", i, box[0],
             box[1], box[2], box[3], s->width, s->height);
        return;
    }
    if (box[0] < -1 || box[1] < -1 || box[2] > s->width + 1 || box[3] > s->height + 1)
        note(j, GAD_IMPORT_BAD_BOX, e->image, "box %d [%g, %g, %g, %g] was cut at the border of %d x %d", i, box[0], box[1],
             box[2], box[3], s->width, s->height);
    char label[128];
    type_label(b->label && b->label[0] ? b->label : e->type ? e->type : "anomaly", label, sizeof label);
    if (!gad_sample_add_box(s, (gad_box){(int)x1, (int)y1, (int)x2, (int)y2}, label, b->source ? b->source : "boxes")) {
        out_of_memory(j);
        return;
    }
    s->boxes[s->box_count - 1].rotation = b->rotation;
    s->boxes[s->box_count - 1].area = b->area;
    if (!gad_sample_set(&s->boxes[s->box_count - 1].track, b->track))
        out_of_memory(j);
}

/* Boxes that the annotation gives: rounded outwards, cut at the image. */
static void apply_boxes(job *j)
{
    const gad_import_entry *e = j->entry;
    gad_sample *s = &j->result->samples[0];
    if (!gad_sample_set(&s->box_rule, e->box_rule))
        out_of_memory(j);
    for (int i = 0; i < e->box_count && !j->result->status; i++)
        apply_box(j, s, i);
}

static bool start_samples(job *j)
{
    const gad_import_entry *e = j->entry;
    gad_measure_result *r = j->result;
    int strips = e->strips > 1 ? e->strips : 1;
    if (strips > GAD_MEASURE_STRIPS || j->width % strips) {
        note(j, GAD_IMPORT_UNREADABLE_IMAGE, e->image, "%d pixels wide: not %d views side by side", j->width, strips);
        return false;
    }
    int wide = j->width / strips;
    for (int i = 0; i < strips; i++) {
        gad_sample *s = &r->samples[i];
        *s = (gad_sample){.view = strips > 1 ? i : e->view, .width = wide, .height = j->height};
        r->count = i + 1;
        if (strips > 1) {
            const int crop[4] = {i * wide, 0, (i + 1) * wide, j->height};
            memcpy(s->crop, crop, sizeof crop);
        }
        memcpy(s->hash, j->hash, sizeof s->hash);
        if (!make_id(j, strips > 1 ? i : e->view, s) || !fill_texts(j, s)) {
            out_of_memory(j);
            return false;
        }
        for (int k = 0; e->references && e->references[k]; k++)
            if (!gad_sample_add_reference(s, e->references[k], NULL, k)) {
                out_of_memory(j);
                return false;
            }
    }
    return true;
}

static gad_status orientation_of(job *j, int *orientation)
{
    char *path = gad_file_join(j->settings->folder, j->entry->image);
    gad_status status = path ? gad_image_orientation(path, orientation, NULL) : GAD_E_MEMORY;
    gad_memory_free(path);
    if (status == GAD_E_MEMORY)
        out_of_memory(j);
    return status;
}

static bool probe(job *j)
{
    gad_error err;
    const char *relative = j->entry->image;
    char *path = gad_file_join(j->settings->folder, relative);
    gad_hash hash;
    int64_t w = 0, h = 0;
    if (!path) {
        out_of_memory(j);
        return false;
    }
    bool there = gad_file_exists(path);
    gad_status status = there ? gad_hash_file(path, &hash, &err) : GAD_E_IO;
    if (!status)
        status = gad_image_probe(path, &w, &h, &err);
    gad_memory_free(path);
    if (!there)
        note(j, GAD_IMPORT_MISSING_IMAGE, relative, "no such file");
    else if (status == GAD_E_MEMORY)
        out_of_memory(j);
    else if (status)
        note(j, GAD_IMPORT_UNREADABLE_IMAGE, relative, "%.200s", err.cause);
    if (status)
        return false;
    gad_hash_text(hash, j->hash);
    j->width = (int)w;
    j->height = (int)h;
    if (!j->entry->width || (j->entry->width == w && j->entry->height == h))
        return true;
    int orientation = 1;
    if (j->entry->width == h && j->entry->height == w && !orientation_of(j, &orientation) && orientation > 4)
        j->turned = orientation;
    else
        note(j, GAD_IMPORT_BAD_RECORD, relative, "the annotation says %d x %d, the file is %lld x %lld", j->entry->width,
             j->entry->height, (long long)w, (long long)h);
    return true;
}

void gad_measure_entry(const gad_import_settings *settings, const gad_mask_rule *rule, const gad_import_entry *entry,
                       gad_measure_result *result)
{
    memset(result, 0, sizeof *result);
    job j = {.settings = settings, .rule = rule, .entry = entry, .result = result};
    if (!probe(&j) || !start_samples(&j))
        return;
    if (entry->masks)
        apply_masks(&j);
    if (entry->box_count)
        apply_boxes(&j);
    for (int i = 0; i < result->count && !result->status; i++) {
        gad_sample *s = &result->samples[i];
        /* A view of an anomalous strip is anomalous only if its own part of the mask is not empty. */
        s->label = entry->type ? (entry->strips > 1 ? s->box_count > 0 : 1) : 0;
        if (!s->label && s->box_count == 0) {
            gad_memory_free(s->mask); /* an all-zero mask says nothing that the label does not */
            s->mask = NULL;
        }
        char label[128];
        type_label(entry->type ? entry->type : "", label, sizeof label);
        if (!gad_sample_settle(s) || (s->label && !s->box_count && label[0] && !gad_sample_add_type(s, label)))
            out_of_memory(&j);
    }
    if (entry->type && !entry->masks && !entry->box_count && !entry->no_truth)
        note(&j, GAD_IMPORT_MISSING_MASK, entry->image, "an anomalous image without mask; it is kept with its label only");
}
