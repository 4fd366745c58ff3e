/* tar: see tar.h */
#include "io/tar.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

static const char operation[] = "write tar file";
enum { BLOCK = 512, MAX_DEPTH = 32 };

/* A name of up to 255 bytes is cut at a slash: at most 155 before it, 100 after it. False when it cannot be. */
static bool split_name(const char *name, char head[BLOCK])
{
    size_t length = strlen(name);
    const char *cut = name;
    if (length <= 100) {
        memcpy(head, name, length);
        return true;
    }
    while (cut && strlen(cut) > 100)
        cut = strchr(cut + 1, '/') ? strchr(cut + 1, '/') + 1 : NULL;
    if (!cut || cut - name - 1 > 155)
        return false;
    memcpy(head, cut, strlen(cut));
    memcpy(head + 345, name, (size_t)(cut - name - 1));
    return true;
}

static void write_header(char head[BLOCK], uint64_t size_bytes)
{
    unsigned sum = 0;
    memcpy(head + 100, "0000644", 8);
    memcpy(head + 108, "0000000", 8);
    memcpy(head + 116, "0000000", 8);
    snprintf(head + 124, 12, "%011llo", (unsigned long long)size_bytes);
    memcpy(head + 136, "00000000000", 12);
    memset(head + 148, ' ', 8);
    head[156] = '0';
    memcpy(head + 257, "ustar\00000", 8);
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum);
}

static gad_status add_file(const char *path, const char *name, FILE *stream, gad_error *err)
{
    static const char zeros[BLOCK] = {0};
    char head[BLOCK] = {0};
    gad_file_map map;
    if (!split_name(name, head))
        return gad_error_set(err, GAD_E_LIMIT, operation, "shorten the name", "%s: the name is too long for a tar file",
                             name);
    gad_status status = gad_file_map_open(path, &map, err);
    if (status)
        return status;
    write_header(head, map.size_bytes);
    size_t rest = (BLOCK - map.size_bytes % BLOCK) % BLOCK;
    if (fwrite(head, BLOCK, 1, stream) != 1 ||
        (map.size_bytes && fwrite(map.data, 1, map.size_bytes, stream) != map.size_bytes) ||
        fwrite(zeros, 1, rest, stream) != rest)
        status = gad_error_system(err, operation, path, errno);
    gad_file_map_close(&map);
    return status;
}

static gad_status add_folder(const char *folder, const char *prefix, int depth, FILE *stream, gad_error *err)
{
    gad_file_names names = {0};
    if (depth > MAX_DEPTH)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "%s: more than %d folders deep", folder, MAX_DEPTH);
    gad_status status = gad_file_list(folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        struct stat s;
        char *path = gad_file_join(folder, names.name[i]), *name = gad_file_join(prefix, names.name[i]);
        if (!path || !name)
            status = gad_error_memory(err, operation, 256);
        else if (stat(path, &s))
            status = gad_error_system(err, operation, path, errno);
        else if (S_ISDIR(s.st_mode))
            status = add_folder(path, name, depth + 1, stream, err);
        else if (S_ISREG(s.st_mode))
            status = add_file(path, name, stream, err);
        gad_memory_free(path);
        gad_memory_free(name);
    }
    gad_file_names_free(&names);
    return status;
}

gad_status gad_tar_write(const char *folder, const char *prefix, FILE *stream, gad_error *err)
{
    static const char end[2 * BLOCK] = {0};
    gad_status status = add_folder(folder, prefix, 0, stream, err);
    if (!status && (fwrite(end, sizeof end, 1, stream) != 1 || fflush(stream)))
        status = gad_error_system(err, operation, folder, errno);
    return status;
}
