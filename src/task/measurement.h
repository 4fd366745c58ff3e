/* measurement: what was measured of a place that stands out, and how it is said: place, size, tone, colour, shape,
 * structure, what happened to the content, how unusual it is. In: numbers. Out: a clause of plain English that says only
 * what they say, for people and as a hint for a model. Knows nothing of pictures. */
#ifndef GAD_TASK_MEASUREMENT_H
#define GAD_TASK_MEASUREMENT_H
#include "base/string.h"
#include "task/box.h"

/* "upper left, 34 x 12 px (0.4 % of the picture differs), a thin line rising to the right, 31 % darker than the good part,
 * something was added; 6.1 times what rejects a part". The box in original pixels; places are those of a picture of that
 * size. */
void gad_measurement_write(const gad_measurement *m, const gad_box *box, double width_px, double height_px,
                           gad_string *text);
/* What was measured, each as one of a few words: what a small language model is shown and what it may say. */
typedef enum gad_word_kind {
    GAD_WORD_SIZE,
    GAD_WORD_TONE,
    GAD_WORD_COLOUR,
    GAD_WORD_FORM,
    GAD_WORD_DIRECTION,
    GAD_WORD_STRUCTURE,
    GAD_WORD_CONTENT,
    GAD_WORD_BASIS,
    GAD_WORD_LEVEL
} gad_word_kind;
enum { GAD_WORD_KINDS = 9 };
/* One word of each kind by its number; 0 stands for nothing to say, but of the size, the basis and the level. */
typedef struct gad_words {
    int of[GAD_WORD_KINDS];
} gad_words;
/* How many words a kind has. */
int gad_measurement_word_count(gad_word_kind kind);
/* "darker", "tiny", "the good part"; "" for nothing to say. */
const char *gad_measurement_word(gad_word_kind kind, int number);
/* "a small thin line rising to the right, darker than the good part, smoother than it, where something is missing". */
void gad_measurement_say(const gad_words *words, gad_string *text);
/* `peak`: the logit that the place has at most in a heat map. */
gad_words gad_measurement_words(const gad_measurement *m, double peak);

/* The same from the shape on: what does not depend on the pixels of a picture. */
void gad_measurement_write_look(const gad_measurement *m, gad_string *text);
#endif
