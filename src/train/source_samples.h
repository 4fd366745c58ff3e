/* source_samples: examples from samples on disk: a store (SQLite) or a file of JSON lines "mmrad/1". In: a path and a
 * filter. Out: a counted source that reads images when they are asked for. */
#ifndef GAD_TRAIN_SOURCE_SAMPLES_H
#define GAD_TRAIN_SOURCE_SAMPLES_H
#include "train/example_maker.h"

typedef struct gad_source_samples gad_source_samples;

typedef struct gad_source_filter {
    const char *split; /* NULL: all */
    bool with_text;    /* only samples that have reasoning text */
    int references;    /* at most so many */
    const char *root;  /* where the paths of a lines file start; NULL: what the file states, or its folder */
} gad_source_filter;

/* `path` ends in .jsonl or .json for lines; else it is a store. All samples are read at once, their images are not. */
gad_status gad_source_samples_open(const gad_example_maker *maker, const char *path, const gad_source_filter *filter,
                                   gad_source_samples **samples, gad_error *err);
void gad_source_samples_free(gad_source_samples *samples);
gad_source gad_source_samples_source(gad_source_samples *samples);
#endif
