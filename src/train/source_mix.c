/* source_mix: see source_mix.h */
#include "train/source_mix.h"

#include "base/rng.h"

gad_status gad_source_mix_open(gad_source endless, gad_source counted, double share, uint64_t seed, gad_source_mix *mix,
                               gad_error *err)
{
    *mix = (gad_source_mix){.endless = endless, .counted = counted, .share = share, .seed = seed};
    return gad_source_order_open(&counted, seed, &mix->order, err);
}

void gad_source_mix_close(gad_source_mix *mix)
{
    gad_source_order_close(&mix->order);
    *mix = (gad_source_mix){0};
}

static gad_status get(void *user, int64_t index, gad_example *example, gad_error *err)
{
    gad_source_mix *mix = user;
    gad_rng rng = gad_rng_make(mix->seed ^ 0x3157a5eULL, (uint64_t)index);
    if (gad_rng_uniform(&rng) < mix->share)
        return mix->endless.get(mix->endless.user, index, example, err);
    return mix->counted.get(mix->counted.user, gad_source_order_at(&mix->order, index), example, err);
}

gad_source gad_source_mix_source(gad_source_mix *mix)
{
    return (gad_source){0, get, mix};
}
