/* coco_file: a COCO annotation file with its annotations sorted by image. In: a path. Out: images and their boxes. Knows
 * nothing of folders or samples. */
#ifndef GAD_DATA_COCO_FILE_H
#define GAD_DATA_COCO_FILE_H
#include "base/json.h"

typedef struct gad_coco_image {
    int64_t id;
    const char *file_name; /* belong to the JSON value */
    int width, height;
    const json_t *object;
    int first, count; /* its annotations */
} gad_coco_image;

typedef struct gad_coco_annotation {
    int64_t image_id;
    double x, y, width, height;
    const char *category; /* name, "anomaly" when unknown */
    const json_t *object;
} gad_coco_annotation;

typedef struct gad_coco_file {
    json_t *root;
    gad_coco_image *images;                     /* in file order */
    gad_coco_annotation *annotations;           /* sorted by image */
    int image_count, annotation_count, orphans; /* annotations without image */
} gad_coco_file;

gad_status gad_coco_file_load(const char *path, gad_coco_file *file, gad_error *err);
void gad_coco_file_free(gad_coco_file *file);
#endif
