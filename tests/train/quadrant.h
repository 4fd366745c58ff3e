/* quadrant: the smallest task that needs both images: "which quadrant changed". A reference of random colour blocks and a
 * test image that is the same but for noise and, in four of five samples, a square in one quadrant. Ids without a
 * tokenizer: prompt, then the quadrant's id, a few fixed ids, the end. */
#ifndef GAD_TESTS_TRAIN_QUADRANT_H
#define GAD_TESTS_TRAIN_QUADRANT_H
#include "train/example.h"

enum {
    QUADRANT_SIDE = 64,
    QUADRANT_BEGIN = 1,
    QUADRANT_ASK = 2,
    QUADRANT_END = 3,
    QUADRANT_MISLEAD = 4, /* in the place of ASK: nobody has taught what it means */
    QUADRANT_NONE = 10,   /* 11..14: the quadrants, rows first */
    QUADRANT_CLOSE = 20
};

typedef struct quadrant {
    gad_config config;
    gad_preprocess preprocess;
    uint64_t seed;
} quadrant;

/* `count` 0: endless. */
gad_source quadrant_source(quadrant *q, int64_t count);
quadrant quadrant_make(const gad_config *config, uint64_t seed);
/* 0: nothing changed, 1..4. */
int quadrant_truth(const quadrant *q, int64_t index);
#endif
