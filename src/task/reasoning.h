/* reasoning: writes the text between <think> and </think> from facts, without a model: a small grammar with a seed. In:
 * what is wrong, where, on what. Out: a few sentences that compare two images and conclude. Coordinates are never quoted
 * (they depend on the model that will read them); places are named. */
#ifndef GAD_TASK_REASONING_H
#define GAD_TASK_REASONING_H
#include "base/rng.h"
#include "base/string.h"
#include "task/box.h"

typedef struct gad_reasoning_finding {
    const char *label; /* "scratch", or any dataset's own word */
    const char *noun;  /* the part concerned, or NULL */
    gad_box box;       /* in the image of gad_reasoning_facts */
    float change[3];   /* mean of test minus normal inside, RGB, 0..1 scale; zeros when unknown */
} gad_reasoning_finding;

typedef struct gad_reasoning_facts {
    const char *class_text; /* "green circuit board" */
    int width, height;      /* of the image that the boxes are in */
    const gad_reasoning_finding *findings;
    int count; /* 0: the image is normal */
    bool has_reference;
    bool brief; /* two or three short sentences, for a small model */
} gad_reasoning_facts;

/* Append the text. Equal facts and equal state of `rng` give equal text. */
gad_status gad_reasoning_write(const gad_reasoning_facts *facts, gad_rng *rng, gad_string *text, gad_error *err);
#endif
