/* finite: are all of these numbers finite? In: numbers. Out: yes or no, at the speed of memory. */
#ifndef GAD_BASE_FINITE_H
#define GAD_BASE_FINITE_H
#include <stdbool.h>
#include <stddef.h>

bool gad_finite_all(const float *number, size_t count);
#endif
