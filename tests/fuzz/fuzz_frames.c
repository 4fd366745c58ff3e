/* fuzz_frames: a size of pieces in the first byte, then a stream of JPEG pictures. Pictures begin and end as such, and are
 * the same in whatever pieces the stream comes. */
#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"
#include "serve/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static gad_hash hash_frames(const char *bytes, size_t size_bytes, size_t piece, size_t *total)
{
    gad_frames frames = {0};
    gad_hash hash = {0};
    for (size_t at = 0; at < size_bytes; at += piece) {
        const char *jpeg;
        size_t size;
        gad_frames_add(&frames, bytes + at, size_bytes - at < piece ? size_bytes - at : piece);
        while (gad_frames_next(&frames, &jpeg, &size)) {
            const uint8_t *j = (const uint8_t *)jpeg;
            if (size < 4 || j[0] != 0xFF || j[1] != 0xD8 || j[size - 2] != 0xFF || j[size - 1] != 0xD9)
                abort();
            hash = gad_hash_combine(hash, gad_hash_bytes(jpeg, size));
            *total += size;
        }
    }
    gad_frames_free(&frames);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    size_t total = 0, again = 0;
    if (size_bytes < 2)
        return 0;
    const char *bytes = (const char *)data + 1;
    gad_hash whole = hash_frames(bytes, size_bytes - 1, size_bytes, &total);
    gad_hash pieces = hash_frames(bytes, size_bytes - 1, (size_t)data[0] + 1, &again);
    if (total > size_bytes || total != again || !gad_hash_equal(whole, pieces))
        abort();
    return 0;
}
