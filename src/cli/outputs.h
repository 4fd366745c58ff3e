/* outputs: the files that drawings of parts go to. In: all parts of a call. Out: a name for each that no other part has,
 * and that is none of the pictures that are read. */
#ifndef GAD_CLI_OUTPUTS_H
#define GAD_CLI_OUTPUTS_H
#include <stdbool.h>
#include <stddef.h>

#include "cli/parts.h"

typedef struct outputs {
    const paths *parts, *references;
    bool one_folder; /* several kinds of drawings go there: each name says its kind */
} outputs;

/* folder/STEM.ENDING, with the part's whole path instead of its stem where another part has the stem too, and with "-KIND"
 * behind it where that tells it from another drawing or from a picture that is read. */
void outputs_path(const outputs *out, const char *folder, const char *part, const char *kind, const char *ending,
                  char *path, size_t size_bytes);
/* Before the work starts: can a file be written there? An exit code, with a message when not. NULL: nothing is written. */
int outputs_check(const char *command_name, const char *path);
/* The same for a folder that is filled: one that holds something already is not. */
int outputs_check_folder(const char *command_name, const char *path);
/* The same for a file that is replaced: one is not that does not hold `mark`, which all files of its kind hold near their
 * beginning, unless `force`. */
int outputs_check_file(const char *command_name, const char *path, const char *mark, bool force);
/* Do two paths, which may be NULL, name one file or folder? */
bool outputs_same_file(const char *a, const char *b);
#endif
