/* attention_tiles: softmax on the run over tiles of scores (Dao, arXiv 2307.08691), for the kernels with tiles. Score
 * fragments are as tile_dot leaves them; a thread holds two rows, h = 0 and 1, of each of its MT fragments. */
#ifndef GAD_OP_CUDA_ATTENTION_TILES_CUH
#define GAD_OP_CUDA_ATTENTION_TILES_CUH
#include "op/cuda/attention.cuh"
#include "op/cuda/tile.cuh"

#include <math.h>

enum { KEY_TILE = 64 };

/* Row of the warp's first fragment that half h of fragment m holds for this thread. */
static __device__ inline int fragment_row(int m, int h)
{
    return m * 16 + h * 8 + (int)threadIdx.x % 32 / 4;
}

/* What a thread has gathered of its rows: the largest score, this thread's share of the sum of exp, and the sum of p v. */
template <int MT, int DP> struct gathered {
    float most[MT][2], sum[MT][2], out[MT][DP / 8][4];
    __device__ void clear()
    {
#pragma unroll
        for (int m = 0; m < MT; m++) {
            for (int h = 0; h < 2; h++) {
                most[m][h] = -INFINITY;
                sum[m][h] = 0;
            }
#pragma unroll
            for (int n = 0; n < DP / 8; n++)
                for (int e = 0; e < 4; e++)
                    out[m][n][e] = 0;
        }
    }
};

/* Scores of the keys first, first+1, ... become p = exp(scale (s - most)); what is gathered shrinks to the new largest.
 * limit: the keys that a row sees. scale2 = scale log2(e). */
template <int MT, int NT, int DP>
static __device__ inline void softmax_tile(float (&s)[MT][NT][4], gathered<MT, DP> &all, const int (&limit)[MT][2],
                                           int first, bool masked, float scale2)
{
    first += (int)threadIdx.x % 4 * 2;
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            float top = all.most[m][h];
#pragma unroll
            for (int n = 0; n < NT; n++)
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    float &score = s[m][n][2 * h + e];
                    if (masked && first + n * 8 + e >= limit[m][h])
                        score = -INFINITY;
                    top = fmaxf(top, score);
                }
            top = quad_max(top);
            const float base = top == -INFINITY ? 0 : top * scale2;
            const float shrink = exp2_fast(all.most[m][h] * scale2 - base);
            float sum = 0;
#pragma unroll
            for (int n = 0; n < NT; n++)
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    float &p = s[m][n][2 * h + e];
                    p = exp2_fast(p * scale2 - base);
                    sum += p;
                }
            all.most[m][h] = top;
            all.sum[m][h] = all.sum[m][h] * shrink + sum;
#pragma unroll
            for (int n = 0; n < DP / 8; n++) {
                all.out[m][n][2 * h] *= shrink;
                all.out[m][n][2 * h + 1] *= shrink;
            }
        }
}
#endif
