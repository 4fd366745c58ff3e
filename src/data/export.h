/* export: a store, or a part of it, in the formats of other programs. In: a filter, a format. Out: files. What a format
 * cannot say is carried along under the key "mmrad", so that gad reads its own exports back without loss. */
#ifndef GAD_DATA_EXPORT_H
#define GAD_DATA_EXPORT_H
#include "data/store.h"
#include "task/box.h"

enum { GAD_EXPORT_FORMATS = GAD_EXPORT_LLAVA + 1 };

typedef gad_data_export_settings gad_export_settings;

typedef gad_data_exported gad_export_report;
gad_status gad_export_run(gad_store *store, const gad_export_settings *settings, gad_export_report *report, gad_error *err);

/* Read lines that GAD_EXPORT_JSONL wrote. Roots are those of the file unless `root` is given (for all datasets in it). */
gad_status gad_export_read(gad_store *store, const char *path, const char *root, gad_data_imported *report, gad_error *err);
#endif
