/* pairs: see pairs.h */
#include "api/pairs.h"

gad_data_synth_settings pairs_settings(const char *out, const char *name)
{
    return (gad_data_synth_settings){.out = out,
                                     .name = name,
                                     .scenes = "all",
                                     .kinds = "all",
                                     .count = 2,
                                     .seed = 3,
                                     .synth = {.width = 48,
                                               .height = 48,
                                               .references = 1,
                                               .class_count = 4,
                                               .strength_low = 0.5,
                                               .strength_high = 1,
                                               .nuisance = 1}};
}
