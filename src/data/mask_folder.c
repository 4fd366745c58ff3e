/* mask_folder: see mask_folder.h */
#include "data/mask_folder.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PATH_BYTES = 1024, DEEPEST = 8 };

typedef struct gad_mask_folder_entry {
    char *path, *type; /* type NULL: at the top */
    size_t inner;      /* where in the path what is below the type's folder begins */
    int claims;
} mask;

static size_t stem_length(const char *name)
{
    const char *extension = gad_file_extension(name);
    return strlen(name) - strlen(extension) - (extension[0] ? 1 : 0);
}

/* `type` NULL: what lies in the folder itself, else also what is below; `inner` as of the masks. */
static gad_status list(gad_import *import, const char *folder, const char *type, size_t inner, int depth,
                       gad_mask_folder *masks, gad_error *err)
{
    gad_file_names names;
    gad_status status = gad_import_list(import, folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        if (!gad_import_is_image(names.name[i])) {
            if (type && depth < DEEPEST)
                status = list(import, path, type, inner, depth + 1, masks, err);
            continue;
        }
        mask m = {.path = gad_memory_copy_string(path),
                  .type = type ? gad_memory_copy_string(type) : NULL,
                  .inner = inner,
                  .claims = 0};
        if (!m.path || (type && !m.type) ||
            !gad_memory_grow((void **)&masks->entry, &masks->capacity, masks->count, sizeof m)) {
            gad_memory_free(m.path);
            gad_memory_free(m.type);
            status = gad_error_memory(err, "import a dataset", masks->count * sizeof m);
        } else {
            masks->entry[masks->count++] = m;
        }
    }
    gad_file_names_free(&names);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    const mask *p = a, *q = b;
    int order = strcmp(gad_file_name(p->path), gad_file_name(q->path));
    return order ? order : strcmp(p->path, q->path);
}

gad_status gad_mask_folder_open(gad_import *import, const char *folder, bool with_types, gad_mask_folder *masks,
                                gad_error *err)
{
    gad_file_names names = {0};
    *masks = (gad_mask_folder){0};
    gad_status status = list(import, folder, NULL, strlen(folder) + 1, 0, masks, err);
    if (!status && with_types)
        status = gad_import_list(import, folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        if (!gad_import_is_image(names.name[i]))
            status = list(import, path, names.name[i], strlen(path) + 1, 0, masks, err);
    }
    gad_file_names_free(&names);
    if (masks->count)
        qsort(masks->entry, masks->count, sizeof *masks->entry, compare_names);
    if (status)
        gad_mask_folder_free(masks);
    return status;
}

/* How well a mask's name fits an image's: smaller is better, -1 not at all. */
static int fit(const char *mask_path, const char *image_name)
{
    static const char *const endings[] = {"_mask", "", "-mask", "_gt", "_label", "_seg", "_segmentation", "_groundtruth"};
    const char *name = gad_file_name(mask_path);
    size_t stem = stem_length(image_name), length = stem_length(name);
    if (length < stem || strncmp(name, image_name, stem) != 0)
        return -1;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strlen(endings[i]) == length - stem && strncasecmp(name + stem, endings[i], length - stem) == 0)
            return (int)i;
    return -1;
}

/* The first mask whose name is not before this stem: those that begin with it follow. */
static size_t first_with(const gad_mask_folder *masks, const char *stem, size_t length)
{
    size_t low = 0, high = masks->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strncmp(gad_file_name(masks->entry[middle].path), stem, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How long the folders below the type's are that mask and image share; -1: the mask's are others. */
static int shared_folders(const mask *m, const char *image)
{
    const char *inner = m->path + m->inner, *name = gad_file_name(image);
    size_t length = (size_t)(gad_file_name(m->path) - inner), before = (size_t)(name - image);
    bool good = length <= before && strncmp(name - length, inner, length) == 0 &&
                (length == before || !length || name[-(ptrdiff_t)length - 1] == '/');
    return good ? (int)length : -1;
}

/* In the folder of the image's type first, then at the top; an image without type looks at the top only. */
static mask *find(const gad_mask_folder *masks, const char *type, const char *image)
{
    mask *best = NULL;
    const char *image_name = gad_file_name(image);
    size_t stem = stem_length(image_name), first = first_with(masks, image_name, stem);
    for (int at_top = type ? 0 : 1; at_top < 2 && !best; at_top++) {
        int rank = 100, most = 0;
        for (size_t i = first; i < masks->count; i++) {
            mask *m = &masks->entry[i];
            if (strncmp(gad_file_name(m->path), image_name, stem) != 0)
                break;
            if (at_top ? m->type != NULL : !m->type || strcasecmp(m->type, type) != 0)
                continue;
            int fits = fit(m->path, image_name), folders = shared_folders(m, image);
            if (fits >= 0 && folders >= 0 && (!best || folders > most || (folders == most && fits < rank))) {
                rank = fits;
                most = folders;
                best = m;
            }
        }
    }
    return best;
}

void gad_mask_folder_claim(gad_mask_folder *masks, const char *type, const char *image)
{
    mask *m = find(masks, type, image);
    if (m)
        m->claims++;
}

const char *gad_mask_folder_take(const gad_mask_folder *masks, const char *type, const char *image, bool *shared)
{
    const mask *m = find(masks, type, image);
    *shared = m && m->claims > 1;
    return m && !*shared ? m->path : NULL;
}

gad_status gad_mask_folder_note(gad_import *import, const gad_mask_folder *masks, const char *images, gad_error *err)
{
    gad_status status = GAD_OK;
    for (size_t i = 0; i < masks->count && !status; i++)
        if (!masks->entry[i].claims)
            status = gad_import_note(import, GAD_IMPORT_UNUSED_MASK, masks->entry[i].path, err,
                                     "no image in %.200s has this stem, or another mask fits it better", images);
    return status;
}

void gad_mask_folder_free(gad_mask_folder *masks)
{
    for (size_t i = 0; i < masks->count; i++) {
        gad_memory_free(masks->entry[i].path);
        gad_memory_free(masks->entry[i].type);
    }
    gad_memory_free(masks->entry);
    *masks = (gad_mask_folder){0};
}
