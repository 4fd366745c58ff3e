/* reference_attention: attention and its gradient of the fp64 filling, with plain loops. Letters as in op/op.h. */
#include "op/reference.h"

#include <math.h>
#include <string.h>

static bool sees(const gad_attention_span *s, int64_t row, int64_t key)
{
    if (key >= s->p0 && key < s->p1)
        return true;
    return key >= s->k0 && key < s->k1 && (!s->causal || key <= s->k1 - (s->q1 - s->q0) + (row - s->q0));
}

static double head_dot(gad_tensor a, int64_t row_a, int64_t from_a, gad_tensor b, int64_t row_b, int64_t from_b, int64_t d)
{
    double sum = 0;
    for (int64_t c = 0; c < d; c++)
        sum += *reference_at(a, row_a, from_a + c) * *reference_at(b, row_b, from_b + c);
    return sum;
}

/* Where key row `key` of the spans lies. */
static int64_t place_of(const int32_t *pages, int64_t key)
{
    return pages ? pages[key / GAD_PAGE_ROWS] * (int64_t)GAD_PAGE_ROWS + key % GAD_PAGE_ROWS : key;
}

/* One row and head: o may be q, so that the result is put together in `out` first. */
typedef struct row_call {
    gad_tensor o, lse, q, k, v;
    int64_t d, h, g, row;
    double scale;
    const gad_attention_span *span;
    const int32_t *pages;
} row_call;

static double score_of(const row_call *c, int64_t key)
{
    return c->scale * head_dot(c->q, c->row, c->h * c->d, c->k, place_of(c->pages, key), c->g * c->d, c->d);
}

static void attend(const row_call *c, double *out)
{
    const int64_t d = c->d, end = c->span->k1 > c->span->p1 ? c->span->k1 : c->span->p1;
    double largest = -INFINITY, sum = 0;
    bool broken = false;
    memset(out, 0, (size_t)d * sizeof(double));
    for (int64_t key = 0; key < end; key++)
        if (sees(c->span, c->row, key)) {
            const double score = score_of(c, key);
            broken |= isnan(score);
            largest = fmax(largest, score);
        }
    for (int64_t key = 0; key < end; key++)
        if (sees(c->span, c->row, key)) {
            const double p = exp(score_of(c, key) - largest);
            sum += p;
            for (int64_t i = 0; i < d; i++)
                out[i] += p * *reference_at(c->v, place_of(c->pages, key), c->g * d + i);
        }
    for (int64_t i = 0; i < d; i++)
        *reference_at(c->o, c->row, c->h * d + i) = broken ? NAN : sum == 0 ? 0 : out[i] / sum;
    if (c->lse.data)
        *reference_at(c->lse, c->row, c->h) = broken ? NAN : largest + log(sum);
}

void gad_reference_attention(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v,
                             int heads, int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count,
                             const int32_t *pages)
{
    const int64_t d = q.cols / heads;
    gad_tensor out = device->ops->take(device, 1, d);
    row_call c = {.o = o, .lse = lse, .q = q, .k = k, .v = v, .d = d, .scale = (double)scale, .pages = pages};
    for (int64_t n = 0; out.data && n < span_count; n++)
        for (c.span = &spans[n], c.row = spans[n].q0; c.row < spans[n].q1; c.row++)
            for (c.h = 0; c.h < heads; c.h++) {
                c.g = c.h / (heads / kv_heads);
                attend(&c, out.data);
            }
    if (out.data)
        device->ops->rewind(device, device->ops->mark(device) - 1);
}

/* P = exp(S - lse), D = sum dO O, dS = P (dO V^T - D): dq = scale dS K, dk += scale dS^T Q, dv += P^T dO */
void gad_reference_attention_back(gad_device *device, gad_tensor dq, gad_tensor dk, gad_tensor dv, gad_tensor d_o,
                                  gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads,
                                  int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count)
{
    (void)device;
    const int64_t d = q.cols / heads;
    for (int64_t n = 0; n < span_count; n++)
        for (int64_t row = spans[n].q0; row < spans[n].q1; row++)
            for (int64_t h = 0; h < heads; h++) {
                const int64_t g = h / (heads / kv_heads);
                const double delta = head_dot(d_o, row, h * d, o, row, h * d, d);
                for (int64_t c = 0; c < d; c++)
                    *reference_at(dq, row, h * d + c) = 0;
                for (int64_t key = 0; key < k.rows; key++) {
                    if (!sees(&spans[n], row, key))
                        continue;
                    double p = exp((double)scale * head_dot(q, row, h * d, k, key, g * d, d) - *reference_at(lse, row, h));
                    double ds = (double)scale * p * (head_dot(d_o, row, h * d, v, key, g * d, d) - delta);
                    for (int64_t c = 0; c < d; c++) {
                        *reference_at(dq, row, h * d + c) += ds * *reference_at(k, key, g * d + c);
                        *reference_at(dk, key, g * d + c) += ds * *reference_at(q, row, h * d + c);
                        *reference_at(dv, key, g * d + c) += p * *reference_at(d_o, row, h * d + c);
                    }
                }
            }
}
