/* gemm: see gemm.h. Blocking after Goto & van de Geijn, arranged for many cores that share the last cache: all threads
 * pack a block of A (at most ROWS x SLAB) once; then each takes a strip of C, PANELS tiles wide, which stays in its own
 * second-level cache while the slab is worked off in depths of DEPTH: pack that piece of B, multiply it with all panels of
 * A. The sum over k runs in the same blocks whatever the number of threads. */
#include "op/cpu/gemm.h"

#include <omp.h>

enum { ROWS = 768, DEPTH = 384, SLAB = 8 * DEPTH, PANELS = 3 };

/* Rows i0.. of A, columns l0.., packed: for each depth, for each panel of mr rows, [depth][mr]. */
typedef struct block {
    int64_t i0, m, l0, k;
    float *a;
    int64_t panels;
} block;

/* Panel p at depth l (a multiple of DEPTH). */
static float *a_panel(const gad_kernels *kernels, const block *b, int64_t p, int64_t l)
{
    const int64_t depth = b->k - l < DEPTH ? b->k - l : DEPTH;
    return b->a + l * b->panels * kernels->mr + p * kernels->mr * depth;
}

static void pack_a(const gad_kernels *kernels, const gad_gemm *g, const block *b, int64_t p, int64_t l)
{
    const int64_t i = p * kernels->mr, left = b->m - i, depth = b->k - l < DEPTH ? b->k - l : DEPTH;
    const int rows = (int)(left < kernels->mr ? left : kernels->mr);
    float *to = a_panel(kernels, b, p, l);
    if (g->a_turned) {
        const float *from = g->a + (b->l0 + l) * g->a_stride + b->i0 + i;
        kernels->pack_columns(to, kernels->mr, (const char *)from, g->a_stride * (int64_t)sizeof(float), rows, left, depth,
                              GAD_F32, NULL, 0, g->alpha);
        return;
    }
    const char *row[GAD_MOST_MR];
    for (int r = 0; r < rows; r++)
        row[r] = (const char *)(g->a + (b->i0 + i + r) * g->a_stride + b->l0 + l);
    kernels->pack_rows(to, kernels->mr, row, NULL, rows, depth, GAD_F32, g->alpha);
}

/* The panel of B from column j on, rows l..l+depth-1. */
static void pack_b(const gad_kernels *kernels, const gad_gemm *g, int64_t j, int64_t l, int64_t depth, float *to)
{
    const int64_t number = (int64_t)gad_dtype_bytes(g->b_dtype), left = g->n - j;
    const int64_t groups = ((g->b_turned ? g->n : g->k) + GAD_Q8_GROUP - 1) / GAD_Q8_GROUP;
    const int count = (int)(left < kernels->nr ? left : kernels->nr);
    const char *data = g->b;
    if (g->b_turned) {
        kernels->pack_columns(to, kernels->nr, data + (l * g->b_stride + j) * number, g->b_stride * number, count, left,
                              depth, g->b_dtype, g->b_scale ? g->b_scale + l * groups + j / GAD_Q8_GROUP : NULL, groups, 1);
        return;
    }
    const char *row[GAD_MOST_NR];
    const float *scale[GAD_MOST_NR];
    for (int r = 0; r < count; r++) {
        row[r] = data + ((j + r) * g->b_stride + l) * number;
        scale[r] = g->b_scale ? g->b_scale + (j + r) * groups + l / GAD_Q8_GROUP : NULL;
    }
    kernels->pack_rows(to, kernels->nr, row, scale, count, depth, g->b_dtype, 1);
}

/* The strip of C from column j0 on, rows of panels p0..p1-1 of the block. */
static void multiply_strip(const gad_kernels *kernels, const gad_gemm *g, const block *b, int64_t j0, int64_t p0,
                           int64_t p1, float *packed)
{
    const int mr = kernels->mr, nr = kernels->nr;
    const int64_t width = g->n - j0 < PANELS * nr ? g->n - j0 : PANELS * nr;
    for (int64_t l = 0; l < b->k; l += DEPTH) {
        const int64_t depth = b->k - l < DEPTH ? b->k - l : DEPTH;
        const bool first = b->l0 + l == 0;
        for (int64_t j = 0; j < width; j += nr)
            pack_b(kernels, g, j0 + j, b->l0 + l, depth, packed + j * DEPTH);
        for (int64_t p = p0; p < p1; p++) {
            const int64_t i = p * mr;
            const int m = (int)(b->m - i < mr ? b->m - i : mr);
            for (int64_t j = 0; j < width; j += nr)
                kernels->multiply(depth, a_panel(kernels, b, p, l), packed + j * DEPTH, nr,
                                  g->c + (b->i0 + i) * g->c_stride + j0 + j, g->c_stride, m,
                                  (int)(width - j < nr ? width - j : nr), first && g->bias ? g->bias + j0 + j : NULL,
                                  g->add || !first);
        }
    }
}

/* Work is cut along n; where that gives too few pieces for the threads, along m as well. */
static void run_block(gad_device *device, const gad_kernels *kernels, const gad_gemm *g, const block *b, float *packed)
{
    const int64_t width = (int64_t)PANELS * kernels->nr, strips = (g->n + width - 1) / width;
    const int64_t depths = (b->k + DEPTH - 1) / DEPTH;
    int64_t cuts = strips >= 4 * device->threads ? 1 : (4 * device->threads + strips - 1) / strips;
    cuts = cuts > (b->panels + 7) / 8 ? (b->panels + 7) / 8 : cuts;
#pragma omp for schedule(static)
    for (int64_t n = 0; n < b->panels * depths; n++)
        pack_a(kernels, g, b, n % b->panels, n / b->panels * DEPTH);
#pragma omp for schedule(dynamic)
    for (int64_t piece = 0; piece < strips * cuts; piece++) {
        const int64_t cut = piece % cuts;
        multiply_strip(kernels, g, b, piece / cuts * width, b->panels * cut / cuts, b->panels * (cut + 1) / cuts,
                       packed + omp_get_thread_num() * width * DEPTH);
    }
}

void gad_gemm_run(gad_device *device, const gad_gemm *g)
{
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const size_t mark = gad_cpu_mark(device);
    const int64_t mr = kernels->mr, rows = g->m < ROWS ? (g->m + mr - 1) / mr * mr : ROWS, deep = g->k < SLAB ? g->k : SLAB;
    float *a = gad_cpu_scratch(device, (size_t)(rows * deep), sizeof(float));
    float *packed = gad_cpu_scratch(device, (size_t)(device->threads * PANELS * kernels->nr * DEPTH), sizeof(float));
    if (gad_cpu_well(device)) {
#pragma omp parallel num_threads(gad_cpu_threads(device, g->m * g->n * g->k / 16))
        for (int64_t i = 0; i < g->m; i += ROWS)
            for (int64_t l = 0; l < g->k; l += SLAB) {
                const int64_t m = g->m - i < ROWS ? g->m - i : ROWS;
                const block b = {i, m, l, g->k - l < SLAB ? g->k - l : SLAB, a, (m + mr - 1) / mr};
                run_block(device, kernels, g, &b, packed);
            }
    }
    gad_cpu_rewind(device, mark);
}
