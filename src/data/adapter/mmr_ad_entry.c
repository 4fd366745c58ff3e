/* mmr_ad_entry: see mmr_ad_entry.h */
#include "data/adapter/mmr_ad_entry.h"

#include "base/file.h"
#include "data/sample.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PATH_BYTES = 900 };

static size_t stem_length(const char *name)
{
    const char *extension = gad_file_extension(name);
    return strlen(name) - strlen(extension) - (extension[0] ? 1 : 0);
}

static bool equal_stems(const char *a, const char *b)
{
    size_t n = stem_length(a);
    return n == stem_length(b) && strncmp(a, b, n) == 0;
}

static void turn_slashes(const char *given, char *path, size_t size_bytes)
{
    snprintf(path, size_bytes, "%s", given);
    for (char *c = path; *c; c++)
        *c = *c == '\\' ? '/' : *c;
}

/* ---- entries ---- */

/* Does the folder that a path lies in say this kind: the type's name, normal, or anomalous? */
static bool folder_says(const char *path, const char *type)
{
    char folder[PATH_BYTES];
    const char *name = gad_file_name(path);
    if (name == path)
        return false;
    snprintf(folder, sizeof folder, "%.*s", (int)(name - path - 1), path);
    const char *kind = gad_file_name(folder);
    if (!type)
        return gad_sample_says_normal(kind) || strcasecmp(kind, "train_good") == 0 || strcasecmp(kind, "test_good") == 0;
    return strcasecmp(kind, type) == 0 || strcasecmp(kind, "anomaly") == 0 || strcasecmp(kind, "bad") == 0;
}

/* The only key whose path ends in the stem below such a folder; NULL: none or several. */
static const char *find_path(const json_t *view, const char *type, const char *name)
{
    const char *key, *found = NULL;
    json_t *value;
    json_object_foreach ((json_t *)view, key, value) {
        char path[PATH_BYTES];
        turn_slashes(key, path, sizeof path);
        if (!equal_stems(gad_file_name(path), name) || !folder_says(path, type))
            continue;
        if (found)
            return NULL;
        found = key;
    }
    return found;
}

const json_t *gad_mmr_ad_entry_find(const json_t *view, const char *type, const char *class_path, const char **key)
{
    char stem[256], folder[PATH_BYTES], candidates[8][PATH_BYTES];
    const char *name = gad_file_name(class_path), *inner = strchr(class_path, '/');
    snprintf(stem, sizeof stem, "%.*s", (int)stem_length(name), name);
    snprintf(folder, sizeof folder, "%.*s", inner && inner + 1 < name ? (int)(name - inner - 2) : 0,
             inner ? inner + 1 : "");
    const char *kind = type ? type : folder;
    snprintf(candidates[0], PATH_BYTES, "%s-%s", kind, name);
    snprintf(candidates[1], PATH_BYTES, "%s-%s.png", kind, stem);
    snprintf(candidates[2], PATH_BYTES, "%s-%s", kind, stem);
    snprintf(candidates[3], PATH_BYTES, type ? "anomaly-%s.png" : "good-%s.png", stem);
    snprintf(candidates[4], PATH_BYTES, "%s", class_path);
    snprintf(candidates[5], PATH_BYTES, "%s/%s", kind, name);
    snprintf(candidates[6], PATH_BYTES, "%s", name);
    snprintf(candidates[7], PATH_BYTES, "%s", stem);
    for (int i = 0; i < 8; i++) {
        void *iterator = json_object_iter_at((json_t *)view, candidates[i]);
        if (iterator) {
            *key = json_object_iter_key(iterator);
            return json_object_iter_value(iterator);
        }
    }
    *key = find_path(view, type, name);
    return *key ? json_object_get(view, *key) : NULL;
}

/* ---- references ---- */

/* The file, or the same picture under another ending. */
static bool find_file(const gad_import *import, char *path, size_t size_bytes)
{
    static const char *const endings[] = {"png", "jpg", "JPG", "PNG", "jpeg", "JPEG", "bmp", "webp", "tif"};
    if (gad_import_is_file(import, path))
        return true;
    size_t stem = stem_length(path);
    for (size_t i = 0; i < sizeof endings / sizeof *endings && stem + 6 < size_bytes; i++) {
        snprintf(path + stem, size_bytes - stem, ".%s", endings[i]);
        if (gad_import_is_file(import, path))
            return true;
    }
    return false;
}

bool gad_mmr_ad_entry_reference(const gad_import *import, const char *folder, const char *given, char *path,
                                size_t size_bytes)
{
    static const char *const folders[] = {"train_good", "test_good", "train/good", "test/good", "Data/Images/Normal"};
    char whole[PATH_BYTES];
    turn_slashes(given, whole, sizeof whole);
    if (!gad_file_name(whole)[0])
        return false;
    const char *slash = strchr(whole, '/'), *class_name = gad_file_name(folder);
    int above = (int)(class_name - folder);
    /* below the class, below what holds the class, below the import's folder */
    for (int i = 0; i < 3; i++) {
        snprintf(path, size_bytes, "%.*s%s%s",
                 i == 0   ? (int)strlen(folder)
                 : i == 1 ? above
                          : 0,
                 folder, i == 0 ? "/" : "", i == 0 && slash ? slash + 1 : whole);
        if (gad_file_stays_inside(path) && find_file(import, path, size_bytes))
            return true;
    }
    bool test = strstr(whole, "test") != NULL;
    for (int i = 0; i < 5; i++) {
        snprintf(path, size_bytes, "%s/%s/%s", folder, folders[i == 4 ? i : i ^ test], gad_file_name(whole));
        if (find_file(import, path, size_bytes))
            return true;
    }
    return false;
}
