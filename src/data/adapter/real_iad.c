/* real_iad: five views per object; an index file per class says which image is what. The mask path is taken from there,
 * never guessed. Groups are objects: all views of one stay together. */
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/guess.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const CLASSES[] = {"audiojack",
                                      "bottle_cap",
                                      "button_battery",
                                      "end_cap",
                                      "eraser",
                                      "fire_hood",
                                      "mint",
                                      "mounts",
                                      "pcb",
                                      "phone_battery",
                                      "plastic_nut",
                                      "plastic_plug",
                                      "porcelain_doll",
                                      "regulator",
                                      "rolled_strip_base",
                                      "sim_card_set",
                                      "switch",
                                      "tape",
                                      "terminalblock",
                                      "toothbrush",
                                      "toy",
                                      "toy_brick",
                                      "transistor1",
                                      "u_block",
                                      "usb",
                                      "usb_adaptor",
                                      "vcpill",
                                      "wooden_beads",
                                      "woodstick",
                                      "zipper",
                                      NULL};

static const struct {
    const char *code, *name;
} CODES[] = {{"AK", "pit"},    {"BX", "deformation"},   {"CH", "abrasion"},        {"HS", "scratch"},
             {"PS", "damage"}, {"QS", "missing parts"}, {"YW", "foreign objects"}, {"ZW", "contamination"}};

static const char *type_of(const char *code)
{
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
        if (strcmp(CODES[i].code, code) == 0)
            return CODES[i].name;
    return code;
}

/* NAME up to "_C<k>_": the object; k: the view. */
static int object_key(const char *image, char *key, size_t size_bytes)
{
    const char *name = gad_file_name(image), *mark = NULL;
    for (const char *at = name; (at = strstr(at, "_C")) != NULL; at++)
        if (at[2] >= '1' && at[2] <= '9' && at[3] == '_')
            mark = at;
    snprintf(key, size_bytes, "%.*s", (int)(mark ? mark - name : (long)strlen(name)), name);
    return mark ? mark[2] - '0' : -1;
}

static gad_status add_entry(gad_import *import, const char *class_name, const char *base, const char *normal,
                            const char *split, const json_t *item, const char *where, gad_error *err)
{
    const char *code = NULL, *image = NULL, *mask = NULL;
    char image_path[700], mask_path[700], key[256];
    gad_error ignored;
    gad_status bad = gad_json_get_string(item, "anomaly_class", where, NULL, &code, &ignored);
    bad = bad ? bad : gad_json_get_string(item, "image_path", where, NULL, &image, &ignored);
    bad = bad ? bad : gad_json_get_string(item, "mask_path", where, NULL, &mask, &ignored);
    if (bad || !code || !image)
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, where, err,
                               "an entry of \"%s\" lacks anomaly_class or image_path", split);
    snprintf(image_path, sizeof image_path, "%s%s", base, image);
    snprintf(mask_path, sizeof mask_path, "%s%s", base, mask ? mask : "");
    bool good = strcmp(code, normal) == 0;
    const char *masks[2] = {mask && mask[0] ? mask_path : NULL, NULL};
    gad_import_entry e = {.class_name = class_name,
                          .split = split,
                          .type = good ? NULL : type_of(code),
                          .image = image_path,
                          .threshold = 127,
                          .soft_mask = true,
                          .masks = masks[0] ? masks : NULL,
                          .group = key};
    e.view = object_key(image, key, sizeof key);
    return gad_import_add(import, &e, err);
}

static gad_status read_index(gad_import *import, const char *index, const char *images, gad_error *err)
{
    json_t *root = NULL;
    const char *prefix = "", *normal = "OK";
    char class_name[128], base[600];
    static const char *const splits[2] = {"train", "test"};
    char *path = gad_file_join(gad_import_folder(import), index);
    gad_status status = path ? gad_json_load(path, &root, err) : gad_error_memory(err, "read an index", 0);
    gad_memory_free(path);
    const json_t *meta = json_object_get(root, "meta");
    if (!status)
        status = gad_json_get_string(meta, "prefix", index, "", &prefix, err);
    if (!status)
        status = gad_json_get_string(meta, "normal_class", index, "OK", &normal, err);
    if (!status && !json_is_array(json_object_get(root, "train")) && !json_is_array(json_object_get(root, "test")))
        status = gad_error_set(err, GAD_E_FORMAT, "read an index", "expected the keys meta, train, test",
                               "%s: not an index of Real-IAD", index);
    const char *name = gad_file_name(index);
    snprintf(class_name, sizeof class_name, "%.*s", (int)(strlen(name) - 5), name);
    snprintf(base, sizeof base, "%s%s%s%s", images, images[0] ? "/" : "", prefix,
             prefix[0] && prefix[strlen(prefix) - 1] != '/' ? "/" : "");
    for (int s = 0; s < 2 && !status; s++) {
        size_t i;
        const json_t *item, *list = json_object_get(root, splits[s]);
        json_array_foreach (list, i, item) {
            if (!status)
                status = add_entry(import, class_name, base, normal, splits[s], item, index, err);
        }
    }
    json_decref(root);
    return status;
}

static gad_status read_real_iad(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    static const char *const indexes[] = {"realiad_jsons", "realiad_jsons_sv"}, *const images[] = {
                                                                                    "realiad_1024", "realiad_raw",
                                                                                    "realiad_512", "realiad_256", ""};
    int which = 0, at = 0, read = 0;
    while (which < 2 && !gad_import_exists(import, indexes[which]))
        which++;
    while (at < 4 && !gad_import_exists(import, images[at]))
        at++;
    if (which == 2)
        return gad_guess_refuse(import, entry,
                                "give the folder that holds realiad_jsons and realiad_1024 (or another resolution)", err,
                                "there is no realiad_jsons folder");
    gad_file_names names;
    gad_status status = gad_import_list(import, indexes[which], &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        char path[400];
        if (!gad_file_has_extension(names.name[i], "json"))
            continue;
        snprintf(path, sizeof path, "%s/%.250s", indexes[which], names.name[i]);
        status = read_index(import, path, images[at], err);
        read++;
    }
    gad_file_names_free(&names);
    if (!status && !read)
        status = gad_error_set(err, GAD_E_FORMAT, "import a dataset", NULL, "%s/%s: no index files",
                               gad_import_folder(import), indexes[which]);
    return status;
}

const gad_catalog_entry gad_real_iad = {
    .name = "real_iad",
    .title = "Real-IAD",
    .license = "CC BY-NC-SA 4.0",
    .citation = "Wang et al., Real-IAD: A Real-World Multi-View Dataset for Benchmarking Versatile Industrial Anomaly "
                "Detection, CVPR 2024",
    .home = "https://realiad4ad.github.io/Real-IAD",
    .images = 151050,
    .normal = 99721,
    .anomalous = 51329,
    .mmr_images = 50389,
    .mmr_boxes = 44283,
    .mmr_categories = 30,
    .mmr_types = 44,
    .classes = CLASSES,
    .read = read_real_iad,
};
