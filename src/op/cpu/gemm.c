/* gemm: see gemm.h. Blocking after Goto & van de Geijn: a block of A (at most ROWS x DEPTH) is packed once by all threads
 * and stays in the second-level caches; each thread packs a few panels of B and multiplies them with the whole block. The
 * sum over k runs in the same blocks whatever the number of threads. */
#include "op/cpu/gemm.h"

#include <omp.h>

enum { ROWS = 768, DEPTH = 256, PANELS = 4 };

/* One block: rows i0.. of A, depth l0.. */
typedef struct block {
    int64_t i0, m, l0, k;
    float *a; /* packed, panels of mr rows */
} block;

static void pack_a_panel(const gad_kernels *kernels, const gad_gemm *g, const block *b, int64_t panel)
{
    const int64_t i = panel * kernels->mr, left = b->m - i;
    const int rows = (int)(left < kernels->mr ? left : kernels->mr);
    float *to = b->a + i * b->k;
    if (g->a_turned) {
        const float *from = g->a + b->l0 * g->a_stride + b->i0 + i;
        kernels->pack_columns(to, kernels->mr, (const char *)from, g->a_stride * (int64_t)sizeof(float), rows, left, b->k,
                              GAD_F32, NULL, 0, g->alpha);
        return;
    }
    const char *row[GAD_MOST_MR];
    for (int r = 0; r < rows; r++)
        row[r] = (const char *)(g->a + (b->i0 + i + r) * g->a_stride + b->l0);
    kernels->pack_rows(to, kernels->mr, row, NULL, rows, b->k, GAD_F32, g->alpha);
}

static void pack_b_panel(const gad_kernels *kernels, const gad_gemm *g, const block *b, int64_t j, float *to)
{
    const int64_t number = (int64_t)gad_dtype_bytes(g->b_dtype), left = g->n - j;
    const int64_t groups = ((g->b_turned ? g->n : g->k) + GAD_Q8_GROUP - 1) / GAD_Q8_GROUP;
    const int count = (int)(left < kernels->nr ? left : kernels->nr);
    const char *data = g->b;
    if (g->b_turned) {
        kernels->pack_columns(to, kernels->nr, data + (b->l0 * g->b_stride + j) * number, g->b_stride * number, count, left,
                              b->k, g->b_dtype, g->b_scale ? g->b_scale + b->l0 * groups + j / GAD_Q8_GROUP : NULL, groups,
                              1);
        return;
    }
    const char *row[GAD_MOST_NR];
    const float *scale[GAD_MOST_NR];
    for (int r = 0; r < count; r++) {
        row[r] = data + ((j + r) * g->b_stride + b->l0) * number;
        scale[r] = g->b_scale ? g->b_scale + (j + r) * groups + b->l0 / GAD_Q8_GROUP : NULL;
    }
    kernels->pack_rows(to, kernels->nr, row, scale, count, b->k, g->b_dtype, 1);
}

/* Panels of B from column j0 on, times panels p0..p1-1 of the block of A. */
static void multiply_panels(const gad_kernels *kernels, const gad_gemm *g, const block *b, int64_t j0, int64_t p0,
                            int64_t p1, float *packed)
{
    const bool first = b->l0 == 0;
    const int mr = kernels->mr, nr = kernels->nr;
    for (int64_t j = j0; j < g->n && j < j0 + PANELS * nr; j += nr) {
        const int n = (int)(g->n - j < nr ? g->n - j : nr);
        pack_b_panel(kernels, g, b, j, packed);
        for (int64_t p = p0; p < p1; p++) {
            const int64_t i = p * mr;
            const int m = (int)(b->m - i < mr ? b->m - i : mr);
            kernels->multiply(b->k, b->a + i * b->k, packed, nr, g->c + (b->i0 + i) * g->c_stride + j, g->c_stride, m, n,
                              first && g->bias ? g->bias + j : NULL, g->add || !first);
        }
    }
}

/* Work is cut along n; where that gives too few pieces for the threads, along m as well. */
static void run_block(gad_device *device, const gad_kernels *kernels, const gad_gemm *g, const block *b, float *packed)
{
    const int64_t panels = (b->m + kernels->mr - 1) / kernels->mr, width = (int64_t)PANELS * kernels->nr;
    const int64_t columns = (g->n + width - 1) / width;
    int64_t cuts = columns >= 4 * device->threads ? 1 : (4 * device->threads + columns - 1) / columns;
    cuts = cuts > (panels + 7) / 8 ? (panels + 7) / 8 : cuts;
    const int64_t panel_numbers = DEPTH * GAD_MOST_NR;
#pragma omp for schedule(static)
    for (int64_t p = 0; p < panels; p++)
        pack_a_panel(kernels, g, b, p);
#pragma omp for schedule(dynamic)
    for (int64_t piece = 0; piece < columns * cuts; piece++) {
        const int64_t cut = piece % cuts;
        multiply_panels(kernels, g, b, piece / cuts * width, panels * cut / cuts, panels * (cut + 1) / cuts,
                        packed + omp_get_thread_num() * panel_numbers);
    }
}

void gad_gemm_run(gad_device *device, const gad_gemm *g)
{
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const size_t mark = gad_cpu_mark(device);
    const int64_t rows = g->m < ROWS ? (g->m + kernels->mr - 1) / kernels->mr * kernels->mr : ROWS;
    float *a = gad_cpu_scratch(device, (size_t)(rows * DEPTH), sizeof(float));
    float *packed = gad_cpu_scratch(device, (size_t)device->threads * DEPTH * GAD_MOST_NR, sizeof(float));
    if (gad_cpu_well(device)) {
#pragma omp parallel num_threads(device->threads)
        for (int64_t i = 0; i < g->m; i += ROWS)
            for (int64_t l = 0; l < g->k; l += DEPTH) {
                const block b = {i, g->m - i < ROWS ? g->m - i : ROWS, l, g->k - l < DEPTH ? g->k - l : DEPTH, a};
                run_block(device, kernels, g, &b, packed);
            }
    }
    gad_cpu_rewind(device, mark);
}
