/* table: the CPU filling of the op table: which function does what, and which instruction set this machine runs. */
#include "op/cpu/cpu.h"

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "op/host.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

/* ---- memory ---- */

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
    const int64_t stride = cols + (device->kept == GAD_S8 ? GAD_S8_SCALE_BYTES : 0);
    size_t count = 0;
    void *data = NULL;
    if (!gad_cpu_well(device))
        return gad_tensor_none();
    if (rows >= 0 && cols >= 0 && gad_memory_product((size_t)rows, (size_t)stride, &count))
        data = gad_memory_alloc_aligned(count, gad_dtype_bytes(device->kept));
    if (!data)
        gad_error_fill_memory(&device->error, "take working memory", count * gad_dtype_bytes(device->kept));
    return (gad_tensor){.data = data, .dtype = device->kept, .rows = rows, .cols = cols, .stride = stride};
}

static gad_tensor allocate_exact(gad_device *device, int64_t rows, int64_t cols)
{
    size_t count = 0;
    void *data = NULL;
    if (!gad_cpu_well(device))
        return gad_tensor_none();
    if (rows >= 0 && cols >= 0 && gad_memory_product((size_t)rows, (size_t)cols, &count))
        data = gad_memory_alloc_aligned(count, sizeof(float));
    if (data)
        memset(data, 0, count * sizeof(float));
    else
        gad_error_fill_memory(&device->error, "take lasting memory", count * sizeof(float));
    return gad_tensor_make(data, GAD_F32, rows, cols);
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
    .take_exact = take,
    .mark = gad_cpu_mark,
    .rewind = gad_cpu_rewind,
    .upload = upload,
    .download = download,
    .fill = fill,
    .allocate = allocate,
    .allocate_exact = allocate_exact,
    .release = gad_host_release,
    .place = gad_host_place,
    .unplace = gad_host_unplace,
    .fetch = gad_host_fetch,
    .linear = gad_cpu_linear,
    .linear_dx = gad_cpu_linear_dx,
    .linear_dw = gad_cpu_linear_dw,
    .linear_db = gad_cpu_linear_db,
    .linear_parts = gad_cpu_linear_parts,
    .linear_swiglu = gad_cpu_linear_swiglu,
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

static const gad_kernels_level levels[] = {
#if defined(__x86_64__)
    {"avx512bf16", &gad_kernels_avx512, &gad_kernels_bf16_avx512, &gad_kernels_int8_avx512},
    {"avx512vnni", &gad_kernels_avx512, NULL, &gad_kernels_int8_avx512},
    {"avx512", &gad_kernels_avx512, NULL, &gad_kernels_int8_avx2},
    {"avxvnni", &gad_kernels_avx2, NULL, &gad_kernels_int8_avxvnni},
    {"avx2", &gad_kernels_avx2, NULL, &gad_kernels_int8_avx2},
#elif defined(__aarch64__)
    {"neonbf16", &gad_kernels_neon, &gad_kernels_bf16_neon, &gad_kernels_int8_neoni8mm},
    {"neoni8mm", &gad_kernels_neon, NULL, &gad_kernels_int8_neoni8mm},
    {"neondot", &gad_kernels_neon, NULL, &gad_kernels_int8_neondot},
    {"neon", &gad_kernels_neon, NULL, &gad_kernels_int8_portable},
#endif
    {"portable", &gad_kernels_portable, NULL, &gad_kernels_int8_portable},
};

#if defined(__x86_64__)
/* A bit of CPUID for what not every compiler's __builtin_cpu_supports knows the word of. Whether the system keeps the wide
 * registers is asked with the builtin's "avx2" and "avx512f". */
static bool has_bit(unsigned leaf, unsigned part, int word, unsigned bit)
{
    unsigned w[4] = {0, 0, 0, 0}; /* EAX, EBX, ECX, EDX */
    return __get_cpuid_count(leaf, part, &w[0], &w[1], &w[2], &w[3]) && w[word] >> bit & 1;
}

static bool has_avx2(void)
{
    const bool half_floats = has_bit(1, 0, 2, 29);
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && half_floats;
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

static bool runs_here(const gad_kernels_level *level)
{
    const bool avx512_vnni = has_bit(7, 0, 2, 11), avx_vnni = has_bit(7, 1, 0, 4), avx512_bf16 = has_bit(7, 1, 0, 5);
    return (level->kernels != &gad_kernels_avx2 || has_avx2()) && (level->kernels != &gad_kernels_avx512 || has_avx512()) &&
           (level->int8 != &gad_kernels_int8_avx512 || avx512_vnni) &&
           (level->int8 != &gad_kernels_int8_avxvnni || avx_vnni) && (!level->bf16 || avx512_bf16);
}
#elif defined(__aarch64__)
/* Bits of the kernel's list of features, which older C libraries have no names for. */
static bool runs_here(const gad_kernels_level *level)
{
    const bool dot = getauxval(AT_HWCAP) >> 20 & 1, i8mm = getauxval(AT_HWCAP2) >> 13 & 1,
               bf16 = getauxval(AT_HWCAP2) >> 14 & 1;
    return (level->int8 != &gad_kernels_int8_neondot || dot) && (level->int8 != &gad_kernels_int8_neoni8mm || i8mm) &&
           (!level->bf16 || bf16);
}
#else
static bool runs_here(const gad_kernels_level *level)
{
    return level->kernels == &gad_kernels_portable;
}
#endif

static gad_cpu *state_of(const gad_device *device)
{
    return device->state;
}

static bool is_cpu(const gad_device *device)
{
    return device->ops == &table;
}

const char *gad_device_cpu_level_name(size_t index)
{
    return index < sizeof levels / sizeof *levels ? levels[index].name : NULL;
}

const char *gad_device_cpu_level(const gad_device *device)
{
    return is_cpu(device) ? state_of(device)->level->name : device->label;
}

gad_dtype gad_device_use_products(gad_device *device, gad_dtype dtype)
{
    if (is_cpu(device))
        device->products = dtype == GAD_BF16 && state_of(device)->level->bf16 ? GAD_BF16 : GAD_F32;
    else if (device->dtype == GAD_BF16 && dtype == GAD_F32)
        device->dtype = device->kept = device->products = GAD_F32;
    return device->products;
}

gad_status gad_device_limit_cpu(gad_device *device, const char *level, gad_error *err)
{
    char hint[128] = "use one of";
    const char *name;
    if (!level || !strcmp(level, "best"))
        return GAD_OK;
    if (!is_cpu(device))
        return gad_error_set(err, GAD_E_ARGUMENT, "choose CPU kernels",
                             "leave the instruction set out, or use --device cpu", "the device is %s, not the CPU",
                             device->label);
    for (size_t i = 0; (name = gad_device_cpu_level_name(i)); i++) {
        if (!strcmp(level, name)) {
            if (!runs_here(&levels[i]))
                return gad_error_set(err, GAD_E_UNSUPPORTED, "choose CPU kernels", "use \"portable\"",
                                     "this processor has no %s", level);
            state_of(device)->level = &levels[i];
            gad_device_use_products(device, device->products);
            return GAD_OK;
        }
        const size_t used = strlen(hint);
        snprintf(hint + used, sizeof hint - used, " \"%s\"", name);
    }
    return gad_error_set(err, GAD_E_ARGUMENT, "choose CPU kernels", hint, "no kernels for \"%s\"", level);
}

gad_status gad_device_open_cpu(gad_device *device, int threads, gad_error *err)
{
    gad_cpu *cpu = gad_memory_zero(1, sizeof *cpu);
    if (!cpu)
        return gad_error_memory(err, "open the CPU", sizeof *cpu);
    cpu->level = levels;
    while (!runs_here(cpu->level))
        cpu->level++;
    *device = (gad_device){.ops = &table, .dtype = GAD_F32, .products = GAD_F32, .kept = GAD_F32, .state = cpu};
    device->threads = threads > 0 ? threads : omp_get_max_threads();
    return GAD_OK;
}
