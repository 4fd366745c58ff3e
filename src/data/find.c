/* find: see find.h */
#include "data/find.h"

#include "base/base64.h"
#include "base/memory.h"
#include "text/nfc.h"

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

static bool same_text(const char *a, const char *b)
{
    gad_string x = {0}, y = {0};
    bool same = !gad_nfc_append(a, strlen(a), &x, NULL) && !gad_nfc_append(b, strlen(b), &y, NULL) &&
                strcmp(gad_string_text(&x), gad_string_text(&y)) == 0;
    gad_string_free(&x);
    gad_string_free(&y);
    return same;
}

/* The file of a folder whose name is the same text in another Unicode form (macOS decomposes umlauts). */
static bool other_form(const gad_import *import, char *path, size_t size_bytes)
{
    char *name = (char *)(uintptr_t)gad_file_name(path), folder[NAME_BYTES];
    gad_file_names names = {0};
    bool found = false;
    bool plain = true;
    for (const char *c = path; *c; c++)
        plain = plain && (unsigned char)*c < 0x80;
    if (plain)
        return false;
    snprintf(folder, sizeof folder, "%.*s", name > path ? (int)(name - path - 1) : 0, path);
    if (gad_import_list(import, folder, &names, NULL))
        return false;
    for (size_t i = 0; i < names.count && !found; i++)
        if ((found = same_text(names.name[i], name)))
            snprintf(name, size_bytes - (size_t)(name - path), "%s", names.name[i]);
    gad_file_names_free(&names);
    return found;
}

static bool is_there(const gad_import *import, const char *folder, const char *name, char *path, size_t size_bytes)
{
    int n = snprintf(path, size_bytes, "%s%s%s", folder, folder[0] ? "/" : "", name);
    if (n < 0 || (size_t)n >= size_bytes || !gad_file_stays_inside(path))
        return false;
    return gad_import_is_file(import, path) || (other_form(import, path, size_bytes) && gad_import_is_file(import, path));
}

/* The longest end of a path that is there, in the first folder that has it. */
static bool look(const gad_import *import, const char *name, const char *const *folders, char *path, size_t size_bytes)
{
    for (const char *at = name; at; at = strchr(at, '/')) {
        at += *at == '/';
        for (size_t i = 0; folders && folders[i]; i++)
            if (is_there(import, folders[i], at, path, size_bytes))
                return true;
        if (is_there(import, "", at, path, size_bytes) || is_there(import, "images", at, path, size_bytes))
            return true;
    }
    return false;
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

bool gad_find_image(const gad_import *import, const char *given, const char *const *folders, char *path, size_t size_bytes)
{
    char name[NAME_BYTES];
    if (look(import, given, folders, path, size_bytes)) /* a name may hold any of the characters below */
        return true;
    if (!file_uri(given, name, sizeof name) && !query_value(given, "d=", name, sizeof name))
        snprintf(name, sizeof name, "%s", given);
    for (int step = 0; step < 3; step++) { /* with what looks like a query, without it, decoded */
        if (step == 1)
            cut_at(name, "?#");
        if (step == 2)
            decode_percent(name);
        clean(name);
        if (look(import, name, folders, path, size_bytes))
            return true;
    }
    const char *plain = without_hash(gad_file_name(name));
    if (plain && look(import, plain, folders, path, size_bytes))
        return true;
    snprintf(path, size_bytes, "%s", gad_file_name(name));
    return false;
}
