/* answer_object: see answer_object.h */
#include "task/answer_object.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

#define NO_PARENT ((size_t)-1)

typedef struct scanner {
    const char *text;
    size_t length, at;
    gad_answer_objects *found;
    size_t open; /* index of the innermost open object, NO_PARENT outside */
} scanner;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(const char *text, size_t length, size_t at)
{
    while (at < length && is_space(text[at]))
        at++;
    return at;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

size_t gad_answer_object_string_end(const char *text, size_t length, size_t at)
{
    char quote = text[at++];
    for (; at < length; at++) {
        if (text[at] == '\\' && at + 1 < length) {
            at++;
            continue;
        }
        if (text[at] != quote)
            continue;
        size_t next = skip_space(text, length, at + 1);
        if (quote == '"' || next == length || strchr(",}]):", text[next]))
            return at;
    }
    return length;
}

/* A decimal number; the locale has no say. False when there is none at *at. */
static bool read_number(const char *text, size_t length, size_t *at, double *value, bool *whole)
{
    size_t i = *at;
    bool negative = i < length && text[i] == '-';
    if (i < length && (text[i] == '-' || text[i] == '+'))
        i++;
    double mantissa = 0;
    int exponent = 0, digits = 0;
    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++, digits++)
        mantissa = mantissa * 10 + (text[i] - '0');
    if (i < length && text[i] == '.') {
        *whole = false;
        for (i++; i < length && text[i] >= '0' && text[i] <= '9'; i++, digits++)
            if (mantissa < 1e15) { /* later digits do not matter */
                mantissa = mantissa * 10 + (text[i] - '0');
                exponent--;
            }
    }
    if (!digits)
        return false;
    if (i + 1 < length && (text[i] == 'e' || text[i] == 'E')) {
        size_t e = i + 1;
        bool down = text[e] == '-';
        e += text[e] == '-' || text[e] == '+';
        int power = 0;
        size_t first = e;
        for (; e < length && text[e] >= '0' && text[e] <= '9'; e++)
            power = power < 10000 ? power * 10 + (text[e] - '0') : power;
        if (e > first) {
            *whole = false;
            exponent += down ? -power : power;
            i = e;
        }
    }
    *value = exponent < 0 ? mantissa / pow(10, -exponent) : mantissa * pow(10, exponent);
    if (negative)
        *value = -*value;
    *at = i;
    return isfinite(*value);
}

/* [a, b, c, d] at s->at into the open object. */
static void read_numbers(scanner *s, gad_answer_object *object)
{
    char close = s->text[s->at] == '(' ? ')' : ']';
    size_t count = 0;
    double value[4];
    bool whole = true;
    for (s->at++;;) {
        s->at = skip_space(s->text, s->length, s->at);
        if (s->at < s->length && s->text[s->at] == close)
            break;
        if (count == 4 || !read_number(s->text, s->length, &s->at, &value[count], &whole))
            return;
        count++;
        s->at = skip_space(s->text, s->length, s->at);
        if (s->at < s->length && s->text[s->at] == ',')
            s->at++;
        else if (s->at >= s->length || s->text[s->at] != close)
            return;
    }
    s->at++;
    if (count != 4 || object->has_box)
        return;
    memcpy(object->value, value, sizeof value);
    object->has_box = true;
    object->whole_numbers = whole;
    object->json |= close == ')';
}

static bool key_is(const char *text, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(text, name, length) == 0;
}

/* What follows the colon of a key, if it is a box or a label; s->at stands after the colon. */
static void read_value(scanner *s, const char *key, size_t key_length, bool json)
{
    gad_answer_object *object = &s->found->object[s->open];
    bool native = key_is(key, key_length, "bbox_2d");
    bool box = native || key_is(key, key_length, "bbox") || key_is(key, key_length, "box_2d");
    s->at = skip_space(s->text, s->length, s->at);
    object->json |= json;
    if (s->at >= s->length)
        return;
    char c = s->text[s->at];
    if (box && (c == '[' || c == '(')) {
        bool had_box = object->has_box;
        read_numbers(s, object);
        if (!had_box && object->has_box)
            object->foreign = !native;
    } else if (key_is(key, key_length, "label") && (c == '"' || c == '\'')) {
        size_t end = gad_answer_object_string_end(s->text, s->length, s->at);
        object->json |= c == '"';
        object->label_quote = c;
        object->label_begin = s->at + 1;
        object->label_end = end;
        s->at = end < s->length ? end + 1 : end;
    }
}

/* A quoted or bare word inside an object: a key if a colon follows. */
static void read_word(scanner *s)
{
    size_t begin = s->at, end;
    char c = s->text[begin];
    bool quoted = c == '"' || c == '\'';
    if (quoted) {
        end = gad_answer_object_string_end(s->text, s->length, begin++);
        s->at = end < s->length ? end + 1 : end;
    } else {
        for (end = begin; end < s->length && is_name(s->text[end]);)
            end++;
        s->at = end;
    }
    size_t next = skip_space(s->text, s->length, s->at);
    if (next < s->length && s->text[next] == ':') {
        s->at = next + 1;
        read_value(s, s->text + begin, end - begin, c != '\'');
    }
}

static gad_status open_object(scanner *s, gad_error *err)
{
    gad_answer_objects *found = s->found;
    if (!gad_memory_grow((void **)&found->object, &found->capacity, found->count, sizeof *found->object))
        return gad_error_memory(err, "read answer", found->count * sizeof *found->object);
    found->object[found->count] = (gad_answer_object){.begin = s->at++, .parent = s->open};
    s->open = found->count++;
    return GAD_OK;
}

static void close_object(scanner *s)
{
    gad_answer_object *object = &s->found->object[s->open];
    object->end = ++s->at;
    object->closed = true;
    s->open = object->parent;
}

static void scan_outside(scanner *s)
{
    char c = s->text[s->at];
    if (c == '[') {
        size_t next = skip_space(s->text, s->length, s->at + 1);
        s->found->json |= next < s->length && (s->text[next] == '{' || s->text[next] == ']');
    } else if (c == '`') {
        s->found->json |= s->at + 2 < s->length && s->text[s->at + 1] == '`' && s->text[s->at + 2] == '`';
    }
    s->at++;
}

/* Keep the objects that hold a box; count the others. */
static void keep_boxes(gad_answer_objects *found, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < found->count; i++) {
        gad_answer_object *object = &found->object[i];
        if (!object->closed) {
            found->cut = true;
            object->end = length;
        }
        if (object->has_box)
            found->object[kept++] = *object;
        else
            found->malformed++;
    }
    found->count = kept;
}

gad_status gad_answer_object_scan(const char *text, size_t length, gad_answer_objects *found, gad_error *err)
{
    *found = (gad_answer_objects){0};
    scanner s = {text, length, 0, found, NO_PARENT};
    while (s.at < length) {
        char c = text[s.at];
        if (c == '{') {
            gad_status status = open_object(&s, err);
            if (status)
                return status;
        } else if (s.open == NO_PARENT) {
            scan_outside(&s);
        } else if (c == '}') {
            close_object(&s);
        } else if (c == '"' || c == '\'' || is_name(c)) {
            read_word(&s);
        } else {
            s.at++;
        }
    }
    keep_boxes(found, length);
    return GAD_OK;
}

void gad_answer_object_free(gad_answer_objects *found)
{
    gad_memory_free(found->object);
    *found = (gad_answer_objects){0};
}

/* ---- labels ------------------------------------------------------------------------------------------------------- */

static void add_character(gad_string *out, uint32_t c)
{
    char bytes[4];
    if (c < 0x20 || c == 0x7F) {
        gad_string_append(out, " ", 1);
    } else if (c < 0x80) {
        bytes[0] = (char)c;
        gad_string_append(out, bytes, 1);
    } else if (c < 0x800) {
        bytes[0] = (char)(0xC0 | c >> 6);
        bytes[1] = (char)(0x80 | (c & 63));
        gad_string_append(out, bytes, 2);
    } else {
        bool surrogate = c >= 0xD800 && c <= 0xDFFF;
        c = surrogate ? 0xFFFD : c;
        bytes[0] = (char)(0xE0 | c >> 12);
        bytes[1] = (char)(0x80 | (c >> 6 & 63));
        bytes[2] = (char)(0x80 | (c & 63));
        gad_string_append(out, bytes, 3);
    }
}

/* The escape after the backslash at text[at]; returns how many bytes it took, backslash included. */
static size_t add_escape(gad_string *out, const char *text, size_t length, size_t at)
{
    char c = at + 1 < length ? text[at + 1] : '\\';
    if (c == 'u' && at + 6 <= length) {
        uint32_t value = 0;
        for (size_t i = at + 2; i < at + 6; i++) {
            const char *digits = "0123456789abcdef";
            char lower = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]);
            const char *found = lower ? strchr(digits, lower) : NULL;
            if (!found)
                return add_character(out, 'u'), 2;
            value = value << 4 | (uint32_t)(found - digits);
        }
        return add_character(out, value), 6;
    }
    if ((unsigned char)c >= 0x80)
        return 1; /* not an escape: the character follows */
    add_character(out, c == 'n' || c == 't' || c == 'r' ? ' ' : (unsigned char)c);
    return 2;
}

void gad_answer_object_label(const char *text, const gad_answer_object *object, gad_string *label)
{
    gad_string_clear(label);
    size_t end = object->label_end;
    for (size_t at = object->label_begin; at < end;) {
        int n = gad_string_utf8_length(text + at, end - at);
        if (text[at] == '\\') {
            at += add_escape(label, text, end, at);
        } else if (n == 1) {
            add_character(label, (unsigned char)text[at++]);
        } else if (n > 1) {
            gad_string_append(label, text + at, (size_t)n);
            at += (size_t)n;
        } else {
            add_character(label, 0xFFFD);
            at++;
        }
    }
}
