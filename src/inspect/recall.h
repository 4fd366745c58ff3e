/* recall: what a memory of the good parts that a model is shown says of a part, for models that compare pixels: these see
 * a piece again, not another piece of the product. In: an engine, the pictures of a turn. Out: logits of the heat map's
 * cells and of the part. Learnt when it is first asked for, kept with the engine. Knows nothing of models. */
#ifndef GAD_INSPECT_RECALL_H
#define GAD_INSPECT_RECALL_H
#include "inspect/turn.h"

typedef struct gad_recall {
    int64_t rows, cols; /* of the heat map: the caller says them */
    float *logit;       /* [rows * cols], row by row; the caller's (gad_memory_free); NULL: there is no memory */
    double score;
} gad_recall;

/* The last image by the ones before it. Without an installed backbone there is no memory, which is no error. */
gad_status gad_recall_make(gad_engine *engine, const gad_turn_part *part, size_t part_count, gad_recall *recall,
                           gad_error *err);
#endif
