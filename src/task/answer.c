/* answer: see answer.h. The reader follows section "Answers" of docs/formats.md step by step. */
#include "task/answer.h"

#include "base/error.h"
#include "base/memory.h"
#include "task/answer_body.h"
#include "task/answer_decision.h"
#include "task/answer_object.h"

#include <string.h>

#define NOWHERE ((size_t)-1)

const char *gad_answer_flag_name(int index)
{
    static const char *const names[GAD_ANSWER_FLAGS] = {"truncated",  "untagged",      "unparsable", "implied",
                                                        "json",       "foreign",       "floats",     "clamped",
                                                        "degenerate", "contradiction", "lost"};
    return index >= 0 && index < GAD_ANSWER_FLAGS ? names[index] : "unknown";
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ---- boxes -------------------------------------------------------------------------------------------------------- */

/* The four values in the order of the frame; those that came by name are x first. */
static gad_model_box in_order(const gad_answer_object *object, const gad_box_frame *frame)
{
    const double *v = object->value;
    if (object->named && frame->order == GAD_BOX_YX)
        return (gad_model_box){{v[1], v[0], v[3], v[2]}};
    return (gad_model_box){{v[0], v[1], v[2], v[3]}};
}

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
        box->model = in_order(object, frame);
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
    answer->decision = gad_answer_decision_find(body, length, found, &where, &in_object);
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

/* The decision word stands first in the answer, spelled as the strict form has it. */
static bool starts_strictly(const char *text, const gad_answer *answer)
{
    size_t first = answer->body_begin, end = first + answer->body_length;
    const char *word = answer->decision == GAD_ANSWER_YES ? "Yes" : "No";
    while (first < end && is_space(text[first]))
        first++;
    return answer->decision && first == answer->decision_begin && !strncmp(text + first, word, strlen(word));
}

static gad_status read_body(const char *text, const gad_box_frame *frame, gad_answer *answer, bool ordered, gad_error *err)
{
    const char *body = text + answer->body_begin;
    size_t length = answer->body_length;
    gad_answer_objects found = {0};
    char *narrowed = gad_answer_object_narrow(body, length);
    if (!narrowed)
        return gad_error_memory(err, "read answer", length);
    bool well_formed = ordered;
    gad_status status = gad_answer_object_scan(body, narrowed, length, &found, err);
    if (!status)
        status = read_boxes(body, &found, frame, answer, &well_formed, err);
    if (!status) {
        answer->flags |= (found.json ? GAD_ANSWER_JSON : 0u) | (found.cut ? GAD_ANSWER_TRUNCATED : 0u) |
                         (found.unread ? GAD_ANSWER_LOST : 0u);
        settle(narrowed, length, &found, answer);
        answer->well_formed =
            well_formed && starts_strictly(text, answer) && !found.malformed && !found.cut && !found.unread;
        answer->strict = answer->well_formed && !answer->flags;
    }
    gad_memory_free(narrowed);
    gad_answer_object_free(&found);
    return status;
}

gad_status gad_answer_read_cut(const char *text, size_t length, bool cut, const gad_box_frame *frame, gad_answer *answer,
                               gad_error *err)
{
    text = length ? text : "";
    gad_answer_body body = gad_answer_body_find(text, length, cut);
    gad_answer read = {.decision_begin = NOWHERE,
                       .flags = body.flags,
                       .think_begin = body.think_begin,
                       .think_length = body.think_length,
                       .body_begin = body.begin,
                       .body_length = body.length};
    gad_status status = GAD_OK;
    if (!(read.flags & GAD_ANSWER_UNPARSABLE))
        status = read_body(text, frame, &read, body.ordered, err);
    if (status)
        gad_answer_free(&read);
    else
        *answer = read;
    return status;
}

gad_status gad_answer_read(const char *text, size_t length, const gad_box_frame *frame, gad_answer *answer, gad_error *err)
{
    return gad_answer_read_cut(text, length, false, frame, answer, err);
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
    return strstr(text, "<think>") || strstr(text, "</think>") || strstr(text, "<answer>") || strstr(text, "</answer>");
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
