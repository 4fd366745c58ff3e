/* resize_rows: see resize_rows.h */
#include "io/resize_rows.h"

void gad_resize_rows_combine(uint8_t *out, const uint8_t *rows, size_t stride, const int32_t *weights, int64_t count,
                             size_t n, int shift)
{
    gad_resize_rows_body(out, rows, stride, weights, count, n, shift);
}

gad_resize_rows_fn gad_resize_rows_choose(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return gad_resize_rows_combine_avx2;
#endif
    return gad_resize_rows_combine;
}
