/* similarity: how alike two texts are, as Python's difflib.SequenceMatcher.ratio says, its automatic junk included: the
 * rule by which MMAD's evaluator maps an answer without a letter to an option. In: two UTF-8 texts. Out: 0..1. */
#ifndef GAD_BENCH_SIMILARITY_H
#define GAD_BENCH_SIMILARITY_H
#include "gad.h"

/* 2 * matching characters / all characters, for SequenceMatcher(None, a, b). The texts are read as code points. */
gad_status gad_similarity_ratio(const char *a, const char *b, double *ratio, gad_error *err);
#endif
