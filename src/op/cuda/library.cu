/* library: see library.cuh. cuBLASLt counts column by column: what it calls A is our b, its B our a, so that c comes out
 * row by row. What it suggests for a shape is kept. Empty where kernels run on the processor. */
#include "op/cuda/library.cuh"

#ifndef GAD_CUDA_HOST
#include <cublasLt.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKSPACE_BYTES = 32 << 20, KEPT = 512, WIDEST = 256 };

/* Everything that a choice depends on. */
typedef struct shape {
    int64_t m, n, k, a_stride, b_stride, c_stride;
    int32_t factors, result, turned, add, bias, a_align, b_align, c_align;
} shape;

typedef struct choice {
    shape of;
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, c; /* as cuBLASLt calls them */
    cublasLtMatmulAlgo_t algorithm;
    bool plain; /* it has none: ours */
} choice;

struct gad_cuda_library {
    void *opened;
    decltype(&cublasLtCreate) create;
    decltype(&cublasLtDestroy) destroy;
    decltype(&cublasLtMatmul) matmul;
    decltype(&cublasLtMatmulDescCreate) operation_create;
    decltype(&cublasLtMatmulDescDestroy) operation_destroy;
    decltype(&cublasLtMatmulDescSetAttribute) operation_set;
    decltype(&cublasLtMatrixLayoutCreate) layout_create;
    decltype(&cublasLtMatrixLayoutDestroy) layout_destroy;
    decltype(&cublasLtMatmulPreferenceCreate) preference_create;
    decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
    decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
    decltype(&cublasLtMatmulAlgoGetHeuristic) suggest;
    decltype(&cublasLtGetStatusString) text;
    cublasLtHandle_t handle;
    void *workspace;
    choice kept[KEPT];
    int count, next;
};

static void fail(gad_device *device, const char *what, const char *cause, const char *hint)
{
    gad_error *kept = &device->error;
    if (kept->code != GAD_OK)
        return;
    kept->code = GAD_E_DEVICE;
    snprintf(kept->operation, sizeof kept->operation, "%s", what);
    snprintf(kept->cause, sizeof kept->cause, "cuBLASLt: %s", cause ? cause : "unknown");
    snprintf(kept->hint, sizeof kept->hint, "%s", hint);
}

/* ---- opening ---- */

static void *open_file(void)
{
    static const char *const names[] = {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so",
                                        "/usr/local/cuda/lib64/libcublasLt.so"};
    void *opened = NULL;
    for (size_t i = 0; !opened && i < sizeof names / sizeof *names; i++)
        opened = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    return opened;
}

static bool find_functions(struct gad_cuda_library *l)
{
    const struct {
        const char *name;
        void *to;
    } wanted[] = {{"cublasLtCreate", &l->create},
                  {"cublasLtDestroy", &l->destroy},
                  {"cublasLtMatmul", &l->matmul},
                  {"cublasLtMatmulDescCreate", &l->operation_create},
                  {"cublasLtMatmulDescDestroy", &l->operation_destroy},
                  {"cublasLtMatmulDescSetAttribute", &l->operation_set},
                  {"cublasLtMatrixLayoutCreate", &l->layout_create},
                  {"cublasLtMatrixLayoutDestroy", &l->layout_destroy},
                  {"cublasLtMatmulPreferenceCreate", &l->preference_create},
                  {"cublasLtMatmulPreferenceDestroy", &l->preference_destroy},
                  {"cublasLtMatmulPreferenceSetAttribute", &l->preference_set},
                  {"cublasLtMatmulAlgoGetHeuristic", &l->suggest},
                  {"cublasLtGetStatusString", &l->text}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *found = dlsym(l->opened, wanted[i].name);
        if (!found)
            return false;
        memcpy(wanted[i].to, &found, sizeof found);
    }
    return true;
}

static struct gad_cuda_library *library_of(gad_device *device)
{
    static const char what[] = "load cuBLASLt", hint[] = "install NVIDIA's cuBLAS (libcublasLt.so), or use --device cpu";
    gad_cuda *cuda = gad_cuda_of(device);
    if (cuda->library || !gad_cuda_well(device))
        return cuda->library;
    struct gad_cuda_library *l = (struct gad_cuda_library *)calloc(1, sizeof *l);
    if (!l)
        return NULL;
    cuda->library = l;
    l->opened = open_file();
    if (!l->opened)
        fail(device, what, dlerror(), hint);
    else if (!find_functions(l))
        fail(device, what, "it lacks a function", hint);
    else if (l->create(&l->handle))
        fail(device, what, "it does not start", hint);
    else
        gad_cuda_keep(device, gad_runtime_take(&l->workspace, WORKSPACE_BYTES), what, WORKSPACE_BYTES);
    return l;
}

/* ---- choosing ---- */

static cudaDataType_t type_of(int32_t dtype)
{
    return dtype == GAD_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

/* The largest power of two up to 256 that divides an address. */
static int32_t alignment_of(const void *address)
{
    const uintptr_t bits = (uintptr_t)address | WIDEST;
    return (int32_t)(bits & (~bits + 1));
}

static shape shape_of(const gad_cuda_product *p)
{
    shape s;
    memset(&s, 0, sizeof s); /* compared byte by byte */
    s.m = p->m;
    s.n = p->n;
    s.k = p->k;
    s.a_stride = p->a_stride;
    s.b_stride = p->b_stride;
    s.c_stride = p->c_stride;
    s.factors = p->factors;
    s.result = p->result;
    s.turned = p->a_turned + 2 * p->b_turned;
    s.add = p->add;
    s.bias = p->bias != NULL;
    s.a_align = alignment_of(p->a);
    s.b_align = alignment_of(p->b);
    s.c_align = alignment_of(p->c);
    return s;
}

/* What is stored row by row [rows, cols] cuBLASLt sees as [cols, rows]. */
static cublasStatus_t make_layout(struct gad_cuda_library *l, cublasLtMatrixLayout_t *to, int32_t dtype, int64_t rows,
                                  int64_t cols, int64_t stride)
{
    return l->layout_create(to, type_of(dtype), (uint64_t)cols, (uint64_t)rows, stride);
}

static cublasStatus_t describe(struct gad_cuda_library *l, choice *c)
{
    const shape *s = &c->of;
    const bool a_turned = s->turned & 1, b_turned = s->turned & 2;
    const cublasOperation_t yes = CUBLAS_OP_T, no = CUBLAS_OP_N;
    const cublasLtEpilogue_t bias = CUBLASLT_EPILOGUE_BIAS;
    cublasStatus_t status = l->operation_create(&c->operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    if (!status)
        status = l->operation_set(c->operation, CUBLASLT_MATMUL_DESC_TRANSA, b_turned ? &yes : &no, sizeof yes);
    if (!status)
        status = l->operation_set(c->operation, CUBLASLT_MATMUL_DESC_TRANSB, a_turned ? &yes : &no, sizeof yes);
    if (!status && s->bias)
        status = l->operation_set(c->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &bias, sizeof bias);
    if (!status)
        status = make_layout(l, &c->a, s->factors, b_turned ? s->n : s->k, b_turned ? s->k : s->n, s->b_stride);
    if (!status)
        status = make_layout(l, &c->b, s->factors, a_turned ? s->k : s->m, a_turned ? s->m : s->k, s->a_stride);
    return status ? status : make_layout(l, &c->c, s->result, s->m, s->n, s->c_stride);
}

static cublasStatus_t choose(struct gad_cuda_library *l, choice *c, const void *bias)
{
    const size_t workspace = WORKSPACE_BYTES;
    const struct {
        cublasLtMatmulPreferenceAttributes_t of;
        int32_t bytes;
    } least[] = {{CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, c->of.b_align},
                 {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, c->of.a_align},
                 {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, c->of.c_align},
                 {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, c->of.c_align}};
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t best;
    int found = 0;
    cublasStatus_t status = l->preference_create(&preference);
    if (!status)
        status = l->preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace);
    /* parts of a sum are added in fp32: not in c, whose numbers may be bf16 */
    const uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    if (!status)
        status = l->preference_set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reductions, sizeof reductions);
    for (int i = 0; i < 4 && !status; i++)
        status = l->preference_set(preference, least[i].of, &least[i].bytes, sizeof least[i].bytes);
    if (!status && bias)
        status = l->operation_set(c->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias);
    if (!status)
        status = l->suggest(l->handle, c->operation, c->a, c->b, c->c, c->c, preference, 1, &best, &found);
    if (preference)
        l->preference_destroy(preference);
    if (!status && !found)
        status = CUBLAS_STATUS_NOT_SUPPORTED;
    if (!status)
        c->algorithm = best.algo;
    return status;
}

static void forget(struct gad_cuda_library *l, choice *c)
{
    if (c->operation)
        l->operation_destroy(c->operation);
    if (c->a)
        l->layout_destroy(c->a);
    if (c->b)
        l->layout_destroy(c->b);
    if (c->c)
        l->layout_destroy(c->c);
    memset(c, 0, sizeof *c);
}

/* The oldest choice makes room for a new one. */
static choice *choice_of(gad_device *device, struct gad_cuda_library *l, const gad_cuda_product *p)
{
    const shape wanted = shape_of(p);
    for (int i = 0; i < l->count; i++)
        if (!memcmp(&l->kept[i].of, &wanted, sizeof wanted))
            return &l->kept[i];
    choice *c = &l->kept[l->next];
    forget(l, c);
    c->of = wanted;
    cublasStatus_t status = describe(l, c);
    status = status ? status : choose(l, c, p->bias);
    c->plain = status == CUBLAS_STATUS_NOT_SUPPORTED;
    if (status && !c->plain) {
        fail(device, "multiply matrices", l->text(status), "report it");
        forget(l, c);
        return NULL;
    }
    l->count += l->count < KEPT;
    l->next = (l->next + 1) % KEPT;
    return c;
}

void gad_cuda_multiply(gad_device *device, const gad_cuda_product *p)
{
    struct gad_cuda_library *l = library_of(device);
    const float beta = p->add ? 1 : 0;
    if (!gad_cuda_well(device) || !l || !p->m || !p->n)
        return;
    choice *c = choice_of(device, l, p);
    if (c && c->plain)
        gad_cuda_multiply_plainly(device, p);
    if (!c || c->plain)
        return;
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    if (p->bias)
        status = l->operation_set(c->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p->bias, sizeof p->bias);
    if (!status)
        status = l->matmul(l->handle, c->operation, &p->alpha, p->b, c->a, p->a, c->b, &beta, p->c, c->c, p->c, c->c,
                           &c->algorithm, l->workspace, WORKSPACE_BYTES, (cudaStream_t)gad_cuda_of(device)->stream);
    if (status)
        fail(device, "multiply matrices", l->text(status), "start the program again; if it happens again, report it");
}

void gad_cuda_library_free(gad_cuda *cuda)
{
    struct gad_cuda_library *l = cuda->library;
    if (!l)
        return;
    for (int i = 0; i < l->count; i++)
        forget(l, &l->kept[i]);
    gad_runtime_give(l->workspace);
    if (l->handle)
        l->destroy(l->handle);
    free(l);
    cuda->library = NULL;
}
#endif
