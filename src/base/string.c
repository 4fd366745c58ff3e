/* string: see string.h */
#include "base/string.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static bool reserve(gad_string *s, size_t extra)
{
    if (s->failed)
        return false;
    if (extra > (size_t)-1 - s->length - 1) {
        s->failed = true;
        return false;
    }
    size_t needed = s->length + extra + 1;
    if (needed <= s->capacity)
        return true;
    size_t capacity = s->capacity * 2 > needed ? s->capacity * 2 : needed + 32;
    char *data = gad_memory_resize(s->data, capacity, 1);
    if (!data) {
        s->failed = true;
        return false;
    }
    s->data = data;
    s->capacity = capacity;
    return true;
}

void gad_string_append(gad_string *s, const char *bytes, size_t length)
{
    if (!reserve(s, length))
        return;
    memcpy(s->data + s->length, bytes, length);
    s->length += length;
    s->data[s->length] = 0;
}

void gad_string_add(gad_string *s, const char *text)
{
    gad_string_append(s, text, strlen(text));
}

void gad_string_addf(gad_string *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0 || !reserve(s, (size_t)length)) {
        s->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(s->data + s->length, (size_t)length + 1, format, args);
    va_end(args);
    s->length += (size_t)length;
}

int gad_string_utf8_length(const char *text, size_t length)
{
    if (!length)
        return 0;
    const unsigned char *b = (const unsigned char *)text;
    if (b[0] < 0x80)
        return 1;
    int need = b[0] >= 0xC2 && b[0] <= 0xDF ? 2 : b[0] >= 0xE0 && b[0] <= 0xEF ? 3 : b[0] >= 0xF0 && b[0] <= 0xF4 ? 4 : 0;
    if (!need)
        return 0;
    for (int i = 1; i < need; i++) {
        if ((size_t)i >= length)
            return -1;
        unsigned low = 0x80, high = 0xBF;
        if (i == 1) { /* overlong forms, surrogates and values above U+10FFFF differ in the second byte */
            if (b[0] == 0xE0)
                low = 0xA0;
            else if (b[0] == 0xED)
                high = 0x9F;
            else if (b[0] == 0xF0)
                low = 0x90;
            else if (b[0] == 0xF4)
                high = 0x8F;
        }
        if (b[i] < low || b[i] > high)
            return 0;
    }
    return need;
}

/* The character at `text`: its bytes, 1 for what is no UTF-8. *plain false: not that, or a control character (C0, delete,
 * C1). */
static size_t character(const char *text, size_t left, bool *plain)
{
    int n = gad_string_utf8_length(text, left);
    unsigned char c = (unsigned char)text[0], second = n == 2 ? (unsigned char)text[1] : 0;
    *plain = n > 0 && c >= 0x20 && c != 0x7F && !(c == 0xC2 && second < 0xA0);
    return n > 0 ? (size_t)n : 1;
}

void gad_string_add_html(gad_string *s, const char *text)
{
    bool plain;
    for (size_t left = strlen(text), n; left; text += n, left -= n) {
        n = character(text, left, &plain);
        switch (*text) {
        case '&': gad_string_add(s, "&amp;"); break;
        case '<': gad_string_add(s, "&lt;"); break;
        case '>': gad_string_add(s, "&gt;"); break;
        case '"': gad_string_add(s, "&quot;"); break;
        case '\'': gad_string_add(s, "&#39;"); break;
        case '\n':
        case '\t': gad_string_append(s, text, 1); break;
        default: gad_string_append(s, plain ? text : "\xEF\xBF\xBD", plain ? n : 3);
        }
    }
}

void gad_string_add_markdown(gad_string *s, const char *text)
{
    bool plain;
    for (size_t left = strlen(text), n; left; text += n, left -= n) {
        n = character(text, left, &plain);
        if (*text == '&' || *text == '<' || *text == '>')
            gad_string_add(s, *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : "&gt;");
        else if (*text == '\n' || *text == '\t')
            gad_string_add(s, " ");
        else if (strchr("|`*[]\\", *text))
            gad_string_addf(s, "\\%c", *text);
        else
            gad_string_append(s, plain ? text : "\xEF\xBF\xBD", plain ? n : 3);
    }
}

void gad_string_cut(char *to, size_t size_bytes, const char *text)
{
    size_t length = strlen(text), kept = length < size_bytes ? length : size_bytes - 1;
    if (kept < length) /* bytes that continue the first one that is left out */
        while (kept && ((unsigned char)text[kept] & 0xC0) == 0x80)
            kept--;
    memcpy(to, text, kept);
    to[kept] = 0;
}

void gad_string_add_json(gad_string *s, const char *text)
{
    size_t left = strlen(text);
    gad_string_add(s, "\"");
    while (left) {
        int n = gad_string_utf8_length(text, left);
        unsigned char c = (unsigned char)*text;
        if (n <= 0) {
            gad_string_add(s, "\xEF\xBF\xBD");
            n = 1;
        } else if (c == '"' || c == '\\') {
            gad_string_addf(s, "\\%c", c);
        } else if (c == '\n') {
            gad_string_add(s, "\\n");
        } else if (c < 0x20) {
            gad_string_addf(s, "\\u%04x", c);
        } else {
            gad_string_append(s, text, (size_t)n);
        }
        text += n;
        left -= (size_t)n;
    }
    gad_string_add(s, "\"");
}

void gad_string_clear(gad_string *s)
{
    s->length = 0;
    s->failed = false;
    if (s->data)
        s->data[0] = 0;
}

void gad_string_free(gad_string *s)
{
    gad_memory_free(s->data);
    *s = (gad_string){0};
}

const char *gad_string_text(const gad_string *s)
{
    return s->data ? s->data : "";
}
