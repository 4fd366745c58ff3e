/* import: turns what an adapter says about images into stored samples: hashes and measures each file, checks its masks,
 * makes boxes, names and counts everything that is wrong. In: entries. Out: rows of the store, a report. Works through
 * a bounded queue, so memory does not grow with the dataset. Knows no dataset's layout. */
#ifndef GAD_DATA_IMPORT_H
#define GAD_DATA_IMPORT_H
#include "base/file.h"
#include "data/store.h"
#include "task/box.h"

typedef enum gad_import_encoding {
    GAD_IMPORT_BINARY, /* set when value > threshold */
    GAD_IMPORT_INDEX,  /* the value names the class: `names`, from 1 */
    GAD_IMPORT_VALUES  /* one defect per file; its value (not 0) is looked up in `values` */
} gad_import_encoding;

typedef struct gad_import_value {
    int value;
    const char *name;
} gad_import_value;

typedef struct gad_import_box {
    gad_box box; /* any numbers: import rounds outwards */
    const char *label, *source, *track;
    double rotation;
    int64_t area; /* mask pixels; 0 when unknown */
} gad_import_box;

/* One image file, as an adapter knows it. Strings are copied. Paths are relative to the dataset's folder. */
typedef struct gad_import_entry {
    const char *class_name;
    const char *class_text; /* NULL: the class name with spaces */
    const char *split;      /* train, val, test */
    const char *type;       /* folder name of the anomaly; NULL: normal */
    const char *group;      /* NULL: the image is its own group */
    const char *image;
    int view;                 /* -1 none */
    int strips;               /* over 1: the file holds so many views side by side; each becomes a sample */
    const char *const *masks; /* ends with NULL; NULL: none */
    gad_import_encoding encoding;
    int threshold;
    bool soft_mask;           /* grey values between are expected (antialiased, re-encoded) */
    bool any_mask_values;     /* where no value is over the threshold, all that are there count */
    const char *const *names; /* INDEX: names[value-1]; ends with NULL */
    const gad_import_value *values;
    int value_count;
    const gad_import_box *boxes;
    int box_count;
    const char *box_rule;          /* how the boxes were made of masks; NULL: they were given */
    bool no_truth;                 /* an anomalous image may come without mask and boxes */
    int width, height;             /* as the annotation says; 0: not said */
    const char *const *references; /* best first; ends with NULL; NULL: none */
    const char *reference_method;
    const char *think, *text_source;
    const char *license, *source_url; /* NULL: the dataset's */
    const char *meta;                 /* JSON object */
} gad_import_entry;

/* What an import found. */
typedef enum gad_import_problem {
    GAD_IMPORT_MISSING_IMAGE,
    GAD_IMPORT_UNREADABLE_IMAGE,
    GAD_IMPORT_MISSING_MASK,
    GAD_IMPORT_UNREADABLE_MASK,
    GAD_IMPORT_MASK_SIZE,
    GAD_IMPORT_MASK_VALUES,
    GAD_IMPORT_EMPTY_MASK,
    GAD_IMPORT_UNUSED_MASK,
    GAD_IMPORT_BAD_BOX,
    GAD_IMPORT_BAD_RECORD,
    GAD_IMPORT_UNLABELLED, /* what is annotated in an image cannot be read: it is left out */
    GAD_IMPORT_PROBLEMS
} gad_import_problem;
const char *gad_import_problem_name(gad_import_problem problem);

_Static_assert((int)GAD_IMPORT_PROBLEMS == (int)GAD_DATA_PROBLEMS, "gad_data.h names as many problems");
typedef gad_data_imported gad_import_report;

typedef struct gad_import gad_import;

struct gad_catalog_list; /* data/catalog_entry.h */

typedef struct gad_import_settings {
    const char *dataset; /* the name in the store */
    const char *folder;
    const char *license, *source_url;
    bool every_annotation;                  /* of an image that several people annotated; else the latest counts */
    bool benchmark;                         /* held out: train normals get the split "reference", all others "benchmark" */
    struct gad_part *part;                  /* of several processes that measure side by side; NULL: this one alone */
    const struct gad_catalog_list *catalog; /* what else a wrong folder could be; NULL: no guesses */
    const gad_log *log;
    const gad_progress *progress;
} gad_import_settings;

/* The dataset row must be in the store already. */
gad_status gad_import_open(gad_store *store, const gad_import_settings *settings, gad_import **import, gad_error *err);
const char *gad_import_folder(const gad_import *import);
bool gad_import_takes_every_annotation(const gad_import *import);
const gad_log *gad_import_log(const gad_import *import);
const struct gad_catalog_list *gad_import_catalog(const gad_import *import);
gad_status gad_import_add(gad_import *import, const gad_import_entry *entry, gad_error *err);
/* A whole sample as it came from an export: stored as it is under this import's dataset, if its image is there. */
gad_status gad_import_put(gad_import *import, gad_sample *sample, gad_error *err);
/* What an annotation file says now of a sample that gad exported. */
typedef struct gad_import_truth {
    const gad_import_box *boxes;
    int box_count;
    int label; /* 0 normal, 1 anomalous, -1: the format cannot say */
} gad_import_truth;
/* A sample that came with an export: put where its boxes are still those that gad wrote; *used false where somebody changed
 * them: then what the file says holds. */
gad_status gad_import_put_whole(gad_import *import, const json_t *whole, const gad_import_truth *truth, const char *where,
                                bool *used, gad_error *err);
/* Something that is wrong but stops nothing. `path` as in entries. */
__attribute__((format(printf, 5, 6))) gad_status gad_import_note(gad_import *import, gad_import_problem problem,
                                                                 const char *path, gad_error *err, const char *format, ...);
/* Finish (commits, removes samples that vanished from the folder) and fill the report. */
gad_status gad_import_finish(gad_import *import, gad_import_report *report, gad_error *err);
/* Give it back, finished or not; what was not finished is undone. */
void gad_import_free(gad_import *import);

/* Is there such a file or folder in the dataset's folder? */
bool gad_import_exists(const gad_import *import, const char *relative);
/* Is there such a file, and no folder? */
bool gad_import_is_file(const gad_import *import, const char *relative);
/* The same of a path that may be written in another letter case or Unicode form than its one file: it becomes the file's.
 */
gad_status gad_import_find(const gad_import *import, char *relative, size_t size_bytes, bool *found, gad_error *err);
/* Names in a folder of the dataset, without hidden ones and system droppings; empty when there is no such folder. */
gad_status gad_import_list(const gad_import *import, const char *relative, gad_file_names *names, gad_error *err);
/* jpg, jpeg, jfif, jpe, png, bmp, tif, tiff, webp in any case. */
bool gad_import_is_image(const char *name);
#endif
