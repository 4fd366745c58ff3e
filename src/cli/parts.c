/* parts: see parts.h */
#include "cli/parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/terminal.h"

static bool add_path(paths *list, const char *path)
{
    char **grown = realloc(list->item, (list->count + 1) * sizeof *grown);
    char *copy = strdup(path);
    if (grown)
        list->item = grown;
    if (!grown || !copy) {
        free(copy);
        fputs("gad: out of memory\n", stderr);
        return false;
    }
    list->item[list->count++] = copy;
    return true;
}

void parts_paths_free(paths *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->item[i]);
    free(list->item);
}

void parts_unread_say(void *user, const char *path, const gad_error *why)
{
    unread *left_out = user;
    left_out->count++;
    terminal_progress_end();
    terminal_printf(stderr, "gad%s%s: left out: %s: cannot %s: %s\n", left_out->command_name ? " " : "",
                    left_out->command_name ? left_out->command_name : "", path, why->operation, why->cause);
}

int parts_unread_end(const unread *left_out)
{
    if (!left_out->count)
        return EXIT_DONE;
    fprintf(stderr, "gad%s%s: %lld file%s could not be read and left out\n", left_out->command_name ? " " : "",
            left_out->command_name ? left_out->command_name : "", (long long)left_out->count,
            left_out->count == 1 ? "" : "s");
    return EXIT_FAILED;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* A link to a folder may lead back up. */
static bool is_own_folder(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool add_folder(const char *path, bool below, paths *list)
{
    struct dirent **entry;
    int n = scandir(path, &entry, NULL, alphasort);
    if (n < 0) {
        fprintf(stderr, "gad: %s: %s\n", path, strerror(errno));
        return false;
    }
    bool good = true;
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entry[i]->d_name);
        bool hidden = entry[i]->d_name[0] == '.';
        if (good && !hidden && below && is_own_folder(file))
            good = add_folder(file, below, list);
        else if (good && !hidden && gad_picture_is_name(file) && !is_folder(file))
            good = add_path(list, file);
        free(entry[i]);
    }
    free(entry);
    return good;
}

static bool add_any(const char *path, bool below, paths *list)
{
    if (!is_folder(path))
        return add_path(list, path);
    size_t before = list->count;
    bool good = add_folder(path, below, list);
    if (good && list->count == before) {
        fprintf(stderr, "gad: %s: no images in this folder\n", path);
        return false;
    }
    return good;
}

bool parts_paths_add(const char *path, paths *list)
{
    return add_any(path, false, list);
}

bool parts_paths_add_below(const char *path, paths *list)
{
    return add_any(path, true, list);
}

void parts_references_free(references *r)
{
    gad_gallery_free(r->gallery);
    for (size_t i = 0; r->picture && i < r->path.count; i++)
        gad_picture_free(r->picture[i]);
    free(r->picture);
    parts_paths_free(&r->path);
}

/* One good part: what choosing and showing it need is kept. */
static gad_status load_reference(const gad_engine *engine, const char *path, references *r, gad_picture **picture,
                                 gad_error *err)
{
    gad_status status = gad_picture_load(path, picture, err);
    if (!status && r->gallery)
        status = gad_gallery_add(r->gallery, *picture, err);
    return status ? status : gad_picture_fit(*picture, engine, err);
}

int parts_references_load(const option_list *given, const gad_engine *engine, references *r)
{
    gad_error err;
    bool choose = false;
    for (int64_t i = 0; i < given->count; i++) {
        choose |= is_folder(given->item[i]);
        if (!parts_paths_add(given->item[i], &r->path))
            return EXIT_FAILED;
    }
    r->picture = calloc(r->path.count + 1, sizeof *r->picture);
    if (!r->picture)
        return EXIT_FAILED;
    if (choose && gad_gallery_new((int)r->path.count, &r->gallery, &err))
        return terminal_fail(&err);
    for (size_t i = 0; i < r->path.count;) {
        if (!load_reference(engine, r->path.item[i], r, &r->picture[i], &err)) {
            i++;
            continue;
        }
        /* a picture that was read is in the gallery already, which counts on */
        if (!choose || r->picture[i] || err.code == GAD_E_MEMORY || r->path.count == 1) {
            terminal_fail(&err);
            terminal_printf(stderr, "     the reference %s cannot be used\n", r->path.item[i]);
            return EXIT_FAILED;
        }
        parts_unread_say(&r->left_out, r->path.item[i], &err);
        free(r->path.item[i]);
        memmove(r->path.item + i, r->path.item + i + 1, (--r->path.count - i) * sizeof *r->path.item);
    }
    return EXIT_DONE;
}

gad_status parts_references_for(references *r, const gad_picture *part, gad_picture *const **good,
                                const char *const **good_path, int *good_count, gad_error *err)
{
    int best = 0;
    gad_status status = r->gallery ? gad_gallery_best(r->gallery, part, &best, err) : GAD_OK;
    *good = r->picture + best;
    *good_path = (const char *const *)r->path.item + best;
    *good_count = r->gallery ? 1 : (int)r->path.count;
    return status;
}
