/* import_part: what a process that shares an import leaves of an entry for the one that stores all. In: an entry and what
 * was measured of it. Out: its key, its line, and the same measurement again. Knows nothing of files or order. */
#ifndef GAD_DATA_IMPORT_PART_H
#define GAD_DATA_IMPORT_PART_H
#include "data/measure.h"
#include "data/part.h"

/* Of all that a measurement depends on: settings, the entry, time and size of its files. False without memory. */
bool gad_import_part_key(const gad_import_settings *settings, const gad_import_entry *entry, gad_hash *key);
/* Fill the result from somebody's line; false: nobody has measured this. */
bool gad_import_part_find(const gad_part *part, gad_hash key, gad_measure_result *result);
/* Leave a line. What was not measured for lack of memory leaves none. */
gad_status gad_import_part_add(const gad_part *part, gad_hash key, const gad_measure_result *result, gad_error *err);
#endif
