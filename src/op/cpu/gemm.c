/* gemm: see gemm.h. Blocking after Goto & van de Geijn, arranged for many cores that share the last cache: all threads
 * pack a block of A (at most ROWS x SLAB) once; then each takes a strip of C, PANELS tiles wide, which stays in its own
 * second-level cache while the slab is worked off in depths of DEPTH: pack that piece of B, multiply it with all panels of
 * A. The sum over k runs in the same blocks whatever the number of threads. Depths count words (kernels.h). */
#include "op/cpu/gemm.h"

#include <omp.h>

enum { ROWS = 768, DEPTH = 384, SLAB = 8 * DEPTH, PANELS = 3 };

/* Rows i0.. of A, columns l0.., packed: for each depth, for each panel of mr rows, [words of the depth][mr]. */
typedef struct block {
    int64_t i0, m, l0, k;
    float *a;
    int64_t panels;
} block;

/* One call's product and its memory, the same for all threads. */
typedef struct call {
    const gad_kernels_product *product;
    const gad_gemm *g;
    int64_t deep;         /* numbers of a depth */
    float *packed, *wide; /* [threads]: a strip's panels of B; rows of a quantised B as fp32 */
} call;

static int64_t words(const call *c, int64_t numbers)
{
    return (numbers + c->product->word_numbers - 1) / c->product->word_numbers;
}

/* Numbers of the depth that begins at l. */
static int64_t depth_at(const call *c, const block *b, int64_t l)
{
    return b->k - l < c->deep ? b->k - l : c->deep;
}

/* Panel p at depth l (a multiple of c->deep). */
static float *a_panel(const call *c, const block *b, int64_t p, int64_t l)
{
    const int64_t mr = c->product->mr;
    return b->a + words(c, l) * b->panels * mr + p * mr * words(c, depth_at(c, b, l));
}

static void pack_a(const call *c, const block *b, int64_t p, int64_t l)
{
    const gad_gemm *g = c->g;
    const int mr = c->product->mr;
    const int64_t i = p * mr, left = b->m - i, depth = depth_at(c, b, l);
    const int rows = (int)(left < mr ? left : mr);
    float *to = a_panel(c, b, p, l);
    if (g->a_turned) {
        const float *from = g->a + (b->l0 + l) * g->a_stride + b->i0 + i;
        c->product->pack_columns(to, mr, (const char *)from, g->a_stride * (int64_t)sizeof(float), rows, left, depth,
                                 GAD_F32, g->alpha);
        return;
    }
    const char *row[GAD_MOST_MR];
    for (int r = 0; r < rows; r++)
        row[r] = (const char *)(g->a + (b->i0 + i + r) * g->a_stride + b->l0 + l);
    c->product->pack_rows(to, mr, row, rows, depth, GAD_F32, g->alpha);
}

/* The panel of B from column j on, rows l..l+depth-1. */
static void pack_b(const call *c, int64_t j, int64_t l, int64_t depth, float *to)
{
    const gad_gemm *g = c->g;
    const int nr = c->product->nr;
    const int64_t number = (int64_t)gad_dtype_bytes(g->b_dtype), left = g->n - j;
    const int count = (int)(left < nr ? left : nr);
    const char *data = g->b;
    if (g->quantised) {
        float *row = c->wide + omp_get_thread_num() * c->deep * nr;
        for (int64_t i = 0; i < depth; i++)
            gad_cpu_weight_row(row + i * nr, g->quantised, l + i, j, count);
        c->product->pack_columns(to, nr, (const char *)row, nr * (int64_t)sizeof(float), count, nr, depth, GAD_F32, 1);
        return;
    }
    if (g->b_turned) {
        c->product->pack_columns(to, nr, data + (l * g->b_stride + j) * number, g->b_stride * number, count, left, depth,
                                 g->b_dtype, 1);
        return;
    }
    const char *row[GAD_MOST_NR];
    for (int r = 0; r < count; r++)
        row[r] = data + ((j + r) * g->b_stride + l) * number;
    c->product->pack_rows(to, nr, row, count, depth, g->b_dtype, 1);
}

/* The strip of C from column j0 on, rows of panels p0..p1-1 of the block. */
static void multiply_strip(const call *c, const block *b, int64_t j0, int64_t p0, int64_t p1)
{
    const gad_gemm *g = c->g;
    const int mr = c->product->mr, nr = c->product->nr;
    const int64_t width = g->n - j0 < PANELS * nr ? g->n - j0 : PANELS * nr;
    float *packed = c->packed + omp_get_thread_num() * PANELS * nr * DEPTH;
    for (int64_t l = 0; l < b->k; l += c->deep) {
        const int64_t depth = depth_at(c, b, l);
        const bool first = b->l0 + l == 0;
        for (int64_t j = 0; j < width; j += nr)
            pack_b(c, j0 + j, b->l0 + l, depth, packed + j * DEPTH);
        for (int64_t p = p0; p < p1; p++) {
            const int64_t i = p * mr;
            const int m = (int)(b->m - i < mr ? b->m - i : mr);
            for (int64_t j = 0; j < width; j += nr)
                c->product->multiply(words(c, depth), a_panel(c, b, p, l), packed + j * DEPTH, nr,
                                     g->c + (b->i0 + i) * g->c_stride + j0 + j, g->c_stride, m,
                                     (int)(width - j < nr ? width - j : nr), first && g->bias ? g->bias + j0 + j : NULL,
                                     g->add || !first);
        }
    }
}

/* Work is cut along n; where that gives too few pieces for the threads, along m as well. */
static void run_block(const call *c, int threads, const block *b)
{
    const int64_t width = (int64_t)PANELS * c->product->nr, strips = (c->g->n + width - 1) / width;
    const int64_t depths = (b->k + c->deep - 1) / c->deep;
    int64_t cuts = strips >= 4 * threads ? 1 : (4 * threads + strips - 1) / strips;
    cuts = cuts > (b->panels + 7) / 8 ? (b->panels + 7) / 8 : cuts;
#pragma omp for schedule(static)
    for (int64_t n = 0; n < b->panels * depths; n++)
        pack_a(c, b, n % b->panels, n / b->panels * c->deep);
#pragma omp for schedule(dynamic)
    for (int64_t piece = 0; piece < strips * cuts; piece++) {
        const int64_t cut = piece % cuts;
        multiply_strip(c, b, piece / cuts * width, b->panels * cut / cuts, b->panels * (cut + 1) / cuts);
    }
}

void gad_gemm_run(gad_device *device, const gad_gemm *g)
{
    const gad_kernels_product *product = gad_cpu_product(device);
    const size_t mark = gad_cpu_mark(device), threads = (size_t)device->threads, nr = (size_t)product->nr;
    const int64_t mr = product->mr, rows = g->m < ROWS ? (g->m + mr - 1) / mr * mr : ROWS;
    call c = {.product = product, .g = g, .deep = (int64_t)DEPTH * product->word_numbers};
    const int64_t slab = (int64_t)SLAB * product->word_numbers, deep = words(&c, g->k < slab ? g->k : slab);
    float *a = gad_cpu_scratch(device, (size_t)(rows * deep), sizeof(float));
    c.packed = gad_cpu_scratch(device, threads * PANELS * nr * DEPTH, sizeof(float));
    if (g->quantised)
        c.wide = gad_cpu_scratch(device, threads * nr * (size_t)c.deep, sizeof(float));
    if (gad_cpu_well(device)) {
#pragma omp parallel num_threads(gad_cpu_threads(device, g->m * g->n * g->k / 16))
        for (int64_t i = 0; i < g->m; i += ROWS)
            for (int64_t l = 0; l < g->k; l += slab) {
                const int64_t m = g->m - i < ROWS ? g->m - i : ROWS;
                const block b = {
                    .i0 = i, .m = m, .l0 = l, .k = g->k - l < slab ? g->k - l : slab, .a = a, .panels = (m + mr - 1) / mr};
                run_block(&c, device->threads, &b);
            }
    }
    gad_cpu_rewind(device, mark);
}
