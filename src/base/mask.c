/* mask: see mask.h */
#include "base/mask.h"

#include "base/memory.h"

#include <string.h>

enum { LEAST_SECRET = 4 };

/* The parts of scheme://user:password@host/path?query#fragment that matter here; lengths 0 when absent. */
typedef struct address {
    size_t authority; /* where user or host begins */
    size_t at;        /* of the @, 0 without one */
    size_t query;     /* of the ?, or the end */
    size_t end;       /* of the query */
} address;

static address split(const char *url)
{
    const char *scheme = strstr(url, "://");
    address a = {.authority = scheme ? (size_t)(scheme - url) + 3 : 0};
    size_t path = a.authority + strcspn(url + a.authority, "/?#");
    for (size_t i = a.authority; i < path; i++)
        if (url[i] == '@')
            a.at = i;
    a.query = a.authority + strcspn(url + a.authority, "?#");
    a.end = a.query + strcspn(url + a.query, "#");
    return a;
}

/* The next name=value of a query at *at; false at its end. `value` and `value_end` are equal without a value. */
static bool next_member(const char *url, size_t end, size_t *at, size_t *name, size_t *value, size_t *value_end)
{
    if (*at >= end)
        return false;
    *name = *at + 1; /* behind ? or & */
    size_t stop = *name;
    while (stop < end && url[stop] != '&')
        stop++;
    *value = *name;
    while (*value < stop && url[*value] != '=')
        ++*value;
    *value += *value < stop;
    *value_end = stop;
    *at = stop;
    return true;
}

/* "api-version=2024-06-01" tells a reader what was asked, and opens nothing. */
static bool is_harmless(const char *name, size_t length)
{
    static const char word[] = "version";
    for (size_t i = 0; i + sizeof word - 1 <= length; i++)
        if (!memcmp(name + i, word, sizeof word - 1))
            return true;
    return false;
}

void gad_mask_url(const char *url, gad_string *out)
{
    address a = split(url);
    gad_string_append(out, url, a.authority);
    if (a.at)
        gad_string_add(out, "***");
    size_t from = a.at ? a.at : a.authority, at = a.query, name, value, value_end;
    gad_string_append(out, url + from, a.query - from);
    while (next_member(url, a.end, &at, &name, &value, &value_end)) {
        bool open = value == value_end || is_harmless(url + name, value - name);
        gad_string_append(out, url + name - 1, value - name + 1);
        gad_string_append(out, open ? url + value : "***", open ? value_end - value : 3);
    }
}

/* How many bytes of the text at `at` spell the secret, backslashes between its characters left out; 0 when they do not. */
static size_t spelled(const char *text, size_t length, size_t at, const char *secret, size_t secret_length)
{
    size_t i = at, k = 0;
    while (k < secret_length && i < length) {
        if (text[i] == secret[k])
            k++;
        else if (text[i] != '\\' || k == 0)
            return 0;
        i++;
    }
    return k == secret_length ? i - at : 0;
}

static void overwrite(char *text, size_t length, const char *secret, size_t secret_length)
{
    if (secret_length < LEAST_SECRET)
        return;
    for (char *found = text; (found = memchr(found, secret[0], length - (size_t)(found - text)));) {
        size_t n = spelled(text, length, (size_t)(found - text), secret, secret_length);
        memset(found, '*', n);
        found += n ? n : 1;
    }
}

void gad_mask_text(char *text, size_t length, const char *secret)
{
    if (secret)
        overwrite(text, length, secret, strlen(secret));
}

void gad_mask_text_of_url(char *text, size_t length, const char *url)
{
    address a = split(url);
    const char *colon = a.at ? memchr(url + a.authority, ':', a.at - a.authority) : NULL;
    size_t at = a.query, name, value, value_end;
    if (a.at) {
        const char *from = colon ? colon + 1 : url + a.authority;
        overwrite(text, length, from, (size_t)(url + a.at - from));
    }
    while (next_member(url, a.end, &at, &name, &value, &value_end))
        if (value < value_end && !is_harmless(url + name, value - name))
            overwrite(text, length, url + value, value_end - value);
}
