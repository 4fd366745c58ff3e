/* attention: what forward and backward share: which keys a row sees, and how query rows become lanes. For one key head,
 * the rows of a span times the query heads that use the key head are its lanes: lane n is row n / group, head n % group of
 * the group. Lanes are worked off in panels of nr. */
#ifndef GAD_OP_CPU_ATTENTION_H
#define GAD_OP_CPU_ATTENTION_H
#include "op/cpu/cpu.h"

enum { GAD_KEY_TILE = 96 }; /* a multiple of every mr */

typedef struct gad_attention_shape {
    int64_t d, group; /* head size; query heads to a key head */
    float scale;
} gad_attention_shape;

/* The end of the keys from k0 on that row i of the span sees. */
static inline int64_t gad_attention_end(const gad_attention_span *s, int64_t i)
{
    const int64_t end = s->causal ? s->k1 - (s->q1 - s->q0) + i + 1 : s->k1;
    return end < s->k0 ? s->k0 : end;
}

static inline int64_t gad_attention_lanes(const gad_attention_span *s, int64_t group)
{
    return (s->q1 - s->q0) * group;
}

/* Of `keys` key rows of a span from `from` on, those that lie one behind the other; *row: where the first one lies. */
static inline int64_t gad_attention_run(const int32_t *pages, int64_t from, int64_t keys, int64_t *row)
{
    const int64_t page = from / GAD_PAGE_ROWS, in = from % GAD_PAGE_ROWS;
    int64_t run = GAD_PAGE_ROWS - in, next = page + 1;
    *row = pages ? pages[page] * (int64_t)GAD_PAGE_ROWS + in : from;
    if (!pages)
        return keys;
    for (; run < keys && pages[next] == pages[page] + (next - page); next++)
        run += GAD_PAGE_ROWS;
    return run < keys ? run : keys;
}

/* Where lane n of key head g finds its numbers in x [T, H*D]. */
static inline float *gad_attention_lane(gad_tensor x, const gad_attention_span *s, const gad_attention_shape *a, int64_t g,
                                        int64_t n)
{
    return gad_cpu_row(x, s->q0 + n / a->group) + (g * a->group + n % a->group) * a->d;
}

/* Keys of a tile [from, from+keys) of the causal part that each of `count` lanes from lane n0 on sees, 0 for the lanes up
 * to nr; false when every lane sees all. `any`: whether some lane sees one. */
bool gad_attention_visible(const gad_kernels *kernels, const gad_attention_span *s, int64_t group, int64_t n0, int count,
                           int64_t from, int64_t keys, int32_t *visible, bool *any);
#endif
