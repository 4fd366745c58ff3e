/* mvtec_loco: MVTec LOCO AD. An anomalous image has a folder of masks, one file per defect; the value in the file names the
 * defect through CLASS/defects_config.json. */
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/class_folders.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DEFECTS = 256, MAX_MASKS = 64 };

static const char *const CLASSES[] = {"breakfast_box", "juice_bottle",        "pushpins",
                                      "screw_bag",     "splicing_connectors", NULL};

/* The defects of a class; names point into `root`. */
typedef struct config {
    json_t *root;
    gad_import_value values[MAX_DEFECTS];
    int count;
} config;

static gad_status read_config(gad_import *import, const char *class_name, config *c, gad_error *err)
{
    char relative[256];
    size_t i;
    const json_t *item;
    *c = (config){0};
    snprintf(relative, sizeof relative, "%s/defects_config.json", class_name);
    if (!gad_import_exists(import, relative))
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, relative, err,
                               "no such file: the defects of this class keep their general names");
    char *path = gad_file_join(gad_import_folder(import), relative);
    gad_status status = path ? gad_json_load(path, &c->root, err) : gad_error_memory(err, "read defects", 0);
    gad_memory_free(path);
    json_array_foreach (c->root, i, item) {
        const json_t *name = json_object_get(item, "defect_name"), *value = json_object_get(item, "pixel_value");
        if (c->count < MAX_DEFECTS && json_is_string(name) && json_is_integer(value))
            c->values[c->count++] = (gad_import_value){(int)json_integer_value(value), json_string_value(name)};
    }
    return status;
}

static gad_status read_normals(gad_import *import, const char *class_name, const char *sub, const char *split,
                               gad_error *err)
{
    char folder[300], image[600];
    gad_file_names names;
    snprintf(folder, sizeof folder, "%s/%s", class_name, sub);
    gad_status status = gad_import_list(import, folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        if (!gad_import_is_image(names.name[i]))
            continue;
        snprintf(image, sizeof image, "%s/%s", folder, names.name[i]);
        gad_import_entry e = {.class_name = class_name, .split = split, .image = image, .view = -1};
        status = gad_import_add(import, &e, err);
    }
    gad_file_names_free(&names);
    return status;
}

static gad_status read_anomalous(gad_import *import, const char *class_name, const char *type, const config *c,
                                 gad_error *err)
{
    char folder[300], image[600], truth[600];
    gad_file_names names;
    snprintf(folder, sizeof folder, "%s/test/%s", class_name, type);
    gad_status status = gad_import_list(import, folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        if (!gad_import_is_image(names.name[i]))
            continue;
        int stem = (int)(strlen(names.name[i]) - strlen(gad_file_extension(names.name[i])) - 1), count = 0;
        gad_file_names masks;
        static const char empty[] = "";
        char paths[MAX_MASKS][700];
        const char *list[MAX_MASKS + 1] = {empty};
        snprintf(image, sizeof image, "%s/%s", folder, names.name[i]);
        snprintf(truth, sizeof truth, "%s/ground_truth/%s/%.*s", class_name, type, stem, names.name[i]);
        status = gad_import_list(import, truth, &masks, err);
        for (size_t k = 0; k < masks.count && count < MAX_MASKS; k++)
            if (gad_import_is_image(masks.name[k])) {
                snprintf(paths[count], sizeof paths[count], "%s/%.90s", truth, masks.name[k]);
                list[count] = paths[count];
                count++;
            }
        list[count] = NULL;
        gad_file_names_free(&masks);
        gad_import_entry e = {.class_name = class_name,
                              .split = "test",
                              .type = type,
                              .image = image,
                              .view = -1,
                              .masks = count ? list : NULL,
                              .encoding = GAD_IMPORT_VALUES,
                              .values = c->values,
                              .value_count = c->count};
        if (!status && !count) {
            status = gad_import_note(import, GAD_IMPORT_MISSING_MASK, image, err,
                                     "expected a folder %s with one mask per defect", truth);
            e.no_truth = true;
        }
        if (!status)
            status = gad_import_add(import, &e, err);
    }
    gad_file_names_free(&names);
    return status;
}

static gad_status read_mvtec_loco(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_file_names classes;
    gad_status status = gad_class_folders_list(import, entry, &classes, err);
    if (status)
        return status;
    for (size_t i = 0; i < classes.count && !status; i++) {
        const char *name = classes.name[i];
        config c;
        status = read_config(import, name, &c, err);
        if (!status)
            status = read_normals(import, name, "train/good", "train", err);
        if (!status)
            status = read_normals(import, name, "validation/good", "val", err);
        if (!status)
            status = read_normals(import, name, "test/good", "test", err);
        if (!status)
            status = read_anomalous(import, name, "logical_anomalies", &c, err);
        if (!status)
            status = read_anomalous(import, name, "structural_anomalies", &c, err);
        json_decref(c.root);
    }
    gad_file_names_free(&classes);
    return status;
}

const gad_catalog_entry gad_mvtec_loco = {
    .name = "mvtec_loco",
    .title = "MVTec LOCO AD",
    .license = "CC BY-NC-SA 4.0",
    .citation = "Bergmann et al., Beyond Dents and Scratches: Logical Constraints in Unsupervised Anomaly Detection and "
                "Localization, IJCV 2022",
    .home = "https://www.mvtec.com/company/research/datasets/mvtec-loco",
    .images = 3651,
    .normal = 2658,
    .anomalous = 993,
    .mmr_images = 1889,
    .mmr_boxes = 1078,
    .mmr_categories = 6,
    .mmr_types = 47,
    .classes = CLASSES,
    .read = read_mvtec_loco,
};
