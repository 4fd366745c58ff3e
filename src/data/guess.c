/* guess: see guess.h */
#include "data/guess.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_among(const gad_file_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

double gad_guess_share(const gad_catalog_entry *entry, const gad_file_names *names)
{
    int total = 0, there = 0;
    for (; entry->classes && entry->classes[total]; total++)
        there += is_among(names, entry->classes[total]);
    return total ? (double)there / total : 0;
}

const gad_catalog_entry *gad_guess_by_classes(const gad_import *import, const gad_file_names *names, double least)
{
    const gad_catalog_entry *best = NULL;
    const struct gad_catalog_list *catalog = gad_import_catalog(import);
    double most = least;
    for (int i = 0; catalog && i < catalog->count; i++) {
        const gad_catalog_entry *e = catalog->entry[i];
        double share = gad_guess_share(e, names);
        if (share > 0 && (best ? share > most : share >= least)) {
            most = share;
            best = e;
        }
    }
    return best;
}

static const gad_catalog_entry *find(const gad_import *import, const char *name)
{
    const struct gad_catalog_list *catalog = gad_import_catalog(import);
    for (int i = 0; catalog && i < catalog->count; i++)
        if (strcmp(catalog->entry[i]->name, name) == 0)
            return catalog->entry[i];
    return NULL;
}

static bool in_class_folders(const char *file)
{
    return strcmp(file, "bbox_annos.json") == 0 || strcmp(file, "train/good") == 0;
}

/* A file or folder that only one kind of dataset has. */
static const gad_catalog_entry *by_mark(const gad_import *import, const gad_file_names *names)
{
    static const struct {
        const char *file, *entry;
    } marks[] = {{"annotations.jsonl", "gad-jsonl"},
                 {"realiad_jsons", "real_iad"},
                 {"realiad_jsons_sv", "real_iad"},
                 {"split_csv", "visa"},
                 {"bbox_annos.json", "mmr_ad"},
                 {"good", "plain"},
                 {"train/good", "plain"}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (gad_import_exists(import, marks[i].file))
            return find(import, marks[i].entry);
        for (size_t k = 0; k < names->count && in_class_folders(marks[i].file); k++) {
            char path[600];
            snprintf(path, sizeof path, "%.300s/%s", names->name[k], marks[i].file);
            if (gad_import_exists(import, path))
                return find(import, marks[i].entry);
        }
    }
    return NULL;
}

static bool is_class(const gad_catalog_entry *entry, const char *name)
{
    for (int i = 0; entry->classes && entry->classes[i]; i++)
        if (strcmp(entry->classes[i], name) == 0)
            return true;
    return false;
}

/* The folder one level down that holds classes of the wanted dataset. */
static bool one_level_down(const gad_import *import, const gad_catalog_entry *wanted, const gad_file_names *names,
                           char *advice, size_t size_bytes)
{
    bool found = false;
    for (size_t i = 0; i < names->count && i < 64 && !found; i++) {
        gad_file_names inner = {0};
        if (!gad_import_list(import, names->name[i], &inner, NULL) && gad_guess_share(wanted, &inner) > 0) {
            snprintf(advice, size_bytes, "the class folders are in %s/%s: give that one", gad_import_folder(import),
                     names->name[i]);
            found = true;
        }
        gad_file_names_free(&inner);
    }
    return found;
}

/* "it looks like VisA: gad data import visa DIR"; false when nothing better than the usual hint is known. */
static bool advise(const gad_import *import, const gad_catalog_entry *wanted, char *advice, size_t size_bytes)
{
    gad_file_names names = {0};
    bool found = true;
    if (gad_import_list(import, "", &names, NULL))
        return false;
    const gad_catalog_entry *other = gad_guess_by_classes(import, &names, 0.3);
    bool one_class = is_class(wanted, gad_file_name(gad_import_folder(import)));
    if (!one_class && (!other || other == wanted))
        other = by_mark(import, &names);
    if (other && other != wanted)
        snprintf(advice, size_bytes, "it looks like %s: gad data import %s %s", other->title, other->name,
                 gad_import_folder(import));
    else if (one_class)
        snprintf(advice, size_bytes, "%s is one of its classes: give the folder above it",
                 gad_file_name(gad_import_folder(import)));
    else
        found = one_level_down(import, wanted, &names, advice, size_bytes);
    gad_file_names_free(&names);
    return found;
}

void gad_guess_fill_refusal(const gad_import *import, const gad_catalog_entry *wanted, const char *hint, gad_error *err,
                            const char *format, ...)
{
    char why[400], advice[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    bool known = advise(import, wanted, advice, sizeof advice);
    gad_error_fill(err, GAD_E_FORMAT, "import a dataset", known ? advice : hint, "%s: not %s%s: %s",
                   gad_import_folder(import), wanted->generic ? "a " : "", wanted->title, why);
}
