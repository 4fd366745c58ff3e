/* mmr_ad: the released MMR-AD folders: [SUBSET/]CLASS/{train_good,test_good,test/TYPE} with bbox_annos.json,
 * text_annos.json, reference.json, or these files in the source's own folders (MVTec AD, VisA). Boxes are on a canvas whose
 * shorter side is 448 unless the entry says its own. Several shapes of the JSON files are accepted; what fits none, and all
 * that is dropped, is named. */
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/adapter/mmr_ad_entry.h"
#include "data/guess.h"
#include "io/image.h"
#include "task/answer.h"
#include "task/mask.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAX_BOXES = 256, MAX_REFERENCES = 32, PATH_BYTES = 900 };

/* One class folder with its three files as objects keyed by entry name. */
typedef struct class_files {
    const char *folder; /* "SUBSET/CLASS" or "CLASS" */
    json_t *boxes, *texts, *references;
    json_t *box_root, *text_root;
    bool benchmark;
    struct agreement *agreement;
} class_files;

/* How well boxes and masks agree where both are there: boxes in another frame than expected show up here. */
typedef struct agreement {
    double iou_sum;
    int64_t images;
} agreement;

/* Mean over the boxes of the best IoU with a box that the mask gives. An unreadable or other-sized mask says nothing. */
static void compare_with_mask(gad_import *import, const class_files *files, const char *type, const char *name,
                              const gad_import_box *boxes, int count)
{
    static const char *const endings[] = {"_mask.png", ".png"};
    gad_mask_rule rule = gad_mask_rule_default();
    gad_mask_box found[GAD_MASK_BOX_LIMIT];
    gad_box truth[GAD_MASK_BOX_LIMIT];
    int masked = 0, stem = (int)(strlen(name) - strlen(gad_file_extension(name)) - 1);
    char relative[PATH_BYTES + 320];
    gad_image mask = {0};
    double sum = 0;
    for (int i = 0; i < 2 && !mask.pixels; i++) {
        snprintf(relative, sizeof relative, "%s/ground_truth/%s/%.*s%s", files->folder, type, stem, name, endings[i]);
        char *path = gad_import_exists(import, relative) ? gad_file_join(gad_import_folder(import), relative) : NULL;
        if (path && gad_image_load_mask(path, GAD_IMAGE_PALETTE_COLOUR, &mask, NULL))
            mask = (gad_image){0};
        gad_memory_free(path);
    }
    if (mask.pixels && gad_mask_boxes(mask.pixels, (int)mask.width, (int)mask.height, &rule, found, &masked, NULL, NULL))
        masked = 0;
    for (int k = 0; k < masked; k++)
        truth[k] = found[k].box;
    for (int i = 0; i < count && masked; i++)
        sum += gad_box_best_iou(boxes[i].box, truth, (size_t)masked) / count;
    files->agreement->iou_sum += sum;
    files->agreement->images += masked > 0 && count > 0;
    gad_image_free(&mask);
}

/* A list of {name, ...} as an object by name; an object stays as it is. *view is a new reference. */
static gad_status by_name(const json_t *root, const char *path, json_t **view, gad_error *err)
{
    size_t i;
    json_t *item;
    *view = json_object();
    if (!*view)
        return gad_error_memory(err, "read MMR-AD", 0);
    if (json_is_object(root)) {
        json_object_update(*view, (json_t *)root);
        return GAD_OK;
    }
    json_array_foreach (root, i, item) {
        const json_t *name = json_object_get(item, "name");
        if (!json_is_string(name))
            name = json_object_get(item, "image");
        if (!json_is_string(name)) {
            json_decref(*view);
            *view = NULL;
            return gad_error_set(err, GAD_E_FORMAT, "read MMR-AD", "entries are told apart by their key \"name\"",
                                 "%s: entry %zu has no name", path, i);
        }
        json_object_set(*view, json_string_value(name), item);
    }
    return GAD_OK;
}

static gad_status load_part(gad_import *import, const char *folder, const char *file, json_t **root, json_t **view,
                            gad_error *err)
{
    char relative[PATH_BYTES];
    snprintf(relative, sizeof relative, "%s/%s", folder, file);
    if (!gad_import_exists(import, relative))
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, relative, err, "no such file");
    char *path = gad_file_join(gad_import_folder(import), relative);
    gad_status status = path ? gad_json_load(path, root, err) : gad_error_memory(err, "read MMR-AD", 0);
    if (!status)
        status = by_name(*root, path, view, err);
    gad_memory_free(path);
    return status;
}

/* The first of these members that is there. */
static const json_t *member(const json_t *object, const char *const *keys, size_t count)
{
    const json_t *found = NULL;
    for (size_t i = 0; i < count && !found; i++)
        found = json_object_get(object, keys[i]);
    return found;
}

/* Boxes of an entry: {bboxes:[...]} or the list itself; items [x1,y1,x2,y2(,label)] or {bbox_2d|bbox|box, label|type}.
 * *dropped: items that are none, or too many. */
static int read_boxes(const json_t *entry, const gad_box_frame *frame, gad_import_box *boxes, int *dropped)
{
    static const char *const box_lists[] = {"bboxes", "boxes", "bbox"}, *const corners[] = {"bbox_2d", "bbox", "box"},
                             *const labels[] = {"label", "type", "category"};
    const json_t *list = json_is_array(entry) ? entry : member(entry, box_lists, 3), *item;
    size_t i;
    int count = 0;
    *dropped = 0;
    json_array_foreach (list, i, item) {
        const json_t *four = json_is_array(item) ? item : member(item, corners, 3),
                     *label = json_is_array(item) ? json_array_get(item, 4) : member(item, labels, 3);
        bool good = json_array_size(four) >= 4 && count < MAX_BOXES;
        gad_model_box model;
        for (size_t k = 0; k < 4 && good; k++) {
            good = json_is_number(json_array_get(four, k));
            model.value[k] = json_number_value(json_array_get(four, k));
        }
        *dropped += !good;
        if (!good)
            continue;
        gad_box b = gad_box_from_model(frame, model);
        /* The canvas is rounded to whole pixels: a hundredth beyond the border is not outside. */
        boxes[count++] =
            (gad_import_box){.box = {.x1 = b.x1 + 0.01, .y1 = b.y1 + 0.01, .x2 = b.x2 - 0.01, .y2 = b.y2 - 0.01},
                             .label = json_is_string(label) ? json_string_value(label) : NULL,
                             .source = "import"};
    }
    return count;
}

/* The reasoning inside a full answer. Appends to `think`; nothing when there is none. */
static gad_status read_text(const json_t *entry, const gad_box_frame *frame, gad_string *think, gad_error *err)
{
    const json_t *text = json_is_string(entry) ? entry : json_object_get(entry, "text");
    const json_t *plain = json_object_get(entry, "think");
    if (json_is_string(plain)) {
        gad_string_add(think, json_string_value(plain));
        return GAD_OK;
    }
    if (!json_is_string(text))
        return GAD_OK;
    gad_answer answer;
    const char *all = json_string_value(text);
    gad_status status = gad_answer_read(all, strlen(all), frame, &answer, err);
    if (status)
        return status;
    gad_string_append(think, all + answer.think_begin, answer.think_length);
    gad_answer_free(&answer);
    return GAD_OK;
}

/* What a list of references may be called, and a reference in it. */
static const char *const reference_keys[] = {"references", "reference", "refs", "ref", "similar", "normal", "images"},
                         *const path_keys[] = {"path", "image", "name", "ref-name", "ref_name", "file", "file_name"};

/* The references of one image as they were found, best first. */
typedef struct reference_list {
    char (*path)[PATH_BYTES]; /* [MAX_REFERENCES] */
    const char *list[MAX_REFERENCES + 1];
    int count;
} reference_list;

/* One reference: a path, or an object with one. What cannot be used is said. */
static gad_status add_reference(gad_import *import, const char *folder, const json_t *item, const char *image,
                                reference_list *to, gad_error *err)
{
    const json_t *given = json_is_object(item) ? member(item, path_keys, sizeof path_keys / sizeof *path_keys) : item;
    if (!json_is_string(given))
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, image, err, "a reference of it names no image");
    if (to->count == MAX_REFERENCES)
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, image, err,
                               "it has more than %d references: %.200s is left out", MAX_REFERENCES,
                               json_string_value(given));
    if (!gad_mmr_ad_entry_reference(import, folder, json_string_value(given), to->path[to->count], PATH_BYTES))
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, image, err, "its reference %.200s is not there",
                               json_string_value(given));
    for (int i = 0; i < to->count; i++)
        if (strcmp(to->path[i], to->path[to->count]) == 0)
            return GAD_OK;
    to->list[to->count] = to->path[to->count];
    to->count++;
    return GAD_OK;
}

/* A path, a list, or an object that holds one of both. */
static gad_status read_references(gad_import *import, const char *folder, const json_t *entry, const char *image,
                                  reference_list *to, gad_error *err)
{
    const json_t *inner = json_is_object(entry)
                              ? member(entry, reference_keys, sizeof reference_keys / sizeof *reference_keys)
                              : NULL,
                 *item;
    size_t i;
    gad_status status = GAD_OK;
    entry = inner ? inner : entry;
    if (!json_is_array(entry))
        return add_reference(import, folder, entry, image, to, err);
    json_array_foreach (entry, i, item) {
        if (!status)
            status = add_reference(import, folder, item, image, to, err);
    }
    return status;
}

/* An entry that gad exported: the whole sample, with the paths of this tree. */
static gad_status put_whole(gad_import *import, const class_files *files, const json_t *whole, const char *image,
                            const char *const *references, gad_error *err)
{
    gad_sample s = {0};
    gad_status status = gad_sample_from_json(whole, image, &s, err);
    if (status)
        return status;
    bool good = gad_sample_set(&s.image, image);
    for (size_t i = 0; i < s.reference_count && references[i] && good; i++)
        good = gad_sample_set(&s.references[i].path, references[i]);
    const char *name = gad_file_name(image), *type = image + strlen(files->folder) + 1;
    if (s.mask && s.label && strncmp(type, "test/", 5) == 0) {
        char mask[2 * PATH_BYTES];
        int stem = (int)(strlen(name) - strlen(gad_file_extension(name)) - 1), kind = (int)strcspn(type + 5, "/");
        snprintf(mask, sizeof mask, "%s/ground_truth/%.*s/%.*s_mask.%s", files->folder, kind, type + 5, stem, name,
                 gad_file_extension(s.mask));
        good = good && gad_sample_set(&s.mask, gad_import_exists(import, mask) ? mask : NULL);
    }
    if (s.crop[2] > s.crop[0]) /* the view was cut out */
        memset(s.crop, 0, sizeof s.crop);
    status = good ? gad_import_put(import, &s, err) : gad_error_memory(err, "read MMR-AD", 0);
    gad_sample_free(&s);
    return status;
}

/* What the three files say of one image. Keys that were used are taken out of them: what stays there fits no image. */
typedef struct annotation {
    const json_t *boxes, *text, *reference;
    gad_box_frame frame;
} annotation;

static const json_t *take_entry(json_t *view, const char *type, const char *class_path)
{
    const char *key = NULL;
    const json_t *entry = gad_mmr_ad_entry_find(view, type, class_path, &key);
    if (entry)
        json_object_del(view, key); /* the file's own value holds it still */
    return entry;
}

static annotation find_annotation(gad_import *import, const class_files *files, const char *type, const char *image)
{
    int64_t width = 0, height = 0;
    const char *class_path = image + (gad_file_name(files->folder) - files->folder);
    char *full = gad_file_join(gad_import_folder(import), image);
    /* An unreadable image is named by the import; here its size is only needed for the canvas. */
    if (!full || gad_image_probe(full, &width, &height, NULL))
        width = height = 448;
    gad_memory_free(full);
    annotation a = {.boxes = take_entry(files->boxes, type, class_path),
                    .text = take_entry(files->texts, type, class_path),
                    .reference = take_entry(files->references, type, class_path)};
    int canvas_w = (int)json_integer_value(json_object_get(a.boxes, "resized_width")),
        canvas_h = (int)json_integer_value(json_object_get(a.boxes, "resized_height"));
    a.frame = gad_box_frame_make(GAD_BOX_CANVAS, GAD_BOX_XY, (int)width, (int)height, canvas_w, canvas_h);
    if (!a.reference)
        a.reference = json_object_get(a.text, "ref-name");
    return a;
}

static gad_status read_annotation(gad_import *import, const class_files *files, const annotation *a, gad_import_entry *e,
                                  gad_import_box *boxes, reference_list *refs, gad_string *think, gad_error *err)
{
    int dropped = 0;
    gad_status status = GAD_OK;
    e->box_count = e->type ? read_boxes(a->boxes, &a->frame, boxes, &dropped) : 0;
    if (e->box_count)
        compare_with_mask(import, files, e->type, gad_file_name(e->image), boxes, e->box_count);
    if (dropped)
        status = gad_import_note(import, GAD_IMPORT_BAD_BOX, e->image, err,
                                 "%d boxes of bbox_annos.json are left out: not four numbers, or more than %d", dropped,
                                 MAX_BOXES);
    if (!status && e->type && !e->box_count && !dropped && !json_object_get(a->boxes, "mmrad"))
        status = gad_import_note(import, GAD_IMPORT_BAD_RECORD, e->image, err, "no boxes for it in bbox_annos.json");
    if (!status && a->text)
        status = read_text(a->text, &a->frame, think, err);
    if (!status && a->reference)
        status = read_references(import, files->folder, a->reference, e->image, refs, err);
    e->references = refs->count ? refs->list : NULL;
    e->reference_method = refs->count ? "MMR-AD reference.json" : NULL;
    e->think = think->length ? think->data : NULL;
    return status;
}

static gad_status add_image(gad_import *import, class_files *files, const char *folder, const char *name, const char *type,
                            const char *split, gad_error *err)
{
    gad_import_box boxes[MAX_BOXES];
    char image[PATH_BYTES], class_text[128];
    reference_list refs = {.path = gad_memory_alloc(MAX_REFERENCES, PATH_BYTES)};
    gad_string think = {0};
    snprintf(image, sizeof image, "%s/%s/%s", files->folder, folder, name);
    snprintf(class_text, sizeof class_text, "%s", gad_file_name(files->folder));
    gad_sample_normalise(class_text);
    gad_import_entry e = {.class_name = files->folder,
                          .class_text = class_text,
                          .split = split,
                          .type = type,
                          .image = image,
                          .view = -1,
                          .no_truth = true,
                          .text_source = "import",
                          .boxes = boxes};
    if (!refs.path)
        return gad_error_memory(err, "read MMR-AD", PATH_BYTES);
    const annotation a = find_annotation(import, files, type, image);
    gad_status status = read_annotation(import, files, &a, &e, boxes, &refs, &think, err);
    const json_t *whole = json_object_get(a.boxes, "mmrad");
    if (!status)
        status = json_is_object(whole) ? put_whole(import, files, whole, image, refs.list, err)
                                       : gad_import_add(import, &e, err);
    gad_string_free(&think);
    gad_memory_free(refs.path);
    return status;
}

static gad_status add_folder(gad_import *import, class_files *files, const char *folder, const char *type,
                             const char *split, gad_error *err)
{
    char path[2 * PATH_BYTES];
    gad_file_names names;
    snprintf(path, sizeof path, "%s/%s", files->folder, folder);
    gad_status status = gad_import_list(import, path, &names, err);
    for (size_t i = 0; i < names.count && !status; i++)
        if (gad_import_is_image(names.name[i]))
            status = add_image(import, files, folder, names.name[i], type, split, err);
    gad_file_names_free(&names);
    return status;
}

/* The release's folders, and those of MVTec AD and VisA. A source's own training normals are what references come from. */
static gad_status add_folders(gad_import *import, class_files *files, gad_error *err)
{
    const char *pool = files->benchmark ? "reference" : "train", *asked = files->benchmark ? "benchmark" : "train";
    const struct {
        const char *folder, *type, *split;
    } fixed[] = {{"train_good", NULL, pool},
                 {"train/good", NULL, pool},
                 {"Data/Images/Normal", NULL, pool},
                 {"test_good", NULL, asked},
                 {"Data/Images/Anomaly", "anomaly", asked}};
    char test[PATH_BYTES + 32];
    gad_file_names types = {0};
    gad_status status = GAD_OK;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed && !status; i++)
        status = add_folder(import, files, fixed[i].folder, fixed[i].type, fixed[i].split, err);
    snprintf(test, sizeof test, "%s/test", files->folder);
    if (!status)
        status = gad_import_list(import, test, &types, err);
    for (size_t i = 0; i < types.count && !status; i++) {
        char sub[300];
        snprintf(sub, sizeof sub, "test/%s", types.name[i]);
        status = add_folder(import, files, sub, gad_sample_says_normal(types.name[i]) ? NULL : types.name[i], asked, err);
    }
    gad_file_names_free(&types);
    return status;
}

/* Entries that fit no image. */
static gad_status note_left(gad_import *import, const char *folder, const char *file, json_t *view, gad_error *err)
{
    const char *left;
    json_t *value;
    gad_status status = GAD_OK;
    json_object_foreach (view, left, value) {
        if (!status)
            status = gad_import_note(import, GAD_IMPORT_MISSING_IMAGE, folder, err,
                                     "%s has \"%.200s\", but there is no such image", file, left);
    }
    return status;
}

static gad_status read_class(gad_import *import, const char *folder, bool benchmark, agreement *masks, gad_error *err)
{
    class_files files = {.folder = folder, .benchmark = benchmark, .agreement = masks};
    json_t *reference_root = NULL;
    gad_status status = load_part(import, folder, "bbox_annos.json", &files.box_root, &files.boxes, err);
    if (!status)
        status = load_part(import, folder, "text_annos.json", &files.text_root, &files.texts, err);
    if (!status)
        status = load_part(import, folder, "reference.json", &reference_root, &files.references, err);
    if (!status)
        status = add_folders(import, &files, err);
    if (!status)
        status = note_left(import, folder, "bbox_annos.json", files.boxes, err);
    if (!status)
        status = note_left(import, folder, "text_annos.json", files.texts, err);
    if (!status)
        status = note_left(import, folder, "reference.json", files.references, err);
    json_t *all[] = {files.boxes, files.texts, files.references, files.box_root, files.text_root, reference_root};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        json_decref(all[i]);
    return status;
}

/* The four held-out sets under the names that folders give them. */
static bool is_benchmark(const char *subset)
{
    static const char *const names[] = {"mvtec-ad", "mvtec_ad", "mvtec",      "mvtecad",     "visa",        "mvtec-3d",
                                        "mvtec_3d", "mvtec3d",  "mvtec3d-ad", "mvtec-3d-ad", "mvtec_3d_ad", "mpdd"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(names[i], subset) == 0)
            return true;
    return false;
}

/* Reads every class folder below `folder` ("" or a subset); *found counts them. */
static gad_status read_subset(gad_import *import, const char *folder, bool benchmark, int *found, agreement *masks,
                              gad_error *err)
{
    gad_file_names names;
    gad_status status = gad_import_list(import, folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        char path[PATH_BYTES - 64], mark[PATH_BYTES];
        snprintf(path, sizeof path, "%s%s%s", folder, folder[0] ? "/" : "", names.name[i]);
        snprintf(mark, sizeof mark, "%s/bbox_annos.json", path);
        if (!gad_import_exists(import, mark))
            continue;
        ++*found;
        status = read_class(import, path, benchmark, masks, err);
    }
    gad_file_names_free(&names);
    return status;
}

static gad_status read_mmr_ad(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    enum { ENOUGH = 5 };
    const double least = 0.3; /* below this the boxes are in another frame (docs/spec/datasets.md section 9.6) */
    int found = 0;
    agreement boxes_and_masks = {0};
    gad_status status =
        read_subset(import, "", is_benchmark(gad_file_name(gad_import_folder(import))), &found, &boxes_and_masks, err);
    gad_file_names names = {0};
    if (!status && !found)
        status = gad_import_list(import, "", &names, err);
    for (size_t i = 0; i < names.count && !status; i++)
        status = read_subset(import, names.name[i], is_benchmark(names.name[i]), &found, &boxes_and_masks, err);
    gad_file_names_free(&names);
    double mean = boxes_and_masks.images ? boxes_and_masks.iou_sum / (double)boxes_and_masks.images : 1;
    if (!status && boxes_and_masks.images >= ENOUGH && mean < least)
        status = gad_import_note(
            import, GAD_IMPORT_BAD_BOX, "bbox_annos.json", err,
            "boxes and masks agree to a mean IoU of %.2f only (%lld images): they are not on a canvas of 448", mean,
            (long long)boxes_and_masks.images);
    if (!status && !found)
        status = gad_guess_refuse(import, entry, "give the folder of the release, or of one subset in it", err,
                                  "no class folder with bbox_annos.json");
    return status;
}

const gad_catalog_entry gad_mmr_ad = {
    .name = "mmr_ad",
    .title = "MMR-AD (released annotations)",
    .license = "as each source dataset",
    .citation = "Yao et al., MMR-AD: A Large-Scale Multimodal Dataset for Benchmarking General Anomaly Detection with "
                "MLLMs, CVPR 2026",
    .home = "https://github.com/xcyao00/MMR-AD",
    .images = 127137,
    .normal = 28222,
    .anomalous = 98915,
    .mmr_images = 127137,
    .mmr_boxes = 112875,
    .mmr_categories = 188,
    .mmr_types = 395,
    .read = read_mmr_ad,
};
