/* export_check: see export_check.h */
#include "data/export_check.h"

#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What exports begin with; the release's JSON files carry whole samples. */
static bool looks_exported(const char *head)
{
    static const char *const marks[] = {"\"schema\":\"mmrad/1", "exported by gad",   "\"mmrad\"",    "\"messages\"",
                                        "\"prompt\"",           "\"conversations\"", "\"ref-name\"", "/train_good/"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strstr(head, marks[i]))
            return true;
    return head[strspn(head, " \r\n\t[]{}")] == 0; /* holds nothing */
}

gad_status gad_export_check(const char *path, gad_error *err)
{
    char head[4096];
    struct stat info;
    FILE *file = NULL;
    if (lstat(path, &info) ||
        !S_ISREG(info.st_mode)) /* a link is a place that somebody made for this; a device keeps nothing */
        return GAD_OK;
    gad_status status = gad_file_open(path, &file, err);
    if (status)
        return status;
    head[fread(head, 1, sizeof head - 1, file)] = 0;
    fclose(file);
    return looks_exported(head)
               ? GAD_OK
               : gad_error_set(err, GAD_E_ARGUMENT, "export", "give another name, or --force to replace it",
                               "%s: is there already, and gad did not write it", path);
}
