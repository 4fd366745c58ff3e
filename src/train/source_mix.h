/* source_mix: synthetic pairs among samples: one endless source out of an endless and a counted one. In: both, a share.
 * Out: a source whose example n is a function of the seed and n alone. */
#ifndef GAD_TRAIN_SOURCE_MIX_H
#define GAD_TRAIN_SOURCE_MIX_H
#include "train/example.h"

typedef struct gad_source_mix {
    gad_source endless, counted;
    double share; /* of the endless one */
    uint64_t seed;
    gad_source_order order; /* of the counted one */
} gad_source_mix;

gad_status gad_source_mix_open(gad_source endless, gad_source counted, double share, uint64_t seed, gad_source_mix *mix,
                               gad_error *err);
void gad_source_mix_close(gad_source_mix *mix);
gad_source gad_source_mix_source(gad_source_mix *mix);
#endif
