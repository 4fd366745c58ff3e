/* attention_back: gradients of attention, tile by tile, with P computed again from the log-sum-exp:
 *   P = exp(S - lse), D = sum dO O, dS = P (dO V^T - D); dq = scale dS K, dk += scale dS^T Q, dv += P^T dO.
 * A tile of keys meets a block of lanes (attention.h). Either one pass does all for a key head, or, with more threads than
 * key heads, one pass shares the lanes (dq) and one the keys (dk, dv); the order of every sum is the same. */
#include "op/cpu/attention.h"

#include <omp.h>
#include <string.h>

enum { BLOCK_LANES = 128 };

typedef struct call {
    const gad_kernels *kernels;
    gad_tensor dq, dk, dv, d_o, o, lse, q, k, v;
    gad_attention_shape shape;
    int64_t kv_heads, wide; /* wide: d rounded up to whole panels of nr */
    const gad_attention_span *spans;
    int64_t span_count;
} call;

/* One thread's working memory, in floats. */
typedef struct tile_memory {
    float *query, *d_out, *dq;          /* panels of lanes [d][nr]; query is scaled */
    float *query_rows, *d_out_rows;     /* [lanes][wide], 0 where there is no lane */
    float *lse, *delta;                 /* [lanes] */
    float *keys, *values, *keys_turned; /* panels of mr keys [d][mr], twice; panels of mr channels [keys][mr] */
    float *p, *ds, *turned;             /* [lanes / nr][keys][nr], twice; one panel [lanes][mr] */
} tile_memory;

static int64_t lay_out(const call *c, float *at, tile_memory *m)
{
    const int64_t d = c->shape.d, mr = c->kernels->fp32.mr, deep = (d + mr - 1) / mr * mr;
    const int64_t size[] = {BLOCK_LANES * d,
                            BLOCK_LANES * d,
                            BLOCK_LANES * d,
                            BLOCK_LANES * c->wide,
                            BLOCK_LANES * c->wide,
                            BLOCK_LANES,
                            BLOCK_LANES,
                            GAD_KEY_TILE * d,
                            GAD_KEY_TILE * d,
                            GAD_KEY_TILE * deep,
                            GAD_KEY_TILE * BLOCK_LANES,
                            GAD_KEY_TILE * BLOCK_LANES,
                            BLOCK_LANES * mr};
    float **const part[] = {&m->query, &m->d_out,  &m->dq,          &m->query_rows, &m->d_out_rows, &m->lse,   &m->delta,
                            &m->keys,  &m->values, &m->keys_turned, &m->p,          &m->ds,         &m->turned};
    int64_t used = 0;
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        *part[i] = at ? at + used : NULL;
        used += (size[i] + 15) / 16 * 16;
    }
    return used;
}

/* ---- a block of lanes ---- */

static void read_block(const call *c, const tile_memory *m, const gad_attention_span *s, int64_t g, int64_t n0,
                       int64_t lanes)
{
    const gad_kernels *kernels = c->kernels;
    const int64_t d = c->shape.d;
    const int nr = kernels->fp32.nr;
    memset(m->query_rows, 0, (size_t)(BLOCK_LANES * c->wide) * sizeof(float));
    memset(m->d_out_rows, 0, (size_t)(BLOCK_LANES * c->wide) * sizeof(float));
    for (int64_t lane = 0; lane < lanes; lane += nr) {
        const char *query[GAD_MOST_NR], *d_out[GAD_MOST_NR];
        const int rows = (int)(lanes - lane < nr ? lanes - lane : nr);
        memset(m->lse + lane, 0, (size_t)nr * sizeof(float));
        memset(m->delta + lane, 0, (size_t)nr * sizeof(float));
        for (int r = 0; r < rows; r++) {
            const int64_t n = n0 + lane + r;
            const float *from = gad_attention_lane(c->q, s, &c->shape, g, n);
            const float *gradient = gad_attention_lane(c->d_o, s, &c->shape, g, n);
            query[r] = (const char *)from;
            d_out[r] = (const char *)gradient;
            kernels->axpby(m->query_rows + (lane + r) * c->wide, c->shape.scale, from, 0, d);
            memcpy(m->d_out_rows + (lane + r) * c->wide, gradient, (size_t)d * sizeof(float));
            m->lse[lane + r] = gad_cpu_row(c->lse, s->q0 + n / c->shape.group)[g * c->shape.group + n % c->shape.group];
            kernels->few(m->delta + lane + r, 1, gradient, d, 1, (const char *)gad_attention_lane(c->o, s, &c->shape, g, n),
                         d * (int64_t)sizeof(float), GAD_F32, 1, d);
        }
        kernels->fp32.pack_rows(m->query + lane * d, nr, query, rows, d, GAD_F32, c->shape.scale);
        kernels->fp32.pack_rows(m->d_out + lane * d, nr, d_out, rows, d, GAD_F32, 1);
        memset(m->dq + lane * d, 0, (size_t)(nr * d) * sizeof(float));
    }
}

static void write_dq(const call *c, const tile_memory *m, const gad_attention_span *s, int64_t g, int64_t n0, int64_t lanes)
{
    const int nr = c->kernels->fp32.nr;
    for (int64_t lane = 0; lane < lanes; lane += nr) {
        float *row[GAD_MOST_NR], factor[GAD_MOST_NR];
        const int rows = (int)(lanes - lane < nr ? lanes - lane : nr);
        for (int r = 0; r < nr; r++)
            factor[r] = c->shape.scale;
        for (int r = 0; r < rows; r++)
            row[r] = gad_attention_lane(c->dq, s, &c->shape, g, n0 + lane + r);
        c->kernels->unpack_rows(row, rows, m->dq + lane * c->shape.d, nr, c->shape.d, factor);
    }
}

/* ---- a tile of keys ---- */

static void read_keys(const call *c, const tile_memory *m, int64_t g, int64_t from, int64_t keys)
{
    const gad_kernels *kernels = c->kernels;
    const int mr = kernels->fp32.mr;
    const int64_t d = c->shape.d;
    for (int64_t n = 0; n < keys; n += mr) {
        const char *key[GAD_MOST_MR], *value[GAD_MOST_MR];
        const int rows = (int)(keys - n < mr ? keys - n : mr);
        for (int r = 0; r < rows; r++) {
            key[r] = (const char *)(gad_cpu_row(c->k, from + n + r) + g * d);
            value[r] = (const char *)(gad_cpu_row(c->v, from + n + r) + g * d);
        }
        kernels->fp32.pack_rows(m->keys + n * d, mr, key, rows, d, GAD_F32, 1);
        kernels->fp32.pack_rows(m->values + n * d, mr, value, rows, d, GAD_F32, 1);
    }
    for (int64_t i = 0; i < d; i += mr)
        kernels->fp32.pack_columns(m->keys_turned + i * keys, mr, (const char *)(gad_cpu_row(c->k, from) + g * d + i),
                                   c->k.stride * (int64_t)sizeof(float), (int)(d - i < mr ? d - i : mr), d - i, keys,
                                   GAD_F32, 1);
}

/* P and dS of all panels of the block; false when no lane sees a key. */
static bool probabilities(const call *c, const tile_memory *m, const gad_attention_span *s, int64_t n0, int64_t lanes,
                          int64_t from, int64_t keys, bool causal)
{
    const gad_kernels *kernels = c->kernels;
    const int mr = kernels->fp32.mr, nr = kernels->fp32.nr;
    const int64_t d = c->shape.d;
    bool seen = false;
    for (int64_t lane = 0; lane < lanes; lane += nr) {
        float *p = m->p + lane * GAD_KEY_TILE, *ds = m->ds + lane * GAD_KEY_TILE;
        int32_t visible[GAD_MOST_NR];
        bool any = true, some = false;
        if (causal)
            some = gad_attention_visible(kernels, s, c->shape.group, n0 + lane,
                                         (int)(lanes - lane < nr ? lanes - lane : nr), from, keys, visible, &any);
        seen |= any;
        if (!any) {
            memset(p, 0, (size_t)(keys * nr) * sizeof(float));
            memset(ds, 0, (size_t)(keys * nr) * sizeof(float));
            continue;
        }
        for (int64_t n = 0; n < keys; n += mr) {
            const int rows = (int)(keys - n < mr ? keys - n : mr);
            kernels->fp32.multiply(d, m->keys + n * d, m->query + lane * d, nr, p + n * nr, nr, rows, nr, NULL, false);
            kernels->fp32.multiply(d, m->values + n * d, m->d_out + lane * d, nr, ds + n * nr, nr, rows, nr, NULL, false);
        }
        kernels->probability_tile(p, ds, keys, some ? visible : NULL, m->lse + lane, m->delta + lane);
    }
    return seen;
}

/* dq^T += K^T dS^T */
static void add_dq(const call *c, const tile_memory *m, int64_t lanes, int64_t keys)
{
    const int mr = c->kernels->fp32.mr, nr = c->kernels->fp32.nr;
    const int64_t d = c->shape.d;
    for (int64_t lane = 0; lane < lanes; lane += nr)
        for (int64_t i = 0; i < d; i += mr)
            c->kernels->fp32.multiply(keys, m->keys_turned + i * keys, m->ds + lane * GAD_KEY_TILE, nr,
                                      m->dq + lane * d + i * nr, nr, (int)(d - i < mr ? d - i : mr), nr, NULL, true);
}

/* to[key] += sum over lanes of tile[key][lane] * rows[lane] */
static void add_keys(const call *c, const tile_memory *m, gad_tensor to, const float *tile, const float *rows, int64_t g,
                     int64_t lanes, int64_t from, int64_t keys)
{
    const gad_kernels *kernels = c->kernels;
    const int mr = kernels->fp32.mr, nr = kernels->fp32.nr;
    const int64_t d = c->shape.d, padded = (lanes + nr - 1) / nr * nr;
    for (int64_t n = 0; n < keys; n += mr) {
        const int count = (int)(keys - n < mr ? keys - n : mr);
        for (int64_t lane = 0; lane < padded; lane += nr) {
            const char *row[GAD_MOST_MR];
            for (int r = 0; r < count; r++)
                row[r] = (const char *)(tile + lane * GAD_KEY_TILE + (n + r) * nr);
            kernels->fp32.pack_rows(m->turned + lane * mr, mr, row, count, nr, GAD_F32, 1);
        }
        for (int64_t j = 0; j < d; j += nr)
            kernels->fp32.multiply(padded, m->turned, rows + j, c->wide, gad_cpu_row(to, from + n) + g * d + j, to.stride,
                                   count, (int)(d - j < nr ? d - j : nr), NULL, true);
    }
}

/* ---- passes ---- */

/* The block of lanes against those of the keys [from, to) that lie in [low, high). Tiles begin at multiples of the tile
 * size, so that both ways to share the work cut alike. */
static void meet_keys(const call *c, const tile_memory *m, const gad_attention_span *s, int64_t g, int64_t n0,
                      int64_t lanes, int64_t from, int64_t to, bool causal, bool want_dq, bool want_keys)
{
    for (int64_t key = from, next; key < to; key = next) {
        next = (key / GAD_KEY_TILE + 1) * GAD_KEY_TILE;
        next = next < to ? next : to;
        const int64_t keys = next - key;
        read_keys(c, m, g, key, keys);
        if (!probabilities(c, m, s, n0, lanes, key, keys, causal))
            continue;
        if (want_dq)
            add_dq(c, m, lanes, keys);
        if (want_keys) {
            add_keys(c, m, c->dv, m->p, m->d_out_rows, g, lanes, key, keys);
            add_keys(c, m, c->dk, m->ds, m->query_rows, g, lanes, key, keys);
        }
    }
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* One block of lanes, keys restricted to [low, high). */
static void back_block(const call *c, const tile_memory *m, const gad_attention_span *s, int64_t g, int64_t n0, int64_t low,
                       int64_t high, bool want_dq, bool want_keys)
{
    const int64_t lanes = smaller(gad_attention_lanes(s, c->shape.group) - n0, BLOCK_LANES);
    const int64_t end = gad_attention_end(s, (n0 + lanes - 1) / c->shape.group);
    if (!want_dq && larger(s->p0, low) >= smaller(s->p1, high) && larger(s->k0, low) >= smaller(end, high))
        return;
    read_block(c, m, s, g, n0, lanes);
    meet_keys(c, m, s, g, n0, lanes, larger(s->p0, low), smaller(s->p1, high), false, want_dq, want_keys);
    meet_keys(c, m, s, g, n0, lanes, larger(s->k0, low), smaller(end, high), s->causal, want_dq, want_keys);
    if (want_dq)
        write_dq(c, m, s, g, n0, lanes);
}

static void back_spans(const call *c, const tile_memory *m, int64_t g, int64_t low, int64_t high, bool want_dq)
{
    for (int64_t i = 0; i < c->span_count; i++)
        for (int64_t n0 = 0; n0 < gad_attention_lanes(&c->spans[i], c->shape.group); n0 += BLOCK_LANES)
            back_block(c, m, &c->spans[i], g, n0, low, high, want_dq, true);
}

/* first[i]: blocks of lanes before span i. */
static int64_t count_blocks(const call *c, int64_t *first)
{
    first[0] = 0;
    for (int64_t i = 0; i < c->span_count; i++)
        first[i + 1] = first[i] + (gad_attention_lanes(&c->spans[i], c->shape.group) + BLOCK_LANES - 1) / BLOCK_LANES;
    return first[c->span_count];
}

static void share_lanes_then_keys(gad_device *device, const call *c, const int64_t *first, float *memory, int64_t each)
{
    const int64_t blocks = first[c->span_count], tiles = (c->k.rows + GAD_KEY_TILE - 1) / GAD_KEY_TILE;
#pragma omp parallel num_threads(device->threads)
    {
        tile_memory m;
        lay_out(c, memory + omp_get_thread_num() * each, &m);
#pragma omp for schedule(dynamic) nowait
        for (int64_t task = blocks * c->kv_heads - 1; task >= 0; task--) {
            const int64_t block = task / c->kv_heads;
            int64_t i = 0;
            while (first[i + 1] <= block)
                i++;
            back_block(c, &m, &c->spans[i], task % c->kv_heads, (block - first[i]) * BLOCK_LANES, 0, c->k.rows, true,
                       false);
        }
#pragma omp for schedule(dynamic)
        for (int64_t task = 0; task < tiles * c->kv_heads; task++) {
            const int64_t low = task / c->kv_heads * GAD_KEY_TILE;
            back_spans(c, &m, task % c->kv_heads, low, low + GAD_KEY_TILE, false);
        }
    }
}

static void share_heads(gad_device *device, const call *c, float *memory, int64_t each)
{
#pragma omp parallel for schedule(dynamic) num_threads(device->threads)
    for (int64_t g = 0; g < c->kv_heads; g++) {
        tile_memory m;
        lay_out(c, memory + omp_get_thread_num() * each, &m);
        back_spans(c, &m, g, 0, c->k.rows, true);
    }
}

void gad_cpu_attention_back(gad_device *device, gad_tensor dq, gad_tensor dk, gad_tensor dv, gad_tensor d_o, gad_tensor o,
                            gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads, int kv_heads, float scale,
                            const gad_attention_span *spans, int64_t span_count)
{
    const size_t mark = gad_cpu_mark(device);
    const int64_t d = q.cols / heads, nr = gad_cpu_kernels(device)->fp32.nr;
    const call c = {.kernels = gad_cpu_kernels(device),
                    .dq = dq,
                    .dk = dk,
                    .dv = dv,
                    .d_o = d_o,
                    .o = o,
                    .lse = lse,
                    .q = q,
                    .k = k,
                    .v = v,
                    .shape = {d, heads / kv_heads, scale},
                    .kv_heads = kv_heads,
                    .wide = (d + nr - 1) / nr * nr,
                    .spans = spans,
                    .span_count = span_count};
    tile_memory m;
    const int64_t each = lay_out(&c, NULL, &m);
    int64_t *first = gad_cpu_scratch(device, (size_t)(span_count + 1), sizeof *first);
    float *memory = gad_cpu_scratch(device, (size_t)(device->threads * each), sizeof(float));
    if (gad_cpu_well(device)) {
        count_blocks(&c, first);
        if (kv_heads % device->threads == 0 || kv_heads >= 4 * device->threads)
            share_heads(device, &c, memory, each);
        else
            share_lanes_then_keys(device, &c, first, memory, each);
    }
    gad_cpu_rewind(device, mark);
}
