/* faults_train: allocations, reads, writes and removals of a tiny training run fail, one at a time: the call says so or
 * trains as if nothing had been, the run goes on from what is there, and ends at the same weights. */
#ifndef GAD_TESTS_API_FAULTS_TRAIN_H
#define GAD_TESTS_API_FAULTS_TRAIN_H
#include "gad_train.h"

void faults_train_sweep(const char *name, gad_status (*how)(const gad_train_settings *settings, gad_error *err));
#endif
