/* plain: a factory's own folder: good/ and bad/ (or ok/ng, normal/anomalous, ...), with or without one folder per class
 * above and one per defect type below bad/; masks, if any, in masks/ or ground_truth/ with equal stems. */
#include "base/error.h"
#include "data/adapter/adapter.h"
#include "data/guess.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const GOOD[] = {"good", "ok", "normal", "pass", "good_parts", NULL},
                         *const BAD[] = {"bad", "ng", "nok", "anomalous", "anomaly", "defect", "defective", "fail", NULL};
static const char *const MASKS[] = {"masks", "mask", "ground_truth", NULL};

/* The name in a folder that is one of a list, in any case; NULL when none is. */
static const char *find_one(const gad_file_names *names, const char *const *list)
{
    for (int k = 0; list[k]; k++)
        for (size_t i = 0; i < names->count; i++)
            if (strcasecmp(names->name[i], list[k]) == 0)
                return names->name[i];
    return NULL;
}

static gad_status read_images(gad_import *import, const char *class_name, const char *folder, const char *type,
                              const char *masks, gad_error *err)
{
    static const char *const endings[] = {"%s/%.*s_mask.png", "%s/%.*s.png"};
    gad_file_names names;
    char image[900], mask[900];
    gad_status status = gad_import_list(import, folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        if (!gad_import_is_image(names.name[i]))
            continue;
        int stem = (int)(strlen(names.name[i]) - strlen(gad_file_extension(names.name[i])) - 1);
        const char *list[2] = {NULL, NULL};
        snprintf(image, sizeof image, "%s/%s", folder, names.name[i]);
        gad_import_entry e = {.class_name = class_name,
                              .split = type ? "test" : "train",
                              .type = type,
                              .image = image,
                              .view = -1,
                              .threshold = 127,
                              .soft_mask = true,
                              .no_truth = true};
        for (int k = 0; k < 2 && type && masks && !list[0]; k++) {
            snprintf(mask, sizeof mask, k == 0 ? endings[0] : endings[1], masks, stem, names.name[i]);
            if (gad_import_exists(import, mask))
                list[0] = mask;
        }
        e.masks = list[0] ? list : NULL;
        status = gad_import_add(import, &e, err);
    }
    gad_file_names_free(&names);
    return status;
}

/* prefix: "" or "class/". */
static gad_status read_class(gad_import *import, const char *class_name, const char *prefix, const gad_file_names *names,
                             gad_error *err)
{
    char folder[400], masks[400] = "", sub[700];
    const char *good = find_one(names, GOOD), *bad = find_one(names, BAD), *mask = find_one(names, MASKS);
    gad_status status = GAD_OK;
    if (mask)
        snprintf(masks, sizeof masks, "%s%s", prefix, mask);
    if (good) {
        snprintf(folder, sizeof folder, "%s%s", prefix, good);
        status = read_images(import, class_name, folder, NULL, NULL, err);
    }
    if (!bad || status)
        return status;
    snprintf(folder, sizeof folder, "%s%s", prefix, bad);
    status = read_images(import, class_name, folder, "anomaly", mask ? masks : NULL, err);
    gad_file_names types;
    if (!status)
        status = gad_import_list(import, folder, &types, err);
    if (status)
        return status;
    for (size_t i = 0; i < types.count && !status; i++) {
        if (gad_import_is_image(types.name[i]))
            continue;
        snprintf(sub, sizeof sub, "%s/%s", folder, types.name[i]);
        status = read_images(import, class_name, sub, types.name[i], mask ? masks : NULL, err);
    }
    gad_file_names_free(&types);
    return status;
}

static gad_status read_plain(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_file_names names, inner;
    int classes = 0;
    gad_status status = gad_import_list(import, "", &names, err);
    if (status)
        return status;
    if (find_one(&names, GOOD)) {
        classes = 1;
        status = read_class(import, gad_file_name(gad_import_folder(import)), "", &names, err);
    }
    for (size_t i = 0; i < names.count && !status && !find_one(&names, GOOD); i++) {
        char prefix[300];
        status = gad_import_list(import, names.name[i], &inner, err);
        if (status)
            break;
        snprintf(prefix, sizeof prefix, "%s/", names.name[i]);
        if (find_one(&inner, GOOD)) {
            classes++;
            status = read_class(import, names.name[i], prefix, &inner, err);
        }
        gad_file_names_free(&inner);
    }
    gad_file_names_free(&names);
    if (!status && !classes)
        status = gad_guess_refuse(import, entry, "put the good parts into a folder named good (and bad ones into bad)", err,
                                  "there is no folder good");
    return status;
}

const gad_catalog_entry gad_plain = {
    .name = "plain",
    .title = "folder of good and bad parts",
    .license = "your own",
    .citation = "",
    .home = "",
    .generic = true,
    .read = read_plain,
};
