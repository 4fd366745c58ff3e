/* alike: see alike.h */
#include "data/alike.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "text/nfc.h"

enum { KEPT = 16 }; /* folders */
static const char operation[] = "look for a file";

typedef struct entry {
    char *own, *folded;
} entry;

/* The names of a folder, rising by their folded form. */
typedef struct listing {
    char *folder; /* NULL: not used yet */
    entry *item;
    size_t count;
} listing;

struct gad_alike {
    char *root;
    listing kept[KEPT]; /* the oldest replaced first */
    int next;
    gad_arena spelt;
};

static void free_listing(listing *l)
{
    for (size_t i = 0; i < l->count; i++) {
        gad_memory_free(l->item[i].own);
        gad_memory_free(l->item[i].folded);
    }
    gad_memory_free(l->item);
    gad_memory_free(l->folder);
    *l = (listing){0};
}

gad_status gad_alike_open(const char *folder, gad_alike **alike, gad_error *err)
{
    gad_alike *a = gad_memory_zero(1, sizeof *a);
    if (a)
        a->root = gad_memory_copy_string(folder);
    if (!a || !a->root) {
        gad_alike_free(a);
        return gad_error_memory(err, operation, sizeof *a);
    }
    *alike = a;
    return GAD_OK;
}

void gad_alike_free(gad_alike *alike)
{
    if (!alike)
        return;
    for (int i = 0; i < KEPT; i++)
        free_listing(&alike->kept[i]);
    gad_arena_free(&alike->spelt);
    gad_memory_free(alike->root);
    gad_memory_free(alike);
}

static bool is_file(const gad_alike *a, const char *relative)
{
    char path[PATH_MAX]; /* without memory of its own: "absent" must not mean that there was none */
    int n = snprintf(path, sizeof path, "%s/%s", a->root, relative);
    return n > 0 && n < PATH_MAX && gad_file_exists(path) && !gad_file_is_directory(path);
}

/* ---- lists --------------------------------------------------------------------------------------------------------- */

static int rising(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->folded, ((const entry *)b)->folded);
}

/* *text NULL: it is not UTF-8. */
static gad_status convert(gad_status (*how)(const char *, size_t, gad_string *, gad_error *), const char *name, char **text,
                          gad_error *err)
{
    gad_string out = {0};
    gad_status status = how(name, strlen(name), &out, err);
    *text = status ? NULL : gad_memory_copy_string(gad_string_text(&out));
    gad_string_free(&out);
    if (!status && !*text)
        return gad_error_memory(err, operation, strlen(name));
    return status == GAD_E_FORMAT ? GAD_OK : status;
}

static gad_status fill(listing *l, const gad_file_names *names, gad_error *err)
{
    gad_status status = GAD_OK;
    l->item = gad_memory_alloc(names->count, sizeof *l->item);
    if (!l->item)
        return gad_error_memory(err, operation, names->count * sizeof *l->item);
    for (size_t i = 0; i < names->count && !status; i++) {
        entry e = {.own = gad_memory_copy_string(names->name[i])};
        status = e.own ? convert(gad_nfc_fold, e.own, &e.folded, err) : gad_error_memory(err, operation, 256);
        if (e.folded)
            l->item[l->count++] = e;
        else
            gad_memory_free(e.own);
    }
    if (l->count)
        qsort(l->item, l->count, sizeof *l->item, rising);
    return status;
}

/* A folder that cannot be read is as an empty one. */
static gad_status list(gad_alike *a, const char *folder, const listing **found, gad_error *err)
{
    for (int i = 0; i < KEPT; i++)
        if (a->kept[i].folder && !strcmp(a->kept[i].folder, folder)) {
            *found = &a->kept[i];
            return GAD_OK;
        }
    gad_file_names names = {0};
    listing made = {.folder = gad_memory_copy_string(folder)};
    char *path = gad_file_join(a->root, folder);
    gad_status status = path && made.folder ? GAD_OK : gad_error_memory(err, operation, strlen(folder));
    if (!status && gad_file_is_directory(path) && gad_file_list(path, &names, err) == GAD_E_MEMORY)
        status = GAD_E_MEMORY;
    if (!status)
        status = fill(&made, &names, err);
    gad_file_names_free(&names);
    gad_memory_free(path);
    if (status) {
        free_listing(&made);
        return status;
    }
    free_listing(&a->kept[a->next]);
    a->kept[a->next] = made;
    *found = &a->kept[a->next];
    a->next = (a->next + 1) % KEPT;
    return GAD_OK;
}

/* ---- finding ------------------------------------------------------------------------------------------------------- */

static gad_status same_form(const char *a, const char *b, bool *same, gad_error *err)
{
    char *x = NULL, *y = NULL;
    gad_status status = convert(gad_nfc_append, a, &x, err);
    if (!status)
        status = convert(gad_nfc_append, b, &y, err);
    *same = x && y && !strcmp(x, y);
    gad_memory_free(x);
    gad_memory_free(y);
    return status;
}

/* The one entry of the list that `name` means: it itself, else the only one in another Unicode form, else the only one in
 * another letter case; NULL: none. */
static gad_status choose(const listing *l, const char *name, const char **own, gad_error *err)
{
    entry wanted = {0};
    int forms = 0, cases = 0;
    const char *form = NULL;
    *own = NULL;
    gad_status status = convert(gad_nfc_fold, name, &wanted.folded, err);
    const entry *first = wanted.folded && l->count ? bsearch(&wanted, l->item, l->count, sizeof *l->item, rising) : NULL;
    while (first && first > l->item && !rising(first - 1, &wanted))
        first--;
    for (const entry *e = first; e && e < l->item + l->count && !rising(e, &wanted) && !status; e++) {
        bool same = false;
        status = same_form(e->own, name, &same, err);
        cases++;
        forms += same;
        form = same ? e->own : form;
        if (!strcmp(e->own, name)) {
            *own = e->own;
            break;
        }
    }
    if (!status && !*own)
        *own = forms == 1 ? form : forms == 0 && cases == 1 ? first->own : NULL;
    gad_memory_free(wanted.folded);
    return status;
}

/* As gad_alike_find, of files and folders, into `there`. */
static gad_status walk(gad_alike *alike, const char *path, char there[PATH_MAX], bool *found, gad_error *err)
{
    char name[NAME_MAX + 1];
    size_t length = 0;
    there[0] = 0;
    *found = false;
    for (const char *at = path; *at;) {
        const listing *l;
        const char *own;
        size_t n = strcspn(at, "/");
        if (n > NAME_MAX)
            return GAD_OK;
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        gad_status status = list(alike, there, &l, err);
        if (!status)
            status = choose(l, name, &own, err);
        if (status || !own || length + strlen(own) + 2 > PATH_MAX)
            return status;
        length += (size_t)snprintf(there + length, PATH_MAX - length, "%s%s", length ? "/" : "", own);
        at += n + (at[n] == '/');
    }
    *found = length > 0;
    return GAD_OK;
}

gad_status gad_alike_find(gad_alike *alike, char *path, size_t size_bytes, bool *found, gad_error *err)
{
    char there[PATH_MAX];
    *found = is_file(alike, path);
    if (*found || !gad_file_stays_inside(path))
        return GAD_OK;
    gad_status status = walk(alike, path, there, found, err);
    *found = !status && *found && strlen(there) < size_bytes && is_file(alike, there);
    if (*found)
        snprintf(path, size_bytes, "%s", there);
    return status;
}

/* ---- spelling ------------------------------------------------------------------------------------------------------ */

static void tidy(char *path)
{
    for (char *c = path; *c; c++)
        *c = *c == '\\' ? '/' : *c;
    for (char *dot; (dot = strstr(path, "/./"));)
        memmove(dot, dot + 2, strlen(dot + 2) + 1);
    while (strncmp(path, "./", 2) == 0)
        memmove(path, path + 2, strlen(path + 2) + 1);
}

void gad_alike_begin(gad_alike *alike)
{
    gad_arena_reset(&alike->spelt);
}

gad_status gad_alike_spell(gad_alike *alike, const char **path, gad_error *err)
{
    char own[PATH_MAX];
    bool found, inside = gad_file_stays_inside(*path);
    if ((inside && is_file(alike, *path)) || snprintf(own, sizeof own, "%s", *path) >= (int)sizeof own)
        return GAD_OK;
    tidy(own);
    gad_status status = gad_alike_find(alike, own, sizeof own, &found, err);
    if (status || !(inside ? found : gad_file_stays_inside(own)))
        return status;
    char *kept = gad_arena_take(&alike->spelt, strlen(own) + 1, 1);
    if (!kept)
        return gad_error_memory(err, operation, strlen(own) + 1);
    *path = strcpy(kept, own);
    return GAD_OK;
}

gad_status gad_alike_spell_list(gad_alike *alike, const char *const **list, gad_error *err)
{
    size_t count = 0;
    gad_status status = GAD_OK;
    while (*list && (*list)[count])
        count++;
    if (!count)
        return GAD_OK;
    const char **own = gad_arena_take(&alike->spelt, count + 1, sizeof *own);
    if (!own)
        return gad_error_memory(err, operation, (count + 1) * sizeof *own);
    memcpy(own, *list, (count + 1) * sizeof *own);
    for (size_t i = 0; i < count && !status; i++)
        status = gad_alike_spell(alike, &own[i], err);
    *list = own;
    return status;
}
