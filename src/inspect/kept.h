/* kept: what inspecting keeps with an engine from one part to the next: a series is inspected against the same good parts.
 * In: an engine. Out: the one struct that belongs to it, freed with it. */
#ifndef GAD_INSPECT_KEPT_H
#define GAD_INSPECT_KEPT_H
#include "generate/engine.h"

typedef struct gad_kept {
    gad_hash level_of; /* the good parts that `level` belongs to (evidence/evidence.h) */
    float level;
    bool own_read; /* the checkpoint's own threshold was looked for */
    gad_threshold own;
    bool own_exists;
} gad_kept;

gad_status gad_kept_of(gad_engine *engine, gad_kept **kept, gad_error *err);
#endif
