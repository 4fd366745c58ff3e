/* find: see find.h */
#include "data/find.h"

#include "base/base64.h"
#include "base/string.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 1024 };

/* ---- what is meant ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void decode_percent(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        int high = from[0] == '%' ? hex_digit(from[1]) : -1, low = high >= 0 ? hex_digit(from[2]) : -1;
        if (low >= 0 && (high || low)) {
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
}

static void cut_at(char *text, const char *marks)
{
    text[strcspn(text, marks)] = 0;
}

/* The value of a query: "...?d=a/b.png&x=1" gives "a/b.png". */
static bool query_value(const char *given, const char *key, char *value, size_t size_bytes)
{
    const char *query = strchr(given, '?');
    for (const char *at = query; at && *at; at = strchr(at + 1, '&')) {
        if (strncmp(at + 1, key, strlen(key)) != 0)
            continue;
        snprintf(value, size_bytes, "%s", at + 1 + strlen(key));
        cut_at(value, "&#");
        return true;
    }
    return false;
}

/* The storage address inside "/tasks/1/resolve/?fileuri=BASE64". */
static bool file_uri(const char *given, char *value, size_t size_bytes)
{
    char coded[NAME_BYTES];
    gad_string bytes = {0};
    if (!query_value(given, "fileuri=", coded, sizeof coded))
        return false;
    for (char *c = coded; *c; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    bool good = gad_base64_decode(coded, strcspn(coded, "%"), &bytes) && bytes.length;
    snprintf(value, size_bytes, "%s", gad_string_text(&bytes));
    gad_string_free(&bytes);
    return good;
}

/* ---- looking ---- */

/* Who looks where, for what. */
typedef struct search {
    const gad_import *import;
    const char *const *folders; /* ends with NULL; NULL: none */
    bool loose;                 /* letter case and Unicode form do not count */
    char *path;                 /* what was found */
    size_t size_bytes;
    bool found;
} search;

static gad_status try_folder(search *s, const char *folder, const char *name, gad_error *err)
{
    int n = snprintf(s->path, s->size_bytes, "%s%s%s", folder, folder[0] ? "/" : "", name);
    s->found = false;
    if (n < 0 || (size_t)n >= s->size_bytes || !gad_file_stays_inside(s->path))
        return GAD_OK;
    if (s->loose)
        return gad_import_find(s->import, s->path, s->size_bytes, &s->found, err);
    s->found = gad_import_is_file(s->import, s->path);
    return GAD_OK;
}

/* The longest end of a path that is there, in the first folder that has it. */
static gad_status look(search *s, const char *name, gad_error *err)
{
    gad_status status = GAD_OK;
    for (const char *at = name; at && !status && !s->found; at = strchr(at, '/')) {
        at += *at == '/';
        for (size_t i = 0; s->folders && s->folders[i] && !status && !s->found; i++)
            status = try_folder(s, s->folders[i], at, err);
        if (!status && !s->found)
            status = try_folder(s, "", at, err);
        if (!status && !s->found)
            status = try_folder(s, "images", at, err);
    }
    return status;
}

/* "./" and "a/../" in front say nothing of a path that is looked for by its end. */
static void clean(char *name)
{
    for (char *c = name; *c; c++)
        *c = *c == '\\' ? '/' : *c;
    for (char *up; (up = strstr(name, "../"));)
        memmove(name, up + 3, strlen(up + 3) + 1);
    for (char *dot; (dot = strstr(name, "/./"));)
        memmove(dot, dot + 2, strlen(dot + 2) + 1);
    if (strncmp(name, "./", 2) == 0)
        memmove(name, name + 2, strlen(name + 2) + 1);
}

/* An upload gets a hash in front of its name: "3f2a1bc4-part7.png". */
static const char *without_hash(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdef");
    return digits >= 6 && name[digits] == '-' && name[digits + 1] ? name + digits + 1 : NULL;
}

/* Fills `name` with what was given, the last way it was read. */
static gad_status look_each_way(search *s, const char *given, char name[NAME_BYTES], gad_error *err)
{
    gad_status status = look(s, given, err); /* a name may hold any of the characters below */
    if (!file_uri(given, name, NAME_BYTES) && !query_value(given, "d=", name, NAME_BYTES))
        snprintf(name, NAME_BYTES, "%s", given);
    for (int step = 0; step < 3; step++) { /* with what looks like a query, without it, decoded */
        if (step == 1)
            cut_at(name, "?#");
        if (step == 2)
            decode_percent(name);
        clean(name);
        if (!status && !s->found)
            status = look(s, name, err);
    }
    const char *plain = without_hash(gad_file_name(name));
    return status || s->found || !plain ? status : look(s, plain, err);
}

gad_status gad_find_image(const gad_import *import, const char *given, const char *const *folders, char *path,
                          size_t size_bytes, bool *found, gad_error *err)
{
    char name[NAME_BYTES];
    search s = {.import = import, .folders = folders, .path = path, .size_bytes = size_bytes};
    gad_status status = look_each_way(&s, given, name, err);
    s.loose = true;
    if (!status && !s.found)
        status = look_each_way(&s, given, name, err);
    if (!status && !s.found)
        snprintf(path, size_bytes, "%s", gad_file_name(name));
    *found = s.found;
    return status;
}
