/* few: products of matrices with one to eight rows, as in decoding: the weights are read once, straight from where they
 * lie, and nothing else matters. quantised.cuh has those of quantised matrices, which do the same jobs. */
#ifndef GAD_OP_CUDA_FEW_CUH
#define GAD_OP_CUDA_FEW_CUH
#include "op/cuda/cuda.cuh"

enum { GAD_CUDA_FEW = 8, GAD_CUDA_FEW_RUN = 8 };

/* What becomes of a sum. */
template <class Y> struct finish_of {
    gad_cuda_view<Y> y;
    gad_cuda_vector bias;
    float alpha;
    bool add;
    __device__ __forceinline__ void put(int64_t row, int64_t o, float sum) const
    {
        Y *to = y.at(row, o);
        const float old = add ? grid_float(*to) : 0;
        *to = grid_round<Y>(alpha * sum + gad_cuda_number(bias, o) + old);
    }
};

template <class Y> static finish_of<Y> finish_with(gad_tensor y, gad_tensor bias, float alpha, bool add)
{
    return finish_of<Y>{gad_cuda_view_of<Y>(y), gad_cuda_vector_of(bias), alpha, add};
}

/* ---- jobs: which rows of which matrix a block multiplies, and what becomes of the sums. A block has a tile: two sides of
 * RUN neighbouring rows each, `run(tile, side)` says where from. put(tile, line, row, there, sum) is called by all lanes of
 * a warp at once, the lines l and l ^ RUN of a row by lanes RUN apart, with there = false for rows of x that there are not.
 */

struct few_run {
    const void *data, *scale;
    int64_t row, rows; /* the first row of the run; rows of the matrix */
};

static __device__ __forceinline__ few_run few_run_of(const gad_weight &w, int64_t row)
{
    return few_run{w.data, w.scale, row, w.rows};
}

/* One matrix. */
template <class Y, int RUN> struct few_one {
    finish_of<Y> finish;
    gad_weight w;
    __device__ __forceinline__ few_run run(int64_t tile, int side) const
    {
        return few_run_of(w, (2 * tile + side) * RUN);
    }
    __device__ __forceinline__ void put(int64_t tile, int line, int64_t row, bool there, float sum) const
    {
        const int64_t o = tile * 2 * RUN + line;
        if (there && o < w.rows)
            finish.put(row, o, sum);
    }
};

/* Several matrices, of which those with half > 0 are turned: a tile's sides are then the same channels of both halves of a
 * head, which `half` channels each have. */
template <class Y> struct few_part {
    gad_cuda_view<Y> y;
    gad_weight w;
    gad_cuda_vector bias;
    int64_t first; /* tile */
    int half;
};
template <class Y, int RUN> struct few_parts {
    few_part<Y> part[GAD_LINEAR_PARTS];
    int count;
    gad_cuda_view<float> cos, sin;
    __device__ __forceinline__ const few_part<Y> &at(int64_t tile) const
    {
        int i = count - 1;
        while (i > 0 && tile < part[i].first)
            i--;
        return part[i];
    }
    static __device__ __forceinline__ int64_t row_of(const few_part<Y> &p, int64_t tile, int side)
    {
        const int64_t in = tile - p.first, runs = p.half / RUN;
        return p.half ? in / runs * 2 * p.half + in % runs * RUN + side * p.half : (2 * in + side) * RUN;
    }
    __device__ __forceinline__ few_run run(int64_t tile, int side) const
    {
        const few_part<Y> &p = at(tile);
        return few_run_of(p.w, row_of(p, tile, side));
    }
    __device__ __forceinline__ void put(int64_t tile, int line, int64_t row, bool there, float sum) const
    {
        const few_part<Y> &p = at(tile);
        const int64_t o = row_of(p, tile, line / RUN) + line % RUN;
        there = there && o < p.w.rows;
        float value = there ? sum + gad_cuda_number(p.bias, o) : 0;
        if (p.half) {
            const float other = __shfl_xor_sync(0xFFFFFFFFu, value, RUN);
            if (there)
                value = value * *cos.at(row, o % p.half) + (line < RUN ? -other : other) * *sin.at(row, o % p.half);
        }
        if (there)
            *p.y.at(row, o) = grid_round<Y>(value);
    }
};

/* Two matrices, the second's output gated by the first's: the sides of a tile are the same outputs of both. */
template <class Y, int RUN> struct few_gated {
    gad_cuda_view<Y> y;
    gad_weight gate, up;
    gad_cuda_vector gate_bias, up_bias;
    __device__ __forceinline__ few_run run(int64_t tile, int side) const
    {
        return few_run_of(side ? up : gate, tile * RUN);
    }
    __device__ __forceinline__ void put(int64_t tile, int line, int64_t row, bool there, float sum) const
    {
        const int64_t o = tile * RUN + line % RUN;
        there = there && o < gate.rows;
        const float value = there ? sum + gad_cuda_number(line < RUN ? gate_bias : up_bias, o) : 0;
        const float other = __shfl_xor_sync(0xFFFFFFFFu, value, RUN);
        if (there && line < RUN)
            *y.at(row, o) = grid_round<Y>(value * gad_cuda_sigmoid(value) * other);
    }
};

/* The job of the parts, whose results are bf16; *tiles: how many there are. */
template <int RUN>
static few_parts<bf16, RUN> few_parts_of(const gad_linear_part *part, int count, gad_tensor cos, gad_tensor sin,
                                         int64_t *tiles)
{
    few_parts<bf16, RUN> job = {};
    job.count = count;
    job.cos = gad_cuda_view_of<float>(cos);
    job.sin = gad_cuda_view_of<float>(sin);
    *tiles = 0;
    for (int i = 0; i < count; i++) {
        const int turned = part[i].heads ? (int)(part[i].w.rows / part[i].heads / 2) : 0;
        job.part[i] =
            few_part<bf16>{gad_cuda_view_of<bf16>(part[i].y), part[i].w, gad_cuda_vector_of(part[i].bias), *tiles, turned};
        *tiles += gad_cuda_parts(part[i].w.rows, 2 * RUN);
    }
    return job;
}

/* ---- the products; x.rows <= GAD_CUDA_FEW, w is not quantised ---- */

/* Whether the way of bf16 serves these factors. */
bool gad_cuda_few_is_bf16(gad_tensor x, gad_weight w);
/* y = alpha * x w^T + bias (+ y when `add`) */
void gad_cuda_few(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add);
/* As gad_linear_parts and gad_linear_swiglu, all of bf16. Halves of turned heads are multiples of
 * GAD_CUDA_FEW_RUN. */
void gad_cuda_few_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                        gad_tensor sin);
void gad_cuda_few_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                         gad_weight up, gad_tensor up_bias);
#endif
