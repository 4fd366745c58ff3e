/* draw: the next id out of a row of logits, as generate/sample.c draws it: penalty, temperature, the k largest, the most
 * probable, a share of the most probable, then one number of the caller's. A block has a row. Probabilities are added as
 * integers, so that no order of theirs decides; they are looked through digit by digit instead of being sorted. */
#include "op/cuda/cuda.cuh"

#include <math.h>
#include <stdlib.h>

enum { THREADS = 1024, WARPS = THREADS / GRID_WARP, DIGIT = 3, BINS = 1 << DIGIT, PACK = 4, KEY_BITS = 32 };

/* What a row is drawn with: gad_draw, and where the ids that it has seen begin among those of all rows. */
struct draw_row {
    gad_draw how;
    float min_p; /* its logarithm */
    int64_t first;
};

/* A row while it is drawn from. `value` [stride] holds its logits as they change, -infinity for what is out and behind the
 * n-th; `mass` [stride] probabilities in units of 2^-62. */
struct draw_memory {
    float *value;
    uint64_t *mass;
    int64_t n, stride;
    float *each;
    double *each_double;
    unsigned long long *bin;
};

static __device__ double block_sum(const draw_memory &m, double x)
{
    for (int step = GRID_WARP / 2; step; step /= 2)
        x += __shfl_xor_sync(0xFFFFFFFFu, x, step);
    if (threadIdx.x % GRID_WARP == 0)
        m.each_double[threadIdx.x / GRID_WARP] = x;
    __syncthreads();
    x = 0;
    for (int i = 0; i < WARPS; i++)
        x += m.each_double[i];
    __syncthreads();
    return x;
}

/* log of the sum of exp(value) of all entries; *most: the largest. */
static __device__ double log_sum(const draw_memory &m, float *most)
{
    float largest = -INFINITY;
    double sum = 0;
    for (int64_t i = threadIdx.x; i < m.n; i += THREADS)
        largest = grid_larger(m.value[i], largest);
    *most = grid_block_largest(largest, m.each);
    for (int64_t i = threadIdx.x; i < m.n; i += THREADS)
        sum += exp((double)m.value[i] - (double)*most);
    return (double)*most + log(block_sum(m, sum));
}

/* mass[i] = exp(value[i] - total) */
static __device__ void weigh(const draw_memory &m, double total)
{
    for (int64_t i = threadIdx.x; i < m.stride; i += THREADS)
        m.mass[i] = (uint64_t)(exp((double)m.value[i] - total) * 0x1p62);
    __syncthreads();
}

/* A float as an unsigned number of the same order; both zeros are the same. */
static __device__ __forceinline__ uint32_t key_of(float x)
{
    const uint32_t bits = __float_as_uint(x == 0 ? 0 : x);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

/* The bin in which the running sum of `bin` exceeds `left`, which loses what is before; the last that is not empty when
 * the sum never does. */
static __device__ int find_bin(const unsigned long long *bin, uint64_t *left)
{
    int last = 0;
    uint64_t sum = 0, before = 0;
    for (int b = 0; b < BINS; b++) {
        if (!bin[b])
            continue;
        last = b;
        before = sum;
        sum += bin[b];
        if (sum > *left)
            break;
    }
    *left -= before;
    return last;
}

/* The least number, of `bits` bits, such that the weights of the entries up to it add up to more than *left; the largest
 * there is when they never do. *left loses the weights before it. entry(i, value, &number): false where i is none. */
template <class F> static __device__ uint32_t find_number(const draw_memory &m, int bits, uint64_t *left, F entry)
{
    uint64_t found = 0;
    for (int shift = (bits - 1) / DIGIT * DIGIT; shift >= 0; shift -= DIGIT) {
        uint64_t sum[BINS] = {};
        for (int64_t first = (int64_t)threadIdx.x * PACK; first < m.stride; first += THREADS * PACK) {
            const grid_pack<float, PACK> pack = grid_load<float, PACK>(m.value + first);
#pragma unroll
            for (int j = 0; j < PACK; j++) {
                uint64_t number = 0;
                if (pack.at[j] == -INFINITY || !entry(first + j, pack.at[j], &number) || number >> (shift + DIGIT) != found)
                    continue;
                const uint64_t weight = entry.weight(first + j);
#pragma unroll
                for (int b = 0; b < BINS; b++)
                    sum[b] += (number >> shift & (BINS - 1)) == (uint64_t)b ? weight : 0;
            }
        }
        if (threadIdx.x < BINS)
            m.bin[threadIdx.x] = 0;
        __syncthreads();
#pragma unroll
        for (int b = 0; b < BINS; b++) {
            for (int step = GRID_WARP / 2; step; step /= 2)
                sum[b] += __shfl_xor_sync(0xFFFFFFFFu, sum[b], step);
            if (threadIdx.x % GRID_WARP == 0 && sum[b])
                atomicAdd(&m.bin[b], (unsigned long long)sum[b]);
        }
        __syncthreads();
        found = found << DIGIT | (uint64_t)find_bin(m.bin, left);
        __syncthreads();
    }
    return (uint32_t)found;
}

/* Entries by falling value, one each; */
struct by_rank {
    __device__ bool operator()(int64_t, float value, uint64_t *number) const
    {
        *number = ~key_of(value);
        return true;
    }
    __device__ uint64_t weight(int64_t) const
    {
        return 1;
    }
};
/* by rising value, with their probabilities; */
struct by_value {
    const uint64_t *mass;
    __device__ bool operator()(int64_t, float value, uint64_t *number) const
    {
        *number = key_of(value);
        return true;
    }
    __device__ uint64_t weight(int64_t i) const
    {
        return mass[i];
    }
};
/* those of one value from the last to the first; */
struct among_equals {
    const uint64_t *mass;
    uint32_t key;
    int64_t n;
    __device__ bool operator()(int64_t i, float value, uint64_t *number) const
    {
        *number = (uint64_t)(n - 1 - i);
        return key_of(value) == key;
    }
    __device__ uint64_t weight(int64_t i) const
    {
        return mass[i];
    }
};
/* all from the first to the last. */
struct in_order {
    const uint64_t *mass;
    __device__ bool operator()(int64_t i, float, uint64_t *number) const
    {
        *number = (uint64_t)i;
        return true;
    }
    __device__ uint64_t weight(int64_t i) const
    {
        return mass[i];
    }
};

static __device__ int bits_of(int64_t n)
{
    int bits = 1;
    while ((int64_t)1 << bits < n)
        bits++;
    return bits;
}

/* Those with the k-th largest stay. */
static __device__ void keep_top_k(const draw_memory &m, int64_t k)
{
    uint64_t left = (uint64_t)(k - 1);
    const uint32_t least = ~find_number(m, KEY_BITS, &left, by_rank{});
    for (int64_t i = threadIdx.x; i < m.n; i += THREADS)
        if (key_of(m.value[i]) < least)
            m.value[i] = -INFINITY;
    __syncthreads();
}

/* From the smallest up, of equals the last first, what is out while the sum of probabilities is at most 1 - p. */
static __device__ void keep_top_p(const draw_memory &m, double p)
{
    float most;
    weigh(m, log_sum(m, &most));
    uint64_t left = (uint64_t)((1 - p) * 0x1p62);
    const uint32_t key = find_number(m, KEY_BITS, &left, by_value{m.mass});
    const int64_t out = find_number(m, bits_of(m.n), &left, among_equals{m.mass, key, m.n});
    for (int64_t i = threadIdx.x; i < m.n; i += THREADS) {
        const uint32_t mine = key_of(m.value[i]);
        if (mine < key || (mine == key && m.n - 1 - i < out))
            m.value[i] = -INFINITY;
    }
    __syncthreads();
}

/* The first of the largest. */
static __device__ int32_t find_best(const draw_memory &m)
{
    float most = -INFINITY;
    int64_t first = m.n;
    for (int64_t i = threadIdx.x; i < m.n; i += THREADS)
        most = grid_larger(m.value[i], most);
    most = grid_block_largest(most, m.each);
    for (int64_t i = m.n - 1 - threadIdx.x; i >= 0; i -= THREADS)
        first = m.value[i] == most ? i : first;
    /* a number below 2^24 is exact as a float */
    const float last = grid_block_largest((float)(m.n - first), m.each);
    return (int32_t)(m.n - (int64_t)last);
}

static __device__ int32_t draw_one(const draw_memory &m, const gad_draw &d, float min_p)
{
    if (d.greedy)
        return find_best(m);
    for (int64_t i = threadIdx.x; i < m.n; i += THREADS)
        m.value[i] = (float)((double)m.value[i] / d.temperature);
    __syncthreads();
    if (d.top_k > 0 && d.top_k < m.n)
        keep_top_k(m, d.top_k);
    if (d.top_p < 1)
        keep_top_p(m, d.top_p);
    float most;
    double total = log_sum(m, &most);
    if (d.min_p > 0) {
        const float least = most + min_p;
        for (int64_t i = threadIdx.x; i < m.n; i += THREADS)
            if (m.value[i] < least)
                m.value[i] = -INFINITY;
        __syncthreads();
        total = log_sum(m, &most);
    }
    weigh(m, total);
    uint64_t left = (uint64_t)(d.at * 0x1p62);
    const uint32_t id = find_number(m, bits_of(m.n), &left, in_order{m.mass});
    return left < m.mass[id] ? (int32_t)id : find_best(m); /* rounding left the sum just below 1 */
}

/* value = (float)(z / temperature); whether all are finite. */
static __device__ bool fill_values(const draw_memory &m, const float *z, double temperature)
{
    double strange = 0;
    for (int64_t i = threadIdx.x; i < m.stride; i += THREADS) {
        const float x = i < m.n ? z[i] : -INFINITY;
        strange += i < m.n && !(fabsf(x) <= 3.40282347e38f) ? 1 : 0;
        m.value[i] = (float)((double)x / temperature);
    }
    return block_sum(m, strange) == 0;
}

/* Ids that were seen, each as often as it likes: the penalty is of the logit as it came. */
static __device__ void penalise(const draw_memory &m, const float *z, const int32_t *seen, int64_t count, double penalty)
{
    for (int64_t i = threadIdx.x; i < count; i += THREADS) {
        const int32_t id = seen[i];
        if (id >= 0 && id < m.n)
            m.value[id] = (float)(z[id] < 0 ? (double)z[id] * penalty : (double)z[id] / penalty);
    }
    __syncthreads();
}

static __global__ void __launch_bounds__(THREADS)
    draw_kernel(gad_drawn *to, gad_cuda_view<float> z, const draw_row *rows, const int32_t *seen, float *value,
                uint64_t *mass, int64_t n, int64_t stride)
{
    grid_begin();
    __shared__ float each[WARPS];
    __shared__ double each_double[WARPS];
    __shared__ unsigned long long bin[BINS];
    const int64_t row = blockIdx.x;
    const draw_row d = rows[row];
    const float *logits = z.at(row, 0);
    const draw_memory m = {value + row * stride, mass + row * stride, n, stride, each, each_double, bin};
    const bool finite = fill_values(m, logits, d.how.told);
    float most;
    const double total = log_sum(m, &most);
    fill_values(m, logits, 1);
    if (d.how.penalty != 1)
        penalise(m, logits, seen + d.first, d.how.seen_count, d.how.penalty);
    const int32_t id = finite ? draw_one(m, d.how, d.min_p) : 0;
    if (threadIdx.x == 0)
        to[row] = gad_drawn{(double)(float)((double)logits[id] / d.how.told) - total, id, finite};
}

/* The rows' settings and behind them all ids that were seen, as the device gets them; NULL: no memory. */
static char *gather(const gad_draw *draw, int64_t rows, size_t *size_bytes)
{
    int64_t seen = 0;
    for (int64_t i = 0; i < rows; i++)
        seen += draw[i].penalty != 1 ? draw[i].seen_count : 0;
    *size_bytes = (size_t)rows * sizeof(draw_row) + (size_t)seen * sizeof(int32_t);
    char *memory = (char *)calloc(*size_bytes, 1);
    draw_row *row = (draw_row *)memory;
    int32_t *ids = (int32_t *)(row + rows);
    seen = 0;
    for (int64_t i = 0; memory && i < rows; i++) {
        row[i] = draw_row{draw[i], draw[i].min_p > 0 ? (float)log(draw[i].min_p) : 0, seen};
        for (int64_t j = 0; draw[i].penalty != 1 && j < draw[i].seen_count; j++)
            ids[seen++] = draw[i].seen[j];
    }
    return memory;
}

/* No probabilities are needed then. */
static bool are_greedy(const gad_draw *draw, int64_t rows)
{
    bool greedy = true;
    for (int64_t i = 0; i < rows; i++)
        greedy = greedy && draw[i].greedy;
    return greedy;
}

void gad_cuda_draw(gad_device *device, gad_drawn *to, gad_tensor z, const gad_draw *draw)
{
    const size_t mark = gad_cuda_mark(device);
    const int64_t stride = gad_cuda_parts(z.cols, PACK) * PACK;
    size_t size_bytes = 0;
    char *host = gather(draw, z.rows, &size_bytes);
    if (!host)
        gad_cuda_keep(device, 2, "draw the next token", size_bytes); /* out of memory */
    const draw_row *rows = host ? (const draw_row *)gad_cuda_upload(device, host, size_bytes) : NULL;
    free(host);
    gad_drawn *drawn = (gad_drawn *)gad_cuda_scratch(device, z.rows, sizeof *drawn);
    float *value = (float *)gad_cuda_scratch(device, z.rows * stride, sizeof *value);
    uint64_t *mass = are_greedy(draw, z.rows) ? NULL : (uint64_t *)gad_cuda_scratch(device, z.rows * stride, sizeof *mass);
    GAD_LAUNCH(device, draw_kernel, (unsigned)z.rows, THREADS, 0, drawn, gad_cuda_view_of<float>(z), rows,
               (const int32_t *)(rows + z.rows), value, mass, z.cols, stride);
    gad_cuda_receive(device, to, drawn, (size_t)z.rows * sizeof *to);
    gad_cuda_rewind(device, mark);
}
