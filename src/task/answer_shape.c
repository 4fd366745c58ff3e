/* answer_shape: see answer_shape.h */
#include "task/answer_shape.h"

#include "base/error.h"
#include "base/memory.h"
#include "task/answer_text.h"

#include <math.h>
#include <string.h>

enum { DEEPEST = 8 };

typedef struct reader {
    const char *text;
    size_t length, at;
    gad_answer_shape *shape;
    bool failed;  /* no memory */
    bool objects; /* a { was met: these are not numbers */
} reader;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(reader *r)
{
    while (r->at < r->length && is_space(r->text[r->at]))
        r->at++;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

/* The digit at `at`, -1 for none; *bytes is its length. U+FF10 to U+FF19 are the full-width ones. */
static int digit_at(const char *text, size_t length, size_t at, size_t *bytes)
{
    const unsigned char *c = (const unsigned char *)text + at;
    *bytes = 1;
    if (at < length && c[0] >= '0' && c[0] <= '9')
        return c[0] - '0';
    *bytes = 3;
    if (at + 3 <= length && c[0] == 0xEF && c[1] == 0xBC && c[2] >= 0x90 && c[2] <= 0x99)
        return c[2] - 0x90;
    return -1;
}

/* Digits at *at behind `value`; each counts one in *digits. Those beyond 15 in a fraction do not matter. */
static void read_digits(const char *text, size_t length, size_t *at, bool fraction, double *value, int *digits,
                        int *exponent)
{
    size_t bytes;
    for (int digit; (digit = digit_at(text, length, *at, &bytes)) >= 0; *at += bytes, ++*digits)
        if (!fraction || *value < 1e15) {
            *value = *value * 10 + digit;
            *exponent -= fraction;
        }
}

bool gad_answer_shape_number(const char *text, size_t length, size_t *at, double *value, bool *whole)
{
    size_t i = *at;
    bool negative = i < length && text[i] == '-';
    if (i < length && (text[i] == '-' || text[i] == '+'))
        i++;
    double mantissa = 0, power = 0;
    int exponent = 0, digits = 0, power_digits = 0, unused = 0;
    read_digits(text, length, &i, false, &mantissa, &digits, &exponent);
    if (i < length && text[i] == '.') {
        *whole = false;
        i++;
        read_digits(text, length, &i, true, &mantissa, &digits, &exponent);
    }
    if (!digits)
        return false;
    if (i + 1 < length && (text[i] == 'e' || text[i] == 'E')) {
        size_t e = i + 1;
        bool down = text[e] == '-';
        e += text[e] == '-' || text[e] == '+';
        read_digits(text, length, &e, false, &power, &power_digits, &unused);
        if (power_digits) {
            *whole = false;
            exponent += (int)(down ? -fmin(power, 10000) : fmin(power, 10000));
            i = e;
        }
    }
    *value = exponent < 0 ? mantissa / pow(10, -exponent) : mantissa * pow(10, exponent);
    if (negative)
        *value = -*value;
    *at = i;
    return isfinite(*value);
}

/* ---- lists -------------------------------------------------------------------------------------------------------- */

/* What a list held so far. */
typedef struct content {
    double number[5];
    size_t numbers, points, lists;
    double corner[4]; /* of two points as written; from the third on their hull */
    bool wrong;       /* something that is neither number nor list */
} content;

static void add_box(reader *r, const double value[4])
{
    gad_answer_shape *shape = r->shape;
    if (!gad_memory_grow((void **)&shape->box, &shape->capacity, shape->count, sizeof *shape->box)) {
        r->failed = true;
        return;
    }
    memcpy(shape->box[shape->count++], value, sizeof *shape->box);
}

static void add_point(content *c, const double point[2])
{
    double *corner = c->corner;
    if (c->points < 2) {
        memcpy(corner + 2 * c->points, point, 2 * sizeof *point);
    } else {
        for (int axis = 0; axis < 2; axis++) {
            double low = fmin(corner[axis], corner[axis + 2]), high = fmax(corner[axis], corner[axis + 2]);
            corner[axis] = fmin(low, point[axis]);
            corner[axis + 2] = fmax(high, point[axis]);
        }
    }
    c->points++;
}

/* A list has ended; it is `outermost`, or a child of another. Returns whether it is a point of its parent. */
static bool conclude(reader *r, const content *c, bool outermost)
{
    if (c->wrong || (c->numbers && (c->points || c->lists)) || c->numbers == 1 || c->numbers == 3 || c->numbers > 5 ||
        c->points == 1) {
        r->shape->unread = true;
    } else if (c->numbers >= 4) {
        add_box(r, c->number);
        r->shape->foreign |= c->numbers == 5; /* a score behind the corners */
    } else if (c->points) {
        add_box(r, c->corner);
        r->shape->foreign = true;
    } else if (c->numbers == 2) {
        r->shape->unread |= outermost;
        return !outermost;
    }
    return false;
}

static bool read_list(reader *r, int depth, double point[2]);

/* One number, list or stray thing of a list. */
static void read_item(reader *r, int depth, content *c)
{
    char first = r->text[r->at];
    double value;
    size_t begin = r->at;
    if (first == '[' || first == '(') {
        double point[2];
        r->shape->foreign = true;
        if (depth == DEEPEST) {
            c->wrong = true;
            r->at = r->length;
        } else if (read_list(r, depth + 1, point)) {
            add_point(c, point);
        } else {
            c->lists++;
        }
    } else if (first == '{') {
        r->objects = true;
    } else if (gad_answer_shape_number(r->text, r->length, &r->at, &value, &r->shape->whole)) {
        if (c->numbers < 5)
            c->number[c->numbers] = value;
        c->numbers++;
        r->shape->numbers++;
    } else if (first == '"' || first == '\'') {
        r->at++; /* a quoted number */
        r->shape->foreign = true;
    } else if (first == '<') { /* a token of a grounding model, such as <|box_start|> */
        const char *end = memchr(r->text + begin, '>', r->length - begin);
        r->at = end ? (size_t)(end - r->text) + 1 : r->length;
        r->shape->foreign = true;
    } else {
        c->wrong = true;
        r->at = r->at == begin ? begin + 1 : r->at;
    }
}

/* Items up to `close` (0: to the end). False when the list was left open. */
static bool read_items(reader *r, char close, int depth, content *c)
{
    while (!r->failed && !r->objects) {
        skip_space(r);
        if (r->at >= r->length)
            return close == 0;
        if (close && r->text[r->at] == close) {
            r->at++;
            return true;
        }
        if (close && strchr("]})", r->text[r->at]))
            return false;
        if (close && c->wrong && strchr(":{", r->text[r->at]))
            return false; /* the list was never closed: this belongs to the object around it */
        size_t numbers = c->numbers;
        read_item(r, depth, c);
        skip_space(r);
        bool comma = r->at < r->length && (r->text[r->at] == ',' || r->text[r->at] == ';');
        r->at += comma;
        if (!comma && c->numbers > numbers && r->at < r->length &&
            gad_answer_shape_number(r->text, r->length, &(size_t){r->at}, &(double){0}, &(bool){0}))
            r->shape->foreign = true; /* numbers separated by nothing but space */
    }
    return false;
}

/* The list at r->at; true when it is a point. */
static bool read_list(reader *r, int depth, double point[2])
{
    content c = {0};
    bool round = r->text[r->at++] == '(';
    if (!read_items(r, round ? ')' : ']', depth, &c)) {
        r->shape->unread |= !r->objects;
        return false;
    }
    r->shape->round |= round && depth == 0;
    bool is_point = conclude(r, &c, depth == 0);
    memcpy(point, c.number, 2 * sizeof *point);
    return is_point;
}

static gad_status end_read(const reader *r, gad_error *err)
{
    if (r->failed)
        return gad_error_memory(err, "read answer", r->shape->count * sizeof *r->shape->box);
    return GAD_OK;
}

static void empty(gad_answer_shape *shape)
{
    *shape = (gad_answer_shape){.box = shape->box, .capacity = shape->capacity, .whole = true};
}

gad_status gad_answer_shape_items(const char *text, size_t length, size_t at, gad_answer_shape *shape, gad_error *err)
{
    content c = {0};
    reader r = {.text = text, .length = length, .at = at, .shape = shape};
    empty(shape);
    read_items(&r, 0, 0, &c);
    conclude(&r, &c, true);
    shape->foreign = true;
    return end_read(&r, err);
}

static bool is_nothing(const char *text, size_t length)
{
    static const char *const words[] = {"null", "None", "none", "nil"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (length >= strlen(words[i]) && !memcmp(text, words[i], strlen(words[i])))
            return true;
    return length == 0;
}

gad_status gad_answer_shape_read(const char *text, size_t length, size_t *at, gad_answer_shape *shape, gad_error *err)
{
    reader r = {.text = text, .length = length, .at = *at, .shape = shape};
    double point[2];
    empty(shape);
    char first = *at < length ? text[*at] : 0;
    if (first == '[' || first == '(') {
        read_list(&r, 0, point);
        if (r.objects)
            empty(shape); /* boxes that stood before the first object too */
        else
            *at = r.at;
    } else if (first == '"' || first == '\'') {
        size_t end = gad_answer_text_string_end(text, length, *at), begin = *at + 1;
        *at = end < length ? end + 1 : end;
        while (begin < end && is_space(text[begin]))
            begin++;
        return is_nothing(text + begin, end - begin) ? GAD_OK : gad_answer_shape_items(text, end, begin, shape, err);
    } else if (first == '<') {
        const char *open = memchr(text + *at, '>', length - *at);
        size_t begin = open ? (size_t)(open - text) : length;
        const char *close = memchr(text + begin, '<', length - begin);
        *at = close ? (size_t)(close - text) : length;
        return gad_answer_shape_items(text, *at, begin < length ? begin + 1 : begin, shape, err);
    } else if (first && first != '{') {
        shape->unread = !is_nothing(text + *at, length - *at);
    }
    return end_read(&r, err);
}

void gad_answer_shape_free(gad_answer_shape *shape)
{
    gad_memory_free(shape->box);
    *shape = (gad_answer_shape){0};
}
