/* few: products of a matrix with one to eight rows, as in decoding: the weights are read once, straight from where they
 * lie, and nothing else matters. quantised.cuh has those of quantised matrices. */
#ifndef GAD_OP_CUDA_FEW_CUH
#define GAD_OP_CUDA_FEW_CUH
#include "op/cuda/cuda.cuh"

enum { GAD_CUDA_FEW = 8 };

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

/* y = alpha * x w^T + bias (+ y when `add`), x.rows <= GAD_CUDA_FEW; w is not quantised. */
void gad_cuda_few(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add);
#endif
