/* gad_jsonl: a folder with annotations.jsonl, one line per image: image, category, split, label, anomaly_type, boxes, mask,
 * reference, box_source, source, licence. Masks make the boxes where there are any, else the given ones hold. */
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/string.h"
#include "data/adapter/adapter.h"
#include "data/guess.h"

#include <stdio.h>
#include <string.h>

typedef struct box_list {
    gad_import_box *item;
    size_t count, capacity;
} box_list;

static const char *text_of(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    return json_is_string(value) ? json_string_value(value) : NULL;
}

/* Boxes with their own names from box_types, where there are as many. */
static gad_status read_boxes(gad_import *import, const json_t *line, const char *image, box_list *boxes, gad_error *err)
{
    const json_t *list = json_object_get(line, "boxes"), *types = json_object_get(line, "box_types"), *item;
    size_t i;
    gad_status status = GAD_OK;
    bool named = json_array_size(types) == json_array_size(list);
    json_array_foreach (list, i, item) {
        double n[4] = {0};
        bool good = json_array_size(item) == 4;
        for (size_t k = 0; k < 4 && good; k++) {
            good = json_is_number(json_array_get(item, k));
            n[k] = json_number_value(json_array_get(item, k));
        }
        if (status)
            return status;
        if (!good)
            status = gad_import_note(import, GAD_IMPORT_BAD_BOX, image, err, "box %zu is not four numbers", i);
        else if (!gad_memory_grow((void **)&boxes->item, &boxes->capacity, boxes->count, sizeof *boxes->item))
            status = gad_error_memory(err, "import a dataset", boxes->count * sizeof *boxes->item);
        else
            boxes->item[boxes->count++] =
                (gad_import_box){.box = {n[0], n[1], n[2], n[3]},
                                 .label = named ? json_string_value(json_array_get(types, i)) : NULL,
                                 .source = "boxes"};
    }
    return status;
}

static gad_status add_line(gad_import *import, const json_t *line, const char *where, gad_error *err)
{
    box_list boxes = {0};
    gad_status status = GAD_OK;
    const char *image = text_of(line, "image"), *category = text_of(line, "category"), *split = text_of(line, "split"),
               *label = text_of(line, "label");
    const char *mask = text_of(line, "mask"), *reference = text_of(line, "reference"),
               *type = text_of(line, "anomaly_type");
    if (!image || !category || !label || (strcmp(label, "normal") != 0 && strcmp(label, "anomalous") != 0))
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, where, err,
                               "expected image, category, and a label normal or anomalous");
    bool anomalous = strcmp(label, "anomalous") == 0;
    char class_name[256];
    gad_string_cut(class_name, sizeof class_name, category);
    for (char *c = class_name; *c; c++)
        *c = *c == '/' ? '.' : *c; /* the class is one component of ids */
    const char *masks[2] = {mask, NULL}, *references[2] = {reference, NULL};
    gad_import_entry e = {.class_name = class_name,
                          .split = split ? split : "train",
                          .type = anomalous ? (type ? type : "unspecified") : NULL,
                          .image = image,
                          .view = -1,
                          .threshold = 0,
                          .soft_mask = true,
                          .no_truth = true,
                          .license = text_of(line, "licence"),
                          .source_url = text_of(line, "source"),
                          .width = (int)json_integer_value(json_object_get(line, "width")),
                          .height = (int)json_integer_value(json_object_get(line, "height"))};
    /* The last part of a path-like category is what people call it. */
    const char *slash = strrchr(category, '/');
    char class_text[128];
    gad_string_cut(class_text, sizeof class_text, slash ? slash + 1 : category);
    gad_sample_normalise(class_text);
    e.class_text = class_text;
    if (mask)
        e.masks = masks;
    else
        status = read_boxes(import, line, image, &boxes, err);
    e.boxes = boxes.item;
    e.box_count = (int)boxes.count;
    if (reference) {
        e.references = references;
        e.reference_method = "given";
    }
    if (!status && !anomalous && boxes.count)
        status = gad_import_note(import, GAD_IMPORT_UNLABELLED, image, err,
                                 "%s: its label is normal, and it has boxes: the image was left out", where);
    else if (!status)
        status = gad_import_add(import, &e, err);
    gad_memory_free(boxes.item);
    return status;
}

static gad_status read_gad_jsonl(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_json_lines lines;
    json_t *object = NULL;
    char *path = gad_file_join(gad_import_folder(import), "annotations.jsonl");
    if (!path)
        return gad_error_memory(err, "import a dataset", 0);
    gad_error unopened;
    gad_status status = gad_json_lines_open(&lines, path, &unopened);
    if (status)
        status = gad_guess_refuse(import, entry, "give the folder that holds annotations.jsonl", err, "%.300s",
                                  strstr(unopened.cause, "annotations.jsonl"));
    else
        while (!status && !(status = gad_json_lines_next(&lines, &object, err)) && object) {
            char where[64];
            snprintf(where, sizeof where, "annotations.jsonl: line %lld", (long long)lines.number);
            status = add_line(import, object, where, err);
            json_decref(object);
        }
    gad_json_lines_close(&lines);
    gad_memory_free(path);
    return status;
}

const gad_catalog_entry gad_gad_jsonl = {
    .name = "gad-jsonl",
    .title = "folder with annotations.jsonl",
    .license = "as each line says",
    .citation = "",
    .home = "",
    .generic = true,
    .read = read_gad_jsonl,
};
