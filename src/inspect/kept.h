/* kept: what inspecting keeps with an engine from one part to the next: a series is inspected against the same good parts.
 * In: an engine. Out: the one struct that belongs to it, freed with it. */
#ifndef GAD_INSPECT_KEPT_H
#define GAD_INSPECT_KEPT_H
#include "evidence/familiar.h"
#include "evidence/prepared.h"
#include "features/backbone.h"
#include "gad_product.h"
#include "generate/engine.h"

enum { GAD_KEPT_LOOKS = 64 };

typedef struct gad_kept {
    gad_hash level_of; /* the good parts that `level` belongs to (evidence/evidence.h) */
    float level;
    bool own_read; /* the checkpoint's own threshold was looked for */
    gad_threshold own;
    bool own_exists;
    struct gad_kept_look {
        gad_hash of; /* the picture */
        gad_look look;
    } look[GAD_KEPT_LOOKS]; /* of good parts, the oldest replaced first */
    int look_next;
    gad_backbone *backbone; /* by which looks are compared; NULL: not sought yet, or there is none */
    bool backbone_sought;
    gad_product *memory; /* of the good parts of that hash (recall.h); NULL: of none, or there is no backbone */
    gad_hash memory_of;
    gad_prepared_kept good; /* good parts of the last turn, ready to be compared with */
} gad_kept;

gad_status gad_kept_of(gad_engine *engine, gad_kept **kept, gad_error *err);
/* What the good part with that hash looks like as a whole; NULL: it is not kept. Until the next gad_kept_add_look. */
const gad_look *gad_kept_find_look(const gad_kept *kept, gad_hash hash);
void gad_kept_add_look(gad_kept *kept, gad_hash hash, const gad_look *look);
#endif
