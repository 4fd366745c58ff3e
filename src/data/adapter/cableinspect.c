/* cableinspect: video frames of overhead cables; boxes from COCO files, rotated ones as their upright hull. The same defect
 * is seen in many frames: groups are defects for anomalous frames, stretches of 30 frames for normal ones. */
#include "base/error.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/class_folders.h"
#include "data/coco_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BOXES = 128, FRAMES_PER_GROUP = 30 };

static const char *const CLASSES[] = {"Cable_1", "Cable_2", "Cable_3", NULL};

static double attribute_number(const json_t *attributes, const char *key)
{
    const json_t *value = json_object_get(attributes, key);
    return json_is_number(value)   ? json_number_value(value)
           : json_is_string(value) ? strtod(json_string_value(value), NULL)
                                   : 0;
}

/* The upright box around a rectangle turned about its middle. */
static void hull(const gad_coco_annotation *a, double degrees, gad_import_box *box)
{
    double t = degrees * 3.14159265358979323846 / 180, c = fabs(cos(t)), s = fabs(sin(t));
    double mid_x = a->x + a->width / 2, mid_y = a->y + a->height / 2;
    double half_x = (a->width * c + a->height * s) / 2, half_y = (a->width * s + a->height * c) / 2;
    box->box.x1 = mid_x - half_x;
    box->box.x2 = mid_x + half_x;
    box->box.y1 = mid_y - half_y;
    box->box.y2 = mid_y + half_y;
    box->rotation = degrees;
}

/* Where a frame's file is: the names in the COCO file may or may not hold the pass folder. */
static bool find_image(const gad_import *import, const char *class_name, const char *file_name, char *path,
                       size_t size_bytes)
{
    static const char *const folders[] = {"images", "images/01", "images/02", "images/03"};
    snprintf(path, size_bytes, "%s/images/%s", class_name, file_name);
    if (gad_import_exists(import, path))
        return true;
    for (int i = 0; i < 4; i++) {
        snprintf(path, size_bytes, "%s/%s/%s", class_name, folders[i], gad_file_name(file_name));
        if (gad_import_exists(import, path))
            return true;
    }
    snprintf(path, size_bytes, "%s/images/%s", class_name, file_name);
    return false;
}

/* "C01_A1_..._<frame>.png": cable and side before the second bar, the frame number last. */
static void normal_group(const char *file_name, char *group, size_t size_bytes)
{
    const char *name = gad_file_name(file_name), *bar = strchr(name, '_'), *last = strrchr(name, '_');
    const char *second = bar ? strchr(bar + 1, '_') : NULL;
    int frame = last ? atoi(last + 1) : 0;
    snprintf(group, size_bytes, "%.*s/frames%d", (int)(second ? second - name : (long)strcspn(name, ".")), name,
             frame / FRAMES_PER_GROUP);
}

static gad_status add_frame(gad_import *import, const char *class_name, const gad_coco_file *file,
                            const gad_coco_image *image, gad_error *err)
{
    gad_import_box boxes[MAX_BOXES];
    char path[700], group[200], track[MAX_BOXES][96], meta[200] = "";
    double first_id = 0;
    int count = image->count < MAX_BOXES ? image->count : MAX_BOXES;
    find_image(import, class_name, image->file_name, path, sizeof path);
    normal_group(image->file_name, group, sizeof group);
    for (int i = 0; i < count; i++) {
        const gad_coco_annotation *a = &file->annotations[image->first + i];
        const json_t *attributes = json_object_get(a->object, "attributes");
        double id = attribute_number(attributes, "anomaly_id");
        boxes[i] = (gad_import_box){.label = a->category, .source = "coco"};
        hull(a, attribute_number(attributes, "rotation"), &boxes[i]);
        snprintf(track[i], sizeof track[i], "%s/%.0f", class_name, id);
        boxes[i].track = track[i];
        const json_t *grade = json_object_get(attributes, "gradation");
        if (i == 0 && json_is_string(grade))
            snprintf(meta, sizeof meta, "{\"grade\":\"%.60s\"}", json_string_value(grade));
        first_id = i == 0 || id < first_id ? id : first_id;
    }
    if (count)
        snprintf(group, sizeof group, "%s/anomaly%.0f", class_name, first_id);
    /* A quote or a backslash in the grade would break the JSON: leave such a grade out. */
    bool clean =
        !strpbrk(meta[0] ? meta + 10 : "", "\\") && (!meta[0] || strchr(meta + 10, '"') == meta + strlen(meta) - 2);
    gad_import_entry e = {.class_name = class_name,
                          .split = count ? "test" : "train",
                          .type = count ? boxes[0].label : NULL,
                          .image = path,
                          .view = -1,
                          .group = group,
                          .boxes = boxes,
                          .box_count = count,
                          .width = image->width,
                          .height = image->height,
                          .meta = meta[0] && clean ? meta : NULL};
    return gad_import_add(import, &e, err);
}

static gad_status read_cable(gad_import *import, const char *class_name, const void *unused, gad_error *err)
{
    (void)unused;
    char name[64], path[128];
    snprintf(name, sizeof name, "cable_%s.json", class_name + strlen("Cable_"));
    snprintf(path, sizeof path, "%s/%s", class_name, name);
    if (!gad_import_exists(import, path))
        snprintf(path, sizeof path, "%s", name);
    if (!gad_import_exists(import, path))
        return gad_error_set(err, GAD_E_FORMAT, "import a dataset",
                             "it comes with the dataset, in or beside the cable's folder", "%s/%s: no annotation file %s",
                             gad_import_folder(import), class_name, name);
    gad_coco_file file;
    char *full = gad_file_join(gad_import_folder(import), path);
    gad_status status = full ? gad_coco_file_load(full, &file, err) : gad_error_memory(err, "import a dataset", 0);
    gad_memory_free(full);
    if (status)
        return status;
    if (file.orphans)
        status =
            gad_import_note(import, GAD_IMPORT_BAD_RECORD, path, err, "%d annotations belong to no image", file.orphans);
    for (int i = 0; i < file.image_count && !status; i++)
        status = add_frame(import, class_name, &file, &file.images[i], err);
    gad_coco_file_free(&file);
    return status;
}

static gad_status read_cableinspect(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    return gad_class_folders_each(import, entry, read_cable, NULL, err);
}

const gad_catalog_entry gad_cableinspect = {
    .name = "cableinspect",
    .title = "CableInspect-AD",
    .license = "CC BY-SA 4.0",
    .citation = "Arodi et al., CableInspect-AD: An Expert-Annotated Anomaly Detection Dataset, NeurIPS 2024",
    .home = "https://mila-iqia.github.io/cableinspect-ad",
    .images = 4798,
    .normal = 2159,
    .anomalous = 2639,
    .mmr_images = 2701,
    .mmr_boxes = 2879,
    .mmr_categories = 3,
    .mmr_types = 6,
    .classes = CLASSES,
    .read = read_cableinspect,
};
