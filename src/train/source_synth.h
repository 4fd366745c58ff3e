/* source_synth: examples out of nothing: synthetic pairs, made when they are asked for. Endless; sample n of a seed is the
 * same on every machine. */
#ifndef GAD_TRAIN_SOURCE_SYNTH_H
#define GAD_TRAIN_SOURCE_SYNTH_H
#include "synth/synth.h"
#include "train/example_maker.h"

typedef struct gad_source_synth {
    const gad_example_maker *maker;
    gad_synth_work *work;
    gad_synth_pair pair;
    uint64_t seed;
} gad_source_synth;

gad_status gad_source_synth_open(const gad_example_maker *maker, const gad_synth_settings *settings, uint64_t seed,
                                 gad_source_synth *synth, gad_error *err);
void gad_source_synth_close(gad_source_synth *synth);
gad_source gad_source_synth_source(gad_source_synth *synth);
#endif
