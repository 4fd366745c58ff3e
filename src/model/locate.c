/* locate: which folder a model's name means (gad_model_locate of gad.h). In: what a user wrote. Out: a path; what is there
 * is not opened. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/installed.h"
#include "gad.h"

static const char shipped[] = "gad-s";

/* In a build folder; under a prefix, from bin, lib, or lib/ARCHITECTURE. */
static bool find_installed(const char *name, char *path, size_t path_bytes)
{
    static const char *const folders[] = {"models", "../share/gad/models", "../../share/gad/models"};
    char place[3][300];
    for (int i = 0; i < 3; i++)
        snprintf(place[i], sizeof place[i], "%s/%s", folders[i], name);
    return gad_installed_find((const char *const[]){place[0], place[1], place[2], NULL}, path, path_bytes);
}

gad_status gad_model_locate(const char *model, char *path, size_t path_bytes, gad_error *err)
{
    const char *name = model ? model : shipped;
    bool is_path = model && (strchr(model, '/') || gad_file_is_directory(model));
    if (!is_path && strlen(name) < 256 && find_installed(name, path, path_bytes))
        return GAD_OK;
    if (!model)
        return gad_error_set(err, GAD_E_ARGUMENT, "find the model", "give the folder of a checkpoint",
                             "no model was named, and %s is not installed beside gad", shipped);
    if ((size_t)snprintf(path, path_bytes, "%s", model) >= path_bytes)
        return gad_error_set(err, GAD_E_LIMIT, "find the model", NULL, "%.200s...: the path is too long", model);
    return GAD_OK;
}
