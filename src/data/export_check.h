/* export_check: may an export be written there? In: a path. Out: yes, or why not. Knows nothing of how exports are made. */
#ifndef GAD_DATA_EXPORT_CHECK_H
#define GAD_DATA_EXPORT_CHECK_H
#include "gad.h"

/* Refuses a file that is there and does not look like an export of gad's, unless a link leads to it. */
gad_status gad_export_check(const char *path, gad_error *err);
#endif
