/* multipart: see multipart.h */
#include "serve/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "read the form";
enum { MAX_BOUNDARY = 70, MAX_HEADERS_BYTES = 8192 }; /* RFC 2046: a boundary has at most 70 characters */

bool gad_multipart_is(const char *content_type)
{
    return content_type && !strncasecmp(content_type, "multipart/form-data", 19);
}

static gad_status malformed(gad_error *err, const char *what)
{
    return gad_error_set(err, GAD_E_FORMAT, operation, "send multipart/form-data as curl -F does", "the request: %s", what);
}

/* The value of `key` in "...; key=value; other=\"quoted \\\" value\"". False when it is absent or too long. */
static bool parameter_of(const char *header, size_t length, const char *key, char *value, size_t size)
{
    size_t key_length = strlen(key);
    for (size_t at = 0; at < length;) {
        bool starts = at && (header[at - 1] == ' ' || header[at - 1] == ';' || header[at - 1] == '\t');
        if (header[at] == '"') { /* a quoted value of another parameter */
            for (at++; at < length && header[at] != '"'; at++)
                at += header[at] == '\\';
            at++;
            continue;
        }
        if (!starts || at + key_length >= length || strncasecmp(header + at, key, key_length) ||
            header[at + key_length] != '=') {
            at++;
            continue;
        }
        at += key_length + 1;
        bool quoted = at < length && header[at] == '"';
        size_t n = 0;
        for (at += quoted; at < length && (quoted ? header[at] != '"' : !strchr("; \t\r", header[at])); at++) {
            if (quoted && header[at] == '\\' && at + 1 < length && (header[at + 1] == '"' || header[at + 1] == '\\'))
                at++;
            if (n + 1 >= size)
                return false;
            value[n++] = header[at];
        }
        value[n] = 0;
        return true;
    }
    return false;
}

/* One header line of a part. */
static void read_header(const char *line, size_t length, gad_multipart_part *part)
{
    static const char disposition[] = "content-disposition:", type[] = "content-type:";
    if (length > sizeof disposition - 1 && !strncasecmp(line, disposition, sizeof disposition - 1)) {
        parameter_of(line, length, "name", part->name, sizeof part->name);
        parameter_of(line, length, "filename", part->file_name, sizeof part->file_name);
    } else if (length > sizeof type - 1 && !strncasecmp(line, type, sizeof type - 1)) {
        size_t skip = sizeof type - 1 + strspn(line + sizeof type - 1, " ");
        skip = skip < length ? skip : length;
        snprintf(part->type, sizeof part->type, "%.*s", (int)(length - skip), line + skip);
    }
}

/* Headers up to the empty line; *at moves to the content. */
static gad_status read_headers(const char *body, size_t size, size_t *at, gad_multipart_part *part, gad_error *err)
{
    size_t start = *at;
    for (;;) {
        const char *line = body + *at, *end = memmem(line, size - *at, "\r\n", 2);
        if (!end || (size_t)(end - body) - start > MAX_HEADERS_BYTES)
            return malformed(err, "a part has no end of its headers");
        size_t length = (size_t)(end - line);
        *at += length + 2;
        if (!length)
            return part->name[0] ? GAD_OK : malformed(err, "a part has no name");
        read_header(line, length, part);
    }
}

/* The parts between lines of "--boundary"; `mark` is "\r\n--boundary". */
static gad_status read_parts(const char *mark, const char *body, size_t size, gad_multipart *parts, gad_error *err)
{
    size_t mark_length = strlen(mark), capacity = 0, at = mark_length - 2;
    if (size < mark_length || memcmp(body, mark + 2, mark_length - 2))
        return malformed(err, "it does not begin with its boundary");
    while (!(size - at >= 2 && !memcmp(body + at, "--", 2))) {
        if (size - at < 2 || memcmp(body + at, "\r\n", 2))
            return malformed(err, "a boundary is not followed by a line end");
        if (parts->count == GAD_MULTIPART_PARTS)
            return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "the request has more than %d parts",
                                 GAD_MULTIPART_PARTS);
        if (!gad_memory_grow((void **)&parts->part, &capacity, parts->count, sizeof *parts->part))
            return gad_error_memory(err, operation, sizeof *parts->part);
        gad_multipart_part *part = &parts->part[parts->count++];
        *part = (gad_multipart_part){0};
        at += 2;
        gad_status status = read_headers(body, size, &at, part, err);
        if (status)
            return status;
        /* an empty content: the line end before the boundary is the one that ended the headers */
        size_t from = at >= 2 ? at - 2 : at;
        const char *end = memmem(body + from, size - from, mark, mark_length);
        if (!end)
            return malformed(err, "it ends before its last boundary");
        part->data = body + at;
        part->size_bytes = end > body + at ? (size_t)(end - body) - at : 0;
        at = (size_t)(end - body) + mark_length;
    }
    return GAD_OK;
}

gad_status gad_multipart_parse(const char *content_type, const char *body, size_t body_bytes, gad_multipart *parts,
                               gad_error *err)
{
    char mark[MAX_BOUNDARY + 8] = "\r\n--";
    gad_multipart made = {0};
    if (!parameter_of(content_type, strlen(content_type), "boundary", mark + 4, MAX_BOUNDARY + 1) || !mark[4])
        return malformed(err, "its content type names no boundary");
    gad_status status = read_parts(mark, body, body_bytes, &made, err);
    if (status)
        gad_multipart_free(&made);
    else
        *parts = made;
    return status;
}

void gad_multipart_free(gad_multipart *parts)
{
    gad_memory_free(parts->part);
    *parts = (gad_multipart){0};
}
