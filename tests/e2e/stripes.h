/* stripes: pictures of a product that tests learn. */
#ifndef GAD_TESTS_E2E_STRIPES_H
#define GAD_TESTS_E2E_STRIPES_H
#include <stdbool.h>

enum { STRIPES_SIDE = 256 };

/* Stripes that lie a little differently in each part; `hole`: a dark disc around (160, 96); `other`: another product. */
void stripes_draw(const char *path, int seed, bool hole, bool other);
#endif
