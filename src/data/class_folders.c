/* class_folders: see class_folders.h */
#include "data/class_folders.h"

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/guess.h"

#include <stdio.h>
#include <string.h>

static bool in_list(const char *const *list, const char *name)
{
    for (int i = 0; list && list[i]; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static gad_status wrong_folder(const gad_import *import, const gad_catalog_entry *entry, const gad_file_names *names,
                               gad_error *err)
{
    char found[160] = "", expected[160] = "", hint[240];
    for (size_t i = 0; i < names->count && i < 4; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%.30s", i ? ", " : "", names->name[i]);
    for (int i = 0; entry->classes && entry->classes[i] && i < 4; i++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%.30s", i ? ", " : "",
                 entry->classes[i]);
    snprintf(hint, sizeof hint, "give the folder that holds the class folders (%s%s)",
             expected[0] ? expected : "one per class", expected[0] ? ", ..." : "");
    return gad_guess_refuse(import, entry, hint, err, "none of its class folders is there, but %s",
                            names->count ? found : "nothing");
}

/* A class name can be shared (capsule, screw): most of another dataset's classes and few of this one's mean the other. */
static gad_status refuse_other(const gad_import *import, const gad_catalog_entry *entry, const gad_file_names *names,
                               gad_error *err)
{
    const gad_catalog_entry *other = gad_guess_by_classes(import, names, 0.5);
    if (!other || other == entry || gad_guess_share(other, names) <= gad_guess_share(entry, names))
        return GAD_OK;
    return gad_guess_refuse(import, entry, NULL, err, "the class folders are those of %s", other->title);
}

gad_status gad_class_folders_list(gad_import *import, const gad_catalog_entry *entry, gad_file_names *classes,
                                  gad_error *err)
{
    gad_file_names names;
    gad_status status = gad_import_list(import, "", &names, err);
    if (status)
        return status;
    gad_file_names kept = {0};
    if ((status = refuse_other(import, entry, &names, err))) {
        gad_file_names_free(&names);
        return status;
    }
    kept.name = gad_memory_alloc(names.count + 1, sizeof *kept.name);
    if (!kept.name)
        status = gad_error_memory(err, "import a dataset", names.count);
    for (size_t i = 0; i < names.count && !status; i++) {
        char *path = gad_file_join(gad_import_folder(import), names.name[i]);
        bool folder = path && gad_file_is_directory(path);
        if (!path)
            status = gad_error_memory(err, "import a dataset", 0);
        gad_memory_free(path);
        if (status)
            break;
        if (!folder || (entry->classes && !in_list(entry->classes, names.name[i])))
            continue;
        if (!(kept.name[kept.count] = gad_memory_copy_string(names.name[i])))
            status = gad_error_memory(err, "import a dataset", 0);
        else
            kept.count++;
    }
    if (!status && !kept.count)
        status = wrong_folder(import, entry, &names, err);
    for (int i = 0; !status && entry->classes && entry->classes[i]; i++) {
        bool there = false;
        for (size_t k = 0; k < kept.count; k++)
            there = there || strcmp(kept.name[k], entry->classes[i]) == 0;
        if (!there)
            gad_log_warning(gad_import_log(import), "%s: the class %s is not there", entry->title, entry->classes[i]);
    }
    gad_file_names_free(&names);
    if (status)
        gad_file_names_free(&kept);
    else
        *classes = kept;
    return status;
}

gad_status gad_class_folders_each(gad_import *import, const gad_catalog_entry *entry,
                                  gad_status (*read)(gad_import *import, const char *class_name, const void *user,
                                                     gad_error *err),
                                  const void *user, gad_error *err)
{
    gad_file_names classes;
    gad_status status = gad_class_folders_list(import, entry, &classes, err);
    if (status)
        return status;
    for (size_t i = 0; i < classes.count && !status; i++)
        status = read(import, classes.name[i], user, err);
    gad_file_names_free(&classes);
    return status;
}
