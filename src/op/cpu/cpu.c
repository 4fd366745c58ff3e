/* cpu: opens and closes the CPU filling of the op table and owns its stack memory. Knows the ops by name only. */
#include "op/cpu/cpu.h"

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum { LEAST_CHUNK_BYTES = 4 << 20 };

/* ---- stack memory ---- */

/* Make chunk `index`, which holds nothing that is in use, at least `size_bytes` large. */
static bool fit_chunk(gad_cpu *cpu, int index, size_t size_bytes)
{
    gad_cpu_chunk *chunk = &cpu->chunk[index];
    if (index < cpu->chunks && chunk->size_bytes >= size_bytes)
        return true;
    size_t base = index ? chunk[-1].base + chunk[-1].size_bytes : 0;
    /* growing by at least a quarter of what there is keeps the number of chunks small */
    size_t wanted = base / 4 > LEAST_CHUNK_BYTES ? base / 4 : LEAST_CHUNK_BYTES;
    if (wanted < size_bytes)
        wanted = size_bytes;
    if (index < cpu->chunks)
        gad_memory_free_aligned(chunk->data);
    else
        cpu->chunks = index + 1;
    chunk->data = gad_memory_alloc_aligned(wanted, 1);
    if (!chunk->data && wanted > size_bytes) {
        wanted = size_bytes;
        chunk->data = gad_memory_alloc_aligned(wanted, 1);
    }
    chunk->size_bytes = chunk->data ? wanted : 0;
    chunk->base = base;
    for (int i = index + 1; i < cpu->chunks; i++)
        cpu->chunk[i].base = cpu->chunk[i - 1].base + cpu->chunk[i - 1].size_bytes;
    return chunk->data != NULL;
}

static void *take_bytes(gad_cpu *cpu, size_t size_bytes)
{
    if (cpu->chunks) {
        gad_cpu_chunk *now = &cpu->chunk[cpu->current];
        size_t used = cpu->position - now->base;
        if (now->data && now->size_bytes - used >= size_bytes) {
            cpu->position += size_bytes;
            return now->data + used;
        }
    }
    int next = cpu->chunks && cpu->position > cpu->chunk[cpu->current].base ? cpu->current + 1 : cpu->current;
    if (next == GAD_CPU_CHUNKS || !fit_chunk(cpu, next, size_bytes))
        return NULL;
    cpu->current = next;
    cpu->position = cpu->chunk[next].base + size_bytes;
    return cpu->chunk[next].data;
}

void *gad_cpu_scratch(gad_device *device, size_t count, size_t size_bytes)
{
    if (!gad_cpu_well(device))
        return NULL;
    size_t total = 0;
    void *taken = NULL;
    if (gad_memory_product(count, size_bytes, &total) && total < SIZE_MAX / 4) {
        total = total ? (total + 63) & ~(size_t)63 : 64;
        taken = take_bytes(device->state, total);
    }
    if (!taken)
        gad_error_fill_memory(&device->error, "take working memory", total);
    return taken;
}

static gad_tensor take(gad_device *device, int64_t rows, int64_t cols)
{
    size_t count = 0;
    void *data = NULL;
    if (rows < 0 || cols < 0 || !gad_memory_product((size_t)rows, (size_t)cols, &count))
        gad_error_fill_memory(&device->error, "take working memory", SIZE_MAX);
    else
        data = gad_cpu_scratch(device, count, sizeof(float));
    return gad_tensor_make(data, GAD_F32, rows, cols);
}

size_t gad_cpu_mark(gad_device *device)
{
    return ((gad_cpu *)device->state)->position;
}

void gad_cpu_rewind(gad_device *device, size_t mark)
{
    gad_cpu *cpu = device->state;
    cpu->position = mark;
    while (cpu->current && cpu->chunk[cpu->current].base >= mark)
        cpu->current--;
}

static const void *upload(gad_device *device, const void *host, size_t size_bytes)
{
    (void)device;
    (void)size_bytes;
    return host;
}

static void download(gad_device *device, float *host, gad_tensor x)
{
    if (!gad_cpu_well(device))
        return;
    for (int64_t t = 0; t < x.rows; t++)
        memcpy(host + t * x.cols, gad_cpu_row(x, t), (size_t)x.cols * sizeof(float));
}

static void fill(gad_device *device, gad_tensor y, const float *host)
{
    if (!gad_cpu_well(device))
        return;
    for (int64_t t = 0; t < y.rows; t++)
        memcpy(gad_cpu_row(y, t), host + t * y.cols, (size_t)y.cols * sizeof(float));
}

static gad_tensor allocate(gad_device *device, int64_t rows, int64_t cols)
{
    size_t count = 0;
    void *data = NULL;
    if (!gad_cpu_well(device))
        return gad_tensor_none();
    if (rows >= 0 && cols >= 0 && gad_memory_product((size_t)rows, (size_t)cols, &count))
        data = gad_memory_alloc_aligned(count, sizeof(float));
    if (!data)
        gad_error_fill_memory(&device->error, "take working memory", count * sizeof(float));
    return gad_tensor_make(data, GAD_F32, rows, cols);
}

static void release(gad_device *device, gad_tensor x)
{
    (void)device;
    gad_memory_free_aligned(x.data);
}

/* ---- reading weights of any dtype ---- */

void gad_cpu_weight_row(float *dst, const gad_weight *w, int64_t row, int64_t from, int64_t n)
{
    const char *src = (const char *)w->data + (row * w->cols + from) * (int64_t)gad_dtype_bytes(w->dtype);
    switch (w->dtype) {
    case GAD_F32: memcpy(dst, src, (size_t)n * sizeof(float)); break;
    case GAD_BF16: gad_half_array_from_bf16(dst, src, (size_t)n); break;
    case GAD_F16: gad_half_array_from_f16(dst, src, (size_t)n); break;
    case GAD_F64:
        for (int64_t i = 0; i < n; i++) {
            double number;
            memcpy(&number, src + 8 * i, 8);
            dst[i] = (float)number;
        }
        break;
    case GAD_Q8: {
        const float *scale = w->scale + row * ((w->cols + GAD_Q8_GROUP - 1) / GAD_Q8_GROUP);
        for (int64_t i = 0; i < n; i++)
            dst[i] = (float)((const int8_t *)src)[i] * scale[(from + i) / GAD_Q8_GROUP];
        break;
    }
    }
}

const float *gad_cpu_vector(gad_device *device, gad_tensor t)
{
    if (!t.data)
        return NULL;
    if (t.dtype == GAD_F32 && ((uintptr_t)t.data & 3) == 0)
        return t.data;
    float *copy = gad_cpu_scratch(device, (size_t)t.cols, sizeof(float));
    if (copy)
        gad_cpu_weight_row(copy, &(gad_weight){t.data, t.dtype, 1, t.cols, NULL}, 0, 0, t.cols);
    return copy;
}

/* ---- the table ---- */

static void free_cpu(gad_device *device)
{
    gad_cpu *cpu = device->state;
    for (int i = 0; i < cpu->chunks; i++)
        gad_memory_free_aligned(cpu->chunk[i].data);
    gad_memory_free(cpu);
}

static const gad_ops table = {
    .name = "cpu",
    .take = take,
    .mark = gad_cpu_mark,
    .rewind = gad_cpu_rewind,
    .upload = upload,
    .download = download,
    .fill = fill,
    .allocate = allocate,
    .release = release,
    .linear = gad_cpu_linear,
    .linear_dx = gad_cpu_linear_dx,
    .linear_dw = gad_cpu_linear_dw,
    .linear_db = gad_cpu_linear_db,
    .rmsnorm = gad_cpu_rmsnorm,
    .rmsnorm_back = gad_cpu_rmsnorm_back,
    .layernorm = gad_cpu_layernorm,
    .layernorm_back = gad_cpu_layernorm_back,
    .swiglu = gad_cpu_swiglu,
    .swiglu_back = gad_cpu_swiglu_back,
    .gelu = gad_cpu_gelu,
    .gelu_back = gad_cpu_gelu_back,
    .rope = gad_cpu_rope,
    .attention = gad_cpu_attention,
    .attention_back = gad_cpu_attention_back,
    .embed = gad_cpu_embed,
    .embed_back = gad_cpu_embed_back,
    .rows = gad_cpu_rows,
    .rows_mix = gad_cpu_rows_mix,
    .rows_mix_back = gad_cpu_rows_mix_back,
    .unfold = gad_cpu_unfold,
    .expand_depthwise = gad_cpu_expand_depthwise,
    .axpby = gad_cpu_axpby,
    .zero = gad_cpu_zero,
    .logprob = gad_cpu_logprob,
    .logprob_back = gad_cpu_logprob_back,
    .sum_squares = gad_cpu_sum_squares,
    .adamw = gad_cpu_adamw,
    .free = free_cpu,
};

/* ---- instruction sets ---- */

#if defined(__x86_64__)
static const gad_kernels *const levels[] = {&gad_kernels_avx512, &gad_kernels_avx2, &gad_kernels_portable};
#else
static const gad_kernels *const levels[] = {&gad_kernels_portable};
#endif

#if defined(__x86_64__)
/* Conversions of half floats (F16C); not every compiler's __builtin_cpu_supports knows the word. */
static bool has_half_floats(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

static bool runs_here(const gad_kernels *kernels)
{
#if defined(__x86_64__)
    if (kernels == &gad_kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (kernels == &gad_kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_half_floats();
#endif
    return kernels == &gad_kernels_portable;
}

const char *gad_device_cpu_level(const gad_device *device)
{
    return gad_cpu_kernels(device)->level;
}

gad_status gad_device_limit_cpu(gad_device *device, const char *level, gad_error *err)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (!strcmp(level, levels[i]->level)) {
            if (!runs_here(levels[i]))
                return gad_error_set(err, GAD_E_UNSUPPORTED, "choose CPU kernels", "use \"avx2\" or \"portable\"",
                                     "this processor has no %s", level);
            ((gad_cpu *)device->state)->kernels = levels[i];
            return GAD_OK;
        }
    return gad_error_set(err, GAD_E_ARGUMENT, "choose CPU kernels", "use \"avx512\", \"avx2\" or \"portable\"",
                         "no kernels for \"%s\"", level);
}

gad_status gad_device_open_cpu(gad_device *device, int threads, gad_error *err)
{
    gad_cpu *cpu = gad_memory_zero(1, sizeof *cpu);
    if (!cpu)
        return gad_error_memory(err, "open the CPU", sizeof *cpu);
    int best = 0;
    while (!runs_here(levels[best]))
        best++;
    cpu->kernels = levels[best];
    *device = (gad_device){.ops = &table, .dtype = GAD_F32, .state = cpu};
    device->threads = threads > 0 ? threads : omp_get_max_threads();
    return GAD_OK;
}
