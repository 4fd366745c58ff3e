/* likeness: does a part look like the good ones that it is shown with? In: an engine, the pictures of a question. Out: a
 * distance and its limit (evidence/familiar.h), by the installed backbone where there is one. Knows nothing of defects. */
#ifndef GAD_INSPECT_LIKENESS_H
#define GAD_INSPECT_LIKENESS_H
#include "inspect/turn.h"

/* Of the last image from the ones before it, once gad_turn_make has encoded them; both numbers -1 where it is the only
 * one. */
gad_status gad_likeness_measure(gad_engine *engine, const gad_turn_part *part, size_t part_count,
                                gad_familiarity *familiarity, gad_error *err);
#endif
