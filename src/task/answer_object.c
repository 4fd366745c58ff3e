/* answer_object: see answer_object.h */
#include "task/answer_object.h"

#include "base/error.h"
#include "base/memory.h"
#include "task/answer_shape.h"
#include "task/answer_text.h"

#include <string.h>

#define NO_PARENT ((size_t)-1)

typedef struct scanner {
    const char *text, *original; /* full-width punctuation narrowed; as written */
    size_t length, at;
    gad_answer_objects *found;
    size_t open; /* index of the innermost open object, NO_PARENT outside */
    gad_answer_shape shape;
    size_t name_mark, name_begin, name_end; /* of the last marked name: its mark (until a box took it), its text */
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

/* ---- writing of other languages ----------------------------------------------------------------------------------- */

/* ASCII for the full-width punctuation that models of Chinese write around values, 0 for anything else (3 bytes). */
static char narrow(const char *text)
{
    static const struct {
        char wide[4], ascii;
    } pairs[] = {{"\xEF\xBC\x8C", ','}, {"\xE3\x80\x81", ','}, {"\xEF\xBC\x9A", ':'}, {"\xEF\xBC\x9B", ';'},
                 {"\xEF\xBC\xBB", '['}, {"\xEF\xBC\xBD", ']'}, {"\xE3\x80\x90", '['}, {"\xE3\x80\x91", ']'},
                 {"\xEF\xBC\x88", '('}, {"\xEF\xBC\x89", ')'}, {"\xEF\xBD\x9B", '{'}, {"\xEF\xBD\x9D", '}'},
                 {"\xE3\x80\x80", ' '}, {"\xEF\xBC\x8D", '-'}, {"\xEF\xBC\x8E", '.'}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (!memcmp(text, pairs[i].wide, 3))
            return pairs[i].ascii;
    return 0;
}

char *gad_answer_object_narrow(const char *text, size_t length)
{
    char *copy = gad_memory_alloc(length + 1, 1);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        char ascii = i + 3 <= length && (unsigned char)text[i] >= 0xE3 ? narrow(text + i) : 0;
        copy[i] = ascii ? ascii : text[i];
        if (ascii) {
            copy[i + 1] = copy[i + 2] = ' ';
            i += 2;
        }
    }
    copy[length] = 0;
    return copy;
}

/* ---- objects ------------------------------------------------------------------------------------------------------ */

static bool key_is(const char *text, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(text, name, length) == 0;
}

static bool key_among(const char *text, size_t length, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (key_is(text, length, names[i]))
            return true;
    return false;
}

static bool is_box_key(const char *text, size_t length)
{
    static const char *const names[] = {"bbox_2d", "bbox",  "box_2d", "bbox2d",       "bboxes",      "bboxes_2d",
                                        "box",     "boxes", "bndbox", "bounding_box", "coordinates", "bounding_boxes"};
    return key_among(text, length, names, sizeof names / sizeof names[0]);
}

/* The four coordinates of {"x1": ..., "y1": ...}: 0 to 3, -1 for another key. */
static int coordinate_of(const char *text, size_t length)
{
    static const char *const names[4][4] = {{"x1", "xmin", "x_min", "left"},
                                            {"y1", "ymin", "y_min", "top"},
                                            {"x2", "xmax", "x_max", "right"},
                                            {"y2", "ymax", "y_max", "bottom"}};
    for (int i = 0; i < 4; i++)
        if (key_among(text, length, names[i], 4))
            return i;
    return -1;
}

static gad_status add_object(scanner *s, gad_answer_object object, gad_error *err)
{
    gad_answer_objects *found = s->found;
    if (!gad_memory_grow((void **)&found->object, &found->capacity, found->count, sizeof *found->object))
        return gad_error_memory(err, "read answer", found->count * sizeof *found->object);
    found->object[found->count++] = object;
    return GAD_OK;
}

/* The boxes of s->shape belong to the object at `index`; those after its first become objects of the same place. */
static gad_status give_boxes(scanner *s, size_t index, bool native, gad_error *err)
{
    const gad_answer_shape *shape = &s->shape;
    gad_status status = GAD_OK;
    for (size_t i = 0; i < shape->count && !status; i++) {
        gad_answer_object *object = &s->found->object[index];
        bool more = object->has_box;
        gad_answer_object box = {.begin = object->begin, .parent = index, .same_place = true, .closed = true};
        gad_answer_object *into = more ? &box : object;
        memcpy(into->value, shape->box[i], sizeof into->value);
        into->has_box = true;
        into->whole_numbers = shape->whole;
        into->json = object->json | shape->round;
        into->foreign |= !native || shape->foreign || shape->count > 1 || more;
        if (more)
            status = add_object(s, box, err);
    }
    s->found->object[index].unread |= shape->unread;
    return status;
}

static bool is_narrowed(const scanner *s, size_t begin, size_t end)
{
    return memcmp(s->text + begin, s->original + begin, end - begin) != 0;
}

static void read_label(scanner *s, gad_answer_object *object, size_t begin, size_t end, char quote)
{
    object->json |= quote != '\'';
    object->label_begin = begin;
    object->label_end = end;
    s->at = end;
}

/* What follows the colon of a key, if it is a box or a label; s->at stands after the colon. */
static gad_status read_value(scanner *s, const char *key, size_t key_length, bool json, gad_error *err)
{
    size_t index = s->open, begin, end, after;
    gad_answer_object *object = &s->found->object[index];
    int coordinate = coordinate_of(key, key_length);
    double value;
    s->at = skip_space(s->text, s->length, s->at);
    object->json |= json;
    if (s->at >= s->length)
        return GAD_OK;
    if (is_box_key(key, key_length)) {
        begin = s->at;
        gad_status status = gad_answer_shape_read(s->text, s->length, &s->at, &s->shape, err);
        object->foreign |= is_narrowed(s, begin, s->at);
        return status ? status : give_boxes(s, index, key_is(key, key_length, "bbox_2d"), err);
    }
    if (key_is(key, key_length, "label") && gad_answer_text_string(s->text, s->length, s->at, &begin, &end, &after)) {
        read_label(s, object, begin, end, s->text[s->at]);
        s->at = after;
    } else if (coordinate >= 0) {
        bool whole = !object->corners || object->whole_numbers;
        if (gad_answer_shape_number(s->text, s->length, &s->at, &value, &whole)) {
            object->value[coordinate] = value;
            object->corners |= 1u << coordinate;
            object->whole_numbers = whole;
        }
    }
    return GAD_OK;
}

/* A quoted or bare word inside an object: a key if a colon follows. */
static gad_status read_word(scanner *s, gad_error *err)
{
    size_t begin = s->at, end, after;
    char quote = s->text[begin];
    if (!gad_answer_text_string(s->text, s->length, begin, &begin, &end, &after)) {
        for (end = begin; end < s->length && is_name(s->text[end]);)
            end++;
        after = end;
    }
    s->at = after;
    size_t next = skip_space(s->text, s->length, s->at);
    if (next >= s->length || s->text[next] != ':')
        return GAD_OK;
    s->at = next + 1;
    s->found->object[s->open].foreign |= is_narrowed(s, begin, s->at);
    return read_value(s, s->text + begin, end - begin, quote != '\'', err);
}

static gad_status open_object(scanner *s, gad_error *err)
{
    gad_status status = add_object(s, (gad_answer_object){.begin = s->at++, .parent = s->open}, err);
    if (!status)
        s->open = s->found->count - 1;
    return status;
}

static void close_object(scanner *s)
{
    gad_answer_object *object = &s->found->object[s->open];
    object->end = ++s->at;
    object->closed = true;
    if (object->corners == 15 && !object->has_box)
        object->has_box = object->foreign = object->named = true;
    else
        object->unread |= object->corners && !object->has_box;
    s->open = object->parent;
}

/* A list of numbers that no box key announces: in an object without a box it is a box that was lost. */
static gad_status read_stray_list(scanner *s, gad_error *err)
{
    size_t at = s->at;
    gad_status status = gad_answer_shape_read(s->text, s->length, &at, &s->shape, err);
    s->found->object[s->open].stray |= s->shape.count > 0;
    s->at = s->shape.count ? at : s->at + 1;
    return status;
}

static gad_status scan_inside(scanner *s, gad_error *err)
{
    char c = s->text[s->at];
    size_t begin, end, after;
    if (c == '}')
        close_object(s);
    else if (c == '[')
        return read_stray_list(s, err);
    else if (is_name(c) || gad_answer_text_string(s->text, s->length, s->at, &begin, &end, &after))
        return read_word(s, err);
    else
        s->at++;
    return GAD_OK;
}

/* ---- boxes outside objects ---------------------------------------------------------------------------------------- */

/* The tokens that grounding models put around a name and around its box. */
static const struct {
    const char *open, *close;
    bool box;
} marks[] = {{"<|object_ref_start|>", "<|object_ref_end|>", false},
             {"<|box_start|>", "<|box_end|>", true},
             {"<|quad_start|>", "<|quad_end|>", true},
             {"<ref>", "</ref>", false},
             {"<box>", "</box>", true},
             {"<quad>", "</quad>", true},
             {"<|ref|>", "<|/ref|>", false},
             {"<|det|>", "<|/det|>", true}};

static bool begins(const scanner *s, const char *word)
{
    size_t n = strlen(word);
    return n <= s->length - s->at && !memcmp(s->text + s->at, word, n);
}

/* A marked name, kept for the boxes that follow; or a marked box. */
static gad_status read_mark(scanner *s, size_t kind, gad_error *err)
{
    size_t begin = s->at + strlen(marks[kind].open);
    const char *close = memmem(s->text + begin, s->length - begin, marks[kind].close, strlen(marks[kind].close));
    size_t end = close ? (size_t)(close - s->text) : s->length, after = close ? end + strlen(marks[kind].close) : end;
    gad_status status = GAD_OK;
    if (!marks[kind].box) {
        s->name_mark = s->at;
        s->name_begin = begin;
        s->name_end = end;
    } else {
        gad_answer_object box = {.begin = s->name_mark < s->name_begin ? s->name_mark : s->at,
                                 .end = after,
                                 .parent = NO_PARENT,
                                 .closed = close != NULL,
                                 .json = true,
                                 .foreign = is_narrowed(s, begin, end),
                                 .label_begin = s->name_begin,
                                 .label_end = s->name_end};
        s->name_mark = s->name_begin;
        status = gad_answer_shape_items(s->text, end, begin, &s->shape, err);
        if (!status)
            status = add_object(s, box, err);
        if (!status)
            status = give_boxes(s, s->found->count - 1, false, err);
        if (!status)
            s->found->object[s->found->count - 1].unread |= close && !s->shape.count;
    }
    s->at = after;
    return status;
}

/* [1, 2, 3, 4], [[1, 2, 3, 4]] or (1, 2), (3, 4) in free text; anything else stays text. */
static gad_status read_bare(scanner *s, gad_error *err)
{
    size_t begin = s->at, at = begin;
    bool round = s->text[at] == '(';
    gad_status status = gad_answer_shape_read(s->text, s->length, &at, &s->shape, err);
    if (!status && round && !s->shape.count && s->shape.numbers == 2) {
        size_t next = skip_space(s->text, s->length, at);
        next = next < s->length && s->text[next] == ',' ? skip_space(s->text, s->length, next + 1) : next;
        const char *close = next < s->length && s->text[next] == '(' ? memchr(s->text + next, ')', s->length - next) : NULL;
        at = close ? (size_t)(close - s->text) + 1 : at;
        if (close)
            status = gad_answer_shape_items(s->text, at, begin, &s->shape, err);
    }
    if (!status && !s->shape.count)
        s->found->unread |= s->shape.unread && s->shape.numbers > 3;
    s->at = s->shape.count ? at : s->at + 1;
    if (status || !s->shape.count)
        return status;
    gad_answer_object box = {.begin = begin, .end = at, .parent = NO_PARENT, .closed = true};
    status = add_object(s, box, err);
    return status ? status : give_boxes(s, s->found->count - 1, false, err);
}

static gad_status scan_outside(scanner *s, gad_error *err)
{
    char c = s->text[s->at];
    if (c == '[' || c == '(') {
        size_t next = skip_space(s->text, s->length, s->at + 1), at = next;
        char inner = next < s->length ? s->text[next] : 0;
        s->found->json |= c == '[' && (inner == '{' || inner == ']');
        if ((inner && strchr("[(\"", inner)) || gad_answer_shape_number(s->text, s->length, &at, &(double){0}, &(bool){0}))
            return read_bare(s, err);
    } else if (c == '`') {
        s->found->json |= begins(s, "```");
    } else if (c == '<') {
        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
            if (begins(s, marks[i].open))
                return read_mark(s, i, err);
        s->found->unread |= begins(s, "<loc") || begins(s, "<|box") || begins(s, "<|loc");
    }
    s->at++;
    return GAD_OK;
}

/* ---- what counts -------------------------------------------------------------------------------------------------- */

/* What a box takes from the object around it or beside it. */
static void complete(const gad_answer_objects *found, gad_answer_object *object)
{
    const gad_answer_object *other = object->parent == NO_PARENT ? NULL : &found->object[object->parent];
    if (object->same_place && other)
        object->end = other->end;
    if (other && (object->same_place || (object->named && !other->has_box && object->label_begin == object->label_end))) {
        object->label_begin = other->label_begin;
        object->label_end = other->label_end;
    }
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
        found->unread |= object->closed && (object->unread || (object->stray && !object->has_box));
        complete(found, object);
    }
    for (size_t i = 0; i < found->count; i++) {
        if (found->object[i].has_box)
            found->object[kept++] = found->object[i];
        else
            found->malformed++;
    }
    found->count = kept;
}

gad_status gad_answer_object_scan(const char *text, const char *narrowed, size_t length, gad_answer_objects *found,
                                  gad_error *err)
{
    *found = (gad_answer_objects){0};
    scanner s = {.text = narrowed, .original = text, .length = length, .found = found, .open = NO_PARENT};
    gad_status status = GAD_OK;
    while (s.at < length && !status) {
        if (narrowed[s.at] == '{')
            status = open_object(&s, err);
        else
            status = s.open == NO_PARENT ? scan_outside(&s, err) : scan_inside(&s, err);
    }
    if (!status)
        keep_boxes(found, length);
    gad_answer_shape_free(&s.shape);
    return status;
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
