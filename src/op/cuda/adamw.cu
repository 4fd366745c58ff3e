/* adamw: the optimizer's update and the sum of squares that gradient clipping needs, for all tensors of a model in one
 * launch each: an adapter has hundreds of small ones. */
#include "op/cuda/cuda.cuh"

#include <math.h>
#include <stdlib.h>

enum { THREADS = 256, SUM_BLOCKS = 4096, RECEIVED = 8192, LEAST = 8192, UPDATED = 16384 };

/* ---- many tensors: a block has `share` numbers of one of them. What is known of each is sent before. ---- */

/* The last item whose first block is not behind this one. */
template <class Item> static __device__ const Item &item_of(const Item *item, int64_t count)
{
    int64_t low = 0, high = count;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (item[middle].block <= blockIdx.x)
            low = middle;
        else
            high = middle;
    }
    return item[low];
}

/* The items on the device, which `fill` makes one by one and gives the number of its blocks for; *blocks: of all. NULL
 * after a failure. */
template <class Item, class Fill>
static const Item *send_items(gad_device *device, int64_t count, int64_t *blocks, Fill fill)
{
    Item *host = (Item *)calloc((size_t)count + 1, sizeof *host);
    *blocks = 0;
    for (int64_t i = 0; host && i < count; i++) {
        host[i].block = *blocks;
        *blocks += fill(&host[i], i);
    }
    if (!host)
        gad_cuda_keep(device, 2, "update weights", (size_t)count * sizeof *host); /* out of memory */
    const Item *there = host ? (const Item *)gad_cuda_upload(device, host, (size_t)count * sizeof *host) : NULL;
    free(host);
    return there;
}

/* ---- sum of squares: fixed shares for every thread, added in a fixed order ---- */

struct squares_item {
    gad_tensor x;
    int64_t block;
};

static __global__ void squares_kernel(double *part, const squares_item *items, int64_t count, int64_t share)
{
    grid_begin();
    __shared__ double each[THREADS];
    const squares_item item = item_of(items, count);
    const gad_tensor &x = item.x;
    const int64_t from = (blockIdx.x - item.block) * share, all = x.rows * x.cols;
    const int64_t end = from + share < all ? from + share : all;
    double sum = 0;
    for (int64_t i = from + threadIdx.x; i < end; i += THREADS) {
        const int64_t at = x.stride == x.cols ? i : i / x.cols * x.stride + i % x.cols;
        const float v = gad_cuda_number(gad_cuda_vector{x.data, x.dtype}, at);
        sum += (double)v * (double)v;
    }
    each[threadIdx.x] = sum;
    for (int half_of = THREADS / 2; half_of; half_of /= 2) {
        __syncthreads();
        if ((int)threadIdx.x < half_of)
            each[threadIdx.x] += each[threadIdx.x + half_of];
    }
    if (threadIdx.x == 0)
        part[blockIdx.x] = each[0];
}

double gad_cuda_sum_squares(gad_device *device, const gad_tensor *x, int64_t count)
{
    const size_t mark = gad_cuda_mark(device);
    int64_t all = 0, parts = 0;
    for (int64_t i = 0; i < count; i++)
        all += x[i].rows * x[i].cols;
    const int64_t fair = gad_cuda_parts(all, SUM_BLOCKS), share = fair > LEAST ? fair : (int64_t)LEAST;
    const squares_item *items = send_items<squares_item>(device, count, &parts, [=](squares_item *to, int64_t i) {
        to->x = x[i];
        return gad_cuda_parts(x[i].rows * x[i].cols, share);
    });
    double *part = (double *)gad_cuda_scratch(device, parts, sizeof(double)), total = 0;
    GAD_LAUNCH(device, squares_kernel, (unsigned)parts, THREADS, 0, part, items, count, share);
    for (int64_t from = 0; from < parts; from += RECEIVED) {
        double host[RECEIVED] = {0};
        const int64_t n = min(parts - from, (int64_t)RECEIVED);
        gad_cuda_receive(device, host, part + from, (size_t)n * sizeof *host);
        for (int64_t i = 0; i < n; i++)
            total += host[i];
    }
    gad_cuda_rewind(device, mark);
    return gad_cuda_well(device) ? total : 0;
}

/* ---- AdamW ---- */

struct adamw_item {
    gad_adamw_part part;
    float correct1, correct2;
    int64_t block;
    bool wide;
};

/* N numbers from number `at` on. */
template <int N> static __device__ __forceinline__ void update(const adamw_item &item, int64_t at)
{
    const gad_adamw &s = item.part.settings;
    float *const w = static_cast<float *>(item.part.w) + at, *const g = static_cast<float *>(item.part.g) + at;
    float *const m = static_cast<float *>(item.part.m) + at, *const v = static_cast<float *>(item.part.v) + at;
    float weight[N], mean[N], square[N], d[N];
    grid_read<N>(weight, w);
    grid_read<N>(mean, m);
    grid_read<N>(square, v);
    grid_read<N>(d, g);
#pragma unroll
    for (int i = 0; i < N; i++) {
        const float scaled = d[i] * s.gradient_scale;
        mean[i] = s.beta1 * mean[i] + (1 - s.beta1) * scaled;
        square[i] = s.beta2 * square[i] + (1 - s.beta2) * scaled * scaled;
        const float away = mean[i] * item.correct1 / (sqrtf(square[i] * item.correct2) + s.epsilon);
        weight[i] -= s.learning_rate * (away + s.weight_decay * weight[i]);
        d[i] = 0;
    }
    grid_write<N>(w, weight);
    grid_write<N>(m, mean);
    grid_write<N>(v, square);
    grid_write<N>(g, d);
}

static __global__ void __launch_bounds__(THREADS) adamw_kernel(const adamw_item *items, int64_t count)
{
    grid_begin();
    const adamw_item item = item_of(items, count);
    const int64_t from = (blockIdx.x - item.block) * UPDATED, n = item.part.n;
    const int64_t end = from + UPDATED < n ? from + UPDATED : n;
    if (item.wide)
        for (int64_t i = from + (int64_t)threadIdx.x * 4; i < end; i += THREADS * 4)
            update<4>(item, i);
    else
        for (int64_t i = from + threadIdx.x; i < end; i += THREADS)
            update<1>(item, i);
}

void gad_cuda_adamw(gad_device *device, const gad_adamw_part *part, int64_t count)
{
    const size_t mark = gad_cuda_mark(device);
    int64_t blocks = 0;
    const adamw_item *items = send_items<adamw_item>(device, count, &blocks, [=](adamw_item *to, int64_t i) {
        const gad_adamw &s = part[i].settings;
        const uintptr_t all = (uintptr_t)part[i].w | (uintptr_t)part[i].g | (uintptr_t)part[i].m | (uintptr_t)part[i].v;
        to->part = part[i];
        to->correct1 = (float)(1.0 / (1.0 - pow((double)s.beta1, (double)s.step)));
        to->correct2 = (float)(1.0 / (1.0 - pow((double)s.beta2, (double)s.step)));
        to->wide = all % 16 == 0 && part[i].n % 4 == 0;
        return gad_cuda_parts(part[i].n, UPDATED);
    });
    GAD_LAUNCH(device, adamw_kernel, (unsigned)blocks, THREADS, 0, items, count);
    gad_cuda_rewind(device, mark);
}
