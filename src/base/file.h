/* file: reading, mapping, listing and replacing files. Only regular files are read. A written file is complete or absent:
 * it is made under a temporary name, flushed and renamed; what is no regular file (a FIFO, a device) is written into. */
#ifndef GAD_BASE_FILE_H
#define GAD_BASE_FILE_H
#include "gad.h"

#include <stdbool.h>
#include <stdio.h>

/* A file mapped read-only. */
typedef struct gad_file_map {
    const unsigned char *data;
    size_t size_bytes;
} gad_file_map;
gad_status gad_file_map_open(const char *path, gad_file_map *map, gad_error *err);
void gad_file_map_close(gad_file_map *map);

/* The whole file, zero-terminated (the zero is not counted). Refuses files over limit_bytes. *data is the caller's
 * (gad_memory_free). */
gad_status gad_file_read(const char *path, size_t limit_bytes, char **data, size_t *size_bytes, gad_error *err);

/* A stream of a file's bytes; the caller closes it. */
gad_status gad_file_open(const char *path, FILE **stream, gad_error *err);

/* A file being written (file_writer.c). Links are followed, permissions of a file that was there are kept: stream to
 * `stream`, then commit (flush, fsync, rename) or discard. */
typedef struct gad_file_writer {
    FILE *stream;
    char *path, *temporary; /* where links lead to; NULL: there is none, the stream is the device itself */
} gad_file_writer;
gad_status gad_file_writer_open(gad_file_writer *writer, const char *path, gad_error *err);
/* Makes the file appear under its name. On failure nothing is left behind and an earlier file stays as it was. */
gad_status gad_file_writer_commit(gad_file_writer *writer, gad_error *err);
/* Removes what was written; does nothing after a commit. */
void gad_file_writer_discard(gad_file_writer *writer);

/* Write a whole file at once, as a writer does. */
gad_status gad_file_write(const char *path, const void *data, size_t size_bytes, gad_error *err);
/* The bytes of one file as another, written whole as gad_file_write does. */
gad_status gad_file_copy(const char *from, const char *to, gad_error *err);

bool gad_file_exists(const char *path);
/* Refuses what is there and is no regular file (a FIFO, a device, a socket, a folder). */
gad_status gad_file_check_regular(const char *path, gad_error *err);
bool gad_file_is_directory(const char *path);
/* Make the directory and its parents; an existing one is fine. */
gad_status gad_file_make_directory(const char *path, gad_error *err);
/* Remove a file, or a directory with all that is in it; an absent one is fine. */
gad_status gad_file_remove(const char *path, gad_error *err);

/* Names in a directory in byte order, without hidden ones. Free with gad_file_names_free. */
typedef struct gad_file_names {
    char **name;
    size_t count, capacity;
} gad_file_names;
gad_status gad_file_list(const char *directory, gad_file_names *names, gad_error *err);
void gad_file_names_free(gad_file_names *names);

/* "directory/name" in memory of the caller's (gad_memory_free); NULL without memory. */
char *gad_file_join(const char *directory, const char *name);
/* Does a relative path stay inside the folder it starts from: not absolute, no component that is empty, "." or ".."? */
bool gad_file_stays_inside(const char *relative);
/* The part after the last '/', inside `path`. */
const char *gad_file_name(const char *path);
/* The extension without its dot, inside `path`; "" when there is none. Compare with gad_file_has_extension. */
const char *gad_file_extension(const char *path);
/* Whether the extension equals `extension` ("png"), upper and lower case alike. */
bool gad_file_has_extension(const char *path, const char *extension);
#endif
