/* bpe: see bpe.h */
#include "text/bpe.h"

#include "base/memory.h"

#include <string.h>

/* A pair that may merge: the rank and the place of its left symbol. It is stale when its place no longer holds the pair. */
typedef struct gad_bpe_candidate {
    uint32_t rank, at;
    int32_t left, right, merged;
} candidate;

static const uint32_t NONE = UINT32_MAX;

static size_t slot_of(int32_t left, int32_t right, size_t mask)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    key *= 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio: spreads the low bits into the high ones */
    return (size_t)(key >> 32) & mask;
}

bool gad_bpe_make(gad_bpe *bpe, size_t merge_count)
{
    size_t slots = 16;
    while (slots / 2 < merge_count && slots <= (size_t)1 << 40)
        slots *= 2;
    bpe->slot = gad_memory_alloc(slots, sizeof *bpe->slot);
    if (!bpe->slot)
        return false;
    bpe->mask = slots - 1;
    for (size_t i = 0; i < slots; i++)
        bpe->slot[i].left = -1;
    return true;
}

bool gad_bpe_add(gad_bpe *bpe, int32_t left, int32_t right, uint32_t rank, int32_t merged)
{
    size_t at = slot_of(left, right, bpe->mask);
    for (; bpe->slot[at].left >= 0; at = (at + 1) & bpe->mask)
        if (bpe->slot[at].left == left && bpe->slot[at].right == right)
            return false;
    bpe->slot[at] = (gad_bpe_slot){.left = left, .right = right, .rank = rank, .merged = merged};
    return true;
}

const gad_bpe_slot *gad_bpe_find(const gad_bpe *bpe, int32_t left, int32_t right)
{
    for (size_t at = slot_of(left, right, bpe->mask); bpe->slot[at].left >= 0; at = (at + 1) & bpe->mask)
        if (bpe->slot[at].left == left && bpe->slot[at].right == right)
            return &bpe->slot[at];
    return NULL;
}

void gad_bpe_free(gad_bpe *bpe)
{
    gad_memory_free(bpe->slot);
    *bpe = (gad_bpe){0};
}

bool gad_bpe_reserve(gad_bpe_scratch *scratch, size_t count)
{
    if (count <= scratch->capacity)
        return true;
    size_t capacity = count < 64 ? 64 : count;
    gad_bpe_scratch larger = {.symbol = gad_memory_alloc(capacity, sizeof *larger.symbol),
                              .previous = gad_memory_alloc(capacity, sizeof *larger.previous),
                              .next = gad_memory_alloc(capacity, sizeof *larger.next),
                              .heap = gad_memory_alloc(capacity, 2 * sizeof *larger.heap),
                              .capacity = capacity};
    if (!larger.symbol || !larger.previous || !larger.next || !larger.heap) {
        gad_bpe_scratch_free(&larger);
        return false;
    }
    gad_bpe_scratch_free(scratch);
    *scratch = larger;
    return true;
}

void gad_bpe_scratch_free(gad_bpe_scratch *scratch)
{
    gad_memory_free(scratch->symbol);
    gad_memory_free(scratch->previous);
    gad_memory_free(scratch->next);
    gad_memory_free(scratch->heap);
    *scratch = (gad_bpe_scratch){0};
}

static bool before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void heap_push(candidate *heap, size_t *count, candidate added)
{
    size_t at = (*count)++;
    for (; at && before(&added, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = added;
}

static candidate heap_pop(candidate *heap, size_t *count)
{
    candidate top = heap[0], last = heap[--*count];
    size_t at = 0;
    for (size_t child = 1; child < *count; child = 2 * at + 1) {
        if (child + 1 < *count && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

static void consider(const gad_bpe *bpe, gad_bpe_scratch *s, size_t *heap_count, uint32_t at)
{
    uint32_t right = at == NONE ? NONE : s->next[at];
    const gad_bpe_slot *slot = right == NONE ? NULL : gad_bpe_find(bpe, s->symbol[at], s->symbol[right]);
    if (slot)
        heap_push(
            s->heap, heap_count,
            (candidate){.rank = slot->rank, .at = at, .left = slot->left, .right = slot->right, .merged = slot->merged});
}

/* The heap holds at most count - 1 pairs of the beginning, and each merge takes one out and puts at most two in, while at
 * most count - 1 merges happen: 2 * count places suffice. A symbol merged into its left neighbour becomes -1. */
size_t gad_bpe_merge(const gad_bpe *bpe, gad_bpe_scratch *s, size_t count)
{
    size_t heap_count = 0;
    for (size_t i = 0; i < count; i++) {
        s->previous[i] = i ? (uint32_t)(i - 1) : NONE;
        s->next[i] = i + 1 < count ? (uint32_t)(i + 1) : NONE;
    }
    for (size_t i = 0; i + 1 < count; i++)
        consider(bpe, s, &heap_count, (uint32_t)i);
    while (heap_count) {
        candidate c = heap_pop(s->heap, &heap_count);
        uint32_t right = s->next[c.at];
        if (s->symbol[c.at] != c.left || right == NONE || s->symbol[right] != c.right)
            continue;
        s->symbol[c.at] = c.merged;
        s->symbol[right] = -1;
        s->next[c.at] = s->next[right];
        if (s->next[right] != NONE)
            s->previous[s->next[right]] = c.at;
        consider(bpe, s, &heap_count, s->previous[c.at]);
        consider(bpe, s, &heap_count, c.at);
    }
    size_t remaining = 0;
    for (size_t i = 0; i < count; i++)
        if (s->symbol[i] >= 0)
            s->symbol[remaining++] = s->symbol[i];
    return remaining;
}
