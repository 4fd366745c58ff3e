/* link: see link.h */
#include "api/link.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* The folder of a path, whole: without "..", links and a slash at its end; free()'s. NULL when it is not there. */
static char *whole_folder(const char *path)
{
    gad_string folder = {0};
    size_t length = (size_t)(gad_file_name(path) - path);
    gad_string_append(&folder, length ? path : ".", length ? length : 1);
    char *whole = folder.failed ? NULL : realpath(folder.data, NULL);
    gad_string_free(&folder);
    return whole;
}

static void add_escaped(gad_string *html, const char *path)
{
    for (; *path; path++) {
        const unsigned char c = (unsigned char)*path;
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/", c);
        if (plain)
            gad_string_append(html, path, 1);
        else
            gad_string_addf(html, "%%%02X", c);
    }
}

void gad_link_add(gad_string *html, const char *page, const char *file)
{
    char *from = whole_folder(page), *to = whole_folder(file);
    if (from && to) {
        size_t common = 0; /* length of the folders that both lie in */
        for (size_t i = 0; !i || from[i - 1]; i++) {
            const bool ends = (!from[i] || from[i] == '/') && (!to[i] || to[i] == '/');
            common = ends ? i : common;
            if (from[i] != to[i])
                break;
        }
        for (const char *at = from + common; *at; at++)
            if (*at == '/' && at[1])
                gad_string_add(html, "../");
        const char *rest = to + common + strspn(to + common, "/");
        add_escaped(html, rest);
        gad_string_add(html, *rest ? "/" : "");
    }
    add_escaped(html, from && to ? gad_file_name(file) : file);
    free(from);
    free(to);
}
