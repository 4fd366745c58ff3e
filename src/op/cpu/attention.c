/* attention: softmax(scale q k^T) v over the keys that the spans allow, forward. Many lanes (see attention.h): tiles, after
 * Dao, arXiv 2307.08691: scores of a tile of keys against panels of lanes by the matrix kernel, softmax on the run, times V
 * by the matrix kernel. Few lanes (decoding): straight from the cache, the keys in chunks that the threads share. */
#include "op/cpu/attention.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum {
    BLOCK_LANES = 256, /* lanes that share a packed tile of keys */
    MAX_FEW = 16,      /* lanes up to which packing the keys would cost more than it saves */
    CHUNK = 512        /* keys of a piece of a few-lanes row; fixed, so that sums do not depend on the threads */
};

bool gad_attention_visible(const gad_kernels *kernels, const gad_attention_span *s, int64_t group, int64_t n0, int count,
                           int64_t from, int64_t keys, int32_t *visible, bool *any)
{
    bool all = true;
    *any = false;
    for (int j = 0; j < kernels->fp32.nr; j++) {
        int64_t seen = j < count ? gad_attention_end(s, (n0 + j) / group) - from : 0;
        seen = seen < 0 ? 0 : seen > keys ? keys : seen;
        visible[j] = (int32_t)seen;
        *any |= seen > 0;
        all &= seen == keys || j >= count;
    }
    return !all;
}

/* Everything of one call, the same for all threads. */
typedef struct call {
    const gad_kernels *kernels;
    gad_tensor o, lse, q, k, v;
    gad_attention_shape shape;
    int64_t kv_heads;
    const gad_attention_span *spans;
    int64_t span_count;
    const int32_t *pages;
} call;

/* ---- many lanes ---- */

/* One thread's working memory, in floats. */
typedef struct tile_memory {
    float *query, *out; /* panels: [d][nr] each */
    float *most, *sum;  /* [lanes] */
    float *keys, *values, *scores;
    float *wide; /* [GAD_KEY_TILE][d]: keys or values out of pages, or of 8 bits as fp32 */
} tile_memory;

static int64_t whole_lines(int64_t floats)
{
    return (floats + 15) / 16 * 16;
}

/* Lays the memory out from `at` on; how many floats that takes. */
static int64_t lay_out(const gad_kernels *kernels, int64_t d, float *at, tile_memory *m)
{
    const int64_t deep = (d + kernels->fp32.mr - 1) / kernels->fp32.mr * kernels->fp32.mr;
    const int64_t size[] = {BLOCK_LANES * d,
                            BLOCK_LANES * d,
                            BLOCK_LANES,
                            BLOCK_LANES,
                            GAD_KEY_TILE * d,
                            GAD_KEY_TILE * deep,
                            GAD_KEY_TILE * kernels->fp32.nr,
                            GAD_KEY_TILE * d};
    float **const part[] = {&m->query, &m->out, &m->most, &m->sum, &m->keys, &m->values, &m->scores, &m->wide};
    int64_t used = 0;
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        *part[i] = at ? at + used : NULL;
        used += whole_lines(size[i]);
    }
    return used;
}

/* Head g of key row `key`, wherever it lies. */
static const char *head_of(const call *c, gad_tensor t, int64_t g, int64_t key)
{
    int64_t row;
    gad_attention_run(c->pages, key, 1, &row);
    return gad_cpu_head(t, row, g, c->shape.d);
}

/* What the numbers of head g of `keys` rows from `from` on are to be multiplied with. */
static void head_scales(const call *c, gad_tensor t, int64_t g, int64_t from, int64_t keys, float *scale)
{
    for (int64_t n = 0; n < keys; n++)
        memcpy(&scale[n], head_of(c, t, g, from + n) + c->shape.d, sizeof *scale);
}

/* Head g of `keys` rows as the matrix kernel reads it: [keys, d] where it is kept, or, out of pages or 8 bits, brought
 * together. */
static gad_tensor tile_of(const call *c, gad_tensor t, const tile_memory *m, int64_t g, int64_t d, int64_t from,
                          int64_t keys)
{
    float scale[GAD_KEY_TILE];
    const size_t bytes = (size_t)d * gad_dtype_bytes(t.dtype);
    if (t.dtype != GAD_S8 && !c->pages)
        return (gad_tensor){.data = (void *)(uintptr_t)gad_cpu_head(t, from, g, d),
                            .dtype = t.dtype,
                            .rows = keys,
                            .cols = d,
                            .stride = t.stride};
    if (t.dtype != GAD_S8) {
        for (int64_t n = 0; n < keys; n++)
            memcpy((char *)m->wide + (size_t)n * bytes, head_of(c, t, g, from + n), bytes);
        return gad_tensor_make(m->wide, t.dtype, keys, d);
    }
    head_scales(c, t, g, from, keys, scale);
    for (int64_t n = 0; n < keys; n++) {
        const int8_t *q = (const int8_t *)head_of(c, t, g, from + n);
        for (int64_t i = 0; i < d; i++)
            m->wide[n * d + i] = scale[n] * (float)q[i];
    }
    return gad_tensor_make(m->wide, GAD_F32, keys, d);
}

/* A tile of keys as [d][mr] panels, and of values as [keys][mr] panels (V^T). */
static void pack_tile(const call *c, const tile_memory *m, int64_t g, int64_t from, int64_t keys)
{
    const gad_kernels *kernels = c->kernels;
    const int mr = kernels->fp32.mr;
    const int64_t d = c->shape.d;
    const gad_tensor k = tile_of(c, c->k, m, g, d, from, keys);
    for (int64_t n = 0; n < keys; n += mr) {
        const char *row[GAD_MOST_MR];
        const int rows = (int)(keys - n < mr ? keys - n : mr);
        for (int r = 0; r < rows; r++)
            row[r] = gad_cpu_number(k, n + r, 0);
        kernels->fp32.pack_rows(m->keys + n * d, mr, row, rows, d, k.dtype, 1);
    }
    const gad_tensor v = tile_of(c, c->v, m, g, d, from, keys); /* in the same place: the keys are packed by now */
    for (int64_t i = 0; i < d; i += mr)
        kernels->fp32.pack_columns(m->values + i * keys, mr, gad_cpu_number(v, 0, i),
                                   v.stride * (int64_t)gad_dtype_bytes(v.dtype), (int)(d - i < mr ? d - i : mr), d - i,
                                   keys, v.dtype, 1);
}

/* One panel of lanes against the packed tile: out^T = out^T * shrink + V^T exp(K Q^T - most). */
static void attend_panel(const call *c, const tile_memory *m, int64_t lane, int64_t keys, const int32_t *visible)
{
    const gad_kernels *kernels = c->kernels;
    const int mr = kernels->fp32.mr, nr = kernels->fp32.nr;
    const int64_t d = c->shape.d;
    float shrink[GAD_MOST_NR], *out = m->out + lane * d;
    for (int64_t n = 0; n < keys; n += mr)
        kernels->fp32.multiply(d, m->keys + n * d, m->query + lane * d, nr, m->scores + n * nr, nr,
                               (int)(keys - n < mr ? keys - n : mr), nr, NULL, false);
    kernels->softmax_tile(m->scores, keys, visible, m->most + lane, m->sum + lane, shrink);
    kernels->scale_lanes(out, d, shrink);
    for (int64_t i = 0; i < d; i += mr)
        kernels->fp32.multiply(keys, m->values + i * keys, m->scores, nr, out + i * nr, nr, (int)(d - i < mr ? d - i : mr),
                               nr, NULL, true);
}

/* Keys [from, to) of the span against all panels of a block of `lanes` lanes from lane n0 on. */
static void attend_keys(const call *c, const tile_memory *m, const gad_attention_span *s, int64_t g, int64_t n0,
                        int64_t lanes, int64_t from, int64_t to, bool causal)
{
    const int nr = c->kernels->fp32.nr;
    for (int64_t key = from; key < to; key += GAD_KEY_TILE) {
        const int64_t keys = to - key < GAD_KEY_TILE ? to - key : GAD_KEY_TILE;
        pack_tile(c, m, g, key, keys);
        for (int64_t lane = 0; lane < lanes; lane += nr) {
            int32_t visible[GAD_MOST_NR];
            bool any = true, some = false;
            if (causal)
                some = gad_attention_visible(c->kernels, s, c->shape.group, n0 + lane,
                                             (int)(lanes - lane < nr ? lanes - lane : nr), key, keys, visible, &any);
            if (any)
                attend_panel(c, m, lane, keys, some ? visible : NULL);
        }
    }
}

/* A block of lanes of one span and key head, from reading q to writing o: o may be q. */
static void attend_block(const call *c, const tile_memory *m, const gad_attention_span *s, int64_t g, int64_t n0,
                         int64_t lanes)
{
    const gad_kernels *kernels = c->kernels;
    const int nr = kernels->fp32.nr;
    const int64_t d = c->shape.d;
    for (int64_t lane = 0; lane < lanes; lane += nr) {
        const char *row[GAD_MOST_NR];
        const int rows = (int)(lanes - lane < nr ? lanes - lane : nr);
        for (int r = 0; r < rows; r++)
            row[r] = (const char *)gad_attention_lane(c->q, s, &c->shape, g, n0 + lane + r);
        kernels->fp32.pack_rows(m->query + lane * d, nr, row, rows, d, GAD_F32, c->shape.scale);
        memset(m->out + lane * d, 0, (size_t)(d * nr) * sizeof(float));
        for (int r = 0; r < nr; r++) {
            m->most[lane + r] = -INFINITY;
            m->sum[lane + r] = 0;
        }
    }
    attend_keys(c, m, s, g, n0, lanes, s->p0, s->p1, false);
    attend_keys(c, m, s, g, n0, lanes, s->k0, gad_attention_end(s, (n0 + lanes - 1) / c->shape.group), s->causal);
    for (int64_t lane = 0; lane < lanes; lane += nr) {
        float *row[GAD_MOST_NR], factor[GAD_MOST_NR];
        const int rows = (int)(lanes - lane < nr ? lanes - lane : nr);
        for (int r = 0; r < nr; r++)
            factor[r] = m->sum[lane + r] == 0 ? 0 : 1.0f / m->sum[lane + r];
        for (int r = 0; r < rows; r++) {
            const int64_t n = n0 + lane + r;
            row[r] = gad_attention_lane(c->o, s, &c->shape, g, n);
            if (c->lse.data)
                gad_cpu_row(c->lse, s->q0 + n / c->shape.group)[g * c->shape.group + n % c->shape.group] =
                    m->most[lane + r] + logf(m->sum[lane + r]);
        }
        kernels->unpack_rows(row, rows, m->out + lane * d, nr, d, factor);
    }
}

static bool few_lanes(const call *c, const gad_attention_span *s)
{
    return gad_attention_lanes(s, c->shape.group) <= MAX_FEW;
}

/* The span that piece number n belongs to: the last with first[i] <= n. */
static int64_t span_of(const int64_t *first, int64_t count, int64_t n)
{
    int64_t low = 0, high = count;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (first[middle] <= n)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Spans of many lanes in blocks of lanes; first[i] counts the blocks before span i. */
static void attend_many(gad_device *device, const call *c, int64_t *first)
{
    first[0] = 0;
    for (int64_t i = 0; i < c->span_count; i++) {
        const int64_t lanes = few_lanes(c, &c->spans[i]) ? 0 : gad_attention_lanes(&c->spans[i], c->shape.group);
        first[i + 1] = first[i] + (lanes + BLOCK_LANES - 1) / BLOCK_LANES;
    }
    tile_memory m;
    const int64_t blocks = first[c->span_count], each = lay_out(c->kernels, c->shape.d, NULL, &m);
    float *memory = blocks ? gad_cpu_scratch(device, (size_t)(device->threads * each), sizeof(float)) : NULL;
    if (!memory)
        return;
#pragma omp parallel for schedule(dynamic) num_threads(device->threads) private(m)
    for (int64_t task = blocks * c->kv_heads - 1; task >= 0; task--) { /* late blocks see most keys: they go first */
        lay_out(c->kernels, c->shape.d, memory + omp_get_thread_num() * each, &m);
        const int64_t block = task / c->kv_heads, i = span_of(first, c->span_count, block);
        const int64_t n0 = (block - first[i]) * BLOCK_LANES, left = gad_attention_lanes(&c->spans[i], c->shape.group) - n0;
        attend_block(c, &m, &c->spans[i], task % c->kv_heads, n0, left < BLOCK_LANES ? left : BLOCK_LANES);
    }
}

/* ---- few lanes ---- */

static int64_t chunks(int64_t keys)
{
    return keys > 0 ? (keys + CHUNK - 1) / CHUNK : 0;
}

/* row[lane][key] *= the scale of the key's head, where it has one. */
static void apply_scales(const call *c, gad_tensor t, int64_t g, int64_t from, int64_t keys, int64_t lanes, float *row)
{
    float scale[CHUNK];
    if (t.dtype != GAD_S8)
        return;
    head_scales(c, t, g, from, keys, scale);
    for (int64_t n = 0; n < lanes; n++, row += CHUNK)
        for (int64_t i = 0; i < keys; i++)
            row[i] *= scale[i];
}

/* What one chunk of keys contributes to each lane: partial[lane] = {out[d], largest score, sum}. `work` holds the scaled
 * queries and the scores. */
static void attend_chunk(const call *c, const gad_attention_span *s, int64_t g, int64_t from, int64_t keys, bool causal,
                         float *partial, float *work)
{
    const gad_kernels *kernels = c->kernels;
    const int64_t d = c->shape.d, lanes = gad_attention_lanes(s, c->shape.group), width = d + 2;
    float *query = work, *scores = work + MAX_FEW * d;
    for (int64_t n = 0; n < lanes; n++)
        kernels->axpby(query + n * d, c->shape.scale, gad_attention_lane(c->q, s, &c->shape, g, n), 0, d);
    for (int64_t at = 0, run, row; at < keys; at += run) {
        run = gad_attention_run(c->pages, from + at, keys - at, &row);
        for (int64_t n = 0; n < lanes; n += GAD_FEW_ROWS)
            kernels->few(scores + n * CHUNK + at, CHUNK, query + n * d, d,
                         (int)(lanes - n < GAD_FEW_ROWS ? lanes - n : GAD_FEW_ROWS), gad_cpu_head(c->k, row, g, d),
                         c->k.stride * (int64_t)gad_dtype_bytes(c->k.dtype), c->k.dtype, run, d);
    }
    apply_scales(c, c->k, g, from, keys, lanes, scores);
    for (int64_t n = 0; n < lanes; n++) {
        const int64_t end = causal ? gad_attention_end(s, n / c->shape.group) - from : keys;
        const int64_t seen = end < 0 ? 0 : end > keys ? keys : end;
        float *row = scores + n * CHUNK, most = kernels->largest(row, seen);
        partial[n * width + d] = most;
        partial[n * width + d + 1] = (float)kernels->exp_row(row, row, seen, most, 1, 1, NULL);
        memset(row + seen, 0, (size_t)(keys - seen) * sizeof(float));
    }
    apply_scales(c, c->v, g, from, keys, lanes, scores);
    for (int64_t at = 0, run, row; at < keys; at += run) {
        run = gad_attention_run(c->pages, from + at, keys - at, &row);
        for (int64_t n = 0; n < lanes; n += GAD_FEW_ROWS)
            kernels->mix(partial + n * width, width, scores + n * CHUNK + at, CHUNK,
                         (int)(lanes - n < GAD_FEW_ROWS ? lanes - n : GAD_FEW_ROWS), gad_cpu_head(c->v, row, g, d),
                         c->v.stride * (int64_t)gad_dtype_bytes(c->v.dtype), c->v.dtype, run, d, at > 0);
    }
}

/* Lane n of a span out of its chunks, in their order. */
static void merge_lane(const call *c, const gad_attention_span *s, int64_t g, int64_t n, const float *partial,
                       int64_t count)
{
    const int64_t d = c->shape.d, width = d + 2, step = MAX_FEW * width;
    float *to = gad_attention_lane(c->o, s, &c->shape, g, n), most = -INFINITY, sum = 0;
    partial += n * width;
    for (int64_t i = 0; i < count; i++)
        most = partial[i * step + d] > most ? partial[i * step + d] : most;
    memset(to, 0, (size_t)d * sizeof(float));
    for (int64_t i = 0; i < count; i++) {
        const float *part = partial + i * step;
        if (part[d + 1] == 0) /* no key seen here */
            continue;
        const float factor = expf(part[d] - most);
        sum += factor * part[d + 1];
        c->kernels->axpby(to, factor, part, 1, d);
    }
    if (sum != 0)
        c->kernels->axpby(to, 1.0f / sum, to, 0, d);
    if (c->lse.data)
        gad_cpu_row(c->lse, s->q0 + n / c->shape.group)[g * c->shape.group + n % c->shape.group] = most + logf(sum);
}

/* Spans of few lanes in chunks of keys; first[i] counts the chunks before span i. */
static void attend_few(gad_device *device, const call *c, int64_t *first)
{
    first[0] = 0;
    int64_t keys = 0;
    for (int64_t i = 0; i < c->span_count; i++) {
        const gad_attention_span *s = &c->spans[i];
        const bool few = few_lanes(c, s);
        first[i + 1] = first[i] + (few ? chunks(s->p1 - s->p0) + chunks(s->k1 - s->k0) : 0);
        keys += few ? s->p1 - s->p0 + s->k1 - s->k0 : 0;
    }
    const int64_t heads = c->kv_heads, all = first[c->span_count], d = c->shape.d, width = MAX_FEW * (d + 2);
    const int64_t work_width = MAX_FEW * (d + CHUNK);
    float *partial = gad_cpu_scratch(device, (size_t)(all * heads * width), sizeof(float));
    float *work = gad_cpu_scratch(device, (size_t)(device->threads * work_width), sizeof(float));
    if (!gad_cpu_well(device))
        return;
#pragma omp parallel num_threads(gad_cpu_threads(device, keys *heads *d))
    {
#pragma omp for schedule(dynamic)
        for (int64_t task = 0; task < all * heads; task++) {
            const int64_t g = task / all, n = task % all, i = span_of(first, c->span_count, n), at = n - first[i];
            const gad_attention_span *s = &c->spans[i];
            const int64_t before = chunks(s->p1 - s->p0);
            const bool tail = at >= before;
            const int64_t from = tail ? s->k0 + (at - before) * CHUNK : s->p0 + at * CHUNK, to = tail ? s->k1 : s->p1;
            attend_chunk(c, s, g, from, to - from < CHUNK ? to - from : CHUNK, tail && s->causal, partial + task * width,
                         work + omp_get_thread_num() * work_width);
        }
#pragma omp for schedule(static)
        for (int64_t task = 0; task < c->span_count * heads; task++) {
            const int64_t g = task / c->span_count, i = task % c->span_count;
            const gad_attention_span *s = &c->spans[i];
            for (int64_t n = 0; few_lanes(c, s) && n < gad_attention_lanes(s, c->shape.group); n++)
                merge_lane(c, s, g, n, partial + (g * all + first[i]) * width, first[i + 1] - first[i]);
        }
    }
}

void gad_cpu_attention(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v,
                       int heads, int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count,
                       const int32_t *pages)
{
    const size_t mark = gad_cpu_mark(device);
    const call c = {.kernels = gad_cpu_kernels(device),
                    .o = o,
                    .lse = lse,
                    .q = q,
                    .k = k,
                    .v = v,
                    .shape = {q.cols / heads, heads / kv_heads, scale},
                    .kv_heads = kv_heads,
                    .spans = spans,
                    .span_count = span_count,
                    .pages = pages};
    int64_t *first = gad_cpu_scratch(device, (size_t)(span_count + 1), sizeof *first);
    if (first) {
        attend_few(device, &c, first);
        attend_many(device, &c, first);
    }
    gad_cpu_rewind(device, mark);
}
