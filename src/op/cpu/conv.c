/* conv: windows of a grid as rows (im2col), and the inverted bottleneck up to its depthwise convolution. The expansion, six
 * times as wide as its input, never reaches memory: a task makes one group of its channels for a band of rows, which stays
 * in the second-level cache until the windows have passed over it. */
#include "op/cpu/cpu.h"

#include <omp.h>
#include <string.h>

enum { BAND_BYTES = 256 << 10, TASKS = 4 /* for each thread */ };

/* ---- unfold ---- */

static void unfold_row(gad_tensor y, gad_tensor x, const gad_window *w, int64_t oy)
{
    for (int64_t ox = 0; ox < w->out_cols; ox++) {
        float *to = gad_cpu_row(y, oy * w->out_cols + ox);
        const int64_t x0 = ox * w->stride - w->left;
        for (int64_t ky = 0; ky < w->kernel; ky++) {
            const int64_t iy = oy * w->stride - w->top + ky;
            for (int64_t kx = 0; kx < w->kernel; kx++, to += x.cols) {
                const int64_t ix = x0 + kx;
                if (iy < 0 || iy >= w->rows || ix < 0 || ix >= w->cols)
                    memset(to, 0, (size_t)x.cols * sizeof *to);
                else
                    memcpy(to, gad_cpu_row(x, iy * w->cols + ix), (size_t)x.cols * sizeof *to);
            }
        }
    }
}

void gad_cpu_unfold(gad_device *device, gad_tensor y, gad_tensor x, const gad_window *window)
{
    if (!gad_cpu_well(device))
        return;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, y.rows *y.cols))
    for (int64_t oy = 0; oy < window->out_rows; oy++)
        unfold_row(y, x, window, oy);
}

/* ---- inverted bottleneck ---- */

typedef struct bottleneck {
    const gad_kernels *kernels;
    gad_tensor y, x;
    gad_weight expand, depthwise;
    const float *expand_bias, *depthwise_bias;
    const gad_window *window;
    int64_t panels;           /* of mr pixels in x */
    int64_t band, bands;      /* output rows of a band */
    int64_t in_rows, in_cols; /* of a band's expansion, zeros around it included */
    int64_t groups;           /* of nr channels */
    int64_t share, shares;    /* groups of a task, tasks of a band */
    float *packed;            /* x in panels [k][mr] */
    float *scratch;           /* of all threads */
    int64_t scratch_floats;   /* of one */
} bottleneck;

/* One thread's scratch memory. */
typedef struct task_memory {
    float *field;                      /* [in_rows, in_cols, nr]: the expansion */
    float *nowhere;                    /* [nr]: for pixels of a panel that are not in the band */
    float *expand, *expand_bias;       /* [k][nr], [nr] of the group */
    float *depthwise, *depthwise_bias; /* [kernel * kernel][nr], [nr] */
} task_memory;

static task_memory memory_of(const bottleneck *b, int thread)
{
    const int64_t nr = b->kernels->fp32.nr;
    task_memory m = {.field = b->scratch + thread * b->scratch_floats};
    m.nowhere = m.field + b->in_rows * b->in_cols * nr;
    m.expand = m.nowhere + nr;
    m.expand_bias = m.expand + b->expand.cols * nr;
    m.depthwise = m.expand_bias + nr;
    m.depthwise_bias = m.depthwise + b->depthwise.rows * nr;
    return m;
}

static void cut(bottleneck *b, int threads)
{
    const gad_window *w = b->window;
    const int64_t nr = b->kernels->fp32.nr;
    const int64_t right = (w->out_cols - 1) * w->stride + w->kernel, end = w->left + w->cols;
    b->in_cols = right > end ? right : end;
    b->panels = (b->x.rows + b->kernels->fp32.mr - 1) / b->kernels->fp32.mr;
    const int64_t max_rows = BAND_BYTES / (b->in_cols * nr * (int64_t)sizeof(float));
    b->band = max_rows > w->kernel ? (max_rows - w->kernel) / w->stride + 1 : 1;
    b->bands = (w->out_rows + b->band - 1) / b->band;
    b->band = (w->out_rows + b->bands - 1) / b->bands;
    b->in_rows = (b->band - 1) * w->stride + w->kernel;
    b->groups = (b->expand.rows + nr - 1) / nr;
    b->shares = (TASKS * threads + b->bands - 1) / b->bands;
    b->shares = b->shares < b->groups ? b->shares : b->groups;
    b->share = (b->groups + b->shares - 1) / b->shares;
    b->shares = (b->groups + b->share - 1) / b->share;
    b->scratch_floats = b->in_rows * b->in_cols * nr + (b->expand.cols + b->depthwise.rows + 3) * nr;
}

static void pack_panel(const bottleneck *b, int64_t panel)
{
    const int mr = b->kernels->fp32.mr;
    const int64_t left = b->x.rows - panel * mr;
    const int rows = (int)(left < mr ? left : mr);
    const char *row[GAD_MOST_MR];
    for (int r = 0; r < rows; r++)
        row[r] = (const char *)gad_cpu_row(b->x, panel * mr + r);
    b->kernels->fp32.pack_rows(b->packed + panel * mr * b->x.cols, mr, row, rows, b->x.cols, GAD_F32, 1);
}

/* Weights and biases of group g, zeros behind the last channel. */
static void take_group(const bottleneck *b, const task_memory *m, int64_t g)
{
    const int nr = b->kernels->fp32.nr;
    const int64_t first = g * nr, left = b->expand.rows - first, k = b->expand.cols;
    const int count = (int)(left < nr ? left : nr);
    const char *row[GAD_MOST_NR];
    for (int r = 0; r < count; r++)
        row[r] = (const char *)b->expand.data + (first + r) * k * (int64_t)gad_dtype_bytes(b->expand.dtype);
    b->kernels->fp32.pack_rows(m->expand, nr, row, count, k, b->expand.dtype, 1);
    memset(m->expand_bias, 0, (size_t)nr * sizeof(float));
    memset(m->depthwise_bias, 0, (size_t)nr * sizeof(float));
    memset(m->depthwise, 0, (size_t)(b->depthwise.rows * nr) * sizeof(float));
    memcpy(m->expand_bias, b->expand_bias + first, (size_t)count * sizeof(float));
    memcpy(m->depthwise_bias, b->depthwise_bias + first, (size_t)count * sizeof(float));
    for (int64_t i = 0; i < b->depthwise.rows; i++)
        gad_cpu_weight_row(m->depthwise + i * nr, &b->depthwise, i, first, count);
}

/* Rows y0..y1-1 of the grid into the field, whose first row is row `top` of the grid. */
static void expand_band(const bottleneck *b, const task_memory *m, int64_t y0, int64_t y1, int64_t top)
{
    const gad_window *w = b->window;
    const int64_t nr = b->kernels->fp32.nr, mr = b->kernels->fp32.mr, k = b->x.cols;
    const int64_t first = y0 * w->cols, end = y1 * w->cols;
    float *to[GAD_MOST_MR];
    for (int64_t p = first / mr; p * mr < end; p++) {
        for (int64_t r = 0; r < mr; r++) {
            const int64_t pixel = p * mr + r, y = pixel / w->cols, x = pixel % w->cols;
            const bool wanted = pixel >= first && pixel < end;
            to[r] = wanted ? m->field + ((y - top) * b->in_cols + w->left + x) * nr : m->nowhere;
        }
        b->kernels->expand(to, k, b->packed + p * mr * k, m->expand, m->expand_bias);
    }
}

static void run_task(const bottleneck *b, const task_memory *m, int64_t band, int64_t share)
{
    const gad_window *w = b->window;
    const int64_t nr = b->kernels->fp32.nr, x_row = b->in_cols * nr;
    const int64_t o0 = band * b->band, o1 = o0 + b->band < w->out_rows ? o0 + b->band : w->out_rows;
    const int64_t top = o0 * w->stride - w->top, bottom = (o1 - 1) * w->stride - w->top + w->kernel;
    const int64_t y0 = top > 0 ? top : 0, y1 = bottom < w->rows ? bottom : w->rows;
    const int64_t last = (share + 1) * b->share < b->groups ? (share + 1) * b->share : b->groups;
    memset(m->field, 0, (size_t)(b->in_rows * x_row) * sizeof(float)); /* the zeros around stay for all groups */
    for (int64_t g = share * b->share; g < last; g++) {
        const int64_t left = b->y.cols - g * nr;
        take_group(b, m, g);
        expand_band(b, m, y0, y1, top);
        for (int64_t o = o0; o < o1; o++)
            b->kernels->depthwise(gad_cpu_row(b->y, o * w->out_cols) + g * nr, b->y.stride,
                                  m->field + (o - o0) * w->stride * x_row, x_row, w->kernel, w->stride, m->depthwise,
                                  m->depthwise_bias, w->out_cols, left < nr ? left : nr);
    }
}

void gad_cpu_expand_depthwise(gad_device *device, gad_tensor y, gad_tensor x, gad_weight expand, gad_tensor expand_bias,
                              gad_weight depthwise, gad_tensor depthwise_bias, const gad_window *window)
{
    const size_t mark = gad_cpu_mark(device);
    const int threads = gad_cpu_threads(device, x.rows * expand.rows);
    bottleneck b = {.kernels = gad_cpu_kernels(device),
                    .y = y,
                    .x = x,
                    .expand = expand,
                    .depthwise = depthwise,
                    .expand_bias = gad_cpu_vector(device, expand_bias),
                    .depthwise_bias = gad_cpu_vector(device, depthwise_bias),
                    .window = window};
    cut(&b, threads);
    b.packed = gad_cpu_scratch(device, (size_t)(b.panels * b.kernels->fp32.mr * x.cols), sizeof(float));
    b.scratch = gad_cpu_scratch(device, (size_t)(threads * b.scratch_floats), sizeof(float));
    if (gad_cpu_well(device)) {
#pragma omp parallel num_threads(threads)
        {
#pragma omp for schedule(static)
            for (int64_t p = 0; p < b.panels; p++)
                pack_panel(&b, p);
            const task_memory m = memory_of(&b, omp_get_thread_num());
#pragma omp for schedule(dynamic)
            for (int64_t t = 0; t < b.bands * b.shares; t++)
                run_task(&b, &m, t % b.bands, t / b.bands);
        }
    }
    gad_cpu_rewind(device, mark);
}
