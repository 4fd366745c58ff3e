/* plain: a factory's own folder, with or without one folder per class above: good/ and bad/ (or ok/ng, normal/anomalous,
 * ...) with types of defects and further folders below and masks in masks/ or ground_truth/; or the shape of MVTec AD:
 * train/good, test/good, test/TYPE, ground_truth/TYPE. */
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/guess.h"
#include "data/mask_folder.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PATH_BYTES = 1024, DEEPEST = 8, ENOUGH_GOOD = 10, HELD_BACK = 5 };

static const char *const BAD[] = {"bad",       "ng",     "nok",      "ko",        "anomalous", "anomaly",
                                  "anomalies", "defect", "defects",  "defective", "fail",      "failed",
                                  "faulty",    "reject", "rejected", "abnormal",  NULL},
                         *const MASKS[] = {"ground_truth", "masks", "mask", "groundtruth", "gt", "labels", NULL},
                         *const TRAIN[] = {"train", "training", NULL}, *const TEST[] = {"test", "testing", NULL};

/* One image, as it lies there. */
typedef struct picture {
    char *path;
    char *type; /* NULL: good */
    bool test;
} picture;

/* A class: its folder with a '/' behind, or "", and what is in it. */
typedef struct class_folder {
    gad_import *import;
    const char *name, *prefix;
    picture *picture;
    size_t count, capacity;
    gad_mask_folder masks;
    bool has_masks;
} class_folder;

/* The name in a folder that is one of a list, in any case; NULL when none is. */
static const char *find_one(const gad_file_names *names, const char *const *list)
{
    for (int k = 0; list[k]; k++)
        for (size_t i = 0; i < names->count; i++)
            if (strcasecmp(names->name[i], list[k]) == 0)
                return names->name[i];
    return NULL;
}

static const char *find_good(const gad_file_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (gad_sample_says_normal(names->name[i]))
            return names->name[i];
    return NULL;
}

static gad_status add_picture(class_folder *c, const char *path, const char *type, bool test, gad_error *err)
{
    picture p = {gad_memory_copy_string(path), type ? gad_memory_copy_string(type) : NULL, test};
    if (!p.path || (type && !p.type) || !gad_memory_grow((void **)&c->picture, &c->capacity, c->count, sizeof p)) {
        gad_memory_free(p.path);
        gad_memory_free(p.type);
        return gad_error_memory(err, "import a dataset", c->count * sizeof p);
    }
    c->picture[c->count++] = p;
    return GAD_OK;
}

/* All images below a folder. `type` "": the name of the folder below says it, "anomaly" what lies in none. */
static gad_status collect(class_folder *c, const char *folder, const char *type, bool test, int depth, gad_error *err)
{
    gad_file_names names;
    gad_status status = gad_import_list(c->import, folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        char path[PATH_BYTES];
        if (snprintf(path, sizeof path, "%s/%s", folder, names.name[i]) >= (int)sizeof path)
            continue;
        if (gad_import_is_image(names.name[i]) && gad_import_is_file(c->import, path))
            status = add_picture(c, path, type && !type[0] ? "anomaly" : type, test, err);
        else if (depth < DEEPEST) /* links may lead round in a circle */
            status = collect(c, path, type && !type[0] ? names.name[i] : type, test, depth + 1, err);
    }
    gad_file_names_free(&names);
    return status;
}

static gad_status collect_below(class_folder *c, const char *name, const char *type, bool test, gad_error *err)
{
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%s%s", c->prefix, name);
    return collect(c, folder, type, test, 0, err);
}

/* train/good or images in train/; every folder of test/ is a type of defect, but those that say good. */
static gad_status collect_mvtec(class_folder *c, const char *train, const char *test, gad_error *err)
{
    gad_file_names types = {0};
    char folder[PATH_BYTES];
    gad_status status = train ? collect_below(c, train, NULL, false, err) : GAD_OK;
    snprintf(folder, sizeof folder, "%s%s", c->prefix, test ? test : "");
    if (!status && test)
        status = gad_import_list(c->import, folder, &types, err);
    for (size_t i = 0; i < types.count && !status; i++) {
        char path[PATH_BYTES];
        bool good = gad_sample_says_normal(types.name[i]);
        if (snprintf(path, sizeof path, "%s/%s", folder, types.name[i]) < (int)sizeof path &&
            !gad_import_is_image(types.name[i]))
            status = collect(c, path, good ? NULL : types.name[i], true, 0, err);
    }
    gad_file_names_free(&types);
    return status;
}

/* Without good parts among the test images nothing can be measured: a fifth of them is held back, by a hash of the name, so
 * that it is the same one when more come. */
static void hold_back(class_folder *c)
{
    size_t good = 0, good_test = 0, held = 0;
    for (size_t i = 0; i < c->count; i++) {
        good += !c->picture[i].type;
        good_test += !c->picture[i].type && c->picture[i].test;
    }
    if (good_test || good == c->count || good < ENOUGH_GOOD)
        return;
    for (size_t i = 0; i < c->count; i++) {
        picture *p = &c->picture[i];
        const char *name = gad_file_name(p->path);
        p->test = p->test || gad_hash_bytes(name, strlen(name)).low % HELD_BACK == 0;
        held += !p->type && p->test;
    }
    gad_log_info(gad_import_log(c->import),
                 "%s: %zu of %zu good images are held back for tests (test/good would choose them)", c->name, held, good);
}

static gad_status add_entry(class_folder *c, const picture *p, gad_error *err)
{
    const char *list[2] = {NULL, NULL};
    bool shared = false;
    gad_status status = GAD_OK;
    gad_import_entry e = {.class_name = c->name,
                          .split = p->type || p->test ? "test" : "train",
                          .type = p->type,
                          .image = p->path,
                          .view = -1,
                          .threshold = 127,
                          .soft_mask = true,
                          .any_mask_values = true,
                          .no_truth = true};
    if (p->type)
        list[0] = gad_mask_folder_take(&c->masks, p->type, p->path, &shared);
    if (p->type && c->has_masks && !list[0])
        status = gad_import_note(c->import, GAD_IMPORT_MISSING_MASK, p->path, err,
                                 shared ? "its mask fits other images too: none gets it" : "no mask has its stem");
    e.masks = list[0] ? list : NULL;
    return status ? status : gad_import_add(c->import, &e, err);
}

static void class_free(class_folder *c)
{
    for (size_t i = 0; i < c->count; i++) {
        gad_memory_free(c->picture[i].path);
        gad_memory_free(c->picture[i].type);
    }
    gad_memory_free(c->picture);
    gad_mask_folder_free(&c->masks);
}

/* *found: whether it is a class at all. prefix: "" or "class/". */
static gad_status read_class(gad_import *import, const char *name, const char *prefix, const gad_file_names *names,
                             bool *found, gad_error *err)
{
    class_folder c = {.import = import, .name = name, .prefix = prefix};
    char folder[PATH_BYTES];
    const char *good = find_good(names), *bad = find_one(names, BAD), *mask = find_one(names, MASKS),
               *train = find_one(names, TRAIN), *test = find_one(names, TEST);
    gad_status status = GAD_OK;
    *found = good || train;
    if (!*found)
        return GAD_OK;
    if (train || test)
        status = collect_mvtec(&c, train, test, err);
    if (!status && good)
        status = collect_below(&c, good, NULL, false, err);
    if (!status && bad)
        status = collect_below(&c, bad, "", true, err);
    snprintf(folder, sizeof folder, "%s%s", prefix, mask ? mask : "");
    if (!status && mask)
        status = gad_mask_folder_open(import, folder, true, &c.masks, err);
    c.has_masks = c.masks.count > 0;
    for (size_t i = 0; i < c.count; i++)
        if (c.picture[i].type)
            gad_mask_folder_claim(&c.masks, c.picture[i].type, c.picture[i].path);
    hold_back(&c);
    for (size_t i = 0; i < c.count && !status; i++)
        status = add_entry(&c, &c.picture[i], err);
    if (!status)
        status = gad_mask_folder_note(import, &c.masks, prefix[0] ? prefix : ".", err);
    class_free(&c);
    return status;
}

static gad_status read_plain(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_file_names names, inner;
    int classes = 0;
    bool found = false, whole;
    gad_status status = gad_import_list(import, "", &names, err);
    if (status)
        return status;
    /* A public data set in this shape goes by its own name, which says whether it may be trained on. */
    const gad_catalog_entry *known = gad_guess_by_classes(import, &names, 0.3);
    if (known) {
        gad_file_names_free(&names);
        return gad_guess_refuse(import, entry, NULL, err, "the class folders are those of %s", known->title);
    }
    status = read_class(import, gad_file_name(gad_import_folder(import)), "", &names, &found, err);
    classes = whole = found;
    for (size_t i = 0; i < names.count && !status && !whole; i++) {
        char prefix[PATH_BYTES];
        status = gad_import_list(import, names.name[i], &inner, err);
        if (status)
            break;
        snprintf(prefix, sizeof prefix, "%s/", names.name[i]);
        status = read_class(import, names.name[i], prefix, &inner, &found, err);
        classes += found;
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
