/* logprob: log-probability of a target token under softmax(z / temperature), entropy, and the gradient to z. A block has a
 * row; it goes through it twice, the second time out of the cache. */
#include "op/cuda/cuda.cuh"

enum { THREADS = 512 };

/* What is known of a row once it has been read. */
struct row_sums {
    float most, log_sum, entropy; /* of z / temperature, that `most` has been taken off of */
    float sum;
};

template <class T>
static __device__ __forceinline__ row_sums sums_of(const T *z, int64_t n, float inverse, bool entropic, float *each)
{
    row_sums s = {-INFINITY, 0, 0, 0};
    float moment = 0;
    for (int64_t v = threadIdx.x; v < n; v += THREADS)
        s.most = grid_larger(grid_float(z[v]), s.most);
    s.most = grid_block_largest(s.most, each);
    for (int64_t v = threadIdx.x; v < n; v += THREADS) {
        const float away = (grid_float(z[v]) - s.most) * inverse, p = expf(away);
        s.sum += p;
        if (entropic && p != 0) /* a NaN goes in */
            moment += p * away;
    }
    s.sum = grid_block_sum(s.sum, each);
    s.log_sum = logf(s.sum);
    if (entropic) /* -sum p log p = log sum - sum p (z - most) / temperature */
        s.entropy = s.log_sum - grid_block_sum(moment, each) / s.sum;
    return s;
}

template <class T>
static __global__ void logprob_kernel(gad_cuda_view<float> logp, gad_cuda_view<float> entropy, gad_cuda_view<T> z,
                                      const int32_t *target, int64_t n, float inverse)
{
    grid_begin();
    __shared__ float each[THREADS / GRID_WARP];
    const int64_t row = blockIdx.x;
    const row_sums s = sums_of(z.at(row, 0), n, inverse, entropy.data != NULL, each);
    if (threadIdx.x)
        return;
    *logp.at(row, 0) = (grid_float(*z.at(row, target[row])) - s.most) * inverse - s.log_sum;
    if (entropy.data)
        *entropy.at(row, 0) = s.entropy;
}

void gad_cuda_logprob(gad_device *device, gad_tensor logp, gad_tensor entropy, gad_tensor z, const int32_t *target,
                      float temperature)
{
    GAD_CUDA_BY_ACTIVATION(z.dtype, T,
                           GAD_LAUNCH(device, logprob_kernel<T>, (unsigned)z.rows, THREADS, 0,
                                      gad_cuda_view_of<float>(logp), gad_cuda_view_of<float>(entropy),
                                      gad_cuda_view_of<T>(z), target, z.cols, 1.0f / temperature));
}

/* dz may be z: a thread writes where it alone reads. */
template <class D, class T>
static __global__ void logprob_back_kernel(gad_cuda_view<D> dz, gad_cuda_view<float> g, gad_cuda_view<float> h,
                                           gad_cuda_view<T> z, const int32_t *target, int64_t n, float inverse)
{
    grid_begin();
    __shared__ float each[THREADS / GRID_WARP];
    const int64_t row = blockIdx.x;
    const bool entropic = h.data != NULL;
    const row_sums s = sums_of(z.at(row, 0), n, inverse, entropic, each);
    const float slope = *g.at(row, 0) * inverse, rate = entropic ? *h.at(row, 0) * inverse : 0;
    const int64_t hit = target[row];
    for (int64_t v = threadIdx.x; v < n; v += THREADS) {
        const float away = (grid_float(*z.at(row, v)) - s.most) * inverse, p = expf(away) / s.sum;
        float d = slope * ((v == hit ? 1.0f : 0.0f) - p);
        if (entropic && p != 0)
            d -= rate * p * (away - s.log_sum + s.entropy);
        *dz.at(row, v) = grid_round<D>(d);
    }
}

void gad_cuda_logprob_back(gad_device *device, gad_tensor dz, gad_tensor g, gad_tensor h, gad_tensor z,
                           const int32_t *target, float temperature)
{
    GAD_CUDA_BY_ACTIVATION(dz.dtype, D, GAD_CUDA_BY_ACTIVATION(z.dtype, T, {
                               GAD_LAUNCH(device, (logprob_back_kernel<D, T>), (unsigned)z.rows, THREADS, 0,
                                          gad_cuda_view_of<D>(dz), gad_cuda_view_of<float>(g), gad_cuda_view_of<float>(h),
                                          gad_cuda_view_of<T>(z), target, z.cols, 1.0f / temperature);
                           }));
}
