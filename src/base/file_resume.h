/* file_resume: what a program does with a folder in which an earlier run of it may have been killed. In: the folder, a
 * file of lines. Out: the folder held for one process, without what was left half written. */
#ifndef GAD_BASE_FILE_RESUME_H
#define GAD_BASE_FILE_RESUME_H
#include "gad.h"

#include <stdbool.h>
#include <stddef.h>

/* Make the folder and hold it: *descriptor keeps it until it is closed, also by the end of the process. A second process
 * gets GAD_E_ARGUMENT. */
gad_status gad_file_resume_hold(const char *folder, int *descriptor, gad_error *err);
/* Remove the temporary files of killed writers. Only who holds the folder may call it. */
void gad_file_resume_tidy(const char *folder);
/* Cut a file after its last newline; false with errno set when that fails. */
bool gad_file_resume_cut(int descriptor);
/* Open a file of lines to append to it, cut after its last newline and held as a folder is; made when absent. */
gad_status gad_file_resume_append(const char *path, int *descriptor, gad_error *err);
/* Append all of it; false with errno set when that fails. */
bool gad_file_resume_write(int descriptor, const void *data, size_t length);
#endif
