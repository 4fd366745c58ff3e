/* fuzz_endpoint: any bytes as a server's response, followed to the end: text, decision, boxes, letter. What is read obeys
 * its own rules, and a key never comes out. */
#include "base/mask.h"
#include "base/memory.h"
#include "bench/letter.h"
#include "task/answer.h"
#include "task/openai.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static const char key[] = "sk-key", address[] = "http://me:pass-word@h/v1?api-version=1&sig=s1gn";

static void check(bool rule)
{
    if (!rule)
        __builtin_trap();
}

static void check_answer(const char *text, bool cut)
{
    static const char *const options[] = {"Yes.", "No.", "A scratch"};
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_REL1000, GAD_BOX_XY, 1500, 1000, 0, 0);
    gad_answer answer;
    gad_letter letter;
    if (gad_answer_read_cut(text, strlen(text), cut, &frame, &answer, NULL) == GAD_OK) {
        check((answer.decision == GAD_ANSWER_NONE) == ((answer.flags & GAD_ANSWER_UNPARSABLE) != 0));
        check(!answer.strict || !answer.flags);
        check(answer.body_begin + answer.body_length <= strlen(text));
        gad_answer_free(&answer);
    }
    if (gad_letter_read(text, cut, options, 3, &letter, NULL) == GAD_OK)
        check((letter.letter == 0) == (letter.how == GAD_LETTER_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    gad_openai_response response;
    char *body = gad_memory_alloc(size_bytes + 1, 1);
    if (!body)
        return 0;
    memcpy(body, data, size_bytes);
    body[size_bytes] = 0;
    gad_mask_text(body, size_bytes, key);
    gad_mask_text_of_url(body, size_bytes, address);
    check(!memmem(body, size_bytes, key, sizeof key - 1) && !memmem(body, size_bytes, "pass-word", 9));
    if (gad_openai_parse(body, size_bytes, &response, NULL) == GAD_OK) {
        check_answer(response.text, false);
        check_answer(response.text, true);
        gad_openai_response_free(&response);
    }
    gad_memory_free(body);
    return 0;
}
