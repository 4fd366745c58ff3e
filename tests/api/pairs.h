/* pairs: settings of two small synthetic pairs, for tests that make files. */
#ifndef GAD_TESTS_API_PAIRS_H
#define GAD_TESTS_API_PAIRS_H
#include "gad_data.h"

gad_data_synth_settings pairs_settings(const char *out, const char *name);
#endif
