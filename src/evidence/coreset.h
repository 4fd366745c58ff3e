/* coreset: few rows that stand for many: greedily the row that is farthest from those taken, so that no row is far from one
 * that is kept (minimax facility location; PatchCore, arXiv 2106.08265). Distances are measured after a random projection
 * (Johnson and Lindenstrauss). In: rows. Out: which to keep. Knows nothing of parts or scores. */
#ifndef GAD_EVIDENCE_CORESET_H
#define GAD_EVIDENCE_CORESET_H
#include "gad.h"

/* rows bf16 [count, width]. kept [most], ascending; most < count. Equal input, equal output, whatever the threads. */
gad_status gad_coreset_choose(const uint16_t *rows, int64_t count, int64_t width, int64_t most, int64_t *kept,
                              gad_error *err);
#endif
