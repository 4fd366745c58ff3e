/* layout_modality: datasets with one folder per kind of recording inside the type folder: CLASS/SPLIT/TYPE/rgb/NAME and
 * CLASS/SPLIT/TYPE/gt/NAME. In: the folder names. Out: entries of an import; only colour images and masks are read. */
#ifndef GAD_DATA_LAYOUT_MODALITY_H
#define GAD_DATA_LAYOUT_MODALITY_H
#include "data/catalog_entry.h"

typedef struct gad_layout_modality {
    const char *const *splits;      /* folder names, ends with NULL */
    const char *const *split_names; /* what they mean: train, val, test */
    const char *good;               /* name of the normal type */
    const char *colour;             /* "rgb" */
    const char *truth;              /* "gt" */
    int threshold;
    const char *must_contain; /* only colour files whose name holds this; NULL: all */
    const char *view_mark;    /* a mark in the name after which the view number stands ("_C"); NULL: none */
} gad_layout_modality;

gad_status gad_layout_modality_read(gad_import *import, const gad_catalog_entry *entry, const gad_layout_modality *layout,
                                    gad_error *err);
#endif
