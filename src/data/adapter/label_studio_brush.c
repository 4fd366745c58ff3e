/* label_studio_brush: see label_studio.h. The format is that of @thi.ng/rle-pack, which Label Studio writes: 32 bits: how
 * many values; 5 bits: their width less one; four times 4 bits: widths of run lengths less one; then runs: 1 bit: repeated
 * or not, 2 bits: which width, the length less one, and the value or values. */
#include "data/adapter/label_studio.h"

typedef struct bits {
    const unsigned char *bytes;
    size_t count, at; /* in bits */
    bool failed;
} bits;

static uint32_t take(bits *b, int n)
{
    uint32_t value = 0;
    if (b->at + (size_t)n > b->count) {
        b->failed = true;
        return 0;
    }
    for (int i = 0; i < n; i++, b->at++)
        value = value << 1 | (uint32_t)(b->bytes[b->at / 8] >> (7 - b->at % 8) & 1);
    return value;
}

bool gad_label_studio_brush_read(const unsigned char *bytes, size_t count, int width, int height, unsigned char *mask)
{
    bits b = {.bytes = bytes, .count = 8 * count};
    uint64_t values = take(&b, 32);
    int word = (int)take(&b, 5) + 1, lengths[4];
    for (int i = 0; i < 4; i++)
        lengths[i] = (int)take(&b, 4) + 1;
    if (b.failed || values != (uint64_t)4 * (uint64_t)width * (uint64_t)height)
        return false;
    for (uint64_t at = 0; at < values;) {
        bool repeated = take(&b, 1);
        uint64_t run = (uint64_t)take(&b, lengths[take(&b, 2)]) + 1;
        uint32_t value = repeated ? take(&b, word) : 0;
        if (b.failed || run > values - at)
            return false;
        for (uint64_t end = at + run; at < end; at++) {
            value = repeated ? value : take(&b, word);
            if (at % 4 == 3)
                mask[at / 4] = value != 0;
        }
    }
    return !b.failed;
}
