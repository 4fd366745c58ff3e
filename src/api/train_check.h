/* train_check: whether the numbers of the settings of a training make sense. In: settings. Out: what is wrong, in words. */
#ifndef GAD_API_TRAIN_CHECK_H
#define GAD_API_TRAIN_CHECK_H
#include "gad_train.h"

/* The first thing that is wrong; NULL: nothing is. */
const char *gad_train_check(const gad_train_settings *settings, bool grpo);
#endif
