/* answer_body: where the answer stands in a model's text. In: any bytes, and whether they stopped at a token limit. Out:
 * the reasoning, the part to read as the answer, and what is wrong with the tags. Knows nothing of decisions or boxes. */
#ifndef GAD_TASK_ANSWER_BODY_H
#define GAD_TASK_ANSWER_BODY_H
#include <stdbool.h>
#include <stddef.h>

typedef struct gad_answer_body {
    size_t think_begin, think_length; /* the reasoning, trimmed; length 0 when there is none */
    size_t begin, length;             /* the answer */
    unsigned flags;                   /* gad_answer_flag: truncated, untagged, or unparsable when there is no answer */
    bool ordered; /* <think>...</think><answer>...</answer>, each tag once, nothing but space around and between */
} gad_answer_body;

/* What follows the last </think> decides: in its last <answer>, else all of it. Reasoning that never ended (an open
 * <think>; or, when `cut`, a text that neither closed its reasoning nor ends with its answer) is no answer, whatever it
 * quotes. */
gad_answer_body gad_answer_body_find(const char *text, size_t length, bool cut);
#endif
