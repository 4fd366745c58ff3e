/* source_ahead: examples of a run made by another thread while the model works on those before. In: a source, the order in
 * which it is read. Out: example n of the run, the same as without the thread, errors in their place. Knows no model. */
#ifndef GAD_TRAIN_SOURCE_AHEAD_H
#define GAD_TRAIN_SOURCE_AHEAD_H
#include "train/example.h"

typedef struct gad_source_ahead gad_source_ahead;

/* Example n, then n + stride and so on are made; at most `capacity` wait. Nobody else may ask the source meanwhile. */
gad_status gad_source_ahead_open(const gad_source *source, uint64_t seed, int64_t stride, int capacity,
                                 gad_source_ahead **ahead, gad_error *err);
gad_status gad_source_ahead_get(gad_source_ahead *ahead, int64_t n, gad_example *example, gad_error *err);
void gad_source_ahead_close(gad_source_ahead *ahead);
#endif
