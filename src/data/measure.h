/* measure: one image file and its masks into one or more samples. In: an entry of an import. Out: samples with hash, size,
 * boxes, and notes about what is wrong. Pure but for reading files, so that many threads can do it at once. */
#ifndef GAD_DATA_MEASURE_H
#define GAD_DATA_MEASURE_H
#include "data/import.h"
#include "task/mask.h"

enum { GAD_MEASURE_STRIPS = 8, GAD_MEASURE_NOTES = 8 };

typedef struct gad_measure_note {
    gad_import_problem problem;
    char path[512], text[256];
} gad_measure_note;

typedef struct gad_measure_result {
    gad_sample samples[GAD_MEASURE_STRIPS];
    int count;
    int reduced;
    gad_measure_note notes[GAD_MEASURE_NOTES];
    int note_count;
    gad_status status; /* only for lack of memory; everything else is a note */
} gad_measure_result;

void gad_measure_entry(const gad_import_settings *settings, const gad_mask_rule *rule, const gad_import_entry *entry,
                       gad_measure_result *result);
#endif
