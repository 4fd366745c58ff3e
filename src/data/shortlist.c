/* shortlist: see shortlist.h. The best so far are a heap with the worst on top. */
#include "data/shortlist.h"

#include <math.h>
#include <stdlib.h>

/* Brightness is in doublings, colour in levels of 256: a seventh of a doubling counts as three levels. */
static const float brightness_weight = 20;

void gad_shortlist_centre(const float *means, int blocks, float *centred)
{
    for (int h = 0; h < 3; h++, means += blocks, centred += blocks) {
        double sum = 0;
        for (int b = 0; b < blocks; b++)
            sum += (double)means[b];
        const float middle = (float)(sum / blocks), weight = h == 0 ? brightness_weight : 1;
        for (int b = 0; b < blocks; b++)
            centred[b] = weight * (means[b] - middle);
    }
}

/* Sums side by side in one order, as in align.c. */
static float unlike(const float *a, const float *b, int n)
{
    float s[8] = {0};
    for (int i = 0; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            s[k] += fabsf(a[i + k] - b[i + k]);
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

typedef struct place {
    float unlike;
    size_t candidate;
} place;

static bool worse(const place *a, const place *b)
{
    return a->unlike != b->unlike ? a->unlike > b->unlike : a->candidate > b->candidate;
}

static void swap(place *a, place *b)
{
    const place t = *a;
    *a = *b;
    *b = t;
}

static void push(place *heap, size_t count, place p)
{
    size_t i = count;
    heap[i] = p;
    for (; i && worse(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&heap[i], &heap[(i - 1) / 2]);
}

static void replace_worst(place *heap, size_t count, place p)
{
    heap[0] = p;
    for (size_t i = 0, child; (child = 2 * i + 1) < count; i = child) {
        child += child + 1 < count && worse(&heap[child + 1], &heap[child]);
        if (!worse(&heap[child], &heap[i]))
            break;
        swap(&heap[child], &heap[i]);
    }
}

static int by_candidate(const void *a, const void *b)
{
    const size_t p = *(const size_t *)a, q = *(const size_t *)b;
    return (p > q) - (p < q);
}

size_t gad_shortlist_make(const float *query, const float *candidates, size_t count, int blocks,
                          const unsigned char *allowed, size_t *list)
{
    place heap[GAD_SHORTLIST_MOST];
    size_t used = 0, all = 0, seen = 0, looked = 0;
    for (size_t i = 0; i < count; i++)
        all += !allowed || allowed[i];
    const size_t most = all < GAD_SHORTLIST_LOOKED ? all : GAD_SHORTLIST_LOOKED;
    for (size_t i = 0; i < count; i++) {
        if (allowed && !allowed[i])
            continue;
        if (seen++ * most / all < looked) /* the looked-th of `most` evenly spaced ones is still to come */
            continue;
        looked++;
        const place p = {unlike(query, candidates + i * 3 * (size_t)blocks, 3 * blocks), i};
        if (used < GAD_SHORTLIST_MOST)
            push(heap, used++, p);
        else if (worse(&heap[0], &p))
            replace_worst(heap, used, p);
    }
    for (size_t i = 0; i < used; i++)
        list[i] = heap[i].candidate;
    qsort(list, used, sizeof *list, by_candidate);
    return used;
}
