/* library_host: matrix products without cuBLASLt, for kernels on the processor. Empty in the plugin. */
#include "op/cuda/library.cuh"

#ifdef GAD_CUDA_HOST
static float number_of(const void *data, gad_dtype dtype, int64_t i)
{
    return dtype == GAD_BF16 ? grid_float(static_cast<const bf16 *>(data)[i]) : static_cast<const float *>(data)[i];
}

static void put_number(void *data, gad_dtype dtype, int64_t i, float x)
{
    if (dtype == GAD_BF16)
        static_cast<bf16 *>(data)[i] = grid_round<bf16>(x);
    else
        static_cast<float *>(data)[i] = x;
}

void gad_cuda_multiply(gad_device *device, const gad_cuda_product *p)
{
    for (int64_t i = 0; gad_cuda_well(device) && i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            float sum = 0;
            for (int64_t k = 0; k < p->k; k++)
                sum += number_of(p->a, p->factors, p->a_turned ? k * p->a_stride + i : i * p->a_stride + k) *
                       number_of(p->b, p->factors, p->b_turned ? j * p->b_stride + k : k * p->b_stride + j);
            const int64_t at = i * p->c_stride + j;
            const float old = p->add ? number_of(p->c, p->result, at) : 0,
                        bias = p->bias ? number_of(p->bias, p->result, j) : 0;
            put_number(p->c, p->result, at, p->alpha * sum + bias + old);
        }
}

void gad_cuda_library_free(gad_cuda *)
{
}
#endif
