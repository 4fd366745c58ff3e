/* layout_mvtec: the folder layout that most anomaly datasets use: CLASS/train/good, CLASS/test/TYPE,
 * CLASS/ground_truth/TYPE/STEM[_mask].EXT. In: which of its variants. Out: entries of an import. Masks are paired by
 * stem, never by position. */
#ifndef GAD_DATA_LAYOUT_MVTEC_H
#define GAD_DATA_LAYOUT_MVTEC_H
#include "data/catalog_entry.h"

typedef struct gad_layout_mvtec {
    const char *train;      /* "train/good" */
    const char *validation; /* normal images besides, or NULL */
    const char *test;       /* "test" */
    const char *truth;      /* "ground_truth" */
    const char *good;       /* name of the normal type: "good" */
    int threshold;          /* of masks */
    bool soft_mask;
    bool no_truth; /* anomalous images may come without mask */
    int strips;    /* views side by side */
    /* Optional: another name for a type folder; the unit that a split may not tear; the class itself. NULL: as is. */
    const char *(*type_name)(const char *folder);
    void (*group)(const char *class_name, const char *stem, char *group, size_t size_bytes);
    const char *(*class_name)(const char *folder);
} gad_layout_mvtec;
gad_layout_mvtec gad_layout_mvtec_default(void);

/* Read all classes of the entry below the import's folder. */
gad_status gad_layout_mvtec_read(gad_import *import, const gad_catalog_entry *entry, const gad_layout_mvtec *layout,
                                 gad_error *err);
/* Read one class folder ("bottle", "electronics/led"). */
gad_status gad_layout_mvtec_read_class(gad_import *import, const char *folder, const gad_layout_mvtec *layout,
                                       gad_error *err);
#endif
