/* grid_device: what grid.cuh needs, under nvcc: the instructions of sm_80 and later. */
#ifndef GAD_OP_CUDA_GRID_DEVICE_CUH
#define GAD_OP_CUDA_GRID_DEVICE_CUH
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <math.h>

typedef __nv_bfloat16 bf16;
typedef __half f16;

static __device__ __forceinline__ float grid_float(bf16 x)
{
    return __bfloat162float(x);
}
static __device__ __forceinline__ float grid_float(f16 x)
{
    return __half2float(x);
}
template <class T> __device__ __forceinline__ T grid_round(float x);
template <> __device__ __forceinline__ bf16 grid_round<bf16>(float x)
{
    return __float2bfloat16_rn(x);
}
template <> __device__ __forceinline__ f16 grid_round<f16>(float x)
{
    return __float2half_rn(x);
}

/* First in every kernel: it may have been started while the one before it still runs (gad_cuda_launch), and reads and writes
 * device memory only after this. It lets the one after it start in the same way. */
static __device__ __forceinline__ void grid_begin(void)
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/* The 32 bytes around an address into the second-level cache, where later writes are seen: allowed before grid_begin. */
static __device__ __forceinline__ void grid_fetch_ahead(const void *from)
{
    asm volatile("prefetch.global.L2 [%0];" ::"l"(from));
}

/* The launch's own shared memory, at a multiple of 16 bytes. */
static __device__ __forceinline__ char *grid_shared(void)
{
    extern __shared__ uint4 grid_dynamic[];
    return reinterpret_cast<char *>(grid_dynamic);
}

/* d[16, 8] += a[16, 16] b[16, 8], bf16 factors, fp32 sums; fragments as PTX's mma.m16n8k16 lays them out. */
static __device__ __forceinline__ void grid_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* d[16, 8] += a[16, 32] b[32, 8], unsigned bytes times signed bytes; fragments as PTX's mma.m16n8k32 lays them out. */
static __device__ __forceinline__ void grid_mma_bytes(int d[4], const uint32_t a[4], const uint32_t b[2])
{
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* N (1, 2 or 4) 8x8 matrices of 16-bit numbers from shared memory: lane l gives the address of row l % 8 of matrix l / 8,
 * a multiple of 16 bytes, and gets of matrix i the numbers [l / 4, 2 (l % 4)] and the next in r[i]. */
static __device__ __forceinline__ uint32_t grid_shared_address(const void *row)
{
    return (uint32_t)__cvta_generic_to_shared(row);
}
static __device__ __forceinline__ void grid_matrix_x4(uint32_t r[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(grid_shared_address(row))
                 : "memory");
}
static __device__ __forceinline__ void grid_matrix_x2(uint32_t r[2], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(grid_shared_address(row))
                 : "memory");
}
/* The same of the transposed matrices: the numbers [2 (l % 4), l / 4] and the one below. */
static __device__ __forceinline__ void grid_matrix_turned_x4(uint32_t r[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(grid_shared_address(row))
                 : "memory");
}
static __device__ __forceinline__ void grid_matrix_turned_x2(uint32_t r[2], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(grid_shared_address(row))
                 : "memory");
}

/* 16 bytes from device to shared memory behind the thread's back, zeros unless `there`. What was begun since the last
 * `grid_copy_close` is a group; `grid_copy_wait<n>` returns when all but the n latest groups have arrived. */
static __device__ __forceinline__ void grid_copy_16(void *shared, const void *from, bool there)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(grid_shared_address(shared)), "l"(from), "r"(there ? 16 : 0)
                 : "memory");
}
static __device__ __forceinline__ void grid_copy_close(void)
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int N> static __device__ __forceinline__ void grid_copy_wait(void)
{
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}
#endif
