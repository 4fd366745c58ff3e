/* sample: one image and everything known about it. In and out: the struct, and one line of JSON ("mmrad/1", see
 * docs/formats.md). Paths are relative to the dataset's root, which the store keeps. Knows nothing of files on disk. */
#ifndef GAD_DATA_SAMPLE_H
#define GAD_DATA_SAMPLE_H
#include "base/json.h"
#include "base/string.h"
#include "task/box.h"

typedef struct gad_sample_box {
    gad_box box;     /* whole pixels of the upright image (of the crop, where there is one) */
    char *label;     /* owned */
    char source[8];  /* "mask", "boxes", "coco", "import", "synth", "manual" */
    int64_t area;    /* mask pixels; 0 when unknown */
    double rotation; /* degrees of the annotated rectangle; 0 when upright */
    char *track;     /* the physical defect that several images show; NULL when unknown */
} gad_sample_box;

typedef struct gad_sample_reference {
    char *path; /* owned; as the image's, relative to the root */
    char hash[33];
    double score; /* smaller is better */
} gad_sample_reference;

typedef struct gad_sample {
    int64_t row; /* in the store; 0 when it came from elsewhere */
    char *id;    /* dataset/class/split/type/stem[#view] */
    char *dataset, *class_name, *class_text;
    char *split;  /* train, val, test; of held-out datasets: reference (their train normals), benchmark (all others) */
    char *group;  /* what may not be torn apart by a split */
    int label;    /* 0 normal, 1 anomalous */
    char **types; /* distinct names of the anomalies */
    size_t type_count;
    char *image;
    int width, height;     /* of the crop, where there is one */
    int view;              /* -1: none */
    int crop[4];           /* x1 y1 x2 y2 in the file; all 0: the whole image */
    char hash[33];         /* of the file's bytes, 32 hexadecimal digits */
    char *mask;            /* path of the (first) mask, NULL without one */
    char *mask_encoding;   /* binary, index, loco */
    int mask_threshold;    /* set when value > threshold */
    char *box_rule;        /* how boxes came from the mask; NULL when they were given */
    gad_sample_box *boxes; /* ordered by (y1, x1, y2, x2, label) */
    size_t box_count;
    gad_sample_reference *references; /* best first */
    size_t reference_count;
    char *reference_method;
    char *think, *text_source, *text_status, *text_model;
    char *license, *source_url;
    char *meta; /* JSON object, NULL when empty */
} gad_sample;

void gad_sample_free(gad_sample *sample);
/* Replace an owned string; false without memory. NULL clears. */
bool gad_sample_set(char **field, const char *value);
/* Append; false without memory. Text is copied. */
bool gad_sample_add_box(gad_sample *sample, gad_box box, const char *label, const char *source);
bool gad_sample_add_reference(gad_sample *sample, const char *path, const char *hash, double score);
bool gad_sample_add_type(gad_sample *sample, const char *name);
void gad_sample_clear_references(gad_sample *sample);
/* Bring boxes into their order and make `types` the distinct labels of the boxes (left alone when there are no boxes). */
bool gad_sample_settle(gad_sample *sample);

/* One line without line end. */
gad_status gad_sample_to_json(const gad_sample *sample, gad_string *line, gad_error *err);
/* `name` says in errors where the object came from. *sample is the caller's (gad_sample_free). */
gad_status gad_sample_from_json(const json_t *object, const char *name, gad_sample *sample, gad_error *err);

/* The rules of samples, for those that somebody else stored: what must be there is, an id has its form, paths stay inside,
 * numbers make sense. `name` stands in errors. */
gad_status gad_sample_check(const gad_sample *sample, const char *name, gad_error *err);

/* Lower case, '_' and '-' to spaces, single spaces: the form in which labels are compared and written. In place. */
void gad_sample_normalise(char *label);
/* Does a word that somebody else chose mean that nothing is wrong: good, ok, normal, ... in any case? */
bool gad_sample_says_normal(const char *word);
#endif
