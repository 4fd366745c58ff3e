/* coco: COCO JSON files in a folder, in its annotations/ or in folders of its splits (as Roboflow exports), with their
 * images. Boxes are made of masks where these are run lengths, else of bbox, else of polygons. Files that gad exported
 * carry whole samples and come back without loss, with the boxes as they are now. */
#include "base/error.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/coco_file.h"
#include "data/find.h"
#include "data/guess.h"
#include "data/rle.h"
#include "task/mask.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PIXELS = 200000000, PATH_BYTES = 1024, SPLITS = 3 };

/* ---- splits ---- */

static const char *const SPLIT_NAMES[SPLITS] = {"train", "val", "test"};
static const char *const SPLIT_WORDS[SPLITS][6] = {
    {"train", "training", "trn", NULL}, {"val", "valid", "validation", "dev", NULL}, {"test", "testing", "eval", NULL}};

/* The split that a word of a path says, the last one first: "annotations/instances_val2017.json" is val, "latest.json" is
 * none. -1: none. */
static int split_of(const char *path)
{
    int found = -1;
    for (const char *at = path; *at;) {
        size_t n = 0;
        char word[32] = "";
        while (isalpha((unsigned char)at[n])) {
            if (n < sizeof word - 1)
                word[n] = (char)tolower((unsigned char)at[n]);
            n++;
        }
        for (int s = 0; s < SPLITS; s++)
            for (int k = 0; SPLIT_WORDS[s][k]; k++)
                if (n < sizeof word && strcmp(word, SPLIT_WORDS[s][k]) == 0)
                    found = s;
        at += n ? n : 1;
    }
    return found;
}

/* Where the images of a file may be: beside it, and in folders of its split, or of every split when it has none: another
 * split may hold another image of the same name. */
typedef struct places {
    char text[52][48];
    const char *list[53];
} places;

static void list_places(const char *file, int split, places *p)
{
    static const char *const forms[] = {"%s", "%s2017", "images/%s", "images/%s2017"};
    const char *slash = strrchr(file, '/');
    int count = 0;
    if (slash && strncmp(file, "annotations/", 12) != 0)
        snprintf(p->text[count++], sizeof p->text[0], "%.*s", (int)(slash - file), file);
    for (int s = 0; s < SPLITS; s++)
        for (int k = 0; SPLIT_WORDS[s][k] && (split < 0 || s == split); k++)
            for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
                snprintf(p->text[count++], sizeof p->text[0], forms[f], SPLIT_WORDS[s][k]);
    for (int i = 0; i < count; i++)
        p->list[i] = p->text[i];
    p->list[count] = NULL;
}

/* ---- boxes of one image ---- */

typedef struct found {
    gad_import *import;
    const gad_coco_file *file;
    const gad_coco_image *image;
    const char *where; /* the file's name */
    char id[64];       /* of the image, as it is written */
    gad_import_box *boxes;
    size_t count, capacity;
    int unreadable; /* annotations without a place */
    bool masks;
    json_t *kept; /* {"segmentation": [{label, size, counts}]}: run lengths have no file, so the sample keeps them */
} found;

static gad_status add_box(found *f, gad_import_box box, gad_error *err)
{
    if (!gad_memory_grow((void **)&f->boxes, &f->capacity, f->count, sizeof *f->boxes))
        return gad_error_memory(err, "import a dataset", f->count * sizeof *f->boxes);
    f->boxes[f->count++] = box;
    return GAD_OK;
}

static gad_status keep_runs(found *f, const gad_coco_annotation *a, const json_t *runs, gad_error *err)
{
    if (!f->kept)
        f->kept = json_pack("{s:[]}", "segmentation");
    json_t *copy = json_pack("{s:s, s:O, s:O}", "label", a->category, "size", json_object_get(runs, "size"), "counts",
                             json_object_get(runs, "counts"));
    if (!f->kept || !copy || json_array_append(json_object_get(f->kept, "segmentation"), copy)) {
        json_decref(copy);
        return gad_error_memory(err, "import a dataset", 0);
    }
    json_decref(copy);
    return GAD_OK;
}

/* Boxes of one annotation's run lengths. *used false when they are wrong: that is noted, and its bbox serves. */
static gad_status boxes_of_runs(found *f, const gad_coco_annotation *a, bool *used, gad_error *err)
{
    const json_t *runs = json_object_get(a->object, "segmentation");
    int64_t width = f->image->width, height = f->image->height;
    gad_mask_rule rule = gad_mask_rule_default();
    gad_mask_box boxes[GAD_MASK_BOX_LIMIT];
    gad_error wrong;
    int count = 0;
    *used = false;
    if (!width || !height)
        gad_rle_size(runs, &width, &height);
    if (width < 1 || height < 1 || width > MOST_PIXELS / height)
        return gad_import_note(f->import, GAD_IMPORT_UNREADABLE_MASK, f->image->file_name, err,
                               "run lengths for %lld x %lld", (long long)width, (long long)height);
    unsigned char *mask = gad_memory_alloc((size_t)(width * height), 1);
    if (!mask)
        return gad_error_memory(err, "import a dataset", (size_t)(width * height));
    gad_status status = gad_rle_read(runs, (int)width, (int)height, f->image->file_name, mask, &wrong);
    bool readable = !status;
    if (!readable)
        status = gad_import_note(f->import, GAD_IMPORT_UNREADABLE_MASK, f->image->file_name, err, "%.300s", wrong.cause);
    else
        status = gad_mask_boxes(mask, (int)width, (int)height, &rule, boxes, &count, NULL, err);
    gad_memory_free(mask);
    if (!status && readable && !count)
        status =
            gad_import_note(f->import, GAD_IMPORT_EMPTY_MASK, f->image->file_name, err, "run lengths without a set pixel");
    for (int i = 0; i < count && !status; i++)
        status = add_box(
            f, (gad_import_box){.box = boxes[i].box, .label = a->category, .source = "mask", .area = boxes[i].area}, err);
    *used = count > 0;
    return status || !count ? status : keep_runs(f, a, runs, err);
}

static gad_import_box box_of(const gad_coco_annotation *a)
{
    return (gad_import_box){.box = {a->x, a->y, a->x + a->width, a->y + a->height}, .label = a->category, .source = "coco"};
}

static gad_status find_boxes(found *f, gad_error *err)
{
    gad_status status = GAD_OK;
    for (int i = 0; i < f->image->count && !status; i++) {
        const gad_coco_annotation *a = &f->file->annotations[f->image->first + i];
        bool used = false;
        if (gad_rle_is(json_object_get(a->object, "segmentation")))
            status = boxes_of_runs(f, a, &used, err);
        f->masks = f->masks || used;
        if (status || used)
            continue;
        if (a->width > 0 && a->height > 0) {
            status = add_box(f, box_of(a), err);
        } else {
            f->unreadable++;
            status = gad_import_note(f->import, GAD_IMPORT_BAD_BOX, f->where, err,
                                     "an annotation of image %s has no bbox of four numbers, nor a mask: %.200s", f->id,
                                     f->image->file_name);
        }
        if (!status && gad_sample_says_normal(a->category))
            status = gad_import_note(
                f->import, GAD_IMPORT_BAD_RECORD, f->image->file_name, err,
                "an object of the category \"%.60s\" counts as a defect: COCO marks objects, not images", a->category);
    }
    return status;
}

/* ---- images ---- */

static void id_text(const json_t *id, char *text, size_t size_bytes)
{
    if (json_is_string(id))
        snprintf(text, size_bytes, "%s", json_string_value(id));
    else
        snprintf(text, size_bytes, "%.17g", json_number_value(id));
}

/* The whole sample of an export, as long as its boxes are those of the annotations. */
static gad_status put_whole(found *f, const json_t *whole, const char *where, bool *used, gad_error *err)
{
    found given = {.import = f->import, .file = f->file, .image = f->image};
    gad_status status = GAD_OK;
    for (int i = 0; i < f->image->count && !status; i++)
        status = add_box(&given, box_of(&f->file->annotations[f->image->first + i]), err);
    gad_import_truth truth = {given.boxes, (int)given.count, given.count ? 1 : -1};
    if (!status)
        status = gad_import_put_whole(f->import, whole, &truth, where, used, err);
    gad_memory_free(given.boxes);
    return status;
}

static gad_status add_entry(found *f, const places *where, int split, gad_error *err)
{
    char path[PATH_BYTES], rule[160];
    bool there;
    gad_mask_rule default_rule = gad_mask_rule_default();
    gad_mask_rule_text(&default_rule, rule, sizeof rule);
    gad_status status = gad_find_image(f->import, f->image->file_name, where->list, path, sizeof path, &there,
                                       err); /* a missing one is told */
    if (status)
        return status;
    char *meta = f->kept ? json_dumps(f->kept, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (f->kept && !meta)
        return gad_error_memory(err, "import a dataset", 0);
    gad_import_entry e = {.class_name = gad_file_name(gad_import_folder(f->import)),
                          .split = SPLIT_NAMES[split < 0 ? 0 : split],
                          .type = f->count ? f->boxes[0].label : NULL,
                          .image = path,
                          .view = -1,
                          .boxes = f->boxes,
                          .box_count = (int)f->count,
                          .box_rule = f->masks ? rule : NULL,
                          .width = f->image->width,
                          .height = f->image->height,
                          .meta = meta};
    status = gad_import_add(f->import, &e, err);
    free(meta); /* jansson's own memory */
    return status;
}

static gad_status add_image(gad_import *import, const gad_coco_file *file, const gad_coco_image *image, const char *name,
                            const places *where, int split, gad_error *err)
{
    const json_t *whole = json_object_get(image->object, "mmrad");
    found f = {.import = import, .file = file, .image = image, .where = name};
    bool used = false;
    id_text(json_object_get(image->object, "id"), f.id, sizeof f.id);
    if (!image->file_name)
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, name, err, "image %d of the file has no file_name",
                               (int)(image - file->images) + 1);
    if (image->repeated || image->nameless)
        return gad_import_note(import, GAD_IMPORT_UNLABELLED, image->file_name, err,
                               image->repeated ? "an earlier image has its id: which annotations are its own is not known"
                                               : "it has no id: its annotations are not known");
    gad_status status = json_is_object(whole) ? put_whole(&f, whole, name, &used, err) : GAD_OK;
    if (status || used)
        return status;
    status = find_boxes(&f, err);
    if (!status && f.unreadable && !f.count)
        status = gad_import_note(import, GAD_IMPORT_UNLABELLED, image->file_name, err,
                                 "none of its annotations can be read: the image was left out");
    else if (!status)
        status = add_entry(&f, where, split, err);
    json_decref(f.kept);
    gad_memory_free(f.boxes);
    return status;
}

/* ---- files ---- */

typedef struct reading {
    gad_import *import;
    int files, wrong_files;
    gad_error first; /* what is wrong with the first file that is not one */
} reading;

/* Other programs leave other JSON files: these are told and passed over. */
static gad_status read_file(reading *r, const char *name, gad_error *err)
{
    gad_coco_file file;
    gad_error wrong = {0};
    char *path = gad_file_join(gad_import_folder(r->import), name);
    gad_status status = path ? gad_coco_file_load(path, &file, &wrong) : gad_error_memory(&wrong, "import a dataset", 0);
    gad_memory_free(path);
    r->files++;
    if (status == GAD_E_MEMORY && err)
        *err = wrong;
    if (status == GAD_E_MEMORY)
        return status;
    if (status) {
        if (!r->wrong_files++)
            r->first = wrong;
        return gad_import_note(r->import, GAD_IMPORT_BAD_RECORD, name, err, "left out: %.300s", wrong.cause);
    }
    places where;
    int split = split_of(name);
    list_places(name, split, &where);
    if (file.orphans)
        status =
            gad_import_note(r->import, GAD_IMPORT_BAD_RECORD, name, err, "%d annotations belong to no image", file.orphans);
    for (int i = 0; i < file.image_count && !status; i++)
        status = add_image(r->import, &file, &file.images[i], name, &where, split, err);
    gad_coco_file_free(&file);
    return status;
}

static gad_status read_folder(reading *r, const char *folder, gad_error *err)
{
    gad_file_names names;
    gad_status status = gad_import_list(r->import, folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        char path[PATH_BYTES];
        if (!gad_file_has_extension(names.name[i], "json"))
            continue;
        snprintf(path, sizeof path, "%s%s%s", folder, folder[0] ? "/" : "", names.name[i]);
        status = read_file(r, path, err);
    }
    gad_file_names_free(&names);
    return status;
}

static gad_status read_coco(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    reading r = {.import = import};
    gad_file_names names = {0};
    gad_status status = read_folder(&r, "", err);
    if (!status)
        status = gad_import_list(import, "", &names, err);
    for (size_t i = 0; i < names.count && !status; i++)
        if (strcmp(names.name[i], "annotations") == 0 || split_of(names.name[i]) >= 0)
            status = read_folder(&r, names.name[i], err);
    gad_file_names_free(&names);
    if (status)
        return status;
    if (!r.files)
        return gad_guess_refuse(import, entry, "put the COCO JSON file beside the images or into annotations/", err,
                                "no JSON file");
    if (r.files == r.wrong_files && err)
        *err = r.first;
    return r.files == r.wrong_files ? r.first.code : GAD_OK;
}

const gad_catalog_entry gad_coco = {
    .name = "coco",
    .title = "folder with COCO JSON",
    .license = "your own",
    .citation = "",
    .home = "",
    .generic = true,
    .read = read_coco,
};
