/* coco_file: a COCO annotation file with its annotations sorted by image. In: a path. Out: images and their annotations, as
 * far as each can be read; what cannot is marked, not refused. Knows nothing of folders or samples. */
#ifndef GAD_DATA_COCO_FILE_H
#define GAD_DATA_COCO_FILE_H
#include "base/hash.h"
#include "base/json.h"

typedef struct gad_coco_image {
    gad_hash id;           /* of the id's text: 1, 1.0 and "1" are one */
    const char *file_name; /* belong to the JSON value; NULL: it has none */
    int width, height;     /* 0: not said */
    const json_t *object;
    int first, count; /* its annotations */
    bool repeated;    /* an earlier image has this id: the annotations are that one's */
    bool nameless;    /* has no id: nobody knows its annotations */
} gad_coco_image;

typedef struct gad_coco_annotation {
    gad_hash image_id;
    double x, y, width, height; /* of bbox, else around the polygons; 0 0 0 0: neither says anything */
    const char *category;       /* name, "anomaly" when unknown */
    const json_t *object;
    int order; /* in the file, from 0 */
} gad_coco_annotation;

typedef struct gad_coco_file {
    json_t *root;
    gad_coco_image *images;                     /* in file order */
    gad_coco_annotation *annotations;           /* sorted by image, then by order */
    int image_count, annotation_count, orphans; /* annotations without image */
} gad_coco_file;

gad_status gad_coco_file_load(const char *path, gad_coco_file *file, gad_error *err);
void gad_coco_file_free(gad_coco_file *file);
#endif
