/* finite: see finite.h */
#include "base/finite.h"

#include <stdint.h>
#include <string.h>

bool gad_finite_all(const float *number, size_t count)
{
    uint32_t special = 0; /* an exponent of ones is infinity or no number; no branch, so that compilers can use vectors */
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &number[i], sizeof bits);
        special |= (uint32_t)((bits & 0x7F800000u) == 0x7F800000u);
    }
    return !special;
}
