/* tar: writes a folder as one tar file (POSIX.1-1988 ustar), so that a browser can save it. In: a folder. Out: a stream. */
#ifndef GAD_IO_TAR_H
#define GAD_IO_TAR_H
#include "gad.h"

#include <stdio.h>

/* All regular files below `folder`, in byte order of their names, as `prefix`/name; symbolic links as the files they lead
 * to. Equal folders give equal bytes: times and owners are left out. */
gad_status gad_tar_write(const char *folder, const char *prefix, FILE *stream, gad_error *err);
#endif
