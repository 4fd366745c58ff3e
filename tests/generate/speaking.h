/* speaking: the tiny golden checkpoints as engines, and the golden cases as prompts for them. */
#ifndef GAD_TESTS_GENERATE_SPEAKING_H
#define GAD_TESTS_GENERATE_SPEAKING_H
#include "generate/engine.h"
#include "model/golden.h"

/* The family's checkpoint with the image processor of the goldens; freed with gad_engine_free. */
gad_engine *speaking_open(const char *family, int threads);

/* A case as a prompt; its image rows belong to the engine's cache. Does not move once made: `prompt` points into it. */
typedef struct speaking_case {
    golden_case golden;
    gad_prompt prompt;
    gad_prompt_image image[4];
} speaking_case;
void speaking_open_case(gad_engine *engine, const char *family, char letter, speaking_case *c);
void speaking_close_case(speaking_case *c);

/* Words that the goldens say after a prompt, and which row of "decode.logits", of so many, holds the logits before a word:
 * all of them, or those of words 0, 1 and 15; -1: none. */
enum { SPEAKING_STEPS = 16 };
int64_t speaking_golden_row(int64_t rows, int step);

/* Image rows of a picture file, or of one with another value in a single pixel. */
const gad_image_rows *speaking_encode(gad_engine *engine, const char *name, bool changed);
#endif
