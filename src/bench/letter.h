/* letter: the option that an answer to a multiple-choice question names (docs/spec/benchmark.md section 18). In: raw
 * answer, options. Out: a letter and how it was found. Knows nothing of images or scores. */
#ifndef GAD_BENCH_LETTER_H
#define GAD_BENCH_LETTER_H
#include "gad.h"

#include <stdbool.h>

typedef enum gad_letter_how {
    GAD_LETTER_BARE,     /* the answer is the letter, with at most punctuation, brackets or the option's text around it */
    GAD_LETTER_SEARCHED, /* the last of the letters A-E that stand alone in a longer text */
    GAD_LETTER_SIMILAR,  /* no such letter: the option whose text is most like the answer */
    GAD_LETTER_NONE      /* nothing was answered (empty, or reasoning that never ended), or no options to choose from */
} gad_letter_how;

typedef struct gad_letter {
    char letter; /* 'A'..'E', 0 when none */
    gad_letter_how how;
} gad_letter;

/* Reads what gad_answer_body_find says is the answer; `cut`: the text stopped at a token limit. Options are labelled from
 * A. */
gad_status gad_letter_read(const char *text, bool cut, const char *const *option, size_t option_count, gad_letter *letter,
                           gad_error *err);
#endif
