/* resize_rows: the inner loop of resize, one body compiled for each instruction set. Knows rows of bytes, not images. */
#ifndef GAD_IO_RESIZE_ROWS_H
#define GAD_IO_RESIZE_ROWS_H
#include <stddef.h>
#include <stdint.h>

/* out[i] = clamp8((sum over k < count of weights[k] * rows[k * stride + i] + 2^(shift-1)) >> shift) for i < n.
 * The sums fit into 32 bits: weights are a bicubic kernel scaled to a sum of 2^shift, shift at most 22. */
typedef void (*gad_resize_rows_fn)(uint8_t *out, const uint8_t *rows, size_t stride, const int32_t *weights, int64_t count,
                                   size_t n, int shift);
void gad_resize_rows_combine(uint8_t *out, const uint8_t *rows, size_t stride, const int32_t *weights, int64_t count,
                             size_t n, int shift);
void gad_resize_rows_combine_avx2(uint8_t *out, const uint8_t *rows, size_t stride, const int32_t *weights, int64_t count,
                                  size_t n, int shift);
/* The fastest that this machine can run. */
gad_resize_rows_fn gad_resize_rows_choose(void);

/* `tile` is a constant where this is inlined: its sums then stay in registers. */
static inline __attribute__((always_inline)) void gad_resize_rows_tile(uint8_t *out, const uint8_t *rows, size_t stride,
                                                                       const int32_t *weights, int64_t count, int shift,
                                                                       const int tile)
{
    int32_t sum[32];
    for (int i = 0; i < tile; i++)
        sum[i] = 1 << (shift - 1);
    for (int64_t k = 0; k < count; k++, rows += stride)
        for (int i = 0; i < tile; i++)
            sum[i] += weights[k] * rows[i];
    for (int i = 0; i < tile; i++) {
        int32_t v = sum[i] >> shift;
        out[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

static inline __attribute__((always_inline)) void gad_resize_rows_body(uint8_t *out, const uint8_t *rows, size_t stride,
                                                                       const int32_t *weights, int64_t count, size_t n,
                                                                       int shift)
{
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        gad_resize_rows_tile(out + i, rows + i, stride, weights, count, shift, 32);
    for (; i + 16 <= n; i += 16)
        gad_resize_rows_tile(out + i, rows + i, stride, weights, count, shift, 16);
    for (; i < n; i++)
        gad_resize_rows_tile(out + i, rows + i, stride, weights, count, shift, 1);
}
#endif
