/* conv: windows of a grid as rows, and the inverted bottleneck up to its depthwise convolution. The expansion, six times as
 * wide as its input, stays in shared memory: a block makes 32 of its channels for the pixels under a tile of windows. */
#include "op/cuda/each.cuh"
#include "op/cuda/weight.cuh"
extern "C" {
#include "op/window.h"
}

enum {
    WARPS = 8,
    THREADS = WARPS * GRID_WARP,
    CHANNELS = GRID_WARP, /* of a block: lane c has one */
    DEPTH = 64,           /* inputs that are multiplied at a time */
    PIXELS = 4,           /* of a thread at a time */
    SIDE = 8,             /* most windows of a tile each way */
    MOST_BYTES = 96 << 10 /* of shared memory: two blocks a multiprocessor */
};

/* ---- unfold ---- */

template <class T> struct unfold_of {
    gad_cuda_view<T> y, x;
    gad_window w;
    int64_t channels;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        const int64_t tap = col / channels, from_x = row % w.out_cols * w.stride - w.left + tap % w.kernel;
        const int64_t from_y = row / w.out_cols * w.stride - w.top + tap / w.kernel;
        const bool inside = from_y >= 0 && from_y < w.rows && from_x >= 0 && from_x < w.cols;
        grid_pack<T, N> pack;
#pragma unroll
        for (int i = 0; i < N; i++)
            pack.at[i] = grid_round<T>(0);
        if (inside)
            pack = grid_load<T, N>(x.at(from_y * w.cols + from_x, col % channels));
        grid_store<T, N>(y.at(row, col), pack);
    }
};

void gad_cuda_unfold(gad_device *device, gad_tensor y, gad_tensor x, const gad_window *window)
{
    const bool wide = gad_cuda_is_wide(y, x); /* a pack then lies in one pixel */
    GAD_CUDA_BY_ACTIVATION(y.dtype, T, {
        const unfold_of<T> op = {gad_cuda_view_of<T>(y), gad_cuda_view_of<T>(x), *window, x.cols};
        gad_cuda_each<T>(device, op, y.rows, y.cols, wide);
    });
}

/* ---- inverted bottleneck ---- */

/* What a kernel gets; a tile has high x wide windows, the pixels under it in_high x in_wide. */
template <class T> struct bottleneck {
    gad_cuda_view<T> y, x;
    gad_weight expand, depthwise;
    gad_cuda_vector expand_bias, depthwise_bias;
    gad_window window;
    int high, wide, in_high, in_wide;
};

/* Numbers of shared memory: the expansion, a part of the expanding weights, of x, and the depthwise weights. */
template <class T> static __host__ __device__ int field_numbers(const bottleneck<T> &b)
{
    return b.in_high * b.in_wide * CHANNELS;
}

/* ReLU6; NaN stays NaN. */
static __device__ __forceinline__ float clip(float x)
{
    return x < 0 ? 0 : x > 6 ? 6 : x;
}

/* The row of x of pixel n under the tile; -1 outside the grid. */
template <class T> static __device__ __forceinline__ int64_t pixel_of(const bottleneck<T> &b, int n, int64_t y0, int64_t x0)
{
    const int64_t y = y0 + n / b.in_wide, x = x0 + n % b.in_wide;
    return y < 0 || y >= b.window.rows || x < 0 || x >= b.window.cols ? -1 : y * b.window.cols + x;
}

/* Inputs i0 .. i0 + DEPTH - 1 of all pixels times the weights in w [DEPTH][CHANNELS], added to the field. */
template <class T>
static __device__ void expand_part(const bottleneck<T> &b, float *field, const float *w, float *input, int64_t i0,
                                   int64_t y0, int64_t x0)
{
    const int pixels = b.in_high * b.in_wide, warp = (int)threadIdx.x / GRID_WARP, lane = (int)threadIdx.x % GRID_WARP;
    const int depth = min((int)(b.expand.cols - i0), (int)DEPTH);
    for (int first = 0; first < pixels; first += WARPS * PIXELS) {
        for (int n = (int)threadIdx.x; n < WARPS * PIXELS * DEPTH; n += THREADS) {
            const int pixel = first + n / DEPTH, i = n % DEPTH;
            const int64_t row = pixel < pixels && i < depth ? pixel_of(b, pixel, y0, x0) : -1;
            input[n] = row < 0 ? 0 : grid_float(*b.x.at(row, i0 + i));
        }
        __syncthreads();
        float sum[PIXELS] = {0};
        const float *mine = input + warp * PIXELS * DEPTH;
        for (int i = 0; i < depth; i++) {
            const float factor = w[i * CHANNELS + lane];
#pragma unroll
            for (int p = 0; p < PIXELS; p++)
                sum[p] += mine[p * DEPTH + i] * factor;
        }
#pragma unroll
        for (int p = 0; p < PIXELS; p++) {
            const int pixel = first + warp * PIXELS + p;
            if (pixel < pixels)
                field[pixel * CHANNELS + lane] = (i0 ? field[pixel * CHANNELS + lane] : 0) + sum[p];
        }
        __syncthreads();
    }
}

/* The windows of the tile over the field, which is clipped already. */
template <class T>
static __device__ void slide(const bottleneck<T> &b, const float *field, const float *taps, int64_t tile_y, int64_t tile_x,
                             int64_t c)
{
    const gad_window &w = b.window;
    const int lane = (int)threadIdx.x % GRID_WARP, kernel = (int)w.kernel, stride = (int)w.stride;
    const float bias = c < b.expand.rows ? gad_cuda_number(b.depthwise_bias, c) : 0;
    for (int n = (int)threadIdx.x / GRID_WARP; n < b.high * b.wide; n += WARPS) {
        const int64_t y = tile_y * b.high + n / b.wide, x = tile_x * b.wide + n % b.wide;
        if (y >= w.out_rows || x >= w.out_cols || c >= b.expand.rows)
            continue;
        const float *from = field + (n / b.wide * stride * b.in_wide + n % b.wide * stride) * CHANNELS + lane;
        float sum = bias;
        for (int ky = 0; ky < kernel; ky++)
            for (int kx = 0; kx < kernel; kx++)
                sum += from[(ky * b.in_wide + kx) * CHANNELS] * taps[(ky * kernel + kx) * CHANNELS + lane];
        *b.y.at(y * w.out_cols + x, c) = grid_round<T>(clip(sum));
    }
}

template <class T>
static __global__ void __launch_bounds__(THREADS) expand_depthwise_kernel(const __grid_constant__ bottleneck<T> b)
{
    grid_begin();
    float *const field = reinterpret_cast<float *>(grid_shared()), *const weights = field + field_numbers(b);
    float *const input = weights + DEPTH * CHANNELS, *const taps = input + WARPS * PIXELS * DEPTH;
    const int lane = (int)threadIdx.x % GRID_WARP;
    const int64_t across = (b.window.out_cols + b.wide - 1) / b.wide, c = (int64_t)blockIdx.y * CHANNELS + lane;
    const int64_t tile_y = blockIdx.x / across, tile_x = blockIdx.x % across;
    const int64_t y0 = tile_y * b.high * b.window.stride - b.window.top;
    const int64_t x0 = tile_x * b.wide * b.window.stride - b.window.left;
    const bool there = c < b.expand.rows;
    for (int n = (int)threadIdx.x / GRID_WARP; n < b.depthwise.rows; n += WARPS)
        taps[n * CHANNELS + lane] = there ? gad_cuda_weight_number(b.depthwise, n, c) : 0;
    for (int64_t i0 = 0; i0 < b.expand.cols; i0 += DEPTH) {
        for (int n = (int)threadIdx.x; n < DEPTH * CHANNELS; n += THREADS) {
            const int64_t channel = (int64_t)blockIdx.y * CHANNELS + n / DEPTH, i = i0 + n % DEPTH;
            const bool inside = channel < b.expand.rows && i < b.expand.cols;
            weights[n % DEPTH * CHANNELS + n / DEPTH] = inside ? gad_cuda_weight_number(b.expand, channel, i) : 0;
        }
        expand_part(b, field, weights, input, i0, y0, x0); /* has a barrier before it reads the weights */
    }
    const float bias = there ? gad_cuda_number(b.expand_bias, c) : 0;
    for (int n = (int)threadIdx.x / GRID_WARP; n < b.in_high * b.in_wide; n += WARPS)
        field[n * CHANNELS + lane] = pixel_of(b, n, y0, x0) < 0 ? 0 : clip(field[n * CHANNELS + lane] + bias);
    __syncthreads();
    slide(b, field, taps, tile_y, tile_x, c);
}

/* Halves the tile, the longer side first, until it fits; bytes of shared memory. */
template <class T> static size_t cut_tile(bottleneck<T> *b)
{
    const int kernel = (int)b->window.kernel, stride = (int)b->window.stride;
    const size_t fixed = (size_t)(DEPTH * CHANNELS + WARPS * PIXELS * DEPTH + kernel * kernel * CHANNELS);
    for (b->high = b->wide = SIDE;; *(b->high > b->wide ? &b->high : &b->wide) /= 2) {
        b->in_high = (b->high - 1) * stride + kernel;
        b->in_wide = (b->wide - 1) * stride + kernel;
        const size_t bytes = (fixed + (size_t)field_numbers(*b)) * sizeof(float);
        if (bytes <= MOST_BYTES || b->high * b->wide == 1)
            return bytes;
    }
}

void gad_cuda_expand_depthwise(gad_device *device, gad_tensor y, gad_tensor x, gad_weight expand, gad_tensor expand_bias,
                               gad_weight depthwise, gad_tensor depthwise_bias, const gad_window *window)
{
    GAD_CUDA_BY_ACTIVATION(y.dtype, T, {
        bottleneck<T> b = {};
        b.y = gad_cuda_view_of<T>(y);
        b.x = gad_cuda_view_of<T>(x);
        b.expand = expand;
        b.depthwise = depthwise;
        b.expand_bias = gad_cuda_vector_of(expand_bias);
        b.depthwise_bias = gad_cuda_vector_of(depthwise_bias);
        b.window = *window;
        const size_t bytes = cut_tile(&b);
        const int64_t tiles = gad_cuda_parts(window->out_rows, b.high) * gad_cuda_parts(window->out_cols, b.wide);
        const dim3 grid((unsigned)tiles, (unsigned)gad_cuda_parts(expand.rows, CHANNELS));
        GAD_LAUNCH(device, expand_depthwise_kernel<T>, grid, THREADS, bytes, b);
    });
}
