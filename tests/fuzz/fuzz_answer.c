/* fuzz_answer: any bytes as an answer. The first byte chooses the frame. What is read obeys its own rules. */
#include "task/answer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check(bool rule)
{
    if (!rule)
        __builtin_trap();
}

static void check_answer(const gad_answer *answer, size_t length, const gad_box_frame *frame)
{
    check((answer->decision == GAD_ANSWER_NONE) == ((answer->flags & GAD_ANSWER_UNPARSABLE) != 0));
    check(answer->count == 0 || answer->decision == GAD_ANSWER_YES);
    check(!answer->strict || (answer->well_formed && !answer->flags));
    check(answer->think_begin + answer->think_length <= length && answer->body_begin + answer->body_length <= length);
    for (size_t i = 0; i < answer->count + answer->ignored; i++) {
        gad_box box = answer->boxes[i].box;
        check(box.x1 >= 0 && box.y1 >= 0 && box.x2 >= 0 && box.y2 >= 0);
        check(box.x1 <= frame->width_px && box.x2 <= frame->width_px && box.y1 <= frame->height_px &&
              box.y2 <= frame->height_px);
        const char *label = answer->boxes[i].label;
        for (size_t left = strlen(label); left;) {
            int n = gad_string_utf8_length(label, left);
            check(n > 0);
            label += n;
            left -= (size_t)n;
        }
    }
}

/* A strict answer, written again, reads the same. */
static void check_again(const gad_answer *answer, const gad_box_frame *frame)
{
    gad_string text = {0};
    gad_answer_item items[8];
    for (size_t i = 0; i < answer->count && i < 8; i++)
        items[i] = (gad_answer_item){answer->boxes[i].model, answer->boxes[i].label};
    if (answer->count > 8 || gad_answer_write("", answer->decision == GAD_ANSWER_YES, items, answer->count, &text, NULL))
        goto done;
    gad_answer again;
    check(gad_answer_read(text.data, text.length, frame, &again, NULL) == GAD_OK);
    check(again.strict && again.count == answer->count && again.decision == answer->decision);
    for (size_t i = 0; i < again.count; i++)
        check(!strcmp(again.boxes[i].label, answer->boxes[i].label));
    gad_answer_free(&again);
done:
    gad_string_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    unsigned choice = size_bytes ? data[0] : 0;
    gad_box_frame frame = gad_box_frame_make((gad_box_convention)(choice % 5), (gad_box_order)(choice / 5 % 2),
                                             1 + (int)choice * 7, 600, 500, 400);
    gad_answer answer;
    if (!size_bytes || gad_answer_read((const char *)data + 1, size_bytes - 1, &frame, &answer, NULL))
        return 0;
    check_answer(&answer, size_bytes - 1, &frame);
    if (answer.strict && frame.convention != GAD_BOX_REL1)
        check_again(&answer, &frame);
    gad_answer_free(&answer);
    return 0;
}
