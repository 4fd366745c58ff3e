/* similarity: see similarity.h. The algorithm (Ratcliff and Obershelp): the longest common block, then the same to its left
 * and right. Of equally long blocks the one that begins first in a, then in b, is taken. */
#include "bench/similarity.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/string.h"

#include <stdlib.h>
#include <string.h>

typedef struct letters {
    uint32_t *at;
    int32_t count;
} letters;

/* Where each distinct letter of b stands: places of letter k are place[start[k]..start[k + 1]). */
typedef struct occurrences {
    uint32_t *letter; /* sorted, distinct */
    int32_t *start, *place;
    int32_t count;
} occurrences;

static uint32_t code_point(const char *text, int length)
{
    const unsigned char *b = (const unsigned char *)text;
    switch (length) {
    case 2: return (b[0] & 0x1Fu) << 6 | (b[1] & 0x3Fu);
    case 3: return (b[0] & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu);
    case 4: return (b[0] & 0x07u) << 18 | (b[1] & 0x3Fu) << 12 | (b[2] & 0x3Fu) << 6 | (b[3] & 0x3Fu);
    default: return b[0];
    }
}

static bool decode(const char *text, letters *out)
{
    size_t left = strlen(text);
    out->at = gad_memory_alloc(left, sizeof *out->at);
    out->count = 0;
    if (!out->at || left > INT32_MAX)
        return false;
    while (left) {
        int n = gad_string_utf8_length(text, left);
        out->at[out->count++] = n > 0 ? code_point(text, n) : 0xFFFD;
        text += n > 0 ? n : 1;
        left -= (size_t)(n > 0 ? n : 1);
    }
    return true;
}

/* Letter and place in one word, so that one sort groups the places of a letter in rising order. */
static int rising(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* In a text of 200 letters or more, letters that make up over 1 % of it are not searched for (difflib's autojunk). */
static bool is_popular(int32_t times, int32_t length)
{
    return length >= 200 && times > length / 100 + 1;
}

static bool index_letters(letters b, occurrences *index)
{
    size_t n = (size_t)b.count;
    uint64_t *pair = gad_memory_alloc(n, sizeof *pair);
    index->letter = gad_memory_alloc(n, sizeof *index->letter);
    index->start = gad_memory_alloc(n + 1, sizeof *index->start);
    index->place = gad_memory_alloc(n, sizeof *index->place);
    bool done = pair && index->letter && index->start && index->place;
    if (done) {
        for (size_t i = 0; i < n; i++)
            pair[i] = (uint64_t)b.at[i] << 32 | i;
        qsort(pair, n, sizeof *pair, rising);
        int32_t used = 0;
        for (size_t i = 0, end; i < n; i = end) {
            for (end = i; end < n && pair[end] >> 32 == pair[i] >> 32; end++)
                ;
            if (is_popular((int32_t)(end - i), b.count))
                continue;
            index->letter[index->count] = (uint32_t)(pair[i] >> 32);
            index->start[index->count++] = used;
            for (size_t k = i; k < end; k++)
                index->place[used++] = (int32_t)(uint32_t)pair[k];
        }
        index->start[index->count] = used;
    }
    gad_memory_free(pair);
    return done;
}

static int32_t find_letter(const occurrences *index, uint32_t letter)
{
    int32_t low = 0, high = index->count;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (index->letter[middle] < letter)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index->count && index->letter[low] == letter ? low : -1;
}

typedef struct span {
    int32_t a1, a2, b1, b2; /* a[a1..a2) against b[b1..b2) */
} span;

typedef struct block {
    int32_t a, b, size;
} block;

typedef struct matcher {
    letters a, b;
    occurrences index;
    int32_t *length,
        *next; /* [b.count + 1]: run of equal letters that ends at b[j - 1], for this and the next letter of a */
} matcher;

static block longest_block(matcher *m, span s)
{
    block best = {s.a1, s.b1, 0};
    size_t bytes = ((size_t)m->b.count + 1) * sizeof *m->length;
    memset(m->length, 0, bytes);
    for (int32_t i = s.a1; i < s.a2; i++) {
        memset(m->next, 0, bytes);
        int32_t letter = find_letter(&m->index, m->a.at[i]);
        for (int32_t p = letter < 0 ? 0 : m->index.start[letter]; letter >= 0 && p < m->index.start[letter + 1]; p++) {
            int32_t j = m->index.place[p];
            if (j < s.b1)
                continue;
            if (j >= s.b2)
                break;
            int32_t k = m->next[j + 1] = m->length[j] + 1;
            if (k > best.size)
                best = (block){i - k + 1, j - k + 1, k};
        }
        int32_t *swap = m->length;
        m->length = m->next;
        m->next = swap;
    }
    /* popular letters were not searched for, but they do extend a block */
    while (best.a > s.a1 && best.b > s.b1 && m->a.at[best.a - 1] == m->b.at[best.b - 1])
        best = (block){best.a - 1, best.b - 1, best.size + 1};
    while (best.a + best.size < s.a2 && best.b + best.size < s.b2 &&
           m->a.at[best.a + best.size] == m->b.at[best.b + best.size])
        best.size++;
    return best;
}

/* Sum of all blocks. Each block adds at most two spans, so the stack never holds more than min(a, b) + 2. */
static bool count_matches(matcher *m, int64_t *matches)
{
    size_t most = (size_t)(m->a.count < m->b.count ? m->a.count : m->b.count) + 2, depth = 0;
    span *stack = gad_memory_alloc(most, sizeof *stack);
    if (!stack)
        return false;
    stack[depth++] = (span){.a1 = 0, .a2 = m->a.count, .b1 = 0, .b2 = m->b.count};
    for (*matches = 0; depth;) {
        span s = stack[--depth];
        block b = longest_block(m, s);
        if (!b.size)
            continue;
        *matches += b.size;
        if (s.a1 < b.a && s.b1 < b.b)
            stack[depth++] = (span){.a1 = s.a1, .a2 = b.a, .b1 = s.b1, .b2 = b.b};
        if (b.a + b.size < s.a2 && b.b + b.size < s.b2)
            stack[depth++] = (span){.a1 = b.a + b.size, .a2 = s.a2, .b1 = b.b + b.size, .b2 = s.b2};
    }
    gad_memory_free(stack);
    return true;
}

gad_status gad_similarity_ratio(const char *a, const char *b, double *ratio, gad_error *err)
{
    matcher m = {0};
    int64_t matches = 0;
    bool done = decode(a, &m.a) && decode(b, &m.b) && index_letters(m.b, &m.index);
    if (done) {
        m.length = gad_memory_alloc((size_t)m.b.count + 1, sizeof *m.length);
        m.next = gad_memory_alloc((size_t)m.b.count + 1, sizeof *m.next);
        done = m.length && m.next && count_matches(&m, &matches);
    }
    int64_t all = (int64_t)m.a.count + m.b.count;
    if (done)
        *ratio = all ? 2 * (double)matches / (double)all : 1;
    gad_memory_free(m.a.at);
    gad_memory_free(m.b.at);
    gad_memory_free(m.index.letter);
    gad_memory_free(m.index.start);
    gad_memory_free(m.index.place);
    gad_memory_free(m.length);
    gad_memory_free(m.next);
    return done ? GAD_OK : gad_error_memory(err, "compare two texts", strlen(a) + strlen(b));
}
