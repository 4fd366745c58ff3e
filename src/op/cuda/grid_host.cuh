/* grid_host: what grid.cuh needs, under a C++ compiler: the threads of a block are fibres of one thread of the processor.
 * A fibre runs until a barrier, a warp's exchange or its end, in an order that changes from launch to launch, so that what
 * a kernel leaves to chance shows. Shared memory starts as NaN, asynchronous copies arrive no earlier than waited for, and
 * a barrier that not all reach ends the program with the kernel's name. */
#ifndef GAD_OP_CUDA_GRID_HOST_CUH
#define GAD_OP_CUDA_GRID_HOST_CUH
#include <math.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __restrict__ __restrict
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __noinline__
#define __shared__ static __attribute__((section("gad_grid_shared")))

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};
struct alignas(16) uint4 {
    uint32_t x, y, z, w;
};
struct alignas(8) uint2 {
    uint32_t x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};

/* ---- where a fibre is ---- */

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

/* Runs `body(user)` as every thread of every block; `name` of the kernel is for messages and for grid_host_launched. */
void grid_host_run(const char *name, dim3 grid, dim3 block, size_t shared_bytes, void (*body)(void *user), void *user);
/* How often a kernel of this name (without template arguments) was launched. */
extern "C" int grid_host_launched(const char *name);

char *grid_shared(void);
/* A kernel whose threads do not all begin with this ends the program. */
void grid_begin(void);
static inline void grid_fetch_ahead(const void *)
{
}
static inline void __threadfence(void)
{
}
void __syncthreads(void);

/* ---- a warp's exchange: every lane gives `size_bytes` (up to 32) and gets what all gave, 32 apart, until the lane after
 * its next exchange. Lanes that have ended gave NaN. `kind` must be the same for all. ---- */

enum { GRID_HOST_LANE_BYTES = 32 };
const char *grid_host_exchange(const char *kind, unsigned mask, const void *give, size_t size_bytes);
int grid_host_lane(void);

static inline void __syncwarp(unsigned mask = 0xFFFFFFFFu)
{
    grid_host_exchange("syncwarp", mask, NULL, 0);
}
template <class T> static inline T grid_host_from(const char *kind, unsigned mask, T x, int lane)
{
    T got;
    memcpy(&got, grid_host_exchange(kind, mask, &x, sizeof x) + (lane & 31) * GRID_HOST_LANE_BYTES, sizeof got);
    return got;
}
template <class T> static inline T __shfl_sync(unsigned mask, T x, int lane)
{
    return grid_host_from("shfl", mask, x, lane);
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T x, int step)
{
    return grid_host_from("shfl_xor", mask, x, grid_host_lane() ^ step);
}
template <class T> static inline T __shfl_down_sync(unsigned mask, T x, unsigned step)
{
    const int lane = grid_host_lane(), from = lane + (int)step;
    return grid_host_from("shfl_down", mask, x, from < 32 ? from : lane);
}
static inline unsigned __ballot_sync(unsigned mask, int yes)
{
    const char *all = grid_host_exchange("ballot", mask, &yes, sizeof yes);
    unsigned bits = 0;
    for (int lane = 0; lane < 32; lane++) {
        int said;
        memcpy(&said, all + lane * GRID_HOST_LANE_BYTES, sizeof said);
        bits |= (said != 0 && said != -1 ? 1u : 0u) << lane; /* -1: the lane has ended */
    }
    return bits;
}
template <class T> static inline T atomicAdd(T *to, T x)
{
    const T old = *to;
    *to = old + x;
    return old;
}
template <class T> static inline T __ldg(const T *from)
{
    return *from;
}
static inline float rsqrtf(float x)
{
    return 1.0f / sqrtf(x);
}
#define __expf expf /* the C library has functions of these names */
#define __logf logf
static inline float __fdividef(float a, float b)
{
    return a / b;
}
static inline uint32_t __float_as_uint(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline float __uint_as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
/* c + the four products of signed bytes */
static inline int __dp4a(int a, int b, int c)
{
    for (int i = 0; i < 4; i++)
        c += (int)(int8_t)((unsigned)a >> 8 * i) * (int)(int8_t)((unsigned)b >> 8 * i);
    return c;
}
template <class T> static inline T min(T a, T b)
{
    return b < a ? b : a;
}
template <class T> static inline T max(T a, T b)
{
    return a < b ? b : a;
}

/* ---- numbers ---- */

struct bf16 {
    uint16_t bits;
};
struct f16 {
    uint16_t bits;
};

static inline float grid_float(bf16 x)
{
    return __uint_as_float((uint32_t)x.bits << 16);
}
static inline float grid_float(f16 x)
{
    _Float16 half;
    memcpy(&half, &x, sizeof half);
    return (float)half;
}
template <class T> T grid_round(float x);
template <> inline bf16 grid_round<bf16>(float x)
{
    const uint32_t bits = __float_as_uint(x);
    if (x != x)
        return bf16{0x7FFF};
    return bf16{(uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)};
}
template <> inline f16 grid_round<f16>(float x)
{
    const _Float16 half = (_Float16)x;
    f16 to;
    memcpy(&to, &half, sizeof to);
    return to;
}

/* ---- matrices of a warp, copies behind the thread's back: see grid_device.cuh ---- */

void grid_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2]);
void grid_mma_bytes(int d[4], const uint32_t a[4], const uint32_t b[2]);
void grid_host_matrix(uint32_t *r, const void *row, int count, bool turned);
void grid_copy_16(void *shared, const void *from, bool there);
void grid_copy_close(void);
void grid_host_copy_wait(int groups);

static inline void grid_matrix_x4(uint32_t r[4], const void *row)
{
    grid_host_matrix(r, row, 4, false);
}
static inline void grid_matrix_x2(uint32_t r[2], const void *row)
{
    grid_host_matrix(r, row, 2, false);
}
static inline void grid_matrix_turned_x4(uint32_t r[4], const void *row)
{
    grid_host_matrix(r, row, 4, true);
}
static inline void grid_matrix_turned_x2(uint32_t r[2], const void *row)
{
    grid_host_matrix(r, row, 2, true);
}
template <int N> static inline void grid_copy_wait(void)
{
    grid_host_copy_wait(N);
}
#endif
