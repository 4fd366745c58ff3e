/* visa: CLASS/Data/Images/{Normal,Anomaly}, masks whose values name the defect, splits in split_csv/1cls.csv. A copy that
 * was rearranged to the generic layout (as the authors' script does) is read as well; its masks name nothing. */
#include "base/error.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/class_folders.h"
#include "data/layout_mvtec.h"

#include <stdio.h>
#include <string.h>

static const char *const CLASSES[] = {"candle", "capsules", "cashew", "chewinggum", "fryum",      "macaroni1", "macaroni2",
                                      "pcb1",   "pcb2",     "pcb3",   "pcb4",       "pipe_fryum", NULL};

/* Names of the values 1, 2, ... of a class's masks. */
static const struct {
    const char *class_name, *names[10];
} TYPES[] = {
    {"candle",
     {"Chunk Of Wax Missing", "Damaged Corner of Packaging", "weird candle wick", "Different Colour Spot",
      "Extra Wax in Candle", "Foreign Particals on Candle", "Wax Melded out of the candle", "Other"}},
    {"capsules", {"Bubble", "Discolor", "Scratch", "Leak", "Misshape"}},
    {"cashew",
     {"Burnt", "Corner or Edge Breakage", "Different Colour Spot", "Middle Breakage", "Small Holes", "Small Scratches",
      "Stuck Together", "Same Colour Spot", "Other"}},
    {"chewinggum", {"Chunk of gum missing", "Corner Missing", "Scratches", "Similar Colour Spot", "Small Cracks", "Other"}},
    {"fryum",
     {"Burnt", "Corner or Edge Breakage", "Different Colour Spot", "Fryum Stuck Together", "Middle Breakage",
      "Similar Colour Spot", "Small Scratches", "Other"}},
    {"macaroni1",
     {"Chip Around Edge And Corner", "Different Colour Spot", "Middle Breakage", "Similar Colour Spot", "Small Cracks",
      "Small Scratches", "Other"}},
    {"macaroni2",
     {"Breakage down the middle", "Color spot similar to the Object", "Different Color spot", "Small chip around edge",
      "Small Cracks", "Small Scratches", "Other"}},
    {"pcb1", {"Bent", "Melt", "Scratch", "Missing"}},
    {"pcb2", {"Bent", "Melt", "Scratch", "Missing"}},
    {"pcb3", {"Bent", "Melt", "Scratch", "Missing"}},
    {"pcb4", {"Burnt", "Scratch", "Missing", "Damage", "Extra", "Wrong Place", "Dirt"}},
    {"pipe_fryum",
     {"Burnt", "Corner And Edge Breakage", "Different Colour Spot", "Middle Breakage", "Similar Colour Spot",
      "Small Scratches", "Stuck Together", "Small Cracks", "Other"}},
};

static const char *const *names_of(const char *class_name)
{
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (strcmp(TYPES[i].class_name, class_name) == 0)
            return TYPES[i].names;
    return NULL;
}

/* Cut a line at its commas, in place; returns the number of fields. */
static int split_fields(char *line, char *fields[], int most)
{
    int n = 0;
    for (char *at = line; at && n < most;) {
        fields[n++] = at;
        at = strchr(at, ',');
        if (at)
            *at++ = 0;
    }
    return n;
}

static gad_status add_image(gad_import *import, const char *class_name, const char *split, bool anomalous,
                            const char *image, const char *mask, gad_error *err)
{
    const char *masks[2] = {mask, NULL};
    gad_import_entry e = {.class_name = class_name,
                          .split = split,
                          .type = anomalous ? "bad" : NULL,
                          .image = image,
                          .view = -1,
                          .encoding = GAD_IMPORT_INDEX,
                          .names = names_of(class_name)};
    if (mask && mask[0])
        e.masks = masks;
    return gad_import_add(import, &e, err);
}

/* object,split,label,image,mask with paths from the root; a header line first. */
static gad_status read_csv(gad_import *import, const char *relative, gad_error *err)
{
    char *path = gad_file_join(gad_import_folder(import), relative), *text = NULL;
    size_t length = 0;
    int number = 0;
    gad_status status =
        path ? gad_file_read(path, 64 << 20, &text, &length, err) : gad_error_memory(err, "read the split", 0);
    for (char *line = text, *next; !status && line && *line; line = next) {
        char *fields[6];
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        else
            next = line + strlen(line);
        line[strcspn(line, "\r")] = 0;
        number++;
        if (number == 1 || !line[0])
            continue;
        int n = split_fields(line, fields, 6);
        if (n < 4 || (strcmp(fields[2], "normal") != 0 && strcmp(fields[2], "anomaly") != 0)) {
            char where[128];
            snprintf(where, sizeof where, "%.100s:%d", relative, number);
            status = gad_import_note(import, GAD_IMPORT_BAD_RECORD, where, err, "expected object,split,label,image,mask");
            continue;
        }
        status = add_image(import, fields[0], fields[1], strcmp(fields[2], "anomaly") == 0, fields[3],
                           n > 4 ? fields[4] : NULL, err);
    }
    gad_memory_free(text);
    gad_memory_free(path);
    return status;
}

/* Without the split file: all normals train, all anomalous images test. */
static gad_status read_folders(gad_import *import, const char *class_name, gad_error *err)
{
    gad_status status = GAD_OK;
    for (int anomalous = 0; anomalous < 2 && !status; anomalous++) {
        gad_file_names names;
        char folder[256], image[600], mask[600];
        snprintf(folder, sizeof folder, "%s/Data/Images/%s", class_name, anomalous ? "Anomaly" : "Normal");
        status = gad_import_list(import, folder, &names, err);
        for (size_t i = 0; i < names.count && !status; i++) {
            if (!gad_import_is_image(names.name[i]))
                continue;
            int stem = (int)(strlen(names.name[i]) - strlen(gad_file_extension(names.name[i])) - 1);
            snprintf(image, sizeof image, "%s/%s", folder, names.name[i]);
            snprintf(mask, sizeof mask, "%s/Data/Masks/Anomaly/%.*s.png", class_name, stem, names.name[i]);
            status =
                add_image(import, class_name, anomalous ? "test" : "train", anomalous, image, anomalous ? mask : NULL, err);
        }
        gad_file_names_free(&names);
    }
    return status;
}

static gad_status read_visa(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    static const char *const splits[] = {"split_csv/1cls.csv", "1cls.csv"};
    gad_file_names classes;
    gad_status status = gad_class_folders_list(import, entry, &classes, err);
    if (status)
        return status;
    for (int i = 0; i < 2; i++)
        if (gad_import_exists(import, splits[i])) {
            gad_file_names_free(&classes);
            return read_csv(import, splits[i], err);
        }
    gad_layout_mvtec layout = gad_layout_mvtec_default();
    layout.threshold = 0;
    for (size_t i = 0; i < classes.count && !status; i++) {
        char raw[256];
        snprintf(raw, sizeof raw, "%s/Data/Images", classes.name[i]);
        status = gad_import_exists(import, raw) ? read_folders(import, classes.name[i], err)
                                                : gad_layout_mvtec_read_class(import, classes.name[i], &layout, err);
    }
    gad_file_names_free(&classes);
    return status;
}

const gad_catalog_entry gad_visa = {
    .name = "visa",
    .title = "VisA",
    .license = "CC BY 4.0",
    .citation =
        "Zou et al., SPot-the-Difference Self-Supervised Pre-training for Anomaly Detection and Segmentation, ECCV 2022",
    .home = "https://github.com/amazon-science/spot-diff",
    .benchmark = true,
    .images = 10821,
    .normal = 9621,
    .anomalous = 1200,
    .mmr_images = 2287,
    .mmr_boxes = 1568,
    .mmr_categories = 12,
    .mmr_types = 35,
    .classes = CLASSES,
    .read = read_visa,
};
