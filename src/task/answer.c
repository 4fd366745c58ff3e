/* answer: see answer.h. The reader follows section "Answers" of docs/formats.md step by step. */
#include "task/answer.h"

#include "base/error.h"
#include "base/memory.h"
#include "task/answer_object.h"

#include <string.h>
#include <strings.h>

typedef struct span {
    size_t begin, end;
} span;
#define NOWHERE ((size_t)-1)

const char *gad_answer_flag_name(int index)
{
    static const char *const names[GAD_ANSWER_FLAGS] = {"truncated",  "untagged",     "unparsable", "implied",
                                                        "json",       "foreign",      "floats",     "clamped",
                                                        "degenerate", "contradiction"};
    return index >= 0 && index < GAD_ANSWER_FLAGS ? names[index] : "unknown";
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static span trim(const char *text, span s)
{
    while (s.begin < s.end && is_space(text[s.begin]))
        s.begin++;
    while (s.end > s.begin && is_space(text[s.end - 1]))
        s.end--;
    return s;
}

/* ---- tags --------------------------------------------------------------------------------------------------------- */

static size_t find_first(const char *text, size_t from, size_t to, const char *word)
{
    const char *at = from < to ? memmem(text + from, to - from, word, strlen(word)) : NULL;
    return at ? (size_t)(at - text) : NOWHERE;
}

static size_t find_last(const char *text, size_t length, const char *word)
{
    size_t last = NOWHERE;
    for (size_t at = find_first(text, 0, length, word); at != NOWHERE; at = find_first(text, at + 1, length, word))
        last = at;
    return last;
}

static const char think_open[] = "<think>", think_close[] = "</think>", answer_open[] = "<answer>",
                  answer_close[] = "</answer>";

static span find_think(const char *text, size_t length)
{
    size_t open = find_first(text, 0, length, think_open);
    if (open == NOWHERE)
        return (span){0, 0};
    size_t begin = open + sizeof think_open - 1, end = find_first(text, begin, length, think_close);
    if (end == NOWHERE)
        end = find_first(text, begin, length, answer_open);
    return trim(text, (span){begin, end == NOWHERE ? length : end});
}

/* Where the answer stands, and the flags that its place earns. */
static span find_body(const char *text, size_t length, unsigned *flags)
{
    size_t open = find_last(text, length, answer_open);
    if (open != NOWHERE) {
        size_t begin = open + sizeof answer_open - 1, end = find_first(text, begin, length, answer_close);
        if (end == NOWHERE)
            *flags |= GAD_ANSWER_TRUNCATED;
        return (span){begin, end == NOWHERE ? length : end};
    }
    size_t close = find_last(text, length, think_close);
    if (close == NOWHERE && find_first(text, 0, length, think_open) != NOWHERE) {
        *flags |= GAD_ANSWER_UNPARSABLE; /* still thinking when the text ended */
        return (span){length, length};
    }
    *flags |= GAD_ANSWER_UNTAGGED;
    return (span){close == NOWHERE ? 0 : close + sizeof think_close - 1, length};
}

static bool once(const char *text, size_t length, const char *word, size_t *at)
{
    *at = find_first(text, 0, length, word);
    return *at != NOWHERE && find_first(text, *at + 1, length, word) == NOWHERE;
}

/* <think>...</think><answer>...</answer>, each tag once, nothing but space around and between. */
static bool tags_in_order(const char *text, size_t length)
{
    size_t a, b, c, d;
    if (!once(text, length, think_open, &a) || !once(text, length, think_close, &b) ||
        !once(text, length, answer_open, &c) || !once(text, length, answer_close, &d) || a > b || b > c || c > d)
        return false;
    span before = trim(text, (span){0, a}), between = trim(text, (span){b + sizeof think_close - 1, c}),
         after = trim(text, (span){d + sizeof answer_close - 1, length});
    return before.begin == before.end && between.begin == between.end && after.begin == after.end;
}

/* ---- decision ----------------------------------------------------------------------------------------------------- */

/* Bytes of a letter, digit or underscore at `at`, accented Latin letters included; 0 for anything else. */
static size_t word_step(const char *text, size_t length, size_t at)
{
    unsigned char c = (unsigned char)text[at];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')
        return 1;
    return c >= 0xC3 && c <= 0xC9 && gad_string_utf8_length(text + at, length - at) == 2 ? 2 : 0;
}

static gad_answer_decision decide(const char *word, size_t length, bool boolean)
{
    if (length == 3 && !strncasecmp(word, "yes", 3))
        return GAD_ANSWER_YES;
    if (length == 2 && !strncasecmp(word, "no", 2))
        return GAD_ANSWER_NO;
    if (boolean && length == 4 && !strncasecmp(word, "true", 4))
        return GAD_ANSWER_YES;
    if (boolean && length == 5 && !strncasecmp(word, "false", 5))
        return GAD_ANSWER_NO;
    return GAD_ANSWER_NONE;
}

/* A string inside an object that is not a box: a value that says only Yes or No decides; a key never does. */
static gad_answer_decision decide_string(const char *text, size_t length, size_t at, size_t end)
{
    size_t next = end + 1;
    while (next < length && is_space(text[next]))
        next++;
    if (next < length && text[next] == ':')
        return GAD_ANSWER_NONE;
    span value = trim(text, (span){at + 1, end});
    while (value.end > value.begin && (text[value.end - 1] == '.' || text[value.end - 1] == '!'))
        value.end--;
    return decide(text + value.begin, value.end - value.begin, true);
}

/* The first decision outside box objects. Inside other objects only whole values count, unless `any_word`. */
static gad_answer_decision find_decision(const char *text, size_t length, const gad_answer_objects *found, bool any_word,
                                         size_t *where, bool *in_object)
{
    size_t box = 0, depth = 0;
    for (size_t at = 0; at < length;) {
        while (box < found->count && found->object[box].begin < at)
            box++;
        if (box < found->count && found->object[box].begin == at) {
            at = found->object[box].end;
            continue;
        }
        gad_answer_decision decision = GAD_ANSWER_NONE;
        size_t begin = at, step = word_step(text, length, at);
        char c = text[at];
        if (step) {
            while (at < length && (step = word_step(text, length, at)))
                at += step;
            decision = decide(text + begin, at - begin, depth > 0);
        } else if (depth && !any_word && (c == '"' || c == '\'')) {
            size_t end = gad_answer_object_string_end(text, length, at);
            decision = decide_string(text, length, at, end);
            begin++;
            at = end < length ? end + 1 : end;
        } else {
            depth += c == '{';
            depth -= c == '}' && depth;
            at++;
        }
        if (decision) {
            *where = begin;
            *in_object = depth > 0;
            return decision;
        }
    }
    return GAD_ANSWER_NONE;
}

/* ---- boxes -------------------------------------------------------------------------------------------------------- */

/* Whole numbers inside the frame, in order, with a label. */
static bool box_well_formed(const gad_answer_object *object, const gad_box_frame *frame, const char *label)
{
    int x = frame->order == GAD_BOX_YX, y = !x;
    const double *v = object->value;
    return (object->whole_numbers || frame->convention == GAD_BOX_REL1) && *label && v[x] >= 0 && v[x] < v[x + 2] &&
           v[x + 2] <= frame->width && v[y] >= 0 && v[y] < v[y + 2] && v[y + 2] <= frame->height;
}

static gad_status read_boxes(const char *body, const gad_answer_objects *found, const gad_box_frame *frame,
                             gad_answer *answer, bool *well_formed, gad_error *err)
{
    gad_string label = {0};
    gad_status status = GAD_OK;
    answer->boxes = gad_memory_zero(found->count, sizeof *answer->boxes);
    if (!answer->boxes)
        return gad_error_memory(err, "read answer", found->count * sizeof *answer->boxes);
    for (size_t i = 0; i < found->count; i++) {
        const gad_answer_object *object = &found->object[i];
        gad_answer_box *box = &answer->boxes[i];
        gad_answer_object_label(body, object, &label);
        box->label = label.failed ? NULL : gad_memory_copy_string(gad_string_text(&label));
        if (!box->label) {
            status = gad_error_memory(err, "read answer", label.length);
            break;
        }
        answer->count++;
        memcpy(box->model.value, object->value, sizeof object->value);
        double moved;
        box->box = gad_box_clamp(gad_box_from_model(frame, box->model), frame->width_px, frame->height_px, &moved);
        box->valid = gad_box_valid(box->box);
        answer->flags |= (object->json ? GAD_ANSWER_JSON : 0u) | (object->foreign ? GAD_ANSWER_FOREIGN : 0u) |
                         (moved > 1 ? GAD_ANSWER_CLAMPED : 0u) | (box->valid ? 0u : GAD_ANSWER_DEGENERATE) |
                         (object->whole_numbers || frame->convention == GAD_BOX_REL1 ? 0u : GAD_ANSWER_FLOATS);
        *well_formed &= box_well_formed(object, frame, box->label);
    }
    gad_string_free(&label);
    return status;
}

static bool any_valid(const gad_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        if (answer->boxes[i].valid)
            return true;
    return false;
}

/* Decision, and which boxes count under it. */
static void settle(const char *body, size_t length, const gad_answer_objects *found, gad_answer *answer)
{
    bool in_object = false;
    size_t where = NOWHERE;
    answer->decision = find_decision(body, length, found, false, &where, &in_object);
    if (!answer->decision)
        answer->decision = find_decision(body, length, found, true, &where, &in_object);
    if (answer->decision) {
        answer->decision_begin = answer->body_begin + where;
        answer->flags |= in_object ? GAD_ANSWER_JSON : 0u;
    } else if (!(answer->flags & GAD_ANSWER_UNTAGGED) && any_valid(answer)) {
        answer->decision = GAD_ANSWER_YES;
        answer->flags |= GAD_ANSWER_IMPLIED;
    } else {
        answer->flags |= GAD_ANSWER_UNPARSABLE;
    }
    if (answer->decision == GAD_ANSWER_NO && answer->count)
        answer->flags |= GAD_ANSWER_CONTRADICTION;
    if (answer->decision != GAD_ANSWER_YES) {
        answer->ignored = answer->count;
        answer->count = 0;
    }
}

gad_status gad_answer_read(const char *text, size_t length, const gad_box_frame *frame, gad_answer *answer, gad_error *err)
{
    gad_answer read = {.decision_begin = NOWHERE};
    gad_answer_objects found = {0};
    text = length ? text : "";
    span think = find_think(text, length);
    span body = find_body(text, length, &read.flags);
    read.think_begin = think.begin;
    read.think_length = think.end - think.begin;
    read.body_begin = body.begin;
    read.body_length = body.end - body.begin;
    if (read.flags & GAD_ANSWER_UNPARSABLE) {
        *answer = read;
        return GAD_OK;
    }
    const char *start = text + body.begin;
    bool well_formed = tags_in_order(text, length);
    gad_status status = gad_answer_object_scan(start, read.body_length, &found, err);
    if (!status)
        status = read_boxes(start, &found, frame, &read, &well_formed, err);
    if (status)
        goto done;
    read.flags |= (found.json ? GAD_ANSWER_JSON : 0u) | (found.cut ? GAD_ANSWER_TRUNCATED : 0u);
    settle(start, read.body_length, &found, &read);
    size_t first = read.decision_begin;
    bool starts =
        first != NOWHERE && first == trim(text, body).begin &&
        !strncmp(text + first, read.decision == GAD_ANSWER_YES ? "Yes" : "No", read.decision == GAD_ANSWER_YES ? 3 : 2);
    read.well_formed = well_formed && starts && !found.malformed && !found.cut;
    read.strict = read.well_formed && !read.flags;
    *answer = read;
    read = (gad_answer){0};
done:
    gad_answer_free(&read);
    gad_answer_object_free(&found);
    return status;
}

void gad_answer_free(gad_answer *answer)
{
    for (size_t i = 0; i < answer->count + answer->ignored; i++)
        gad_memory_free(answer->boxes[i].label);
    gad_memory_free(answer->boxes);
    *answer = (gad_answer){0};
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static bool has_tag(const char *text)
{
    return strstr(text, think_open) || strstr(text, think_close) || strstr(text, answer_open) || strstr(text, answer_close);
}

/* In single quotes; an apostrophe is escaped only where the reader would take it for the end. */
static void write_label(const char *label, gad_string *text)
{
    gad_string_add(text, "'");
    for (const char *c = label; *c; c++) {
        bool ambiguous = false;
        if (*c == '\'') {
            const char *next = c + 1;
            while (is_space(*next))
                next++;
            ambiguous = !*next || strchr(",}]):", *next) || *next == '\'';
        }
        if (ambiguous || *c == '\\')
            gad_string_add(text, "\\");
        gad_string_append(text, (unsigned char)*c < 0x20 ? " " : c, 1);
    }
    gad_string_add(text, "'");
}

gad_status gad_answer_write(const char *think, bool anomalous, const gad_answer_item *items, size_t count, gad_string *text,
                            gad_error *err)
{
    if (!anomalous && count)
        return gad_error_set(err, GAD_E_ARGUMENT, "write answer", NULL, "a normal image has no boxes");
    if (has_tag(think))
        return gad_error_set(err, GAD_E_ARGUMENT, "write answer", NULL,
                             "the reasoning contains a tag of the answer format");
    for (size_t i = 0; i < count; i++)
        if (!*items[i].label || has_tag(items[i].label))
            return gad_error_set(err, GAD_E_ARGUMENT, "write answer", NULL, "box %zu has no usable label", i + 1);
    gad_string_addf(text, "<think>\n%s%s</think><answer>%s", think, *think ? "\n" : "", anomalous ? "Yes." : "No");
    for (size_t i = 0; i < count; i++) {
        const double *v = items[i].box.value;
        gad_string_addf(text, "%s {'bbox_2d': [%.9g, %.9g, %.9g, %.9g], 'label': ", i ? "," : "", v[0], v[1], v[2], v[3]);
        write_label(items[i].label, text);
        gad_string_add(text, "}");
    }
    gad_string_add(text, "</answer>");
    return text->failed ? gad_error_memory(err, "write answer", text->length) : GAD_OK;
}
