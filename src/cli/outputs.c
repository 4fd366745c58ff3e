/* outputs: see outputs.h */
#include "cli/outputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/terminal.h"

bool outputs_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int outputs_check(const char *command_name, const char *path)
{
    char folder[4096];
    struct stat info;
    if (!path)
        return EXIT_DONE;
    bool there = stat(path, &info) == 0;
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = 0;
    const char *parent = slash ? folder : ".", *why = NULL;
    if (there && S_ISDIR(info.st_mode))
        why = "is a folder";
    else if (there ? access(path, W_OK) : access(parent, W_OK))
        why = strerror(errno);
    if (!why)
        return EXIT_DONE;
    fprintf(stderr, "gad %s: cannot write to ", command_name);
    terminal_put(stderr, path, false);
    fprintf(stderr, ": %s\n", why);
    return EXIT_FAILED;
}

static int refuse(const char *command_name, const char *path, const char *why)
{
    fprintf(stderr, "gad %s: ", command_name);
    terminal_put(stderr, path, false);
    fprintf(stderr, " %s; --force replaces what is there\n", why);
    return EXIT_FAILED;
}

int outputs_check_folder(const char *command_name, const char *path)
{
    DIR *folder = opendir(path);
    bool filled = false;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        filled = filled || (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0);
    if (folder)
        closedir(folder);
    return filled ? refuse(command_name, path, "is not an empty folder") : EXIT_DONE;
}

int outputs_check_file(const char *command_name, const char *path, const char *mark, bool force)
{
    char head[16384];
    struct stat info;
    int code = outputs_check(command_name, path);
    if (code || !path || force || lstat(path, &info) || !S_ISREG(info.st_mode) || !info.st_size)
        return code;
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(head, 1, sizeof head, file) : 0;
    if (file)
        fclose(file);
    return memmem(head, length, mark, strlen(mark))
               ? EXIT_DONE
               : refuse(command_name, path, "is there already, and gad did not write it");
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static size_t stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

static bool equal_stems(const char *a, const char *b)
{
    size_t n = stem_length(name_of(a));
    return n == stem_length(name_of(b)) && strncmp(name_of(a), name_of(b), n) == 0;
}

/* "a/b.jpg" as "a_b.jpg". */
static void flatten(const char *path, char *flat, size_t size_bytes)
{
    while (strncmp(path, "./", 2) == 0 || path[0] == '/')
        path += path[0] == '/' ? 1 : 2;
    snprintf(flat, size_bytes, "%s", path);
    for (char *c = flat; *c; c++)
        *c = *c == '/' ? '_' : *c;
}

/* The name without folder and ending that only this part has. */
static void own_name(const paths *parts, const char *part, char *name, size_t size_bytes)
{
    char other[1024];
    size_t equal = 0, before = 0;
    for (size_t i = 0; i < parts->count; i++)
        equal += strcmp(parts->item[i], part) != 0 && equal_stems(parts->item[i], part);
    if (!equal) {
        snprintf(name, size_bytes, "%.*s", (int)stem_length(name_of(part)), name_of(part));
        return;
    }
    flatten(part, name, size_bytes);
    for (size_t i = 0; i < parts->count && strcmp(parts->item[i], part) != 0; i++) {
        flatten(parts->item[i], other, sizeof other);
        before += strcmp(other, name) == 0;
    }
    if (before) /* "a/b.jpg" and "a_b.jpg" */
        snprintf(name + strlen(name), size_bytes - strlen(name), "-%zu", before + 1);
}

static bool is_read(const outputs *out, const char *path)
{
    const paths *lists[2] = {out->parts, out->references};
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k]->count; i++)
            if (outputs_same_file(path, lists[k]->item[i]))
                return true;
    return false;
}

void outputs_path(const outputs *out, const char *folder, const char *part, const char *kind, const char *ending,
                  char *path, size_t size_bytes)
{
    char name[1024];
    own_name(out->parts, part, name, sizeof name);
    for (int tries = out->one_folder ? 1 : 0; tries < 100; tries++) {
        snprintf(path, size_bytes, "%s/%s", folder, name);
        for (int i = 0; i < tries; i++)
            snprintf(path + strlen(path), size_bytes - strlen(path), "-%s", kind);
        snprintf(path + strlen(path), size_bytes - strlen(path), ".%s", ending);
        if (!is_read(out, path))
            return;
    }
}
